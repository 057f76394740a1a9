/* Memory for events: blocks in size classes, reused, so that a steady flow never calls malloc. */
#include "bridge/pool.h"

#include <stdlib.h>

#include "bridge/bytes.h"

enum { SMALLEST_SHIFT = 9 };

struct pool_free {
	struct pool_free *next;
};

static unsigned pool_class(size_t n)
{
	unsigned class = 0;

	while (class < POOL_CLASSES && n > (size_t)1 << (class + SMALLEST_SHIFT))
		class ++;
	return class;
}

size_t pool_size(size_t n)
{
	unsigned class = pool_class(n);

	return class < POOL_CLASSES ? (size_t)1 << (class + SMALLEST_SHIFT) : n;
}

void *pool_get(struct pool *p, size_t n)
{
	unsigned class = pool_class(n);
	struct pool_free *block;

	if (class == POOL_CLASSES || !p->free[class])
		return mem_grow(NULL, pool_size(n));
	block = p->free[class];
	p->free[class] = block->next;
	p->kept -= pool_size(n);
	return block;
}

void pool_put(struct pool *p, void *at, size_t n)
{
	unsigned class = pool_class(n);
	struct pool_free *block = at;

	if (class == POOL_CLASSES || p->kept + pool_size(n) > p->keep_max) {
		free(at);
		return;
	}
	block->next = p->free[class];
	p->free[class] = block;
	p->kept += pool_size(n);
}

void pool_free(struct pool *p)
{
	for (unsigned i = 0; i < POOL_CLASSES; i++)
		while (p->free[i]) {
			struct pool_free *block = p->free[i];

			p->free[i] = block->next;
			free(block);
		}
	p->kept = 0;
}
