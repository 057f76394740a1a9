/* What a window knows across connections of its session: events that still run, and those finished without an ack. */
#include <stdlib.h>
#include <string.h>

#include "bridge/window.h"

enum { KNOWN_MAX = 65536 }; /* beyond, the oldest are forgotten: delivered again, never lost */

void window_know(struct window *w, struct token token)
{
	if (w->n_known == KNOWN_MAX) {
		w->n_known -= KNOWN_MAX / 2;
		memmove(w->known, w->known + KNOWN_MAX / 2, w->n_known * sizeof(*w->known));
	}
	if (w->n_known == w->cap_known) {
		w->cap_known = w->cap_known ? w->cap_known * 2 : 64;
		w->known = mem_grow(w->known, w->cap_known * sizeof(*w->known));
	}
	w->known[w->n_known++] = token;
}

void window_again(struct window *w)
{
	if (w->rule != ACK_PREFIX || w->state != WINDOW_OPEN)
		return;
	for (uint64_t i = w->head; i < w->tail; i++)
		if (window_slot(w, i)->settled)
			window_know(w, window_slot(w, i)->token);
	w->head = w->tail;
	w->note_changed = false;
	for (struct entry *e = w->live.first; e; e = e->next)
		e->slot = SLOT_NONE;
	window_dirty(w); /* the ring is empty: a hold for its length ends */
}

static bool window_knew(struct window *w, struct token token)
{
	for (unsigned i = 0; i < w->n_known; i++)
		if (token_equal(w->known[i], token)) {
			memmove(&w->known[i], &w->known[i + 1], (--w->n_known - i) * sizeof(token));
			return true;
		}
	return false;
}

/* Only a source whose w[0] does not rise can bring again what waits for the prefix. */
static bool window_in_ring(const struct window *w, struct token token)
{
	if (w->rule != ACK_PREFIX || token.w[0] >= w->offered)
		return false;
	for (uint64_t i = w->head; i < w->tail; i++)
		if (token_equal(window_slot(w, i)->token, token))
			return true;
	return false;
}

bool window_recognise(struct window *w, const struct event *e)
{
	for (struct entry *live = w->live.first; live; live = live->next) {
		if (!token_equal(live->event.token, e->token))
			continue;
		if (live->slot == SLOT_NONE) {
			window_place(w, live);
			for (unsigned i = 0; i < live->n_items; i++)
				live->items[i].sub->metrics.taken_over++;
		}
		return true;
	}
	if (window_in_ring(w, e->token))
		return true;
	if (!window_knew(w, e->token))
		return false;
	window_place_settled(w, e->token);
	w->component->metrics.known++;
	return true;
}
