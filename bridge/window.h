/* What window.c and window_turn.c share: the ring, and being looked at at the end of a turn. */
#ifndef BRIDGE_WINDOW_H
#define BRIDGE_WINDOW_H
#include "bridge/core.h"

struct slot *window_slot(const struct window *, uint64_t number);
void window_dirty(struct window *);		/* window_turn() looks at it at the end of this turn */
void window_unlink(struct window **list, struct window *);
void window_return(struct window *);		/* what waits goes back to the source; what runs stays */
#endif
