/* Reading Redis lists with the real core against a Redis of a few commands: cut and crashed at each of them in turn. */
/* links: peer.c fake_redis.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "bridge/error.h"
#include "bridge/function.h"
#include "bridge/option.h"
#include "connectors/connectors.h"
#include "tests/unit/fake_redis.h"

enum { ENTRIES_MAX = 4000, SETTINGS_MAX = 12, SEED = 3617 /* its first pauses before connecting again are short */ };

/* --- a function that takes what it is told to --- */

struct taker {
	struct binding base;
	struct stage *stage;
};

/* One bridge and what its function saw; the server outlives it. */
struct stage {
	struct loop *loop, *servers_loop; /* a process that crashed does not turn its loop any more */
	struct fake_redis *redis;
	struct function *function;
	struct policy policy;
	struct setting settings[SETTINGS_MAX];
	unsigned n_settings;
	char address[40];
	bool keep; /* deliveries stay open, */
	struct delivery *open[ENTRIES_MAX]; /* here */
	unsigned n_open;
	bool running[ENTRIES_MAX]; /* by the entry's number: it is with the function */
	unsigned taken[ENTRIES_MAX]; /* how often, by the entry's number */
	unsigned n_taken, deliveries, twice_at_once;
	char last_count[8];
	bool drained;
	unsigned turns;
};

static unsigned number_of(const struct event *e)
{
	char text[16];

	assert_true(e->data.n < sizeof(text));
	memcpy(text, e->data.p, e->data.n);
	text[e->data.n] = '\0';
	return (unsigned)atoi(text);
}

static void take(struct stage *s, struct delivery *d)
{
	unsigned i = number_of(d->events[0]);

	s->running[i] = false;
	s->n_taken += s->taken[i]++ == 0;
	settle(d, 0, DONE, NULL, 0, NULL);
}

static int taker_open(struct binding *b, struct error *err)
{
	(void)err;
	binding_capacity(b, ENTRIES_MAX);
	return 0;
}

static void taker_send(struct binding *b, struct delivery *d)
{
	struct stage *s = ((struct taker *)b)->stage;
	const struct event *e = d->events[0];
	unsigned i = number_of(e);

	s->deliveries++;
	s->twice_at_once += s->running[i];
	s->running[i] = true;
	for (unsigned h = 0; h < e->n_headers; h++)
		if (slice_is(e->headers[h].name, "__deliveryCount"))
			snprintf(s->last_count, sizeof(s->last_count), "%.*s", (int)e->headers[h].value.n,
			    e->headers[h].value.p);
	if (s->keep)
		s->open[s->n_open++] = d;
	else
		take(s, d);
}

static void taker_cancel(struct binding *b, struct delivery *d)
{
	struct stage *s = ((struct taker *)b)->stage;

	for (unsigned i = 0; i < s->n_open; i++)
		if (s->open[i] == d)
			s->open[i] = s->open[--s->n_open];
}

static void taker_close(struct binding *b)
{
	(void)b;
}

static const struct binding_class taker_class = {
	.name = "taker",
	.summary = "Takes events",
	.size = sizeof(struct taker),
	.open = taker_open,
	.send = taker_send,
	.cancel = taker_cancel,
	.close = taker_close,
};

static void take_open(struct stage *s)
{
	for (unsigned i = 0; i < s->n_open; i++)
		take(s, s->open[i]);
	s->n_open = 0;
	s->keep = false;
}

/* --- the stage --- */

enum { TURNS_MAX = 20000 };

static void stage_turn(struct stage *s)
{
	if (++s->turns > TURNS_MAX)
		fail_msg("what the test waits for did not happen");
	loop_moment(s->loop);
	if (s->servers_loop != s->loop)
		loop_moment(s->servers_loop);
}
#define WAIT(stage, condition) while (!(condition)) stage_turn(stage)

