/* Requests to writing halves: handed over at the end of a turn, each item answered once, late ones forgotten. */
#include <assert.h>
#include <stdlib.h>

#include "bridge/core.h"

struct asked {
	struct request *request; /* NULL: deadline past, the connector forgot it */
	struct component *component;
	struct asked *next, **prev;
	struct timer timer;
	unsigned left;
	bool handed;
	uint64_t answered[]; /* a bit per item */
};

static void asked_end(struct asked *a)
{
	timer_stop(a->component->function->loop, &a->timer);
	*a->prev = a->next;
	if (a->next)
		a->next->prev = a->prev;
	a->request->core = NULL;
	free(a);
}

static bool asked_take(struct asked *a, unsigned i)
{
	uint64_t bit = 1ull << i % 64;

	if (a->answered[i / 64] & bit)
		return false;
	a->answered[i / 64] |= bit;
	a->left--;
	return true;
}

static void asked_late(void *arg)
{
	struct asked *a = arg;
	struct component *c = a->component;
	struct request *r = a->request;
	enum verdict verdict = a->handed ? UNSURE : UNSENT;
	unsigned n = r->n;

	if (a->handed)
		c->connector.class->forget(&c->connector, r);
	for (unsigned i = 0; i < n; i++) {
		if (!asked_take(a, i))
			continue;
		c->metrics.request_failures++;
		if (!a->left) {
			asked_end(a);
			r->answered(r, i, verdict, NULL, "no confirmation before the deadline");
			return;
		}
		r->answered(r, i, verdict, NULL, "no confirmation before the deadline");
	}
}

int ask(struct function *f, const char *component, struct request *r, struct error *err)
{
	struct component *c = component_find(f, component);
	struct asked *a;
	int64_t left;

	if (!c)
		return error_set(err, ERR_CONFIG, "no component %s", component);
	if (!c->connector.class->send)
		return error_set(err, ERR_CONFIG, "component %s cannot be written to", component);
	if (c->close_asked)
		return error_set(err, ERR_IO, "component %s is closing", component);
	a = mem_new(sizeof(*a) + (r->n + 63) / 64 * sizeof(uint64_t));
	a->request = r;
	a->component = c;
	a->left = r->n;
	a->next = c->asked;
	a->prev = &c->asked;
	if (a->next)
		a->next->prev = &a->next;
	c->asked = a;
	r->core = a;
	c->metrics.requests += r->n;
	left = r->deadline - loop_now(f->loop);
	timer_set(f->loop, &a->timer, left > 0 ? left : 0, asked_late, a);
	function_touch(f);
	return 0;
}

void answer_request(struct request *r, unsigned i, enum verdict verdict, const struct answer *answer, const char *why)
{
	struct asked *a = r->core;

	assert(a && i < r->n);
	if (!asked_take(a, i)) {
		assert(!"an item is answered once");
		return;
	}
	a->component->metrics.request_failures += verdict != DONE;
	function_touch(a->component->function);
	if (!a->left)
		asked_end(a);
	r->answered(r, i, verdict, answer, why);
}

/* In the order they were asked: the list has the newest first. */
void sink_turn(struct component *c)
{
	for (;;) {
		struct asked *oldest = NULL;

		for (struct asked *a = c->asked; a && !a->handed; a = a->next)
			oldest = a;
		if (!oldest)
			return;
		oldest->handed = true;
		c->connector.class->send(&c->connector, oldest->request);
	}
}

void sink_forget(struct component *c)
{
	while (c->asked)
		asked_late(c->asked);
}
