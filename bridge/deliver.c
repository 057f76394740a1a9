/* Items on their way: from offer to the binding, and what settle() says about them. */
#include <assert.h>
#include <stdlib.h>

#include "bridge/core.h"

enum {
	RATE_BURST_US = 100000, /* what may be sent ahead of an even pace */
	DELIVERY_COST = 4096, /* of one without payload, in bytes of payload */
	QUANTUM = 64 * DELIVERY_COST
};

static void ready_put(struct sub *s, struct item *item, bool first)
{
	struct item_list *list = &s->ready;

	s->function->bound->ready++;
	item->prev = first ? NULL : list->last;
	item->next = first ? list->first : NULL;
	if (item->prev)
		item->prev->next = item;
	else
		list->first = item;
	if (item->next)
		item->next->prev = item;
	else
		list->last = item;
}

static void ready_take(struct sub *s, struct item *item)
{
	s->function->bound->ready--;
	if (item->prev)
		item->prev->next = item->next;
	else
		s->ready.first = item->next;
	if (item->next)
		item->next->prev = item->prev;
	else
		s->ready.last = item->prev;
	item->next = item->prev = NULL;
}

void sub_activate(struct sub *s)
{
	struct bound *b = s->function->bound;

	if (s->active || !s->ready.first || s->rate.timer.heap_index)
		return;
	s->active = true;
	s->next_active = NULL;
	if (b->active)
		b->active_last->next_active = s;
	else
		b->active = s;
	b->active_last = s;
}

void item_ready(struct item *item, bool first)
{
	item->state = ITEM_READY;
	ready_put(item->sub, item, first);
	sub_activate(item->sub);
	function_touch(item->sub->function);
}

static void item_due(void *arg)
{
	struct item *item = arg;

	window_stall(item, -1);
	item_ready(item, false);
}

/* Nothing of its lane is before it (any more). */
static void item_unblocked(struct item *item)
{
	struct function *f = item->sub->function;
	int64_t wait = item->event->not_before_ms ? item->event->not_before_ms - loop_wall(f->loop) : 0;

	if (wait <= 0) {
		item_ready(item, false);
		return;
	}
	item->state = ITEM_DELAYED;
	window_stall(item, 1);
	timer_set(f->loop, &item->timer, wait, item_due, item);
}

void item_begin(struct item *item)
{
	lane_enter(item->sub->function, item);
	if (item->lane_before)
		item->state = ITEM_BLOCKED;
	else
		item_unblocked(item);
}

static void item_expired(void *arg)
{
	struct item *item = arg;

	item->sub->metrics.timeouts++;
	item_cancel(item, "no answer within the delivery timeout");
}

static void item_send(struct bound *b, struct item *item)
{
	struct sub *s = item->sub;
	struct function *f = s->function;
	int64_t now = loop_now(f->loop),
		timeout = s->policy->timeout_ms ? s->policy->timeout_ms : f->options.timeout_ms;

	if (item->event->expires_ms && item->event->expires_ms <= loop_wall(f->loop)) {
		item_finish(item, ENDED_EXPIRED, NULL);
		return;
	}
	item->state = ITEM_SENT;
	item->sent_at = now;
	item->delivery.attempt++;
	item->delivery.route = &s->route;
	item->delivery.deadline = now + timeout;
	s->metrics.attempts++;
	s->metrics.retries += item->delivery.attempt > 1;
	b->in_flight++;
	s->in_flight++;
	item->entry->window->running++;
	f->running++;
	timer_set(f->loop, &item->timer, timeout, item_expired, item);
	b->binding.class->send(&b->binding, &item->delivery);
}

static void sub_due(void *arg)
{
	struct sub *s = arg;

	sub_activate(s);
	function_touch(s->function);
}

/* false: too early by maxPerSecond; the subscription comes back by itself when it is due. */
static bool sub_may_send(struct sub *s)
{
	struct loop *loop = s->function->loop;
	int64_t now_us = loop_now(loop) * 1000, step_us, early_us;

	if (!s->policy->max_per_second)
		return true;
	step_us = 1000000 / s->policy->max_per_second;
	if (s->rate.due_us < now_us)
		s->rate.due_us = now_us;
	early_us = s->rate.due_us - now_us - RATE_BURST_US;
	if (early_us > 0) {
		timer_set(loop, &s->rate.timer, early_us / 1000 + 1, sub_due, s);
		return false;
	}
	s->rate.due_us += step_us;
	return true;
}

/* Answers that wait for their topic have filled the credit: no more are asked for until one is confirmed. */
static bool sub_answers_wait(const struct sub *s)
{
	const struct function *f = s->function;

	return s->answers && f->bytes > f->options.buffer_bytes && f->answers;
}

static bool pump_may_go_on(const struct bound *b)
{
	return b->in_flight < pace_limit(&b->pace, b->capacity) && b->active && b->function->state == FUNCTION_RUNNING;
}

static void pump_one(struct bound *b)
{
	struct sub *s = b->active;
	struct item *item = s->ready.first;

	b->active = s->next_active;
	s->active = false;
	if (s->max_in_flight && s->in_flight >= s->max_in_flight)
		return; /* back when one of its deliveries is settled */
	if (!item || sub_answers_wait(s) || !sub_may_send(s))
		return;
	ready_take(s, item);
	sub_activate(s);
	b->deficit -= DELIVERY_COST + (int64_t)item->event->data.n;
	item_send(b, item);
}

