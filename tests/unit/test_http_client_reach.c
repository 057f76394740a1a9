/* Tests of what the HTTP client knows of its endpoint without a call: reachable or not, idle connections, TLS. */
/* links: caller.c peer.c tls_peer.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "bridge/error.h"
#include "tests/unit/caller.h"
#include "tests/unit/tls_peer.h"

static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npong";

static void an_endpoint_that_refuses_is_said_to_and_said_to_be_back(void **state)
{
	struct caller c;

	(void)state;
	caller_open(&c, 4);
	c.peer.answer = ok;
	caller_connect(&c);
	assert_string_equal(c.reach, "");
	UNTIL(c.loop, strcmp(c.reach, "-") == 0);
	trip_expect(&c, HTTP_UNSENT, "accepts no connections");
	caller_listen(&c, peer_answers);
	UNTIL(c.loop, strcmp(c.reach, "-+") == 0);
	trip_expect_answer(&c, 200, "pong");
	assert_int_equal(c.peer.accepted, 1);
	assert_string_equal(c.reach, "-+");
	caller_close(&c);
}

static void calls_that_wait_for_a_refused_connection_are_unsent(void **state)
{
	struct caller c;
	struct trip t[4] = { 0 };

	(void)state;
	caller_open(&c, 4);
	caller_connect(&c);
	for (int i = 0; i < 4; i++)
		trip_get(&c, &t[i]);
	for (int i = 0; i < 4; i++) {
		trip_wait(&c, &t[i]);
		assert_int_equal(t[i].outcome, HTTP_UNSENT);
		assert_non_null(strstr(t[i].why, "Connection refused"));
		trip_clear(&t[i]);
	}
	UNTIL(c.loop, strcmp(c.reach, "-") == 0);
	caller_close(&c);
}

static void the_first_connection_is_kept_for_the_first_call(void **state)
{
	struct caller c;

	(void)state;
	caller_serve(&c, 4, ok);
	UNTIL(c.loop, strcmp(c.reach, "+") == 0);
	trip_expect_answer(&c, 200, "pong");
	assert_int_equal(c.peer.accepted, 1);
	caller_close(&c);
}

static void a_call_takes_the_connection_that_is_opening_already(void **state)
{
	struct caller c;

	(void)state;
	caller_serve(&c, 4, ok);
	trip_expect_answer(&c, 200, "pong");
	assert_int_equal(c.peer.accepted, 1);
	caller_close(&c);
}

static void a_function_that_dies_while_idle_is_noticed_without_a_call(void **state)
{
	struct caller c;

	(void)state;
	caller_serve(&c, 4, ok);
	trip_expect_answer(&c, 200, "pong");
	peer_stop_listening(&c.peer);
	peer_end(c.peer.sides);
	UNTIL(c.loop, strcmp(c.reach, "+-") == 0);
	trip_expect(&c, HTTP_UNSENT, "accepts no connections");
	caller_close(&c);
}

static void an_idle_connection_that_ends_is_dropped_at_once_and_replaced(void **state)
{
	struct caller c;

	(void)state;
	caller_serve(&c, 4, ok);
	trip_expect_answer(&c, 200, "pong");
	peer_reset(c.peer.sides);
	UNTIL(c.loop, c.peer.accepted == 2);
	trip_expect_answer(&c, 200, "pong");
	assert_int_equal(c.peer.accepted, 2);
	assert_int_equal(c.peer.sides->requests, 1);
	assert_string_equal(c.reach, "+");
	caller_close(&c);
}

/* Whether the end is seen before the call is sent or after: it is answered, and the function sees it once. */
static void a_call_in_a_race_with_the_end_of_its_idle_connection_is_answered(void **state)
{
	struct caller c;

	(void)state;
	caller_serve(&c, 1, ok);
	for (int i = 0; i < 50; i++) {
		trip_expect_answer(&c, 200, "pong");
		peer_end(c.peer.sides);
		trip_expect_answer(&c, 200, "pong");
	}
	assert_string_equal(c.reach, "+");
	caller_close(&c);
}

static void idle_connections_are_closed_when_they_are_old(void **state)
{
	struct caller c;
	struct trip t[4] = { 0 };

	(void)state;
	caller_open(&c, 4);
	c.options.idle_ms = 100;
	c.peer.answer = ok;
	caller_listen(&c, peer_answers);
	caller_connect(&c);
	for (int i = 0; i < 4; i++)
		trip_get(&c, &t[i]);
	for (int i = 0; i < 4; i++) {
		trip_wait(&c, &t[i]);
		trip_clear(&t[i]);
	}
	UNTIL(c.loop, c.peer.ended >= 4);
	trip_expect_answer(&c, 200, "pong");
	assert_string_equal(c.reach, "+");
	caller_close(&c);
}

static void accepts_and_ends(struct peer_side *s)
{
	peer_end(s);
}

