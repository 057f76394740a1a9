/* Who else may watch an event pass.  Nothing uses it yet: declared with its contract, not defined. */
#ifndef BRIDGE_OBSERVER_H
#define BRIDGE_OBSERVER_H
#include "bridge/delivery.h"
/*
 * The life of an event as others may watch it: status by id, live view, tracing, metrics.  Called by the core, loop
 * thread.
 */
enum stage { ACCEPTED, STARTED, SETTLED, RETRYING, PARKED, DROPPED, EXPIRED, RETURNED, CANCELLED };

struct observer {
	void (*saw)(struct observer *, enum stage, const struct subscription *, const struct event *, unsigned attempt,
	    const struct answer *, const char *why);
};

/* For status by id: takes an event out before its first attempt; false: too late. */
bool cancel_event(const struct subscription *, struct slice id);
void observe(struct function *, struct observer *);
#endif
