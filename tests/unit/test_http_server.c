/* Tests of the operators' HTTP server: what it answers, what it refuses, and that nobody can hold it up. */
/* links: client.c peer.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>
#include "bridge/error.h"
#include "bridge/http_server.h"
#include "tests/unit/client.h"

struct ground {
	struct loop *loop;
	struct http_server *server;
	unsigned requests;
	struct buf last; /* method, path, query, body of the last request */
	size_t large; /* size of the answer to /large */
};

static void ground_handle(void *arg, const struct http_request *q, struct http_response *r)
{
	struct ground *g = arg;

	g->requests++;
	buf_clear(&g->last);
	buf_printf(&g->last, "%.*s|%.*s|%.*s|%u|", (int)q->method.n, q->method.p, (int)q->path.n, q->path.p,
	    (int)q->query.n, q->query.p ? q->query.p : "", q->n_headers);
	buf_slice(&g->last, q->body);
	if (slice_is(q->path, "/missing"))
		return;
	r->status = slice_is(q->path, "/empty") ? 204 : 200;
	r->content_type = "text/plain";
	if (slice_is(q->path, "/large")) {
		memset(buf_room(&r->body, g->large), 'x', g->large);
		r->body.n += g->large;
	} else if (r->status == 200) {
		buf_text(&r->body, "hello\n");
	}
}

static void ground_open(struct ground *g, const char *listen)
{
	struct error e;

	*g = (struct ground){ .loop = loop_for_test() };
	g->server = http_server_open(g->loop, listen, 0, ground_handle, g, &e);
	if (!g->server)
		fail_msg("%s", e.text);
	assert_true(http_server_port(g->server) > 0);
}

static void ground_close(struct ground *g)
{
	http_server_close(g->server);
	buf_free(&g->last);
	loop_free(g->loop);
}

static void ground_client(struct ground *g, struct client *c)
{
	client_open(c, g->loop, "127.0.0.1", http_server_port(g->server));
}

static bool ends_with(const struct client *c, const char *text)
{
	size_t n = strlen(text);

	return c->in.n >= n && memcmp(c->in.p + c->in.n - n, text, n) == 0;
}

/* --- what it answers --- */

static void a_request_is_handled_and_answered(void **state)
{
	static const struct {
		const char *request, *seen;
	} cases[] = {
		{ "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", "GET|/metrics||1|" },
		{ "GET /a?b=c?d HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n", "GET|/a|b=c?d|2|" },
		{ "GET http://a:1/b?c HTTP/1.1\r\nHost: a\r\n\r\n", "GET|/b|c|1|" },
		{ "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody", "POST|/p||2|body" },
		{ "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2;x\r\ndy\r\n0\r\n\r\n",
		    "POST|/p||2|body" },
	};
	struct ground g;
	struct client c;

	(void)state;
	ground_open(&g, "127.0.0.1");
	ground_client(&g, &c);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		buf_clear(&c.in);
		client_say(&c, cases[i].request);
		client_waits_for(&c, "\r\n\r\nhello\n");
		assert_non_null(strstr(c.in.p, "HTTP/1.1 200 OK\r\nDate: "));
		assert_non_null(strstr(c.in.p, " GMT\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n"));
		assert_int_equal(g.last.n, strlen(cases[i].seen));
		assert_memory_equal(g.last.p, cases[i].seen, g.last.n);
	}
	assert_false(c.ended);
	client_close(&c);
	ground_close(&g);
}

static void a_request_in_pieces_of_one_byte_is_the_same_request(void **state)
{
	const char *text = "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody";
	struct ground g;
	struct client c;

	(void)state;
	ground_open(&g, "127.0.0.1");
	ground_client(&g, &c);
	for (const char *p = text; *p; p++) {
		client_send(&c, p, 1);
		loop_moment(g.loop);
	}
	client_waits_for(&c, "hello\n");
	assert_int_equal(g.requests, 1);
	assert_memory_equal(g.last.p, "POST|/p||2|body", 15);
	client_close(&c);
	ground_close(&g);
}

static void requests_behind_each_other_are_answered_in_order(void **state)
{
	struct ground g;
	struct client c;

	(void)state;
	ground_open(&g, "127.0.0.1");
	g.large = 16 << 20;
	ground_client(&g, &c);
	client_say(&c,
	    "GET /missing HTTP/1.1\r\nHost: a\r\n\r\nGET /large HTTP/1.1\r\nHost: a\r\n\r\n"
	    "HEAD /x HTTP/1.1\r\nHost: a\r\n\r\nGET /empty HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /after");
	client_waits_for_the_end(&c);
	assert_int_equal(g.requests, 4);
	assert_true(c.in.n > g.large);
	assert_memory_equal(c.in.p, "HTTP/1.1 404 Not Found\r\n", 24);
	assert_true(memmem(c.in.p, c.in.n, "Content-Length: 16777216\r\n\r\nx", 29) != NULL);
	assert_true(memmem(c.in.p, c.in.n, "Content-Length: 6\r\n\r\nHTTP/1.1 204 No Content\r\n", 46) != NULL);
	assert_true(ends_with(&c, "\r\nConnection: close\r\n\r\n"));
	client_close(&c);
	ground_close(&g);
}

