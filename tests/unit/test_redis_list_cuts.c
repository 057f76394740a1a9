/* Reading Redis lists, while the connection or the process ends at each command in turn. */
/* links: peer.c fake_redis.c fake_redis_commands.c list_stage.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/unit/list_stage.h"

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
	stage_push(&s, 0, CUT_ENTRIES / 2);
	stage_other_left(&s, "anna", CUT_ENTRIES / 2, CUT_ENTRIES);
	stage_bridge_start(&s);
	for (unsigned i = 0; keep && i < 400 && s.n_open < CUT_ENTRIES; i++)
		stage_turn(&s);
	stage_take_open(&s);
	WAIT(&s, s.n_taken == CUT_ENTRIES && stage_left(&s) == 0 && function_ready(s.function, &why));
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
	stage_push(&s, 0, CUT_ENTRIES);
	stage_bridge_start(&s);
	WAIT(&s, s.n_open == CUT_ENTRIES);
	s.redis->cut_at = s.redis->commands + at;
	s.redis->cut = how;
	fake_disconnect(s.redis);
	WAIT(&s, s.redis->commands > s.redis->cut_at + 1 && function_ready(s.function, &why));
	stage_take_open(&s);
	WAIT(&s, stage_left(&s) == 0 && function_ready(s.function, &why));
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
	stage_push(&s, 0, CUT_ENTRIES / 2);
	stage_other_left(&s, "anna", CUT_ENTRIES / 2, CUT_ENTRIES);
	stage_bridge_start(&s);
	while (s.redis->commands < at && stage_left(&s) > 0)
		stage_turn(&s);
	fake_disconnect(s.redis);
	crashed[n_crashed++] = s.function; /* it stands still for ever */
	s.loop = loop_for_test();
	stage_bridge_start(&s);
	WAIT(&s, s.n_taken == CUT_ENTRIES && stage_left(&s) == 0);
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
		cmocka_unit_test(a_connection_that_ends_at_any_command_loses_nothing),
		cmocka_unit_test(a_second_end_while_what_is_in_work_is_taken_back_brings_nothing_twice),
		cmocka_unit_test(a_process_that_ends_at_any_command_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
