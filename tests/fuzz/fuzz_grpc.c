/* The scaler's calls with whatever a peer sends: answered once, and the same in one piece and in many. */
#include <stdlib.h>
#include <string.h>
#include "bridge/error.h"
#include "bridge/log.h"
#include "bridge/grpc_inside.h"
#include "bridge/scaler_inside.h"
#include "tests/fuzz/fuzz.h"

/* --- what stands for HTTP/2: one stream, whose answer is noted --- */

struct h2_stream {
	void *mine;
	struct buf answer;
	unsigned heads, ends;
};

struct h2_server {
	const struct h2_service *service;
	void *arg;
};

struct h2_server *h2_server_open(
    struct loop *loop, const struct h2_options *o, const struct h2_service *service, void *arg, struct error *err)
{
	struct h2_server *s = mem_new(sizeof(*s));

	(void)err;
	assert(loop && o->request_ms > 0);
	*s = (struct h2_server){ service, arg };
	return s;
}

unsigned h2_server_port(const struct h2_server *s)
{
	(void)s;
	return 1;
}

void h2_server_leave(struct h2_server *s)
{
	(void)s;
}

void h2_server_close(struct h2_server *s)
{
	free(s);
}

static void answer_add(struct h2_stream *s, const struct header *headers, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		buf_printf(&s->answer, "%.*s: ", (int)headers[i].name.n, headers[i].name.p);
		for (size_t j = 0; j < headers[i].value.n; j++)
			assert(headers[i].value.p[j] >= ' ' && headers[i].value.p[j] <= '~');
		buf_slice(&s->answer, headers[i].value);
		buf_text(&s->answer, "\n");
	}
}

void h2_stream_head(struct h2_stream *s, const struct header *headers, unsigned n, bool end)
{
	assert(s->heads == 0 && n > 0 && slice_is(headers[0].name, ":status"));
	s->heads++;
	s->ends += end;
	answer_add(s, headers, n);
}

void h2_stream_write(struct h2_stream *s, struct slice bytes)
{
	assert(s->heads == 1 && s->ends == 0 && bytes.n >= 5 && bytes.p[0] == 0);
	buf_slice(&s->answer, bytes);
}

void h2_stream_end(struct h2_stream *s, const struct header *trailers, unsigned n)
{
	assert(s->heads == 1 && s->ends == 0);
	s->ends++;
	answer_add(s, trailers, n);
}

size_t h2_stream_unsent(const struct h2_stream *s)
{
	(void)s;
	return 0;
}

void h2_stream_keep(struct h2_stream *s, void *mine)
{
	s->mine = mine;
}

void *h2_stream_kept(const struct h2_stream *s)
{
	return s->mine;
}

/* --- what stands for the lag engine and the loop --- */

struct function {
	struct lag_view view;
};

int function_lag(struct function *f, const struct lag_query *q, struct lag_view *view_r, struct error *err)
{
	assert(q->stale_ms >= 0);
	for (unsigned i = 0; i < q->n_spans; i++)
		assert(q->spans[i].from <= q->spans[i].to);
	if (q->subscription && strcmp(q->subscription, "orders") != 0)
		return error_set(err, ERR_CONFIG, "no subscription \"%.60s\"", q->subscription);
	*view_r = f->view;
	return 0;
}

void function_lags(struct function *f, lag_each *each, void *arg)
{
	(void)f;
	(void)each;
	(void)arg;
}

void function_watch_lag(struct function *f, void (*changed)(void *), void *arg)
{
	(void)f;
	(void)changed;
	(void)arg;
}

const char *function_name(const struct function *f)
{
	(void)f;
	return "shop";
}

struct loop {
	int nothing;
};

int64_t loop_now(const struct loop *loop)
{
	(void)loop;
	return 0;
}

void timer_set(struct loop *loop, struct timer *t, int64_t after_ms, void (*fn)(void *), void *arg)
{
	(void)loop;
	assert(after_ms >= 0);
	*t = (struct timer){ .at = after_ms, .fn = fn, .arg = arg, .heap_index = 1 };
}

void timer_stop(struct loop *loop, struct timer *t)
{
	(void)loop;
	t->heap_index = 0;
}

/* --- a call: first line the path, second its grpc-timeout, the rest what is sent --- */

static void call(struct h2_server *h2, struct slice input, struct random *r, struct buf *answer)
{
	struct header headers[2] = { { SLICE("content-type"), SLICE("application/grpc") },
		{ SLICE("grpc-timeout"), { 0 } } };
	struct h2_head head = { .method = SLICE("POST"), .headers = headers };
	struct h2_stream s = { 0 };

	head.path = input_line(&input);
	headers[1].value = input_line(&input);
	head.n_headers = headers[1].value.n ? 2 : 1;
	h2->service->begun(h2->arg, &s, &head);
	while (input.n) {
		size_t piece = r ? input_piece(r, input.n) : input.n;

		h2->service->body(h2->arg, &s, (struct slice){ input.p, piece });
		input = (struct slice){ input.p + piece, input.n - piece };
	}
	h2->service->ended(h2->arg, &s);
	assert(s.ends == 1 || memmem(head.path.p, head.path.n, "Stream", 6) ||
	    memmem(head.path.p, head.path.n, "Watch", 5));
	h2->service->gone(h2->arg, &s);
	*answer = s.answer;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct slice s = { (const char *)p, n };
	struct random r = input_random(s);
	struct function shop = { .view = { .lag = 12, .backlog = 9, .inflight = 3, .partitions = 7, .lagging = 2 } };
	const struct scaler_options o = { .listen = "127.0.0.1" };
	struct buf whole, pieces;
	struct loop loop = { 0 };
	struct error err;
	struct scaler *scaler = scaler_new(&loop);

	log_setup(LOG_ERROR, false, "", "");
	scaler_add(scaler, &shop);
	assert(scaler_open(scaler, &o, &err) == 0);
	call(scaler->grpc->h2, s, NULL, &whole);
	call(scaler->grpc->h2, s, &r, &pieces);
	scaler_free(scaler);
	assert(whole.n == pieces.n && (!whole.n || memcmp(whole.p, pieces.p, whole.n) == 0));
	buf_free(&whole);
	buf_free(&pieces);
	return 0;
}
