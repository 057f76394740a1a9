/* A heap with four children a node; entries carry the key: sifting touches a timer only to tell it its new place. */
#include <assert.h>
#include <stdlib.h>
#include "bridge/bytes.h"
#include "bridge/timer_heap.h"

struct timer_entry {
	int64_t at;
	uint64_t setting;
	struct timer *timer;
};

enum { CHILDREN = 4 };

static bool timer_entry_before(const struct timer_entry *a, const struct timer_entry *b)
{
	return a->at != b->at ? a->at < b->at : a->setting < b->setting;
}

/* A timer's heap_index is its place + 1: zero is "stopped". */
static void timer_heap_put(struct timer_heap *h, unsigned place, struct timer_entry e)
{
	h->entries[place] = e;
	e.timer->heap_index = place + 1;
}

static void timer_heap_up(struct timer_heap *h, unsigned place, struct timer_entry e)
{
	while (place > 0) {
		unsigned parent = (place - 1) / CHILDREN;

		if (!timer_entry_before(&e, &h->entries[parent]))
			break;
		timer_heap_put(h, place, h->entries[parent]);
		place = parent;
	}
	timer_heap_put(h, place, e);
}

static void timer_heap_down(struct timer_heap *h, unsigned place, struct timer_entry e)
{
	for (;;) {
		unsigned first = place * CHILDREN + 1, best = first;

		if (first >= h->n)
			break;
		for (unsigned i = first + 1; i < h->n && i < first + CHILDREN; i++)
			if (timer_entry_before(&h->entries[i], &h->entries[best]))
				best = i;
		if (!timer_entry_before(&h->entries[best], &e))
			break;
		timer_heap_put(h, place, h->entries[best]);
		place = best;
	}
	timer_heap_put(h, place, e);
}

static void timer_heap_move(struct timer_heap *h, unsigned place, struct timer_entry e)
{
	if (place > 0 && timer_entry_before(&e, &h->entries[(place - 1) / CHILDREN]))
		timer_heap_up(h, place, e);
	else
		timer_heap_down(h, place, e);
}

void timer_heap_set(struct timer_heap *h, struct timer *t, int64_t at)
{
	struct timer_entry e = { .at = at, .setting = h->settings++, .timer = t };

	t->at = at;
	if (t->heap_index) {
		assert(t->heap_index <= h->n && h->entries[t->heap_index - 1].timer == t);
		timer_heap_move(h, t->heap_index - 1, e);
		return;
	}
	if (h->n == h->cap) {
		h->cap = h->cap ? 2 * h->cap : 64;
		h->entries = mem_grow(h->entries, h->cap * sizeof(*h->entries));
	}
	h->n++;
	timer_heap_up(h, h->n - 1, e);
}

void timer_heap_stop(struct timer_heap *h, struct timer *t)
{
	unsigned place = t->heap_index - 1;

	if (!t->heap_index)
		return;
	assert(t->heap_index <= h->n && h->entries[place].timer == t);
	t->heap_index = 0;
	h->n--;
	if (place < h->n)
		timer_heap_move(h, place, h->entries[h->n]);
}

int64_t timer_heap_next(const struct timer_heap *h)
{
	return h->n ? h->entries[0].at : INT64_MAX;
}

struct timer *timer_heap_take(struct timer_heap *h, int64_t now, uint64_t before)
{
	struct timer *t;

	if (!h->n || h->entries[0].at > now || h->entries[0].setting >= before)
		return NULL;
	t = h->entries[0].timer;
	timer_heap_stop(h, t);
	return t;
}

void timer_heap_free(struct timer_heap *h)
{
	free(h->entries);
	*h = (struct timer_heap){ 0 };
}
