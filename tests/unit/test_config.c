/* Loading a configuration: what is read from which file, for whom, and what becomes a subscription. */
/* links: fake_parts.c config_files.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include "bridge/bytes.h"
#include "tests/unit/config_files.h"

#define PUBSUB COMPONENT("ps", "pubsub.kafka") BROKERS
#define BINDING COMPONENT("orders", "bindings.kafka") BROKERS

static const char *value_of(const struct component_config *c, const char *name)
{
	for (unsigned i = 0; i < c->n_settings; i++)
		if (!strcasecmp(c->settings[i].name, name))
			return c->settings[i].value;
	return NULL;
}

static void an_empty_configuration_has_every_default(void **state)
{
	const struct config *c = load("");

	(void)state;
	assert_string_equal(c->functions->rows.app_id, "bridge");
	assert_null(c->functions->rows.address);
	assert_int_equal(c->functions->rows.protocol, PROTOCOL_HTTP);
	assert_int_equal(c->functions->rows.format, PLAIN_BINARY);
	assert_int_equal(c->functions->rows.endpoint_concurrency, 64);
	assert_int_equal(c->functions->rows.timeout_ms, 60000);
	assert_int_equal(c->functions->rows.buffer_events, 1024);
	assert_int_equal(c->functions->rows.buffer_bytes, 16 << 20);
	assert_int_equal(c->functions->rows.options_timeout_ms, 3000);
	assert_int_equal(c->functions->rows.dapr_http_port, 3500);
	assert_string_equal(c->functions->rows.dapr_listen, "127.0.0.1");
	assert_int_equal(c->process.admin_port, 9090);
	assert_string_equal(c->process.admin_listen, "127.0.0.1");
	assert_int_equal(c->process.drain_ms, 5000);
	assert_int_equal(c->process.log_level, 1);
	assert_false(c->process.log_json || c->functions->rows.skip_verify);
	assert_int_equal(c->n_errors, 0);
	assert_int_equal(c->functions->n_components, 0);
	assert_found(FINDING_WARNING, "command line:0:0: no app id");
}

static void the_bridge_tree_flattens_into_the_process_rows(void **state)
{
	const struct config *c = load(
	    "apiVersion: bridge/v1\nkind: Bridge\nmetadata: {name: shop}\nspec:\n  function:\n    address: 'unix:/f'\n"
	    "    protocol: plain\n    format: raw\n    timeout: 5\n"
	    "    endpointConcurrency: 3\n    bufferBytes: 1Gi\n    tls: {ca: /ca.pem}\n"
	    "  dapr: {httpPort: 0}\n  admin:\n  log: {level: WARNING, json: yes}\n  drainTimeout: 1m\n");

	(void)state;
	assert_clean();
	assert_string_equal(c->functions->rows.app_id, "shop");
	assert_string_equal(c->functions->rows.address, "unix:/f");
	assert_int_equal(c->functions->rows.protocol, PROTOCOL_PLAIN);
	assert_int_equal(c->functions->rows.format, PLAIN_RAW);
	assert_int_equal(c->functions->rows.timeout_ms, 5000);
	assert_int_equal(c->functions->rows.endpoint_concurrency, 3);
	assert_int_equal(c->functions->rows.buffer_bytes, 1 << 30);
	assert_string_equal(c->functions->rows.ca_file, "/ca.pem");
	assert_int_equal(c->functions->rows.dapr_http_port, 0);
	assert_int_equal(c->process.log_level, 2);
	assert_true(c->process.log_json);
	assert_int_equal(c->process.drain_ms, 60000);
}

static void flags_win_over_files(void **state)
{
	const struct config *c;

	(void)state;
	files_write("a.yaml", BRIDGE);
	c = load_with((const char *const[]){
	    "--app-port", "9", "--config", "%/a.yaml", "--app-id=other", "--log-level=error", NULL });
	assert_clean();
	assert_string_equal(c->functions->rows.address, "127.0.0.1:9");
	assert_string_equal(c->functions->rows.app_id, "other");
	assert_int_equal(c->process.log_level, 3);
}

static void a_directory_is_read_by_name_and_not_below(void **state)
{
	const struct config *c;

	(void)state;
	files_write("b.yml", PUBSUB);
	files_write("a.yaml", BRIDGE BINDING);
	files_write("c.txt", "not: [yaml");
	files_write(".hidden.yaml", "not: [yaml");
	files_write("d.YAML", SUBSCRIPTION("s", "ps", "t"));
	c = load_with((const char *const[]){ "--resources-path", "%", NULL });
	assert_int_equal(c->n_errors, 0);
	assert_int_equal(c->functions->n_components, 2);
	assert_string_equal(c->functions->components[0].name, "orders");
	assert_string_equal(c->functions->components[1].name, "ps");
	assert_int_equal(c->functions->n_subscriptions, 1);
}

static void a_file_named_twice_is_read_once(void **state)
{
	(void)state;
	files_write("a.yaml", BRIDGE PUBSUB);
	load_with(
	    (const char *const[]){ "--config", "%/a.yaml", "--resources-path", "%", "--components-path", "%", NULL });
	assert_clean();
	assert_found(FINDING_NOTE, "read before");
}

static void a_component_is_read_with_its_head_and_settings(void **state)
{
	const struct config *c = load(BRIDGE
	    "apiVersion: dapr.io/v1alpha1\nKIND: Component\nmetadata: {name: 123}\nspec:\n  type: Bindings.Kafka\n"
	    "  ignoreErrors: true\n  initTimeout: 1m\n  metadata:\n"
	    "  - name: brokers\n    value: b:1\n  - {name: fetchSize, value: 64}\n"
	    "  - {name: SkipVerify, value: true}\n  - {name: topics, value: ~}\nauth: {secretStore: x}\nscopes: []\n");

	(void)state;
	assert_clean();
	assert_string_equal(c->functions->components[0].name, "123");
	assert_string_equal(c->functions->components[0].type, "bindings.kafka");
	assert_true(c->functions->components[0].ignore_errors);
	assert_int_equal(c->functions->components[0].init_timeout_ms, 60000);
	assert_int_equal(c->functions->components[0].place.line, 6);
	assert_string_equal(value_of(&c->functions->components[0], "fetchsize"), "64");
	assert_string_equal(value_of(&c->functions->components[0], "skipVerify"), "true");
	assert_string_equal(value_of(&c->functions->components[0], "topics"), "");
	assert_int_equal(c->functions->n_subscriptions, 0); /* without topics it only writes */
}

