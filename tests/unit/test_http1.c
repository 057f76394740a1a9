/* Tests of the HTTP/1.1 parser: what is taken, what is refused, and that it does not matter how the bytes are cut. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "bridge/http1.h"

static struct http1_head head;
static const char *why;

/* From a block of its own, so that a sanitizer sees a byte read too many. */
static ssize_t head_of(bool request, const char *text, size_t n)
{
	static char *copy;
	ssize_t rc;

	free(copy);
	copy = malloc(n ? n : 1);
	memcpy(copy, text, n);
	why = NULL;
	rc = http1_head(&head, request, copy, n, &why);
	if (rc < 0)
		assert_non_null(why);
	return rc;
}

static ssize_t request(const char *text)
{
	return head_of(true, text, strlen(text));
}

static ssize_t answer(const char *text)
{
	return head_of(false, text, strlen(text));
}

#define assert_slice(s, text) \
	do { \
		assert_int_equal((s).n, strlen(text)); \
		assert_memory_equal((s).p, text, strlen(text)); \
	} while (0)

static void a_request_is_taken_apart(void **state)
{
	const char *text = "POST /orders?x=1 HTTP/1.1\r\nHost: a:80\r\nContent-Type:text/plain\r\nX-Empty:\r\n"
			   "X-Blank: \t v w \t\r\nContent-Length: 12\r\n\r\nBODY";

	(void)state;
	assert_int_equal(request(text), strlen(text) - 4);
	assert_slice(head.method, "POST");
	assert_slice(head.target, "/orders?x=1");
	assert_int_equal(head.minor, 1);
	assert_int_equal(head.n_headers, 5);
	assert_slice(head.headers[1].name, "Content-Type");
	assert_slice(http1_header(&head, "content-type"), "text/plain");
	assert_slice(http1_header(&head, "X-EMPTY"), "");
	assert_slice(http1_header(&head, "x-blank"), "v w");
	assert_null(http1_header(&head, "absent").p);
	assert_int_equal(head.content_length, 12);
	assert_true(head.keep_alive);
	assert_false(head.chunked);
}

static void an_answer_is_taken_apart(void **state)
{
	(void)state;
	assert_true(answer("HTTP/1.1 204 No Content\r\nA: b\r\n\r\n") > 0);
	assert_int_equal(head.status, 204);
	assert_int_equal(head.content_length, -1);
	assert_true(answer("HTTP/1.1 200\r\n\r\n") > 0);
	assert_true(answer("HTTP/1.1 200 \r\n\r\n") > 0);
	assert_true(answer("HTTP/1.1 599 \xc3\xbc ok\r\n\r\n") > 0);
	assert_int_equal(head.status, 599);
	assert_true(answer("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n") > 0);
	assert_int_equal(head.content_length, 3);
	assert_true(answer("HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n") > 0);
	assert_true(head.chunked);
}

