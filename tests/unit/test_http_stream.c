/* Tests of answers that go on: what a client gets of them, and that none can be kept or made to keep memory. */
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

struct teller {
	struct http_stream stream; /* first, so that it is the teller */
	unsigned closed;
};

struct ground {
	struct loop *loop;
	struct http_server *server;
	struct teller teller;
	unsigned requests;
	const char *begin;
};

static void teller_closed(struct http_stream *stream)
{
	((struct teller *)stream)->closed++;
}

static void ground_handle(void *arg, const struct http_request *q, struct http_response *r)
{
	struct ground *g = arg;

	g->requests++;
	r->status = 200;
	r->content_type = "text/plain";
	buf_text(&r->headers, "X-One: 1\r\nX-Two: 2\r\n");
	buf_text(&r->body, g->begin);
	if (slice_is(q->path, "/stream")) {
		g->teller = (struct teller){ .stream.closed = teller_closed };
		r->stream = &g->teller.stream;
	}
}

static void ground_open(struct ground *g, struct client *c, const char *request)
{
	struct error e;

	*g = (struct ground){ .loop = loop_for_test(), .begin = "begin\n" };
	g->server = http_server_open(g->loop, "127.0.0.1", 0, ground_handle, g, &e);
	assert_non_null(g->server);
	client_open(c, g->loop, "127.0.0.1", http_server_port(g->server));
	client_say(c, request);
	UNTIL(g->loop, g->requests);
}

static void ground_close(struct ground *g, struct client *c)
{
	client_close(c);
	http_server_close(g->server);
	loop_free(g->loop);
}

static void say(struct ground *g, const char *text)
{
	http_stream_write(&g->teller.stream, slice_text(text));
}

#define STREAM "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n"

static void what_is_written_comes_in_chunks_until_the_end(void **state)
{
	struct ground g;
	struct client c;

	(void)state;
	ground_open(&g, &c, STREAM);
	client_waits_for(&c, "\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n6\r\nbegin\n\r\n");
	assert_non_null(strstr(c.in.p, "\r\nX-One: 1\r\nX-Two: 2\r\n"));
	assert_null(strstr(c.in.p, "Content-Length"));
	say(&g, "more\n");
	client_waits_for(&c, "5\r\nmore\n\r\n");
	say(&g, "");
	say(&g, "last");
	client_waits_for(&c, "more\n\r\n4\r\nlast\r\n");
	assert_false(c.ended);
	http_stream_end(&g.teller.stream);
	client_waits_for(&c, "last\r\n0\r\n\r\n");
	client_waits_for_the_end(&c);
	assert_int_equal(g.teller.closed, 0);
	ground_close(&g, &c);
}

