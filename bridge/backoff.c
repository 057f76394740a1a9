/* Exponential backoff with full jitter, as a pure function: no clock, no state but the caller's. */
#include "bridge/backoff.h"
#include <assert.h>

uint64_t random_next(struct random *r)
{
	uint64_t z = r->s += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

int64_t backoff_ms(const struct backoff *b, unsigned n, struct random *r)
{
	int64_t longest = b->max_ms;

	assert(n >= 1);
	if (n - 1 < 63 && b->initial_ms <= b->max_ms >> (n - 1))
		longest = b->initial_ms << (n - 1);
	if (longest < 1)
		longest = 1;
	return 1 + (int64_t)(random_next(r) % (uint64_t)longest);
}
