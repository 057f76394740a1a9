/* Metrics as Prometheus text: the rows of metrics.def, and the gauges that are counted by walking the windows. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
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

/* A row's samples of all functions stand together, as the format wants it: so all of them are at hand. */
struct page {
	struct buf *out;
	struct function *const *functions;
	struct sub **subs;
	const struct component **components;
	unsigned n_functions, n_subs, n_components;
};

static void sub_row_print(const struct page *p, const struct row *row)
{
	head_add(p->out, row->name, "_total", "counter", row->help);
	for (unsigned i = 0; i < p->n_subs; i++) {
		const char *at = (const char *)&p->subs[i]->metrics + row->offset;

		buf_printf(p->out, "%s_total", row->name);
		sub_labels(p->out, p->subs[i]);
		buf_printf(p->out, "} %llu\n", (unsigned long long)*(const uint64_t *)at);
	}
}

static void component_row_print(const struct page *p, const struct row *row)
{
	head_add(p->out, row->name, "_total", "counter", row->help);
	for (unsigned i = 0; i < p->n_components; i++) {
		const char *at = (const char *)&p->components[i]->metrics + row->offset;

		buf_printf(p->out, "%s_total", row->name);
		component_labels(p->out, p->components[i]);
		buf_printf(p->out, "} %llu\n", (unsigned long long)*(const uint64_t *)at);
	}
}

static void histogram_of_sub(struct buf *out, const char *name, const struct sub *s, const struct histogram *h)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i <= HISTOGRAM_BUCKETS; i++) {
		sum += h->count[i];
		buf_printf(out, "%s_bucket", name);
		sub_labels(out, s);
		if (i < HISTOGRAM_BUCKETS)
			buf_printf(out, ",le=\"%lld\"} %llu\n", (long long)bucket_ms[i], (unsigned long long)sum);
		else
			buf_printf(out, ",le=\"+Inf\"} %llu\n", (unsigned long long)sum);
	}
	buf_printf(out, "%s_sum", name);
	sub_labels(out, s);
	buf_printf(out, "} %.0f\n%s_count", h->sum, name);
	sub_labels(out, s);
	buf_printf(out, "} %llu\n", (unsigned long long)sum);
}

static void histogram_print(const struct page *p, const char *name, size_t offset, const char *help)
{
	head_add(p->out, name, "", "histogram", help);
	for (unsigned i = 0; i < p->n_subs; i++)
		histogram_of_sub(
		    p->out, name, p->subs[i], (const struct histogram *)((const char *)&p->subs[i]->metrics + offset));
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
			item->sub->walked.waiting += item->state < ITEM_SENT;
			item->sub->walked.asking += item->state == ITEM_ASKING;
			item->sub->walked.backoff += item->state == ITEM_BACKOFF;
			item->sub->walked.parking += item->handoff && item->handoff->kind == HANDOFF_PARK;
			item->sub->walked.answering += item->handoff && item->handoff->kind == HANDOFF_ANSWER;
			item->sub->walked.held += item->state == ITEM_HELD || item->state == ITEM_ASK_WAIT;
		}
}

void function_walk(struct function *f)
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

int64_t sub_drift(const struct sub *s)
{
	const struct sub_metrics *m = &s->metrics;

	return (int64_t)(m->received - m->delivered - m->parked - m->dropped_function - m->dropped_exhausted -
	    m->dropped_source - m->expired - m->returned - s->walked.inflight);
}

static void sub_gauges_print(const struct page *p)
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
		head_add(p->out, rows[i].name, "", "gauge", rows[i].help);
		for (unsigned j = 0; j < p->n_subs; j++) {
			const struct sub *s = p->subs[j];
			const int64_t values[] = { (int64_t)s->walked.inflight, s->in_flight,
				(int64_t)s->walked.backoff, (int64_t)s->walked.parking, (int64_t)s->walked.answering,
				(int64_t)s->walked.held, sub_drift(s) };

			buf_text(p->out, rows[i].name);
			sub_labels(p->out, s);
			buf_printf(p->out, "} %lld\n", (long long)values[i]);
		}
	}
}

static void lag_rows_print(const struct page *p, const char *name, bool saturated)
{
	for (unsigned i = 0; i < p->n_subs; i++) {
		const struct sub *s = p->subs[i];

		for (const struct lag_row *row = s->lag.rows; row < s->lag.rows + s->lag.n; row++) {
			if (!lag_is_known(s, row))
				continue;
			buf_text(p->out, name);
			sub_labels(p->out, s);
			buf_printf(p->out, ",partition=\"%u\"} %lld\n", row->partition,
			    saturated ? (long long)row->lag.saturated : (long long)row_left(row));
		}
	}
}

static void lag_print(const struct page *p)
{
	head_add(p->out, "bridge_partition_lag", "", "gauge",
	    "Events of the group not finished: waiting at the broker or in flight; absent while unknown");
	lag_rows_print(p, "bridge_partition_lag", false);
	head_add(p->out, "bridge_partition_saturated", "", "gauge",
	    "1: the broker holds back what is beyond its window, so the lag is a lower bound");
	lag_rows_print(p, "bridge_partition_saturated", true);
}

