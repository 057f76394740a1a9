/* A core for tests of connectors that acknowledge singly: windows without functions behind them. */
#include "tests/unit/fake_any_core.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct any_core any_core;

struct window *window_open(
    struct connector *c, const char *name, uint32_t partition, enum ack_rule rule, uint64_t start, struct slice note)
{
	struct window *w = mem_new(sizeof(*w));

	(void)start;
	(void)note;
	assert_ptr_equal(c, any_core.connector);
	assert_int_equal(partition, 0);
	assert_int_equal(rule, ACK_ANY);
	assert_null(any_window(name));
	w->name = mem_text(name);
	w->next = any_core.windows;
	any_core.windows = w;
	return w;
}

struct window *any_window(const char *name)
{
	for (struct window *w = any_core.windows; w; w = w->next)
		if (!w->lost && strcmp(w->name, name) == 0)
			return w;
	return NULL;
}

void window_lost(struct window *w)
{
	assert_false(w->lost);
	w->lost = true;
	any_core.n_lost++;
}

bool window_empty(const struct window *w)
{
	for (unsigned i = 0; i < any_core.n_events; i++)
		if (any_core.events[i].window == w && !any_core.events[i].settled)
			return false;
	return true;
}

struct credit window_credit(const struct window *w)
{
	(void)w;
	return (struct credit){ any_core.credit - any_core.unsettled, any_core.credit_bytes };
}

void window_walk(struct window *w, void (*fn)(void *, struct token, int64_t age_ms), void *arg)
{
	for (unsigned i = 0; i < any_core.n_events; i++)
		if (any_core.events[i].window == w && !any_core.events[i].settled)
			fn(arg, any_core.events[i].event.token, any_core.events[i].age_ms);
}

static struct slice slice_copy(struct slice s)
{
	return (struct slice){ s.p ? mem_slice(s) : NULL, s.n };
}

static void event_note(struct any_event *a, const struct event *e)
{
	struct buf headers = { 0 };

	a->event = *e;
	a->event.id = slice_copy(e->id);
	a->event.topic = slice_copy(e->topic);
	a->event.key = slice_copy(e->key);
	a->event.content_type = slice_copy(e->content_type);
	a->event.data = slice_copy(e->data);
	for (unsigned i = 0; i < e->n_headers; i++)
		buf_printf(&headers, "%.*s=%.*s;", (int)e->headers[i].name.n, e->headers[i].name.p,
		    (int)e->headers[i].value.n, e->headers[i].value.p);
	a->headers = mem_slice((struct slice){ headers.p ? headers.p : "", headers.n });
	buf_free(&headers);
}

static bool event_runs(const struct window *w, const struct event *e)
{
	for (unsigned i = 0; i < any_core.n_events; i++)
		if (any_core.events[i].window == w && !any_core.events[i].settled &&
		    any_core.events[i].event.token.w[0] == e->token.w[0] &&
		    any_core.events[i].event.token.w[1] == e->token.w[1])
			return true;
	return false;
}

enum offered offer(struct window *w, const struct event *e, const struct subscription *const *subs, unsigned n)
{
	struct any_event *a = &any_core.events[any_core.n_events];

	(void)subs;
	assert_false(w->lost);
	if (e->again && event_runs(w, e))
		return OFFER_TAKEN;
	if (any_core.hold && strcmp(any_core.hold, w->name) == 0)
		return OFFER_HELD;
	if (any_core.unsettled >= any_core.credit) {
		any_core.n_waits++;
		return OFFER_WAIT;
	}
	assert_true(any_core.n_events < ANY_EVENTS);
	any_core.n_events++;
	any_core.unsettled++;
	event_note(a, e);
	a->window = w;
	a->again = e->again;
	a->n_subs = n;
	return OFFER_TAKEN;
}

void any_settle(unsigned i)
{
	struct any_event *a = &any_core.events[i];
	const struct event *event = &a->event;

	assert_false(a->settled);
	a->settled = true;
	any_core.unsettled--;
	if (!a->window->lost)
		any_core.connector->class->ack(any_core.connector, a->window, &event, 1);
}

unsigned any_find(const char *data)
{
	for (unsigned i = 0; i < any_core.n_events; i++)
		if (slice_is(any_core.events[i].event.data, data))
			return i;
	fail_msg("no event %s was offered", data);
	return 0;
}

void dropped(struct connector *c, const struct subscription *sub, unsigned n, const char *why)
{
	(void)c;
	(void)sub;
	(void)why;
	any_core.n_dropped += n;
}

void lag_report(struct connector *c, const struct subscription *sub, uint32_t partition, struct lag lag)
{
	(void)c;
	(void)sub;
	(void)partition;
	any_core.lag = lag;
	any_core.n_lag++;
}

void subscription_down(struct connector *c, const struct subscription *sub, const struct error *err)
{
	(void)c;
	(void)sub;
	any_core.n_sub_down += err != NULL;
	any_core.n_sub_up += err == NULL;
	snprintf(any_core.sub_down, sizeof(any_core.sub_down), "%s", err ? err->text : "");
}

void connector_count(struct connector *c, enum fact fact)
{
	(void)c;
	any_core.n_commits += fact == FACT_COMMIT;
	any_core.n_commit_failures += fact == FACT_COMMIT_FAILED;
}

void connector_up(struct connector *c)
{
	(void)c;
	any_core.n_up++;
}

void connector_down(struct connector *c, const struct error *err)
{
	(void)c;
	any_core.n_down++;
	snprintf(any_core.down, sizeof(any_core.down), "%s", err->text);
}

void connector_drained(struct connector *c)
{
	(void)c;
	any_core.n_drained++;
}

void connector_closed(struct connector *c)
{
	(void)c;
	any_core.n_closed++;
}

void answer_request(struct request *r, unsigned i, enum verdict verdict, const struct answer *answer, const char *why)
{
	r->answered(r, i, verdict, answer, why);
}

void any_core_open(struct loop *loop, const struct connector_class *class, const char *const *settings)
{
	struct error err;
	unsigned n = 0;

	any_core = (struct any_core){ .loop = loop, .credit = ANY_EVENTS, .credit_bytes = 1 << 24 };
	while (settings[2 * n])
		n++;
	any_core.settings = mem_new((n + 1) * sizeof(*any_core.settings));
	for (unsigned i = 0; i < n; i++)
		any_core.settings[i] = (struct setting){ .name = settings[2 * i], .value = settings[2 * i + 1] };
	any_core.connector = mem_new(class->size);
	*any_core.connector = (struct connector){ .class = class, .loop = loop, .name = "c" };
	if (option_parse(class->options, any_core.connector, any_core.settings, n, NULL, &err) == -1 ||
	    class->open(any_core.connector, &err) == -1)
		fail_msg("%s", err.text);
}

void any_core_close(void)
{
	any_core.connector->class->close(any_core.connector);
	assert_int_equal(any_core.n_closed, 1);
	while (any_core.windows) {
		struct window *w = any_core.windows;

		any_core.windows = w->next;
		free(w->name);
		free(w);
	}
	for (unsigned i = 0; i < any_core.n_events; i++) {
		struct event *e = &any_core.events[i].event;

		free((void *)(uintptr_t)e->id.p);
		free((void *)(uintptr_t)e->topic.p);
		free((void *)(uintptr_t)e->key.p);
		free((void *)(uintptr_t)e->content_type.p);
		free((void *)(uintptr_t)e->data.p);
		free(any_core.events[i].headers);
	}
	free(any_core.settings);
	free(any_core.connector);
}
