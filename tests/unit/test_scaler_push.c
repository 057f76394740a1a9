/* KEDA's open streams: what is pushed when, to many, and how they end. */
/* links: client.c peer.c h2_client.c scaler_ground.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/unit/scaler_ground.h"

static void true_is_pushed_on_the_edge_and_false_never(void **state)
{
	struct buf body = REF("function", "shop", "activationBacklog", "2");
	struct h2_answer a;
	struct ground g;

	(void)state;
	ground_open(&g);
	ask(&g, &a, "StreamIsActive", body);
	while (!*a.status && !a.closed && g.client.taken++ < 20)
		h2_client_turn(&g.client);
	assert_int_equal(a.data.n, 0);
	lag_set(&g, 2, 0);
	turns(&g, 20);
	assert_int_equal(a.data.n, 0);
	lag_set(&g, 3, 0);
	h2_waits_for_data(&g.client, &a, 7);
	lag_set(&g, 5, 1);
	lag_set(&g, 0, 2);
	turns(&g, 20);
	assert_int_equal(a.data.n, 7);
	g.shop.unknown = true;
	g.shop.changed(g.shop.arg);
	g.shop.unknown = false;
	turns(&g, 20);
	assert_int_equal(a.data.n, 7);
	lag_set(&g, 3, 2);
	h2_waits_for_data(&g.client, &a, 14);
	assert_data(&a, "0000000002080100000000020801");
	h2_answer_free(&a);
	buf_free(&body);
	ground_close(&g);
}

static void at_open_what_waits_is_told_at_once(void **state)
{
	struct buf body = REF("function", "shop");
	struct h2_answer a, b;
	struct ground g;

	(void)state;
	ground_open(&g);
	lag_set(&g, 1, 0);
	ask(&g, &a, "StreamIsActive", body);
	h2_waits_for_data(&g.client, &a, 7);
	ask(&g, &b, "StreamIsActive", body);
	h2_waits_for_data(&g.client, &b, 7);
	assert_int_equal(a.data.n, 7);
	h2_answer_free(&a);
	h2_answer_free(&b);
	buf_free(&body);
	ground_close(&g);
}

/* Two seconds apart, as long as nothing is finished. */
static void what_nobody_touches_is_told_again(void **state)
{
	struct buf body = REF("function", "shop");
	struct h2_answer a;
	struct ground g;
	int64_t began;

	(void)state;
	ground_open(&g);
	lag_set(&g, 4, 7);
	ask(&g, &a, "StreamIsActive", body);
	h2_waits_for_data(&g.client, &a, 7);
	began = loop_now(g.loop);
	h2_waits_for_data(&g.client, &a, 14);
	assert_true(loop_now(g.loop) - began >= 1900);
	began = loop_now(g.loop);
	lag_set(&g, 3, 8); /* one was finished: it runs */
	while (loop_now(g.loop) - began < 1900)
		h2_client_turn(&g.client);
	assert_int_equal(a.data.n, 14);
	h2_waits_for_data(&g.client, &a, 21);
	h2_answer_free(&a);
	buf_free(&body);
	ground_close(&g);
}

static void specs_are_streamed_once_and_stay(void **state)
{
	struct buf body = REF("function", "shop", "targetBacklog", "2.5");
	struct h2_answer a;
	struct ground g;

	(void)state;
	ground_open(&g);
	ask(&g, &a, "StreamMetricSpec", body);
	h2_waits_for_data(&g.client, &a, 27);
	lag_set(&g, 9, 0);
	turns(&g, 20);
	assert_data(&a, "00000000160a140a076261636b6c6f671003190000000000000440");
	assert_false(a.closed);
	h2_answer_free(&a);
	buf_free(&body);
	ground_close(&g);
}

static void leaving_ends_streams_well_and_answers_what_is_asked(void **state)
{
	struct buf body = REF("function", "shop");
	struct h2_answer a, b;
	struct ground g;

	(void)state;
	ground_open(&g);
	ask(&g, &a, "StreamIsActive", body);
	turns(&g, 20);
	ask(&g, &b, "IsActive", body);
	turns(&g, 1);
	scaler_leave(g.scaler);
	h2_waits(&g.client, &a);
	assert_string_equal(a.grpc_status, "0");
	while (!g.client.tcp.ended)
		h2_client_turn(&g.client);
	assert_true(g.client.goaway);
	assert_true(b.closed);
	h2_answer_free(&a);
	h2_answer_free(&b);
	buf_free(&body);
	ground_close(&g);
}

enum { MANY = 2000 };

static void two_thousand_streams_are_told_and_forgotten(void **state)
{
	struct buf body = REF("function", "shop");
	struct h2_answer *many = mem_new(MANY * sizeof(*many));
	struct ground g;

	(void)state;
	ground_open(&g);
	turns(&g, 3); /* the server's limit is known */
	for (unsigned i = 0; i < MANY; i++)
		ask(&g, &many[i], "StreamIsActive", body);
	turns(&g, 50);
	lag_set(&g, 1, 0);
	for (unsigned i = 0; i < MANY; i++) {
		h2_waits_for_data(&g.client, &many[i], 7);
		h2_answer_free(&many[i]);
	}
	h2_client_close(&g.client);
	h2_client_open(&g.client, g.loop, scaler_port(g.scaler));
	ask_wait(&g, many, "IsActive", REF("function", "shop"));
	assert_answer(many, "00000000020801");
	lag_set(&g, 0, 1);
	lag_set(&g, 1, 1); /* nobody is left to be told */
	free(many);
	buf_free(&body);
	ground_close(&g);
}

static void without_a_window_one_message_waits_and_no_more(void **state)
{
	const nghttp2_settings_entry none = { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0 };
	struct buf body = REF("function", "shop");
	struct h2_answer a;
	struct ground g;

	(void)state;
	ground_open(&g);
	nghttp2_submit_settings(g.client.session, NGHTTP2_FLAG_NONE, &none, 1);
	ask(&g, &a, "StreamIsActive", body);
	turns(&g, 20);
	for (unsigned i = 0; i < 1000; i++) {
		lag_set(&g, 1, 0);
		lag_set(&g, 0, 0);
	}
	turns(&g, 20);
	assert_int_equal(a.data.n, 0);
	nghttp2_submit_window_update(g.client.session, NGHTTP2_FLAG_NONE, a.id, 65535);
	h2_waits_for_data(&g.client, &a, 7);
	turns(&g, 20);
	assert_int_equal(a.data.n, 7);
	h2_answer_free(&a);
	buf_free(&body);
	ground_close(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(true_is_pushed_on_the_edge_and_false_never),
		cmocka_unit_test(at_open_what_waits_is_told_at_once),
		cmocka_unit_test(what_nobody_touches_is_told_again),
		cmocka_unit_test(specs_are_streamed_once_and_stay),
		cmocka_unit_test(leaving_ends_streams_well_and_answers_what_is_asked),
		cmocka_unit_test(two_thousand_streams_are_told_and_forgotten),
		cmocka_unit_test(without_a_window_one_message_waits_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
