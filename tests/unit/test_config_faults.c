/* What is wrong in a configuration: each fault says where, what, and what was expected. */
/* links: fake_parts.c config_files.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/unit/config_files.h"

static void assert_fault(const char *text, const char *expected)
{
	const struct config *c = load(text);

	assert_found(FINDING_ERROR, expected);
	assert_true(c->n_errors > 0);
}

static void assert_warned(const char *text, const char *expected)
{
	const struct config *c = load(text);

	assert_found(FINDING_WARNING, expected);
	assert_int_equal(c->n_errors, 0);
}

static void assert_bridge_fault(const char *spec, const char *expected)
{
	char text[2000];

	snprintf(text, sizeof(text), "apiVersion: bridge/v1\nkind: Bridge\nmetadata: {name: shop}\nspec:\n%s", spec);
	assert_fault(text, expected);
}

static void the_process_has_strict_keys_with_a_suggestion(void **state)
{
	(void)state;
	assert_bridge_fault("  functoin: {address: a}\n",
	    "a.yaml:5:3: functoin is not a setting of kind Bridge, did you mean \"function\"?");
	assert_bridge_fault("  function:\n    adress: a:1\n",
	    "a.yaml:6:5: function.adress is not a setting of kind Bridge, did you mean \"function.address\"?");
	assert_bridge_fault("  function: {tls: {caa: x}}\n", "did you mean \"function.tls.ca\"?");
	assert_bridge_fault(
	    "  frobnicate: 1\n", "a.yaml:5:3: frobnicate is not a setting of kind Bridge, expected one of those in");
	assert_bridge_fault("  metadata: {name: x}\n", "metadata is not a setting");
	assert_bridge_fault("  function: 5\n", "a.yaml:5:13: function: a text, expected a map");
	assert_bridge_fault("  function: [a]\n", "function: a list, expected a map");
	assert_bridge_fault("  function: {address: [a]}\n", "a.yaml:5:14: function.address: a list, expected a text");
	assert_bridge_fault("  drainTimeout: {a: b}\n", "drainTimeout: a map, expected a text");
	assert_bridge_fault("  a: {b: {c: {d: {e: {f: 1}}}}}\n", "a is not a setting");
	assert_fault("apiVersion: bridge/v1\nkind: Bridge\nmetdata: {name: x}\n",
	    "a.yaml:3:1: metdata: not a key of kind Bridge, did you mean \"metadata\"?");
	assert_fault("apiVersion: bridge/v1\nkind: Bridge\nspec: [a]\n", "spec: a list, expected a map");
	assert_fault("apiVersion: bridge/v2\nkind: Bridge\n",
	    "a.yaml:1:13: apiVersion \"bridge/v2\" is not known, expected bridge/v1");
	assert_fault("apiVersion: bridge/v1\nkind: Brigde\n",
	    "no kind \"Brigde\" in bridge/v1, expected Bridge, did you mean \"Bridge\"?");
	assert_fault("apiVersion: bridge/v1\nkind: Bridge\nspec:\n  drainTimeout: 1s\n  drainTimeout: 2s\n",
	    "a.yaml:5:3: drainTimeout is given twice, first in line 4, expected once");
	assert_fault(
	    "apiVersion: bridge/v1\nkind: Bridge\nspec: &x\n  drainTimeout: 1s\n  <<: *x\n", "inside its own anchor");
	assert_fault("apiVersion: bridge/v1\nkind: Bridge\nmetadata: &x {name: a}\nspec:\n  <<: *x\n",
	    "a.yaml:5:3: merge keys (<<) are not read");
}

static void values_of_the_process_are_checked(void **state)
{
	(void)state;
	assert_bridge_fault("  function: {endpointConcurrency: many}\n",
	    "a.yaml:5:35: function.endpointConcurrency: \"many\" is not a whole number, expected digits");
	assert_bridge_fault("  function: {endpointConcurrency: 0}\n", "out of range, expected 1 to");
	assert_bridge_fault("  function: {address: somewhere}\n", "a.yaml:5:23: function.address: ");
	assert_bridge_fault("  function: {timeout: soon}\n", "not a duration");
	assert_bridge_fault("  admin: {listen: localhost}\n",
	    "a.yaml:5:19: admin.listen: \"localhost\" is not an IP address, expected");
	assert_bridge_fault(
	    "  dapr: {listen: '127.0.0.1:3500'}\n", "dapr.listen: \"127.0.0.1:3500\" is not an IP address");
	assert_bridge_fault(
	    "  function: {tls: {cert: a.pem}}\n", "function.tls.cert without function.tls.key, expected both or none");
	assert_bridge_fault("  function: {tls: {key: a.pem}}\n", "function.tls.key without function.tls.cert");
	files_write("a.yaml", "");
	load_with((const char *const[]){ "--app-port=80", "--app-channel-address=a b", "--config=%/a.yaml", NULL });
	assert_found(FINDING_ERROR, "command line:0:0: function.address: ");
	load_with((const char *const[]){ "--metrics-listen-address=x", "--config=%/a.yaml", NULL });
	assert_found(FINDING_ERROR, "command line:0:0: admin.listen: \"x\" is not an IP address");
}

static void what_the_scaler_needs_together_is_asked_for(void **state)
{
	(void)state;
	assert_bridge_fault("  scaler: {port: 9191, listen: here}\n", "scaler.listen: \"here\" is not an IP address");
	assert_bridge_fault(
	    "  scaler: {tls: {cert: /c}}\n", "scaler.tls.cert without scaler.tls.key, expected both or none");
	assert_bridge_fault(
	    "  scaler: {tls: {key: /k}}\n", "scaler.tls.key without scaler.tls.cert, expected both or none");
	assert_bridge_fault(
	    "  scaler: {tls: {clientCa: /a}}\n", "scaler.tls.clientCa without scaler.tls.cert, expected a certificate");
}

static void what_comes_later_is_refused_with_a_word(void **state)
{
	static const char *const later[] = { "http", "store", "triggers" };

	(void)state;
	for (size_t i = 0; i < sizeof(later) / sizeof(*later); i++) {
		char spec[64], expected[64];

		snprintf(spec, sizeof(spec), "  %s: {port: 1}\n", later[i]);
		snprintf(expected, sizeof(expected), "a.yaml:5:3: %s is not part of this version", later[i]);
		assert_bridge_fault(spec, expected);
	}
	assert_bridge_fault("  dapr: {grpcPort: 50001}\n", "dapr.grpcPort is not part of this version");
	assert_bridge_fault("  function: {protocol: grpc}\n",
	    "a.yaml:5:24: function.protocol: grpc is not part of this version, expected http or plain");
	assert_bridge_fault("  function: {protocol: smtp}\n",
	    "function.protocol: \"smtp\" is not a word for this, expected http or plain");
}

static void a_component_type_must_be_one_we_have(void **state)
{
	(void)state;
	assert_fault(COMPONENT("c", "bindings.kafak"),
	    "a.yaml:6:9: component \"c\": type \"bindings.kafak\" is not part of this version, did you mean "
	    "\"bindings.kafka\"? (expected bindings.kafka, pubsub.kafka");
	assert_fault(COMPONENT("c", "bindings.nats"), "type \"bindings.nats\" is not part of this version");
	assert_fault(COMPONENT("c", "pubusb.kafka"),
	    "has no category of Dapr's, expected such as pubsub.kafka, did you mean \"pubsub\"?");
	assert_fault(COMPONENT("c", "kafka"), "has no category of Dapr's");
	assert_fault(COMPONENT("c", "state."), "has no category of Dapr's");
	assert_fault(COMPONENT("c", ""), "component \"c\": no spec.type, expected such as pubsub.kafka");
	assert_fault(COMPONENT("", "pubsub.kafka"), "a.yaml:2:1: no metadata.name, expected the name of the component");
	assert_fault(COMPONENT("c", "[a]"), "a.yaml:6:9: type: a list, expected a text");
	assert_warned(COMPONENT("c", "pubsub.source") "  ignoreErrors: false\n---\n" COMPONENT(
			  "d", "bindings.nats") "  ignoreErrors: true\n",
	    "left out, as ignoreErrors says");
	assert_warned("apiVersion: dapr.io/v1alpha1\nkind: Component\n"
		      "metadata: {name: c}\nspec: {type: pubsub.source, version: v9}\n",
	    "version v9 of pubsub.source is not known, read as v1");
	assert_fault(COMPONENT("c", "pubsub.source") "  ignoreErrors: perhaps\n",
	    "a.yaml:8:17: ignoreErrors: \"perhaps\" is neither yes nor no");
	assert_warned(
	    COMPONENT("c", "pubsub.source") "  initTimeout: soon\n", "initTimeout: \"soon\" is not a duration");
}

static void settings_of_a_component_are_checked_all_of_them(void **state)
{
	(void)state;
	assert_fault(COMPONENT("c", "pubsub.kafka") BROKERS
	    "  - {name: pollInterval, value: soon}\n  - {name: order, value: any}\n",
	    "a.yaml:10:33: pollInterval: \"soon\" is not a duration");
	assert_found(
	    FINDING_ERROR, "a.yaml:11:26: order: \"any\" is not a word for this, expected partition, key or none");
	assert_fault(COMPONENT("c", "pubsub.kafka"),
	    "a.yaml:2:1: pubsub.kafka: brokers is missing, expected the comma list of host:port");
	assert_fault(COMPONENT("c", "pubsub.kafka") "  metadata: [{name: brokers, value: ''}]\n", "brokers is missing");
	assert_warned(COMPONENT("c", "pubsub.kafka") BROKERS "  - {name: consumrGroup, value: x}\n",
	    "a.yaml:10:33: consumrGroup: not known to pubsub.kafka, ignored, did you mean \"consumerGroup\"?");
	assert_warned(COMPONENT("c", "pubsub.kafka") BROKERS "  - {name: retryMaxAtempts, value: x}\n",
	    "did you mean \"retryMaxAttempts\"?");
	assert_warned(COMPONENT("c", "pubsub.kafka") BROKERS "  - {name: BROKERS, value: 'c:1'}\n",
	    "a.yaml:10:28: BROKERS is given twice, first in line 9: the last one counts");
	assert_fault(COMPONENT("c", "pubsub.kafka") "  metadata: {brokers: b}\n",
	    "a.yaml:8:13: metadata: a map, expected a list");
	assert_fault(COMPONENT("c", "pubsub.kafka") "  metadata: [a, {value: b}, {name: c, value: [d]}]\n",
	    "metadata: a text, expected a map with name");
	assert_found(FINDING_ERROR, "metadata: an entry without a name, expected a map with name and value");
	assert_found(FINDING_ERROR, "a.yaml:8:46: c: a list, expected a text");
	load(COMPONENT("c", "pubsub.kafka") BROKERS
	    "  - {name: direction, value: x}\n  - {name: publishingScopes, value: ''}\n"
	    "  - {name: deadLetterTopic, value: y}\n  - {name: consumerID, value: z}\n");
	assert_not_found(FINDING_WARNING, "not known");
}

static void references_that_lead_nowhere_are_faults(void **state)
{
	(void)state;
	assert_fault(COMPONENT("c", "pubsub.kafka") BROKERS "  - name: saslPassword\n    secretKeyRef: {name: a}\n",
	    "a.yaml:11:5: saslPassword: no secret store, expected auth.secretStore, or secrets.path");
	assert_fault(COMPONENT("c", "pubsub.kafka") BROKERS "  - {name: url, envRef: BRIDGE_NOT_SET}\n",
	    "a.yaml:10:17: url: environment variable BRIDGE_NOT_SET is not set");
	load(COMPONENT("c", "pubsub.kafka") BROKERS
	    "  - {name: url, value: x, envRef: URL}\n"); /* a value wins, as in Dapr */
	assert_not_found(FINDING_ERROR, "url");
	load("metadata: {name: c}\n" COMPONENT("c", "pubsub.kafka") BROKERS
	    "  - {name: url, envRef: BRIDGE_NOT_SET}\nscopes: [other]\n");
	assert_not_found(FINDING_ERROR, "url");
	assert_warned(COMPONENT("c", "pubsub.kafka") "  ignoreErrors: true\n" BROKERS
						     "  - {name: url, envRef: BRIDGE_NOT_SET}\n",
	    "component \"c\" is left out, as ignoreErrors says");
}

