/* Runs thrown by dice; the same seed gives the same run. */
#ifndef STORIES_CHANCE_H
#define STORIES_CHANCE_H
#include <stdint.h>

struct chance_sum { uint64_t deliveries, deaths, again, parked; };

/* One run; adds what happened to the sums.  A broken rule is said and aborts. */
void chance_run(uint64_t seed, struct chance_sum *);
#endif
