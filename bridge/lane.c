/* Lanes: chains of items that must be delivered in order; one hash table knows the last of each. */
#include <assert.h>

#include "bridge/core.h"

/*
 * A lane exists only while it has items: the table holds its last one, the items hold each other.  A lane's identity is
 * a 64 bit hash of partition, subscription and key: two that collide share one: less parallel, never unordered.
 */
void lane_init(struct function *f)
{
	unsigned buckets = 64;

	while (buckets < f->options.buffer_events)
		buckets *= 2;
	f->lanes = mem_new(buckets * sizeof(*f->lanes));
	f->lanes_mask = buckets - 1;
}

static uint64_t lane_mix(uint64_t h, uint64_t v)
{
	struct random r = { h ^ v };

	return random_next(&r);
}

static uint64_t lane_of(const struct item *item)
{
	const struct window *w = item->entry->window;
	struct slice key = item->event->key;
	uint64_t h;

	if (item->sub->order == ORDER_NONE || (item->sub->order == ORDER_KEY && !key.p))
		return 0;
	h = lane_mix(w->lane_seed, (uintptr_t)item->sub);
	if (item->sub->order == ORDER_KEY)
		h = lane_mix(h, slice_hash(key));
	return h ? h : 1;
}

static struct item **lane_find(struct function *f, uint64_t lane)
{
	struct item **at = &f->lanes[lane & f->lanes_mask];

	while (*at && (*at)->lane != lane)
		at = &(*at)->tail_next;
	return at;
}

void lane_enter(struct function *f, struct item *item)
{
	struct item **at, *last;

	item->lane = lane_of(item);
	if (!item->lane)
		return;
	at = lane_find(f, item->lane);
	last = *at;
	if (last) {
		last->lane_after = item;
		item->lane_before = last;
		item->tail_next = last->tail_next;
		last->tail_next = NULL;
	}
	*at = item;
}

struct item *lane_leave(struct function *f, struct item *item)
{
	struct item *before = item->lane_before, *after = item->lane_after;

	if (!item->lane)
		return NULL;
	if (after) {
		after->lane_before = before;
	} else {
		struct item **at = lane_find(f, item->lane);

		assert(*at == item);
		*at = before ? before : item->tail_next;
		if (before)
			before->tail_next = item->tail_next;
	}
	if (before)
		before->lane_after = after;
	item->lane = 0;
	item->lane_before = item->lane_after = item->tail_next = NULL;
	return before ? NULL : after;
}
