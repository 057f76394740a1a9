/* Reading Redis lists with the real core against a Redis of a few commands. */
/* links: peer.c fake_redis.c fake_redis_commands.c list_stage.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "bridge/error.h"
#include "connectors/connectors.h"
#include "tests/unit/list_stage.h"

static void what_is_taken_is_removed_and_nothing_before(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s);
	s.keep = true;
	stage_push(&s, 0, 10);
	stage_bridge_start(&s);
	WAIT(&s, s.n_open == 10);
	assert_int_equal(fake_length(s.redis, "jobs"), 0);
	assert_int_equal(stage_left(&s), 10);
	assert_int_equal(fake_called(s.redis, "LREM"), 0);
	stage_take_open(&s);
	WAIT(&s, stage_left(&s) == 0);
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
		stage_push(&s, 7, 8);
	stage_bridge_start(&s);
	WAIT(&s, s.n_open == 5);
	for (unsigned n = 4; n > 0; n--) {
		stage_take(&s, s.open[n / 2]);
		s.open[n / 2] = s.open[n];
		s.n_open = n;
		WAIT(&s, stage_left(&s) == n);
	}
	stage_take_open(&s);
	WAIT(&s, stage_left(&s) == 0);
	assert_int_equal(s.taken[7], 5);
	stage_close(&s);
}

static void an_empty_list_is_waited_for_by_one_command(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s);
	stage_bridge_start(&s);
	WAIT(&s, fake_called(s.redis, "BLMOVE") == 1);
	for (unsigned i = 0; i < 200; i++)
		stage_turn(&s);
	assert_int_equal(fake_called(s.redis, "BLMOVE"), 1);
	assert_int_equal(fake_called(s.redis, "LMOVE"), 0);
	stage_push(&s, 0, 1);
	WAIT(&s, s.n_taken == 1 && stage_left(&s) == 0);
	stage_close(&s);
}

static void entries_that_flow_are_asked_for_in_growing_pipelines(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s);
	stage_push(&s, 0, 1000);
	stage_bridge_start(&s);
	WAIT(&s, s.n_taken == 1000 && stage_left(&s) == 0);
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
	stage_push(&s, 0, 50);
	stage_bridge_start(&s);
	WAIT(&s, s.n_taken == 50 && stage_left(&s) == 0);
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
	stage_push(&s, 0, 5);
	stage_bridge_start(&s);
	WAIT(&s, s.n_taken == 5 && fake_called(s.redis, "EXEC") > 0);
	assert_int_equal(stage_left(&s), 5);
	s.redis->refuse = NULL;
	WAIT(&s, stage_left(&s) == 0);
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
	stage_push(&s, 0, 5);
	stage_bridge_start(&s);
	WAIT(&s, fake_called(s.redis, "HSET") >= 2);
	assert_int_equal(fake_called(s.redis, "LMOVE") + fake_called(s.redis, "BLMOVE"), 0);
	s.redis->refuse = NULL;
	WAIT(&s, s.n_taken == 5 && stage_left(&s) == 0);
	stage_close(&s);
}

static void what_a_dead_one_left_is_taken_over_and_what_a_living_one_has_is_not(void **state)
{
	struct stage s;

	(void)state;
	stage_open(&s);
	stage_setting(&s, "redeliverInterval", "50ms");
	stage_other_left(&s, "bob", 0, 20);
	fake_push(s.redis, "jobs:bridge:0123456789abcdef", "alive");
	stage_push(&s, 20, 30);
	stage_bridge_start(&s);
	WAIT(&s, fake_called(s.redis, "EXISTS") >= 2);
	assert_int_equal(s.n_taken, 10);
	fake_delete(s.redis, "jobs:bridge:0123456789abcdef");
	WAIT(&s, s.n_taken == 30 && stage_left(&s) == 0);
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
	stage_other_left(&s, "anna", 0, 20);
	fake_push(s.redis, "jobs:bridge:0123456789abcdef", "alive");
	stage_bridge_start(&s);
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
	stage_push(&s, 0, 10);
	stage_bridge_start(&s);
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
	stage_take_open(&s);
	stage_push(&s, 10, 20);
	WAIT(&s, s.n_taken == 20 && fake_length(s.redis, "theirs") == stage_left(&s));
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
	stage_push(&s, 0, 3);
	stage_bridge_start(&s);
	WAIT(&s, s.n_taken == 3);
	stage_bridge_stop(&s, 1000);
	assert_int_equal(stage_left(&s), 0);
	for (struct fake_key *k = s.redis->keys; k; k = k->next)
		strings += k->type == FAKE_STRING;
	assert_int_equal(strings, 0);
	stage_close(&s);
}

static void what_nobody_here_wants_any_more_is_left_to_others_and_can_be_wanted_again(void **state)
{
	struct stage s;
	struct error e;

	(void)state;
	stage_open(&s);
	stage_push(&s, 0, 3);
	stage_bridge_start(&s);
	WAIT(&s, s.n_taken == 3 && fake_called(s.redis, "BLMOVE") >= 2);
	assert_int_equal(redis_class.subscribe(s.connector, NULL, 0, &e), 0);
	WAIT(&s, fake_called(s.redis, "DEL jobs:bridge:") == 1);
	stage_push(&s, 3, 6);
	for (unsigned i = 0; i < 50; i++)
		stage_turn(&s);
	assert_int_equal(fake_length(s.redis, "jobs"), 3);
	assert_int_equal(redis_class.subscribe(s.connector, &s.subscription, 1, &e), 0);
	WAIT(&s, s.n_taken == 6 && stage_left(&s) == 0);
	stage_close(&s);
}

static void a_list_needs_a_second_for_its_sign_of_life(void **state)
{
	struct setting settings[] = {
		{ .name = "redisHost", .value = "h" },
		{ .name = "kind", .value = "list" },
		{ .name = "processingTimeout", .value = "999" },
	};
	struct connector *c = mem_new(redis_class.size);
	struct error e;

	(void)state;
	assert_int_equal(option_parse(redis_class.options, c, settings, 3, NULL, &e), 0);
	assert_int_equal(redis_class.check(c, &e), -1);
	assert_string_equal(e.text, "processingTimeout: less than a second with kind list, expected 1s or more");
	settings[2].value = "1000";
	assert_int_equal(option_parse(redis_class.options, c, settings, 3, NULL, &e), 0);
	assert_int_equal(redis_class.check(c, &e), 0);
	free(c);
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
		cmocka_unit_test(what_nobody_here_wants_any_more_is_left_to_others_and_can_be_wanted_again),
		cmocka_unit_test(a_list_needs_a_second_for_its_sign_of_life),
		cmocka_unit_test(at_the_end_the_sign_of_life_is_taken_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
