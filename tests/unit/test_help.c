/* `bridge help WORD`: every row once, what is required first, within the columns of a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bridge/config/process.h"
#include "bridge/help.h"
#include "bridge/parts.h"
#include "bridge/policy.h"

static char text[65536];

static int help(const char *word, int fd)
{
	FILE *to = tmpfile();
	int kept = dup(fd), rc;
	size_t n;

	fflush(NULL);
	assert_true(dup2(fileno(to), fd) >= 0);
	rc = help_print(word);
	fflush(NULL);
	dup2(kept, fd);
	close(kept);
	rewind(to);
	n = fread(text, 1, sizeof(text) - 1, to);
	text[n] = '\0';
	fclose(to);
	return rc;
}

static void assert_rows(const struct option *rows)
{
	for (const struct option *o = rows; o->name; o++) {
		char line[128];
		const char *found;

		snprintf(line, sizeof(line), "\n  %s  ", o->name);
		found = strstr(text, line);
		if (!found || strstr(found + 1, line))
			fail_msg("%s is there not exactly once in:\n%s", o->name, text);
	}
}

static void every_row_of_a_component_is_there_once_with_its_default(void **state)
{
	(void)state;
	assert_int_equal(help("kafka", STDOUT_FILENO), 0);
	assert_rows(part_find("bindings.kafka")->class->options);
	assert_non_null(
	    strstr(text, "As a Component of type bindings.kafka, pubsub.kafka;\nor in one line: kafka://host:port"));
	assert_non_null(strstr(text, "\nRequired\n  brokers  TEXT  required\n"));
	assert_non_null(strstr(text, "  initialOffset  newest|oldest  default newest\n"));
	assert_true(strstr(text, "\nRequired\n") < strstr(text, "\nOptional\n"));
	assert_true(strstr(text, "\nReading\n") < strstr(text, "\nWriting\n"));
	assert_non_null(strstr(text, "\nAt least once has exceptions: onExhausted: drop"));
	assert_null(strchr(text, '\x1b'));
}

static void a_type_and_its_class_are_the_same_help(void **state)
{
	static char first[65536];

	(void)state;
	help("kafka", STDOUT_FILENO);
	strcpy(first, text);
	assert_int_equal(help("PubSub.Kafka", STDOUT_FILENO), 0);
	assert_string_equal(text, first);
	assert_int_equal(help("in-memory", STDOUT_FILENO), 0);
	assert_non_null(strstr(text, "  maxQueue  NUMBER  default 1000\n"));
	assert_null(strstr(text, "or in one line"));
}

static void function_policy_and_process_have_pages(void **state)
{
	(void)state;
	assert_int_equal(help("function", STDOUT_FILENO), 0);
	assert_rows(function_row_options);
	assert_null(strstr(text, "admin.port"));
	assert_int_equal(help("process", STDOUT_FILENO), 0);
	assert_rows(process_options);
	assert_null(strstr(text, "function.address"));
	assert_int_equal(help("policy", STDOUT_FILENO), 0);
	assert_rows(policy_options);
	assert_non_null(strstr(text, "\nRetries and dead letters\n  retryMaxAttempts  "));
}

static void lines_fit_a_terminal(void **state)
{
	static const char *const words[] = { "kafka", "in-memory", "function", "policy", "process" };

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		help(words[i], STDOUT_FILENO);
		for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1)
			if (end - line > 120)
				fail_msg("%.*s", (int)(end - line), line);
	}
}

static void an_unknown_word_has_a_suggestion(void **state)
{
	(void)state;
	assert_int_equal(help("kafak", STDERR_FILENO), -1);
	assert_string_equal(text, "bridge: no help on \"kafak\", did you mean \"kafka\"?\n");
	assert_int_equal(help("something", STDERR_FILENO), -1);
	assert_string_equal(text,
	    "bridge: no help on \"something\", expected function, policy, process, or a component such as kafka\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_of_a_component_is_there_once_with_its_default),
		cmocka_unit_test(a_type_and_its_class_are_the_same_help),
		cmocka_unit_test(function_policy_and_process_have_pages),
		cmocka_unit_test(lines_fit_a_terminal),
		cmocka_unit_test(an_unknown_word_has_a_suggestion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