static void old_clients_get_it_plain_until_the_connection_ends(void **state)
{
	struct ground g;
	struct client c;

	(void)state;
	ground_open(&g, &c, "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	say(&g, "more\n");
	http_stream_end(&g.teller.stream);
	client_waits_for_the_end(&c);
	assert_non_null(strstr(c.in.p, "\r\nConnection: close\r\n\r\nbegin\nmore\n"));
	assert_null(strstr(c.in.p, "chunked"));
	ground_close(&g, &c);
}

static void a_client_that_goes_is_told_once(void **state)
{
	struct ground g;
	struct client c;

	(void)state;
	ground_open(&g, &c, STREAM);
	client_waits_for(&c, "begin");
	shutdown(c.fd, SHUT_RDWR);
	UNTIL(g.loop, g.teller.closed);
	loop_moment(g.loop);
	assert_int_equal(g.teller.closed, 1);
	ground_close(&g, &c);
	assert_int_equal(g.teller.closed, 1);
}

static void further_requests_on_its_connection_are_for_nobody(void **state)
{
	struct ground g;
	struct client c;

	(void)state;
	ground_open(&g, &c, STREAM STREAM);
	client_waits_for(&c, "begin");
	client_say(&c, STREAM);
	say(&g, "more\n");
	client_waits_for(&c, "more");
	assert_int_equal(g.requests, 1);
	assert_int_equal(g.teller.closed, 0);
	ground_close(&g, &c);
	assert_int_equal(g.teller.closed, 1);
}

static void head_gets_the_head_and_the_stream_is_closed_at_once(void **state)
{
	struct ground g;
	struct client c;

	(void)state;
	ground_open(&g, &c, "HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_int_equal(g.teller.closed, 1);
	client_waits_for_the_end(&c);
	assert_memory_equal(c.in.p + c.in.n - 4, "\r\n\r\n", 4);
	ground_close(&g, &c);
	assert_int_equal(g.teller.closed, 1);
}

/* Whatever is written in one go stays bounded, and the writer is never called back inside. */
static void a_client_that_does_not_read_is_dropped_and_its_memory_bounded(void **state)
{
	enum { PIECE = 64 * 1024 };
	struct ground g;
	struct client c;
	char *piece = mem_new(PIECE);
	unsigned written = 0;

	(void)state;
	memset(piece, 'x', PIECE);
	ground_open(&g, &c, STREAM);
	client_waits_for(&c, "begin");
	while (!g.teller.closed) {
		for (int i = 0; i < 8 && !g.teller.closed; i++, written++) {
			http_stream_write(&g.teller.stream, (struct slice){ piece, PIECE });
			assert_int_equal(g.teller.closed, 0);
		}
		loop_moment(g.loop);
	}
	assert_true(written < 200);
	free(piece);
	ground_close(&g, &c);
	assert_int_equal(g.teller.closed, 1);
}

static void a_beginning_of_any_size_comes_whole_to_who_reads(void **state)
{
	enum { N = 8 << 20 };
	struct ground g;
	struct client c;
	char *begin = mem_new(N + 1);

	(void)state;
	memset(begin, 'y', N);
	ground_open(&g, &c, "GET /none HTTP/1.1\r\nHost: a\r\n\r\n");
	client_waits_for(&c, "begin\n");
	g.begin = begin;
	client_say(&c, STREAM);
	client_waits_for(&c, "\r\n800000\r\nyyy");
	UNTIL(g.loop, (client_waits_for(&c, "y"), c.in.n > N));
	say(&g, "more\n");
	client_waits_for(&c, "5\r\nmore\n\r\n");
	assert_int_equal(g.teller.closed, 0);
	free(begin);
	ground_close(&g, &c);
}

/* Nothing new is written, and what waits is not taken: the ten seconds of any answer count. */
static void a_beginning_that_is_never_taken_ends_the_connection(void **state)
{
	enum { N = 8 << 20 };
	struct ground g;
	struct client c;
	char *begin = mem_new(N + 1);

	(void)state;
	memset(begin, 'y', N);
	ground_open(&g, &c, "GET /none HTTP/1.1\r\nHost: a\r\n\r\n");
	g.begin = begin;
	client_say(&c, STREAM);
	UNTIL(g.loop, g.teller.closed);
	free(begin);
	ground_close(&g, &c);
}

static void ending_hands_over_what_still_waits(void **state)
{
	enum { N = 1 << 19 };
	struct ground g;
	struct client c;
	char *text = mem_new(N);

	(void)state;
	memset(text, 'z', N);
	ground_open(&g, &c, STREAM);
	http_stream_write(&g.teller.stream, (struct slice){ text, N });
	http_stream_end(&g.teller.stream);
	client_waits_for(&c, "z\r\n0\r\n\r\n");
	assert_true(c.in.n > N);
	free(text);
	ground_close(&g, &c);
	assert_int_equal(g.teller.closed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_comes_in_chunks_until_the_end),
		cmocka_unit_test(old_clients_get_it_plain_until_the_connection_ends),
		cmocka_unit_test(a_client_that_goes_is_told_once),
		cmocka_unit_test(further_requests_on_its_connection_are_for_nobody),
		cmocka_unit_test(head_gets_the_head_and_the_stream_is_closed_at_once),
		cmocka_unit_test(a_client_that_does_not_read_is_dropped_and_its_memory_bounded),
		cmocka_unit_test(a_beginning_of_any_size_comes_whole_to_who_reads),
		cmocka_unit_test(a_beginning_that_is_never_taken_ends_the_connection),
		cmocka_unit_test(ending_hands_over_what_still_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
