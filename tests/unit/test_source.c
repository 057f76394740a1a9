/* A source in one line is the Component it stands for: the same settings, checks and places. */
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

#define SHORT(binding) \
	"apiVersion: bridge/v1\nkind: Bridge\nmetadata: {name: shop}\n" \
	"spec:\n  function: {address: 'http://127.0.0.1:8080'}\n  bindings:\n  - " binding "\n"

/* Copied: the next load frees what it was made of. */
static char *rendered(const struct config *c)
{
	struct buf out = { 0 };
	char *text;

	config_render(c, &out);
	text = mem_slice((struct slice){ out.p, out.n });
	buf_free(&out);
	return text;
}

static void assert_equal_and_free(char *a, char *b)
{
	assert_string_equal(a, b);
	free(b);
}

static void component_short_form_and_command_line_mean_the_same(void **state)
{
	char *component;

	(void)state;
	component = rendered(load(
	    "apiVersion: bridge/v1\nkind: Bridge\nmetadata: {name: shop}\n"
	    "spec: {function: {address: 'http://127.0.0.1:8080'}}\n" COMPONENT("orders",
		"bindings.kafka") "  metadata:\n"
				  "  - {name: brokers, value: 'a:1,b:2'}\n  - {name: topics, value: 'orders,more'}\n"
				  "  - {name: consumerGroup, value: g}\n  - {name: order, value: key}\n"
				  "  - {name: deadLetterTopic, value: d/1}\n"
				  "  - {name: direction, value: input}\n  - {name: route, value: /new}\n"));
	assert_clean();
	assert_equal_and_free(component,
	    rendered(
		load(SHORT("{name: orders, to: /new, "
			   "from: 'kafka://a:1,b:2/orders,more?consumerGroup=g&order=key&deadLetterTopic=d%2F1'}"))));
	assert_clean();
	assert_equal_and_free(component,
	    rendered(load_with((const char *const[]){ "check", "--app-id=shop",
		"kafka://a:1,b:2/orders,more?consumerGroup=g&order=key&deadLetterTopic=d/1",
		"http://127.0.0.1:8080/new", NULL })));
	assert_clean();
	free(component);
}

static const char *value(const struct config *c, const char *name)
{
	return settings_value(c->functions->components[0].settings, c->functions->components[0].n_settings, name);
}

static void a_scheme_beside_the_name_of_the_class_stays_in_front_of_the_host(void **state)
{
	(void)state;
	assert_string_equal(value(load(SHORT("{name: x, from: 'kafkas://h:1/a'}")), "brokers"), "kafkas://h:1");
	assert_clean();
	load(SHORT("{name: x, from: 'kafkasp://h:1/a'}"));
	assert_found(FINDING_ERROR, "is no kind of source");
}

static void percent_signs_are_decoded_in_every_part(void **state)
{
	const struct config *c =
	    load(SHORT("{name: x, from: 'kafka://h%3A1/a%20b,c%2Bd+e?saslPassword=%26%3d%25+&url=a=b'}"));

	(void)state;
	assert_clean();
	assert_string_equal(value(c, "brokers"), "h:1");
	assert_string_equal(value(c, "topics"), "a b,c+d+e");
	assert_string_equal(value(c, "saslPassword"), "&=%+");
	assert_string_equal(value(c, "url"), "a=b");
	assert_string_equal(c->functions->subscriptions[0].route, "/x");
	load(SHORT("{name: x, from: 'kafka://h:1/a%2'}"));
	assert_found(FINDING_ERROR, "a.yaml:7:21: source of \"x\": a percent sign must be written %25");
	load(SHORT("{name: x, from: 'kafka://h:1/a?url=%00'}"));
	assert_found(FINDING_ERROR, "behind ? rows are expected: row=value");
}

