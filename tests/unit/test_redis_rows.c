/* Rows of Redis that do not fit together are told apart by name, and so is what this version does not do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "bridge/error.h"
#include "bridge/option.h"
#include "connectors/connectors.h"
#include "connectors/redis.h"

/* NULL: fine.  Else what was said, valid until the next call. */
static const char *checked(const char *const *rows)
{
	static struct error err;
	struct redis r = { 0 };
	struct setting settings[10];
	unsigned n = 0;

	for (; rows[2 * n]; n++)
		settings[n] = (struct setting){ .name = rows[2 * n], .value = rows[2 * n + 1] };
	if (option_parse(redis_class.options, &r, settings, n, NULL, &err) == 0 &&
	    redis_class.check(&r.base, &err) == 0)
		return NULL;
	return err.text;
}

#define CHECKED(...) checked((const char *const[]){ __VA_ARGS__, NULL })

static void refuses(const char *said, const char *expected)
{
	if (!said || !strstr(said, expected))
		fail_msg("%s: expected %s", said ? said : "it was taken", expected);
}

static void what_dapr_writes_is_taken(void **state)
{
	(void)state;
	assert_null(CHECKED("redisHost", "redis:6379", "redisPassword", "", "consumerID", "shop"));
	assert_null(CHECKED(
	    "redisHost", "redis", "processingTimeout", "60000", "redeliverInterval", "15000", "readTimeout", "-1"));
	assert_null(CHECKED("redisHost", "a:1,b:2", "failover", "true", "sentinelMasterName", "m"));
	assert_null(CHECKED("redisHost", "r", "concurrency", "20", "poolSize", "5", "redisMaxRetries", "-1",
	    "redisMinRetryInterval", "-1"));
}

static void bare_numbers_are_milliseconds(void **state)
{
	struct setting settings[] = { { .name = "redisHost", .value = "r" },
		{ .name = "processingTimeout", .value = "1500" }, { .name = "redeliverInterval", .value = "2s" } };
	struct redis r = { 0 };
	struct error err;

	(void)state;
	assert_int_equal(option_parse(redis_class.options, &r, settings, 3, NULL, &err), 0);
	assert_int_equal(r.rows.processing_ms, 1500);
	assert_int_equal(r.rows.redeliver_ms, 2000);
}

static void what_is_not_there_is_refused_with_a_word(void **state)
{
	(void)state;
	refuses(CHECKED("redisHost", "r", "redisType", "cluster"), "redisType: cluster is not part of this version");
	refuses(CHECKED("redisHost", "r", "useAzureAD", "true"), "useEntraID: expected redisUsername");
	refuses(CHECKED("redisHost", "r", "useOIDC", "true"), "useOIDC: expected redisUsername");
}

static void what_does_not_fit_together_is_refused(void **state)
{
	(void)state;
	refuses(CHECKED("redisHost", "r", "failover", "true"), "sentinelMasterName: failover without it");
	refuses(CHECKED("redisHost", "a:1,b:2"), "redisHost: a list of servers");
	refuses(CHECKED("redisHost", "r", "redisUsername", "u"), "redisUsername: without redisPassword");
	refuses(
	    CHECKED("redisHost", "r", "maxLenApprox", "5", "streamTTL", "5s"), "streamTTL: together with maxLenApprox");
	refuses(CHECKED("redisPort", "1"), "redisHost");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_dapr_writes_is_taken),
		cmocka_unit_test(bare_numbers_are_milliseconds),
		cmocka_unit_test(what_is_not_there_is_refused_with_a_word),
		cmocka_unit_test(what_does_not_fit_together_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
