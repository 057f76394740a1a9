/* Events as JSON lines: what is JSON stays JSON, what is text is a text, the rest is base64. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "bridge/bytes.h"
#include "bridge/tail.h"

static void assert_line(const struct event *e, const char *expected)
{
	struct buf out = { 0 };

	tail_render(&out, e);
	buf_add(&out, "", 1);
	assert_string_equal(out.p, expected);
	buf_free(&out);
}

static void where_it_stood_comes_before_its_own_headers(void **state)
{
	const struct header headers[] = { { SLICE("trace"), SLICE("a\"b") }, { SLICE("__key"), SLICE("k") },
		{ SLICE("__offset"), SLICE("42") }, { SLICE("__topic"), SLICE("t") },
		{ SLICE("__partition"), SLICE("3") }, { SLICE("__note"), SLICE("x1") } };
	const struct event e = {
		.topic = SLICE("t"), .key = SLICE("k"), .headers = headers, .n_headers = 6, .data = SLICE("x")
	};

	(void)state;
	assert_line(&e,
	    "{\"topic\":\"t\",\"offset\":42,\"partition\":3,\"note\":\"x1\",\"key\":\"k\",\"headers\":"
	    "{\"trace\":\"a\\\"b\"},"
	    "\"data\":\"x\"}\n");
}

static void assert_data(struct slice data, const char *expected)
{
	const struct event e = { .topic = SLICE("t"), .data = data };
	char line[256];

	strcpy(line, "{\"topic\":\"t\",\"key\":null,\"headers\":{},");
	strcat(line, expected);
	strcat(line, "}\n");
	assert_line(&e, line);
}

static void data_is_json_text_or_base64(void **state)
{
	(void)state;
	assert_data(SLICE("{\"a\":[1,2]}"), "\"data\":{\"a\":[1,2]}");
	assert_data(SLICE("{\r\n \"a\": \"b\\nc\"\n}\n"), "\"data\":{   \"a\": \"b\\nc\" } ");
	assert_data(SLICE("12"), "\"data\":12");
	assert_data(SLICE("two\nlines"), "\"data\":\"two\\u000alines\"");
	assert_data(SLICE("caf\xc3\xa9"), "\"data\":\"caf\xc3\xa9\"");
	assert_data(SLICE("\xff\x01"), "\"data_base64\":\"/wE=\"");
	assert_data(SLICE("\"\xff\""), "\"data_base64\":\"Iv8i\"");
	assert_data(SLICE(""), "\"data\":\"\"");
	assert_data((struct slice){ NULL, 0 }, "\"data\":null");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_it_stood_comes_before_its_own_headers),
		cmocka_unit_test(data_is_json_text_or_base64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
