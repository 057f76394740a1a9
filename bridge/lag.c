/* The lag engine: what connectors report, summed up for each subscription, with rates and ages made of it. */
#include "bridge/lag.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/core.h"

enum {
	LAG_OLD_MS = 15000, /* three refresh intervals: older is unknown */
	SAMPLE_MS = 1000,
	RATE_MS = 30000 /* what a rate is the mean of, about */
};

/* --- what is reported --- */

/* Reports come in the same order each time: the row after the last one is the likely one. */
static unsigned row_place(const struct lag_track *t, uint32_t partition)
{
	unsigned low = 0, high = t->n;

	if (t->last < t->n && t->rows[t->last].partition == partition)
		return t->last;
	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (t->rows[middle].partition < partition)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct lag_row *row_make(struct lag_track *t, uint32_t partition)
{
	unsigned i = row_place(t, partition);

	t->last = i + 1;
	if (i < t->n && t->rows[i].partition == partition)
		return &t->rows[i];
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 1;
		t->rows = mem_grow(t->rows, t->cap * sizeof(*t->rows));
	}
	memmove(&t->rows[i + 1], &t->rows[i], (t->n++ - i) * sizeof(*t->rows));
	t->rows[i] = (struct lag_row){ .partition = partition, .at = INT64_MIN / 2 };
	return &t->rows[i];
}

void lag_look(struct sub *s)
{
	struct function *f = s->function;

	if (s->lag.queued)
		return;
	s->lag.queued = true;
	s->next_lag = f->lag_queue;
	f->lag_queue = s;
	function_touch(f);
}

void lag_report(
    struct connector *connector, const struct subscription *subscription, uint32_t partition, struct lag lag)
{
	struct sub *s = (struct sub *)(uintptr_t)subscription;
	struct lag_row *row = row_make(&s->lag, partition);

	row->known = lag.known;
	if (lag.known) {
		row->lag = lag;
		row->at = loop_now(connector->loop);
	}
	s->lag.stale = true;
	lag_look(s);
}

void lag_forget(struct connector *connector, const struct subscription *subscription, uint32_t partition)
{
	struct sub *s = (struct sub *)(uintptr_t)subscription;
	struct lag_track *t = &s->lag;
	unsigned i = row_place(t, partition);

	(void)connector;
	if (i >= t->n || t->rows[i].partition != partition)
		return;
	memmove(&t->rows[i], &t->rows[i + 1], (--t->n - i) * sizeof(*t->rows));
	t->stale = true;
	lag_look(s);
}

void lag_forget_all(struct sub *s)
{
	s->lag.n = 0;
	s->lag.stale = true;
	lag_look(s);
}

void lag_free(struct sub *s)
{
	free(s->lag.rows);
	free(s->lag.marks);
}

/* --- sums --- */

int64_t row_left(const struct lag_row *row)
{
	return row->lag.unacked > row->lag.settled ? row->lag.unacked - row->lag.settled : 0;
}

bool lag_is_known(const struct sub *s, const struct lag_row *row)
{
	return !s->component->faulty && row->known && loop_now(s->function->loop) - row->at <= LAG_OLD_MS;
}

static void sum_add(struct lag_sum *sum, const struct lag_row *row)
{
	int64_t left = row_left(row);

	sum->lag += left;
	sum->lagging += left > 0;
	sum->done += row->lag.done;
	sum->known = sum->known && row->known;
	if (row->at < sum->at)
		sum->at = row->at;
	sum->n++;
}

static const struct lag_sum *sub_sum(struct sub *s)
{
	struct lag_track *t = &s->lag;

	if (!t->stale)
		return &t->sum;
	t->sum = (struct lag_sum){ .known = true, .at = INT64_MAX };
	for (unsigned i = 0; i < t->n; i++)
		sum_add(&t->sum, &t->rows[i]);
	t->stale = false;
	return &t->sum;
}

static bool span_holds(const struct lag_query *q, uint32_t partition)
{
	for (unsigned i = 0; i < q->n_spans; i++)
		if (q->spans[i].from <= partition && partition <= q->spans[i].to)
			return true;
	return false;
}

