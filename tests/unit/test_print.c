/* The effective configuration as text: complete, without secrets, the same once it is read again; findings, summary. */
/* links: fake_parts.c config_files.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "bridge/bytes.h"
#include "bridge/config/parse.h"
#include "tests/unit/config_files.h"

/* Renders what was loaded last; the buffer is the caller's. */
static struct buf render(const struct config *c)
{
	struct buf out = { 0 };

	config_render(c, &out);
	buf_add(&out, "", 1);
	return out;
}

static void assert_same_again(const char *text)
{
	struct buf first, second;

	first = render(load(text));
	assert_not_found(FINDING_ERROR, "");
	second = render(load(first.p));
	assert_clean();
	assert_string_equal(first.p, second.p);
	buf_free(&first);
	buf_free(&second);
}

static void assert_printed(const char *text, const char *expected)
{
	struct buf out = render(load(text));

	if (!strstr(out.p, expected))
		fail_msg("\"%s\" is not in:\n%s", expected, out.p);
	buf_free(&out);
}

static void assert_not_printed(const char *text, const char *unwanted)
{
	struct buf out = render(load(text));

	if (strstr(out.p, unwanted))
		fail_msg("\"%s\" is in:\n%s", unwanted, out.p);
	buf_free(&out);
}

static void every_setting_of_the_process_is_printed_with_its_value(void **state)
{
	(void)state;
	assert_printed(BRIDGE,
	    "apiVersion: bridge/v1\nkind: Bridge\nmetadata:\n  name: shop\n"
	    "spec:\n  function:\n    address: 127.0.0.1:8080\n"
	    "    protocol: http\n    format: binary\n    endpointConcurrency: 64\n"
	    "    adaptiveConcurrency: false\n    timeout: 1m\n    bufferEvents: 1024\n    bufferBytes: 16Mi\n"
	    "    bindingOptionsTimeout: 3s\n    tokenEnv: APP_API_TOKEN\n    tls:\n      skipVerify: false\n"
	    "  dapr:\n    httpPort: 3500\n    listen: 127.0.0.1\n  admin:\n"
	    "    port: 9090\n    listen: 127.0.0.1\n"
	    "  scaler:\n    port: 0\n    listen: 127.0.0.1\n"
	    "  drainTimeout: 5s\n  log:\n    level: info\n    json: false\n");
	assert_printed("apiVersion: bridge/v1\nkind: Bridge\nmetadata: {name: x}\n"
		       "spec: {function: {tls: {ca: /a, key: /k, cert: /c}}}\n",
	    "    tls:\n      ca: /a\n      cert: /c\n      key: /k\n      skipVerify: false\n  dapr:\n");
}

static void every_row_of_a_component_is_printed_written_or_not(void **state)
{
	(void)state;
	assert_printed(BRIDGE COMPONENT("ps", "PubSub.Kafka") BROKERS
	    "  - {name: groupId, value: g}\n  - {name: allowedTopics, value: 'a,b'}\n"
	    "  - {name: retryMaxAttempts, value: 3}\n",
	    "  name: ps\nspec:\n  type: pubsub.kafka\n  version: v1\n"
	    "  ignoreErrors: false\n  initTimeout: 5s\n  metadata:\n"
	    "    - name: allowedTopics\n      value: \"a,b\"\n    - name: brokers\n"
	    "      value: \"b:1\"\n    - name: consumerGroup\n      value: \"g\"\n"
	    "    - name: pollInterval\n      value: \"100ms\"\n    - name: fetchSize\n"
	    "      value: \"1Mi\"\n    - name: skipVerify\n      value: \"false\"\n"
	    "    - name: initialOffset\n      value: \"newest\"\n    - name: retryMaxAttempts\n      value: \"3\"\n");
	assert_printed(BRIDGE
	    "---\napiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: x}\nspec: {type: pubsub.source}\n",
	    "  metadata:\n    []\n");
}

