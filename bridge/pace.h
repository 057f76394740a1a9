/* How many deliveries a function takes well, learned from its answers: additive increase, multiplicative decrease. */
#ifndef BRIDGE_PACE_H
#define BRIDGE_PACE_H
#include <stdbool.h>
#include <stdint.h>

/*
 * A pure function of what is told: no clock, no loop.  The limit grows by one for every limit's worth of good answers
 * while it is in use; it falls to 0.7 of itself when the function says it has too much (429, 503, a timeout) and to 0.9
 * when answers take twice as long as they do at rest, at most once in the time an answer takes.  Never below one.
 */
struct pace { bool on; double limit, rest_ms; int64_t cut_until; };

void pace_begin(struct pace *, bool on, unsigned first);
enum pace_word { PACE_GOOD, PACE_TOO_MUCH, PACE_OTHER };	/* OTHER: says nothing about load (a 500, a reset) */
void pace_learn(struct pace *, enum pace_word, int64_t took_ms, unsigned in_flight, int64_t now);
unsigned pace_limit(const struct pace *, unsigned capacity);	/* capacity itself when off */
#endif
