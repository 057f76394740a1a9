/* A broker, a function and a fate that throws dice: thousands of runs in which no event may be missing or out of order. */
/*
 * A log of partitions is read the way Kafka's connector reads one: offers are refused, partitions held, revoked and lost, the
 * process dies and another one starts from the committed offset and its note.  The function answers anything.  The ledger knows
 * what is finished; the rules are checked at every call the core makes:
 *
 *	1  nothing is committed that is not finished, and all before it
 *	2  an event of a lane is sent only when all before it in its lane are finished
 *	3  credit is never exceeded, and nothing drifts
 *	4  in the end, with a function that behaves, every event is finished and committed
 *	5  what was finished and noted before a death is not sent again
 */
#include "tests/stories/chance.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/core.h"
#include "tests/stories/story_loop.h"

enum { PARTITIONS = 3, EVENTS = 120, KEYS = 4, BUFFER = 24, STEPS = 700, NOTE = 4096, SENT_MAX = 64 };

struct partition {
	struct window *window;
	uint64_t next; /* to offer */
	uint64_t committed; /* at the broker */
	uint64_t acked; /* as told by commit(), not yet at the broker */
	char note[NOTE];
	size_t note_size;
	bool held, opened, dirty;
	bool finished[EVENTS], noted[EVENTS];
};

struct world {
	uint64_t seed;
	struct random random;
	struct loop *loop;
	struct function *function;
	struct binding *binding;
	struct connector *connector;
	const struct subscription *sub;
	struct partition partitions[PARTITIONS];
	struct policy policy;
	enum order order;
	bool waiting, dead, kind, ended;
	struct delivery *sent[SENT_MAX];
	unsigned n_sent, deaths, deliveries, again, parked;
	struct request *asked[SENT_MAX];
	unsigned n_asked;
};

/* The classes have no place for a pointer of ours: one world at a time. */
static struct world *world;

static unsigned dice(unsigned sides)
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

static void rule(bool kept, const char *what)
{
	if (kept)
		return;
	fprintf(stderr, "chance from %llu: broken: %s\n", (unsigned long long)world->seed, what);
	abort();
}

static void partition_finish(const struct event *e)
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

