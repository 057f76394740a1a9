/* The ground of tests of the scaler. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "bridge/error.h"
#include "tests/unit/scaler_ground.h"

/* --- the lag engine's place is taken by what a test says --- */

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

void ground_open(struct ground *g)
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

void ground_close(struct ground *g)
{
	h2_client_close(&g->client);
	scaler_free(g->scaler);
	loop_free(g->loop);
}

void lag_set(struct ground *g, int64_t lag, uint64_t progress)
{
	g->shop.view = (struct lag_view){ .lag = lag, .backlog = lag, .progress = progress };
	g->shop.changed(g->shop.arg);
}

/* --- bytes --- */

void buf_hex(struct buf *b, const char *hex)
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
struct buf ref(const char *const *pairs)
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

void ask(struct ground *g, struct h2_answer *a, const char *method, struct buf body)
{
	char path[100];

	snprintf(path, sizeof(path), "%s%s", SCALER, method);
	h2_ask(&g->client, a, path, &(struct slice){ body.p, body.n }, NULL);
}

void ask_wait(struct ground *g, struct h2_answer *a, const char *method, struct buf body)
{
	ask(g, a, method, body);
	h2_waits(&g->client, a);
	buf_free(&body);
}

void assert_data(const struct h2_answer *a, const char *hex)
{
	struct buf expected = { 0 };

	buf_hex(&expected, hex);
	assert_string_equal(a->status, "200");
	assert_int_equal(a->data.n, expected.n);
	assert_memory_equal(a->data.p, expected.p, expected.n);
	buf_free(&expected);
}

void assert_answer(struct h2_answer *a, const char *hex)
{
	assert_string_equal(a->grpc_status, "0");
	assert_string_equal(a->type, "application/grpc");
	assert_data(a, hex);
	h2_answer_free(a);
}

/* Refused with trailers only, as clients want it. */
void assert_refused(struct h2_answer *a, const char *status, const char *said)
{
	assert_string_equal(a->status, "200");
	assert_string_equal(a->grpc_status, status);
	assert_int_equal(a->heads, 1);
	if (!strstr(a->grpc_message, said))
		fail_msg("\"%s\" does not say \"%s\"", a->grpc_message, said);
	h2_answer_free(a);
}

void turns(struct ground *g, unsigned n)
{
	while (n-- > 0)
		h2_client_turn(&g->client);
}