static void placeholders_are_filled_in(void **state)
{
	const struct config *c;
	const char *uuid;

	(void)state;
	setenv("POD_NAME", "pod-1", 1);
	setenv("NAMESPACE", "prod", 1);
	c = load(BRIDGE BINDING "  - {name: consumerGroup, value: '{appID}-{podName}-{namespace}'}\n"
				"  - {name: url, value: '{uuid} {other}'}\n");
	assert_int_equal(c->n_errors, 0);
	assert_string_equal(value_of(&c->functions->components[0], "consumerGroup"), "shop-pod-1-prod.shop");
	uuid = value_of(&c->functions->components[0], "url");
	assert_int_equal(strlen(uuid), 36 + strlen(" {other}"));
	assert_int_equal(uuid[14], '4');
	assert_string_equal(uuid + 36, " {other}");
	unsetenv("POD_NAME");
	unsetenv("NAMESPACE");
	c = load(BRIDGE BINDING "  - {name: consumerGroup, value: '{namespace}'}\n");
	assert_string_equal(value_of(&c->functions->components[0], "consumerGroup"), "default.shop");
}

static void an_input_binding_is_a_subscription(void **state)
{
	const struct config *c =
	    load(BRIDGE BINDING "  - {name: topics, value: 't1,t2'}\n  - {name: direction, value: 'output, input'}\n"
				"  - {name: deadLetterTopic, value: failed}\n");
	const struct subscription_config *s = &c->functions->subscriptions[0];

	(void)state;
	assert_clean();
	assert_int_equal(c->functions->n_subscriptions, 1);
	assert_string_equal(s->name, "orders");
	assert_string_equal(s->topic, "t1,t2");
	assert_string_equal(s->route, "/orders");
	assert_false(s->probe || s->raw);
	assert_string_equal(s->dead_letter_topic, "failed");
	assert_int_equal(s->policy.retry_attempts, 1);
	assert_int_equal(s->policy.order, ORDER_PARTITION);
}

