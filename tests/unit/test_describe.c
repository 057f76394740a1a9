/* What `bridge check` says of each subscription: what is read, where it goes, its order, when done, where parked. */
/* links: fake_parts.c config_files.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "bridge/bytes.h"
#include "bridge/config/parse.h"
#include "tests/unit/config_files.h"

#define INPUT "  - {name: topics, value: 'a,b'}\n  - {name: direction, value: input}\n"

static void assert_described(const char *text, bool color, const char *expected)
{
	struct buf out = { 0 };

	config_describe(load(text), color, &out);
	buf_add(&out, "", 1);
	if (!strstr(out.p, expected))
		fail_msg("\"%s\" is not in:\n%s", expected, out.p);
	buf_free(&out);
}

static void a_binding_is_described_in_a_paragraph(void **state)
{
	(void)state;
	assert_described(BRIDGE COMPONENT("in", "bindings.kafka") BROKERS INPUT, false,
	    "in\n"
	    "  reads   kafka b:1, topics a,b, as group shop\n"
	    "  goes to POST 127.0.0.1:8080/in, as a Dapr input binding\n"
	    "  order   one after the other in a partition, partitions side by side; at most 64 in flight\n"
	    "  done    when the function answered 2xx; a failure is tried again after 100ms to 1m, without end\n"
	    "  parks   nowhere, holds what the function refuses; what is behind it in its order waits\n");
	assert_described(BRIDGE COMPONENT("in", "bindings.kafka") BROKERS "  - {name: topics, value: a}\n", false,
	    ", topic a, as group shop\n  goes to POST 127.0.0.1:8080/in, as a Dapr input binding, "
	    "if OPTIONS there says it wants them\n");
}

static void a_subscription_says_dapr_pubsub_and_its_own_limits(void **state)
{
	static const char text[] =
	    BRIDGE COMPONENT("ps", "pubsub.kafka") BROKERS "  - {name: consumerGroup, value: g}\n" SUBSCRIPTION(
		"s", "ps", "t") "  deadLetterTopic: d\n"
				"  metadata: {order: key, maxInFlight: '5', retryMaxAttempts: '3', retryMaxAge: 1h}\n";

	(void)state;
	assert_described(text, false, "s\n  reads   kafka b:1, topic t, as group g\n");
	assert_described(text, false, "POST 127.0.0.1:8080/t, as Dapr pub/sub\n");
	assert_described(text, false, "one after the other for a key, keys side by side; at most 5 in flight\n");
	assert_described(text, false, "2xx without RETRY or DROP; a failure is tried again after 100ms to 1m\n");
	assert_described(text, false, "in d of ps what the function refuses, or after 3 attempts or 1h\n");
}

static void what_loses_events_is_said_and_coloured(void **state)
{
	static const char text[] = BRIDGE COMPONENT("in", "bindings.kafka") BROKERS INPUT
	    "  - {name: onExhausted, value: drop}\n  - {name: retryMaxAttempts, value: 1}\n"
	    "  - {name: order, value: none}\n";

	(void)state;
	assert_described(text, false,
	    "  parks   nowhere, drops what the function refuses, or after the first failure: it is lost\n");
	assert_described(text, false, "a failure is tried again only if it cannot be reached\n");
	assert_described(text, false, "order   none, all side by side;");
	assert_described(text, true,
	    "\x1b[33mnowhere, drops what the function refuses, or after the first failure: it is lost\x1b[0m\n");
	assert_described(text, true, "\x1b[1min\x1b[0m\n");
}

static void plain_http_and_a_missing_function_are_said(void **state)
{
	static const char plain[] =
	    "apiVersion: bridge/v1\nkind: Bridge\nmetadata: {name: shop}\n"
	    "spec: {function: {address: 'f:1', protocol: plain, format: structured}}\n" COMPONENT(
		"in", "bindings.kafka") BROKERS INPUT;
	static const char none[] = "apiVersion: bridge/v1\nkind: Bridge\nmetadata: {name: shop}\n" COMPONENT(
	    "in", "bindings.kafka") BROKERS INPUT;

	(void)state;
	assert_described(plain, false, "POST f:1/in, as structured CloudEvents\n");
	assert_described(none, false, "goes to nowhere: no function address, so nothing is read\n");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, files_setup, files_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_binding_is_described_in_a_paragraph),
		TEST(a_subscription_says_dapr_pubsub_and_its_own_limits),
		TEST(what_loses_events_is_said_and_coloured),
		TEST(plain_http_and_a_missing_function_are_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
