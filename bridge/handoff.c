/* From an item to a sink: asked again and again until it is confirmed there; only then the item ends. */
#include <stdlib.h>

#include "bridge/core.h"

enum { ASK_TIMEOUT_MS = 30000 };
static const struct backoff handoff_backoff = { .initial_ms = 200, .max_ms = 30000 };

static void handoff_free(struct sub *s, struct handoff *h)
{
	struct function *f = s->function;

	f->bytes -= h->credit;
	f->answers -= h->kind == HANDOFF_ANSWER;
	sub_activate(s);
	function_touch(f);
	buf_free(&h->bytes);
	free(h->headers);
	free(h->why);
	free(h);
}

static void handoff_again(void *arg);

static void handoff_wait(struct item *item, const char *why)
{
	static const char *const what[] = { "its dead-letter topic", "the topic of its answer" };
	struct handoff *h = item->handoff;
	struct sub *s = item->sub;
	struct function *f = s->function;
	struct slice id = item->event->id;
	int64_t pause = backoff_ms(&handoff_backoff, ++h->tries, &f->random);

	item_note(item, REASON_NOT_CONFIRMED, why);
	if (h->kind == HANDOFF_PARK)
		s->metrics.park_failures++;
	else
		s->metrics.answer_failures++;
	log_fault_keyed(&s->sink_faults, loop_now(f->loop), why, LOG_ERROR, "bridge.handoff",
	    "component %s: event %.*s is held: %s %s did not confirm it: %s; again in %lld ms", s->public.component,
	    (int)id.n, id.p, what[h->kind], h->topic ? h->topic : "", why, (long long)pause);
	item->state = ITEM_ASK_WAIT;
	window_stall(item, 1);
	timer_set(f->loop, &item->timer, pause, handoff_again, item);
}

static void handoff_end(struct item *item)
{
	struct handoff *h = item->handoff;
	struct sub *s = item->sub;

	item->handoff = NULL;
	if (h->kind == HANDOFF_PARK) {
		item_finish(item, ENDED_PARKED, h->why); /* the item may be gone now */
	} else {
		s->metrics.answers++;
		item_finish(item, ENDED_DELIVERED, NULL);
	}
	handoff_free(s, h);
}

/* Whoever sent the event named a topic that cannot be written to: that is no reason to hold the event. */
static void handoff_give_up(struct item *item, const char *why)
{
	struct sub *s = item->sub;

	s->metrics.answer_failures++;
	log_fault_keyed(&s->sink_faults, loop_now(s->function->loop), why, LOG_WARN, "bridge.handoff",
	    "component %s: the answer to event %.*s is given up: %s: %s", s->public.component, (int)item->event->id.n,
	    item->event->id.p, item->handoff->topic, why ? why : "refused");
	handoff_cancel(item);
	item_finish(item, ENDED_DELIVERED, NULL);
}

static void handoff_answered(
    struct request *r, unsigned i, enum verdict verdict, const struct answer *answer, const char *why)
{
	struct item *item = r->asker;
	struct function *f = item->sub->function;

	(void)i;
	(void)answer;
	item->entry->window->running--;
	f->running--;
	function_touch(f);
	if (verdict == DONE) {
		handoff_end(item);
	} else if (verdict == REJECT && item->handoff->reply) {
		handoff_give_up(item, why);
	} else if (item_is_ending(item)) {
		handoff_cancel(item);
		item_let_go(item);
	} else {
		handoff_wait(item, why ? why : "no reason given");
	}
}

static void handoff_ask(struct item *item)
{
	struct handoff *h = item->handoff;
	struct function *f = item->sub->function;
	struct error err;

	h->request = (struct request){
		.operation = SLICE("publish"),
		.topic = slice_text(h->topic),
		.keep = !h->reply,
		.events = h->events,
		.n = 1,
		.deadline = loop_now(f->loop) + ASK_TIMEOUT_MS,
		.answered = handoff_answered,
		.asker = item,
	};
	item->state = ITEM_ASKING;
	item->entry->window->running++;
	f->running++;
	if (ask(f, h->component, &h->request, &err) == -1)
		handoff_answered(&h->request, 0, RETRY, NULL, err.text);
}

static void handoff_again(void *arg)
{
	struct item *item = arg;

	window_stall(item, -1);
	handoff_ask(item);
}

void handoff_start(struct item *item, struct handoff *h)
{
	item->handoff = h;
	h->events[0] = &h->event;
	if (!h->component)
		h->component = item->sub->public.component;
	h->credit = h->bytes.cap;
	item->sub->function->bytes += h->credit;
	item->sub->function->answers += h->kind == HANDOFF_ANSWER;
	handoff_ask(item);
}

void handoff_cancel(struct item *item)
{
	struct handoff *h = item->handoff;

	item->handoff = NULL;
	handoff_free(item->sub, h);
}