static void a_binding_without_direction_is_probed_and_output_is_not_read(void **state)
{
	const struct config *c =
	    load(BRIDGE BINDING "  - {name: topics, value: t}\n  - {name: route, value: in/orders}\n");

	(void)state;
	assert_true(c->functions->subscriptions[0].probe);
	assert_string_equal(c->functions->subscriptions[0].route, "/in/orders");
	assert_int_equal(load(BRIDGE BINDING "  - {name: topics, value: t}\n  - {name: direction, value: output}\n")
			     ->functions->n_subscriptions,
	    0);
	assert_int_equal(load(BRIDGE BINDING)->functions->n_subscriptions, 0);
	assert_clean();
	c = load(BRIDGE
	    "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: tick}\nspec: {type: bindings.source}\n");
	assert_int_equal(c->functions->n_subscriptions, 1);
	assert_null(c->functions->subscriptions[0].topic);
	assert_int_equal(c->functions->subscriptions[0].policy.order, ORDER_NONE);
	assert_int_equal(
	    load(BRIDGE
		"apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: out}\nspec: {type: bindings.sink}\n")
		->functions->n_subscriptions,
	    0);
	assert_clean();
}

static void subscriptions_of_both_versions_are_read(void **state)
{
	const struct config *c = load(BRIDGE PUBSUB SUBSCRIPTION(
	    "two", "ps", "t2") "  deadLetterTopic: failed\n"
			       "  metadata: {retryMaxAttempts: 4, rawPayload: true}\n---\n"
			       "apiVersion: dapr.io/v1alpha1\nkind: Subscription\nmetadata: {name: one}\n"
			       "spec: {pubsubname: ps, topic: t1, route: in, metadata: {order: key}}\n");

	(void)state;
	assert_clean();
	assert_int_equal(c->functions->n_subscriptions, 2);
	assert_string_equal(c->functions->subscriptions[0].route, "/t2");
	assert_string_equal(c->functions->subscriptions[0].dead_letter_topic, "failed");
	assert_int_equal(c->functions->subscriptions[0].policy.retry_attempts, 4);
	assert_int_equal(c->functions->subscriptions[0].policy.on_exhausted, EXHAUSTED_PARK);
	assert_true(c->functions->subscriptions[0].raw);
	assert_string_equal(c->functions->subscriptions[1].route, "/in");
	assert_string_equal(c->functions->subscriptions[1].topic, "t1");
	assert_int_equal(c->functions->subscriptions[1].policy.order, ORDER_KEY);
	assert_null(c->functions->subscriptions[1].dead_letter_topic);
}

static void a_rule_without_a_match_is_the_default(void **state)
{
	const struct config *c = load(BRIDGE PUBSUB
	    "---\napiVersion: dapr.io/v2alpha1\nkind: Subscription\nmetadata: {name: s}\n"
	    "spec: {pubsubname: ps, topic: t, routes: {default: /late, rules: [{match: '', path: /first}]}}\n");

	(void)state;
	assert_clean();
	assert_string_equal(c->functions->subscriptions[0].route, "/first");
}

static void the_component_gives_its_subscriptions_their_policy(void **state)
{
	const struct config *c =
	    load(BRIDGE PUBSUB "  - {name: retryMaxAttempts, value: 3}\n"
			       "  - {name: deadLetterTopic, value: all-failed}\n" SUBSCRIPTION("s", "ps", "t"));

	(void)state;
	assert_clean();
	assert_int_equal(c->functions->subscriptions[0].policy.retry_attempts, 3);
	assert_string_equal(c->functions->subscriptions[0].dead_letter_topic, "all-failed");
}

static void resources_scoped_to_other_apps_are_not_for_us(void **state)
{
	const struct config *c = load(BRIDGE PUBSUB "scopes: [billing, shop]\n"
						    "---\n" BINDING "scopes: [billing]\n" SUBSCRIPTION("s", "ps", "t"));

	(void)state;
	assert_clean();
	assert_int_equal(c->functions->n_components, 1);
	assert_int_equal(c->functions->n_subscriptions, 1);
	assert_found(FINDING_NOTE, "\"orders\" is ignored: its scopes do not name app \"shop\"");
	c = load(BRIDGE PUBSUB "scopes: [billing]\n" SUBSCRIPTION("s", "ps", "t"));
	assert_int_equal(c->n_errors, 0);
	assert_int_equal(c->functions->n_subscriptions, 0);
	assert_found(FINDING_WARNING, "subscription \"s\" is left out: component \"ps\" is not for this app");
}

