/* The words behind the verb: source and function, what to send where, whose flags are whose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "bridge/error.h"
#include "bridge/config/config.h"

#define LINE(...) ((char *[]){ "bridge", __VA_ARGS__, NULL })

static struct command parsed;

static const struct command *command_of(char **argv)
{
	struct error e = { ERR_NONE, "" };
	int argc = 0;

	if (parsed.arena)
		command_free(&parsed);
	while (argv[argc])
		argc++;
	if (command_parse(&parsed, argc, argv, &e))
		fail_msg("%s", e.text);
	return &parsed;
}

static int forget(void **state)
{
	(void)state;
	if (parsed.arena)
		command_free(&parsed);
	return 0;
}

static void assert_refused(char **argv, const char *expected)
{
	struct error e = { ERR_NONE, "" };
	struct command c;
	int argc = 0;

	while (argv[argc])
		argc++;
	assert_int_equal(command_parse(&c, argc, argv, &e), -1);
	if (!strstr(e.text, expected))
		fail_msg("\"%s\" does not say \"%s\"", e.text, expected);
}

static void assert_function(char **argv, const char *address, const char *route)
{
	const struct command *c = command_of(argv);

	assert_int_equal(c->n_settings, 1);
	assert_string_equal(c->settings[0].name, "function.address");
	assert_string_equal(c->settings[0].value, address);
	if (route)
		assert_string_equal(c->route, route);
	else
		assert_null(c->route);
}

static void a_source_and_a_function_run_in_one_line(void **state)
{
	(void)state;
	assert_string_equal(command_of(LINE("run", "kafka://h:1/t", "http://f:2/r"))->source, "kafka://h:1/t");
	assert_int_equal(parsed.verb, COMMAND_RUN);
	assert_function(LINE("kafka://h:1/t", "http://f:2/r/s"), "http://f:2", "/r/s");
	assert_function(LINE("check", "kafka://h:1/t", "https://f/r"), "https://f", "/r");
	assert_function(LINE("run", "kafka://h:1/t", "http://f:2"), "http://f:2", NULL);
	assert_function(LINE("run", "kafka://h:1/t", "http://f:2/"), "http://f:2", "/");
	assert_function(LINE("run", "kafka://h:1/t", "127.0.0.1:2/r"), "127.0.0.1:2", "/r");
	assert_function(LINE("run", "kafka://h:1/t", "unix:/run/f"), "unix:/run/f", NULL);
	assert_function(LINE("run", "kafka://h:1/t", "--app-port", "80"), "127.0.0.1:80", NULL);
}

static void what_does_not_fit_is_refused_with_what_was_expected(void **state)
{
	(void)state;
	assert_refused(
	    LINE("run", "kafka://h:1/t"), "a source without a function, expected a second word such as http://");
	assert_refused(LINE("scaler"), "scaler of what? expected --config DIR");
	assert_refused(LINE("scaler", "orders", "--config", "d"), "unknown word \"orders\", expected flags only");
	assert_refused(LINE("run", "orders"), "unknown word \"orders\", expected flags, or a source such as kafka://");
	assert_refused(LINE("run", "kafka://h:1/t", "grpc://f:1"), "grpc://f:1: not a function, expected http://");
	assert_refused(LINE("run", "kafka://h:1/t", "http://f:1/a?b"), "expected a plain path");
	assert_refused(LINE("run", "kafka://h:1/t", "http://f:1", "x"), "unknown word \"x\", expected SOURCE FUNCTION");
	assert_refused(LINE("run", "kafka://h:1/t", "http://f:1", "--app-port=2"), "expected one of both");
	assert_refused(LINE("top", "x"), "unknown word \"x\"");
	assert_refused(LINE("version", "x"), "unknown word \"x\"");
	assert_refused(LINE("help", "kafka", "x"), "unknown word \"x\"");
	assert_refused(LINE("tail"), "tail what?");
	assert_refused(
	    LINE("tail", "orders"), "component \"orders\" stands in no file, expected --config FILE, or a URL");
	assert_refused(LINE("tail", "kafka://h:1", "a", "b"), "unknown word \"b\"");
	assert_refused(LINE("send", "kafka://h:1", "a", "b", "c"), "expected [TOPIC] DATA");
	assert_refused(LINE("send", "kafka://h:1", "--file", "f", "a", "b"), "expected [TOPIC] when there is --file");
}

static void what_stands_behind_two_dashes_is_the_functions_command(void **state)
{
	const struct command *c =
	    command_of(LINE("run", "--app-port", "80", "--config", "a", "--", "python3", "--x", "--"));

	(void)state;
	assert_string_equal(c->child[0], "python3");
	assert_string_equal(c->child[1], "--x");
	assert_string_equal(c->child[2], "--");
	assert_null(c->child[3]);
	assert_null(command_of(LINE("run", "--config", "a"))->child);
	assert_refused(LINE("run", "--config", "a", "--"), "nothing behind --, expected a command");
	assert_refused(LINE("check", "--config", "a", "--", "b"), "-- COMMAND goes with run only");
}

static void assert_send(char **argv, const char *topic, const char *data)
{
	const struct command *c = command_of(argv);

	assert_int_equal(!topic, !c->topic);
	assert_int_equal(!data, !c->data);
	if (topic)
		assert_string_equal(c->topic, topic);
	if (data)
		assert_string_equal(c->data, data);
}

static void the_last_word_of_send_is_the_data_unless_a_file_is(void **state)
{
	(void)state;
	assert_send(LINE("send", "kafka://h:1/t"), NULL, NULL);
	assert_send(LINE("send", "kafka://h:1/t", "-"), NULL, NULL);
	assert_send(LINE("send", "kafka://h:1/t", "{}"), NULL, "{}");
	assert_send(LINE("send", "kafka://h:1", "t", "{}"), "t", "{}");
	assert_send(LINE("send", "kafka://h:1", "t", "-"), "t", NULL);
	assert_send(LINE("send", "--config", "c", "orders", "t", "{}"), "t", "{}");
	assert_string_equal(parsed.component, "orders");
	assert_null(parsed.source);
	assert_send(LINE("send", "kafka://h:1", "--file", "f", "t"), "t", NULL);
	assert_string_equal(parsed.file, "f");
}

static void flags_of_one_word_go_with_it_alone(void **state)
{
	const struct command *c =
	    command_of(LINE("send", "--key", "k", "kafka://h:1/t", "--header", "a=b", "--header=c=d=e", "x"));

	(void)state;
	assert_string_equal(c->key, "k");
	assert_int_equal(c->n_headers, 2);
	assert_string_equal(c->headers[1], "c=d=e");
	assert_int_equal(command_of(LINE("tail", "kafka://h:1/t", "--count", "3"))->count, 3);
	assert_true(command_of(LINE("top", "--once", "--admin", "h:1"))->once);
	assert_string_equal(parsed.admin, "h:1");
	assert_refused(LINE("run", "--key", "k"), "--key goes with send only, expected: bridge send --key");
	assert_refused(LINE("--count=1", "top"), "--count goes with tail only");
	assert_refused(LINE("send", "--once", "kafka://h:1/t"), "--once goes with top only");
	assert_refused(LINE("tail", "kafka://h:1/t", "--count=0"), "--count: 0 is out of range");
	assert_refused(LINE("send", "kafka://h:1/t", "--header", "a"), "--header: \"a\", expected NAME=VALUE");
	assert_refused(LINE("send", "kafka://h:1/t", "--header", "=a"), "expected NAME=VALUE");
}

#define TEST(f) cmocka_unit_test_teardown(f, forget)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_source_and_a_function_run_in_one_line),
		TEST(what_does_not_fit_is_refused_with_what_was_expected),
		TEST(what_stands_behind_two_dashes_is_the_functions_command),
		TEST(the_last_word_of_send_is_the_data_unless_a_file_is),
		TEST(flags_of_one_word_go_with_it_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
