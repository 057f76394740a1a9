/* Tests of the HTTP client against functions that break off, break the protocol, or never come to an end. */
/* links: caller.c peer.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/unit/caller.h"

static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npong";

/* What the peer does, one letter a request, over all connections; the last one is repeated.
 * a: answers  r: resets  e: ends  p: part of an answer, then reset  h: half of one, then end  i: nothing at all */
static const char *plan;
static unsigned requests;

static void plays(struct peer_side *s)
{
	struct buf request = { 0 };

	while (!s->closed && peer_take(s, &request)) {
		char act = *plan;

		requests++;
		if (plan[1])
			plan++;
		if (act == 'a')
			peer_say(s, ok);
		if (act == 'p' || act == 'h')
			peer_send(s, ok, sizeof(ok) - 3);
		if (act == 'r' || act == 'p')
			peer_reset(s);
		if (act == 'e' || act == 'h')
			peer_end(s);
	}
	buf_free(&request);
}

static void caller_plays(struct caller *c, unsigned connections, const char *acts)
{
	plan = acts;
	requests = 0;
	caller_open(c, connections);
	caller_listen(c, plays);
	caller_connect(c);
}

static void a_fresh_connection_that_dies_before_the_answer_is_a_lost_call(void **state)
{
	struct caller c;
	struct trip t = { 0 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		caller_plays(&c, 1, i ? "e" : "r");
		trip_get(&c, &t); /* at once: it waits for the connection to open */
		trip_wait(&c, &t);
		assert_int_equal(t.outcome, HTTP_LOST);
		assert_int_equal(requests, 1);
		trip_clear(&t);
		caller_close(&c);
	}
}

static void a_reused_connection_that_dies_before_the_answer_is_tried_once_more(void **state)
{
	struct caller c;

	(void)state;
	for (int i = 0; i < 2; i++) {
		caller_plays(&c, 1, i ? "aeaa" : "araa");
		trip_expect_answer(&c, 200, "pong");
		trip_expect_answer(&c, 200, "pong");
		assert_int_equal(requests, 3);
		assert_int_equal(c.peer.accepted, 2);
		assert_string_equal(c.reach, "+");
		caller_close(&c);
	}
}

static void but_only_once_more(void **state)
{
	struct caller c;

	(void)state;
	caller_plays(&c, 1, "arr");
	trip_expect_answer(&c, 200, "pong");
	trip_expect(&c, HTTP_LOST, "before the end of the answer");
	assert_int_equal(requests, 3);
	caller_close(&c);
}

static void stops_listening_and_resets(struct peer_side *s)
{
	if (!s->requests) {
		peer_answers(s);
		return;
	}
	peer_stop_listening(s->peer);
	peer_reset(s);
}

static void a_call_whose_idle_connection_died_with_its_endpoint_is_stale_not_lost(void **state)
{
	struct caller c;

	(void)state;
	caller_open(&c, 1);
	c.peer.answer = ok;
	caller_listen(&c, stops_listening_and_resets);
	caller_connect(&c);
	trip_expect_answer(&c, 200, "pong");
	trip_expect(&c, HTTP_STALE, "Connection refused");
	UNTIL(c.loop, strcmp(c.reach, "+-") == 0);
	trip_expect(&c, HTTP_UNSENT, "accepts no connections");
	caller_close(&c);
}

static void half_an_answer_is_a_lost_call_and_is_not_repeated(void **state)
{
	struct caller c;

	(void)state;
	for (int i = 0; i < 2; i++) {
		caller_plays(&c, 1, i ? "apa" : "aha");
		trip_expect_answer(&c, 200, "pong");
		trip_expect(&c, HTTP_LOST, "before the end of the answer");
		assert_int_equal(requests, 2);
		trip_expect_answer(&c, 200, "pong");
		caller_close(&c);
	}
}

static void answers_then_resets(struct peer_side *s)
{
	peer_answers(s);
	peer_reset(s);
}

static void an_answer_that_was_read_stands_though_a_reset_follows(void **state)
{
	struct caller c;
	struct trip t = { 0 };

	(void)state;
	caller_open(&c, 1);
	c.peer.answer = ok;
	caller_listen(&c, answers_then_resets);
	caller_connect(&c);
	for (int i = 0; i < 20; i++) {
		trip_get(&c, &t);
		trip_wait(&c, &t);
		assert_int_equal(t.outcome, HTTP_ANSWERED);
		trip_clear(&t);
	}
	caller_close(&c);
}