static void old_clients_are_answered_and_left_unless_they_ask(void **state)
{
	struct ground g;
	struct client c;

	(void)state;
	ground_open(&g, "127.0.0.1");
	ground_client(&g, &c);
	client_say(&c, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	client_waits_for(&c, "Connection: keep-alive\r\n\r\nhello\n");
	client_say(&c, "GET / HTTP/1.0\r\n\r\n");
	client_waits_for(&c, "Connection: close\r\n\r\nhello\n");
	client_waits_for_the_end(&c);
	client_close(&c);
	ground_close(&g);
}

static void a_client_that_asks_first_is_told_to_go_on(void **state)
{
	struct ground g;
	struct client c;

	(void)state;
	ground_open(&g, "127.0.0.1");
	ground_client(&g, &c);
	client_say(&c, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
	client_waits_for(&c, "HTTP/1.1 100 Continue\r\n\r\n");
	assert_int_equal(g.requests, 0);
	client_say(&c, "body");
	client_waits_for(&c, "hello\n");
	client_close(&c);
	ground_close(&g);
}

static void an_ipv6_address_can_be_listened_on(void **state)
{
	struct ground g;
	struct client c;

	(void)state;
	ground_open(&g, "::1");
	client_open(&c, g.loop, "::1", http_server_port(g.server));
	client_say(&c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	client_waits_for(&c, "hello\n");
	client_close(&c);
	ground_close(&g);
}

/* --- what it refuses --- */

static void what_is_no_proper_request_is_refused_with_its_status(void **state)
{
	/* clang-format off */
	static const struct { const char *begin, *filler; size_t fill; const char *end, *status; } cases[] = {
		{ "BANANA\r\n\r\n", "", 0, "", "400 Bad Request" },
		{ "GET / HTTP/1.1\r\n\r\n", "", 0, "", "400 Bad Request" },
		{ "GET a HTTP/1.1\r\nHost: a\r\n\r\n", "", 0, "", "400 Bad Request" },
		{ "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "", 0, "", "400 Bad Request" },
		{ "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n", "", 0, "", "400 Bad Request" },
		{ "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", "", 0, "", "501 Not Implemented" },
		{ "PUT / HTTP/1.1\r\nHost: a\r\n\r\n", "", 0, "", "501 Not Implemented" },
		{ "GET / HTTP/3.0\r\nHost: a\r\n\r\n", "", 0, "", "505 HTTP Version Not Supported" },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n", "", 0, "", "413 Content Too Large" },
		{ "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "10\r\n0123456789abcdef\r\n", 4097, "", "413 Content Too Large" },
		{ "GET / HTTP/1.1\r\nHost: a\r\nX: ", "0123456789abcdef", 600, "\r\n\r\n", "431 Request Header Fields Too Large" },
		{ "GET /", "0123456789abcdef", 600, "", "431 Request Header Fields Too Large" },
		{ "GET / HTTP/1.1\r\nHost: a\r\n", "A: b\r\n", 96, "\r\n", "431 Request Header Fields Too Large" },
	};
	/* clang-format on */
	struct ground g;

	(void)state;
	ground_open(&g, "127.0.0.1");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct client c;
		struct buf request = { 0 };

		buf_text(&request, cases[i].begin);
		for (size_t n = 0; n < cases[i].fill; n++)
			buf_text(&request, cases[i].filler);
		buf_text(&request, cases[i].end);
		ground_client(&g, &c);
		client_send(&c, request.p, request.n);
		client_waits_for(&c, cases[i].status);
		shutdown(c.fd, SHUT_WR);
		client_waits_for_the_end(&c);
		assert_non_null(strstr(c.in.p, "Connection: close\r\n"));
		client_close(&c);
		buf_free(&request);
	}
	assert_int_equal(g.requests, 0);
	ground_close(&g);
}

/* The largest that is allowed. */
static void a_body_of_64_kib_is_taken(void **state)
{
	enum { N = 64 * 1024 };
	struct ground g;
	struct client c;
	char *body = mem_new(N);

	(void)state;
	ground_open(&g, "127.0.0.1");
	ground_client(&g, &c);
	client_say(&c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 65536\r\n\r\n");
	client_send(&c, body, N);
	client_waits_for(&c, "hello\n");
	assert_int_equal(g.last.n, strlen("POST|/||2|") + N);
	free(body);
	client_close(&c);
	ground_close(&g);
}

/* A refusal must arrive though the client is still sending: no reset before it is read. */
static void a_client_that_goes_on_sending_still_reads_the_refusal(void **state)
{
	enum { N = 8 << 20 };
	struct ground g;
	struct client c;
	char *body = mem_new(N);

	(void)state;
	ground_open(&g, "127.0.0.1");
	ground_client(&g, &c);
	client_say(&c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8388608\r\n\r\n");
	client_send(&c, body, N);
	client_waits_for(&c, "413 Content Too Large");
	free(body);
	client_close(&c);
	ground_close(&g);
}

static void a_slow_request_is_told_so_and_a_silent_connection_closed(void **state)
{
	struct ground g;
	struct client slow, silent;

	(void)state;
	ground_open(&g, "127.0.0.1");
	ground_client(&g, &slow);
	ground_client(&g, &silent);
	client_say(&slow, "GET / HTTP/1.1\r\nHo");
	client_waits_for(&slow, "408 Request Timeout");
	client_waits_for_the_end(&silent);
	assert_int_equal(silent.in.n, 0);
	client_close(&slow);
	client_close(&silent);
	ground_close(&g);
}

static void the_hundred_and_twenty_ninth_connection_is_closed(void **state)
{
	struct ground g;
	struct client c[129];

	(void)state;
	ground_open(&g, "127.0.0.1");
	for (int i = 0; i < 128; i++) {
		ground_client(&g, &c[i]);
		loop_moment(g.loop);
	}
	ground_client(&g, &c[128]);
	client_waits_for_the_end(&c[128]);
	client_say(&c[0], "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	client_waits_for(&c[0], "hello\n");
	client_close(&c[0]);
	client_close(&c[128]);
	loop_moment(g.loop);
	loop_moment(g.loop);
	ground_client(&g, &c[128]);
	client_say(&c[128], "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	client_waits_for(&c[128], "hello\n");
	for (int i = 1; i < 129; i++)
		client_close(&c[i]);
	ground_close(&g);
}

static void a_port_that_is_taken_is_an_error_with_advice(void **state)
{
	struct ground g;
	struct error e;
	char expected[64];

	(void)state;
	ground_open(&g, "127.0.0.1");
	assert_null(http_server_open(g.loop, "127.0.0.1", http_server_port(g.server), ground_handle, &g, &e));
	assert_int_equal(e.code, ERR_IO);
	snprintf(expected, sizeof(expected), "listen on 127.0.0.1:%u: ", http_server_port(g.server));
	assert_non_null(strstr(e.text, expected));
	assert_non_null(strstr(e.text, "another process has this port; stop it or choose another port"));
	assert_null(http_server_open(g.loop, "no address", 80, ground_handle, &g, &e));
	assert_int_equal(e.code, ERR_CONFIG);
	assert_null(http_server_open(g.loop, "127.0.0.1", 65536, ground_handle, &g, &e));
	assert_null(http_server_open(g.loop, "192.0.2.1", 0, ground_handle, &g, &e));
	assert_non_null(strstr(e.text, "this machine has no such address"));
	http_server_close(NULL);
	ground_close(&g);
}

static void the_server_can_be_closed_with_connections_in_every_state(void **state)
{
	struct ground g;
	struct client c[4];

	(void)state;
	ground_open(&g, "127.0.0.1");
	g.large = 64 << 20;
	for (int i = 0; i < 4; i++)
		ground_client(&g, &c[i]);
	client_say(&c[1], "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo");
	client_say(&c[2], "GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
	client_say(&c[3], "GARBAGE\r\n\r\n");
	client_waits_for(&c[3], "400 Bad Request");
	UNTIL(g.loop, g.requests);
	for (int i = 0; i < 4; i++)
		client_close(&c[i]);
	ground_close(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_handled_and_answered),
		cmocka_unit_test(a_request_in_pieces_of_one_byte_is_the_same_request),
		cmocka_unit_test(requests_behind_each_other_are_answered_in_order),
		cmocka_unit_test(old_clients_are_answered_and_left_unless_they_ask),
		cmocka_unit_test(a_client_that_asks_first_is_told_to_go_on),
		cmocka_unit_test(an_ipv6_address_can_be_listened_on),
		cmocka_unit_test(what_is_no_proper_request_is_refused_with_its_status),
		cmocka_unit_test(a_body_of_64_kib_is_taken),
		cmocka_unit_test(a_client_that_goes_on_sending_still_reads_the_refusal),
		cmocka_unit_test(a_slow_request_is_told_so_and_a_silent_connection_closed),
		cmocka_unit_test(the_hundred_and_twenty_ninth_connection_is_closed),
		cmocka_unit_test(a_port_that_is_taken_is_an_error_with_advice),
		cmocka_unit_test(the_server_can_be_closed_with_connections_in_every_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
