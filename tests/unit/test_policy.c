/* Policy: what was written, at the component and at the subscription, folds into one set of limits and pauses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "bridge/error.h"
#include "bridge/policy.h"

static const struct connector_class by_partition = { .name = "kafka", .order = ORDER_PARTITION };
static const struct connector_class unordered = { .name = "redis", .order = ORDER_NONE };

enum { SETTINGS = 8 };

/* Settings as pairs of texts, NULL at the end. */
static unsigned settings_of(struct setting s[SETTINGS], const char *const *pairs)
{
	unsigned n = 0;

	for (; pairs && *pairs; pairs += 2, n++)
		s[n] = (struct setting){
			.name = pairs[0], .value = pairs[1], .file = "a.yaml", .line = n + 1, .column = 9
		};
	return n;
}

static int read_pairs(struct policy *p, const char *const *component, const char *const *subscription, struct error *e)
{
	struct setting c[SETTINGS], s[SETTINGS];

	return policy_read(p, &by_partition, c, settings_of(c, component), s, settings_of(s, subscription), e);
}

#define PAIRS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static struct policy policy_of(const char *const *component, const char *const *subscription)
{
	struct error e = { ERR_NONE, "" };
	struct policy p;

	if (read_pairs(&p, component, subscription, &e))
		fail_msg("%s", e.text);
	return p;
}

static void assert_refused(const char *const *component, const char *expected)
{
	struct policy p;
	struct error e;

	assert_int_equal(read_pairs(&p, component, NULL, &e), -1);
	if (!strstr(e.text, expected))
		fail_msg("\"%s\" does not say \"%s\"", e.text, expected);
}

static void without_a_word_nothing_is_ever_given_up(void **state)
{
	struct policy p = policy_of(NULL, NULL);

	(void)state;
	assert_int_equal(p.retry_attempts, 0);
	assert_int_equal(p.retry_max_age_ms, 0);
	assert_int_equal(p.retry_initial_ms, 100);
	assert_int_equal(p.retry_max_ms, 60000);
	assert_int_equal(p.on_exhausted, EXHAUSTED_HOLD);
	assert_null(p.dead_letter_topic);
	assert_false(p.retry_written);
	assert_int_equal(p.max_in_flight, 0);
	assert_int_equal(p.timeout_ms, 0);
}

static void order_is_the_connectors_unless_it_is_written(void **state)
{
	struct setting s[] = { { .name = "order", .value = "partition" } };
	struct policy p;
	struct error e;

	(void)state;
	assert_int_equal(policy_of(NULL, NULL).order, ORDER_PARTITION);
	assert_int_equal(policy_of(PAIRS("order", "key"), NULL).order, ORDER_KEY);
	assert_int_equal(policy_read(&p, &unordered, NULL, 0, NULL, 0, &e), 0);
	assert_int_equal(p.order, ORDER_NONE);
	assert_int_equal(policy_read(&p, &unordered, s, 1, NULL, 0, &e), 0);
	assert_int_equal(p.order, ORDER_PARTITION);
	assert_true(s[0].used);
}

static void the_subscription_is_read_over_its_component(void **state)
{
	struct policy p = policy_of(PAIRS("retryMaxAttempts", "5", "maxInFlight", "3"), PAIRS("retryMaxAttempts", "2"));

	(void)state;
	assert_int_equal(p.retry_attempts, 2);
	assert_int_equal(p.max_in_flight, 3);
}

static void with_a_dead_letter_topic_and_no_limit_the_first_failure_parks(void **state)
{
	struct policy p = policy_of(NULL, PAIRS("deadLetterTopic", "failed"));

	(void)state;
	assert_int_equal(p.retry_attempts, 1);
	assert_int_equal(p.on_exhausted, EXHAUSTED_PARK);
	assert_string_equal(p.dead_letter_topic, "failed");
	p = policy_of(PAIRS("deadLetterComponent", "other"), NULL);
	assert_int_equal(p.retry_attempts, 1);
	assert_int_equal(p.on_exhausted, EXHAUSTED_PARK);
}

static void a_limit_that_is_written_counts_before_parking(void **state)
{
	struct policy p = policy_of(PAIRS("retryMaxAttempts", "5"), PAIRS("deadLetterTopic", "failed"));

	(void)state;
	assert_int_equal(p.retry_attempts, 5);
	assert_true(p.retry_written);
	assert_int_equal(policy_of(PAIRS("deadLetterTopic", "f", "retryMaxAge", "1h"), NULL).retry_attempts, 0);
	assert_int_equal(policy_of(PAIRS("deadLetterTopic", "f", "retryMaxAttempts", "0"), NULL).retry_attempts, 0);
	assert_int_equal(policy_of(PAIRS("deadLetterTopic", "f", "backOffMaxRetries", "4"), NULL).retry_attempts, 5);
	assert_int_equal(
	    policy_of(PAIRS("deadLetterTopic", "f", "backOffMaxElapsedTime", "60000"), NULL).retry_attempts, 0);
	assert_int_equal(policy_of(PAIRS("deadLetterTopic", "f", "backOffMaxRetries", "-1"), NULL).retry_attempts, 1);
}

