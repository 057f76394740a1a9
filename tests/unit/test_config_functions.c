/* Several Bridge documents: each a function with its own resources; what they must not have in common. */
/* links: fake_parts.c config_files.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bridge/bytes.h"
#include "bridge/config/parse.h"
#include "bridge/config/settings.h"
#include "tests/unit/config_files.h"

#define FUNCTION(name, port, more) \
	"---\napiVersion: bridge/v1\nkind: Bridge\nmetadata: {name: " name "}\nspec:\n" \
	"  function: {address: 127.0.0.1:" port "}\n" more
#define DAPR(port) "  dapr: {httpPort: " port "}\n"
#define TWO FUNCTION("a", "1001", "") FUNCTION("b", "1002", DAPR("3501"))
#define INPUT "  - {name: topics, value: t}\n  - {name: direction, value: input}\n"

static const struct function_config *named(const struct config *c, const char *app_id)
{
	for (unsigned i = 0; i < c->n_functions; i++)
		if (!strcmp(c->functions[i].rows.app_id, app_id))
			return &c->functions[i];
	fail_msg("no function %s", app_id);
	return NULL;
}

static const char *value(const struct function_config *f, const char *name)
{
	assert_int_equal(f->n_components, 1);
	return settings_value(f->components[0].settings, f->components[0].n_settings, name);
}

static void each_document_is_a_function_with_rows_of_its_own(void **state)
{
	const struct config *c = load(FUNCTION("a", "1001", "  admin: {port: 1}\n  drainTimeout: 9s\n") FUNCTION(
	    "b", "1002", "  dapr: {httpPort: 0}\n") "---\napiVersion: bridge/v1\nkind: Bridge\n"
						    "metadata: {name: c}\nspec: {function: {bufferEvents: 5, "
						    "bufferBytes: 1Mi, timeout: 2s}, dapr: {httpPort: 3501}}\n");

	(void)state;
	assert_clean();
	assert_int_equal(c->n_functions, 3);
	assert_int_equal(c->process.admin_port, 1);
	assert_int_equal(c->process.drain_ms, 9000);
	assert_string_equal(named(c, "a")->rows.address, "127.0.0.1:1001");
	assert_string_equal(named(c, "b")->rows.address, "127.0.0.1:1002");
	assert_null(named(c, "c")->rows.address);
	assert_int_equal(named(c, "a")->rows.dapr_http_port, 3500);
	assert_int_equal(named(c, "b")->rows.dapr_http_port, 0);
	assert_int_equal(named(c, "c")->rows.dapr_http_port, 3501);
	assert_int_equal(named(c, "a")->rows.buffer_events, 1024);
	assert_int_equal(named(c, "c")->rows.buffer_events, 5);
	assert_int_equal(named(c, "c")->rows.timeout_ms, 2000);
}

static void scopes_say_whose_a_resource_is_and_none_means_everybodys(void **state)
{
	const struct config *c = load(TWO COMPONENT("all", "pubsub.kafka") BROKERS COMPONENT("one", "pubsub.kafka")
		BROKERS "scopes: [b, other]\n" COMPONENT("none", "pubsub.kafka") BROKERS
	    "scopes: [other]\n" SUBSCRIPTION("s", "all", "t") SUBSCRIPTION("only", "one", "u") "scopes: [b]\n");

	(void)state;
	assert_clean();
	assert_int_equal(named(c, "a")->n_components, 1);
	assert_int_equal(named(c, "b")->n_components, 2);
	assert_int_equal(named(c, "a")->n_subscriptions, 1);
	assert_int_equal(named(c, "b")->n_subscriptions, 2);
	assert_string_equal(config_group(named(c, "a"), named(c, "a")->components), "a");
	assert_string_equal(config_group(named(c, "b"), named(c, "b")->components), "b");
	assert_found(FINDING_NOTE, "\"none\" is ignored: its scopes do not name app \"b\"");
}

static void what_is_shared_is_filled_in_for_each(void **state)
{
	const struct config *c = load(TWO COMPONENT("x", "pubsub.kafka") BROKERS
	    "  - {name: consumerGroup, value: 'g-{appID}'}\n  - {name: publishTopic, value: '{uuid}'}\n");

	(void)state;
	assert_clean();
	assert_string_equal(value(named(c, "a"), "consumerGroup"), "g-a");
	assert_string_equal(value(named(c, "b"), "consumerGroup"), "g-b");
	assert_string_not_equal(value(named(c, "a"), "publishTopic"), value(named(c, "b"), "publishTopic"));
}

static void a_secret_store_of_one_function_is_not_the_others(void **state)
{
#define PASSWORD \
	BROKERS "  - {name: saslPassword, secretKeyRef: {name: BRIDGE_TEST_SECRET}}\nauth: {secretStore: vault}\n"
#define VAULT COMPONENT("vault", "secretstores.local.env")
	const struct config *c;

	(void)state;
	setenv("BRIDGE_TEST_SECRET", "s", 1);
	c = load(TWO COMPONENT("x", "pubsub.kafka") PASSWORD "scopes: [a]\n" VAULT "scopes: [a]\n");
	assert_clean();
	assert_int_equal(named(c, "a")->n_components, 2);
	assert_int_equal(named(c, "b")->n_components, 0);
	load(TWO COMPONENT("x", "pubsub.kafka") PASSWORD VAULT "scopes: [a]\n");
	assert_found(FINDING_ERROR, "secret store vault is not for this app");
	unsetenv("BRIDGE_TEST_SECRET");
}

static void the_short_form_belongs_to_its_document(void **state)
{
#define SHORT(topic) "  bindings:\n  - {name: in, from: 'kafka://b:1/" topic "'}\n"
	const struct config *c = load(FUNCTION("a", "1001", SHORT("t")) FUNCTION("b", "1002", DAPR("3501") SHORT("u"))
		FUNCTION("c", "1003", DAPR("0")));

	(void)state;
	assert_clean();
	assert_string_equal(value(named(c, "a"), "topics"), "t");
	assert_string_equal(value(named(c, "b"), "topics"), "u");
	assert_int_equal(named(c, "c")->n_components, 0);
	assert_int_equal(named(c, "a")->n_subscriptions, 1);
	assert_not_found(FINDING_NOTE, "in");
}

static void names_are_taken_twice_only_within_a_function(void **state)
{
#define ONE(scopes) COMPONENT("x", "pubsub.kafka") BROKERS scopes
	(void)state;
	load(TWO ONE("scopes: [a]\n") ONE("scopes: [b]\n"));
	assert_clean();
	load(TWO ONE("scopes: [a]\n") ONE("scopes: [b, a]\n"));
	assert_found(FINDING_ERROR, "component \"x\" (pubsub.kafka/v1) is there twice, first at ");
	load(TWO ONE("") ONE("scopes: [b]\n"));
	assert_found(FINDING_ERROR, "component \"x\" (pubsub.kafka/v1) is there twice, first at ");
	load(FUNCTION("a", "1001", SHORT("t")) ONE("") FUNCTION("b", "1002", DAPR("0")));
	assert_int_equal(load(FUNCTION("a", "1", SHORT("t")) COMPONENT("in", "pubsub.kafka") BROKERS)->n_errors, 1);
	/* as in Dapr, where there is one function */
	load(FUNCTION("a", "1001", "") ONE("scopes: [a]\n") ONE("scopes: [b]\n"));
	assert_found(FINDING_ERROR, "component \"x\" (pubsub.kafka/v1) is there twice, first at ");
}