static void bridge_start(struct stage *s)
{
	const struct function_options o = {
		.name = "shop", .buffer_events = ENTRIES_MAX, .buffer_bytes = 1 << 20, .timeout_ms = 60000, .seed = SEED
	};
	struct subscription_options sub = {
		.topic = "jobs", .group = "g", .path = "/", .block = BLOCK_BINDING, .policy = &s->policy
	};
	struct connector *c;
	struct error e;

	s->drained = false;
	memset(s->running, 0, sizeof(s->running));
	s->n_open = 0;
	s->function = function_new(s->loop, &o);
	((struct taker *)function_binding(s->function, &taker_class))->stage = s;
	c = function_component(s->function, &redis_class, "orders");
	assert_int_equal(option_parse(redis_class.options, c, s->settings, s->n_settings, NULL, &e), 0);
	assert_int_equal(policy_read(&s->policy, &redis_class, NULL, 0, NULL, 0, &e), 0);
	function_subscribe(s->function, c, &sub);
	assert_int_equal(function_start(s->function, &e), 0);
}

static void setting(struct stage *s, const char *name, const char *value)
{
	assert_true(s->n_settings < SETTINGS_MAX);
	s->settings[s->n_settings++] = (struct setting){ .name = name, .value = value };
}

static void stage_open(struct stage *s)
{
	*s = (struct stage){ .loop = loop_for_test(), .redis = mem_new(sizeof(*s->redis)) };
	s->servers_loop = s->loop;
	fake_redis_open(s->redis, s->servers_loop);
	snprintf(s->address, sizeof(s->address), "127.0.0.1:%u", s->redis->peer.port);
	setting(s, "redisHost", s->address);
	setting(s, "kind", "list");
	setting(s, "consumerName", "anna");
}

static void stage_drained(void *arg)
{
	((struct stage *)arg)->drained = true;
}

static void bridge_stop(struct stage *s, int64_t ms)
{
	function_drain(s->function, ms, stage_drained, s);
	WAIT(s, s->drained);
	function_free(s->function);
	s->function = NULL;
}

static void stage_close(struct stage *s)
{
	if (s->function)
		bridge_stop(s, 1000);
	fake_redis_close(s->redis);
	free(s->redis);
	if (s->servers_loop != s->loop)
		loop_free(s->servers_loop);
	loop_free(s->loop);
}

static void push(struct stage *s, unsigned from, unsigned to)
{
	char text[16];

	for (unsigned i = from; i < to; i++) {
		snprintf(text, sizeof(text), "%u", i);
		fake_push(s->redis, "jobs", text);
	}
}

/* Entries in any list of that server, tombstones too. */
static unsigned left(struct stage *s)
{
	unsigned n = 0;

	for (struct fake_key *k = s->redis->keys; k; k = k->next)
		n += k->type == FAKE_LIST ? k->n : 0;
	return n;
}

/* --- tests --- */

static void what_is_taken_is_removed_and_nothing_before(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s);
	s.keep = true;
	push(&s, 0, 10);
	bridge_start(&s);
	WAIT(&s, s.n_open == 10);
	assert_int_equal(fake_length(s.redis, "jobs"), 0);
	assert_int_equal(left(&s), 10);
	assert_int_equal(fake_called(s.redis, "LREM"), 0);
	take_open(&s);
	WAIT(&s, left(&s) == 0);
	assert_int_equal(s.deliveries, 10);
	assert_int_equal(fake_called(s.redis, "LREM"), 1);
	stage_close(&s);
}

/* The third of five that cannot be told apart is done: the third is removed, whichever that is. */
static void equal_entries_are_removed_one_by_one(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s);
	s.keep = true;
	for (unsigned i = 0; i < 5; i++)
		push(&s, 7, 8);
	bridge_start(&s);
	WAIT(&s, s.n_open == 5);
	for (unsigned n = 4; n > 0; n--) {
		take(&s, s.open[n / 2]);
		s.open[n / 2] = s.open[n];
		s.n_open = n;
		WAIT(&s, left(&s) == n);
	}
	take_open(&s);
	WAIT(&s, left(&s) == 0);
	assert_int_equal(s.taken[7], 5);
	stage_close(&s);
}

