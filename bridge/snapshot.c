/* One function as the live view shows it: sampled once a second, printed as JSON. */
#include "bridge/snapshot.h"

#include "bridge/core.h"
#include "bridge/history.h"
#include "bridge/json_scan.h"

/* --- sampling --- */

unsigned function_sample(struct function *f, unsigned room)
{
	int64_t now = loop_now(f->loop);
	unsigned n = 0;

	function_walk(f);
	for (struct sub *s = f->subs; s && n < room; s = s->next, n++) {
		struct history_point p = { .received = s->metrics.received, .delivered = s->metrics.delivered };
		struct lag_view view;

		p.known = sub_view(s, &view);
		p.lag = view.lag;
		if (!s->history)
			s->history = mem_new(sizeof(*s->history));
		history_add(s->history, now, &p);
	}
	return n;
}

/* --- printing --- */

static void name_add(struct buf *out, const char *name)
{
	buf_printf(out, "%s\"%s\":", out->p[out->n - 1] == '{' ? "" : ",", name);
}

static void text_add(struct buf *out, const char *name, const char *text)
{
	name_add(out, name);
	if (text)
		json_add_string(out, slice_text(text));
	else
		buf_text(out, "null");
}

static void count_add(struct buf *out, const char *name, int64_t value)
{
	name_add(out, name);
	buf_printf(out, "%lld", (long long)value);
}

static void maybe_add(struct buf *out, const char *name, bool known, int64_t value)
{
	if (known)
		count_add(out, name, value);
	else
		text_add(out, name, NULL);
}

static void flag_add(struct buf *out, const char *name, bool value)
{
	name_add(out, name);
	buf_text(out, value ? "true" : "false");
}

static void reasons_print(struct buf *out, const struct reasons *all)
{
	name_add(out, "reasons");
	buf_text(out, "[");
	for (unsigned i = 0; i < all->n; i++) {
		const struct reason *r = &all->list[i];

		buf_text(out, i ? ",{" : "{");
		text_add(out, "kind", reason_word(r->kind));
		text_add(out, "why", r->why);
		count_add(out, "count", (int64_t)r->count);
		text_add(out, "id", r->id);
		count_add(out, "attempts", r->attempts);
		count_add(out, "at", r->at);
		buf_text(out, "}");
	}
	buf_text(out, "]");
}

static void rate_add(struct buf *out, const char *name, bool known, double value)
{
	if (!known) {
		text_add(out, name, NULL);
		return;
	}
	name_add(out, name);
	buf_printf(out, "%.1f", value);
}

static void rates_print(struct buf *out, const struct history *h)
{
	double received = 0, delivered = 0;
	bool known = history_rates(h, &received, &delivered);

	rate_add(out, "rate_in", known, received);
	rate_add(out, "rate_out", known, delivered);
}

static void counts_print(struct buf *out, const struct sub *s)
{
	const struct sub_metrics *m = &s->metrics;

	count_add(out, "received", (int64_t)m->received);
	count_add(out, "delivered", (int64_t)m->delivered);
	count_add(out, "retries", (int64_t)m->retries);
	count_add(out, "parked", (int64_t)m->parked);
	count_add(out, "dropped", (int64_t)(m->dropped_function + m->dropped_exhausted + m->dropped_source));
	count_add(out, "expired", (int64_t)m->expired);
	count_add(out, "returned", (int64_t)m->returned);
	count_add(out, "inflight", (int64_t)s->walked.inflight);
	count_add(out, "waiting", (int64_t)s->walked.waiting);
	count_add(out, "sending", s->in_flight);
	count_add(out, "backoff", (int64_t)s->walked.backoff);
	count_add(out, "asking", (int64_t)s->walked.asking);
	count_add(out, "held", (int64_t)s->walked.held);
	count_add(out, "drift", sub_drift(s));
}