static struct lag_sum sum_of_spans(const struct lag_track *t, const struct lag_query *q)
{
	struct lag_sum sum = { .known = true, .at = INT64_MAX };

	for (unsigned i = 0; i < t->n; i++)
		if (span_holds(q, t->rows[i].partition))
			sum_add(&sum, &t->rows[i]);
	return sum;
}

static uint64_t sub_finished(const struct sub *s)
{
	const struct sub_metrics *m = &s->metrics;

	return m->delivered + m->parked + m->dropped_function + m->dropped_exhausted + m->dropped_source + m->expired +
	    m->returned;
}

int64_t sub_inflight(const struct sub *s)
{
	return (int64_t)(s->metrics.received - sub_finished(s));
}

/* The source's own count if it has one, else what was finished here. */
static uint64_t sub_done(const struct sub *s, const struct lag_sum *sum)
{
	return sum->done ? sum->done : sub_finished(s) - s->metrics.returned;
}

/* --- rates and ages --- */

/* Every other one, when they are full: a longer past in coarser steps. */
static void marks_thin(struct lag_track *t)
{
	for (unsigned i = 0; i < LAG_MARKS / 2; i++)
		t->marks[i] = t->marks[2 * i];
	t->n_marks = LAG_MARKS / 2;
	t->mark_every = t->mark_every ? t->mark_every * 2 : SAMPLE_MS;
}

static void mark_add(struct lag_track *t, int64_t now, uint64_t arrived)
{
	const struct lag_mark *last = t->n_marks ? &t->marks[t->n_marks - 1] : NULL;

	if (last && (arrived <= last->arrived || now - last->at < t->mark_every))
		return;
	if (!t->marks)
		t->marks = mem_new(LAG_MARKS * sizeof(*t->marks));
	if (t->n_marks == LAG_MARKS)
		marks_thin(t);
	t->marks[t->n_marks++] = (struct lag_mark){ now, arrived };
}

/* What is older than what is waited for says nothing any more. */
static void marks_forget(struct lag_track *t, uint64_t done)
{
	unsigned gone = 0;

	while (gone < t->n_marks && t->marks[gone].arrived <= done)
		gone++;
	if (!gone)
		return;
	t->n_marks -= gone;
	memmove(t->marks, t->marks + gone, t->n_marks * sizeof(*t->marks));
	if (t->n_marks == 0)
		t->mark_every = 0;
}

static void rate_mix(double *rate, double events, int64_t ms)
{
	double now = events > 0 ? events * 1000 / (double)ms : 0;

	*rate += (now - *rate) * (double)ms / (double)(ms + RATE_MS);
}

static void sub_sample(struct sub *s, const struct lag_sum *sum, int64_t now)
{
	struct lag_track *t = &s->lag;
	uint64_t done = sub_done(s, sum);
	int64_t ms = now - t->sampled_at, finished = (int64_t)(done - t->sampled_done);

	if (t->sampled_n != sum->n || finished < 0) { /* partitions came or went: nothing to compare with */
		t->n_marks = 0;
	} else if (ms < SAMPLE_MS) {
		return;
	} else {
		rate_mix(&t->service, (double)finished, ms);
		rate_mix(&t->arrival, (double)(finished + sum->lag - t->sampled_lag), ms);
	}
	t->sampled_n = sum->n;
	t->sampled_at = now;
	t->sampled_done = done;
	t->sampled_lag = sum->lag;
	marks_forget(t, done);
	mark_add(t, now, done + (uint64_t)sum->lag);
}

static int64_t sub_oldest(const struct sub *s, int64_t now)
{
	const struct lag_track *t = &s->lag;
	int64_t oldest = t->n_marks ? now - t->marks[0].at : 0;

	for (unsigned i = 0; i < t->n; i++)
		if (row_left(&t->rows[i]) && t->rows[i].lag.oldest_ms > oldest)
			oldest = t->rows[i].lag.oldest_ms;
	return oldest;
}

void lag_turn(struct function *f)
{
	int64_t now = loop_now(f->loop);
	struct sub *s;

	if (!f->lag_queue)
		return;
	while ((s = f->lag_queue)) {
		const struct lag_sum *sum = sub_sum(s);

		f->lag_queue = s->next_lag;
		s->lag.queued = false;
		s->lag.idle = sum->lag == 0 && sub_inflight(s) == 0;
		if (sum->known && sum->n)
			sub_sample(s, sum, now);
	}
	if (f->lag_changed)
		f->lag_changed(f->lag_arg);
}