static void an_empty_list_is_waited_for_by_one_command(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s);
	bridge_start(&s);
	WAIT(&s, fake_called(s.redis, "BLMOVE") == 1);
	for (unsigned i = 0; i < 200; i++)
		stage_turn(&s);
	assert_int_equal(fake_called(s.redis, "BLMOVE"), 1);
	assert_int_equal(fake_called(s.redis, "LMOVE"), 0);
	push(&s, 0, 1);
	WAIT(&s, s.n_taken == 1 && left(&s) == 0);
	stage_close(&s);
}

static void entries_that_flow_are_asked_for_in_growing_pipelines(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s);
	push(&s, 0, 1000);
	bridge_start(&s);
	WAIT(&s, s.n_taken == 1000 && left(&s) == 0);
	assert_in_range(fake_called(s.redis, "BLMOVE"), 10, 30);
	assert_in_range(fake_called(s.redis, "LREM"), 2, 100);
	stage_close(&s);
}

static void a_server_before_6_2_is_asked_with_its_own_commands(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s);
	s.redis->old = true;
	push(&s, 0, 50);
	bridge_start(&s);
	WAIT(&s, s.n_taken == 50 && left(&s) == 0);
	assert_true(fake_called(s.redis, "BRPOPLPUSH jobs") > 0);
	assert_true(fake_called(s.redis, "RPOPLPUSH jobs") > 0);
	stage_close(&s);
}

static void a_refused_acknowledgement_is_given_again(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s);
	s.redis->refuse = "LSET";
	s.redis->refusal = "OOM command not allowed when used memory > 'maxmemory'.";
	push(&s, 0, 5);
	bridge_start(&s);
	WAIT(&s, s.n_taken == 5 && fake_called(s.redis, "EXEC") > 0);
	assert_int_equal(left(&s), 5);
	s.redis->refuse = NULL;
	WAIT(&s, left(&s) == 0);
	assert_int_equal(s.deliveries, 5);
	stage_close(&s);
}

static void a_list_that_may_not_be_read_is_tried_again(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s);
	s.redis->refuse = "HSET";
	s.redis->refusal = "NOPERM this user has no permissions to run the 'hset' command";
	push(&s, 0, 5);
	bridge_start(&s);
	WAIT(&s, fake_called(s.redis, "HSET") >= 2);
	assert_int_equal(fake_called(s.redis, "LMOVE") + fake_called(s.redis, "BLMOVE"), 0);
	s.redis->refuse = NULL;
	WAIT(&s, s.n_taken == 5 && left(&s) == 0);
	stage_close(&s);
}

/* Its keys as another session would leave them. */
static void other_left(struct stage *s, const char *consumer, unsigned from, unsigned to)
{
	struct fake_key *k = fake_key(s->redis, "jobs:bridge");
	char text[64];

	for (unsigned i = from; i < to; i++) {
		snprintf(text, sizeof(text), "%u", i);
		fake_push(s->redis, "jobs:bridge:0123456789abcdef-1", text);
	}
	snprintf(text, sizeof(text), "0123456789abcdef-1 0 %s", consumer);
	k->type = FAKE_HASH;
	k->items = mem_grow(k->items, 2 * sizeof(*k->items));
	k->items[0] = mem_text("u:0123456789abcdef-1");
	k->items[1] = mem_text(text);
	k->n = 2;
}