static void consume_retry_counts_only_when_false_is_written(void **state)
{
	struct policy p = policy_of(PAIRS("consumeRetryEnabled", "false"), NULL);

	(void)state;
	assert_int_equal(p.retry_attempts, 1);
	assert_int_equal(p.on_exhausted, EXHAUSTED_DROP);
	p = policy_of(PAIRS("consumeRetryEnabled", "false"), PAIRS("deadLetterTopic", "failed"));
	assert_int_equal(p.retry_attempts, 1);
	assert_int_equal(p.on_exhausted, EXHAUSTED_PARK);
	p = policy_of(PAIRS("consumeRetryEnabled", "false", "onExhausted", "hold"), NULL);
	assert_int_equal(p.retry_attempts, 1);
	assert_int_equal(p.on_exhausted, EXHAUSTED_HOLD);
	p = policy_of(PAIRS("consumeRetryEnabled", "true"), NULL);
	assert_int_equal(p.retry_attempts, 0);
	assert_int_equal(p.on_exhausted, EXHAUSTED_HOLD);
	p = policy_of(PAIRS("consumeRetryEnabled", ""), NULL);
	assert_int_equal(p.on_exhausted, EXHAUSTED_HOLD);
	p = policy_of(PAIRS("consumeRetryEnabled", "false"), PAIRS("consumeRetryEnabled", "true"));
	assert_int_equal(p.retry_attempts, 0);
}

static void daprs_retries_are_attempts_after_the_first(void **state)
{
	(void)state;
	assert_int_equal(policy_of(PAIRS("backOffMaxRetries", "0"), NULL).retry_attempts, 1);
	assert_int_equal(policy_of(PAIRS("backOffMaxRetries", "3"), NULL).retry_attempts, 4);
	assert_int_equal(policy_of(PAIRS("backOffMaxRetries", "-1"), NULL).retry_attempts, 0);
	assert_int_equal(policy_of(PAIRS("backOffMaxRetries", "3", "retryMaxAttempts", "9"), NULL).retry_attempts, 9);
	assert_int_equal(policy_of(PAIRS("backOffMaxElapsedTime", "1500"), NULL).retry_max_age_ms, 1500);
	assert_int_equal(policy_of(PAIRS("backOffMaxElapsedTime", "0"), NULL).retry_max_age_ms, 0);
	assert_int_equal(
	    policy_of(PAIRS("backOffMaxElapsedTime", "1m", "retryMaxAge", "2m"), NULL).retry_max_age_ms, 120000);
}

static void daprs_pauses_fold_by_their_policy(void **state)
{
	struct policy p = policy_of(PAIRS("backOffDuration", "250"), NULL);

	(void)state;
	assert_int_equal(p.retry_initial_ms, 250);
	assert_int_equal(p.retry_max_ms, 250);
	p = policy_of(PAIRS("backOffPolicy", "constant"), NULL);
	assert_int_equal(p.retry_initial_ms, 5000);
	assert_int_equal(p.retry_max_ms, 5000);
	p = policy_of(
	    PAIRS("backOffPolicy", "exponential", "backOffInitialInterval", "200", "backOffMaxInterval", "30s"), NULL);
	assert_int_equal(p.retry_initial_ms, 200);
	assert_int_equal(p.retry_max_ms, 30000);
	p = policy_of(PAIRS("backOffPolicy", "exponential"), NULL);
	assert_int_equal(p.retry_initial_ms, 500);
	assert_int_equal(p.retry_max_ms, 60000);
	p = policy_of(PAIRS("backOffPolicy", "exponential", "backOffDuration", "1s"), NULL);
	assert_int_equal(p.retry_initial_ms, 500);
	p = policy_of(
	    PAIRS("backOffInitialInterval", "7s"), NULL); /* of the exponential policy, which is not in force */
	assert_int_equal(p.retry_initial_ms, 100);
	p = policy_of(PAIRS("backOffDuration", "0"), NULL);
	assert_int_equal(p.retry_initial_ms, 1);
	p = policy_of(PAIRS("backOffDuration", "1s", "retryInitialInterval", "20ms"), NULL);
	assert_int_equal(p.retry_initial_ms, 20);
	assert_int_equal(p.retry_max_ms, 1000);
}

