/* Tests of the HTTP client where all goes well: answers of all forms and sizes, and the life of connections. */
/* links: caller.c peer.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "bridge/error.h"
#include "tests/unit/caller.h"

static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\npong";

static struct buf last_request;

static void notes_and_answers(struct peer_side *s)
{
	struct buf request = { 0 };

	if (peer_take(s, &request)) {
		buf_clear(&last_request);
		buf_add(&last_request, request.p, request.n);
		peer_say(s, s->peer->answer);
	}
	buf_free(&request);
}

static void a_call_is_sent_with_its_length_and_answered(void **state)
{
	static const struct {
		const char *line;
		struct slice body;
		const char *sent;
	} cases[] = {
		{ "POST /x HTTP/1.1", { "ping", 4 },
		    "POST /x HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nping" },
		{ "POST /x HTTP/1.1", { "", 0 }, "POST /x HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n" },
		{ "OPTIONS /x HTTP/1.1", { NULL, 0 }, "OPTIONS /x HTTP/1.1\r\nHost: test\r\n\r\n" },
		{ "GET /x HTTP/1.1", { NULL, 0 }, "GET /x HTTP/1.1\r\nHost: test\r\n\r\n" },
	};
	struct caller c;
	struct trip t = { 0 };

	(void)state;
	caller_open(&c, 1);
	c.peer.answer = ok;
	caller_listen(&c, notes_and_answers);
	caller_connect(&c);
	for (int i = 0; i < 4; i++) {
		trip_send(&c, &t, cases[i].line, cases[i].body);
		trip_wait(&c, &t);
		assert_int_equal(t.outcome, HTTP_ANSWERED);
		assert_int_equal(t.status, 200);
		assert_memory_equal(t.body.p, "pong", 4);
		assert_memory_equal(t.type.p, "text/plain", 10);
		assert_int_equal(last_request.n, strlen(cases[i].sent));
		assert_memory_equal(last_request.p, cases[i].sent, last_request.n);
		trip_clear(&t);
	}
	assert_int_equal(c.peer.accepted, 1);
	assert_string_equal(c.reach, "+");
	buf_free(&last_request);
	caller_close(&c);
}

static void answers_are_framed_in_all_the_ways_there_are(void **state)
{
	static const struct {
		const char *answer, *body;
		bool keeps;
	} cases[] = {
		{ "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npong", "pong", true },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\np\r\n3;x=y\r\nong\r\n0\r\nT: x\r\n\r\n",
		    "pong", true },
		{ "HTTP/1.1 204 No Content\r\n\r\n", "", true },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", true },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\npong", "pong", false },
		{ "HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\npong", "pong", false },
		{ "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 4\r\n\r\npong", "pong", true },
		{ "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
		  "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npong",
		    "pong", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct caller c;
		int status = strstr(cases[i].answer, " 204 ") ? 204 : 200;

		caller_serve(&c, 1, cases[i].answer);
		for (int n = 0; n < 3; n++)
			trip_expect_answer(&c, status, cases[i].body);
		if (cases[i].keeps)
			assert_int_equal(c.peer.accepted, 1);
		else
			assert_true(c.peer.accepted >= 3);
		assert_string_equal(c.reach, "+");
		caller_close(&c);
	}
}

static void an_answer_to_head_has_no_body(void **state)
{
	struct caller c;
	struct trip t = { 0 };

	(void)state;
	caller_serve(&c, 1, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
	trip_send(&c, &t, "HEAD / HTTP/1.1", (struct slice){ 0 });
	trip_wait(&c, &t);
	assert_int_equal(t.status, 200);
	assert_int_equal(t.body.n, 0);
	trip_clear(&t);
	caller_close(&c);
}

static void answers_once_then_ends(struct peer_side *s)
{
	peer_answers(s);
	if (s->requests)
		peer_end(s);
}

static void an_answer_without_length_ends_with_the_connection(void **state)
{
	struct caller c;

	(void)state;
	caller_open(&c, 1);
	c.peer.answer = "HTTP/1.1 200 OK\r\n\r\npong and more";
	caller_listen(&c, answers_once_then_ends);
	caller_connect(&c);
	trip_expect_answer(&c, 200, "pong and more");
	trip_expect_answer(&c, 200, "pong and more");
	caller_close(&c);
}

static void closing_after_each_answer_is_fine(void **state)
{
	struct caller c;

	(void)state;
	caller_open(&c, 1);
	c.peer.answer = ok;
	caller_listen(&c, answers_once_then_ends);
	caller_connect(&c);
	for (int i = 0; i < 20; i++)
		trip_expect_answer(&c, 200, "pong");
	assert_string_equal(c.reach, "+");
	caller_close(&c);
}

/* --- dripping --- */