static void a_subscription_is_printed_with_its_folded_policy(void **state)
{
	(void)state;
	assert_printed(BRIDGE COMPONENT("ps", "pubsub.kafka") BROKERS
	    "  - {name: consumeRetryEnabled, value: 'false'}\n" SUBSCRIPTION(
		"s", "ps", "t") "  deadLetterTopic: d\n  metadata: {rawPayload: 'true', backOffDuration: 250}\n",
	    "kind: Subscription\nmetadata:\n  name: s\nspec:\n  pubsubname: ps\n"
	    "  topic: t\n  routes:\n    default: /t\n  deadLetterTopic: d\n"
	    "  metadata:\n    rawPayload: \"true\"\n    order: \"partition\"\n"
	    "    maxInFlight: \"0\"\n    maxPerSecond: \"0\"\n    deliveryTimeout: \"0s\"\n"
	    "    retryMaxAttempts: \"1\"\n    retryMaxAge: \"0s\"\n"
	    "    retryInitialInterval: \"250ms\"\n    retryMaxInterval: \"250ms\"\n"
	    "    onExhausted: \"park\"\n");
	assert_printed(BRIDGE COMPONENT("in", "bindings.kafka") BROKERS
	    "  - {name: topics, value: t}\n  - {name: backOffMaxRetries, value: 3}\n",
	    "    - name: retryMaxAttempts\n      value: \"4\"\n");
}

static void what_is_printed_reads_again_to_the_same(void **state)
{
	static const char *const policies[] = { "", "  - {name: consumeRetryEnabled, value: 'no'}\n",
		"  - {name: deadLetterTopic, value: d}\n",
		"  - {name: backOffPolicy, value: exponential}\n  - {name: backOffMaxRetries, value: 2}\n",
		"  - {name: deadLetterTopic, value: d}\n"
		"  - {name: retryMaxAge, value: 90s}\n  - {name: order, value: none}\n",
		"  - {name: deadLetterComponent, value: out}\n"
		"  - {name: onExhausted, value: drop}\n  - {name: retryInitialInterval, value: 2m}\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(policies) / sizeof(*policies); i++) {
		char text[4000];

		snprintf(text, sizeof(text), "%s%s%s%s%s%s%s", BRIDGE COMPONENT("ps", "pubsub.kafka") BROKERS,
		    policies[i],
		    SUBSCRIPTION("s", "ps", "t") "  metadata: {maxInFlight: 5, valueSchemaType: Avro}\n" COMPONENT("in",
			"bindings.kafka") BROKERS "  - {name: topics, value: 'a, b'}\n"
						  "  - {name: direction, value: input}\n  - {name: route, value: x}\n"
						  "  - {name: saslPassword, value: hunter2}\n",
		    policies[i],
		    "---\napiVersion: dapr.io/v1alpha1\nkind: Component\n"
		    "metadata: {name: out}\nspec: {type: bindings.sink, initTimeout: 90}\n" COMPONENT(
			"probed", "bindings.kafka") BROKERS "  - {name: topics, value: c}\n",
		    policies[i],
		    COMPONENT("st", "state.redis") "  metadata:\n"
						   "  - {name: redisPassword, value: hunter2}\n");
		assert_same_again(text);
	}
	assert_same_again("");
}

static void texts_that_yaml_would_misread_are_quoted(void **state)
{
	(void)state;
	assert_same_again(BRIDGE COMPONENT("\"null\"", "pubsub.source") COMPONENT("'- a: b'", "pubsub.source")
		COMPONENT("\"---\"", "pubsub.source") COMPONENT("'~'", "pubsub.source")
		    COMPONENT("\"a\\nb\\t\\\"c\\\\ \\x85\\u2028\\ufeff\\U0001F600 \xc3\xa9\"", "pubsub.source")
			COMPONENT("'#x'", "pubsub.source") COMPONENT("'a:'", "pubsub.source"));
	assert_printed(BRIDGE COMPONENT("\"null\"", "pubsub.source"), "  name: \"null\"\n");
	assert_printed(BRIDGE COMPONENT("\"a\\nb\"", "pubsub.source"), "  name: \"a\\x0ab\"\n");
	assert_printed(BRIDGE COMPONENT("ps", "pubsub.kafka") BROKERS "  - {name: url, value: \"caf\xc3\xa9\"}\n",
	    "value: \"caf\xc3\xa9\"\n");
}