static void the_longest_pause_is_never_shorter_than_the_first(void **state)
{
	struct policy p = policy_of(PAIRS("retryInitialInterval", "2m"), NULL);

	(void)state;
	assert_int_equal(p.retry_max_ms, 120000);
	p = policy_of(PAIRS("retryMaxInterval", "50ms"), NULL);
	assert_int_equal(p.retry_initial_ms, 50);
	assert_refused(PAIRS("retryInitialInterval", "2m", "retryMaxInterval", "1m"),
	    "a.yaml:2:9: retryMaxInterval: shorter than");
}

static void park_needs_a_place(void **state)
{
	(void)state;
	assert_refused(PAIRS("order", "key", "onExhausted", "park"),
	    "a.yaml:2:9: onExhausted: park without a place to park, expected deadLetterTopic or deadLetterComponent");
	assert_int_equal(
	    policy_of(PAIRS("onExhausted", "park", "deadLetterTopic", "f"), NULL).on_exhausted, EXHAUSTED_PARK);
	assert_refused(PAIRS("onExhausted", "park", "deadLetterTopic", ""), "onExhausted: park without a place");
}

static void drop_and_hold_are_the_users_word_even_with_a_place(void **state)
{
	(void)state;
	assert_int_equal(
	    policy_of(PAIRS("onExhausted", "drop", "deadLetterTopic", "f"), NULL).on_exhausted, EXHAUSTED_DROP);
	assert_int_equal(
	    policy_of(PAIRS("onExhausted", "hold", "deadLetterTopic", "f"), NULL).on_exhausted, EXHAUSTED_HOLD);
}

static void a_value_that_cannot_be_read_says_where(void **state)
{
	(void)state;
	assert_refused(PAIRS("order", "sometimes"),
	    "a.yaml:1:9: order: \"sometimes\" is not a word for this, expected partition, key or none");
	assert_refused(PAIRS("backOffMaxRetries", "-2"), "a.yaml:1:9: backOffMaxRetries: -2 is out of range");
	assert_refused(PAIRS("retryMaxAttempts", "-1"), "out of range");
}

/* What `check --print` writes are the folded rows: read again they must mean the same. */
static void folded_rows_read_again_mean_the_same(void **state)
{
	const char *const *const cases[] = { PAIRS("consumeRetryEnabled", "false"), PAIRS("deadLetterTopic", "f"),
		PAIRS("backOffMaxRetries", "3", "backOffDuration", "2s"),
		PAIRS("backOffPolicy", "exponential", "order", "none"),
		PAIRS("deadLetterTopic", "f", "retryMaxAge", "1h"), PAIRS("retryInitialInterval", "5m") };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct policy first = policy_of(cases[i], NULL), again;
		struct setting s[16];
		char values[16][64];
		unsigned n = 0;
		struct error e;

		for (const struct option *o = policy_options; o->offset < offsetof(struct policy, consume_retry);
		     o++, n++) {
			option_print(o, &first, values[n], sizeof(values[n]));
			s[n] = (struct setting){ .name = o->name, .value = values[n] };
		}
		assert_int_equal(policy_read(&again, &unordered, s, n, NULL, 0, &e), 0);
		assert_int_equal(first.order, again.order);
		assert_int_equal(first.retry_attempts, again.retry_attempts);
		assert_int_equal(first.retry_max_age_ms, again.retry_max_age_ms);
		assert_int_equal(first.retry_initial_ms, again.retry_initial_ms);
		assert_int_equal(first.retry_max_ms, again.retry_max_ms);
		assert_int_equal(first.on_exhausted, again.on_exhausted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_word_nothing_is_ever_given_up),
		cmocka_unit_test(order_is_the_connectors_unless_it_is_written),
		cmocka_unit_test(the_subscription_is_read_over_its_component),
		cmocka_unit_test(with_a_dead_letter_topic_and_no_limit_the_first_failure_parks),
		cmocka_unit_test(a_limit_that_is_written_counts_before_parking),
		cmocka_unit_test(consume_retry_counts_only_when_false_is_written),
		cmocka_unit_test(daprs_retries_are_attempts_after_the_first),
		cmocka_unit_test(daprs_pauses_fold_by_their_policy),
		cmocka_unit_test(the_longest_pause_is_never_shorter_than_the_first),
		cmocka_unit_test(park_needs_a_place),
		cmocka_unit_test(drop_and_hold_are_the_users_word_even_with_a_place),
		cmocka_unit_test(a_value_that_cannot_be_read_says_where),
		cmocka_unit_test(folded_rows_read_again_mean_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