/* Not as fast as it goes: each connection that gave nothing makes the next one wait longer. */
static void a_peer_that_accepts_and_closes_is_not_rushed(void **state)
{
	struct caller c;
	int64_t began;

	(void)state;
	caller_open(&c, 1);
	c.peer.greet = accepts_and_ends;
	caller_listen(&c, NULL);
	caller_connect(&c);
	began = loop_now(c.loop);
	UNTIL(c.loop, c.peer.accepted == 8);
	/* seven pauses, none of them zero */
	assert_true(loop_now(c.loop) - began >= 7);
	caller_close(&c);
}

/* A server with room for one more connection only: the calls go over the ones there are. */
static void a_refusal_while_others_are_open_is_not_the_end(void **state)
{
	struct caller c;
	struct trip t[2] = { 0 };

	(void)state;
	caller_open(&c, 2);
	c.peer.answer = ok;
	caller_listen(&c, peer_answers);
	caller_connect(&c);
	UNTIL(c.loop, strcmp(c.reach, "+") == 0 && c.peer.accepted == 1);
	peer_stop_listening(&c.peer);
	trip_get(&c, &t[0]);
	trip_get(&c, &t[1]);
	trip_wait(&c, &t[0]);
	trip_wait(&c, &t[1]);
	assert_int_equal(t[0].outcome, HTTP_ANSWERED);
	assert_int_equal(t[1].outcome, HTTP_UNSENT);
	UNTIL(c.loop, strcmp(c.reach, "+-+") == 0);
	trip_expect_answer(&c, 200, "pong");
	trip_clear(&t[0]);
	trip_clear(&t[1]);
	caller_close(&c);
}

/* --- TLS --- */

static struct tls *caller_open_tls(struct caller *c, struct tls_peer *p, const char *host, bool skip)
{
	struct tls_options options = { .ca_file = p->files->certificate, .skip_verify = skip };
	struct error e;
	char address[64];

	tls_peer_open(p);
	caller_open(c, 1);
	address_free(&c->options.address);
	snprintf(address, sizeof(address), "https://%s:%u", host, p->port);
	assert_int_equal(address_parse(&c->options.address, address, &e), 0);
	c->options.tls = tls_new(&options, &e);
	assert_non_null(c->options.tls);
	caller_connect(c);
	return c->options.tls;
}

static void tls_call(const char *names, const char *host, bool skip, const char *why)
{
	struct tls_files files;
	struct tls_peer p = { .files = &files, .answer = ok, .answer_n = strlen(ok) };
	struct caller c;
	struct tls *tls;

	tls_files_make(&files, names);
	tls = caller_open_tls(&c, &p, host, skip);
	if (why) {
		trip_expect(&c, HTTP_UNSENT, why);
	} else {
		for (int i = 0; i < 10; i++)
			trip_expect_answer(&c, 200, "pong");
	}
	caller_close(&c);
	tls_peer_close(&p);
	assert_int_equal(p.requests, why ? 0 : 10);
	if (!why)
		assert_int_equal(p.handshakes, 1);
	tls_free(tls);
	tls_files_remove(&files);
}

static void https_is_spoken_with_whom_the_certificate_names(void **state)
{
	(void)state;
	tls_call("DNS:localhost", "localhost", false, NULL);
	tls_call("IP:127.0.0.1", "127.0.0.1", false, NULL);
	tls_call("DNS:other.example", "localhost", false, "hostname mismatch");
	tls_call("DNS:other.example", "localhost", true, NULL);
}

static void a_body_until_close_that_tls_did_not_end_is_lost(void **state)
{
	static const char endless[] = "HTTP/1.1 200 OK\r\n\r\npong";

	(void)state;
	for (int cuts = 0; cuts < 2; cuts++) {
		struct tls_files files;
		struct tls_peer p = {
			.files = &files, .answer = endless, .answer_n = strlen(endless), .cuts = cuts, .ends = !cuts
		};
		struct caller c;
		struct tls *tls;

		tls_files_make(&files, "IP:127.0.0.1");
		tls = caller_open_tls(&c, &p, "127.0.0.1", false);
		if (cuts)
			trip_expect(&c, HTTP_LOST, "before the end of the answer");
		else
			trip_expect_answer(&c, 200, "pong");
		caller_close(&c);
		tls_peer_close(&p);
		tls_free(tls);
		tls_files_remove(&files);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_endpoint_that_refuses_is_said_to_and_said_to_be_back),
		cmocka_unit_test(calls_that_wait_for_a_refused_connection_are_unsent),
		cmocka_unit_test(the_first_connection_is_kept_for_the_first_call),
		cmocka_unit_test(a_call_takes_the_connection_that_is_opening_already),
		cmocka_unit_test(a_function_that_dies_while_idle_is_noticed_without_a_call),
		cmocka_unit_test(an_idle_connection_that_ends_is_dropped_at_once_and_replaced),
		cmocka_unit_test(a_call_in_a_race_with_the_end_of_its_idle_connection_is_answered),
		cmocka_unit_test(idle_connections_are_closed_when_they_are_old),
		cmocka_unit_test(a_peer_that_accepts_and_closes_is_not_rushed),
		cmocka_unit_test(a_refusal_while_others_are_open_is_not_the_end),
		cmocka_unit_test(https_is_spoken_with_whom_the_certificate_names),
		cmocka_unit_test(a_body_until_close_that_tls_did_not_end_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
