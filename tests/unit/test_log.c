/* Log lines: their form in text and JSON, quoting, levels, repeated faults, many threads, a full pipe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bridge/log.h"

static char said[1 << 20];
static char instance[256];
static int kept_stdout, capture_fd;

static void capture(void)
{
	FILE *file = tmpfile();

	assert_non_null(file);
	kept_stdout = dup(STDOUT_FILENO);
	capture_fd = dup(fileno(file));
	fclose(file);
	dup2(capture_fd, STDOUT_FILENO);
}

/* What was written since capture(), and standard output is what it was again. */
static const char *captured(void)
{
	ssize_t n;

	dup2(kept_stdout, STDOUT_FILENO);
	close(kept_stdout);
	n = pread(capture_fd, said, sizeof said - 1, 0);
	assert_true(n >= 0);
	said[n] = 0;
	close(capture_fd);
	return said;
}

/* Everything behind the time, which is checked for its form and taken off. */
static const char *behind_time(const char *line, const char *lead)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd.ddddddZ\"";
	const char *p = line + strlen(lead);

	assert_memory_equal(line, lead, strlen(lead));
	for (size_t i = 0; form[i]; i++)
		if (form[i] == 'd')
			assert_in_range(p[i], '0', '9');
		else
			assert_int_equal(p[i], form[i]);
	return p + strlen(form);
}

static const char *text_of(const char *message)
{
	log_setup(LOG_INFO, false, "shop", "0.1.0");
	capture();
	log_info("bridge.test", "%s", message);
	return behind_time(captured(), "time=\"");
}

static const char *json_of(const char *message)
{
	log_setup(LOG_INFO, true, "shop", "0.1.0");
	capture();
	log_info("bridge.test", "%s", message);
	return behind_time(captured(), "{\"time\":\"");
}

static void assert_text(const char *message, const char *printed)
{
	char line[1024];

	snprintf(line, sizeof line, " level=info msg=%s app_id=shop instance=%s scope=bridge.test type=log ver=0.1.0\n",
	    printed, instance);
	assert_string_equal(text_of(message), line);
}

static void assert_json(const char *message, const char *printed)
{
	char line[1024];

	snprintf(line, sizeof line,
	    ",\"level\":\"info\",\"msg\":\"%s\",\"app_id\":\"shop\",\"instance\":\"%s\",\"scope\":\"bridge.test\","
	    "\"type\":\"log\",\"ver\":\"0.1.0\"}\n",
	    printed, instance);
	assert_string_equal(json_of(message), line);
}

static void a_text_line_has_daprds_fields(void **state)
{
	(void)state;
	assert_text("started", "started");
	assert_text("up and running", "\"up and running\"");
}

static void a_json_line_has_the_same_fields(void **state)
{
	(void)state;
	assert_json("started", "started");
	assert_json("up and running", "up and running");
}

static void a_line_names_the_function_it_is_of(void **state)
{
	(void)state;
	assert_null(log_function("mail"));
	assert_string_equal(log_function_now(), "mail");
	assert_non_null(strstr(text_of("x"), " msg=x app_id=mail "));
	assert_string_equal(log_function(NULL), "mail");
	assert_non_null(strstr(text_of("x"), " msg=x app_id=shop "));
}

static void only_letters_digits_and_few_signs_go_unquoted(void **state)
{
	(void)state;
	assert_text("aZ09-._/@^+", "aZ09-._/@^+");
	assert_text("a=b", "\"a=b\"");
	assert_text("a:b", "\"a:b\"");
	assert_text("a,b", "\"a,b\"");
	assert_text("\xc3\xa9t\xc3\xa9", "\"\xc3\xa9t\xc3\xa9\"");
	assert_text("", "");
}

static void nothing_in_a_text_line_ends_or_forges_it(void **state)
{
	(void)state;
	assert_text("a\nb\r\tc", "\"a\\nb\\r\\tc\"");
	assert_text("say \"hi\" \\", "\"say \\\"hi\\\" \\\\\"");
	assert_text("\x1b[31m\x7f\x01", "\"\\x1b[31m\\x7f\\x01\"");
	assert_text("\xc2\x85\xe2\x80\xa8\xe2\x80\xa9", "\"\\u0085\\u2028\\u2029\"");
}

static void bad_utf8_is_escaped_byte_by_byte(void **state)
{
	(void)state;
	assert_text("\xff.", "\"\\xff.\"");
	assert_text("\xc3", "\"\\xc3\"");
	assert_text("\xc0\xaf", "\"\\xc0\\xaf\"");
	assert_text("\xed\xa0\x80", "\"\\xed\\xa0\\x80\"");
	assert_text("\xf4\x90\x80\x80", "\"\\xf4\\x90\\x80\\x80\"");
	assert_text("\xf0\x9f\x8c\x89", "\"\xf0\x9f\x8c\x89\"");
}

