/* A ring of what was asked: pushed when a command is written, taken when its reply comes. */
#include "connectors/redis_asked.h"
#include <assert.h>
#include <stdlib.h>
#include "bridge/bytes.h"

enum { RING_FIRST = 64 };

void redis_asked_push(struct redis_asked_ring *r, const struct redis_asked *a)
{
	if (r->n == r->cap) {
		unsigned cap = r->cap ? r->cap * 2 : RING_FIRST;
		struct redis_asked *list = mem_new(cap * sizeof(*list));

		for (unsigned i = 0; i < r->n; i++)
			list[i] = r->list[(r->first + i) & (r->cap - 1)];
		free(r->list);
		*r = (struct redis_asked_ring){ .list = list, .n = r->n, .cap = cap };
	}
	r->list[(r->first + r->n++) & (r->cap - 1)] = *a;
}

const struct redis_asked *redis_asked_first(const struct redis_asked_ring *r)
{
	return r->n ? &r->list[r->first] : NULL;
}

struct redis_asked redis_asked_take(struct redis_asked_ring *r)
{
	struct redis_asked a;

	assert(r->n > 0);
	a = r->list[r->first];
	r->first = (r->first + 1) & (r->cap - 1);
	r->n--;
	return a;
}

void redis_asked_lose(struct redis_asked_ring *r, uint64_t left, const char *why)
{
	while (r->n) {
		struct redis_asked a = redis_asked_take(r);
		struct redis_reply lost = { .kind = a.from < left ? REDIS_LOST : REDIS_UNSENT,
			.text = slice_text(why) };

		a.replied(a.arg, &lost);
	}
}

void redis_asked_free(struct redis_asked_ring *r)
{
	free(r->list);
	*r = (struct redis_asked_ring){ 0 };
}
