/* The last reasons why events of one subscription did not simply arrive, for people who look. */
#ifndef BRIDGE_REASONS_H
#define BRIDGE_REASONS_H
#include <stdint.h>

enum reason_kind {
	REASON_UNSENT,		/* never left for the function */
	REASON_FAILED,		/* tried, and tried again */
	REASON_DROPPED,
	REASON_PARKED,
	REASON_NOT_CONFIRMED,	/* a sink did not confirm it: held until it does */
	REASON_HELD,
	N_REASON_KINDS
};

enum { REASONS_MAX = 8 };

/* All events with one kind and text are one; the texts are cut off at their end. */
struct reason {
	enum reason_kind kind;
	char	 why[200];
	uint64_t count;
	/* of the last of them; `at` by loop_wall() */
	char	 id[80];
	unsigned attempts;
	int64_t	 at;
};
struct reasons { struct reason *list; unsigned n; };	/* zeroed: none, and no memory; in no order */

/* Counted; the caller fills in the last event.  With all rows taken the one seen longest ago goes: of those that will
 * be tried again, if there is one. */
struct reason *reasons_add(struct reasons *, enum reason_kind, const char *why);
void reasons_free(struct reasons *);
const char *reason_word(enum reason_kind);	/* "parked" */
#endif