/*
 * Deficit round robin: a quantum a turn of the loop, in which every other function of it has its own, and what comes
 * from outside is taken.  What one large event takes too much is missing in the turns after.
 */
void deliver_pump(struct bound *b)
{
	b->deficit = b->deficit < 0 ? b->deficit + QUANTUM : QUANTUM;
	while (b->deficit > 0 && pump_may_go_on(b))
		pump_one(b);
	if (pump_may_go_on(b))
		function_touch(b->function);
}

/* What a verdict says about load.  Without an answer: the delivery timeout, or a lost connection. */
static enum pace_word pace_word(enum verdict verdict, const struct answer *answer)
{
	if (answer && (answer->status == 429 || answer->status == 503))
		return PACE_TOO_MUCH;
	if (verdict == UNSURE && !answer)
		return PACE_TOO_MUCH;
	return verdict == DONE ? PACE_GOOD : PACE_OTHER;
}

/* The binding has it no more. */
static void item_back(struct item *item, enum verdict verdict, const struct answer *answer)
{
	struct sub *s = item->sub;
	struct function *f = s->function;
	int64_t took = loop_now(f->loop) - item->sent_at;

	assert(item->state == ITEM_SENT);
	timer_stop(f->loop, &item->timer);
	histogram_add(&s->metrics.delivery_ms, took);
	pace_learn(&f->bound->pace, pace_word(verdict, answer), took, f->bound->in_flight, loop_now(f->loop));
	f->bound->in_flight--;
	s->in_flight--;
	item->entry->window->running--;
	f->running--;
	sub_activate(s);
	function_touch(f);
}

void settle(struct delivery *d, unsigned i, enum verdict verdict, const struct answer *answer, int64_t retry_after_ms,
    const char *why)
{
	struct item *item = (struct item *)((char *)d - offsetof(struct item, delivery));

	assert(i == 0 && d->n == 1);
	item_back(item, verdict, answer);
	if (verdict == DONE && answer_is_wanted(item, answer) && item->entry->window->state != WINDOW_LOST)
		answer_start(item, answer);
	else if (verdict == DONE)
		item_finish(item, ENDED_DELIVERED, NULL);
	else
		item_failed(item, verdict, retry_after_ms, why ? why : "no reason given");
}

void item_cancel(struct item *item, const char *why)
{
	struct bound *b = item->sub->function->bound;

	b->binding.class->cancel(&b->binding, &item->delivery);
	item_back(item, UNSURE, NULL);
	item_failed(item, UNSURE, 0, why);
}

static void sub_count(struct sub *s, enum ending ending)
{
	switch (ending) {
	case ENDED_DELIVERED: s->metrics.delivered++; break;
	case ENDED_PARKED: s->metrics.parked++; break;
	case ENDED_DROPPED_FUNCTION: s->metrics.dropped_function++; break;
	case ENDED_DROPPED_EXHAUSTED: s->metrics.dropped_exhausted++; break;
	case ENDED_EXPIRED: s->metrics.expired++; break;
	case ENDED_RETURNED: s->metrics.returned++; break;
	}
}

void item_finish(struct item *item, enum ending ending, const char *why)
{
	struct sub *s = item->sub;
	struct function *f = s->function;
	struct entry *entry = item->entry;
	struct item *next;

	if (why) {
		item_note(item, ending == ENDED_PARKED ? REASON_PARKED : REASON_DROPPED, why);
		log_fault_keyed(&s->faults, loop_now(f->loop), why, LOG_WARN, "bridge.deliver",
		    "component %s: event %.*s: %s", s->public.component, (int)entry->event.id.n, entry->event.id.p,
		    why);
	}
	sub_count(s, ending);
	if (ending != ENDED_RETURNED)
		histogram_add(&s->metrics.event_ms, loop_now(f->loop) - entry->taken_at);
	item->state = ITEM_FINISHED;
	free(item->why);
	item->why = NULL;
	next = lane_leave(f, item);
	if (next) {
		assert(next->state == ITEM_BLOCKED);
		item_unblocked(next);
	}
	if (--entry->open == 0)
		window_settled(entry);
	function_touch(f);
}

void item_let_go(struct item *item)
{
	item->entry->returned = true;
	item_finish(item, ENDED_RETURNED, NULL);
}

void item_return(struct item *item)
{
	struct function *f = item->sub->function;

	switch (item->state) {
	case ITEM_SENT:
	case ITEM_ASKING:
	case ITEM_FINISHED: return; /* what runs goes on */
	case ITEM_READY: ready_take(item->sub, item); break;
	case ITEM_BLOCKED: break;
	case ITEM_ASK_WAIT:
		handoff_cancel(item);
		window_stall(item, -1);
		break;
	case ITEM_DELAYED:
	case ITEM_BACKOFF:
	case ITEM_HELD: window_stall(item, -1); break;
	}
	timer_stop(f->loop, &item->timer);
	item_let_go(item);
}
