/* Memory for events: blocks in size classes, reused, so that a steady flow never calls malloc. */
#ifndef BRIDGE_POOL_H
#define BRIDGE_POOL_H
#include <stddef.h>

enum { POOL_CLASSES = 10 };		/* 512 B, 1 KiB, … 256 KiB; larger ones come from malloc each */

struct pool {
	struct pool_free *free[POOL_CLASSES];
	size_t	 kept, keep_max;	/* bytes on the free lists, and how many may stay there */
};

/* The size a block of `n` bytes really takes: what credit is counted in. */
size_t pool_size(size_t n);
void *pool_get(struct pool *, size_t n);	/* not zeroed */
void pool_put(struct pool *, void *, size_t n);	/* n as given to pool_get() */
void pool_free(struct pool *);
#endif