static void what_is_wrong_with_a_shared_resource_is_said_once(void **state)
{
	const struct config *c = load(TWO COMPONENT("x", "pubsub.kafka"));

	(void)state;
	assert_found(FINDING_ERROR, "pubsub.kafka: brokers is missing");
	assert_int_equal(c->n_errors, 1);
}

static void functions_are_told_apart_by_name(void **state)
{
	(void)state;
	assert_int_equal(load(FUNCTION("a", "1001", "") FUNCTION("a", "1002", DAPR("0")))->n_errors, 1);
	assert_found(FINDING_ERROR, "a.yaml:10:18: a second function \"a\", the first is at ");
	assert_found(FINDING_ERROR, "a.yaml:4:18, expected different names");
	load(FUNCTION("a", "1001", "") "---\napiVersion: bridge/v1\nkind: Bridge\nspec: {dapr: {httpPort: 0}}\n");
	assert_found(FINDING_ERROR, "a.yaml:8:1: no metadata.name, expected one: it tells 2 functions apart");
}

static void a_port_is_one_functions(void **state)
{
	(void)state;
	assert_int_equal(load(FUNCTION("a", "1", DAPR("3700")) FUNCTION("b", "2", DAPR("3700")))->n_errors, 1);
	assert_found(FINDING_ERROR, "a.yaml:14:20: dapr.httpPort: 3700 is used already, by dapr.httpPort at ");
	assert_found(FINDING_ERROR, "a.yaml:7:20, expected another, or 0: off");
	load(FUNCTION("a", "1", "") FUNCTION("b", "2", ""));
	assert_found(FINDING_ERROR, "a.yaml:8:1: dapr.httpPort: 3500 is used already, by dapr.httpPort at ");
	load(FUNCTION("a", "1", DAPR("9090")));
	assert_found(FINDING_ERROR, "a.yaml:7:20: dapr.httpPort: 9090 is used already, by admin.port at ");
	load(FUNCTION("a", "1", "  dapr: {httpPort: 9, listen: 127.0.0.1}\n")
		FUNCTION("b", "2", "  dapr: {httpPort: 9, listen: 127.0.0.2}\n"));
	assert_clean();
	load(FUNCTION("a", "1", "  dapr: {httpPort: 9, listen: 127.0.0.1}\n")
		FUNCTION("b", "2", "  dapr: {httpPort: 9, listen: 0.0.0.0}\n"));
	assert_found(FINDING_ERROR, "dapr.httpPort: 9 is used already");
	load(FUNCTION("a", "1", DAPR("0")) FUNCTION("b", "2", DAPR("0")));
	assert_clean();
}

