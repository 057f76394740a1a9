/* Backoff: its bounds, its spread, its end, and that a seed decides all of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "bridge/backoff.h"

static const struct backoff usual = { .initial_ms = 100, .max_ms = 60000 };

static int64_t bound(unsigned n)
{
	int64_t ms = usual.initial_ms;

	while (--n && ms < usual.max_ms)
		ms *= 2;
	return ms < usual.max_ms ? ms : usual.max_ms;
}

static void a_pause_is_never_zero_and_never_above_its_bound(void **state)
{
	struct random r = { 1 };

	(void)state;
	for (unsigned n = 1; n <= 200; n++)
		for (unsigned i = 0; i < 500; i++)
			assert_in_range(backoff_ms(&usual, n, &r), 1, bound(n));
}

static void pauses_fill_the_whole_span(void **state)
{
	struct random r = { 2 };

	(void)state;
	for (unsigned n = 1; n <= 12; n++) {
		unsigned quarters[4] = { 0 };

		for (unsigned i = 0; i < 2000; i++)
			quarters[(backoff_ms(&usual, n, &r) - 1) * 4 / bound(n)]++;
		for (unsigned q = 0; q < 4; q++)
			assert_in_range(quarters[q], 400, 600);
	}
}

static void the_bound_is_reached(void **state)
{
	const struct backoff small = { .initial_ms = 1, .max_ms = 4 };
	struct random r = { 3 };
	unsigned seen[5] = { 0 };

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		seen[backoff_ms(&small, 3, &r)]++;
	for (unsigned ms = 1; ms <= 4; ms++)
		assert_true(seen[ms] > 0);
	assert_int_equal(backoff_ms(&small, 1, &r), 1);
}

static void many_failures_do_not_overflow(void **state)
{
	const struct backoff wide = { .initial_ms = 3, .max_ms = INT64_MAX };
	struct random r = { 4 };
	static const unsigned failures[] = { 61, 62, 63, 64, 65, 1000, UINT32_MAX };

	(void)state;
	for (unsigned i = 0; i < sizeof failures / sizeof failures[0]; i++)
		assert_true(backoff_ms(&wide, failures[i], &r) >= 1);
}

static void odd_settings_still_pause(void **state)
{
	static const struct backoff odd[] = { { 0, 0 }, { 0, 100 }, { 100, 0 }, { 500, 100 } };
	struct random r = { 5 };

	(void)state;
	for (unsigned i = 0; i < sizeof odd / sizeof odd[0]; i++)
		for (unsigned n = 1; n < 70; n++)
			assert_in_range(backoff_ms(&odd[i], n, &r), 1, 100);
}

static void the_seed_decides_all(void **state)
{
	struct random a = { 42 }, b = { 42 }, c = { 43 };
	unsigned differing = 0;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		uint64_t next = random_next(&a);

		assert_true(next == random_next(&b));
		differing += next != random_next(&c);
	}
	assert_int_equal(differing, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pause_is_never_zero_and_never_above_its_bound),
		cmocka_unit_test(pauses_fill_the_whole_span),
		cmocka_unit_test(the_bound_is_reached),
		cmocka_unit_test(many_failures_do_not_overflow),
		cmocka_unit_test(odd_settings_still_pause),
		cmocka_unit_test(the_seed_decides_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
