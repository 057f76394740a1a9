/* A KEDA trigger: what its metadata may say, and the numbers that come of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "bridge/error.h"
#include "bridge/trigger.h"

static int read_pairs(struct trigger *t, const char *const *pairs, struct error *err)
{
	struct setting settings[70];
	unsigned n = 0;

	for (; pairs[2 * n]; n++)
		settings[n] = (struct setting){ .name = pairs[2 * n], .value = pairs[2 * n + 1] };
	*t = (struct trigger){ 0 };
	return trigger_read(t, settings, n, err);
}

#define PAIRS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void assert_reads(struct trigger *t, const char *const *pairs)
{
	struct error err;

	if (read_pairs(t, pairs, &err) == -1)
		fail_msg("%s", err.text);
}

static void metadata_is_read_with_defaults(void **state)
{
	struct trigger t;

	(void)state;
	assert_reads(&t, PAIRS("scalerAddress", "bridge:9191", "enableTLS", "true"));
	assert_null(t.function);
	assert_null(t.subscription);
	assert_true(t.target == 10 && t.activation == 0 && t.stale_ms == 0);
	assert_true(t.count_inflight && !t.limit_lagging && !t.even && t.n_spans == 0);
	assert_reads(&t,
	    PAIRS("function", "shop", "subscription", "orders", "targetBacklog", "2.5", "activationBacklog", "7",
		"countInflight", "false", "staleFor", "90s", "limitToPartitionsWithLag", "true"));
	assert_string_equal(t.function, "shop");
	assert_string_equal(t.subscription, "orders");
	assert_true(t.target == 2.5 && t.activation == 7 && t.stale_ms == 90000);
	assert_true(!t.count_inflight && t.limit_lagging);
}

/* KEDA resolves the variable and leaves the key as it was. */
static void a_key_may_end_in_from_env(void **state)
{
	struct trigger t;

	(void)state;
	assert_reads(&t, PAIRS("functionFromEnv", "shop", "targetBacklogFromEnv", "3"));
	assert_string_equal(t.function, "shop");
	assert_true(t.target == 3);
}

static void partitions_are_numbers_and_ranges(void **state)
{
	static const struct {
		const char *text;
		unsigned n;
		struct lag_span spans[4];
	} cases[] = {
		{ "1", 1, { { 1, 1 } } },
		{ "1,2,3,4", 4, { { 1, 1 }, { 2, 2 }, { 3, 3 }, { 4, 4 } } },
		{ " 1 , 2 , 3 ", 3, { { 1, 1 }, { 2, 2 }, { 3, 3 } } },
		{ "1-4", 1, { { 1, 4 } } },
		{ "3-3", 1, { { 3, 3 } } },
		{ " 1 - 4 ", 1, { { 1, 4 } } },
		{ "1-4,8,10-12", 3, { { 1, 4 }, { 8, 8 }, { 10, 12 } } },
	};
	struct trigger t;

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_reads(&t, PAIRS("partitionLimitation", cases[i].text));
		assert_int_equal(t.n_spans, cases[i].n);
		for (unsigned j = 0; j < t.n_spans; j++) {
			assert_int_equal(t.spans[j].from, cases[i].spans[j].from);
			assert_int_equal(t.spans[j].to, cases[i].spans[j].to);
		}
	}
}

static void what_cannot_be_meant_is_refused_with_what_was_expected(void **state)
{
	static const struct {
		const char *key, *value, *said;
	} cases[] = {
		{ "targetBacklog", "0", "targetBacklog: 0, expected more than 0" },
		{ "targetBacklog", "-1", "targetBacklog: \"-1\", expected a number" },
		{ "targetBacklog", "AA", "targetBacklog: \"AA\", expected a number" },
		{ "targetBacklog", "nan", "targetBacklog: \"nan\", expected a number" },
		{ "targetBacklog", "inf", "targetBacklog: \"inf\", expected a number" },
		{ "targetBacklog", "10 ", "targetBacklog: \"10 \", expected a number" },
		{ "activationBacklog", "AA", "activationBacklog: \"AA\", expected a number" },
		{ "countInflight", "notvalid", "countInflight" },
		{ "staleFor", "soon", "staleFor" },
		{ "partitionLimitation", "a,b,c", "partitionLimitation: \"a,b,c\"" },
		{ "partitionLimitation", "1-2-3", "partitionLimitation: \"1-2-3\"" },
		{ "partitionLimitation", "a-3", "partitionLimitation: \"a-3\"" },
		{ "partitionLimitation", "1-b", "partitionLimitation: \"1-b\"" },
		{ "partitionLimitation", "4-1", "partitionLimitation: \"4-1\"" },
		{ "targetBaklog", "5", "targetBaklog is no key of this scaler, did you mean \"targetBacklog\"?" },
	};
	struct trigger t;
	struct error err;

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(read_pairs(&t, PAIRS(cases[i].key, cases[i].value), &err), -1);
		if (!strstr(err.text, cases[i].said))
			fail_msg("\"%s\" does not say \"%s\"", err.text, cases[i].said);
	}
	assert_int_equal(
	    read_pairs(
		&t, PAIRS("limitToPartitionsWithLag", "true", "ensureEvenDistributionOfPartitions", "true"), &err),
	    -1);
	assert_int_equal(err.code, ERR_CONFIG);
}

