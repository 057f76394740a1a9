/* Metrics as Prometheus text: the rows of metrics.def, and the gauges that are counted by walking the windows. */
#include <stddef.h>
#include <string.h>

#include "bridge/core.h"

static const int64_t bucket_ms[HISTOGRAM_BUCKETS] = { 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000,
	20000, 50000, 100000 };

void histogram_add(struct histogram *h, int64_t ms)
{
	unsigned i = 0;

	while (i < HISTOGRAM_BUCKETS && ms > bucket_ms[i])
		i++;
	h->count[i]++;
	h->sum += (double)ms;
}

enum kind { COUNTER, GAUGE };
struct row {
	const char *name;
	enum kind kind;
	size_t offset;
	const char *help;
};

#define ROW_subscription(n, k, h) { "bridge_subscription_" #n, k, offsetof(struct sub_metrics, n), h },
#define ROW_component(n, k, h)
static const struct row sub_rows[] = {
#define METRIC(scope, name, kind, help) ROW_##scope(name, kind, help)
#include "bridge/metrics.def"
#undef METRIC
};
#undef ROW_subscription
#undef ROW_component
#define ROW_subscription(n, k, h)
#define ROW_component(n, k, h) { "bridge_component_" #n, k, offsetof(struct component_metrics, n), h },
static const struct row component_rows[] = {
#define METRIC(scope, name, kind, help) ROW_##scope(name, kind, help)
#include "bridge/metrics.def"
#undef METRIC
};

static void label_add(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, "%s=\"", name);
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			buf_add(out, "\\", 1);
		if (*value == '\n')
			buf_text(out, "\\n");
		else
			buf_add(out, value, 1);
	}
	buf_add(out, "\"", 1);
}

static void component_labels(struct buf *out, const struct component *c)
{
	buf_add(out, "{", 1);
	label_add(out, "component", c->name);
	buf_add(out, ",", 1);
	label_add(out, "function", c->function->options.name);
}

static void sub_labels(struct buf *out, const struct sub *s)
{
	component_labels(out, s->component);
	buf_add(out, ",", 1);
	label_add(out, "route", s->route.path);
	buf_add(out, ",", 1);
	label_add(out, "topic", s->public.topic ? s->public.topic : "");
}

static void head_add(struct buf *out, const char *name, const char *suffix, const char *kind, const char *help)
{
	buf_printf(out, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, suffix, help, name, suffix, kind);
}

static void sub_row_print(struct buf *out, const struct function *f, const struct row *row)
{
	head_add(out, row->name, "_total", "counter", row->help);
	for (const struct sub *s = f->subs; s; s = s->next) {
		buf_printf(out, "%s_total", row->name);
		sub_labels(out, s);
		buf_printf(
		    out, "} %llu\n", (unsigned long long)*(const uint64_t *)((const char *)&s->metrics + row->offset));
	}
}

static void component_row_print(struct buf *out, const struct function *f, const struct row *row)
{
	head_add(out, row->name, "_total", "counter", row->help);
	for (const struct component *c = f->components; c; c = c->next) {
		buf_printf(out, "%s_total", row->name);
		component_labels(out, c);
		buf_printf(
		    out, "} %llu\n", (unsigned long long)*(const uint64_t *)((const char *)&c->metrics + row->offset));
	}
}

static void histogram_print(
    struct buf *out, const struct function *f, const char *name, size_t offset, const char *help)
{
	head_add(out, name, "", "histogram", help);
	for (const struct sub *s = f->subs; s; s = s->next) {
		const struct histogram *h = (const struct histogram *)((const char *)&s->metrics + offset);
		uint64_t sum = 0;

		for (unsigned i = 0; i <= HISTOGRAM_BUCKETS; i++) {
			sum += h->count[i];
			buf_printf(out, "%s_bucket", name);
			sub_labels(out, s);
			if (i < HISTOGRAM_BUCKETS)
				buf_printf(
				    out, ",le=\"%lld\"} %llu\n", (long long)bucket_ms[i], (unsigned long long)sum);
			else
				buf_printf(out, ",le=\"+Inf\"} %llu\n", (unsigned long long)sum);
		}
		buf_printf(out, "%s_sum", name);
		sub_labels(out, s);
		buf_printf(out, "} %.0f\n%s_count", h->sum, name);
		sub_labels(out, s);
		buf_printf(out, "} %llu\n", (unsigned long long)sum);
	}
}

/* What is in flight is counted, never derived: that is what makes the drift below worth looking at. */
static void walk_window(const struct window *w)
{
	for (struct entry *e = w->live.first; e; e = e->next)
		for (unsigned i = 0; i < e->n_items; i++) {
			struct item *item = &e->items[i];

			if (item->state == ITEM_FINISHED)
				continue;
			item->sub->walked.inflight++;
			item->sub->walked.backoff += item->state == ITEM_BACKOFF;
			item->sub->walked.parking += item->handoff && item->handoff->kind == HANDOFF_PARK;
			item->sub->walked.answering += item->handoff && item->handoff->kind == HANDOFF_ANSWER;
			item->sub->walked.held += item->state == ITEM_HELD || item->state == ITEM_ASK_WAIT;
		}
}

