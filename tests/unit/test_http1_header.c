/* Headers that are written: a value never becomes a second header, whatever its bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "bridge/http1.h"

static void a_header_is_added_only_if_it_stays_one_header(void **state)
{
	struct buf b = { 0 };

	(void)state;
	assert_true(http1_add_header(&b, SLICE("X-A"), SLICE("v \t\xc3\xbc")));
	assert_true(http1_add_header(&b, SLICE("B"), SLICE("")));
	assert_false(http1_add_header(&b, SLICE("C"), SLICE("a\r\nD: b")));
	assert_false(http1_add_header(&b, SLICE("C"), SLICE("01234567\n")));
	assert_false(http1_add_header(&b, SLICE("C"), SLICE("01234567\x7f")));
	assert_false(http1_add_header(&b, SLICE("C"), SLICE("a\0b")));
	assert_false(http1_add_header(&b, SLICE(""), SLICE("v")));
	assert_false(http1_add_header(&b, SLICE("a b"), SLICE("v")));
	assert_false(http1_add_header(&b, SLICE("a:"), SLICE("v")));
	assert_int_equal(b.n, strlen("X-A: v \t\xc3\xbc\r\nB: \r\n"));
	assert_memory_equal(b.p, "X-A: v \t\xc3\xbc\r\nB: \r\n", b.n);
	assert_true(http1_value_ok(SLICE("")));
	buf_free(&b);
}

/* Every byte at every place of a value: the eight-at-a-time way must judge as the one-at-a-time way. */
static void every_byte_is_judged_alike_at_every_place(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++)
		for (int at = 0; at < 24; at++) {
			char text[24];
			bool fine = c == '\t' || (c >= 0x20 && c != 0x7f);

			memset(text, 'a', sizeof(text));
			text[at] = (char)c;
			assert_int_equal(http1_value_ok((struct slice){ text, sizeof(text) }), fine);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_is_added_only_if_it_stays_one_header),
		cmocka_unit_test(every_byte_is_judged_alike_at_every_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