static void sub_print(struct buf *out, struct sub *s, bool history)
{
	struct lag_view view;
	bool known = sub_view(s, &view);

	buf_text(out, "{");
	text_add(out, "component", s->component->name);
	text_add(out, "topic", s->public.topic ? s->public.topic : "");
	text_add(out, "route", s->route.path);
	flag_add(out, "wanted", s->wanted);
	flag_add(out, "down", s->down);
	maybe_add(out, "lag", known, view.lag);
	rates_print(out, s->history);
	counts_print(out, s);
	reasons_print(out, &s->reasons);
	if (history) {
		name_add(out, "history");
		history_print(s->history, out);
	}
	buf_text(out, "}");
}

static const char *component_state(const struct component *c)
{
	if (c->renewal)
		return "opened anew";
	if (c->stopped)
		return "stopped";
	if (c->up)
		return component_ready(c) ? "up" : "subscribing";
	return c->last_error.code || c->was_up ? "down" : "connecting";
}

static void component_print(struct buf *out, const struct component *c)
{
	int64_t now = loop_now(c->function->loop);

	buf_text(out, "{");
	text_add(out, "name", c->name);
	text_add(out, "kind", c->connector.class->name);
	text_add(out, "state", component_state(c));
	maybe_add(out, "for_ms", c->changed_at, now - c->changed_at);
	text_add(out, "error", !c->up && c->last_error.code ? c->last_error.text : NULL);
	maybe_add(out, "retry_ms", c->reopen.heap_index, c->reopen.at > now ? c->reopen.at - now : 0);
	count_add(out, "reconnects", (int64_t)c->metrics.reconnects);
	count_add(out, "commit_failures", (int64_t)c->metrics.commit_failures);
	buf_text(out, "}");
}

static const char *function_state(const struct function *f)
{
	switch (f->state) {
	case FUNCTION_NEW: return "starting";
	case FUNCTION_RUNNING: return function_ready(f, NULL) ? "ready" : "not ready";
	case FUNCTION_DRAINING:
	case FUNCTION_CONFIRMING:
	case FUNCTION_CLOSING: return "draining";
	case FUNCTION_CLOSED: break;
	}
	return "ended";
}

static void function_numbers(struct buf *out, const struct function *f)
{
	const struct bound *b = f->bound;

	text_add(out, "name", f->options.name);
	text_add(out, "state", function_state(f));
	count_add(out, "capacity", b ? b->capacity : 0);
	count_add(out, "limit", b ? pace_limit(&b->pace, b->capacity) : 0);
	count_add(out, "sending", b ? b->in_flight : 0);
	count_add(out, "events", f->events);
	count_add(out, "events_max", f->options.buffer_events);
	count_add(out, "bytes", (int64_t)f->bytes);
	count_add(out, "bytes_max", (int64_t)f->options.buffer_bytes);
}

/* Of the function itself; what is wrong with a component stands there.  NULL: nothing. */
static const char *function_trouble(const struct function *f)
{
	if (f->state != FUNCTION_RUNNING)
		return NULL;
	if (!f->bound)
		return "no address of a function is given: nothing is read";
	if (!f->bound->capacity)
		return "not reachable: nothing more is read until it is";
	return f->bound->discovered ? NULL : "not yet asked what it wants";
}

void function_snapshot(struct function *f, bool history, struct buf *out)
{
	function_walk(f);
	buf_text(out, "{");
	function_numbers(out, f);
	text_add(out, "trouble", function_trouble(f));
	name_add(out, "components");
	buf_text(out, "[");
	for (const struct component *c = f->components; c; c = c->next) {
		component_print(out, c);
		buf_text(out, c->next ? "," : "");
	}
	buf_text(out, "],\"subscriptions\":[");
	for (struct sub *s = f->subs; s && s->history; s = s->next) {
		buf_text(out, s == f->subs ? "" : ",");
		sub_print(out, s, history);
	}
	buf_text(out, "]}");
}