static void what_a_dead_one_left_is_taken_over_and_what_a_living_one_has_is_not(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s);
	setting(&s, "redeliverInterval", "50ms");
	other_left(&s, "bob", 0, 20);
	fake_push(s.redis, "jobs:bridge:0123456789abcdef", "alive");
	push(&s, 20, 30);
	bridge_start(&s);
	WAIT(&s, fake_called(s.redis, "EXISTS") >= 2);
	assert_int_equal(s.n_taken, 10);
	fake_delete(s.redis, "jobs:bridge:0123456789abcdef");
	WAIT(&s, s.n_taken == 30 && left(&s) == 0);
	assert_string_equal(s.last_count, "2");
	assert_int_equal(fake_key(s.redis, "jobs:bridge:0123456789abcdef-1")->type, FAKE_STRING);
	WAIT(&s, fake_key(s.redis, "jobs:bridge")->n == 2 + 2); /* the main unit, its rounds */
	stage_close(&s);
}

static void what_we_left_ourselves_comes_at_once(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s);
	other_left(&s, "anna", 0, 20);
	fake_push(s.redis, "jobs:bridge:0123456789abcdef", "alive");
	bridge_start(&s);
	WAIT(&s, s.n_taken == 20);
	assert_int_equal(fake_called(s.redis, "EXISTS"), 0);
	stage_close(&s);
}

/* Somebody thought we were dead while deliveries ran: what came of them is not told to what is theirs now. */
static void what_others_took_over_is_not_acknowledged(void **state)
{
	struct stage s;
	char name[80] = "";

	(void)state;
	stage_open(&s);
	s.keep = true;
	push(&s, 0, 10);
	bridge_start(&s);
	WAIT(&s, s.n_open == 10);
	for (struct fake_key *k = s.redis->keys; k; k = k->next)
		if (k->type == FAKE_LIST) {
			snprintf(name, sizeof(name), "%s", k->name);
			free(k->name);
			k->name = mem_text("theirs");
		}
	fake_key(s.redis, name)->type = FAKE_STRING;
	for (struct fake_key *k = s.redis->keys; k; k = k->next)
		if (k->type == FAKE_HASH)
			while (k->n)
				free(k->items[--k->n]);
	take_open(&s);
	push(&s, 10, 20);
	WAIT(&s, s.n_taken == 20 && fake_length(s.redis, "theirs") == left(&s));
	assert_int_equal(fake_length(s.redis, "theirs"), 10);
	assert_int_equal(s.deliveries, 20);
	stage_close(&s);
}

static void at_the_end_the_sign_of_life_is_taken_back(void **state)
{
	struct stage s;
	unsigned strings = 0;

	(void)state;
	stage_open(&s);
	push(&s, 0, 3);
	bridge_start(&s);
	WAIT(&s, s.n_taken == 3);
	bridge_stop(&s, 1000);
	assert_int_equal(left(&s), 0);
	for (struct fake_key *k = s.redis->keys; k; k = k->next)
		strings += k->type == FAKE_STRING;
	assert_int_equal(strings, 0);
	stage_close(&s);
}

/* --- an end at each command --- */

enum { CUT_ENTRIES = 6, CUTS = 46, AGAIN_CUTS = 12 };

static struct function *volatile crashed[CUTS]; /* volatile: a leak that is meant is seen to be reachable */
static unsigned n_crashed;

/* The connection ends at that command: nothing is lost, nothing is with the function twice at once. */
static void cut(unsigned at, enum fake_cut how, bool keep)
{
	struct buf why = { 0 };
	struct stage s;

	stage_open(&s);
	s.keep = keep;
	s.redis->cut_at = at;
	s.redis->cut = how;
	push(&s, 0, CUT_ENTRIES / 2);
	other_left(&s, "anna", CUT_ENTRIES / 2, CUT_ENTRIES);
	bridge_start(&s);
	for (unsigned i = 0; keep && i < 400 && s.n_open < CUT_ENTRIES; i++)
		stage_turn(&s);
	take_open(&s);
	WAIT(&s, s.n_taken == CUT_ENTRIES && left(&s) == 0 && function_ready(s.function, &why));
	buf_free(&why);
	assert_int_equal(s.twice_at_once, 0);
	if (keep)
		assert_int_equal(s.deliveries, CUT_ENTRIES);
	stage_close(&s);
}