static void whether_the_connection_lasts_is_read_from_version_and_header(void **state)
{
	static const struct {
		const char *text;
		bool lasts;
	} cases[] = {
		{ "HTTP/1.1 200 OK\r\n\r\n", true },
		{ "HTTP/1.0 200 OK\r\n\r\n", false },
		{ "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n\r\n", true },
		{ "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", false },
		{ "HTTP/1.1 200 OK\r\nConnection: x, Close\r\n\r\n", false },
		{ "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n", false },
		{ "HTTP/1.1 200 OK\r\nConnection: , ,\r\n\r\n", true },
		{ "HTTP/1.1 200 OK\r\nConnection:\r\n\r\n", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_true(answer(cases[i].text) > 0);
		assert_int_equal(head.keep_alive, cases[i].lasts);
	}
}

static void malformed_requests_are_refused_with_the_right_status(void **state)
{
	/* clang-format off */
	static const struct { int status; const char *text; } cases[] = {
		{ 400, "GET /\r\n\r\n" },
		{ 400, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n" },
		{ 400, "GET /  HTTP/1.1\r\nHost: a\r\n\r\n" },
		{ 400, " GET / HTTP/1.1\r\nHost: a\r\n\r\n" },
		{ 400, "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n" },
		{ 400, "G(T / HTTP/1.1\r\nHost: a\r\n\r\n" },
		{ 400, "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n" },
		{ 400, "GET /\xc3\xbc HTTP/1.1\r\nHost: a\r\n\r\n" },
		{ 400, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n" },
		{ 400, "GET / HTTP/1.x\r\nHost: a\r\n\r\n" },
		{ 400, "GET / http/1.1\r\nHost: a\r\n\r\n" },
		{ 505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\nHost: a\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\rHost: a\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: a\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: a\r\n\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: a\r\rX: b\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\tc\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost : a\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: a\r\nnocolon\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: a\r\nX\x7f: b\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: a\r\nX: b\x7f\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: a\r\nX: 1234567890\x01\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\n\r\n" },
		{ 400, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n" },
		{ 400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n" },
		{ 400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n" },
		{ 400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n" },
		{ 400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n" },
		{ 400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\n" },
		{ 400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n" },
		{ 400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n" },
		{ 400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775808\r\n\r\n" },
		{ 400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n" },
		{ 400,
		    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" },
		{ 501, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" },
		{ 501, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n" },
		{ 501, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n" },
		{ 400, "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" },
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (request(cases[i].text) >= 0)
			fail_msg("taken: %s", cases[i].text);
		assert_int_equal(head.status, cases[i].status);
		for (size_t n = strlen(cases[i].text); n > 0; n--) /* nor does it depend on how it was cut */
			if (head_of(true, cases[i].text, n) < 0)
				assert_int_equal(head.status, cases[i].status);
	}
	assert_int_equal(head_of(true, "GET / HTTP/1.1\r\nX: a\0b\r\n\r\n", 26), -1);
}

static void malformed_answers_are_refused(void **state)
{
	static const char *const cases[] = {
		"garbage",
		"SSH-2.0-OpenSSH_9.2\r\n",
		"\x16\x03\x01\x02",
		"\r\nHTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1  200 OK\r\n\r\n",
		"HTTP/1.1 20 OK\r\n\r\n",
		"HTTP/1.1 2000 OK\r\n\r\n",
		"HTTP/1.1 099 OK\r\n\r\n",
		"HTTP/1.1 600 OK\r\n\r\n",
		"HTTP/1.1 2e0 OK\r\n\r\n",
		"HTTP/1.1\r\n\r\n",
		"HTTP/2 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\n\n",
		"HTTP/1.1 200 O\x01K\r\n\r\n",
		"HTTP/1.1 200OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
		"HTTP/1.1 200 OK\r\n folded\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (answer(cases[i]) >= 0)
			fail_msg("taken: %s", cases[i]);
}

static void an_empty_line_before_a_request_is_passed_over(void **state)
{
	(void)state;
	assert_int_equal(request("\r\nGET / HTTP/1.0\r\n\r\n"), 20);
	assert_slice(head.method, "GET");
}

static void ninety_six_headers_are_the_most(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_text(&b, "GET / HTTP/1.0\r\n");
	for (int i = 0; i < HTTP1_HEADERS_MAX; i++)
		buf_printf(&b, "H%d: v\r\n", i);
	buf_add(&b, "\r\n", 2);
	assert_int_equal(head_of(true, b.p, b.n), b.n);
	assert_int_equal(head.n_headers, HTTP1_HEADERS_MAX);
	b.n -= 2;
	buf_text(&b, "X: v\r\n\r\n");
	assert_int_equal(head_of(true, b.p, b.n), -1);
	assert_int_equal(head.status, 431);
	buf_free(&b);
}

static void a_head_cut_anywhere_waits_for_the_rest(void **state)
{
	const char *texts[] = {
		"POST /orders HTTP/1.1\r\nHost: a\r\nX-Long: 0123456789abcdef\r\nContent-Length: 4\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX: \r\nContent-Length: 4\r\n\r\n"
	};

	(void)state;
	for (int i = 0; i < 2; i++) {
		size_t n = strlen(texts[i]);

		for (size_t cut = 0; cut < n; cut++)
			assert_int_equal(head_of(i == 0, texts[i], cut), 0);
		assert_int_equal(head_of(i == 0, texts[i], n), n);
	}
}

/* --- bodies --- */

struct whole {
	struct buf data;
	size_t used;
};

/* Feeds in pieces, each handed on until nothing is consumed, as callers do. */
static int feed(struct http1_body *b, const char *p, size_t n, size_t piece, struct whole *w)
{
	size_t at = 0, have = 0;

	buf_clear(&w->data);
	while (!http1_body_done(b) && have < n) {
		have = have + piece < n ? have + piece : n;
		for (;;) {
			struct slice data;
			ssize_t used = http1_body_feed(b, p + at, have - at, &data, &why);

			if (used < 0)
				return -1;
			buf_slice(&w->data, data);
			at += (size_t)used;
			if (!used || http1_body_done(b))
				break;
		}
	}
	w->used = at;
	return http1_body_done(b);
}

static int feed_chunked(const char *text, size_t n, size_t piece, struct whole *w)
{
	struct http1_body b;

	assert_true(answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n") > 0);
	http1_body_begin(&b, &head, false);
	return feed(&b, text, n, piece, w);
}

static void chunks_come_together_however_they_are_cut(void **state)
{
	const char *text =
	    "5\r\nhello\r\n1;ext=\"x;y\"\r\n \r\n00A\r\n0123456789\r\n0\r\nTrailer: x\r\nOther:\r\n\r\nNEXT";
	struct whole w = { 0 };

	(void)state;
	for (size_t piece = 1; piece <= strlen(text); piece++) {
		assert_int_equal(feed_chunked(text, strlen(text), piece, &w), 1);
		assert_int_equal(w.used, strlen(text) - 4);
		assert_int_equal(w.data.n, 16);
		assert_memory_equal(w.data.p, "hello 0123456789", 16);
	}
	for (size_t cut = 0; cut < strlen(text) - 4; cut++)
		assert_int_equal(feed_chunked(text, cut, 3, &w), 0);
	buf_free(&w.data);
}

static void malformed_chunks_are_refused(void **state)
{
	static const char *const cases[] = {
		"\r\n",
		"x\r\n",
		"-1\r\n",
		"+1\r\na\r\n",
		"0x1\r\na\r\n",
		"1 \r\na\r\n",
		" 1\r\na\r\n",
		"1\na\r\n",
		"1\r\nab",
		"1\r\na\n",
		"1\r\na\rb",
		"1;a\nb\r\n",
		"1;\x01\r\n",
		"ffffffffffffffffff\r\n",
		"0\r\nX: a\nb",
		"0\r\n\rX",
		"0\r\nX\x01",
		";\r\n",
	};
	struct whole w = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		for (size_t piece = 1; piece < 8; piece += 6)
			if (feed_chunked(cases[i], strlen(cases[i]), piece, &w) != -1)
				fail_msg("taken: %s", cases[i]);
	buf_free(&w.data);
}

static void extensions_trailers_and_zeros_do_not_go_on_without_end(void **state)
{
	static const char *const begin[] = { "1;", "0\r\nX:", "0\r\n", "0" };
	static const char *const more[] = { "e", "v", "A: b\r\n", "0" };
	struct whole w = { 0 };

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct buf b = { 0 };

		buf_text(&b, begin[i]);
		while (b.n < 16000)
			buf_text(&b, more[i]);
		assert_int_equal(feed_chunked(b.p, b.n, 100, &w), -1);
		b.n = 6000;
		assert_int_equal(feed_chunked(b.p, b.n, 100, &w), 0);
		buf_free(&b);
	}
	buf_free(&w.data);
}

static void where_a_body_ends_follows_from_the_head(void **state)
{
	static const struct {
		const char *text;
		bool to_head;
		enum http1_framing framing;
	} cases[] = {
		{ "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", false, HTTP1_LENGTH },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", true, HTTP1_NONE },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true, HTTP1_NONE },
		{ "HTTP/1.1 204 No\r\nContent-Length: 3\r\n\r\n", false, HTTP1_NONE },
		{ "HTTP/1.1 304 No\r\nContent-Length: 3\r\n\r\n", false, HTTP1_NONE },
		{ "HTTP/1.1 100 Go\r\n\r\n", false, HTTP1_NONE },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, HTTP1_CHUNKED },
		{ "HTTP/1.1 200 OK\r\n\r\n", false, HTTP1_UNTIL_CLOSE },
	};
	struct http1_body b;
	struct slice data;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_true(answer(cases[i].text) > 0);
		http1_body_begin(&b, &head, cases[i].to_head);
		assert_int_equal(b.framing, cases[i].framing);
	}
	assert_int_equal(http1_body_feed(&b, "abc", 3, &data, &why), 3);
	assert_false(http1_body_done(&b));
	assert_true(request("GET / HTTP/1.0\r\n\r\n") > 0);
	http1_body_begin(&b, &head, false);
	assert_true(http1_body_done(&b));
}

static void a_length_takes_its_bytes_and_no_more(void **state)
{
	struct http1_body b;
	struct whole w = { 0 };

	(void)state;
	for (size_t piece = 1; piece < 6; piece++) {
		assert_true(request("POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\n") > 0);
		http1_body_begin(&b, &head, false);
		assert_int_equal(feed(&b, "abcdef", 6, piece, &w), 1);
		assert_int_equal(w.used, 3);
		assert_memory_equal(w.data.p, "abc", 3);
	}
	buf_free(&w.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_taken_apart),
		cmocka_unit_test(an_answer_is_taken_apart),
		cmocka_unit_test(whether_the_connection_lasts_is_read_from_version_and_header),
		cmocka_unit_test(malformed_requests_are_refused_with_the_right_status),
		cmocka_unit_test(malformed_answers_are_refused),
		cmocka_unit_test(an_empty_line_before_a_request_is_passed_over),
		cmocka_unit_test(ninety_six_headers_are_the_most),
		cmocka_unit_test(a_head_cut_anywhere_waits_for_the_rest),
		cmocka_unit_test(chunks_come_together_however_they_are_cut),
		cmocka_unit_test(malformed_chunks_are_refused),
		cmocka_unit_test(extensions_trailers_and_zeros_do_not_go_on_without_end),
		cmocka_unit_test(where_a_body_ends_follows_from_the_head),
		cmocka_unit_test(a_length_takes_its_bytes_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
