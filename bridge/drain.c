/* The graceful end: stop reading, finish what runs, have the last acknowledgements confirmed, close everything. */
#include <stdlib.h>

#include "bridge/core.h"
#include "bridge/window.h"

enum {
	CONFIRM_MS = 3000, /* for the last acknowledgements to be confirmed */
	CLOSE_MS = 5000 /* for connectors to leave their groups and close */
};

static void drain_late(void *arg)
{
	struct function *f = arg;

	f->deadline.arg = NULL; /* past */
	function_touch(f);
}

static bool drain_is_late(const struct function *f)
{
	return !f->deadline.arg;
}

static void drain_phase(struct function *f, enum function_state state, int64_t ms)
{
	f->state = state;
	timer_set(f->loop, &f->deadline, ms > 0 ? ms : 0, drain_late, f);
	function_touch(f);
}

void component_stop(struct component *c)
{
	if (c->stopped)
		return;
	c->stopped = true;
	timer_stop(c->function->loop, &c->reopen);
	if (c->reads && c->connector.class->stop)
		c->connector.class->stop(&c->connector);
	for (struct window *w = c->windows; w; w = w->next)
		window_return(w);
}

void function_drain(struct function *f, int64_t ms, void (*drained)(void *arg), void *arg)
{
	const char *before;

	if (f->state >= FUNCTION_DRAINING)
		return;
	before = log_function(f->options.name);
	f->drained = drained;
	f->drained_arg = arg;
	log_info("bridge.function", "function %s: draining: %u deliveries in flight, at most %lld ms", f->options.name,
	    f->running, (long long)ms);
	drain_phase(f, FUNCTION_DRAINING, ms);
	for (struct component *c = f->components; c; c = c->next)
		component_stop(c);
	log_function(before);
}

/* The deadline passed: what still runs is given up, by id; the source brings it again. */
static void window_give_up(struct window *w)
{
	for (struct entry *e = w->live.first, *next; e; e = next) {
		unsigned n = e->n_items;
		struct item *items = e->items;

		next = e->next;
		while (n-- > 0) {
			bool last = e->open == 1;

			if (items[n].state != ITEM_SENT)
				continue;
			log_warn("bridge.function",
			    "component %s: event %.*s was still in flight at the drain deadline; it will come again",
			    w->component->name, (int)e->event.id.n, e->event.id.p);
			item_cancel(&items[n], "the drain deadline passed");
			if (last)
				break; /* the entry is gone */
		}
	}
}

void component_give_up(struct component *c)
{
	for (struct window *w = c->windows; w; w = w->next)
		window_give_up(w);
	for (struct window *w = c->lost; w; w = w->next)
		window_give_up(w);
	sink_forget(c);
}

void component_confirm(struct component *c)
{
	if (c->drain_asked || c->close_asked)
		return;
	c->drain_asked = c->reads && c->connector.class->drain;
	if (c->drain_asked)
		c->connector.class->drain(&c->connector);
	else
		c->drained = true;
}

void component_close(struct component *c)
{
	if (c->close_asked)
		return;
	if (!c->drained)
		log_warn(
		    "bridge.function", "component %s: the last acknowledgements were not confirmed in time", c->name);
	sink_forget(c);
	c->drained = c->close_asked = true;
	if (c->connector.class->close)
		c->connector.class->close(&c->connector);
	else
		c->closed = true;
}

/* After the last class call: what the windows still hold goes with them. */
void component_clear(struct component *c)
{
	while (c->windows)
		window_lost(c->windows);
}

static void drain_confirm(struct function *f)
{
	drain_phase(f, FUNCTION_CONFIRMING, CONFIRM_MS);
	for (struct component *c = f->components; c; c = c->next)
		component_confirm(c);
}

static void drain_close(struct function *f)
{
	drain_phase(f, FUNCTION_CLOSING, CLOSE_MS);
	if (f->bound)
		f->bound->binding.class->close(&f->bound->binding);
	for (struct component *c = f->components; c; c = c->next)
		component_close(c);
}

static bool drain_all(const struct function *f, bool closed)
{
	for (const struct component *c = f->components; c; c = c->next)
		if (closed ? !c->closed : !c->drained)
			return false;
	return true;
}

static void drain_end(struct function *f)
{
	for (struct component *c = f->components; c; c = c->next) {
		if (!c->closed)
			log_warn("bridge.function", "component %s: did not close in time", c->name);
		component_clear(c);
	}
	window_turn(f);
	f->state = FUNCTION_CLOSED;
	timer_stop(f->loop, &f->deadline);
	f->drained(f->drained_arg);
}

void drain_step(struct function *f)
{
	switch (f->state) {
	case FUNCTION_NEW:
	case FUNCTION_RUNNING:
	case FUNCTION_CLOSED: break;
	case FUNCTION_DRAINING:
		if (f->running && !drain_is_late(f))
			break;
		for (struct component *c = f->running ? f->components : NULL; c; c = c->next)
			component_give_up(c);
		window_turn(f); /* the last commits and acks, before drain() asks to confirm them */
		if (f->dirty)
			function_touch(f);
		else
			drain_confirm(f);
		break;
	case FUNCTION_CONFIRMING:
		if (drain_all(f, false) || drain_is_late(f))
			drain_close(f);
		break;
	case FUNCTION_CLOSING:
		if (drain_all(f, true) || drain_is_late(f))
			drain_end(f);
		break;
	}
}