static void a_connection_that_ends_at_any_command_loses_nothing(void **state)
{
	(void)state;
	for (unsigned at = 1; at <= CUTS; at++) {
		cut(at, CUT_BEFORE, at % 2);
		cut(at, CUT_BEHIND, at % 2 == 0);
	}
}

/* The connection ended while deliveries ran, and the next one ends while what they are of is taken back. */
static void cut_again(unsigned at, enum fake_cut how)
{
	struct buf why = { 0 };
	struct stage s;

	stage_open(&s);
	s.keep = true;
	push(&s, 0, CUT_ENTRIES);
	bridge_start(&s);
	WAIT(&s, s.n_open == CUT_ENTRIES);
	s.redis->cut_at = s.redis->commands + at;
	s.redis->cut = how;
	fake_disconnect(s.redis);
	WAIT(&s, s.redis->commands > s.redis->cut_at + 1 && function_ready(s.function, &why));
	take_open(&s);
	WAIT(&s, left(&s) == 0 && function_ready(s.function, &why));
	buf_free(&why);
	assert_int_equal(s.deliveries, CUT_ENTRIES);
	stage_close(&s);
}

static void a_second_end_while_what_is_in_work_is_taken_back_brings_nothing_twice(void **state)
{
	(void)state;
	for (unsigned at = 1; at <= AGAIN_CUTS; at++) {
		cut_again(at, CUT_BEFORE);
		cut_again(at, CUT_BEHIND);
	}
}

/* The process ends at that command, another one begins: nothing is lost. */
static void crash(unsigned at, enum fake_cut how)
{
	struct stage s;

	stage_open(&s);
	s.loop = loop_for_test();
	s.redis->cut_at = at;
	s.redis->cut = how;
	push(&s, 0, CUT_ENTRIES / 2);
	other_left(&s, "anna", CUT_ENTRIES / 2, CUT_ENTRIES);
	bridge_start(&s);
	while (s.redis->commands < at && left(&s) > 0)
		stage_turn(&s);
	fake_disconnect(s.redis);
	crashed[n_crashed++] = s.function; /* it stands still for ever */
	s.loop = loop_for_test();
	bridge_start(&s);
	WAIT(&s, s.n_taken == CUT_ENTRIES && left(&s) == 0);
	stage_close(&s);
}

static void a_process_that_ends_at_any_command_loses_nothing(void **state)
{
	(void)state;
	for (unsigned at = 1; at <= CUTS; at++)
		crash(at, at % 2 ? CUT_BEFORE : CUT_BEHIND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_taken_is_removed_and_nothing_before),
		cmocka_unit_test(equal_entries_are_removed_one_by_one),
		cmocka_unit_test(an_empty_list_is_waited_for_by_one_command),
		cmocka_unit_test(entries_that_flow_are_asked_for_in_growing_pipelines),
		cmocka_unit_test(a_server_before_6_2_is_asked_with_its_own_commands),
		cmocka_unit_test(a_refused_acknowledgement_is_given_again),
		cmocka_unit_test(a_list_that_may_not_be_read_is_tried_again),
		cmocka_unit_test(what_a_dead_one_left_is_taken_over_and_what_a_living_one_has_is_not),
		cmocka_unit_test(what_we_left_ourselves_comes_at_once),
		cmocka_unit_test(what_others_took_over_is_not_acknowledged),
		cmocka_unit_test(at_the_end_the_sign_of_life_is_taken_back),
		cmocka_unit_test(a_connection_that_ends_at_any_command_loses_nothing),
		cmocka_unit_test(a_second_end_while_what_is_in_work_is_taken_back_brings_nothing_twice),
		cmocka_unit_test(a_process_that_ends_at_any_command_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
