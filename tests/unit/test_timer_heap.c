/* Tests of the heap of timers: the order they come out in, through moves and stops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include "bridge/timer_heap.h"

static uint64_t random_state = 1;

static unsigned random_below(unsigned n)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(random_state >> 33) % n;
}

static void timers_come_out_by_time_and_then_in_order_of_setting(void **state)
{
	static const int at[] = { 5, 3, 5, 1, 3, 5, 1, 9 }, expected[] = { 3, 6, 1, 4, 0, 2, 5, 7 };
	struct timer timers[8] = { 0 };
	struct timer_heap h = { 0 };

	(void)state;
	assert_true(timer_heap_next(&h) == INT64_MAX);
	for (int i = 0; i < 8; i++)
		timer_heap_set(&h, &timers[i], at[i]);
	assert_int_equal(timer_heap_next(&h), 1);
	for (int i = 0; i < 8; i++)
		assert_ptr_equal(timer_heap_take(&h, 9, UINT64_MAX), &timers[expected[i]]);
	assert_null(timer_heap_take(&h, 9, UINT64_MAX));
	timer_heap_free(&h);
}

static void only_what_is_due_and_was_set_before_is_taken(void **state)
{
	struct timer a = { 0 }, b = { 0 };
	struct timer_heap h = { 0 };
	uint64_t before;

	(void)state;
	timer_heap_set(&h, &a, 10);
	before = h.settings;
	timer_heap_set(&h, &b, 10);
	assert_null(timer_heap_take(&h, 9, UINT64_MAX));
	assert_ptr_equal(timer_heap_take(&h, 10, before), &a);
	assert_null(timer_heap_take(&h, 10, before));
	timer_heap_set(&h, &a, 10);
	assert_ptr_equal(timer_heap_take(&h, 10, UINT64_MAX), &b);
	assert_ptr_equal(timer_heap_take(&h, 10, UINT64_MAX), &a);
	timer_heap_free(&h);
}

static void a_heap_of_thousands_keeps_the_order_through_moves_and_stops(void **state)
{
	enum { N = 3000 };
	struct timer *timers = calloc(N, sizeof(*timers)), *t;
	struct timer_heap h = { 0 };
	int64_t last = 0;
	unsigned set = 0, taken = 0;

	(void)state;
	for (int i = 0; i < 4 * N; i++) {
		if (random_below(4))
			timer_heap_set(&h, &timers[random_below(N)], random_below(1000));
		else
			timer_heap_stop(&h, &timers[random_below(N)]);
	}
	for (int i = 0; i < N; i++)
		set += timers[i].heap_index != 0;
	while ((t = timer_heap_take(&h, INT64_MAX, UINT64_MAX))) {
		assert_true(t->at >= last);
		assert_int_equal(t->heap_index, 0);
		last = t->at;
		taken++;
	}
	assert_int_equal(taken, set);
	timer_heap_free(&h);
	free(timers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_come_out_by_time_and_then_in_order_of_setting),
		cmocka_unit_test(only_what_is_due_and_was_set_before_is_taken),
		cmocka_unit_test(a_heap_of_thousands_keeps_the_order_through_moves_and_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
