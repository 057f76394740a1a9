/* The limit a function's answers teach. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bridge/pace.h"

static void off_it_is_the_capacity(void **state)
{
	struct pace p;

	(void)state;
	pace_begin(&p, false, 4);
	pace_learn(&p, PACE_TOO_MUCH, 10, 64, 1000);
	assert_int_equal(pace_limit(&p, 64), 64);
}

static void good_answers_at_the_limit_raise_it_by_one_each_round(void **state)
{
	struct pace p;

	(void)state;
	pace_begin(&p, true, 4);
	for (int i = 0; i < 5; i++)
		pace_learn(&p, PACE_GOOD, 10, 4, 1000);
	assert_int_equal(pace_limit(&p, 64), 5);
	for (int i = 0; i < 10000; i++)
		pace_learn(&p, PACE_GOOD, 10, 1000, 1000);
	assert_int_equal(pace_limit(&p, 64), 64);
}

static void a_limit_that_is_not_used_does_not_grow(void **state)
{
	struct pace p;

	(void)state;
	pace_begin(&p, true, 4);
	for (int i = 0; i < 1000; i++)
		pace_learn(&p, PACE_GOOD, 10, 1, 1000);
	assert_int_equal(pace_limit(&p, 64), 4);
}

static void too_much_cuts_it_once_in_the_time_an_answer_takes_and_never_below_one(void **state)
{
	struct pace p;

	(void)state;
	pace_begin(&p, true, 10);
	for (int i = 0; i < 10; i++)
		pace_learn(&p, PACE_TOO_MUCH, 100, 10, 1000);
	assert_int_equal(pace_limit(&p, 64), 7);
	pace_learn(&p, PACE_TOO_MUCH, 100, 7, 1099);
	assert_int_equal(pace_limit(&p, 64), 7);
	for (int64_t now = 1100; now < 20000; now += 100)
		pace_learn(&p, PACE_TOO_MUCH, 100, 1, now);
	assert_int_equal(pace_limit(&p, 64), 1);
}

static void answers_that_take_twice_as_long_cut_it_gently(void **state)
{
	struct pace p;

	(void)state;
	pace_begin(&p, true, 10);
	pace_learn(&p, PACE_GOOD, 10, 1, 1000);
	pace_learn(&p, PACE_GOOD, 24, 10, 1000);
	assert_true(pace_limit(&p, 64) == 10);
	pace_learn(&p, PACE_GOOD, 40, 10, 1000);
	assert_int_equal(pace_limit(&p, 64), 9);
}

static void a_failure_that_says_nothing_of_load_changes_nothing(void **state)
{
	struct pace p;

	(void)state;
	pace_begin(&p, true, 10);
	pace_learn(&p, PACE_OTHER, 1000, 10, 1000);
	assert_int_equal(pace_limit(&p, 64), 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(off_it_is_the_capacity),
		cmocka_unit_test(good_answers_at_the_limit_raise_it_by_one_each_round),
		cmocka_unit_test(a_limit_that_is_not_used_does_not_grow),
		cmocka_unit_test(too_much_cuts_it_once_in_the_time_an_answer_takes_and_never_below_one),
		cmocka_unit_test(answers_that_take_twice_as_long_cut_it_gently),
		cmocka_unit_test(a_failure_that_says_nothing_of_load_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
