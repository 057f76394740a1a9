/* Redis' protocol read into replies: in pieces, kept, too large, not what it should be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "bridge/bytes.h"
#include "bridge/error.h"
#include "connectors/redis_reply.h"

static void a_reply_in_single_bytes_is_whole_in_the_end(void **state)
{
	const char *bytes = "*2\r\n$5\r\nhello\r\n*2\r\n:12\r\n+OK\r\n";
	const struct redis_reply *r = NULL;
	struct redis_parser *p = redis_parser_new(1 << 20);
	struct error e;

	(void)state;
	for (size_t i = 0; i < strlen(bytes); i++) {
		assert_int_equal(redis_parser_next(p, &r, &e), 0);
		redis_parser_feed(p, bytes + i, 1);
	}
	assert_int_equal(redis_parser_next(p, &r, &e), 1);
	assert_true(slice_is(r->items[0].text, "hello"));
	assert_int_equal(r->items[1].items[0].number, 12);
	assert_true(slice_is(r->items[1].items[1].text, "OK"));
	redis_parser_free(p);
}

/* More than one piece of memory, again and again, some of them kept. */
static void replies_that_are_held_stay_while_others_come(void **state)
{
	struct redis_parser *p = redis_parser_new(4 << 20);
	const struct redis_reply *r[6];
	struct redis_memory *held[6];
	char *text = mem_new(700000);
	struct error e;

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		int n = snprintf(text, 40, "*2\r\n$600000\r\n");

		memset(text + n, 'a' + (int)i, 600000);
		memcpy(text + n + 600000, "\r\n:5\r\n", 6);
		redis_parser_feed(p, text, (size_t)n + 600006);
		assert_int_equal(redis_parser_next(p, &r[i], &e), 1);
		held[i] = i % 2 ? redis_parser_hold(p) : NULL;
	}
	assert_int_equal(redis_parser_next(p, &r[0], &e), 0);
	redis_parser_free(p);
	for (unsigned i = 1; i < 6; i += 2) {
		assert_int_equal(r[i]->items[0].text.n, 600000);
		assert_int_equal(r[i]->items[0].text.p[599999], 'a' + i);
		redis_memory_release(held[i]);
	}
	redis_memory_release(NULL);
	free(text);
}

static void hostile(const char *bytes, size_t n, size_t max_reply, const char *expected)
{
	struct redis_parser *p = redis_parser_new(max_reply);
	const struct redis_reply *r;
	struct error e = { ERR_NONE, "" };
	int rc = 0;

	for (size_t at = 0; rc == 0 && at < n; at += 65536) {
		redis_parser_feed(p, bytes + at, n - at < 65536 ? n - at : 65536);
		rc = redis_parser_next(p, &r, &e);
	}
	assert_int_equal(rc, -1);
	if (!strstr(e.text, expected))
		fail_msg("%s: expected %s", e.text, expected);
	redis_parser_free(p);
}

#define HOSTILE(text, max_reply, expected) hostile(text, sizeof(text) - 1, max_reply, expected)

static void what_is_not_redis_is_said(void **state)
{
	(void)state;
	HOSTILE("HTTP/1.1 200 OK\r\n\r\n", 1 << 20, "not Redis' protocol");
	HOSTILE("$-17\r\n", 1 << 20, "not Redis' protocol");
	HOSTILE(":1:\r\n", 1 << 20, "not Redis' protocol");
	HOSTILE("*1x\r\n", 1 << 20, "not Redis' protocol");
}

static void nesting_and_length_are_bounded(void **state)
{
	(void)state;
	HOSTILE(
	    "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", 1 << 20, "not Redis' protocol");
	HOSTILE("*2147483647\r\n", 1 << 20, "maxReplyBytes");
	HOSTILE("*2000000000\r\n", 1 << 20, "maxReplyBytes");
	HOSTILE("*20000\r\n*20000\r\n*20000\r\n", 1 << 20, "maxReplyBytes");
}

static void strings_and_lines_without_an_end_are_bounded(void **state)
{
	char *filler = mem_new(3 << 20);

	(void)state;
	memset(filler, 'x', 3 << 20);
	memcpy(filler, "$2000000000\r\n", 13);
	hostile(filler, 3 << 20, 1 << 20, "maxReplyBytes");
	memset(filler, 'x', 20);
	filler[0] = '+';
	hostile(filler, 3 << 20, 16 << 20, "a line without an end");
	memset(filler, '1', 3 << 20);
	filler[0] = '$';
	hostile(filler, 3 << 20, 16 << 20, "a line without an end");
	free(filler);
}

static void an_error_is_known_by_its_first_word(void **state)
{
	struct redis_reply r = { .kind = REDIS_ERROR, .text = SLICE("NOGROUP No such key") };

	(void)state;
	assert_true(redis_reply_refuses(&r, "NOGROUP"));
	assert_false(redis_reply_refuses(&r, "NOGROU"));
	assert_false(redis_reply_refuses(&r, "NOGROUP No such key x"));
	assert_false(redis_reply_is_ok(&r));
	r.text = SLICE("OOM");
	assert_true(redis_reply_refuses(&r, "OOM"));
	r.kind = REDIS_TEXT;
	assert_false(redis_reply_refuses(&r, "OOM"));
	assert_true(redis_reply_is_ok(&r));
	r.kind = REDIS_LOST;
	assert_false(redis_reply_is_ok(&r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reply_in_single_bytes_is_whole_in_the_end),
		cmocka_unit_test(replies_that_are_held_stay_while_others_come),
		cmocka_unit_test(what_is_not_redis_is_said),
		cmocka_unit_test(nesting_and_length_are_bounded),
		cmocka_unit_test(strings_and_lines_without_an_end_are_bounded),
		cmocka_unit_test(an_error_is_known_by_its_first_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