/* --- views --- */

static int sub_unknown(const struct sub *s, const struct lag_sum *sum, struct error *err)
{
	const struct component *c = s->component;
	const char *why = c->faulty ? c->last_error.text
	    : s->down		    ? s->last_error.text
	    : !c->up		    ? "not connected yet"
	    : sum->n == 0
	    ? c->connector.class->watch ? "its lag was not told yet" : "this kind of broker does not tell it"
	    : !sum->known ? "the broker does not tell it now"
			  : "its lag was not told for more than 15 s";

	return error_set(err, ERR_IO, "lag of %s is unknown: component %s: %.160s",
	    s->public.topic ? s->public.topic : "", c->name, why);
}

static int sub_lag(struct sub *s, const struct lag_query *q, struct lag_view *v, struct error *err)
{
	int64_t now = loop_now(s->function->loop), inflight = sub_inflight(s), lag;
	struct lag_sum sum = q->n_spans ? sum_of_spans(&s->lag, q) : *sub_sum(s);
	bool known = !s->component->faulty && sum.known && now - sum.at <= LAG_OLD_MS;

	if (sum.n == 0 || (!known && (!q->stale_ms || now - sum.at > q->stale_ms)))
		return sub_unknown(s, &sum, err);
	lag = !q->n_spans && inflight > sum.lag ? inflight : sum.lag;
	v->lag += lag;
	v->inflight += inflight < lag ? inflight : lag;
	v->backlog = v->lag - v->inflight;
	v->partitions += sum.n;
	v->lagging += lag && !sum.lagging ? 1 : sum.lagging;
	v->arrival += s->lag.arrival;
	v->service += s->lag.service;
	v->progress += sub_done(s, &sum) + sub_finished(s);
	if (lag && sub_oldest(s, now) > v->oldest_ms)
		v->oldest_ms = sub_oldest(s, now);
	if (now - sum.at > v->age_ms)
		v->age_ms = now - sum.at;
	return 0;
}

bool sub_view(struct sub *s, struct lag_view *view_r)
{
	struct error err;

	*view_r = (struct lag_view){ 0 };
	return sub_lag(s, &(struct lag_query){ 0 }, view_r, &err) == 0;
}

/* The app said that it does not want it: nothing of it waits for the function. */
static bool sub_counts(const struct sub *s)
{
	const struct bound *b = s->function->bound;

	return s->wanted || !b || !b->discovered;
}

static bool sub_named(const struct sub *s, const char *name)
{
	return !name || !strcmp(name, s->name) || !strcmp(name, s->component->name);
}

int function_lag(struct function *f, const struct lag_query *q, struct lag_view *view_r, struct error *err)
{
	unsigned n = 0;

	*view_r = (struct lag_view){ 0 };
	for (struct sub *s = f->subs; s; s = s->next) {
		if (!sub_named(s, q->subscription))
			continue;
		n++;
		if (sub_counts(s) && sub_lag(s, q, view_r, err) == -1)
			return -1;
	}
	if (n == 0 && q->subscription)
		return error_set(err, ERR_CONFIG,
		    "function %s has no subscription \"%.60s\", expected the name of a Subscription or of a component",
		    f->options.name, q->subscription);
	if (n == 0)
		return error_set(err, ERR_CONFIG, "function %s has no subscription", f->options.name);
	return 0;
}

void function_lags(struct function *f, lag_each *each, void *arg)
{
	for (struct sub *s = f->subs; s; s = s->next) {
		struct lag_view view = { 0 };
		struct error err;
		bool known = sub_lag(s, &(struct lag_query){ 0 }, &view, &err) == 0;

		if (sub_counts(s))
			each(arg, s->name, s->component->name, s->public.topic ? s->public.topic : "",
			    known ? &view : NULL, known ? NULL : err.text);
	}
}

void function_watch_lag(struct function *f, void (*changed)(void *arg), void *arg)
{
	f->lag_changed = changed;
	f->lag_arg = arg;
}