static void a_secret_is_not_repeated_in_a_fault(void **state)
{
	(void)state;
	setenv("NAMESPACE", "x", 1);
	assert_fault(COMPONENT("c", "pubsub.kafka") BROKERS "  - {name: saslPassword, value: 'hunter2{podName}'}\n",
	    "saslPassword: {podName} is not known, expected it in the environment variable POD_NAME");
	assert_not_found(FINDING_ERROR, "hunter2");
	unsetenv("NAMESPACE");
}

static void two_resources_of_one_name_are_both_named(void **state)
{
	(void)state;
	files_write("b.yaml", COMPONENT("c", "pubsub.source"));
	files_write("a.yaml", COMPONENT("c", "pubsub.kafka") BROKERS SUBSCRIPTION("c", "c", "t"));
	load_with((const char *const[]){ "--config=%", NULL });
	assert_found(FINDING_ERROR, "b.yaml:2:1: component \"c\" (pubsub.source/v1) is there twice, first at ");
	assert_found(FINDING_ERROR, "a.yaml:2:1 (pubsub.kafka/v1), expected different names");
	assert_fault(COMPONENT("c", "pubsub.kafka") BROKERS SUBSCRIPTION("s", "c", "t") SUBSCRIPTION("s", "c", "t"),
	    "subscription \"s\" (t/c) is there twice");
}

