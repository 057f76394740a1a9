/* Windows: what was offered of one partition, stream or session, and what of it may be acknowledged. */
#include "bridge/window.h"

#include <assert.h>
#include <stdlib.h>

enum {
	RING_FIRST = 64,
	RING_MAX = 65536 /* unacknowledged and settled ahead together; beyond: held */
};

struct window *window_open(struct connector *connector, const char *name, uint32_t partition, enum ack_rule rule,
    uint64_t start, struct slice note)
{
	struct component *c = component_of(connector);
	struct window *w = mem_new(sizeof(*w));
	struct random seed = { slice_hash(slice_text(name)) ^ partition };

	w->component = c;
	w->name = mem_text(name);
	w->partition = partition;
	w->epoch = ++c->epochs;
	w->lane_seed = random_next(&seed);
	w->rule = rule;
	w->prefix = w->offered = start;
	w->next = c->windows;
	c->windows = w;
	c->function->n_windows++;
	if (rule == ACK_PREFIX && note.n && note_read(note, start, &w->runs, &w->n_runs) == -1)
		log_info("bridge.window",
		    "component %s: the commit metadata of %s/%u is not a note for offset %llu: ignored", c->name, name,
		    partition, (unsigned long long)start);
	return w;
}

void window_dirty(struct window *w)
{
	struct function *f = w->component->function;

	if (w->dirty)
		return;
	w->dirty = true;
	w->next_dirty = f->dirty;
	f->dirty = w;
	function_touch(f);
}

void window_unlink(struct window **list, struct window *w)
{
	while (*list != w)
		list = &(*list)->next;
	*list = w->next;
}

void window_free(struct window *w)
{
	free(w->name);
	free(w->ring);
	free(w->runs);
	free(w->known);
	free(w);
}

struct slot *window_slot(const struct window *w, uint64_t number)
{
	return &w->ring[number & (w->cap - 1)];
}

static struct slot *slot_push(struct window *w, struct token token)
{
	struct slot *slot;

	if (w->tail - w->head == w->cap) {
		uint32_t cap = w->cap ? w->cap * 2 : RING_FIRST;
		struct slot *ring = mem_new(cap * sizeof(*ring));

		for (uint64_t i = w->head; i < w->tail; i++)
			ring[i & (cap - 1)] = *window_slot(w, i);
		free(w->ring);
		w->ring = ring;
		w->cap = cap;
	}
	slot = window_slot(w, w->tail++);
	*slot = (struct slot){ .token = token };
	if (token.w[0] >= w->offered)
		w->offered = token.w[0] + 1;
	return slot;
}

void window_place(struct window *w, struct entry *entry)
{
	entry->slot = w->tail;
	slot_push(w, entry->event.token);
}

void window_place_settled(struct window *w, struct token token)
{
	slot_push(w, token)->settled = true;
	window_dirty(w);
}

/*
 * One window may have as much in memory as it leaves free, of several windows half of that.  So whatever gets stuck,
 * and however many events of it came in a row before it did, there is room left for the others.
 */
static bool window_over(const struct window *w, unsigned times)
{
	const struct function *f = w->component->function;
	unsigned events = f->options.buffer_events - f->events, part = f->n_windows > 1 ? 2 * times : times;
	size_t bytes = f->options.buffer_bytes > f->bytes ? f->options.buffer_bytes - f->bytes : 0;

	if (w->tail - w->head >= RING_MAX / times)
		return true;
	return w->n_live * part > events || w->live_bytes * part > bytes;
}

bool window_crowded(const struct window *w)
{
	bool was = w->held || w->component->crowded == w;

	return window_over(w, was ? 2 : 1); /* once over the mark, only well below it the flow goes on */
}

/* A source waits for a window that moves, as long as that costs nobody anything: the function has all it can take. */
bool window_stuck(const struct window *w, int64_t now)
{
	const struct component *c = w->component;

	if (w->stuck || w->tail - w->head >= RING_MAX)
		return true;
	return c->crowded == w && component_waited(c, now) && !c->function->bound->active;
}

void window_stall(struct item *item, int by)
{
	struct window *w = item->entry->window;

	w->stuck += (unsigned)by;
	if (by > 0 && w->component->crowded == w)
		function_touch(w->component->function);
}

static void window_take(struct window *w, struct entry *entry)
{
	entry_append(&w->live, entry);
	w->n_live++;
	w->live_bytes += pool_size(entry->size);
}

static void window_give(struct window *w, struct entry *entry)
{
	entry_remove(&w->live, entry);
	w->n_live--;
	w->live_bytes -= pool_size(entry->size);
}

/* The note says it is done already. */
static bool window_noted(struct window *w, uint64_t at)
{
	if (at < w->prefix) {
		free(w->runs); /* reset, or a topic made anew: the note speaks of other events */
		w->runs = NULL;
		w->n_runs = w->run = 0;
	}
	while (w->run < w->n_runs && w->runs[w->run].to <= at)
		w->run++;
	return w->run < w->n_runs && w->runs[w->run].from <= at;
}