static void with_a_namespace_resources_of_others_are_not_for_us(void **state)
{
	static const char text[] =
	    BRIDGE "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: ps, namespace: dev}\n"
		   "spec: {type: pubsub.source}\n---\n" PUBSUB;

	(void)state;
	setenv("NAMESPACE", "prod", 1);
	assert_int_equal(load(text)->functions->n_components, 1);
	assert_clean();
	setenv("NAMESPACE", "dev", 1);
	load(text);
	assert_found(FINDING_ERROR, "component \"ps\" (pubsub.kafka/v1) is there twice");
	unsetenv("NAMESPACE");
}

static void topics_denied_by_scopes_are_not_read(void **state)
{
	(void)state;
	assert_int_equal(load(BRIDGE PUBSUB "  - {name: subscriptionScopes, "
					    "value: 'x=a; shop = b, t ;y='}\n" SUBSCRIPTION("s", "ps", "t"))
			     ->functions->n_subscriptions,
	    1);
	assert_clean();
	assert_int_equal(load(BRIDGE PUBSUB "  - {name: subscriptionScopes, "
					    "value: 'shop=a'}\n" SUBSCRIPTION("s", "ps", "t"))
			     ->functions->n_subscriptions,
	    0);
	assert_found(
	    FINDING_WARNING, "subscription \"s\" is left out: scopes of \"ps\" keep app \"shop\" from topic \"t\"");
	assert_int_equal(load(BRIDGE PUBSUB "  - {name: subscriptionScopes, "
					    "value: 'shop='}\n" SUBSCRIPTION("s", "ps", "t"))
			     ->functions->n_subscriptions,
	    0);
	assert_int_equal(load(BRIDGE PUBSUB "  - {name: subscriptionScopes, "
					    "value: 'other=a'}\n" SUBSCRIPTION("s", "ps", "t"))
			     ->functions->n_subscriptions,
	    1);
	assert_int_equal(load(BRIDGE PUBSUB "  - {name: allowedTopics, "
					    "value: 'a,b'}\n" SUBSCRIPTION("s", "ps", "t"))
			     ->functions->n_subscriptions,
	    0);
	assert_int_equal(load(BRIDGE PUBSUB "  - {name: allowedTopics, "
					    "value: 'a, t'}\n" SUBSCRIPTION("s", "ps", "t"))
			     ->functions->n_subscriptions,
	    1);
	assert_int_equal(load(BRIDGE PUBSUB "  - {name: "
					    "protectedTopics, value: t}\n" SUBSCRIPTION("s", "ps", "t"))
			     ->functions->n_subscriptions,
	    0);
	assert_int_equal(
	    load(BRIDGE PUBSUB "  - {name: protectedTopics, value: t}\n"
			       "  - {name: subscriptionScopes, value: shop=t}\n" SUBSCRIPTION("s", "ps", "t"))
		->functions->n_subscriptions,
	    1);
}

static void of_one_topic_the_first_subscription_wins(void **state)
{
	const struct config *c =
	    load(BRIDGE PUBSUB SUBSCRIPTION("a", "ps", "t") SUBSCRIPTION("b", "ps", "t") SUBSCRIPTION("c", "ps", "u"));

	(void)state;
	assert_int_equal(c->functions->n_subscriptions, 2);
	assert_string_equal(c->functions->subscriptions[0].name, "a");
	assert_string_equal(c->functions->subscriptions[1].name, "c");
	assert_found(FINDING_WARNING, "a.yaml:24:1: subscription \"b\" is left out: \"a\" (");
}

static void categories_that_do_not_run_here_are_listed(void **state)
{
	const struct config *c = load(
	    BRIDGE "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: st}\nspec:\n  type: state.redis\n"
		   "  metadata:\n  - {name: redisPassword, secretKeyRef: {name: a, key: b}}\n"
		   "  - {name: actorStateStore, value: true}\n");

	(void)state;
	assert_clean();
	assert_int_equal(c->functions->n_components, 1);
	assert_null(c->functions->components[0].part);
	assert_string_equal(c->functions->components[0].type, "state.redis");
	assert_found(FINDING_NOTE, "is listed, nothing here uses it");
}