static void what_is_the_process_is_said_once_or_alike(void **state)
{
	const struct config *c = load(FUNCTION("a", "1", "  drainTimeout: 2s\n  log: {level: warn}\n")
		FUNCTION("b", "2", DAPR("0") "  drainTimeout: 2000ms\n  log: {level: warning}\n  admin: {port: 7}\n"));

	(void)state;
	assert_clean();
	assert_int_equal(c->process.drain_ms, 2000);
	assert_int_equal(c->process.admin_port, 7);
	load(FUNCTION("a", "1", "  drainTimeout: 2s\n") FUNCTION("b", "2", DAPR("0") "  drainTimeout: 3s\n"));
	assert_found(FINDING_ERROR, "a.yaml:15:17: drainTimeout: 3s here, 2s at ");
	assert_found(FINDING_ERROR, "a.yaml:7:17; it is the process's, expected in one document, or alike in all");
}

static void flags_that_speak_of_one_function_are_refused(void **state)
{
	(void)state;
	files_write("a.yaml", TWO);
	load_with((const char *const[]){ "--config=%/a.yaml", "--app-port=80", NULL });
	assert_found(
	    FINDING_ERROR, "command line:0:0: a flag or a word sets function.address, and there are 2 functions (");
	load_with((const char *const[]){ "--config=%/a.yaml", "--app-id=c", "--log-level=warn", NULL });
	assert_found(FINDING_ERROR, "sets metadata.name, and there are 2 functions (");
	assert_not_found(FINDING_ERROR, "log.level");
	load_with((const char *const[]){ "--config=%/a.yaml", "--metrics-port=7", NULL });
	assert_clean();
	load_with((const char *const[]){ "run", "--config=%/a.yaml", "--", "true", NULL });
	assert_found(FINDING_ERROR, "-- COMMAND is the program of one function, and there are 2");
}