static const struct binding_class chance_binding = {
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

static void partition_offer(unsigned p)
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

static struct partition *partition_of(const struct window *w)
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

/* What Kafka's connector does once a second. */
static void partition_commit(struct partition *at)
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

static const struct connector_class chance_connector = {
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

static void world_born(void)
{
	struct function_options o = { .name = "f",
		.buffer_events = BUFFER,
		.buffer_bytes = BUFFER * 1024,
		.timeout_ms = 2000,
		.seed = random_next(&world->random) };
	struct subscription_options s = { .topic = "t", .group = "f", .path = "/", .policy = &world->policy };
	struct error err;

	world->dead = world->ended = world->waiting = false;
	world->sub = NULL;
	world->function = function_new(world->loop, &o);
	world->binding = function_binding(world->function, &chance_binding);
	world->connector = function_component(world->function, &chance_connector, "c");
	function_subscribe(world->function, world->connector, &s);
	rule(function_start(world->function, &err) == 0, "start");
	binding_capacity(world->binding, 1 + dice(12));
	story_loop_settle(world->loop);
	for (unsigned p = 0; p < PARTITIONS; p++) {
		struct partition *at = &world->partitions[p];

		at->window = NULL;
		at->opened = at->held = at->dirty = false;
	}
}

static void partition_open(unsigned p)
{
	struct partition *at = &world->partitions[p];

	at->next = at->acked = at->committed;
	at->held = at->dirty = false;
	at->window =
	    window_open(world->connector, "t", p, ACK_PREFIX, at->committed, (struct slice){ at->note, at->note_size });
}

static void chance_released(struct connector *c, struct window *w)
{
	struct partition *at = partition_of(w);

	(void)c;
	if (!at)
		return;
	partition_commit(at);
	at->window = NULL;
	at->opened = true;
}

static void world_drained(void *arg)
{
	((struct world *)arg)->ended = true;
}

static void world_dies(void)
{
	world->dead = true;
	world->deaths++;
	function_drain(world->function, 0, world_drained, world);
	story_loop_pass(world->loop, 20000);
	rule(world->ended, "the end of a drain");
	function_free(world->function);
	world->n_sent = world->n_asked = 0;
	world_born();
}

static void function_answers(void)
{
	static const enum verdict verdicts[] = { DONE, DONE, DONE, DONE, RETRY, UNSURE, UNSENT, DROP, REJECT };
	unsigned i = dice(world->n_sent);
	struct delivery *d = world->sent[i];
	enum verdict verdict = world->kind ? DONE : verdicts[dice(sizeof(verdicts) / sizeof(verdicts[0]))];

	/* UNSURE may well have been taken: the ledger only needs to know what must not come out of order */
	if (verdict == DONE || (verdict == DROP && !world->policy.dead_letter_topic))
		partition_finish(d->events[0]);
	world->sent[i] = world->sent[--world->n_sent];
	settle(d, 0, verdict, NULL, dice(3) ? 0 : dice(500), "dice");
}

static void sink_answers(void)
{
	unsigned i = dice(world->n_asked);
	struct request *r = world->asked[i];
	enum verdict verdict = world->kind || dice(2) ? DONE : RETRY;

	if (verdict == DONE) {
		partition_finish(r->events[0]);
		world->parked++;
	}
	world->asked[i] = world->asked[--world->n_asked];
	answer_request(r, 0, verdict, NULL, "dice");
}

static void world_reads(unsigned p)
{
	struct partition *at = &world->partitions[p];

	if (!world->sub)
		return;
	if (!at->window)
		partition_open(p);
	for (unsigned n = 1 + dice(6); n && !world->waiting && !at->held && at->next < EVENTS; n--)
		partition_offer(p);
}

/* What a kind fate does not do. */
static void world_suffers(unsigned p)
{
	struct partition *at = &world->partitions[p];

	switch (dice(12)) {
	case 0: world_dies(); break;
	case 1:
	case 2:
		if (at->window && at->window->state == WINDOW_OPEN)
			window_revoke(at->window, loop_now(world->loop) + dice(3000), chance_released);
		break;
	case 3:
		if (at->window && at->window->state == WINDOW_OPEN) {
			struct window *w = at->window;

			at->window = NULL;
			at->opened = true;
			window_lost(w);
		}
		break;
	case 4: binding_capacity(world->binding, dice(10)); break;
	default: story_loop_pass(world->loop, dice(400));
	}
}

static void world_steps(void)
{
	unsigned p = dice(PARTITIONS);

	switch (dice(8)) {
	case 0:
	case 1: world_reads(p); break;
	case 2:
	case 3:
	case 4:
		if (world->n_sent)
			function_answers();
		else if (world->n_asked)
			sink_answers();
		break;
	case 5:
		if (world->n_asked)
			sink_answers();
		break;
	case 6: partition_commit(&world->partitions[p]); break;
	case 7:
		if (world->kind)
			story_loop_pass(world->loop, 1000);
		else
			world_suffers(p);
	}
	story_loop_settle(world->loop);
	rule(world->function->events <= BUFFER && world->function->bytes <= BUFFER * 1024, "credit");
}

static void world_checks_drift(void)
{
	struct buf text = { 0 };
	char *at;

	function_metrics(world->function, &text);
	buf_add(&text, "", 1);
	at = strstr(text.p, "\nbridge_conservation_drift{");
	rule(at && !strncmp(strchr(at, '}'), "} 0\n", 4), "conservation");
	buf_free(&text);
}

static bool world_is_done(void)
{
	for (unsigned p = 0; p < PARTITIONS; p++)
		if (world->partitions[p].committed != EVENTS)
			return false;
	return true;
}

static void world_free(void)
{
	world->dead = true;
	function_drain(world->function, 0, world_drained, world);
	story_loop_pass(world->loop, 20000);
	function_free(world->function);
	story_loop_free(world->loop);
	free(world);
	world = NULL;
}

void chance_run(uint64_t seed, struct chance_sum *sum)
{
	world = mem_new(sizeof(*world));
	world->seed = world->random.s = seed;
	world->loop = story_loop_new();
	world->order = (enum order)dice(3);
	world->policy = (struct policy){ .order = (int)world->order, .retry_initial_ms = 50, .retry_max_ms = 1000 };
	if (dice(2)) {
		world->policy.dead_letter_topic = "dlq";
		world->policy.retry_attempts = 1 + dice(4);
	} else {
		world->policy.on_exhausted = EXHAUSTED_DEFAULT;
	}
	world_born();
	for (unsigned step = 0; step < STEPS; step++) {
		world_steps();
		if (step % 50 == 0)
			world_checks_drift();
	}
	world_dies(); /* what is held without a place comes again: a kind function takes it */
	world->kind = true;
	binding_capacity(world->binding, 8);
	for (unsigned step = 0; step < 100 * STEPS && !world_is_done(); step++)
		world_steps();
	rule(world_is_done(), "every event is finished and committed in the end");
	world_checks_drift();
	sum->deliveries += world->deliveries;
	sum->deaths += world->deaths;
	sum->again += world->again;
	sum->parked += world->parked;
	world_free();
}