static void a_subscription_must_have_its_component(void **state)
{
	(void)state;
	assert_fault(COMPONENT("ps", "pubsub.source") SUBSCRIPTION("s", "pz", "t"),
	    "a.yaml:13:15: subscription \"s\": no component \"pz\", did you mean \"ps\"?");
	assert_fault(SUBSCRIPTION("s", "x", "t"), "no component \"x\", expected the name of one that is loaded");
	assert_fault(COMPONENT("c", "state.redis") SUBSCRIPTION("s", "c", "t"),
	    "component \"c\" of type state.redis has no topics to read, expected a pubsub");
	assert_fault(COMPONENT("c", "bindings.source") SUBSCRIPTION("s", "c", "t"),
	    "component \"c\" of type bindings.source has no topics to read");
	assert_warned(COMPONENT("c", "pubsub.nats") "  ignoreErrors: true\n" SUBSCRIPTION("s", "c", "t"),
	    "subscription \"s\" is left out: component \"c\" is left out");
	assert_fault("apiVersion: dapr.io/v1alpha1\nkind: Subscription\nmetadata: {name: s}\nspec: {topic: t}\n",
	    "subscription \"s\": no spec.pubsubname");
	assert_fault("apiVersion: dapr.io/v1alpha1\nkind: Subscription\nmetadata: {name: s}\nspec: {pubsubname: p}\n",
	    "subscription \"s\": no spec.topic");
}

