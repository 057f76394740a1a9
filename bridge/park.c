/* Parking: an event that will not be delivered goes to its dead-letter place and counts only once that confirmed it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/core.h"

enum { PARK_TIMEOUT_MS = 30000, OWN_HEADERS = 8, NUMBERS = 96 };
static const struct backoff park_backoff = { .initial_ms = 200, .max_ms = 30000 };

struct park {
	struct request request;
	struct event event;
	const struct event *events[1];
	char *why;
	char numbers[NUMBERS];
	struct header headers[]; /* the event's own, then ours */
};

static struct slice number_print(struct park *p, size_t *at, uint64_t v)
{
	char *text = p->numbers + *at;
	size_t n = (size_t)snprintf(text, NUMBERS - *at, "%llu", (unsigned long long)v);

	*at += n + 1;
	return (struct slice){ text, n };
}

/* The broker's headers travel on; what a connector made of a record's place ("__offset") is said by ours instead. */
static unsigned headers_make(struct park *p, const struct item *item)
{
	const struct event *e = item->event;
	const struct window *w = item->entry->window;
	size_t at = 0;
	unsigned n = 0;
	const struct header own[] = {
		{ SLICE("bridge-dead-letter-reason"), slice_text(p->why) },
		{ SLICE("bridge-dead-letter-attempts"), number_print(p, &at, item->delivery.attempt) },
		{ SLICE("bridge-dead-letter-time"),
		    number_print(p, &at, (uint64_t)loop_wall(item->sub->function->loop)) },
		{ SLICE("bridge-origin-component"), slice_text(item->sub->public.component) },
		{ SLICE("bridge-origin-topic"), e->topic.p ? e->topic : slice_text(item->sub->public.topic) },
		{ SLICE("bridge-origin-partition"), number_print(p, &at, w->partition) },
		{ SLICE("bridge-origin-id"), e->id },
	};

	for (unsigned i = 0; i < e->n_headers; i++)
		if (e->headers[i].name.n < 2 || memcmp(e->headers[i].name.p, "__", 2) != 0)
			p->headers[n++] = e->headers[i];
	memcpy(p->headers + n, own, sizeof(own));
	return n + sizeof(own) / sizeof(own[0]);
}

static void park_free(struct park *p)
{
	free(p->why);
	free(p);
}

static void park_again(void *arg);

static void park_wait(struct item *item, const char *why)
{
	struct sub *s = item->sub;
	struct function *f = s->function;
	struct slice id = item->event->id;
	int64_t pause = backoff_ms(&park_backoff, ++item->park_tries, &f->random);

	s->metrics.park_failures++;
	log_fault_keyed(&s->park_faults, loop_now(f->loop), why, LOG_ERROR, "bridge.park",
	    "component %s: event %.*s is held: its dead-letter topic %s did not confirm it: %s; again in %lld ms",
	    s->public.component, (int)id.n, id.p, s->policy->dead_letter_topic, why, (long long)pause);
	item->state = ITEM_PARK_WAIT;
	window_stall(item, 1);
	timer_set(f->loop, &item->timer, pause, park_again, item);
}

static void park_answered(
    struct request *r, unsigned i, enum verdict verdict, const struct answer *answer, const char *why)
{
	struct item *item = r->asker;
	struct park *p = item->park;

	(void)i;
	(void)answer;
	item->entry->window->running--;
	item->sub->function->running--;
	function_touch(item->sub->function);
	if (verdict == DONE) {
		item_finish(item, ENDED_PARKED, p->why); /* the item may be gone now */
		park_free(p);
	} else if (item->entry->window->state != WINDOW_OPEN || item->sub->function->state != FUNCTION_RUNNING) {
		item_let_go(item);
		park_free(p);
	} else {
		park_wait(item, why ? why : "no reason given");
	}
}

static void park_ask(struct item *item)
{
	struct sub *s = item->sub;
	struct park *p = item->park;
	struct function *f = s->function;
	struct error err;

	p->request = (struct request){
		.operation = SLICE("publish"),
		.topic = slice_text(s->policy->dead_letter_topic),
		.events = p->events,
		.n = 1,
		.deadline = loop_now(f->loop) + PARK_TIMEOUT_MS,
		.answered = park_answered,
		.asker = item,
	};
	item->state = ITEM_PARKING;
	item->entry->window->running++;
	f->running++;
	if (ask(f, s->policy->dead_letter_component ? s->policy->dead_letter_component : s->public.component,
		&p->request, &err) == -1)
		park_answered(&p->request, 0, RETRY, NULL, err.text);
}

static void park_again(void *arg)
{
	struct item *item = arg;

	window_stall(item, -1);
	park_ask(item);
}

void park_start(struct item *item, const char *why)
{
	struct park *p = mem_new(sizeof(*p) + (item->event->n_headers + OWN_HEADERS) * sizeof(struct header));

	item->park = p;
	p->why = mem_text(why);
	p->event = *item->event;
	p->event.n_headers = headers_make(p, item);
	p->event.headers = p->headers;
	p->events[0] = &p->event;
	park_ask(item);
}

void park_cancel(struct item *item)
{
	park_free(item->park);
	item->park = NULL;
}