static void function_walk(struct function *f)
{
	for (struct sub *s = f->subs; s; s = s->next)
		memset(&s->walked, 0, sizeof(s->walked));
	for (const struct component *c = f->components; c; c = c->next) {
		for (const struct window *w = c->windows; w; w = w->next)
			walk_window(w);
		for (const struct window *w = c->lost; w; w = w->next)
			walk_window(w);
	}
}

static int64_t sub_drift(const struct sub *s)
{
	const struct sub_metrics *m = &s->metrics;

	return (int64_t)(m->received - m->delivered - m->parked - m->dropped_function - m->dropped_exhausted -
	    m->dropped_source - m->expired - m->returned - s->walked.inflight);
}

static void sub_gauges_print(struct buf *out, const struct function *f)
{
	static const struct {
		const char *name, *help;
	} rows[] = {
		{ "bridge_subscription_inflight", "Events taken and not finished, counted by walking the windows" },
		{ "bridge_subscription_sending", "Deliveries with the function right now" },
		{ "bridge_subscription_backoff", "Events that wait for their next attempt" },
		{ "bridge_subscription_parking", "Events on their way to the dead-letter place" },
		{ "bridge_subscription_answering", "Events whose answer is on its way to the response topic" },
		{ "bridge_subscription_held",
		    "Events that can go nowhere: no dead-letter place, or it does not confirm" },
		{ "bridge_conservation_drift",
		    "received - delivered - parked - dropped - expired - returned - inflight; must be 0" },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		head_add(out, rows[i].name, "", "gauge", rows[i].help);
		for (const struct sub *s = f->subs; s; s = s->next) {
			const int64_t values[] = { (int64_t)s->walked.inflight, s->in_flight,
				(int64_t)s->walked.backoff, (int64_t)s->walked.parking, (int64_t)s->walked.answering,
				(int64_t)s->walked.held, sub_drift(s) };

			buf_text(out, rows[i].name);
			sub_labels(out, s);
			buf_printf(out, "} %lld\n", (long long)values[i]);
		}
	}
}

static void lag_rows_print(struct buf *out, const struct function *f, const char *name, bool saturated)
{
	for (const struct component *c = f->components; c; c = c->next)
		for (const struct lag_row *row = c->lags; row; row = row->next) {
			int64_t lag = row->lag.unacked > row->lag.settled ? row->lag.unacked - row->lag.settled : 0;

			if (!lag_is_known(c, row))
				continue;
			buf_text(out, name);
			sub_labels(out, row->sub);
			buf_printf(out, ",partition=\"%u\"} %lld\n", row->partition,
			    saturated ? (long long)row->lag.saturated : (long long)lag);
		}
}

static void lag_print(struct buf *out, const struct function *f)
{
	head_add(out, "bridge_partition_lag", "", "gauge",
	    "Events of the group not finished: waiting at the broker or in flight; absent while unknown");
	lag_rows_print(out, f, "bridge_partition_lag", false);
	head_add(out, "bridge_partition_saturated", "", "gauge",
	    "1: the broker holds back what is beyond its window, so the lag is a lower bound");
	lag_rows_print(out, f, "bridge_partition_saturated", true);
}

static void function_gauges_print(struct buf *out, const struct function *f)
{
	const struct {
		const char *name, *help;
		uint64_t value;
	} rows[] = {
		{ "bridge_function_capacity", "Deliveries the function takes at once; 0: not reachable",
		    f->bound ? f->bound->capacity : 0 },
		{ "bridge_function_limit",
		    "Deliveries at once that it takes well, as learned; the capacity unless adaptive",
		    f->bound ? pace_limit(&f->bound->pace, f->bound->capacity) : 0 },
		{ "bridge_function_sending", "Deliveries in flight", f->bound ? f->bound->in_flight : 0 },
		{ "bridge_function_buffered_events", "Events in memory, counted against the credit", f->events },
		{ "bridge_function_buffered_bytes", "Bytes of them", f->bytes },
		{ "bridge_function_windows", "Open partitions, streams, sessions", f->n_windows },
		{ "bridge_function_ready", "1: everything is connected and subscribed", function_ready(f, NULL) },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		head_add(out, rows[i].name, "", "gauge", rows[i].help);
		buf_printf(out, "%s{", rows[i].name);
		label_add(out, "function", f->options.name);
		buf_printf(out, "} %llu\n", (unsigned long long)rows[i].value);
	}
	head_add(out, "bridge_component_up", "", "gauge", "1: connected to its broker");
	for (const struct component *c = f->components; c; c = c->next) {
		buf_text(out, "bridge_component_up");
		component_labels(out, c);
		buf_printf(out, "} %d\n", c->up);
	}
}

void function_metrics(struct function *f, struct buf *out)
{
	function_walk(f);
	for (unsigned i = 0; i < sizeof(sub_rows) / sizeof(sub_rows[0]); i++)
		sub_row_print(out, f, &sub_rows[i]);
	sub_gauges_print(out, f);
	histogram_print(out, f, "bridge_delivery_milliseconds", offsetof(struct sub_metrics, delivery_ms),
	    "One delivery, from sending to its verdict");
	histogram_print(out, f, "bridge_event_milliseconds", offsetof(struct sub_metrics, event_ms),
	    "One event, from being taken to its end, retries included");
	for (unsigned i = 0; i < sizeof(component_rows) / sizeof(component_rows[0]); i++)
		component_row_print(out, f, &component_rows[i]);
	lag_print(out, f);
	function_gauges_print(out, f);
}
