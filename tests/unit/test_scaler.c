/* The scaler over its wire: KEDA's five calls byte by byte, what is pushed when, and peers that misbehave. */
/* links: client.c peer.c h2_client.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "bridge/error.h"
#include "bridge/lag.h"
#include "bridge/scaler.h"
#include "tests/unit/h2_client.h"

#define SCALER "/externalscaler.ExternalScaler/"

/* --- the lag engine's place is taken by what a test says --- */

struct function {
	const char *name;
	bool unknown;
	struct lag_view view;
	void (*changed)(void *);
	void *arg;
	int64_t stale_ms; /* as last asked */
};

int function_lag(struct function *f, const struct lag_query *q, struct lag_view *view_r, struct error *err)
{
	f->stale_ms = q->stale_ms;
	if (q->subscription && strcmp(q->subscription, "orders") != 0)
		return error_set(err, ERR_CONFIG, "no subscription \"%s\"", q->subscription);
	if (f->unknown && !q->stale_ms)
		return error_set(err, ERR_IO, "lag of t is unknown: the broker is away");
	*view_r = f->view;
	return 0;
}

void function_lags(struct function *f, lag_each *each, void *arg)
{
	each(arg, "orders", "kafka", "t\"", f->unknown ? NULL : &f->view, f->unknown ? "the broker is away" : NULL);
}

void function_watch_lag(struct function *f, void (*changed)(void *), void *arg)
{
	f->changed = changed;
	f->arg = arg;
}

const char *function_name(const struct function *f)
{
	return f->name;
}

/* --- the ground --- */

struct ground {
	struct loop *loop;
	struct scaler *scaler;
	struct function shop, till;
	struct h2_client client;
};

static void ground_open(struct ground *g)
{
	const struct scaler_options o = { .listen = "127.0.0.1" };
	struct error err;

	*g = (struct ground){ .loop = loop_for_test(), .shop = { .name = "shop" }, .till = { .name = "till" } };
	g->scaler = scaler_new(g->loop);
	scaler_add(g->scaler, &g->till);
	scaler_add(g->scaler, &g->shop);
	if (scaler_open(g->scaler, &o, &err) == -1)
		fail_msg("%s", err.text);
	h2_client_open(&g->client, g->loop, scaler_port(g->scaler));
}

static void ground_close(struct ground *g)
{
	h2_client_close(&g->client);
	scaler_free(g->scaler);
	loop_free(g->loop);
}

static void lag_set(struct ground *g, int64_t lag, uint64_t progress)
{
	g->shop.view = (struct lag_view){ .lag = lag, .backlog = lag, .progress = progress };
	g->shop.changed(g->shop.arg);
}

/* --- bytes --- */

static void buf_hex(struct buf *b, const char *hex)
{
	for (; *hex; hex += 2) {
		unsigned byte;
		char c;

		assert_int_equal(sscanf(hex, "%2x", &byte), 1);
		c = (char)byte;
		buf_add(b, &c, 1);
	}
}

static void field_add(struct buf *b, char tag, struct slice value)
{
	char head[2] = { tag, (char)value.n };

	assert_true(value.n < 128);
	buf_add(b, head, 2);
	buf_slice(b, value);
}

/* A ScaledObjectRef of such metadata, framed. */
static struct buf ref(const char *const *pairs)
{
	struct buf message = { 0 }, framed = { 0 };
	char head[5] = { 0 };

	field_add(&message, 0x0a, SLICE("orders"));
	field_add(&message, 0x12, SLICE("fn"));
	for (; pairs && *pairs; pairs += 2) {
		struct buf entry = { 0 };

		field_add(&entry, 0x0a, slice_text(pairs[0]));
		field_add(&entry, 0x12, slice_text(pairs[1]));
		field_add(&message, 0x1a, (struct slice){ entry.p, entry.n });
		buf_free(&entry);
	}
	head[3] = (char)(message.n >> 8);
	head[4] = (char)message.n;
	buf_add(&framed, head, 5);
	buf_add(&framed, message.p, message.n);
	buf_free(&message);
	return framed;
}

#define REF(...) ref((const char *const[]){ __VA_ARGS__, NULL })