static void json_strings_are_json(void **state)
{
	(void)state;
	assert_json("a\n\"b\"\\\t\x01", "a\\n\\\"b\\\"\\\\\\t\\u0001");
	assert_json("\xff\xc3\xa9", "\\ufffd\xc3\xa9");
}

static void levels_have_daprds_words(void **state)
{
	static const struct {
		enum log_level level;
		const char *word;
	} levels[] = { { LOG_DEBUG, "debug" }, { LOG_INFO, "info" }, { LOG_WARN, "warning" }, { LOG_ERROR, "error" },
		{ LOG_FATAL, "fatal" } };
	char part[32];

	(void)state;
	log_setup(LOG_DEBUG, false, "shop", "0.1.0");
	for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
		capture();
		log_at(levels[i].level, "bridge.test", "x");
		snprintf(part, sizeof part, " level=%s ", levels[i].word);
		assert_non_null(strstr(captured(), part));
	}
}

static void level_words_are_read(void **state)
{
	(void)state;
	assert_int_equal(log_level_parse("debug"), LOG_DEBUG);
	assert_int_equal(log_level_parse("INFO"), LOG_INFO);
	assert_int_equal(log_level_parse("warn"), LOG_WARN);
	assert_int_equal(log_level_parse("warning"), LOG_WARN);
	assert_int_equal(log_level_parse("error"), LOG_ERROR);
	assert_int_equal(log_level_parse("fatal"), LOG_FATAL);
	assert_int_equal(log_level_parse("loud"), -1);
	assert_int_equal(log_level_parse(""), -1);
}

static int asked;

static int ask(void)
{
	return ++asked;
}

static void below_the_level_nothing_is_written_or_computed(void **state)
{
	struct log_repeat repeat = { 0 };

	(void)state;
	log_setup(LOG_WARN, false, "shop", "0.1.0");
	capture();
	log_debug("bridge.test", "%d", ask());
	log_info("bridge.test", "quiet");
	log_fault(&repeat, 0, LOG_INFO, "bridge.test", "quiet");
	assert_string_equal(captured(), "");
	assert_int_equal(asked, 0);
	assert_true(log_enabled(LOG_WARN));
	assert_false(log_enabled(LOG_INFO));
}

static void errno_is_left_alone(void **state)
{
	(void)state;
	log_setup(LOG_INFO, false, "shop", "0.1.0");
	capture();
	close(STDOUT_FILENO);
	errno = ENOENT;
	log_info("bridge.test", "into a closed descriptor");
	assert_int_equal(errno, ENOENT);
	captured();
}

