/* The gRPC server: messages, deadlines, health, and peers that misbehave. */
/* links: client.c peer.c h2_client.c scaler_ground.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/unit/scaler_ground.h"

static void what_is_no_whole_message_is_refused(void **state)
{
	static const struct {
		const char *hex, *status, *said;
	} cases[] = {
		{ "", "13", "exactly one whole message" },
		{ "0000", "13", "exactly one whole message" },
		{ "00000000040a02", "13", "exactly one whole message" },
		{ "00000000000000000000", "13", "exactly one whole message" },
		{ "0100000000", "12", "compressed" },
		{ "00000000020aff", "13", "cannot be read" },
		{ "00ffffffff", "13", "exactly one whole message" },
	};
	struct h2_answer a;
	struct ground g;

	(void)state;
	ground_open(&g);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf body = { 0 };

		buf_hex(&body, cases[i].hex);
		ask_wait(&g, &a, "IsActive", body);
		assert_refused(&a, cases[i].status, cases[i].said);
	}
	ground_close(&g);
}

static void a_request_that_is_too_large_is_refused_early(void **state)
{
	struct buf body = { 0 };
	struct h2_answer a;
	struct ground g;

	(void)state;
	ground_open(&g);
	memset(buf_room(&body, 200000), 0, 200000);
	body.n = 200000;
	ask(&g, &a, "IsActive", body);
	while (!*a.grpc_status)
		h2_client_turn(&g.client);
	assert_string_equal(a.grpc_status, "8");
	h2_waits(&g.client, &a);
	h2_answer_free(&a);
	buf_free(&body);
	ground_close(&g);
}

static void what_is_no_grpc_is_told_so_in_http(void **state)
{
	const char *json[] = { "content-type", "application/json", NULL }, *get[] = { ":method", "GET", NULL };
	const struct slice empty = SLICE("");
	struct h2_answer a, b;
	struct ground g;

	(void)state;
	ground_open(&g);
	h2_ask(&g.client, &a, SCALER "IsActive", &empty, json);
	h2_ask(&g.client, &b, SCALER "IsActive", &empty, get);
	h2_waits(&g.client, &a);
	h2_waits(&g.client, &b);
	assert_string_equal(a.status, "415");
	assert_string_equal(b.status, "405");
	ground_close(&g);
}

static void deadlines_are_kept(void **state)
{
	const char *bad[] = { "grpc-timeout", "soon", NULL }, *hour[] = { "grpc-timeout", "1H", NULL },
		   *brief[] = { "grpc-timeout", "30m", NULL };
	struct buf body = REF("function", "shop");
	const struct slice message = { body.p, body.n };
	struct h2_answer a, b, c;
	struct ground g;

	(void)state;
	ground_open(&g);
	h2_ask(&g.client, &a, SCALER "IsActive", &message, bad);
	h2_ask(&g.client, &b, SCALER "IsActive", &message, hour);
	h2_ask(&g.client, &c, SCALER "StreamIsActive", &message, brief);
	h2_waits(&g.client, &a);
	h2_waits(&g.client, &b);
	h2_waits(&g.client, &c);
	assert_refused(&a, "3", "grpc-timeout");
	assert_answer(&b, "0000000000");
	assert_refused(&c, "4", "deadline");
	buf_free(&body);
	ground_close(&g);
}

static void health_speaks_for_the_process_and_its_services(void **state)
{
	struct buf body = { 0 };
	const struct slice empty = { "\0\0\0\0\0", 5 };
	struct h2_answer a, w;
	struct ground g;

	(void)state;
	ground_open(&g);
	h2_ask(&g.client, &a, "/grpc.health.v1.Health/Check", &empty, NULL);
	h2_waits(&g.client, &a);
	assert_answer(&a, "00000000020801");
	buf_hex(&body, "00000000050a036e6f6e");
	h2_ask(&g.client, &a, "/grpc.health.v1.Health/Check", &(struct slice){ body.p, body.n }, NULL);
	h2_waits(&g.client, &a);
	assert_refused(&a, "5", "no such service");
	h2_ask(&g.client, &w, "/grpc.health.v1.Health/Watch", &empty, NULL);
	h2_waits_for_data(&g.client, &w, 7);
	scaler_leave(g.scaler);
	h2_waits(&g.client, &w);
	assert_answer(&w, "0000000002080100000000020802");
	buf_free(&body);
	ground_close(&g);
}

static void assert_still_serves(struct ground *g)
{
	struct h2_answer a;

	if (g->client.tcp.ended || g->client.goaway) {
		h2_client_close(&g->client);
		h2_client_open(&g->client, g->loop, scaler_port(g->scaler));
	}
	ask_wait(g, &a, "IsActive", REF("function", "shop"));
	assert_answer(&a, "0000000000");
}

static void garbage_in_place_of_the_preface_is_let_go(void **state)
{
	static const char *const said[] = { "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n" };
	struct client c;
	struct ground g;

	(void)state;
	ground_open(&g);
	for (unsigned i = 0; i < 3; i++) {
		client_open(&c, g.loop, "127.0.0.1", scaler_port(g.scaler));
		client_say(&c, said[i]);
		client_waits_for_the_end(&c);
		client_close(&c);
	}
	assert_still_serves(&g);
	ground_close(&g);
}

static void a_head_beyond_all_bounds_is_reset(void **state)
{
	char *large = mem_new(20001);
	const char *one[] = { "x-large", large, NULL };
	const struct slice empty = SLICE("");
	struct h2_answer a;
	struct ground g;

	(void)state;
	memset(large, 'x', 20000);
	ground_open(&g);
	h2_ask(&g.client, &a, SCALER "IsActive", &empty, one);
	h2_waits(&g.client, &a);
	assert_true(a.reset != 0);
	assert_string_equal(a.status, "");
	assert_still_serves(&g);
	free(large);
	ground_close(&g);
}

static void streams_that_are_reset_at_once_end_the_connection(void **state)
{
	struct buf body = REF("function", "shop");
	struct h2_answer *a = mem_new(5000 * sizeof(*a));
	unsigned n = 0;
	struct ground g;

	(void)state;
	ground_open(&g);
	turns(&g, 3);
	for (; n < 5000 && !g.client.goaway && !g.client.tcp.ended; n++) {
		ask(&g, &a[n], "StreamIsActive", body);
		h2_client_turn(&g.client);
		nghttp2_submit_rst_stream(g.client.session, NGHTTP2_FLAG_NONE, a[n].id, NGHTTP2_CANCEL);
	}
	assert_true(n < 5000);
	assert_still_serves(&g);
	free(a);
	buf_free(&body);
	ground_close(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_whole_message_is_refused),
		cmocka_unit_test(a_request_that_is_too_large_is_refused_early),
		cmocka_unit_test(what_is_no_grpc_is_told_so_in_http),
		cmocka_unit_test(deadlines_are_kept),
		cmocka_unit_test(health_speaks_for_the_process_and_its_services),
		cmocka_unit_test(garbage_in_place_of_the_preface_is_let_go),
		cmocka_unit_test(a_head_beyond_all_bounds_is_reset),
		cmocka_unit_test(streams_that_are_reset_at_once_end_the_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