/* Of what is unknown there is no row: an outage is not zero. */
static void lag_gauge_print(const struct page *p, unsigned row)
{
	static const struct {
		const char *name, *help;
	} rows[] = {
		{ "lag", "Events not finished, as KEDA sees them: backlog and in flight; absent while unknown" },
		{ "backlog", "Events that wait at the source; absent while unknown" },
		{ "oldest_seconds", "How long the oldest of them has waited at least; absent while unknown" },
		{ "arrivals_per_second", "Of about the last half minute; absent while lag is unknown" },
		{ "served_per_second", "The same of those acknowledged by the whole group" },
	};
	char name[64];

	snprintf(name, sizeof(name), "bridge_subscription_%s", rows[row].name);
	head_add(p->out, name, "", "gauge", rows[row].help);
	for (unsigned i = 0; i < p->n_subs; i++) {
		struct lag_view v;

		if (!sub_view(p->subs[i], &v))
			continue;
		buf_text(p->out, name);
		sub_labels(p->out, p->subs[i]);
		switch (row) {
		case 0: buf_printf(p->out, "} %lld\n", (long long)v.lag); break;
		case 1: buf_printf(p->out, "} %lld\n", (long long)v.backlog); break;
		case 2: buf_printf(p->out, "} %.3f\n", (double)v.oldest_ms / 1000); break;
		case 3: buf_printf(p->out, "} %.3f\n", v.arrival); break;
		case 4: buf_printf(p->out, "} %.3f\n", v.service); break;
		}
	}
}

static void function_lags_print(const struct page *p)
{
	for (unsigned i = 0; i < 5; i++)
		lag_gauge_print(p, i);
	head_add(p->out, "bridge_function_lag", "", "gauge",
	    "Sum of its subscriptions' lag; absent while that of any of them is unknown");
	for (unsigned i = 0; i < p->n_functions; i++) {
		struct lag_view v;
		struct error err;

		if (function_lag(p->functions[i], &(struct lag_query){ 0 }, &v, &err) == -1)
			continue;
		buf_text(p->out, "bridge_function_lag{");
		label_add(p->out, "function", p->functions[i]->options.name);
		buf_printf(p->out, "} %lld\n", (long long)v.lag);
	}
}

static void function_gauges_print(const struct page *p)
{
	static const struct {
		const char *name, *help;
	} rows[] = {
		{ "bridge_function_capacity", "Deliveries the function takes at once; 0: not reachable" },
		{ "bridge_function_limit",
		    "Deliveries at once that it takes well, as learned; the capacity unless adaptive" },
		{ "bridge_function_sending", "Deliveries in flight" },
		{ "bridge_function_buffered_events", "Events in memory, counted against the credit" },
		{ "bridge_function_buffered_bytes", "Bytes of them" },
		{ "bridge_function_windows", "Open partitions, streams, sessions" },
		{ "bridge_function_ready", "1: everything is connected and subscribed" },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		head_add(p->out, rows[i].name, "", "gauge", rows[i].help);
		for (unsigned j = 0; j < p->n_functions; j++) {
			const struct function *f = p->functions[j];
			const struct bound *b = f->bound;
			const uint64_t values[] = { b ? b->capacity : 0, b ? pace_limit(&b->pace, b->capacity) : 0,
				b ? b->in_flight : 0, f->events, f->bytes, f->n_windows, function_ready(f, NULL) };

			buf_printf(p->out, "%s{", rows[i].name);
			label_add(p->out, "function", f->options.name);
			buf_printf(p->out, "} %llu\n", (unsigned long long)values[i]);
		}
	}
}

static void component_gauges_print(const struct page *p)
{
	head_add(p->out, "bridge_component_up", "", "gauge", "1: connected to its broker");
	for (unsigned i = 0; i < p->n_components; i++) {
		buf_text(p->out, "bridge_component_up");
		component_labels(p->out, p->components[i]);
		buf_printf(p->out, "} %d\n", p->components[i]->up);
	}
}

static void page_open(struct page *p)
{
	for (unsigned i = 0; i < p->n_functions; i++) {
		function_walk(p->functions[i]);
		for (struct sub *s = p->functions[i]->subs; s; s = s->next)
			p->n_subs++;
		for (const struct component *c = p->functions[i]->components; c; c = c->next)
			p->n_components++;
	}
	p->subs = mem_new(p->n_subs * sizeof(struct sub *));
	p->components = mem_new(p->n_components * sizeof(struct component *));
	p->n_subs = p->n_components = 0;
	for (unsigned i = 0; i < p->n_functions; i++) {
		for (struct sub *s = p->functions[i]->subs; s; s = s->next)
			p->subs[p->n_subs++] = s;
		for (const struct component *c = p->functions[i]->components; c; c = c->next)
			p->components[p->n_components++] = c;
	}
}

void metrics_print(struct function *const *functions, unsigned n, struct buf *out)
{
	struct page p = { .out = out, .functions = functions, .n_functions = n };

	page_open(&p);
	for (unsigned i = 0; i < sizeof(sub_rows) / sizeof(sub_rows[0]); i++)
		sub_row_print(&p, &sub_rows[i]);
	sub_gauges_print(&p);
	histogram_print(&p, "bridge_delivery_milliseconds", offsetof(struct sub_metrics, delivery_ms),
	    "One delivery, from sending to its verdict");
	histogram_print(&p, "bridge_event_milliseconds", offsetof(struct sub_metrics, event_ms),
	    "One event, from being taken to its end, retries included");
	for (unsigned i = 0; i < sizeof(component_rows) / sizeof(component_rows[0]); i++)
		component_row_print(&p, &component_rows[i]);
	lag_print(&p);
	function_lags_print(&p);
	function_gauges_print(&p);
	component_gauges_print(&p);
	free(p.subs);
	free(p.components);
}
