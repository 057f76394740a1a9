/* Windows at the end of a turn: acknowledgements, holds, revokes; and how a window ends. */
#include <assert.h>
#include <string.h>

#include "bridge/window.h"

enum { TOKENS = 256, EVENTS = 64, NOTE_MAX = 4096 };

bool window_empty(const struct window *w)
{
	return w->head == w->tail && !w->live.first && !w->done.first;
}

void window_walk(struct window *w, void (*fn)(void *, struct token, int64_t age_ms), void *arg)
{
	int64_t now = loop_now(w->component->function->loop);

	for (struct entry *e = w->live.first; e; e = e->next)
		fn(arg, e->event.token, now - e->taken_at);
}

struct credit window_credit(const struct window *w)
{
	const struct function *f = w->component->function;
	struct credit c = { 0, 0 };

	if (!f->bound || !f->bound->capacity || w->state != WINDOW_OPEN || w->held)
		return c;
	if (f->events < f->options.buffer_events)
		c.events = f->options.buffer_events - f->events;
	if (f->bytes < f->options.buffer_bytes)
		c.bytes = f->options.buffer_bytes - f->bytes;
	return c;
}

uint64_t window_ahead(const struct window *w)
{
	uint64_t ahead = w->tail - w->head > w->n_live ? w->tail - w->head - w->n_live : 0;

	for (unsigned r = w->run; r < w->n_runs; r++)
		if (w->runs[r].to > w->offered)
			ahead += w->runs[r].to - (w->runs[r].from > w->offered ? w->runs[r].from : w->offered);
	return ahead;
}

size_t window_note(struct window *w, char *buf, size_t size)
{
	unsigned char packed[NOTE_MAX * 3 / 4];
	struct note_writer note;
	uint64_t i = w->head;

	note_begin(&note, buf, size < NOTE_MAX ? size : NOTE_MAX, packed, w->prefix);
	while (i < w->tail) {
		uint64_t from;

		while (i < w->tail && !window_slot(w, i)->settled)
			i++;
		if (i == w->tail)
			break;
		from = window_slot(w, i)->token.w[0];
		while (i < w->tail && window_slot(w, i)->settled)
			i++;
		note_add(&note, from, window_slot(w, i - 1)->token.w[0] + 1);
	}
	for (unsigned r = w->run; r < w->n_runs; r++)
		note_add(&note, w->runs[r].from > w->offered ? w->runs[r].from : w->offered, w->runs[r].to);
	return note_end(&note);
}

/* What waits goes back to the source, what runs stays.  Later events first: no lane starts its next meanwhile. */
void window_return(struct window *w)
{
	for (struct entry *e = w->live.last, *before; e; e = before) {
		unsigned open = e->open;

		before = e->prev;
		for (unsigned i = e->n_items; i-- > 0 && open > 0;)
			if (e->items[i].state != ITEM_FINISHED && e->items[i].state != ITEM_SENT &&
			    e->items[i].state != ITEM_ASKING) {
				open--;
				item_return(&e->items[i]);
			} else if (e->items[i].state != ITEM_FINISHED) {
				open--;
			}
	}
}

static void window_deadline(void *arg)
{
	struct window *w = arg;

	w->deadline_past = true;
	window_dirty(w);
}

/* Its source neither waits for it nor leaves it out any more. */
static void window_let_in(struct window *w)
{
	struct window **at = &w->component->function->held;

	if (w->component->crowded == w)
		w->component->crowded = NULL;
	if (!w->held)
		return;
	while (*at != w)
		at = &(*at)->next_held;
	*at = w->next_held;
	w->held = w->hold_owed = false;
}

void window_revoke(struct window *w, int64_t deadline, void (*released)(struct connector *, struct window *))
{
	struct loop *loop = w->component->function->loop;
	int64_t left = deadline - loop_now(loop);

	assert(w->state == WINDOW_OPEN);
	w->state = WINDOW_REVOKED;
	w->released = released;
	window_let_in(w);
	window_return(w);
	timer_set(loop, &w->deadline, left > 0 ? left : 0, window_deadline, w);
	window_dirty(w);
}

