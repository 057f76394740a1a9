/* Exponential backoff with full jitter, as a pure function: no clock, no state but the caller's. */
#ifndef BRIDGE_BACKOFF_H
#define BRIDGE_BACKOFF_H
#include <stdint.h>

struct random { uint64_t s; };		/* splitmix64; a story seeds it, the process seeds it from the kernel */
uint64_t random_next(struct random *);

struct backoff { int64_t initial_ms, max_ms; };
/* Pause before try n + 1 after n >= 1 failures: uniform in (0, min(max, initial * 2^(n-1))], never 0. */
int64_t backoff_ms(const struct backoff *, unsigned n, struct random *);
#endif
