/* Slices, buffers and memory: edges, growth, and what happens when there is no more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bridge/bytes.h"

static void assert_buf(struct buf *b, const char *text)
{
	assert_int_equal(b->n, strlen(text));
	assert_memory_equal(b->p, text, b->n);
	buf_free(b);
}

static void new_memory_is_zeroed(void **state)
{
	static const char zeros[100];
	char *p = mem_new(sizeof zeros);

	(void)state;
	assert_memory_equal(p, zeros, sizeof zeros);
	free(p);
	p = mem_new(0);
	assert_non_null(p);
	free(p);
}

static void copies_are_ended_by_a_nul_and_null_stays_null(void **state)
{
	char *copy = mem_text("abc");

	(void)state;
	assert_string_equal(copy, "abc");
	free(copy);
	assert_null(mem_text(NULL));
	copy = mem_slice((struct slice){ "abcdef", 3 });
	assert_string_equal(copy, "abc");
	free(copy);
	copy = mem_slice((struct slice){ 0 });
	assert_string_equal(copy, "");
	free(copy);
}

/* What a child says on standard error and its exit status, when memory runs out in `fn`. */
static int exhaust(void (*fn)(void), char *said, size_t size)
{
	int ends[2], status;
	size_t n = 0;
	ssize_t piece;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		dup2(ends[1], STDERR_FILENO);
		fn();
		_exit(0);
	}
	close(ends[1]);
	while ((piece = read(ends[0], said + n, size - 1 - n)) > 0)
		n += (size_t)piece;
	said[n] = 0;
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static volatile size_t too_much = SIZE_MAX / 2;

static void ask_new(void)
{
	free(mem_new(too_much));
}

static void ask_grow(void)
{
	free(mem_grow(NULL, too_much));
}

static void ask_room(void)
{
	struct buf b = { 0 };

	buf_text(&b, "x");
	buf_room(&b, SIZE_MAX);
}

static void out_of_memory_ends_the_process_with_a_line(void **state)
{
	void (*const ways[])(void) = { ask_new, ask_grow, ask_room };
	char said[8192];

	(void)state;
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		assert_int_equal(exhaust(ways[i], said, sizeof said), 1);
		assert_non_null(strstr(said, "bridge: out of memory: "));
		assert_int_equal(said[strlen(said) - 1], '\n');
	}
}

static void absent_is_not_empty(void **state)
{
	struct slice absent = slice_text(NULL), empty = slice_text("");

	(void)state;
	assert_null(absent.p);
	assert_non_null(empty.p);
	assert_true(slice_equal(absent, absent));
	assert_true(slice_equal(empty, empty));
	assert_false(slice_equal(absent, empty));
	assert_false(slice_is(absent, ""));
	assert_true(slice_is(empty, ""));
	assert_false(slice_is_nocase(absent, ""));
	assert_true(slice_is_nocase(absent, NULL));
}

static void slices_compare_by_their_bytes(void **state)
{
	(void)state;
	assert_true(slice_is(SLICE("orders"), "orders"));
	assert_false(slice_is(SLICE("orders"), "order"));
	assert_false(slice_is(SLICE("order"), "orders"));
	assert_false(slice_is(SLICE("a\0b"), "a"));
	assert_false(slice_is(SLICE("Orders"), "orders"));
	assert_true(slice_is_nocase(SLICE("Content-Type"), "content-type"));
	assert_false(slice_is_nocase(SLICE("Content-Type"), "content-typ"));
	assert_true(slice_equal(SLICE("a\0b"), SLICE("a\0b")));
	assert_false(slice_equal(SLICE("a\0b"), SLICE("a\0c")));
}

static void hashes_depend_on_every_byte_and_the_length_alone(void **state)
{
	char text[40] = { 0 };
	uint64_t seen[41];

	(void)state;
	for (size_t n = 0; n <= sizeof text; n++) {
		seen[n] = slice_hash((struct slice){ text, n });
		for (size_t other = 0; other < n; other++)
			assert_true(seen[other] != seen[n]);
	}
	for (size_t i = 0; i < sizeof text; i++) {
		text[i] = 1;
		assert_true(slice_hash((struct slice){ text, sizeof text }) != seen[sizeof text]);
		text[i] = 0;
	}
	assert_true(slice_hash((struct slice){ text, sizeof text }) == seen[sizeof text]);
}

/* Ten thousand keys like a shop's: low and high bits must spread them over a table of 256 about evenly. */
static void hashes_of_alike_keys_are_spread(void **state)
{
	unsigned low[256] = { 0 }, high[256] = { 0 };
	struct buf key = { 0 };

	(void)state;
	for (unsigned i = 0; i < 10000; i++) {
		uint64_t h;

		buf_clear(&key);
		buf_printf(&key, "order-%u", i);
		h = slice_hash((struct slice){ key.p, key.n });
		low[h & 255]++;
		high[h >> 56]++;
	}
	for (unsigned i = 0; i < 256; i++) {
		assert_in_range(low[i], 10, 80);
		assert_in_range(high[i], 10, 80);
	}
	buf_free(&key);
}

