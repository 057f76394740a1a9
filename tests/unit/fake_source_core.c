/* A core for tests of connectors that read: windows without functions behind them. */
#include "tests/unit/fake_source_core.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct source *sources[16];

static struct source *source_of(struct connector *c)
{
	for (unsigned i = 0; i < 16; i++)
		if (sources[i] && sources[i]->connector == c)
			return sources[i];
	fail_msg("a call by an instance that is closed");
	return NULL;
}

static void source_dirty(struct window *w)
{
	w->dirty = true;
	loop_defer(w->source->loop, &w->source->turn);
}

struct window *window_open(
    struct connector *c, const char *name, uint32_t partition, enum ack_rule rule, uint64_t start, struct slice note)
{
	struct source *s = source_of(c);
	struct window *w = mem_new(sizeof(*w));

	assert_null(source_window(s, name, partition));
	*w = (struct window){ .next = s->windows,
		.source = s,
		.name = mem_text(name),
		.partition = partition,
		.rule = rule,
		.start = start,
		.prefix = start,
		.note = mem_slice(note.p ? note : SLICE("")) };
	w->tokens = mem_new(SOURCE_TOKENS * sizeof(uint64_t));
	w->settled = mem_new(SOURCE_TOKENS);
	s->windows = w;
	s->n_windows++;
	return w;
}

struct window *source_window(struct source *s, const char *name, uint32_t partition)
{
	for (struct window *w = s->windows; w; w = w->next)
		if (!w->lost && !w->released_done && w->partition == partition && strcmp(w->name, name) == 0)
			return w;
	return NULL;
}

void window_revoke(struct window *w, int64_t deadline, void (*released)(struct connector *, struct window *))
{
	(void)deadline;
	assert_false(w->revoked || w->lost);
	w->revoked = true;
	w->released = released;
	source_dirty(w);
}

void window_lost(struct window *w)
{
	assert_false(w->lost || w->released_done);
	w->lost = true;
	w->source->n_lost++;
	w->source->unsettled -= w->n - w->first;
	for (unsigned i = w->first; i < w->n; i++)
		w->source->unsettled += w->settled[i];
}

/* As the core does: what is not settled runs on, and its place in the order is gone. */
void window_again(struct window *w)
{
	w->source->n_again++;
	for (unsigned i = w->first; i < w->n; i++)
		w->source->unsettled -= !w->settled[i];
	w->first = w->n;
}

bool window_empty(const struct window *w)
{
	return w->first == w->n;
}

void window_walk(struct window *w, void (*fn)(void *, struct token, int64_t age_ms), void *arg)
{
	for (unsigned i = w->first; i < w->n; i++)
		if (!w->settled[i])
			fn(arg, (struct token){ { w->tokens[i] } }, w->source->age_ms);
}

uint64_t window_ahead(const struct window *w)
{
	uint64_t ahead = 0;

	for (unsigned i = w->first; i < w->n; i++)
		ahead += w->settled[i];
	return ahead;
}

size_t window_note(struct window *w, char *buf, size_t size)
{
	unsigned ahead = 0;

	for (unsigned i = w->first; i < w->n; i++)
		ahead += w->settled[i];
	return ahead ? (size_t)snprintf(buf, size, "fake:%llu:%u", (unsigned long long)w->prefix, ahead) : 0;
}

static void headers_print(const struct event *e, struct buf *text)
{
	for (unsigned i = 0; i < e->n_headers; i++)
		buf_printf(text, "%.*s=%.*s;", (int)e->headers[i].name.n, e->headers[i].name.p,
		    (int)e->headers[i].value.n, e->headers[i].value.p);
}

static void offer_note(
    struct source *s, struct window *w, const struct event *e, const struct subscription *const *subs, unsigned n)
{
	struct fake_offer *o;
	struct buf headers = { 0 };

	if (s->n_offers == s->cap_offers) {
		s->cap_offers = s->cap_offers ? s->cap_offers * 2 : 1024;
		s->offers = mem_grow(s->offers, s->cap_offers * sizeof(*o));
	}
	o = &s->offers[s->n_offers++];
	*o = (struct fake_offer){ .topic = mem_slice(e->topic),
		.partition = w->partition,
		.offset = (int64_t)e->token.w[0],
		.again = e->again,
		.tombstone = e->data.p == NULL,
		.n_subs = n,
		.time_ms = e->time_ms };
	o->data = mem_slice(e->data.p ? e->data : SLICE(""));
	o->key = (struct slice){ e->key.p ? mem_slice(e->key) : NULL, e->key.n };
	o->id = mem_slice(e->id.p ? e->id : SLICE(""));
	o->content_type = mem_slice(e->content_type.p ? e->content_type : SLICE(""));
	for (unsigned i = 0; i < n && i < 4; i++)
		o->subs[i] = subs[i];
	headers_print(e, &headers);
	o->headers = mem_slice((struct slice){ headers.p ? headers.p : "", headers.n });
	buf_free(&headers);
}