static void what_concerns_others_is_passed_over(void **state)
{
	const struct config *c = load(
	    BRIDGE "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {a: 1, A: 2, <<: {b: 3}}\n---\n"
		   "apiVersion: core.openfunction.io/v1beta1\nkind: Function\n"
		   "---\napiVersion: dapr.io/v1alpha1\nkind: HTTPEndpoint\n");

	(void)state;
	assert_clean();
	assert_int_equal(c->functions->n_components, 0);
	assert_found(FINDING_NOTE, "Deployment of apps/v1 is ignored: it concerns others");
	load(BRIDGE
	    "apiVersion: dapr.io/v1alpha1\nkind: Configuration\n---\napiVersion: dapr.io/v1alpha1\nkind: Resiliency\n");
	assert_found(FINDING_WARNING, "Configuration has no effect yet");
	assert_found(FINDING_WARNING, "Resiliency has no effect yet");
}

static void the_examples_are_clean(void **state)
{
	const struct config *c = load_with((const char *const[]){ "--config", "deploy/examples/bindings.yaml", NULL });

	(void)state;
	assert_int_equal(c->n_errors, 0);
	assert_string_equal(c->functions->rows.app_id, "shop");
	assert_string_equal(c->functions->rows.address, "127.0.0.1:8080");
	assert_int_equal(c->functions->n_subscriptions, 1);
	assert_string_equal(c->functions->subscriptions[0].topic, "orders");
	assert_string_equal(c->functions->subscriptions[0].route, "/orders");
	c = load_with((const char *const[]){ "--config", "deploy/examples/bridge.yaml", NULL });
	assert_int_equal(c->n_errors, 0);
	assert_int_equal(c->functions->subscriptions[0].policy.retry_attempts, 5);
	assert_int_equal(c->functions->subscriptions[0].policy.order, ORDER_KEY);
	c = load_with((const char *const[]){
	    "--resources-path", "deploy/examples/dapr", "--app-id=shop", "--app-port=8080", NULL });
	assert_int_equal(c->n_errors, 0);
	assert_int_equal(c->functions->n_subscriptions, 1);
	assert_string_equal(c->functions->subscriptions[0].dead_letter_topic, "orders-failed");
}

static void a_thousand_components_with_any_names_load(void **state)
{
	struct buf b = { 0 };
	const struct config *c;

	(void)state;
	for (int i = 0; i < 1000; i++)
		buf_printf(&b,
		    "---\napiVersion: dapr.io/v1alpha1\nkind: Component\n"
		    "metadata: {name: \"\xe2\x98\x83 \xd1\x8f%d\"}\n"
		    "spec: {type: pubsub.source}\n",
		    i);
	files_write_bytes("a.yaml", b.p, b.n);
	buf_free(&b);
	c = load_with((const char *const[]){ "--config", "%/a.yaml", "--app-id=x", NULL });
	assert_clean();
	assert_int_equal(c->functions->n_components, 1000);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, files_setup, files_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_empty_configuration_has_every_default),
		TEST(the_bridge_tree_flattens_into_the_process_rows),
		TEST(flags_win_over_files),
		TEST(a_directory_is_read_by_name_and_not_below),
		TEST(a_file_named_twice_is_read_once),
		TEST(a_component_is_read_with_its_head_and_settings),
		TEST(placeholders_are_filled_in),
		TEST(an_input_binding_is_a_subscription),
		TEST(a_binding_without_direction_is_probed_and_output_is_not_read),
		TEST(subscriptions_of_both_versions_are_read),
		TEST(a_rule_without_a_match_is_the_default),
		TEST(the_component_gives_its_subscriptions_their_policy),
		TEST(resources_scoped_to_other_apps_are_not_for_us),
		TEST(with_a_namespace_resources_of_others_are_not_for_us),
		TEST(topics_denied_by_scopes_are_not_read),
		TEST(of_one_topic_the_first_subscription_wins),
		TEST(categories_that_do_not_run_here_are_listed),
		TEST(what_concerns_others_is_passed_over),
		TEST(the_examples_are_clean),
		TEST(a_thousand_components_with_any_names_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
