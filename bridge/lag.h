/* What waits for a function, as far as it is known: backlog, in flight, age and rates, by subscription and in sum. */
#ifndef BRIDGE_LAG_H
#define BRIDGE_LAG_H
#include <stdbool.h>
#include <stdint.h>

struct error;
struct function;

/* All of one moment.  `lag` is what KEDA sees: backlog + inflight. */
struct lag_view {
	int64_t	 backlog, inflight, lag;
	/* the oldest of them has waited so long at least: since it was seen to have come; 0: nothing waits */
	int64_t	 oldest_ms;
	double	 arrival, service;	/* events a second, of about the last half minute */
	uint64_t progress;		/* differs when anything was finished since */
	unsigned partitions, lagging;	/* those counted, and those of them with lag */
	int64_t	 age_ms;		/* of the oldest report it rests on */
};

struct lag_span { uint32_t from, to; };	/* partitions, both included */

struct lag_query {
	const char *subscription;	/* its name, or its component's; NULL: all of the function */
	const struct lag_span *spans;	/* these partitions only; none: all of them */
	unsigned n_spans;
	/* what is not known now may be what was known so long ago at most; 0: no */
	int64_t	 stale_ms;
};

/*
 * An outage is not zero: -1 when anything that belongs to the sum is unknown (ERR_IO, and why), or there is no such
 * subscription (ERR_CONFIG).  From memory, costs nothing: allowed at any time.
 */
int function_lag(struct function *, const struct lag_query *, struct lag_view *view_r, struct error *);

/* One subscription after the other; view NULL: unknown, because of `why`. */
typedef void lag_each(void *arg, const char *name, const char *component, const char *topic,
    const struct lag_view *view, const char *why);
void function_lags(struct function *, lag_each *, void *arg);

/* Before function_start(): asks the connectors for the whole groups' lag, whether or not anything is read, and calls
 * `changed` at the end of each turn in which it may have changed. */
void function_watch_lag(struct function *, void (*changed)(void *arg), void *arg);
#endif
