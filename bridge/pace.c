/* How many deliveries a function takes well, learned from its answers: additive increase, multiplicative decrease. */
#include "bridge/pace.h"

#define TOO_MUCH_CUT 0.7
#define SLOW_CUT 0.9
#define REST_DRIFT 0.001 /* so that a function that became slower for good is believed in the end */

enum { SLOW_TIMES = 2, SLOW_EXTRA_MS = 5, CUT_PAUSE_MS = 20 };

void pace_begin(struct pace *p, bool on, unsigned first)
{
	*p = (struct pace){ .on = on, .limit = first ? first : 1 };
}

static void pace_cut(struct pace *p, double to, int64_t took_ms, int64_t now)
{
	if (now < p->cut_until)
		return;
	p->limit *= to;
	if (p->limit < 1)
		p->limit = 1;
	p->cut_until = now + (took_ms > CUT_PAUSE_MS ? took_ms : CUT_PAUSE_MS);
}

void pace_learn(struct pace *p, enum pace_word word, int64_t took_ms, unsigned in_flight, int64_t now)
{
	double took = (double)took_ms;

	if (!p->on || word == PACE_OTHER)
		return;
	if (word == PACE_TOO_MUCH) {
		pace_cut(p, TOO_MUCH_CUT, took_ms, now);
		return;
	}
	if (p->rest_ms == 0 || took < p->rest_ms)
		p->rest_ms = took > 0 ? took : 1;
	else
		p->rest_ms += (took - p->rest_ms) * REST_DRIFT;
	if (took > p->rest_ms * SLOW_TIMES + SLOW_EXTRA_MS)
		pace_cut(p, SLOW_CUT, took_ms, now);
	else if (in_flight >= (unsigned)p->limit)
		p->limit += 1 / p->limit;
}

unsigned pace_limit(const struct pace *p, unsigned capacity)
{
	if (!p->on || p->limit >= capacity)
		return capacity;
	return (unsigned)p->limit;
}
