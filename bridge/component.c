/* The life of connectors: open, up, subscribe, down and open again, stop, drain, close. */
#include <assert.h>
#include <stdlib.h>

#include "bridge/core.h"

enum { PATIENCE_MS = 20 }; /* what a source waits for one window, or for a quarter of the credit, while there is room */

static const struct backoff reopen_backoff = { .initial_ms = 200, .max_ms = 30000 };

struct component *component_find(struct function *f, const char *name)
{
	for (struct component *c = f->components; c; c = c->next)
		if (slice_is(slice_text(c->name), name))
			return c;
	return NULL;
}

struct connector *function_component_named(const struct function *f, const char *name)
{
	struct component *c = component_find((struct function *)f, name);

	return c ? &c->connector : NULL;
}

static unsigned component_wanted(struct component *c, const struct subscription **subs_r)
{
	unsigned n = 0;

	for (struct sub *s = c->function->subs; s; s = s->next)
		if (s->component == c && s->wanted) {
			if (subs_r)
				subs_r[n] = &s->public;
			n++;
		}
	return n;
}

bool component_reads(const struct component *c)
{
	for (struct sub *s = c->function->subs; s; s = s->next)
		if (s->component == c && s->wanted)
			return true;
	return false;
}

bool component_ready(const struct component *c)
{
	return !component_reads(c) || (c->up && c->subscribed);
}

static void component_reopen(void *arg)
{
	struct component *c = arg;

	c->reopen_owed = true;
	function_touch(c->function);
}

static void component_pause(struct component *c)
{
	struct function *f = c->function;

	if (!c->close_asked && !c->reopen.heap_index)
		timer_set(
		    f->loop, &c->reopen, backoff_ms(&reopen_backoff, ++c->failures, &f->random), component_reopen, c);
}

/* Down from the first failure on, however often it is tried. */
static void component_changed(struct component *c, bool up)
{
	if (c->up != up || !c->changed_at)
		c->changed_at = loop_now(c->function->loop);
	c->up = up;
}

void connector_up(struct connector *connector)
{
	struct component *c = component_of(connector);

	timer_stop(c->function->loop, &c->reopen);
	c->reopen_owed = false;
	c->failures = 0;
	if (!c->up && c->was_up)
		log_info("bridge.component", "component %s: connected again", c->name);
	component_changed(c, true);
	c->was_up = true;
	c->faulty = false;
	c->resubscribe_owed = c->watch_owed = true;
	function_touch(c->function);
}

void connector_down(struct connector *connector, const struct error *err)
{
	struct component *c = component_of(connector);

	c->faulty = err->code != ERR_NONE;
	c->metrics.reconnects += c->up && err->code != ERR_NONE;
	component_changed(c, false);
	c->subscribed = false;
	if (err->code == ERR_NONE) {
		c->was_up = false;
		function_touch(c->function);
		return;
	}
	c->last_error = *err;
	log_fault(&c->faults, loop_now(c->function->loop), LOG_WARN, "bridge.component", "component %s: down: %s",
	    c->name, err->text);
	component_pause(c);
	function_touch(c->function);
}

void subscription_down(struct connector *connector, const struct subscription *subscription, const struct error *err)
{
	struct component *c = component_of(connector);
	struct sub *s = (struct sub *)(uintptr_t)subscription;

	if (err)
		log_fault(&c->faults, loop_now(c->function->loop), LOG_WARN, "bridge.component", "component %s: %s: %s",
		    c->name, s->public.topic, err->text);
	else if (s->down)
		log_info("bridge.component", "component %s: %s: there again", c->name, s->public.topic);
	s->down = err != NULL;
	if (err)
		s->last_error = *err;
}

void connector_count(struct connector *connector, enum fact fact)
{
	struct component_metrics *m = &component_of(connector)->metrics;

	switch (fact) {
	case FACT_REBALANCE: m->rebalances++; break;
	case FACT_COMMIT: m->commits++; break;
	case FACT_COMMIT_FAILED: m->commit_failures++; break;
	case FACT_STALL: m->stalls++; break;
	case FACT_UNHEARD: m->unheard++; break;
	}
}

void connector_drained(struct connector *connector)
{
	struct component *c = component_of(connector);

	c->drained = true;
	function_touch(c->function);
}