/* An event of a lost window that still runs goes on as this window's. */
static void entry_move(struct entry *entry, struct window *to)
{
	struct window *from = entry->window;

	for (unsigned i = 0; i < entry->n_items; i++) {
		struct item *item = &entry->items[i];

		if (item->state == ITEM_SENT || item->state == ITEM_ASKING) {
			from->running--;
			to->running++;
		}
		item->sub->metrics.taken_over++;
	}
	window_give(from, entry);
	entry->window = to;
	window_take(to, entry);
	if (to->rule == ACK_PREFIX)
		window_place(to, entry);
	if (!from->n_live)
		window_dirty(from);
}

static bool window_take_over(struct window *w, const struct event *e)
{
	if (window_recognise(w, e))
		return true;
	for (struct window *lost = w->component->lost; lost; lost = lost->next) {
		if (lost->partition != w->partition || !slice_is(slice_text(lost->name), w->name))
			continue;
		for (struct entry *live = lost->live.first; live; live = live->next)
			if (token_equal(live->event.token, e->token) && !live->returned) {
				entry_move(live, w);
				return true;
			}
	}
	return false;
}

void window_hold(struct window *w)
{
	struct function *f = w->component->function;

	assert(w->state == WINDOW_OPEN && !w->held);
	if (w->component->crowded == w)
		w->component->crowded = NULL;
	w->held = w->hold_owed = true;
	w->next_held = f->held;
	f->held = w;
	window_dirty(w);
}

static enum offered window_wait(struct window *w, bool alone)
{
	struct component *c = w->component;
	struct function *f = c->function;

	if (!c->waiting || c->crowded != (alone ? w : NULL))
		c->waiting_since = loop_now(f->loop);
	c->waiting = true;
	c->crowded = alone ? w : NULL;
	function_touch(f);
	return OFFER_WAIT;
}

bool credit_has_room(const struct function *f, size_t bytes)
{
	if (!f->bound || !f->bound->capacity)
		return false;
	if (f->events == 0)
		return true;
	if (f->events >= f->options.buffer_events)
		return false;
	/* when nothing here moves, what is stuck shall not keep a large event of another window out for good */
	return f->bytes + bytes <= f->options.buffer_bytes || (f->running == 0 && !f->bound->ready);
}

static void sub_took(struct sub *s)
{
	s->metrics.received++;
	if (s->lag.idle)
		lag_look(s);
}

enum offered offer(struct window *w, const struct event *e, const struct subscription *const *subs, unsigned n)
{
	struct function *f = w->component->function;
	struct entry *entry;

	if (w->state != WINDOW_OPEN || w->component->stopped)
		return OFFER_GONE;
	if (e->again && window_take_over(w, e))
		return OFFER_TAKEN;
	if (w->held)
		return OFFER_HELD;
	if (window_crowded(w)) {
		if (!window_stuck(w, loop_now(f->loop)))
			return window_wait(w, true);
		window_hold(w);
		return OFFER_HELD;
	}
	if (w->rule == ACK_PREFIX && (n == 0 || window_noted(w, e->token.w[0]))) {
		window_place_settled(w, e->token);
		w->component->metrics.unwanted += n == 0;
		for (unsigned i = 0; i < n; i++)
			((struct sub *)(uintptr_t)subs[i])->metrics.recognised++;
		return OFFER_TAKEN;
	}
	if (!credit_has_room(f, pool_size(entry_size(e, n))))
		return window_wait(w, false);
	entry = entry_new(f, e, subs, n);
	entry->window = w;
	if (w->rule == ACK_PREFIX)
		window_place(w, entry);
	window_take(w, entry);
	for (unsigned i = 0; i < n; i++)
		sub_took(entry->items[i].sub);
	for (unsigned i = 0; i < n; i++)
		item_begin(&entry->items[i]);
	if (n == 0)
		window_settled(entry);
	return OFFER_TAKEN;
}

void window_settled(struct entry *entry)
{
	struct window *w = entry->window;
	bool acknowledge = !entry->returned && w->state != WINDOW_LOST;

	window_give(w, entry);
	if (w->rule == ACK_ANY && acknowledge) {
		entry_append(&w->done, entry);
		window_dirty(w);
		return;
	}
	if (w->rule == ACK_PREFIX && acknowledge && entry->slot == SLOT_NONE) {
		window_know(w, entry->event.token);
	} else if (w->rule == ACK_PREFIX && acknowledge) {
		window_slot(w, entry->slot)->settled = true;
		w->note_changed = true;
		window_dirty(w);
	}
	if (w->state != WINDOW_OPEN)
		window_dirty(w);
	entry_free(w->component->function, entry);
}
