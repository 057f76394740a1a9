/* The scaler's answers: KEDA's calls byte by byte, what is refused with which word, and the JSON form. */
/* links: client.c peer.c h2_client.c scaler_ground.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "bridge/error.h"
#include "tests/unit/scaler_ground.h"

static void the_calls_are_answered_byte_by_byte(void **state)
{
	struct buf metrics = { 0 };
	struct h2_answer a;
	struct ground g;

	(void)state;
	ground_open(&g);
	ask_wait(&g, &a, "IsActive", REF("function", "shop"));
	assert_answer(&a, "0000000000");
	g.shop.view.lag = g.shop.view.backlog = 123;
	ask_wait(&g, &a, "IsActive", REF("function", "shop"));
	assert_answer(&a, "00000000020801");
	ask_wait(&g, &a, "GetMetricSpec", REF("function", "shop"));
	assert_answer(&a, "00000000160a140a076261636b6c6f67100a190000000000002440");
	buf_hex(&metrics,
	    "000000002a0a1f0a066f72646572731202666e1a110a0866756e6374696f6e120573686f70201207626c61636b6c6f67");
	buf_clear(&metrics);
	buf_hex(
	    &metrics, "00000000290a1e0a066f72646572731202666e1a100a0866756e6374696f6e120473686f7012076261636b6c6f67");
	ask_wait(&g, &a, "GetMetrics", metrics);
	assert_answer(&a, "00000000160a140a076261636b6c6f67107b190000000000c05e40");
	g.shop.view.lag = g.shop.view.backlog = 0;
	memset(&metrics, 0, sizeof(metrics));
	buf_hex(
	    &metrics, "00000000290a1e0a066f72646572731202666e1a100a0866756e6374696f6e120473686f7012076261636b6c6f67");
	ask_wait(&g, &a, "GetMetrics", metrics);
	assert_answer(&a, "000000000b0a090a076261636b6c6f67");
	ground_close(&g);
}

static void unknown_lag_is_unavailable_and_the_spec_stands(void **state)
{
	struct h2_answer a;
	struct ground g;

	(void)state;
	ground_open(&g);
	g.shop.unknown = true;
	ask_wait(&g, &a, "IsActive", REF("function", "shop"));
	assert_refused(&a, "14", "lag of t is unknown");
	ask_wait(&g, &a, "GetMetricSpec", REF("function", "shop"));
	assert_answer(&a, "00000000160a140a076261636b6c6f67100a190000000000002440");
	ask_wait(&g, &a, "IsActive", REF("function", "shop", "staleFor", "60s"));
	assert_answer(&a, "0000000000");
	assert_int_equal(g.shop.stale_ms, 60000);
	ground_close(&g);
}

static void names_and_keys_nobody_knows_are_refused(void **state)
{
	struct h2_answer a;
	struct ground g;

	(void)state;
	ground_open(&g);
	ask_wait(&g, &a, "IsActive", REF("function", "shpo"));
	assert_refused(&a, "5", "no function \"shpo\" here");
	ask_wait(&g, &a, "IsActive", ref(NULL));
	assert_refused(&a, "3", "function: not said");
	ask_wait(&g, &a, "StreamIsActive", REF("function", "shop", "subscription", "x"));
	assert_refused(&a, "3", "no subscription \"x\"");
	ask_wait(&g, &a, "GetMetricSpec", REF("function", "shop", "targetBacklog", "0"));
	assert_refused(&a, "3", "targetBacklog: 0, expected more than 0");
	ask_wait(&g, &a, "Nothing", REF("function", "shop"));
	assert_refused(&a, "12", "no such method");
	ground_close(&g);
}

/* --- JSON --- */

static struct http_response json(struct ground *g, const char *path, const char *name, const char *value)
{
	const struct header header = { slice_text(name), slice_text(value) };
	const struct http_request q = {
		.method = SLICE("GET"), .path = slice_text(path), .headers = &header, .n_headers = name ? 1 : 0
	};
	struct http_response r = { .status = 404 };

