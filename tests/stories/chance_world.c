/* The scripted broker and function of a run thrown by dice, and the rules that every call of the core is held to. */
#include "tests/stories/chance_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct world *world;

unsigned dice(unsigned sides)
{
	return (unsigned)(random_next(&world->random) % sides);
}

static unsigned key_of(unsigned p, uint64_t offset)
{
	return (unsigned)((offset * 7 + p) % KEYS);
}

static bool same_lane(unsigned p, uint64_t a, uint64_t b)
{
	if (world->order == ORDER_NONE)
		return false;
	return world->order == ORDER_PARTITION || key_of(p, a) == key_of(p, b);
}

void rule(bool kept, const char *what)
{
	if (kept)
		return;
	fprintf(stderr, "chance from %llu: broken: %s\n", (unsigned long long)world->seed, what);
	abort();
}

void partition_finish(const struct event *e)
{
	unsigned p = (unsigned)e->token.w[1];

	world->partitions[p].finished[e->token.w[0]] = true;
}

static void chance_send(struct binding *b, struct delivery *d)
{
	const struct event *e = d->events[0];
	unsigned p = (unsigned)e->token.w[1];
	struct partition *at = &world->partitions[p];

	(void)b;
	for (uint64_t before = 0; before < e->token.w[0]; before++)
		rule(!same_lane(p, before, e->token.w[0]) || at->finished[before], "order within a lane");
	rule(!at->noted[e->token.w[0]], "what a note said is done is not sent again");
	world->deliveries++;
	world->again += at->finished[e->token.w[0]];
	rule(world->n_sent < SENT_MAX, "capacity");
	world->sent[world->n_sent++] = d;
}

static void chance_cancel(struct binding *b, struct delivery *d)
{
	(void)b;
	for (unsigned i = 0; i < world->n_sent; i++)
		if (world->sent[i] == d)
			world->sent[i--] = world->sent[--world->n_sent];
}

static int chance_open_binding(struct binding *b, struct error *err)
{
	(void)b;
	(void)err;
	return 0;
}

static void chance_close_binding(struct binding *b)
{
	(void)b;
}

const struct binding_class chance_binding = {
	.name = "chance",
	.size = sizeof(struct binding),
	.open = chance_open_binding,
	.send = chance_send,
	.cancel = chance_cancel,
	.close = chance_close_binding,
};

static int chance_subscribe(struct connector *c, const struct subscription *const *subs, unsigned n, struct error *err)
{
	(void)c;
	(void)err;
	world->sub = n ? subs[0] : NULL;
	return 0;
}

void partition_offer(unsigned p)
{
	static const char key[] = "0123456789";
	struct partition *at = &world->partitions[p];
	char id[32];
	struct event e = { .token = { { at->next, p } }, .again = at->opened };
	unsigned k = key_of(p, at->next);

	snprintf(id, sizeof(id), "%u/%llu", p, (unsigned long long)at->next);
	e.id = slice_text(id);
	e.key = (struct slice){ key + k, 1 };
	switch (offer(at->window, &e, &world->sub, 1)) {
	case OFFER_TAKEN: at->next++; break;
	case OFFER_WAIT: world->waiting = true; break;
	case OFFER_HELD: at->held = true; break;
	case OFFER_GONE: break;
	}
}

static void chance_resume(struct connector *c)
{
	(void)c;
	world->waiting = false;
}

struct partition *partition_of(const struct window *w)
{
	for (unsigned p = 0; p < PARTITIONS; p++)
		if (world->partitions[p].window == w)
			return &world->partitions[p];
	return NULL;
}

static void chance_hold(struct connector *c, struct window *w, bool on)
{
	(void)c;
	rule(partition_of(w) != NULL, "hold of a window that is gone");
	if (!on)
		partition_of(w)->held = false;
}

static void chance_commit(struct connector *c, struct window *w, const struct token *tokens, unsigned n)
{
	struct partition *at = partition_of(w);

	(void)c;
	if (world->dead)
		return;
	rule(at != NULL, "commit of a window that is gone");
	for (unsigned i = 0; i < n; i++)
		rule(at->finished[tokens[i].w[0]], "commit of an unfinished event");
	if (n) {
		for (uint64_t before = at->committed; before < tokens[n - 1].w[0]; before++)
			rule(at->finished[before], "commit past an unfinished event");
		at->acked = tokens[n - 1].w[0] + 1;
	}
	at->dirty = true;
}

void partition_commit(struct partition *at)
{
	struct note_run *runs;
	unsigned n;

	if (!at->dirty || !at->window)
		return;
	at->dirty = false;
	at->committed = at->acked;
	at->note_size = window_note(at->window, at->note, NOTE);
	memset(at->noted, 0, sizeof(at->noted));
	if (!at->note_size || note_read((struct slice){ at->note, at->note_size }, at->committed, &runs, &n) == -1) {
		rule(!at->note_size, "a note of ours is readable");
		return;
	}
	for (unsigned i = 0; i < n; i++)
		for (uint64_t o = runs[i].from; o < runs[i].to; o++) {
			rule(at->finished[o], "a note speaks of an unfinished event");
			at->noted[o] = true;
		}
	free(runs);
}

static void chance_close(struct connector *c)
{
	connector_closed(c);
}

static void chance_park(struct connector *c, struct request *r)
{
	(void)c;
	rule(world->n_asked < SENT_MAX, "parks");
	world->asked[world->n_asked++] = r;
}

static void chance_forget(struct connector *c, struct request *r)
{
	(void)c;
	for (unsigned i = 0; i < world->n_asked; i++)
		if (world->asked[i] == r)
			world->asked[i--] = world->asked[--world->n_asked];
}

const struct connector_class chance_connector = {
	.name = "chance",
	.size = sizeof(struct connector),
	.close = chance_close,
	.order = ORDER_PARTITION,
	.subscribe = chance_subscribe,
	.resume = chance_resume,
	.hold = chance_hold,
	.commit = chance_commit,
	.send = chance_park,
	.forget = chance_forget,
};