static void secrets_are_not_printed(void **state)
{
	static const char text[] = BRIDGE COMPONENT("ps", "pubsub.kafka") BROKERS
	    "  - {name: saslPassword, value: hunter2}\n"
	    "  - {name: url, value: 'mqtt://user:hunter2@host:1883/x'}\n" COMPONENT(
		"st", "state.redis") "  metadata:\n  - {name: redisPassword, value: hunter2}\n";

	(void)state;
	assert_not_printed(text, "hunter2");
	assert_printed(text, "    - name: saslPassword\n      value: \"<secret>\"\n");
	assert_printed(text, "value: \"mqtt://user:<secret>@host:1883/x\"\n");
	assert_printed(BRIDGE COMPONENT("ps", "pubsub.kafka") BROKERS "  - {name: url, value: 'http://host:80/a@b'}\n",
	    "value: \"http://host:80/a@b\"\n");
	assert_printed(text, "  # listed only: its metadata is not read here\n");
}

/* What a function writes to a standard stream. */
static void capture(int fd, void (*fn)(const struct config *), const struct config *c, char *text, size_t size)
{
	FILE *to = tmpfile();
	int kept = dup(fd);
	size_t n;

	fflush(NULL);
	assert_true(dup2(fileno(to), fd) >= 0);
	fn(c);
	fflush(NULL);
	dup2(kept, fd);
	close(kept);
	rewind(to);
	n = fread(text, 1, size - 1, to);
	text[n] = '\0';
	fclose(to);
}

static void print_all(const struct config *c)
{
	config_print_findings(c, true);
}

static void print_without_notes(const struct config *c)
{
	config_print_findings(c, false);
}

static void findings_are_printed_in_order_with_their_places(void **state)
{
	char text[4096], path[256], expected[4096];

	(void)state;
	load(BRIDGE COMPONENT("c", "bindings.nats") COMPONENT("d", "state.x")
		COMPONENT("e", "pubsub.source") "  metadata:\n  - {name: x, value: y}\n");
	snprintf(path, sizeof(path), "%s", files_path("a.yaml"));
	snprintf(expected, sizeof(expected),
	    "%s:11:9: component \"c\": type \"bindings.nats\" is not part of this version", path);
	capture(STDERR_FILENO, print_all, load_with((const char *const[]){ "--config=%", NULL }), text, sizeof(text));
	assert_memory_equal(text, expected, strlen(expected));
	snprintf(expected, sizeof(expected), "\n%s:18:9: note: component \"d\"", path);
	assert_non_null(strstr(text, expected));
	snprintf(expected, sizeof(expected), "\n%s:28:22: warning: x: not known to pubsub.source, ignored\n", path);
	assert_non_null(strstr(text, expected));
	capture(STDERR_FILENO, print_without_notes, load_with((const char *const[]){ "--config=%", NULL }), text,
	    sizeof(text));
	assert_null(strstr(text, "note:"));
	assert_non_null(strstr(text, "warning:"));
	capture(STDERR_FILENO, print_without_notes, load_with((const char *const[]){ "--config=%/none", NULL }), text,
	    sizeof(text));
	assert_non_null(strstr(text, "/none: No such file"));
	capture(STDERR_FILENO, print_without_notes, load(""), text, sizeof(text));
	assert_non_null(strstr(text, "command line: warning: no app id"));
}

static void the_last_line_counts(void **state)
{
	char text[512];

	(void)state;
	capture(STDERR_FILENO, config_print_summary,
	    load(BRIDGE COMPONENT("ps", "pubsub.kafka") BROKERS SUBSCRIPTION("s", "ps", "t")), text, sizeof(text));
	assert_string_equal(text, "ok: 1 component, 1 subscription\n");
	capture(STDERR_FILENO, config_print_summary, load(COMPONENT("a", "pubsub.x") COMPONENT("b", "pubsub.y")), text,
	    sizeof(text));
	assert_string_equal(text, "2 errors, 1 warning\n");
	capture(STDERR_FILENO, config_print_summary, load(BRIDGE), text, sizeof(text));
	assert_string_equal(text, "ok: 0 components, 0 subscriptions\n");
	capture(STDOUT_FILENO, config_print, load(BRIDGE), text, sizeof(text));
	assert_memory_equal(text, "apiVersion: bridge/v1\nkind: Bridge\n", 35);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, files_setup, files_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_setting_of_the_process_is_printed_with_its_value),
		TEST(every_row_of_a_component_is_printed_written_or_not),
		TEST(a_subscription_is_printed_with_its_folded_policy),
		TEST(what_is_printed_reads_again_to_the_same),
		TEST(texts_that_yaml_would_misread_are_quoted),
		TEST(secrets_are_not_printed),
		TEST(findings_are_printed_in_order_with_their_places),
		TEST(the_last_line_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