static void a_peer_that_ends_its_half_after_the_answer_is_left(void **state)
{
	struct caller c;

	(void)state;
	caller_serve(&c, 1, ok);
	trip_expect_answer(&c, 200, "pong");
	peer_half_close(c.peer.sides);
	UNTIL(c.loop, c.peer.ended == 1);
	trip_expect_answer(&c, 200, "pong");
	assert_int_equal(c.peer.accepted, 2);
	caller_close(&c);
}

/* --- against the protocol --- */

static void garbage_is_a_lost_call_and_the_end_of_the_connection(void **state)
{
	static const struct {
		const char *answer, *why;
	} cases[] = {
		{ "garbage", "no HTTP/1.x status line" },
		{ "HTTP/1.1 banana\r\n\r\n", "three digits" },
		{ "SSH-2.0-x\r\n", "no HTTP/1.x status line" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\npong", "two Content-Length" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\npong",
		    "both Content-Length" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "hexadecimal" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", "a chunk size" },
		{ "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "switched protocols" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 2147483648\r\n\r\n", "larger than allowed" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct caller c;

		caller_serve(&c, 1, cases[i].answer);
		trip_expect(&c, HTTP_LOST, cases[i].why);
		UNTIL(c.loop, c.peer.ended >= 1);
		assert_string_equal(c.reach, "+");
		caller_close(&c);
	}
}

/* Sends the same piece as long as the other side listens. */
static const char *piece;

static void piece_again(void *arg)
{
	struct peer_side *s = arg;

	for (int i = 0; i < 100 && !s->closed; i++)
		if (!s->out.n)
			peer_say(s, piece);
}

static struct timer flood;

static void flood_goes_on(void *arg)
{
	struct peer_side *s = arg;

	piece_again(s);
	if (!s->closed)
		timer_set(s->peer->loop, &flood, 0, flood_goes_on, s);
}

static void floods(struct peer_side *s)
{
	if (s->requests++)
		return;
	peer_say(s, s->peer->answer);
	flood_goes_on(s);
}

static void what_has_no_end_is_ended_by_a_bound(void **state)
{
	static const struct {
		const char *begin, *piece, *why;
	} cases[] = {
		{ "", "HTTP/1.1 102 Wait\r\n\r\n", "1xx answers without end" },
		{ "HTTP/1.1 200 OK\r\n", "X: 0123456789\r\n", "" },
		{ "HTTP/1.1 200 OK\r\nX: ", "0123456789", "head is larger than allowed" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n",
		    "body is larger than allowed" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1;eeeeeeeeee\r\nx\r\n", "more than 8 KiB" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "T: v\r\n", "more than 8 KiB" },
		{ "HTTP/1.1 200 OK\r\n\r\n", "01234567890123456789012345678901234567890123456789",
		    "body is larger than allowed" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct caller c;

		caller_open(&c, 1);
		c.options.max_body = 20000;
		c.options.keep_body = 100;
		c.peer.answer = cases[i].begin;
		piece = cases[i].piece;
		caller_listen(&c, floods);
		caller_connect(&c);
		trip_expect(&c, HTTP_LOST, cases[i].why);
		timer_stop(c.loop, &flood);
		caller_close(&c);
	}
}

static void bytes_after_an_answer_break_the_connection_and_the_answer_stands(void **state)
{
	struct caller c;

	(void)state;
	caller_serve(
	    &c, 1, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npongHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
	for (int i = 0; i < 3; i++)
		trip_expect_answer(&c, 200, "pong");
	UNTIL(c.loop, c.peer.ended >= 3);
	caller_close(&c);
}

static void stray_bytes_on_an_idle_connection_end_it_and_answer_nobody(void **state)
{
	struct caller c;

	(void)state;
	caller_serve(&c, 1, ok);
	trip_expect_answer(&c, 200, "pong");
	peer_say(c.peer.sides, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
	UNTIL(c.loop, c.peer.ended == 1);
	trip_expect_answer(&c, 200, "pong");
	assert_string_equal(c.reach, "+");
	caller_close(&c);
}

/* --- requests that are answered before they are sent --- */

static void refuses_before_reading(struct peer_side *s)
{
	if (s->requests++)
		return;
	peer_say(s, s->peer->answer);
	watch_want(s->watch, 0);
}

static void an_early_refusal_stops_the_writing_and_ends_the_connection(void **state)
{
	enum { N = 16 << 20 };
	struct caller c;
	struct trip t = { 0 };
	char *body = mem_new(N);

	(void)state;
	caller_open(&c, 1);
	c.peer.answer = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno";
	c.peer.greet = refuses_before_reading;
	caller_listen(&c, NULL);
	caller_connect(&c);
	trip_send(&c, &t, "POST / HTTP/1.1", (struct slice){ body, N });
	trip_wait(&c, &t);
	assert_int_equal(t.outcome, HTTP_ANSWERED);
	assert_int_equal(t.status, 413);
	assert_memory_equal(t.body.p, "no", 2);
	c.peer.script = peer_ignores;
	for (struct peer_side *s = c.peer.sides; s; s = s->next)
		watch_want(s->watch, WATCH_READ);
	UNTIL(c.loop, c.peer.ended);
	trip_clear(&t);
	free(body);
	caller_close(&c);
}

static void refuses_and_resets(struct peer_side *s)
{
	if (s->in.n > 100000 && !s->requests++) {
		peer_say(s, s->peer->answer);
		peer_reset(s);
	}
}

/* The reset may overtake the answer; but whatever is heard is one answer or one loss, and never a hanging call. */
static void a_refusal_with_a_reset_while_writing_ends_the_call(void **state)
{
	enum { N = 16 << 20 };
	struct caller c;
	struct trip t = { 0 };
	char *body = mem_new(N);

	(void)state;
	caller_open(&c, 1);
	c.peer.answer = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno";
	caller_listen(&c, refuses_and_resets);
	caller_connect(&c);
	trip_send(&c, &t, "POST / HTTP/1.1", (struct slice){ body, N });
	trip_wait(&c, &t);
	assert_true(t.outcome == HTTP_LOST || t.status == 413);
	trip_clear(&t);
	free(body);
	caller_close(&c);
}

/* --- cancelling and closing --- */

static void a_cancelled_call_closes_its_connection_and_is_not_told(void **state)
{
	struct caller c;
	struct trip t = { 0 }, waits = { 0 };

	(void)state;
	caller_plays(&c, 2, "ia");
	trip_get(&c, &t);
	UNTIL(c.loop, requests == 1);
	http_call_cancel(t.call);
	UNTIL(c.loop, c.peer.ended == 1);
	trip_expect_answer(&c, 200, "pong");
	assert_int_equal(t.done, 0);
	trip_get(&c, &t);
	trip_get(&c, &waits); /* its connection is still opening: that goes on without it */
	http_call_cancel(waits.call);
	trip_wait(&c, &t);
	http_call_cancel(http_call_new(c.client));
	assert_int_equal(waits.done, 0);
	trip_clear(&t);
	caller_close(&c);
}

static void closes_the_client(struct trip *t)
{
	http_client_close(t->caller->client);
	t->caller->client = NULL;
}

static void the_client_can_be_closed_with_calls_open_and_inside_done(void **state)
{
	static const char *const acts[] = { "i", "ai", "ai", "ri" };

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct caller c;
		struct trip t[4] = { 0 };

		caller_plays(&c, 4, acts[i]);
		for (int n = 0; n < 3; n++)
			trip_get(&c, &t[n]);
		http_call_new(c.client);
		if (i >= 2) {
			for (int n = 0; n < 3; n++)
				t[n].then = closes_the_client;
			UNTIL(c.loop, !c.client);
		} else if (i == 1) {
			UNTIL(c.loop, requests == 3);
		}
		caller_close(&c);
		if (i != 1) /* how many were answered before is left open there */
			assert_int_equal(t[0].done + t[1].done + t[2].done, i == 0 ? 0 : 1);
		for (int n = 0; n < 3; n++)
			trip_clear(&t[n]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fresh_connection_that_dies_before_the_answer_is_a_lost_call),
		cmocka_unit_test(a_reused_connection_that_dies_before_the_answer_is_tried_once_more),
		cmocka_unit_test(but_only_once_more),
		cmocka_unit_test(a_call_whose_idle_connection_died_with_its_endpoint_is_stale_not_lost),
		cmocka_unit_test(half_an_answer_is_a_lost_call_and_is_not_repeated),
		cmocka_unit_test(an_answer_that_was_read_stands_though_a_reset_follows),
		cmocka_unit_test(a_peer_that_ends_its_half_after_the_answer_is_left),
		cmocka_unit_test(garbage_is_a_lost_call_and_the_end_of_the_connection),
		cmocka_unit_test(what_has_no_end_is_ended_by_a_bound),
		cmocka_unit_test(bytes_after_an_answer_break_the_connection_and_the_answer_stands),
		cmocka_unit_test(stray_bytes_on_an_idle_connection_end_it_and_answer_nobody),
		cmocka_unit_test(an_early_refusal_stops_the_writing_and_ends_the_connection),
		cmocka_unit_test(a_refusal_with_a_reset_while_writing_ends_the_call),
		cmocka_unit_test(a_cancelled_call_closes_its_connection_and_is_not_told),
		cmocka_unit_test(the_client_can_be_closed_with_calls_open_and_inside_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