enum offered offer(struct window *w, const struct event *e, const struct subscription *const *subs, unsigned n)
{
	struct source *s = w->source;

	assert_false(w->lost || w->released_done);
	if (w->revoked || s->stopped)
		return OFFER_GONE;
	if (w->held)
		return OFFER_HELD;
	if (s->hold_partition == (int)w->partition && (int64_t)e->token.w[0] >= s->hold_after) {
		w->held = w->hold_owed = true;
		s->n_held++;
		source_dirty(w);
		return OFFER_HELD;
	}
	if (s->unsettled >= s->credit)
		return OFFER_WAIT;
	offer_note(s, w, e, subs, n);
	assert_true(w->n < SOURCE_TOKENS);
	w->tokens[w->n] = e->token.w[0];
	w->settled[w->n++] = s->settle_at_once;
	s->unsettled += !s->settle_at_once;
	if (s->settle_at_once)
		source_dirty(w);
	return OFFER_TAKEN;
}

static void window_turn(struct window *w)
{
	struct source *s = w->source;
	struct token tokens[SOURCE_TOKENS / 8];
	unsigned n = 0;

	w->dirty = false;
	if (w->lost || w->released_done)
		return;
	while (n < SOURCE_TOKENS / 8 && w->first < w->n && w->settled[w->first])
		tokens[n++] = (struct token){ { w->tokens[w->first++] } };
	if (n)
		w->prefix = tokens[n - 1].w[0] + 1;
	if (w->rule == ACK_PREFIX && s->connector->class->commit)
		s->connector->class->commit(s->connector, w, tokens, n);
	if (w->hold_owed) {
		w->hold_owed = false;
		s->connector->class->hold(s->connector, w, true);
	}
	if (w->revoked && (w->first == w->n || s->release_unsettled)) {
		for (unsigned i = w->first; i < w->n; i++)
			s->unsettled -= !w->settled[i];
		w->released_done = true;
		s->n_released++;
		w->released(s->connector, w);
	} else if (n == SOURCE_TOKENS / 8) {
		source_dirty(w);
	}
}

static void source_turn(void *arg)
{
	struct source *s = arg;

	for (struct window *w = s->windows; w; w = w->next)
		if (w->dirty)
			window_turn(w);
}

void source_settle(struct source *s, struct window *w, uint64_t offset)
{
	for (unsigned i = w->first; i < w->n; i++)
		if (w->tokens[i] == offset && !w->settled[i]) {
			w->settled[i] = true;
			s->unsettled--;
		}
	source_dirty(w);
}

void source_settle_all(struct source *s)
{
	for (struct window *w = s->windows; w; w = w->next) {
		for (unsigned i = w->first; i < w->n && !w->lost && !w->released_done; i++) {
			s->unsettled -= !w->settled[i];
			w->settled[i] = true;
		}
		source_dirty(w);
	}
}

void source_unhold(struct source *s, struct window *w)
{
	s->hold_partition = -1;
	w->held = false;
	s->connector->class->hold(s->connector, w, false);
}

void source_resume(struct source *s)
{
	s->connector->class->resume(s->connector);
}

unsigned source_count(const struct source *s, const char *topic, int partition)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n_offers; i++)
		n += strcmp(s->offers[i].topic, topic) == 0 &&
		    (partition < 0 || (int)s->offers[i].partition == partition);
	return n;
}

void dropped(struct connector *c, const struct subscription *sub, unsigned n, const char *why)
{
	(void)sub;
	(void)why;
	source_of(c)->n_dropped += n;
}

void lag_report(struct connector *c, const struct subscription *sub, uint32_t partition, struct lag lag)
{
	struct source *s = source_of(c);

	(void)sub;
	assert_true(partition < 16);
	s->lag[partition] = lag;
	s->n_lag[partition]++;
	s->n_lag_zero[partition] += lag.known && lag.unacked == 0;
}

void lag_forget(struct connector *c, const struct subscription *sub, uint32_t partition)
{
	struct source *s = source_of(c);

	(void)sub;
	assert_true(partition < 16);
	s->lag[partition] = (struct lag){ .known = false };
	s->n_forgotten++;
}

