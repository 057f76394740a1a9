/* What the numbers of one subscription were in the last fifteen minutes: a ring of points, one a second. */
#ifndef BRIDGE_HISTORY_H
#define BRIDGE_HISTORY_H
#include <stdbool.h>
#include <stdint.h>

enum { HISTORY_POINTS = 900, HISTORY_STEP_MS = 1000, HISTORY_RATE_POINTS = 6 };

struct buf;
struct history_point { bool known; int64_t lag; uint64_t received, delivered; };
struct history_look { int64_t at; uint64_t received, delivered; };

/* Zeroed: nothing is known yet. */
struct history {
	int64_t	 lag[HISTORY_POINTS];	/* -1: unknown */
	unsigned next, n;
	int64_t	 step;			/* of the last point */
	struct history_look looks[HISTORY_RATE_POINTS];	/* the last few seconds; a ring too */
	unsigned n_looks;		/* ever taken */
};

/* The point of the second that `now` (loop time, ms) is in.  Seconds that were left out are unknown. */
void history_add(struct history *, int64_t now, const struct history_point *);
/* Events a second over the last five or so; false: not known yet. */
bool history_rates(const struct history *, double *received_r, double *delivered_r);
void history_print(const struct history *, struct buf *);	/* a JSON array, oldest first, null for unknown */
#endif
