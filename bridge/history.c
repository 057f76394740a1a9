/* What the numbers of one subscription were in the last fifteen minutes: a ring of points, one a second. */
#include "bridge/history.h"

#include "bridge/bytes.h"

enum { UNKNOWN = -1 };

static void history_put(struct history *h, int64_t lag)
{
	h->lag[h->next] = lag;
	h->next = (h->next + 1) % HISTORY_POINTS;
	if (h->n < HISTORY_POINTS)
		h->n++;
}

static void history_look(struct history *h, int64_t now, const struct history_point *p)
{
	h->looks[h->n_looks++ % HISTORY_RATE_POINTS] = (struct history_look){ now, p->received, p->delivered };
}

void history_add(struct history *h, int64_t now, const struct history_point *p)
{
	int64_t step = now / HISTORY_STEP_MS;

	if (h->n && step <= h->step)
		return;
	for (unsigned i = 0; h->n && ++h->step < step && i < HISTORY_POINTS; i++)
		history_put(h, UNKNOWN);
	h->step = step;
	history_put(h, p->known ? p->lag : UNKNOWN);
	history_look(h, now, p);
}

bool history_rates(const struct history *h, double *received_r, double *delivered_r)
{
	const struct history_look *last, *first;
	double seconds;

	if (h->n_looks < 2)
		return false;
	last = &h->looks[(h->n_looks - 1) % HISTORY_RATE_POINTS];
	first = &h->looks[h->n_looks < HISTORY_RATE_POINTS ? 0 : h->n_looks % HISTORY_RATE_POINTS];
	seconds = (double)(last->at - first->at) / 1000;
	*received_r = (double)(last->received - first->received) / seconds;
	*delivered_r = (double)(last->delivered - first->delivered) / seconds;
	return true;
}

void history_print(const struct history *h, struct buf *out)
{
	unsigned at = (h->next + HISTORY_POINTS - h->n) % HISTORY_POINTS;

	buf_text(out, "[");
	for (unsigned i = 0; i < h->n; i++, at = (at + 1) % HISTORY_POINTS) {
		buf_text(out, i ? "," : "");
		if (h->lag[at] == UNKNOWN)
			buf_text(out, "null");
		else
			buf_uint(out, (uint64_t)h->lag[at]);
	}
	buf_text(out, "]");
}