static void more_keys_or_ranges_than_anybody_needs_are_refused(void **state)
{
	const char *many[2 * 65 + 1] = { NULL };
	char ranges[4 * (TRIGGER_SPANS + 1) + 1] = "";
	struct trigger t;
	struct error err;

	(void)state;
	for (unsigned i = 0; i < 65; i++) {
		many[2 * i] = "x";
		many[2 * i + 1] = "y";
	}
	assert_int_equal(read_pairs(&t, many, &err), -1);
	for (unsigned i = 0; i <= TRIGGER_SPANS; i++)
		strcat(ranges, i ? ",1" : "1");
	assert_int_equal(read_pairs(&t, PAIRS("partitionLimitation", ranges), &err), -1);
}

/* --- numbers --- */

static void the_value_is_lag_or_backlog_and_activity_is_above_the_threshold(void **state)
{
	struct lag_view v = { .lag = 15, .backlog = 12, .inflight = 3 };
	struct trigger t;

	(void)state;
	assert_reads(&t, PAIRS("targetBacklog", "10", "activationBacklog", "15"));
	assert_true(trigger_value(&t, &v) == 15);
	assert_false(trigger_active(&t, &v));
	v.lag = 16;
	assert_true(trigger_active(&t, &v));
	assert_reads(&t, PAIRS("countInflight", "false"));
	assert_true(trigger_value(&t, &v) == 12);
	v = (struct lag_view){ .lag = 3, .inflight = 3 };
	assert_true(trigger_value(&t, &v) == 0);
	assert_true(trigger_active(&t, &v)); /* what is being worked on is not to be killed */
	v.lag = v.inflight = 0;
	assert_false(trigger_active(&t, &v));
}

static void a_limit_to_partitions_with_lag_is_exact(void **state)
{
	struct trigger t;

	(void)state;
	assert_reads(&t, PAIRS("targetBacklog", "5", "limitToPartitionsWithLag", "true"));
	assert_true(trigger_value(&t, &(struct lag_view){ .lag = 29, .partitions = 9, .lagging = 5 }) == 25);
	assert_true(trigger_value(&t, &(struct lag_view){ .lag = 24, .partitions = 9, .lagging = 5 }) == 24);
	assert_true(trigger_value(&t, &(struct lag_view){ .lag = 0, .partitions = 9, .lagging = 0 }) == 0);
}

static void without_a_limit_a_function_may_have_more_replicas_than_partitions(void **state)
{
	struct trigger t;

	(void)state;
	assert_reads(&t, PAIRS("targetBacklog", "10"));
	assert_true(trigger_value(&t, &(struct lag_view){ .lag = 1000, .partitions = 3, .lagging = 3 }) == 1000);
}

static void an_even_number_divides_the_partitions(void **state)
{
	static const struct {
		unsigned partitions;
		int64_t lag;
		unsigned replicas;
	} cases[] = { { 100, 10, 1 }, { 100, 20, 2 }, { 100, 40, 4 }, { 100, 50, 5 }, { 100, 99, 10 }, { 100, 100, 10 },
		{ 100, 101, 20 }, { 10, 11, 2 }, { 10, 21, 5 }, { 10, 51, 10 }, { 10, 1000, 10 }, { 13, 11, 13 },
		{ 25, 11, 5 }, { 25, 51, 25 }, { 50, 251, 50 }, { 10, 0, 0 } };
	struct trigger t;

	(void)state;
	assert_reads(&t, PAIRS("targetBacklog", "10", "ensureEvenDistributionOfPartitions", "true"));
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lag_view v = { .lag = cases[i].lag, .partitions = cases[i].partitions };

		assert_true(trigger_value(&t, &v) == cases[i].replicas * 10.0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metadata_is_read_with_defaults),
		cmocka_unit_test(a_key_may_end_in_from_env),
		cmocka_unit_test(partitions_are_numbers_and_ranges),
		cmocka_unit_test(what_cannot_be_meant_is_refused_with_what_was_expected),
		cmocka_unit_test(more_keys_or_ranges_than_anybody_needs_are_refused),
		cmocka_unit_test(the_value_is_lag_or_backlog_and_activity_is_above_the_threshold),
		cmocka_unit_test(a_limit_to_partitions_with_lag_is_exact),
		cmocka_unit_test(without_a_limit_a_function_may_have_more_replicas_than_partitions),
		cmocka_unit_test(an_even_number_divides_the_partitions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