	assert_true(scaler_handle(g->scaler, &q, &r));
	*buf_room(&r.body, 1) = '\0';
	return r;
}

static void assert_json(struct ground *g, const char *path, int status, const char *said)
{
	struct http_response r = json(g, path, NULL, NULL);

	assert_int_equal(r.status, status);
	assert_string_equal(r.content_type, "application/json");
	if (!strstr(r.body.p, said))
		fail_msg("%s: \"%s\" does not say \"%s\"", path, r.body.p, said);
	buf_free(&r.body);
}

static void the_json_form_says_the_same_numbers(void **state)
{
	const struct http_request other = { .method = SLICE("GET"), .path = SLICE("/scaler/v10") };
	struct http_response r = { .status = 404 };
	struct ground g;

	(void)state;
	ground_open(&g);
	g.shop.view = (struct lag_view){ .lag = 15, .backlog = 12, .inflight = 3, .oldest_ms = 800, .partitions = 4 };
	assert_json(&g, "/scaler/v1", 200, "{\"functions\":[\"shop\",\"till\"]}\n");
	assert_json(&g, "/scaler/v1/shop", 200,
	    "{\"function\":\"shop\",\"lag\":15,\"backlog\":12,\"inflight\":3,\"active\":true,\"oldest_ms\":800,");
	assert_json(&g, "/scaler/v1/shop", 200,
	    "\"subscriptions\":[{\"name\":\"orders\",\"component\":\"kafka\",\"topic\":\"t\\\"\",\"lag\":15");
	assert_json(&g, "/scaler/v1/till/orders", 200, "\"lag\":0,\"backlog\":0,\"inflight\":0,\"active\":false");
	assert_json(&g, "/scaler/v1/shop/x", 404, "no subscription");
	assert_json(&g, "/scaler/v1/shpo", 404, "no function \\\"shpo\\\" here");
	g.shop.unknown = true;
	assert_json(&g, "/scaler/v1/shop", 503, "\"error\":\"lag of t is unknown: the broker is away\"");
	assert_false(scaler_handle(g.scaler, &other, &r));
	ground_close(&g);
}

static void the_json_form_asks_for_its_token(void **state)
{
	static const struct {
		const char *name, *value;
		int status;
	} cases[] = { { NULL, NULL, 401 }, { "Authorization", "Bearer secret", 200 }, { "x-api-key", "secret", 200 },
		{ "authorization", "bearer secret", 200 }, { "Authorization", "Bearer secre", 401 },
		{ "Authorization", "Bearer secrets", 401 }, { "Authorization", "secret", 401 },
		{ "X-API-KEY", "", 401 } };
	char path[] = "/tmp/bridge-token-XXXXXX";
	struct scaler_options o = { .listen = "127.0.0.1", .token_file = path };
	struct error err;
	struct ground g = { .loop = loop_for_test(), .shop = { .name = "shop" } };
	FILE *file = fdopen(mkstemp(path), "w");

	(void)state;
	fputs("secret\n", file);
	fclose(file);
	g.scaler = scaler_new(g.loop);
	scaler_add(g.scaler, &g.shop);
	assert_int_equal(scaler_open(g.scaler, &o, &err), 0);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_response r = json(&g, "/scaler/v1/shop", cases[i].name, cases[i].value);

		assert_int_equal(r.status, cases[i].status);
		buf_free(&r.body);
	}
	remove(path);
	scaler_free(g.scaler);
	loop_free(g.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_calls_are_answered_byte_by_byte),
		cmocka_unit_test(unknown_lag_is_unavailable_and_the_spec_stands),
		cmocka_unit_test(names_and_keys_nobody_knows_are_refused),
		cmocka_unit_test(the_json_form_says_the_same_numbers),
		cmocka_unit_test(the_json_form_asks_for_its_token),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
