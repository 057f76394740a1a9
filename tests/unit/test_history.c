/* Tests of a subscription's history: a bounded ring whose gaps are gaps, and the rates of the last seconds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "bridge/bytes.h"
#include "bridge/history.h"

static void expect(const struct history *h, const char *text)
{
	struct buf out = { 0 };

	history_print(h, &out);
	buf_add(&out, "", 1);
	assert_string_equal(out.p, text);
	buf_free(&out);
}

static void look(struct history *h, int64_t now, int64_t lag)
{
	history_add(h, now, &(struct history_point){ .known = lag >= 0, .lag = lag >= 0 ? lag : 0 });
}

static void what_is_not_known_is_null_and_never_zero(void **state)
{
	struct history *h = mem_new(sizeof(*h));

	(void)state;
	expect(h, "[]");
	look(h, 7000, -1);
	look(h, 8001, 0);
	look(h, 9002, -1);
	expect(h, "[null,0,null]");
	free(h);
}

static void seconds_left_out_are_unknown_and_a_second_is_taken_once(void **state)
{
	struct history *h = mem_new(sizeof(*h));

	(void)state;
	look(h, 1000, 1);
	look(h, 1999, 2);
	look(h, 5000, 3);
	look(h, 4000, 4);
	expect(h, "[1,null,null,null,3]");
	free(h);
}

static unsigned points(const struct history *h)
{
	struct buf out = { 0 };
	unsigned n = 1;

	history_print(h, &out);
	for (size_t i = 0; i < out.n; i++)
		n += out.p[i] == ',';
	buf_free(&out);
	return n;
}

static void the_oldest_point_goes_when_fifteen_minutes_are_full(void **state)
{
	struct history *h = mem_new(sizeof(*h));
	struct buf out = { 0 };

	(void)state;
	for (int64_t i = 0; i < HISTORY_POINTS + 10; i++)
		look(h, i * 1000, i);
	assert_int_equal(points(h), HISTORY_POINTS);
	history_print(h, &out);
	assert_memory_equal(out.p, "[10,11,12,", 10);
	assert_memory_equal(out.p + out.n - 9, ",908,909]", 9);
	buf_free(&out);
	free(h);
}

/* A process that was stopped for days; the time it takes does not depend on them. */
static void a_gap_of_any_length_leaves_only_unknown(void **state)
{
	struct history *h = mem_new(sizeof(*h));
	struct buf out = { 0 };

	(void)state;
	look(h, 1000, 5);
	look(h, INT64_MAX / 2, 6);
	assert_int_equal(points(h), HISTORY_POINTS);
	history_print(h, &out);
	assert_memory_equal(out.p, "[null,", 6);
	assert_memory_equal(out.p + out.n - 7, "null,6]", 7);
	look(h, INT64_MAX / 2 + 1000, 7);
	buf_clear(&out);
	history_print(h, &out);
	assert_memory_equal(out.p + out.n - 5, ",6,7]", 5);
	buf_free(&out);
	free(h);
}

static void rates_are_of_the_last_five_seconds(void **state)
{
	struct history *h = mem_new(sizeof(*h));
	double in, out;

	(void)state;
	assert_false(history_rates(h, &in, &out));
	history_add(h, 1000, &(struct history_point){ .received = 0, .delivered = 0 });
	assert_false(history_rates(h, &in, &out));
	history_add(h, 2000, &(struct history_point){ .received = 10, .delivered = 4 });
	assert_true(history_rates(h, &in, &out));
	assert_true(in == 10 && out == 4);
	history_add(h, 4000, &(struct history_point){ .received = 30, .delivered = 30 });
	assert_true(history_rates(h, &in, &out));
	assert_true(in == 10 && out == 10);
	for (int64_t s = 5; s <= 20; s++)
		history_add(h, s * 1000, &(struct history_point){ .received = 30 + (uint64_t)s * 2, .delivered = 30 });
	assert_true(history_rates(h, &in, &out));
	assert_true(in == 2 && out == 0);
	free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_known_is_null_and_never_zero),
		cmocka_unit_test(seconds_left_out_are_unknown_and_a_second_is_taken_once),
		cmocka_unit_test(the_oldest_point_goes_when_fifteen_minutes_are_full),
		cmocka_unit_test(a_gap_of_any_length_leaves_only_unknown),
		cmocka_unit_test(rates_are_of_the_last_five_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