struct drip {
	struct peer_side *side;
	size_t at;
	struct timer timer;
};

static struct drip drip;

static void drip_next(void *arg)
{
	const char *answer = drip.side->peer->answer;

	(void)arg;
	peer_send(drip.side, answer + drip.at, 1);
	if (answer[++drip.at])
		timer_set(drip.side->peer->loop, &drip.timer, 0, drip_next, NULL);
}

static void drips(struct peer_side *s)
{
	struct buf request = { 0 };

	if (peer_take(s, &request)) {
		drip.side = s;
		drip.at = 0;
		drip_next(NULL);
	}
	buf_free(&request);
}

static void an_answer_in_pieces_of_one_byte_is_the_same_answer(void **state)
{
	static const char *const answers[] = {
		"HTTP/1.1 200 OK\r\nContent-Type: a\r\nContent-Length: 4\r\n\r\npong",
		"HTTP/1.1 102 Wait\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		"2\r\npo\r\n002;a=b\r\nng\r\n0\r\nX: y\r\n\r\n",
	};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct caller c;

		caller_open(&c, 1);
		c.peer.answer = answers[i];
		caller_listen(&c, drips);
		caller_connect(&c);
		trip_expect_answer(&c, 200, "pong");
		trip_expect_answer(&c, 200, "pong");
		assert_int_equal(c.peer.accepted, 1);
		timer_stop(c.loop, &drip.timer);
		caller_close(&c);
	}
}

/* --- sizes --- */

static void a_body_beyond_keep_body_is_cut_and_the_connection_lasts(void **state)
{
	static const char *const forms[] = { "Content-Length: 30000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n" };

	(void)state;
	for (int form = 0; form < 2; form++) {
		struct caller c;
		struct trip t = { 0 };
		struct buf answer = { 0 };

		buf_printf(&answer, "HTTP/1.1 200 OK\r\nContent-Type: x/y\r\n%s", forms[form]);
		for (int i = 0; i < 3000; i++)
			buf_printf(&answer, form ? "a\r\n%010d\r\n" : "%010d", i);
		buf_text(&answer, form ? "0\r\n\r\n" : "");
		caller_open(&c, 1);
		c.options.keep_body = 25;
		c.peer.answer = answer.p;
		c.peer.answer_n = answer.n;
		caller_listen(&c, peer_answers);
		caller_connect(&c);
		for (int i = 0; i < 2; i++) {
			trip_get(&c, &t);
			trip_wait(&c, &t);
			assert_int_equal(t.outcome, HTTP_ANSWERED);
			assert_true(t.cut);
			assert_int_equal(t.body.n, 25);
			assert_memory_equal(t.body.p, "0000000000000000000100000", 25);
			assert_memory_equal(t.type.p, "x/y", 3);
			trip_clear(&t);
		}
		assert_int_equal(c.peer.accepted, 1);
		buf_free(&answer);
		caller_close(&c);
	}
}

static void echoes(struct peer_side *s)
{
	struct buf request = { 0 };
	char *body;

	if (peer_take(s, &request)) {
		body = (char *)memmem(request.p, request.n, "\r\n\r\n", 4) + 4;
		buf_clear(&s->out);
		buf_printf(&s->out, "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: %zu\r\n\r\n",
		    (size_t)(request.p + request.n - body));
		peer_send(s, body, (size_t)(request.p + request.n - body));
	}
	buf_free(&request);
}

static void megabytes_go_and_come_whole(void **state)
{
	enum { N = 8 << 20 };
	struct caller c;
	struct trip t = { 0 };
	char *body = mem_new(N);

	(void)state;
	for (size_t i = 0; i < N; i++)
		body[i] = (char)(i * 2654435761u >> 13);
	caller_open(&c, 1);
	c.options.max_body = c.options.keep_body = N;
	caller_listen(&c, echoes);
	caller_connect(&c);
	for (int i = 0; i < 2; i++) {
		trip_send(&c, &t, "POST / HTTP/1.1", (struct slice){ body, N });
		trip_wait(&c, &t);
		assert_int_equal(t.outcome, HTTP_ANSWERED);
		assert_int_equal(t.body.n, N);
		assert_memory_equal(t.body.p, body, N);
		assert_memory_equal(t.type.p, "a/b", 3);
		assert_false(t.cut);
		trip_clear(&t);
	}
	assert_int_equal(c.peer.accepted, 1);
	free(body);
	caller_close(&c);
}

/* --- many --- */

static void next_on_the_same_client(struct trip *t)
{
	if (t->next)
		trip_get(t->caller, t->next);
}

