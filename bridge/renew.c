/* One component ended as in a drain and opened anew with other rows, while everything else goes on. */
#include <stdlib.h>
#include <string.h>

#include "bridge/core.h"

enum {
	CONFIRM_MS = 3000, /* for the last acknowledgements to be confirmed */
	CLOSE_MS =
	    30000 /* said once in the log; opened only when it is closed: two instances would fight over a group */
};

struct renewal {
	struct component *component;
	enum { RENEW_FINISHING, RENEW_CONFIRMING, RENEW_CLOSING } phase;
	struct timer deadline;
	bool late;
	struct renew_options options;
};

static void renew_late(void *arg)
{
	struct renewal *r = arg;

	r->late = true;
	function_touch(r->component->function);
}

static void renew_phase(struct renewal *r, int64_t ms)
{
	r->late = false;
	timer_set(r->component->function->loop, &r->deadline, ms > 0 ? ms : 0, renew_late, r);
	function_touch(r->component->function);
}

void function_renew(struct function *f, struct connector *connector, const struct renew_options *options)
{
	struct component *c = component_of(connector);
	struct renewal *r = c->renewal;
	const char *before;

	if (f->state != FUNCTION_RUNNING)
		return;
	before = log_function(f->options.name);
	if (!r) {
		r = c->renewal = mem_new(sizeof(*r));
		r->component = c;
		component_stop(c);
		renew_phase(r, options->ms);
	}
	r->options = *options;
	log_function(before);
}

/* Cancelled or not: what asked another component ends with that request. */
static bool renew_runs(const struct component *c)
{
	for (const struct window *w = c->windows; w; w = w->next)
		if (w->running)
			return true;
	for (const struct window *w = c->lost; w; w = w->next)
		if (w->running)
			return true;
	return c->asked && !c->renewal->late;
}

static bool renew_settles(const struct component *c)
{
	for (const struct window *w = c->windows; w; w = w->next)
		if (w->dirty)
			return true;
	return false;
}

static void renew_open(struct component *c)
{
	const struct connector_class *class = c->connector.class;
	struct renewal *r = c->renewal;
	struct error err = { ERR_NONE, "" };

	component_clear(c);
	for (struct sub *s = c->function->subs; s; s = s->next)
		if (s->component == c)
			lag_forget_all(s);
	c->renewal = NULL;
	connector_down(&c->connector, &err); /* no fault, only not connected */
	c->stopped = c->drain_asked = c->drained = c->close_asked = c->closed = false;
	c->waiting = c->reopen_owed = c->resubscribe_owed = false;
	c->crowded = NULL;
	c->failures = 0;
	timer_stop(c->function->loop, &c->reopen);
	memset(&c->connector, 0, class->size);
	c->connector = (struct connector){ .class = class, .loop = c->function->loop, .name = c->name };
	r->options.fill(r->options.arg, &c->connector);
	timer_stop(c->function->loop, &r->deadline);
	free(r);
	if (!class->open)
		connector_up(&c->connector);
	else if (class->open(&c->connector, &err) == -1)
		connector_down(&c->connector, &err);
}

static void renew_confirm(struct component *c)
{
	c->renewal->phase = RENEW_CONFIRMING;
	component_confirm(c);
	renew_phase(c->renewal, CONFIRM_MS);
}

static void renew_complain(struct renewal *r)
{
	r->late = false;
	log_warn("bridge.component", "component %s: does not close; it is opened anew when it has", r->component->name);
}

void renew_step(struct component *c)
{
	struct renewal *r = c->renewal;

	switch (r->phase) {
	case RENEW_FINISHING:
		if (r->late)
			component_give_up(c);
		if (renew_settles(c))
			function_touch(c->function); /* after the last commit() and ack() */
		else if (!renew_runs(c))
			renew_confirm(c);
		break;
	case RENEW_CONFIRMING:
		if (!c->drained && !r->late)
			break;
		r->phase = RENEW_CLOSING;
		component_close(c);
		renew_phase(r, CLOSE_MS);
		break;
	case RENEW_CLOSING:
		if (c->closed)
			renew_open(c);
		else if (r->late)
			renew_complain(r);
		break;
	}
}

void renew_free(struct component *c)
{
	if (!c->renewal)
		return;
	timer_stop(c->function->loop, &c->renewal->deadline);
	free(c->renewal);
}