static void a_long_message_is_cut_but_the_line_is_whole(void **state)
{
	static char text[20000];
	const char *line;

	(void)state;
	memset(text, '\n', sizeof text - 1);
	line = text_of(text);
	assert_true(strlen(line) < 10000);
	assert_non_null(strstr(line, "\\n\" app_id=shop "));
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static unsigned count(const char *text, const char *part)
{
	unsigned n = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		n++;
	return n;
}

static void a_repeated_fault_is_said_once_in_ten_seconds_with_its_count(void **state)
{
	struct log_repeat repeat = { 0 };

	(void)state;
	log_setup(LOG_INFO, false, "shop", "0.1.0");
	capture();
	for (int64_t now = 5000; now < 15000; now++)
		log_fault(&repeat, now, LOG_WARN, "bridge.test", "refused");
	assert_int_equal(count(captured(), "\n"), 1);
	assert_non_null(strstr(said, "level=warning msg=refused "));
	capture();
	log_fault(&repeat, 15000, LOG_WARN, "bridge.test", "refused");
	log_fault(&repeat, 15001, LOG_WARN, "bridge.test", "refused");
	assert_int_equal(count(captured(), "\n"), 1);
	assert_non_null(strstr(said, "msg=\"refused (9,999 more in 10 s)\""));
}

static void a_rare_fault_is_said_plainly_each_time(void **state)
{
	struct log_repeat repeat = { 0 };

	(void)state;
	log_setup(LOG_INFO, false, "shop", "0.1.0");
	capture();
	for (int64_t now = 0; now < 50000; now += 10000)
		log_fault(&repeat, now, LOG_WARN, "bridge.test", "refused");
	assert_int_equal(count(captured(), "msg=refused "), 5);
}

static void another_fault_is_said_at_once_and_no_count_is_lost(void **state)
{
	struct log_repeat repeat = { 0 };

	(void)state;
	log_setup(LOG_INFO, false, "shop", "0.1.0");
	capture();
	for (int64_t now = 20000; now < 20004; now++)
		log_fault(&repeat, now, LOG_WARN, "bridge.test", "refused");
	log_fault(&repeat, 20004, LOG_WARN, "bridge.test", "status %d", 503);
	log_fault(&repeat, 30000, LOG_WARN, "bridge.test", "reset");
	assert_non_null(strstr(captured(), "msg=\"status 503\""));
	assert_non_null(strstr(said, "msg=\"reset (3 more in 10 s)\""));
	assert_int_equal(count(said, "\n"), 3);
}

static void faults_that_all_differ_do_not_flood(void **state)
{
	struct log_repeat repeat = { 0 };

	(void)state;
	log_setup(LOG_INFO, false, "shop", "0.1.0");
	capture();
	for (int i = 0; i < 1000; i++)
		log_fault(&repeat, 20000, LOG_WARN, "bridge.test", "event %d failed", i);
	assert_int_equal(count(captured(), "\n"), 8);
	capture();
	log_fault(&repeat, 30000, LOG_WARN, "bridge.test", "event 1000 failed");
	assert_non_null(strstr(captured(), "(992 more in 10 s)"));
}

static void faults_with_one_key_are_one_fault(void **state)
{
	struct log_repeat repeat = { 0 };

	(void)state;
	log_setup(LOG_INFO, false, "shop", "0.1.0");
	capture();
	for (int i = 0; i < 1000; i++)
		log_fault_keyed(&repeat, 20000, "status 503", LOG_WARN, "bridge.test", "event %d: status 503", i);
	log_fault_keyed(&repeat, 20000, "status 500", LOG_WARN, "bridge.test", "event 7: status 500");
	assert_int_equal(count(captured(), "\n"), 2);
}

enum { THREADS = 4, LINES = 500 };

static void *log_many(void *arg)
{
	for (unsigned i = 0; i < LINES; i++)
		log_info("bridge.test", "thread %s line %u", (const char *)arg, i);
	return NULL;
}

static void *drain_pipe(void *arg)
{
	int fd = *(int *)arg;
	size_t at = 0;
	ssize_t n;

	while (at < sizeof said - 1 && (n = read(fd, said + at, sizeof said - 1 - at)) > 0)
		at += (size_t)n;
	said[at] = 0;
	return NULL;
}

/* A pipe of one page that does not block its writer: lines are taken in part all the time. */
static void lines_of_many_threads_stay_whole_through_a_full_pipe(void **state)
{
	static char *const names[THREADS] = { "a", "b", "c", "d" };
	pthread_t writers[THREADS], reader;
	char *line, *rest = NULL;
	unsigned lines = 0;
	int ends[2];

	(void)state;
	log_setup(LOG_INFO, false, "shop", "0.1.0");
	assert_int_equal(pipe(ends), 0);
	fcntl(ends[1], F_SETPIPE_SZ, 4096);
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	kept_stdout = dup(STDOUT_FILENO);
	dup2(ends[1], STDOUT_FILENO);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&writers[i], NULL, log_many, names[i]), 0);
	assert_int_equal(pthread_create(&reader, NULL, drain_pipe, &ends[0]), 0);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(writers[i], NULL);
	dup2(kept_stdout, STDOUT_FILENO);
	close(kept_stdout);
	close(ends[1]);
	pthread_join(reader, NULL);
	close(ends[0]);
	for (line = strtok_r(said, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest), lines++) {
		assert_memory_equal(behind_time(line, "time=\""), " level=info msg=\"thread ", 24);
		assert_string_equal(line + strlen(line) - 19, " type=log ver=0.1.0");
	}
	assert_int_equal(lines, THREADS * LINES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_line_has_daprds_fields),
		cmocka_unit_test(a_json_line_has_the_same_fields),
		cmocka_unit_test(a_line_names_the_function_it_is_of),
		cmocka_unit_test(only_letters_digits_and_few_signs_go_unquoted),
		cmocka_unit_test(nothing_in_a_text_line_ends_or_forges_it),
		cmocka_unit_test(bad_utf8_is_escaped_byte_by_byte),
		cmocka_unit_test(json_strings_are_json),
		cmocka_unit_test(levels_have_daprds_words),
		cmocka_unit_test(level_words_are_read),
		cmocka_unit_test(below_the_level_nothing_is_written_or_computed),
		cmocka_unit_test(errno_is_left_alone),
		cmocka_unit_test(a_long_message_is_cut_but_the_line_is_whole),
		cmocka_unit_test(a_repeated_fault_is_said_once_in_ten_seconds_with_its_count),
		cmocka_unit_test(a_rare_fault_is_said_plainly_each_time),
		cmocka_unit_test(another_fault_is_said_at_once_and_no_count_is_lost),
		cmocka_unit_test(faults_that_all_differ_do_not_flood),
		cmocka_unit_test(faults_with_one_key_are_one_fault),
		cmocka_unit_test(lines_of_many_threads_stay_whole_through_a_full_pipe),
	};

	gethostname(instance, sizeof instance - 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