/* Out of the component's list; what still runs is kept among the lost until its verdict. */
static void window_leave(struct window *w)
{
	struct component *c = w->component;

	window_unlink(&c->windows, w);
	c->function->n_windows--;
	window_let_in(w);
	timer_stop(c->function->loop, &w->deadline);
	w->state = WINDOW_LOST;
	w->next = c->lost;
	c->lost = w;
	window_dirty(w); /* freed at the end of a turn, once nothing of it lives */
}

void window_lost(struct window *w)
{
	if (w->state == WINDOW_OPEN)
		window_return(w);
	window_leave(w);
}

static void window_commit(struct window *w)
{
	struct component *c = w->component;
	struct token tokens[TOKENS];
	unsigned n = 0;

	while (n < TOKENS && w->head < w->tail && window_slot(w, w->head)->settled)
		tokens[n++] = window_slot(w, w->head++)->token;
	if (n)
		w->prefix = tokens[n - 1].w[0] + 1;
	if (!n && !w->note_changed)
		return;
	w->note_changed = false;
	c->metrics.acked += n;
	if (n == TOKENS)
		window_dirty(w); /* perhaps more: once a turn is the contract */
	if (c->connector.class->commit)
		c->connector.class->commit(&c->connector, w, tokens, n);
}

static void window_ack(struct window *w)
{
	struct component *c = w->component;
	const struct event *events[EVENTS];
	struct entry *e = w->done.first;
	unsigned n = 0;

	for (; e && n < EVENTS; e = e->next)
		events[n++] = &e->event;
	if (!n)
		return;
	c->metrics.acked += n;
	if (c->connector.class->ack)
		c->connector.class->ack(&c->connector, w, events, n);
	while (n-- > 0) {
		e = w->done.first;
		entry_remove(&w->done, e);
		entry_free(c->function, e);
	}
	if (w->done.first)
		window_dirty(w);
}

static void window_hold_or_go_on(struct window *w)
{
	struct connector *c = &w->component->connector;

	if (w->hold_owed) {
		w->hold_owed = false;
		if (c->class->hold)
			c->class->hold(c, w, true);
	} else if (w->held && !window_crowded(w)) {
		window_let_in(w);
		if (c->class->hold)
			c->class->hold(c, w, false);
	}
}

static void window_release(struct window *w)
{
	struct connector *c = &w->component->connector;

	window_leave(w);
	w->released(c, w);
}

/* A verdict that comes before the deadline of a revoke is still acknowledged. */
static void window_end(struct window *w)
{
	if (w->state == WINDOW_RELEASING) {
		window_release(w);
	} else if (w->state == WINDOW_REVOKED && !w->dirty && (!w->running || w->deadline_past)) {
		w->state = WINDOW_RELEASING;
		window_dirty(w); /* released() comes in a later turn than the last commit() */
	}
}

static void window_drop_done(struct window *w)
{
	while (w->done.first) {
		struct entry *e = w->done.first;

		entry_remove(&w->done, e);
		entry_free(w->component->function, e);
	}
}

static void window_look(struct window *w)
{
	if (w->state == WINDOW_LOST) {
		window_drop_done(w);
		if (!w->live.first) {
			window_unlink(&w->component->lost, w);
			window_free(w);
		}
		return;
	}
	if (w->rule == ACK_PREFIX)
		window_commit(w);
	else
		window_ack(w);
	if (w->state == WINDOW_OPEN)
		window_hold_or_go_on(w);
	else
		window_end(w);
}

void window_turn(struct function *f)
{
	struct window *w;

	for (w = f->held; w; w = w->next_held)
		if (!window_crowded(w)) /* others have left room */
			window_dirty(w);
	w = f->dirty;
	f->dirty = NULL;
	while (w) {
		struct window *next = w->next_dirty;

		w->dirty = false;
		window_look(w);
		w = next;
	}
}
