/* Tests of the reasons that are kept for people: counted, bounded, and the lasting ones not washed away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "bridge/reasons.h"

static void add(struct reasons *all, enum reason_kind kind, const char *why, int64_t at)
{
	reasons_add(all, kind, why)->at = at;
}

static uint64_t count(const struct reasons *all, enum reason_kind kind, const char *why)
{
	for (unsigned i = 0; i < all->n; i++)
		if (all->list[i].kind == kind && !strcmp(all->list[i].why, why))
			return all->list[i].count;
	return 0;
}

static void the_same_reason_is_counted_not_repeated(void **state)
{
	struct reasons all = { 0 };

	(void)state;
	for (int i = 0; i < 1000; i++)
		add(&all, REASON_FAILED, "status 503", i);
	add(&all, REASON_PARKED, "status 503", 1000);
	assert_int_equal(all.n, 2);
	assert_int_equal(count(&all, REASON_FAILED, "status 503"), 1000);
	assert_int_equal(count(&all, REASON_PARKED, "status 503"), 1);
	reasons_free(&all);
	assert_int_equal(all.n, 0);
}

static void the_one_seen_longest_ago_makes_room(void **state)
{
	struct reasons all = { 0 };
	char why[16];

	(void)state;
	for (int i = 0; i < REASONS_MAX + 1; i++) {
		snprintf(why, sizeof(why), "reason %d", i);
		add(&all, REASON_FAILED, why, i);
		add(&all, REASON_FAILED, "reason 0", i);
	}
	assert_int_equal(all.n, REASONS_MAX);
	assert_int_equal(count(&all, REASON_FAILED, "reason 1"), 0);
	assert_int_equal(count(&all, REASON_FAILED, "reason 0"), REASONS_MAX + 2);
	reasons_free(&all);
}

static void what_will_be_tried_again_goes_before_what_was_parked_or_is_held(void **state)
{
	struct reasons all = { 0 };
	char why[16];

	(void)state;
	add(&all, REASON_HELD, "too large", 0);
	add(&all, REASON_PARKED, "status 422", 1);
	for (int i = 0; i < 100; i++) {
		snprintf(why, sizeof(why), "reason %d", i);
		add(&all, i % 2 ? REASON_FAILED : REASON_UNSENT, why, 2 + i);
	}
	assert_int_equal(all.n, REASONS_MAX);
	assert_int_equal(count(&all, REASON_HELD, "too large"), 1);
	assert_int_equal(count(&all, REASON_PARKED, "status 422"), 1);
	assert_int_equal(count(&all, REASON_FAILED, "reason 99"), 1);
	reasons_free(&all);
}

static void a_reason_of_any_length_is_cut_and_still_the_same(void **state)
{
	struct reasons all = { 0 };
	char why[1000];

	(void)state;
	memset(why, 'x', sizeof(why) - 1);
	why[sizeof(why) - 1] = '\0';
	add(&all, REASON_DROPPED, why, 1);
	add(&all, REASON_DROPPED, why, 2);
	assert_int_equal(all.n, 1);
	assert_int_equal(all.list[0].count, 2);
	assert_int_equal(strlen(all.list[0].why), sizeof(all.list[0].why) - 1);
	reasons_free(&all);
}

static void every_kind_has_a_word(void **state)
{
	(void)state;
	for (int kind = 0; kind < N_REASON_KINDS; kind++)
		assert_non_null(reason_word((enum reason_kind)kind));
	assert_string_equal(reason_word(REASON_PARKED), "parked");
	assert_string_equal(reason_word(REASON_NOT_CONFIRMED), "not confirmed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_reason_is_counted_not_repeated),
		cmocka_unit_test(the_one_seen_longest_ago_makes_room),
		cmocka_unit_test(what_will_be_tried_again_goes_before_what_was_parked_or_is_held),
		cmocka_unit_test(a_reason_of_any_length_is_cut_and_still_the_same),
		cmocka_unit_test(every_kind_has_a_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