static void what_a_subscription_cannot_do_yet_is_said(void **state)
{
	(void)state;
	assert_fault(COMPONENT("ps", "pubsub.source") "---\napiVersion: dapr.io/v2alpha1\nkind: Subscription\n"
						      "metadata: {name: s}\nspec: {pubsubname: ps, "
						      "topic: t, routes: {default: /t, rules: "
						      "[{match: 'event.type == \"a\"', path: /a}]}}\n",
	    "routes.rules with a match are not part of this version, expected routes.default alone");
	assert_warned(COMPONENT("ps", "pubsub.source") SUBSCRIPTION("s", "ps", "t") "  bulkSubscribe: "
										    "{enabled: true}\n",
	    "a.yaml:16:3: bulkSubscribe is not part of this version: events are delivered one by one");
	assert_warned(
	    COMPONENT(
		"ps", "pubsub.source") "---\napiVersion: dapr.io/v1alpha1\nkind: Subscription\nmetadata: {name: s}\n"
				       "spec: {pubsubname: ps, topic: t, routes: {default: /t}}\n",
	    "routes: not a key of a v1alpha1 Subscription's spec, ignored");
	assert_found(FINDING_WARNING, "subscription \"s\" is left out: it has no route");
	assert_warned(COMPONENT("ps", "pubsub.source")
			  SUBSCRIPTION("s", "ps", "t") "  metadata: {retryMaxAge: 1h, something: x}\n",
	    "something: not known to pubsub.source, ignored");
	assert_fault(COMPONENT("ps", "pubsub.source") SUBSCRIPTION("s", "ps", "t") "  metadata: "
										   "{rawPayload: perhaps}\n",
	    "rawPayload: \"perhaps\"");
	assert_fault(COMPONENT("ps", "pubsub.source") SUBSCRIPTION("s", "ps", "t") "  metadata: {retryMaxAge: often}\n",
	    "a.yaml:16:27: retryMaxAge: \"often\"");
	assert_fault(COMPONENT("ps", "pubsub.source") SUBSCRIPTION("s", "ps", "t") "  metadata: [a]\n",
	    "metadata: a list, expected a map");
	assert_fault(COMPONENT("ps", "pubsub.source") SUBSCRIPTION("s", "ps", "t") "  metadata: {a: {b: c}}\n",
	    "a: a map, expected a text");
}

