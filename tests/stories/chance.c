/* A broker, a function and a fate that throws dice: runs in which no event may be missing or out of order. */
/*
 * A log of partitions is read the way Kafka's connector reads one: offers are refused, partitions held, revoked, lost;
 * the process dies and another one starts from the committed offset and its note.  The function answers anything.  The
 * ledger knows what is finished; the rules are checked at every call the core makes:
 *
 *	1  nothing is committed that is not finished, and all before it
 *	2  an event of a lane is sent only when all before it in its lane are finished
 *	3  credit is never exceeded, and nothing drifts
 *	4  in the end, with a function that behaves, every event is finished and committed
 *	5  what was finished and noted before a death is not sent again
 */
#include "tests/stories/chance.h"

#include <stdlib.h>
#include <string.h>

#include "tests/stories/chance_world.h"
#include "tests/stories/story_loop.h"

enum { STEPS = 700 };

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
	for (unsigned n = 1 + dice(6); n && (!world->waiting || !dice(4)) && !at->held && at->next < EVENTS; n--)
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

	metrics_print(&world->function, 1, &text);
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