static void numbers_are_digits_only_and_fit(void **state)
{
	static const char *const bad[] = { "", "-1", "+1", " 1", "1 ", "0x1", "1.0", "18446744073709551616",
		"99999999999999999999999" };
	uint64_t value = 7;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_false(slice_uint(slice_text(bad[i]), &value));
		assert_int_equal(value, 7);
	}
	assert_true(slice_uint(SLICE("18446744073709551615"), &value));
	assert_true(value == UINT64_MAX);
	assert_true(slice_uint(SLICE("000"), &value));
	assert_int_equal(value, 0);
}

static void a_buffer_grows_and_keeps_what_it_holds(void **state)
{
	struct buf b = { 0 };

	(void)state;
	for (unsigned i = 0; i < 10000; i++)
		buf_add(&b, "0123456789", 10);
	assert_int_equal(b.n, 100000);
	assert_true(b.cap >= b.n && b.cap <= 4 * b.n);
	for (size_t i = 0; i < b.n; i++)
		assert_int_equal(b.p[i], '0' + (int)(i % 10));
	buf_free(&b);
	assert_null(b.p);
	assert_int_equal(b.cap, 0);
}

static void a_cleared_buffer_keeps_its_memory(void **state)
{
	struct buf b = { 0 };
	char *memory;

	(void)state;
	buf_text(&b, "something");
	memory = b.p;
	buf_clear(&b);
	assert_int_equal(b.n, 0);
	buf_text(&b, "else");
	assert_ptr_equal(b.p, memory);
	assert_buf(&b, "else");
}

static void room_is_behind_the_end(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_text(&b, "ab");
	memset(buf_room(&b, 1000), 'x', 1000);
	assert_int_equal(b.n, 2);
	assert_true(b.cap >= 1002);
	b.n++;
	assert_buf(&b, "abx");
}

static void pieces_of_all_kinds_are_added(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_slice(&b, (struct slice){ 0 });
	buf_text(&b, NULL);
	assert_int_equal(b.n, 0);
	buf_uint(&b, 0);
	buf_text(&b, " ");
	buf_uint(&b, UINT64_MAX);
	buf_printf(&b, " %s=%d", "n", -5);
	buf_slice(&b, SLICE("!"));
	assert_buf(&b, "0 18446744073709551615 n=-5!");
}

static void a_long_printf_is_whole(void **state)
{
	char text[3001];
	struct buf b = { 0 };

	(void)state;
	memset(text, 'y', sizeof text - 1);
	text[sizeof text - 1] = 0;
	buf_printf(&b, "%s", text);
	assert_buf(&b, text);
}

static void base64_is_padded(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" }, { "\xff\xfe\xfb", "//77" } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf b = { 0 };

		buf_base64(&b, slice_text(cases[i].in));
		assert_buf(&b, cases[i].out);
	}
}

static void a_list_is_cut_at_its_commas_but_not_inside_brackets(void **state)
{
	const char *list = " orders ,,^day-[0-9]{2,4}$,\t, b(a,c)d,";
	struct slice item;

	(void)state;
	assert_true(list_next(&list, &item) && slice_is(item, "orders"));
	assert_true(list_next(&list, &item) && slice_is(item, "^day-[0-9]{2,4}$"));
	assert_true(list_next(&list, &item) && slice_is(item, "b(a,c)d"));
	assert_false(list_next(&list, &item));
	list = "";
	assert_false(list_next(&list, &item));
	list = "^([{,";
	assert_true(list_next(&list, &item) && slice_is(item, "^([{,"));
	assert_false(list_next(&list, &item));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_memory_is_zeroed),
		cmocka_unit_test(copies_are_ended_by_a_nul_and_null_stays_null),
		cmocka_unit_test(out_of_memory_ends_the_process_with_a_line),
		cmocka_unit_test(absent_is_not_empty),
		cmocka_unit_test(slices_compare_by_their_bytes),
		cmocka_unit_test(hashes_depend_on_every_byte_and_the_length_alone),
		cmocka_unit_test(hashes_of_alike_keys_are_spread),
		cmocka_unit_test(numbers_are_digits_only_and_fit),
		cmocka_unit_test(a_buffer_grows_and_keeps_what_it_holds),
		cmocka_unit_test(a_cleared_buffer_keeps_its_memory),
		cmocka_unit_test(room_is_behind_the_end),
		cmocka_unit_test(pieces_of_all_kinds_are_added),
		cmocka_unit_test(a_long_printf_is_whole),
		cmocka_unit_test(base64_is_padded),
		cmocka_unit_test(a_list_is_cut_at_its_commas_but_not_inside_brackets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