static void faults_are_said_at_the_url_with_a_suggestion(void **state)
{
	(void)state;
	load(SHORT("{name: x, from: 'kafka://h:1/a?consumerGrup=g', to: /x}"));
	assert_found(
	    FINDING_ERROR, "a.yaml:7:21: consumerGrup: not known to bindings.kafka, did you mean \"consumerGroup\"?");
	load(SHORT("{name: x, from: 'kafka://h:1/a?pollInterval=soon', to: /x}"));
	assert_found(FINDING_ERROR, "a.yaml:7:21: pollInterval: \"soon\" is not a duration");
	load(SHORT("{name: x, from: 'kafka://h:1/a?onExhausted=park', to: /x}"));
	assert_found(FINDING_ERROR, "a.yaml:7:21: onExhausted: park without a place");
	load(SHORT("{name: x, from: 'kafak://h:1/a', to: /x}"));
	assert_found(
	    FINDING_ERROR, "a.yaml:7:21: source of \"x\": \"kafak\" is no kind of source, did you mean \"kafka\"?");
	load(SHORT("{name: x, from: 'kafka://h:1/a?brokers=b', to: /x}"));
	assert_found(FINDING_ERROR, "brokers does not stand behind ?");
	load(SHORT("{name: x, from: 'kafka://h:1/a?route=b', to: /x}"));
	assert_found(FINDING_ERROR, "route does not stand behind ?");
	load(SHORT("{name: x, from: 'kafka://h:1/a?order', to: /x}"));
	assert_found(FINDING_ERROR, "behind ? rows are expected");
	load(SHORT("{name: x, from: 'kafka://user:secret@h:1/a', to: /x}"));
	assert_found(FINDING_ERROR, "no name or password stands in a URL");
	assert_not_found(FINDING_ERROR, "secret");
	load(SHORT("{name: x, from: 'kafka://h:1', to: /x}"));
	assert_found(FINDING_ERROR, "expected kafka://host:port/topics?row=value");
	load(SHORT("{name: x, from: 'kafka:///a', to: /x}"));
	assert_found(FINDING_ERROR, "expected kafka://host:port/topics");
	load(SHORT("{name: x, from: 'kafka://h:1/a#b', to: /x}"));
	assert_found(FINDING_ERROR, "expected kafka://host:port/topics");
	load(SHORT("{name: x, from: orders, to: /x}"));
	assert_found(FINDING_ERROR, "a.yaml:7:21: source of \"x\": expected such as kafka://127.0.0.1:9092/orders");
}

static void the_list_is_as_strict_as_its_kind(void **state)
{
	(void)state;
	load(SHORT("{name: x, form: 'kafka://h:1/a', to: /x}"));
	assert_found(FINDING_ERROR, "a.yaml:7:15: form: not a key of a binding, did you mean \"from\"?");
	assert_found(FINDING_ERROR, "a.yaml:7:5: a binding without from");
	load(SHORT("{from: 'kafka://h:1/a'}"));
	assert_found(FINDING_ERROR, "a binding without name");
	load(SHORT("orders"));
	assert_found(FINDING_ERROR, "bindings: a text, expected {name, from, to}");
	load("apiVersion: bridge/v1\nkind: Bridge\nmetadata: {name: shop}\nspec: {bindings: orders}\n");
	assert_found(FINDING_ERROR, "a.yaml:4:18: bindings: a text, expected a list of {name, from, to}");
	load("apiVersion: bridge/v1\nkind: Bridge\nmetadata: {name: shop}\nspec: {bindings: , bindngs: x}\n");
	assert_found(FINDING_ERROR, "bindngs is not a setting of kind Bridge, did you mean \"bindings\"?");
	load(SHORT("{name: x, from: 'kafka://h:1/a'}\n  - {name: x, from: 'kafka://h:1/b'}"));
	assert_found(FINDING_ERROR, "component \"x\" (bindings.kafka/v1) is there twice, first at ");
}

static void on_the_command_line_the_topic_is_the_name(void **state)
{
	const struct config *c =
	    load_with((const char *const[]){ "check", "--app-id=a", "kafka://h:1/t,u", "http://127.0.0.1:1", NULL });

	(void)state;
	assert_clean();
	assert_string_equal(c->functions->components[0].name, "t");
	assert_string_equal(c->functions->subscriptions[0].route, "/t");
	assert_string_equal(c->functions->subscriptions[0].topic, "t,u");
	load_with((const char *const[]){ "check", "--app-id=a", "kafka://h:1/t?ordr=x", "http://127.0.0.1:1", NULL });
	assert_found(FINDING_ERROR, "ordr: not known to bindings.kafka, did you mean \"order\"?");
	files_write("a.yaml", COMPONENT("t", "bindings.sink"));
	load_with(
	    (const char *const[]){ "check", "--app-id=a", "--config=%", "kafka://h:1/t", "http://127.0.0.1:1", NULL });
	assert_found(FINDING_ERROR, "component \"t\" (bindings.kafka/v1) is there twice, first at ");
}

static void what_is_only_sent_to_or_looked_at_is_no_subscription(void **state)
{
	const struct config *c = load_with((const char *const[]){ "send", "kafka://h:1/t", "x", NULL });

	(void)state;
	assert_clean();
	assert_int_equal(c->functions->n_components, 1);
	assert_int_equal(c->functions->n_subscriptions, 0);
	c = load_with((const char *const[]){ "tail", "kafka://h:1", "t", NULL });
	assert_clean();
	assert_int_equal(c->functions->n_subscriptions, 0);
	assert_null(value(c, "topics"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, files_setup, files_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(component_short_form_and_command_line_mean_the_same),
		TEST(a_scheme_beside_the_name_of_the_class_stays_in_front_of_the_host),
		TEST(percent_signs_are_decoded_in_every_part),
		TEST(faults_are_said_at_the_url_with_a_suggestion),
		TEST(the_list_is_as_strict_as_its_kind),
		TEST(on_the_command_line_the_topic_is_the_name),
		TEST(what_is_only_sent_to_or_looked_at_is_no_subscription),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