void connector_closed(struct connector *connector)
{
	struct component *c = component_of(connector);

	c->closed = true;
	function_touch(c->function);
}

void dropped(struct connector *connector, const struct subscription *subscription, unsigned n, const char *why)
{
	struct component *c = component_of(connector);
	struct sub *s = (struct sub *)(uintptr_t)subscription;

	s->metrics.received += n;
	s->metrics.dropped_source += n;
	log_fault(&s->faults, loop_now(c->function->loop), LOG_WARN, "bridge.component",
	    "component %s: %s: dropped: %s", c->name, s->public.topic, why);
}

static void component_failed(struct component *c, struct error *err)
{
	connector_down(&c->connector, err);
}

static void component_open_again(struct component *c)
{
	struct error err = { ERR_NONE, "" };

	c->reopen_owed = false;
	if (!c->connector.class->open)
		connector_up(&c->connector);
	else if (c->connector.class->open(&c->connector, &err) == -1)
		component_failed(c, &err);
}

static void component_subscribe(struct component *c)
{
	unsigned n = component_wanted(c, NULL);
	const struct subscription **subs = mem_new(n * sizeof(*subs));
	struct error err = { ERR_NONE, "" };

	component_wanted(c, subs);
	c->resubscribe_owed = false;
	c->subscribed = c->reads = true;
	if (c->connector.class->subscribe(&c->connector, subs, n, &err) == -1)
		component_failed(c, &err);
	free(subs);
}

/* Whether or not anything is read: at a function that is not there, what waits for it is what starts it. */
static void component_watch(struct component *c)
{
	const struct subscription **subs;
	struct error err = { ERR_NONE, "" };
	unsigned n = 0, i = 0;

	c->watch_owed = false;
	for (struct sub *s = c->watched; s; s = s->next_watched)
		n += s->function->lag_changed != NULL;
	if (n == 0 || !c->connector.class->watch)
		return;
	subs = mem_new(n * sizeof(*subs));
	for (struct sub *s = c->watched; s; s = s->next_watched)
		if (s->function->lag_changed)
			subs[i++] = &s->public;
	if (c->connector.class->watch(&c->connector, subs, n, &err) == -1)
		component_failed(c, &err);
	free(subs);
}

bool component_waited(const struct component *c, int64_t now)
{
	return now - c->waiting_since >= PATIENCE_MS;
}

static void component_look_again(void *arg)
{
	function_touch(arg);
}

static bool component_may_go_on(struct component *c)
{
	struct function *f = c->function;
	const struct function_options *o = &f->options;

	if (c->crowded)
		return !window_crowded(c->crowded) || window_stuck(c->crowded, loop_now(f->loop));
	if (f->events == 0 || (f->events <= o->buffer_events / 4 * 3 && f->bytes <= o->buffer_bytes / 4 * 3))
		return true;
	return credit_has_room(f, 1) && component_waited(c, loop_now(f->loop)); /* what is stuck may leave no quarter */
}

static void component_resume(struct component *c)
{
	struct function *f = c->function;

	if (!f->bound->capacity)
		return;
	if (!component_may_go_on(c)) {
		if ((c->crowded || !component_waited(c, loop_now(f->loop))) && !f->slow.heap_index)
			timer_set(f->loop, &f->slow, PATIENCE_MS, component_look_again, f);
		return;
	}
	if (c->crowded && window_crowded(c->crowded))
		window_hold(c->crowded);
	c->waiting = false;
	c->crowded = NULL;
	if (c->connector.class->resume)
		c->connector.class->resume(&c->connector);
}

void component_turn(struct component *c)
{
	if (c->renewal && c->function->state == FUNCTION_RUNNING)
		renew_step(c);
	if (c->closed || c->close_asked)
		return;
	if (c->reopen_owed)
		component_open_again(c);
	sink_turn(c);
	if (c->stopped || !c->up)
		return;
	if (c->watch_owed)
		component_watch(c);
	if (c->resubscribe_owed && component_reads(c))
		component_subscribe(c);
	if (c->waiting)
		component_resume(c);
}

void component_free(struct component *c)
{
	renew_free(c);
	free(c->name);
	free(c);
}