void subscription_down(struct connector *c, const struct subscription *sub, const struct error *err)
{
	struct source *s = source_of(c);

	(void)sub;
	s->n_sub_down += err != NULL;
	s->n_sub_up += err == NULL;
	snprintf(s->sub_down, sizeof(s->sub_down), "%s", err ? err->text : "");
}

void connector_count(struct connector *c, enum fact fact)
{
	struct source *s = source_of(c);

	s->n_commits += fact == FACT_COMMIT;
	s->n_commit_failures += fact == FACT_COMMIT_FAILED;
	s->n_rebalances += fact == FACT_REBALANCE;
	s->n_stalls += fact == FACT_STALL;
	s->n_unheard += fact == FACT_UNHEARD;
}

void connector_up(struct connector *c)
{
	source_of(c)->n_up++;
}

void connector_down(struct connector *c, const struct error *err)
{
	struct source *s = source_of(c);

	if (err->code == ERR_NONE) {
		s->n_connecting++;
		return;
	}
	s->n_down++;
	snprintf(s->down, sizeof(s->down), "%s", err->text);
}

void connector_drained(struct connector *c)
{
	source_of(c)->n_drained++;
}

void connector_closed(struct connector *c)
{
	source_of(c)->n_closed++;
}

void answer_request(struct request *r, unsigned i, enum verdict verdict, const struct answer *answer, const char *why)
{
	r->answered(r, i, verdict, answer, why);
}

struct source *source_new(
    struct loop *loop, const struct connector_class *class, const char *name, const char *const *settings)
{
	struct source *s = mem_new(sizeof(*s));
	struct error err;
	unsigned n = 0;

	while (settings[2 * n])
		n++;
	s->settings = mem_new((n + 1) * sizeof(*s->settings));
	for (unsigned i = 0; i < n; i++)
		s->settings[i] = (struct setting){ .name = settings[2 * i], .value = settings[2 * i + 1] };
	s->loop = loop;
	s->credit = SOURCE_TOKENS;
	s->settle_at_once = true;
	s->hold_partition = -1;
	s->turn = (struct later){ .fn = source_turn, .arg = s };
	s->connector = mem_new(class->size);
	*s->connector = (struct connector){ .class = class, .loop = loop, .name = name };
	for (unsigned i = 0; i < 16; i++)
		if (sources[i] == NULL) {
			sources[i] = s;
			break;
		}
	if (option_parse(class->options, s->connector, s->settings, n, NULL, &err) == -1)
		fail_msg("%s", err.text);
	return s;
}

void source_free(struct source *s)
{
	for (unsigned i = 0; i < 16; i++)
		if (sources[i] == s)
			sources[i] = NULL;
	loop_undefer(s->loop, &s->turn);
	while (s->windows) {
		struct window *w = s->windows;

		s->windows = w->next;
		free(w->name);
		free(w->note);
		free(w->tokens);
		free(w->settled);
		free(w);
	}
	for (unsigned i = 0; i < s->n_offers; i++) {
		free(s->offers[i].topic);
		free(s->offers[i].data);
		free(s->offers[i].headers);
		free(s->offers[i].id);
		free(s->offers[i].content_type);
		free((void *)(uintptr_t)s->offers[i].key.p);
	}
	free(s->offers);
	free(s->settings);
	free(s->connector);
	free(s);
}

struct waiting {
	struct loop *loop;
	bool (*holds)(void *);
	void *arg;
	int64_t deadline;
	bool done;
	struct timer timer;
};

static void source_look(void *arg)
{
	struct waiting *w = arg;

	w->done = w->holds && w->holds(w->arg);
	if (w->done || loop_now(w->loop) >= w->deadline)
		loop_stop(w->loop);
	else
		timer_set(w->loop, &w->timer, 2, source_look, w);
}

void source_until(struct loop *loop, bool (*holds)(void *), void *arg, const char *what)
{
	struct waiting w = { .loop = loop, .holds = holds, .arg = arg, .deadline = loop_now(loop) + 30000 };

	timer_set(loop, &w.timer, 0, source_look, &w);
	loop_run(loop);
	if (!w.done)
		fail_msg("not within 30 s: %s", what);
}

void source_turns(struct loop *loop, int64_t ms)
{
	struct waiting w = { .loop = loop, .deadline = loop_now(loop) + ms };

	timer_set(loop, &w.timer, 0, source_look, &w);
	loop_run(loop);
}

struct loop *source_loop(void)
{
	struct error err;
	struct loop *loop = loop_new(&err);

	if (loop == NULL)
		fail_msg("%s", err.text);
	return loop;
}