static void a_dead_letter_place_must_be_there_and_writable(void **state)
{
	(void)state;
	assert_fault(COMPONENT("ps", "pubsub.source") SUBSCRIPTION("s", "ps", "t") "  deadLetterTopic: d\n",
	    "a.yaml:16:20: deadLetterTopic: component \"ps\" of type pubsub.source cannot be written to");
	assert_fault(COMPONENT("ps", "pubsub.source") SUBSCRIPTION(
			 "s", "ps", "t") "  metadata: "
					 "{deadLetterComponent: sinc}\n" COMPONENT("sink", "bindings.sink"),
	    "deadLetterComponent: no component \"sinc\", did you mean \"sink\"?");
	load(BRIDGE COMPONENT("ps", "pubsub.source")
		SUBSCRIPTION("s", "ps", "t") "  metadata: "
					     "{deadLetterComponent: sink}\n" COMPONENT("sink", "bindings.sink"));
	assert_clean();
	assert_fault(COMPONENT("ps", "pubsub.source")
			 SUBSCRIPTION("s", "ps", "t") "  metadata: "
						      "{deadLetterComponent: st}\n" COMPONENT("st", "state.x"),
	    "component \"st\" of type state.x cannot be written to");
	assert_fault(COMPONENT("ps", "pubsub.kafka") BROKERS
	    "  - {name: onExhausted, value: park}\n" SUBSCRIPTION("s", "ps", "t"),
	    "a.yaml:10:32: onExhausted: park without a place to park, expected deadLetterTopic or deadLetterComponent");
}

static void a_direction_must_be_possible(void **state)
{
	(void)state;
	assert_fault(COMPONENT("c", "bindings.kafka") BROKERS "  - {name: direction, value: input}\n",
	    "a.yaml:10:30: direction: input without topics, expected the topics to read");
	assert_fault(COMPONENT("c", "bindings.kafka") BROKERS "  - {name: direction, value: inwards}\n",
	    "direction: \"inwards\" is not known, expected");
	assert_fault(COMPONENT("c", "bindings.sink") "  metadata: [{name: direction, value: input}]\n",
	    "direction: a bindings.sink cannot be read, expected output");
}

static void daprs_kinds_are_tolerant_with_a_warning(void **state)
{
	(void)state;
	assert_warned(COMPONENT("c", "pubsub.source") "  version: v1\n  frob: 1\nscope: [a]\n",
	    "a.yaml:9:3: frob: not a key of a Component's spec, ignored");
	assert_found(FINDING_WARNING, "a.yaml:8:3: version is given twice, first in line 7: the last one counts");
	assert_found(
	    FINDING_WARNING, "a.yaml:10:1: scope: not a key of kind Component, ignored, did you mean \"scopes\"?");
	assert_warned(
	    "kind: Component\n", "a.yaml:1:1: no apiVersion, expected such as dapr.io/v1alpha1 and Component: ignored");
	assert_warned("apiVersion: dapr.io/v1alpha1\n", "no kind, expected");
	assert_warned("apiVersion: dapr/v1\nkind: Component\n",
	    "Component of apiVersion \"dapr/v1\" is ignored, expected dapr.io/v1alpha1");
	assert_warned("apiVersion: dapr.io/v1alpha1\nkind: Compnent\n",
	    "kind \"Compnent\" of dapr.io/v1alpha1 is ignored, did you mean \"Component\"?");
	assert_fault("[a, b]\n", "a.yaml:1:1: a list, expected a map with apiVersion and kind");
	assert_fault("hello\n", "a.yaml:1:1: a text, expected a map");
	assert_fault(COMPONENT("c", "pubsub.source") "scopes: shop\n", "scopes: a text, expected a list");
	assert_fault(COMPONENT("c", "pubsub.source") "scopes: [[a]]\n", "scopes: a list in the list, expected texts");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, files_setup, files_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_process_has_strict_keys_with_a_suggestion),
		TEST(values_of_the_process_are_checked),
		TEST(what_comes_later_is_refused_with_a_word),
		TEST(what_the_scaler_needs_together_is_asked_for),
		TEST(a_component_type_must_be_one_we_have),
		TEST(settings_of_a_component_are_checked_all_of_them),
		TEST(references_that_lead_nowhere_are_faults),
		TEST(a_secret_is_not_repeated_in_a_fault),
		TEST(two_resources_of_one_name_are_both_named),
		TEST(a_subscription_must_have_its_component),
		TEST(what_a_subscription_cannot_do_yet_is_said),
		TEST(a_dead_letter_place_must_be_there_and_writable),
		TEST(a_direction_must_be_possible),
		TEST(daprs_kinds_are_tolerant_with_a_warning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