static void ask(struct ground *g, struct h2_answer *a, const char *method, struct buf body)
{
	char path[100];

	snprintf(path, sizeof(path), "%s%s", SCALER, method);
	h2_ask(&g->client, a, path, &(struct slice){ body.p, body.n }, NULL);
}

static void ask_wait(struct ground *g, struct h2_answer *a, const char *method, struct buf body)
{
	ask(g, a, method, body);
	h2_waits(&g->client, a);
	buf_free(&body);
}

static void assert_data(const struct h2_answer *a, const char *hex)
{
	struct buf expected = { 0 };

	buf_hex(&expected, hex);
	assert_string_equal(a->status, "200");
	assert_int_equal(a->data.n, expected.n);
	assert_memory_equal(a->data.p, expected.p, expected.n);
	buf_free(&expected);
}

static void assert_answer(struct h2_answer *a, const char *hex)
{
	assert_string_equal(a->grpc_status, "0");
	assert_string_equal(a->type, "application/grpc");
	assert_data(a, hex);
	h2_answer_free(a);
}

/* Refused with trailers only, as clients want it. */
static void assert_refused(struct h2_answer *a, const char *status, const char *said)
{
	assert_string_equal(a->status, "200");
	assert_string_equal(a->grpc_status, status);
	assert_int_equal(a->heads, 1);
	if (!strstr(a->grpc_message, said))
		fail_msg("\"%s\" does not say \"%s\"", a->grpc_message, said);
	h2_answer_free(a);
}

/* --- the calls --- */

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
	buf_hex(&metrics, "00000000290a1e0a066f72646572731202666e1a100a0866756e6374696f6e120473686f7012076261636b6c6f67");
	ask_wait(&g, &a, "GetMetrics", metrics);
	assert_answer(&a, "00000000160a140a076261636b6c6f67107b190000000000c05e40");
	g.shop.view.lag = g.shop.view.backlog = 0;
	memset(&metrics, 0, sizeof(metrics));
	buf_hex(&metrics, "00000000290a1e0a066f72646572731202666e1a100a0866756e6374696f6e120473686f7012076261636b6c6f67");
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

/* --- what is pushed --- */

static void turns(struct ground *g, unsigned n)
{
	while (n-- > 0)
		h2_client_turn(&g->client);
}

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

/* --- many, and those that misbehave --- */

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
	static const char *const said[] = { "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03",
		"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n" };
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

/* --- JSON --- */

static struct http_response json(struct ground *g, const char *path, const char *name, const char *value)
{
	const struct header header = { slice_text(name), slice_text(value) };
	const struct http_request q = { .method = SLICE("GET"),
		.path = slice_text(path),
		.headers = &header,
		.n_headers = name ? 1 : 0 };
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
	assert_json(&g, "/scaler/v1/shop", 200, "\"subscriptions\":[{\"name\":\"orders\",\"component\":\"kafka\",\"topic\":\"t\\\"\",\"lag\":15");
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
		{ "Authorization", "Bearer secrets", 401 }, { "Authorization", "secret", 401 }, { "X-API-KEY", "", 401 } };
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
		cmocka_unit_test(what_is_no_whole_message_is_refused),
		cmocka_unit_test(a_request_that_is_too_large_is_refused_early),
		cmocka_unit_test(what_is_no_grpc_is_told_so_in_http),
		cmocka_unit_test(deadlines_are_kept),
		cmocka_unit_test(health_speaks_for_the_process_and_its_services),
		cmocka_unit_test(true_is_pushed_on_the_edge_and_false_never),
		cmocka_unit_test(at_open_what_waits_is_told_at_once),
		cmocka_unit_test(what_nobody_touches_is_told_again),
		cmocka_unit_test(specs_are_streamed_once_and_stay),
		cmocka_unit_test(leaving_ends_streams_well_and_answers_what_is_asked),
		cmocka_unit_test(two_thousand_streams_are_told_and_forgotten),
		cmocka_unit_test(without_a_window_one_message_waits_and_no_more),
		cmocka_unit_test(garbage_in_place_of_the_preface_is_let_go),
		cmocka_unit_test(a_head_beyond_all_bounds_is_reset),
		cmocka_unit_test(streams_that_are_reset_at_once_end_the_connection),
		cmocka_unit_test(the_json_form_says_the_same_numbers),
		cmocka_unit_test(the_json_form_asks_for_its_token),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
