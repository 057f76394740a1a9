/* The order in which timers fire: a heap of `struct timer`, without a clock, for the loop and the stories' loop. */
#ifndef BRIDGE_TIMER_HEAP_H
#define BRIDGE_TIMER_HEAP_H
#include "bridge/loop.h"

struct timer_heap { struct timer_entry *entries; unsigned n, cap; uint64_t settings; };	/* zeroed: empty */

/* Earlier first; of the same millisecond, the one set first.  Set again: moved, and last of its millisecond. */
void timer_heap_set(struct timer_heap *, struct timer *, int64_t at);
void timer_heap_stop(struct timer_heap *, struct timer *);	/* not set: nothing */
int64_t timer_heap_next(const struct timer_heap *);		/* when the first is due; INT64_MAX: none */
/* Takes out the first that is due at `now` and was set when `settings` still was `before`; NULL: none.  So a timer
 * that is set again and again for "now" by its own function does not keep its caller for ever. */
struct timer *timer_heap_take(struct timer_heap *, int64_t now, uint64_t before);
void timer_heap_free(struct timer_heap *);			/* what is still set is forgotten, not touched */
#endif