static void a_token_stands_in_a_variable_of_the_functions_own(void **state)
{
#define TOKEN \
	"---\napiVersion: bridge/v1\nkind: Bridge\nmetadata: {name: t}\n" \
	"spec: {function: {address: 'h:1', tokenEnv: BRIDGE_TEST_TOKEN}}\n"
	(void)state;
	unsetenv("BRIDGE_TEST_TOKEN");
	load(TOKEN);
	assert_found(
	    FINDING_ERROR, "a.yaml:5:45: function.tokenEnv: environment variable BRIDGE_TEST_TOKEN is not set");
	setenv("BRIDGE_TEST_TOKEN", "x", 1);
	assert_string_equal(load(TOKEN)->functions->rows.token_env, "BRIDGE_TEST_TOKEN");
	assert_clean();
	unsetenv("BRIDGE_TEST_TOKEN");
}

static char *rendered(const struct config *c)
{
	struct buf out = { 0 };

	config_render(c, &out);
	buf_add(&out, "", 1);
	return out.p;
}

static void several_functions_are_printed_so_that_they_read_the_same_again(void **state)
{
	char *first, *second;

	(void)state;
	first = rendered(load(FUNCTION("a", "1001", SHORT("t")) FUNCTION("b", "1002", DAPR("3501") SHORT("u"))
		COMPONENT("ps", "pubsub.kafka") BROKERS
	    "  - {name: consumerGroup, value: '{appID}'}\n" SUBSCRIPTION("s", "ps", "v")));
	assert_clean();
	assert_non_null(strstr(first, "kind: Bridge\nmetadata:\n  name: b\n"));
	assert_non_null(strstr(first, "scopes:\n- b\n"));
	assert_null(strstr(strstr(first, "name: b\nspec:"), "admin:"));
	second = rendered(load(first));
	assert_clean();
	assert_string_equal(first, second);
	free(first);
	free(second);
}

static void each_function_has_a_heading_in_the_summary(void **state)
{
	struct buf out = { 0 };

	(void)state;
	config_describe(load(TWO COMPONENT("in", "bindings.kafka") BROKERS INPUT "scopes: [b]\n"), false, &out);
	buf_add(&out, "", 1);
	assert_non_null(strstr(out.p,
	    "function a: holds 1024 events and 16Mi at most, Dapr API at 127.0.0.1:3500; reads nothing\n"
	    "function b: holds 1024 events and 16Mi at most, Dapr API at 127.0.0.1:3501\nin\n"
	    "  reads   kafka b:1, topic t, as group b\n  goes to POST 127.0.0.1:1002/in"));
	buf_free(&out);
}

static void their_number_is_bounded(void **state)
{
	struct buf text = { 0 };

	(void)state;
	for (unsigned i = 0; i <= FUNCTIONS_MAX; i++)
		buf_printf(&text,
		    "---\napiVersion: bridge/v1\nkind: Bridge\nmetadata: {name: f%u}\nspec: {dapr: {httpPort: 0}}\n",
		    i);
	for (unsigned i = 0; i <= INSTANCES_MAX / FUNCTIONS_MAX; i++)
		buf_printf(&text, COMPONENT("c%u", "pubsub.source"), i);
	buf_add(&text, "", 1);
	load(text.p);
	assert_found(FINDING_ERROR, "too many functions, expected at most 1000 in a process");
	assert_found(FINDING_ERROR, "more than 100000 components and subscriptions in all functions together");
	buf_free(&text);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, files_setup, files_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_document_is_a_function_with_rows_of_its_own),
		TEST(scopes_say_whose_a_resource_is_and_none_means_everybodys),
		TEST(what_is_shared_is_filled_in_for_each),
		TEST(a_secret_store_of_one_function_is_not_the_others),
		TEST(the_short_form_belongs_to_its_document),
		TEST(names_are_taken_twice_only_within_a_function),
		TEST(what_is_wrong_with_a_shared_resource_is_said_once),
		TEST(functions_are_told_apart_by_name),
		TEST(a_port_is_one_functions),
		TEST(what_is_the_process_is_said_once_or_alike),
		TEST(flags_that_speak_of_one_function_are_refused),
		TEST(a_token_stands_in_a_variable_of_the_functions_own),
		TEST(several_functions_are_printed_so_that_they_read_the_same_again),
		TEST(each_function_has_a_heading_in_the_summary),
		TEST(their_number_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
