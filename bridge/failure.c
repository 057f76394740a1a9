/* What a verdict other than DONE leads to: back off, park, hold, drop. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/core.h"

enum {
	UNSENT_PAUSE_MS = 100, /* a binding that still claims room is not asked in a tight loop */
	RETRY_AFTER_MAX_MS = 3600000 /* what a function may ask for at most */
};

bool item_is_ending(const struct item *item)
{
	const struct window *w = item->entry->window;

	return w->state != WINDOW_OPEN || w->component->stopped || item->sub->function->state != FUNCTION_RUNNING;
}

void item_note(struct item *item, enum reason_kind kind, const char *why)
{
	struct reason *r = reasons_add(&item->sub->reasons, kind, why);
	struct slice id = item->event->id;

	r->attempts = item->delivery.attempt;
	r->at = loop_wall(item->sub->function->loop);
	snprintf(r->id, sizeof(r->id), "%.*s", (int)id.n, id.p ? id.p : "");
}

static void item_retry(void *arg)
{
	struct item *item = arg;

	window_stall(item, -1);
	item_ready(item, true);
}

static void item_back_off(struct item *item, int64_t pause_ms)
{
	item->state = ITEM_BACKOFF;
	window_stall(item, 1);
	timer_set(item->sub->function->loop, &item->timer, pause_ms, item_retry, item);
}

static bool item_exhausted(const struct item *item)
{
	const struct policy *p = item->sub->policy;
	int64_t age = loop_now(item->sub->function->loop) - item->entry->taken_at;

	return (p->retry_attempts && item->delivery.attempt >= p->retry_attempts) ||
	    (p->retry_max_age_ms && age >= p->retry_max_age_ms);
}

static void item_hold(struct item *item, const char *why)
{
	struct sub *s = item->sub;
	struct slice id = item->event->id;

	item->state = ITEM_HELD;
	item_note(item, REASON_HELD, why);
	window_stall(item, 1);
	log_fault_keyed(&s->held_faults, loop_now(s->function->loop), why, LOG_ERROR, "bridge.deliver",
	    "component %s: event %.*s is held: %s; %s has no dead-letter topic "
	    "(set deadLetterTopic, or onExhausted: drop)",
	    s->public.component, (int)id.n, id.p, why, s->public.topic);
}

/* No further attempt: park it if there is a place, drop it only if that was written, else hold. */
static void item_give_up(struct item *item, const char *why)
{
	const struct policy *p = item->sub->policy;

	if (item_is_ending(item))
		item_let_go(item);
	else if (p->on_exhausted == EXHAUSTED_DROP)
		item_finish(item, ENDED_DROPPED_EXHAUSTED, why);
	else if (p->on_exhausted == EXHAUSTED_HOLD || !park_has_place(p))
		item_hold(item, why);
	else
		park_start(item, why);
}

static void item_try_again(struct item *item, int64_t retry_after_ms, const char *why)
{
	struct sub *s = item->sub;
	struct function *f = s->function;
	struct slice id = item->event->id;
	int64_t pause;

	if (item_is_ending(item)) {
		item_let_go(item);
		return;
	}
	if (item_exhausted(item)) {
		item_give_up(item, why);
		return;
	}
	item_note(item, REASON_FAILED, why);
	pause = backoff_ms(&s->backoff, item->delivery.attempt, &f->random);
	if (retry_after_ms > RETRY_AFTER_MAX_MS)
		retry_after_ms = RETRY_AFTER_MAX_MS;
	if (pause < retry_after_ms)
		pause = retry_after_ms;
	log_fault_keyed(&s->faults, loop_now(f->loop), why, LOG_WARN, "bridge.deliver",
	    "component %s: event %.*s, attempt %u: %s; next in %lld ms", s->public.component, (int)id.n, id.p,
	    item->delivery.attempt, why, (long long)pause);
	item_back_off(item, pause);
}

void item_failed(struct item *item, enum verdict verdict, int64_t retry_after_ms, const char *why)
{
	struct sub *s = item->sub;

	if (verdict != UNSENT) {
		free(item->why);
		item->why = mem_text(why);
		why = item->why;
	}
	item->state = ITEM_BACKOFF; /* nobody has it; the branches below say who does next */
	switch (verdict) {
	case UNSENT:
		s->metrics.unsent++;
		item->delivery.attempt--;
		item_note(item, REASON_UNSENT, why);
		if (item_is_ending(item))
			item_let_go(item);
		else
			item_back_off(item, UNSENT_PAUSE_MS);
		break;
	case UNSURE:
		s->metrics.unsure++;
		item->delivery.unsure = true;
		item_try_again(item, 0, why);
		break;
	case RETRY: item_try_again(item, retry_after_ms, why); break;
	case DROP:
		if (!park_has_place(s->policy))
			item_finish(item, ENDED_DROPPED_FUNCTION, why);
		else if (item_is_ending(item))
			item_let_go(item);
		else
			park_start(item, why);
		break;
	case REJECT: item_give_up(item, why); break;
	case DONE: assert(!"DONE is no failure");
	}
}