static void done_may_start_the_next_call_though_there_is_one_connection(void **state)
{
	struct caller c;
	struct trip t[3] = { 0 };

	(void)state;
	caller_serve(&c, 1, ok);
	for (int i = 0; i < 3; i++) {
		t[i].then = next_on_the_same_client;
		t[i].next = i < 2 ? &t[i + 1] : NULL;
	}
	trip_get(&c, &t[0]);
	assert_null(http_call_new(c.client));
	trip_wait(&c, &t[2]);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(t[i].outcome, HTTP_ANSWERED);
		assert_memory_equal(t[i].body.p, "pong", 4);
		trip_clear(&t[i]);
	}
	assert_int_equal(c.peer.accepted, 1);
	caller_close(&c);
}

static void the_connection_used_last_is_used_next(void **state)
{
	struct caller c;
	struct trip t[8] = { 0 };
	unsigned most = 0;

	(void)state;
	caller_serve(&c, 8, ok);
	for (int i = 0; i < 8; i++)
		trip_get(&c, &t[i]);
	for (int i = 0; i < 8; i++)
		trip_wait(&c, &t[i]);
	assert_int_equal(c.peer.accepted, 8);
	for (int i = 0; i < 100; i++)
		trip_expect_answer(&c, 200, "pong");
	for (struct peer_side *s = c.peer.sides; s; s = s->next)
		most = s->requests > most ? s->requests : most;
	assert_true(most >= 100);
	for (int i = 0; i < 8; i++)
		trip_clear(&t[i]);
	caller_close(&c);
}

static unsigned left, answered;

static void again_until_none_is_left(struct trip *t)
{
	assert_int_equal(t->outcome, HTTP_ANSWERED);
	answered++;
	if (!left)
		return;
	left--;
	t->done = 0;
	buf_clear(&t->type);
	trip_get(t->caller, t);
	t->done = 0;
}

static void ten_thousand_calls_over_sixty_four_connections(void **state)
{
	struct caller c;
	struct trip t[64] = { 0 };

	(void)state;
	caller_serve(&c, 64, ok);
	left = 10000 - 64;
	answered = 0;
	for (int i = 0; i < 64; i++) {
		t[i].then = again_until_none_is_left;
		trip_get(&c, &t[i]);
	}
	UNTIL(c.loop, answered == 10000);
	assert_true(c.peer.accepted <= 64);
	for (int i = 0; i < 64; i++)
		trip_clear(&t[i]);
	caller_close(&c);
}

static void unix_sockets_and_ipv6_work(void **state)
{
	char path[64], unix_address[80], six_address[32];
	const char *addresses[] = { unix_address, six_address };
	struct loop *l = loop_for_test();
	struct peer peers[2];

	(void)state;
	snprintf(path, sizeof(path), "/tmp/bridge-test-client-%d.sock", getpid());
	snprintf(unix_address, sizeof(unix_address), "unix:%s", path);
	peer_bind_unix(&peers[0], l, path);
	peer_bind(&peers[1], l, "::1");
	snprintf(six_address, sizeof(six_address), "http://[::1]:%u", peers[1].port);
	for (int i = 0; i < 2; i++) {
		struct caller c = { .loop = l };
		struct error e;

		peers[i].answer = ok;
		peer_listen(&peers[i], peer_answers);
		c.options = (struct http_client_options){
			.connections = 1, .connect_ms = 20000, .max_head = 100, .max_body = 10, .keep_body = 10
		};
		assert_int_equal(address_parse(&c.options.address, addresses[i], &e), 0);
		caller_connect(&c);
		trip_expect_answer(&c, 200, "pong");
		http_client_close(c.client);
		address_free(&c.options.address);
		peer_close(&peers[i]);
	}
	loop_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_is_sent_with_its_length_and_answered),
		cmocka_unit_test(answers_are_framed_in_all_the_ways_there_are),
		cmocka_unit_test(an_answer_to_head_has_no_body),
		cmocka_unit_test(an_answer_without_length_ends_with_the_connection),
		cmocka_unit_test(closing_after_each_answer_is_fine),
		cmocka_unit_test(an_answer_in_pieces_of_one_byte_is_the_same_answer),
		cmocka_unit_test(a_body_beyond_keep_body_is_cut_and_the_connection_lasts),
		cmocka_unit_test(megabytes_go_and_come_whole),
		cmocka_unit_test(done_may_start_the_next_call_though_there_is_one_connection),
		cmocka_unit_test(the_connection_used_last_is_used_next),
		cmocka_unit_test(ten_thousand_calls_over_sixty_four_connections),
		cmocka_unit_test(unix_sockets_and_ipv6_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
