/* The last reasons why events of one subscription did not simply arrive, for people who look. */
#include "bridge/reasons.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/bytes.h"

static bool reason_is(const struct reason *r, enum reason_kind kind, const char *why)
{
	return r->kind == kind && !strncmp(r->why, why, sizeof(r->why) - 1);
}

static bool reason_goes_before(const struct reason *a, const struct reason *b)
{
	bool a_lasts = a->kind > REASON_FAILED, b_lasts = b->kind > REASON_FAILED;

	return a_lasts == b_lasts ? a->at < b->at : b_lasts;
}

static struct reason *reasons_place(struct reasons *all)
{
	struct reason *oldest = all->list;

	if (!all->list)
		all->list = mem_new(REASONS_MAX * sizeof(*all->list));
	if (all->n < REASONS_MAX)
		return &all->list[all->n++];
	for (unsigned i = 1; i < all->n; i++)
		if (reason_goes_before(&all->list[i], oldest))
			oldest = &all->list[i];
	return oldest;
}

struct reason *reasons_add(struct reasons *all, enum reason_kind kind, const char *why)
{
	struct reason *r;

	for (unsigned i = 0; i < all->n; i++) {
		r = &all->list[i];
		if (reason_is(r, kind, why)) {
			r->count++;
			return r;
		}
	}
	r = reasons_place(all);
	r->kind = kind;
	r->count = 1;
	snprintf(r->why, sizeof(r->why), "%s", why);
	return r;
}

void reasons_free(struct reasons *all)
{
	free(all->list);
	*all = (struct reasons){ 0 };
}

const char *reason_word(enum reason_kind kind)
{
	static const char *const words[N_REASON_KINDS] = { "not sent", "failed", "dropped", "parked", "not confirmed",
		"held" };

	return words[kind];
}
