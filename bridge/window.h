/* What window.c and window_turn.c share: the ring, and being looked at at the end of a turn. */
#ifndef BRIDGE_WINDOW_H
#define BRIDGE_WINDOW_H
#include "bridge/core.h"

static inline bool token_equal(struct token a, struct token b)
{
	return a.w[0] == b.w[0] && a.w[1] == b.w[1];
}

struct slot *window_slot(const struct window *, uint64_t number);
void window_dirty(struct window *);		/* window_turn() looks at it at the end of this turn */
void window_unlink(struct window **list, struct window *);
void window_place(struct window *, struct entry *);	/* the next slot of the ring is its */
void window_place_settled(struct window *, struct token);	/* a slot of an event that is not to be delivered */

/* window_again.c */
/* Offered `again`: it runs still, waits for the prefix, or was finished over an earlier connection. */
bool window_recognise(struct window *, const struct event *);
void window_know(struct window *, struct token);	/* finished, but without a slot: to be recognised */
void window_return(struct window *);		/* what waits goes back to the source; what runs stays */
#endif
