/* What was asked on one connection and not answered yet, in order. */
#ifndef CONNECTORS_REDIS_ASKED_H
#define CONNECTORS_REDIS_ASKED_H
#include "connectors/redis_link.h"

struct redis_asked {
	redis_replied	*replied;
	void		*arg;
	uint64_t	 from;		/* its first byte, counted from the connection's beginning */
	int64_t		 at, block_ms;	/* when, and how much later the server may answer */
};

struct redis_asked_ring { struct redis_asked *list; unsigned first, n, cap; };	/* zeroed: empty */

void redis_asked_push(struct redis_asked_ring *, const struct redis_asked *);
const struct redis_asked *redis_asked_first(const struct redis_asked_ring *);	/* NULL: none */
struct redis_asked redis_asked_take(struct redis_asked_ring *);			/* the first; not of an empty one */
/* Tells all of them that no reply will come: REDIS_LOST if one of its bytes is among the first `left`. */
void redis_asked_lose(struct redis_asked_ring *, uint64_t left, const char *why);
void redis_asked_free(struct redis_asked_ring *);
#endif
