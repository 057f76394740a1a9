/* Option rows: what each type accepts and refuses, defaults, aliases, what was written, and printing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "bridge/error.h"
#include "bridge/option.h"

struct thing {
	const char *name, *password;
	int64_t count, pause, dapr_pause, room;
	bool on;
	int order;
};

static const struct option rows[] = { STR("name", struct thing, name, NULL, OPT_REQUIRED, "name of the thing",
					  .alias = "label title"),
	STR("password", struct thing, password, NULL, OPT_SECRET, "password"),
	INT("count", struct thing, count, "7", 0, "how many", .min = 0, .max = 100),
	MS("pause", struct thing, pause, "1m30s", 0, "pause", .min = 0, .max = 86400000),
	MS("daprPause", struct thing, dapr_pause, "5s", OPT_BARE_MS, "pause in Dapr's way"),
	BYTES("room", struct thing, room, "16Mi", 0, "room"), BOOL("on", struct thing, on, "true", 0, "on or off"),
	WORD("order", struct thing, order, "none", 0, "order", .words = "partition key none|nil"), OPT_END };

static const struct option *row(const char *name)
{
	const struct option *o = option_find(rows, name);

	assert_non_null(o);
	return o;
}

static int64_t number(const char *name, const char *text)
{
	struct thing t = { 0 };
	struct error e = { ERR_NONE, "" };

	if (option_read(row(name), &t, text, &e))
		fail_msg("%s: %s", name, e.text);
	return *(int64_t *)((char *)&t + row(name)->offset);
}

static void assert_refused(const char *name, const char *text, const char *expected)
{
	struct thing t = { 0 };
	struct error e = { ERR_NONE, "" };

	assert_int_equal(option_read(row(name), &t, text, &e), -1);
	assert_int_equal(e.code, ERR_CONFIG);
	if (!strstr(e.text, expected))
		fail_msg("%s: \"%s\" does not say \"%s\"", name, e.text, expected);
}

static void defaults_are_text_parsed_like_the_file(void **state)
{
	struct setting s[] = { { .name = "name", .value = "x" } };
	struct thing t = { 0 };
	struct error e;

	(void)state;
	assert_int_equal(option_parse(rows, &t, s, 1, NULL, &e), 0);
	assert_string_equal(t.name, "x");
	assert_null(t.password);
	assert_int_equal(t.count, 7);
	assert_int_equal(t.pause, 90000);
	assert_int_equal(t.dapr_pause, 5000);
	assert_int_equal(t.room, 16 << 20);
	assert_true(t.on);
	assert_int_equal(t.order, 2);
	assert_true(s[0].used);
}

static void durations_are_gos_and_a_bare_number_has_the_rows_unit(void **state)
{
	(void)state;
	assert_int_equal(number("pause", "500ms"), 500);
	assert_int_equal(number("pause", "1h2m3s"), 3723000);
	assert_int_equal(number("pause", "1.5s"), 1500);
	assert_int_equal(number("pause", "0.25h"), 900000);
	assert_int_equal(number("pause", "3"), 3000);
	assert_int_equal(number("pause", "0"), 0);
	assert_int_equal(number("daprPause", "3"), 3);
	assert_int_equal(number("daprPause", "3s"), 3000);
	assert_int_equal(number("daprPause", "-1"), -1);
	assert_int_equal(number("daprPause", "-1.5s"), -1500);
	assert_int_equal(number("pause", "1us"), 1); /* never quietly nothing */
	assert_int_equal(number("pause", "3m0s"), 180000);
}

static void a_duration_that_is_none_is_refused(void **state)
{
	static const char *const wrong[] = { "soon", "5x", "1.5", "1m5", "0s5", "s", "-", "+", " 5s", "5s ", "5 s",
		"1e3", "99999999999999999999", "9223372036854775807", "9999999999h", "ms" };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_refused("pause", wrong[i], "expected");
	assert_refused("pause", "soon", "not a duration, expected one such as 500ms, 30s or 1m30s");
	assert_refused("pause", "25h", "out of range, expected 0s to 24h");
	assert_refused("pause", "-1s", "-1s is out of range");
	assert_refused("daprPause", "9223372036855", "not a duration");
	assert_refused("daprPause", "2562047h47m16.855s", "not a duration");
}

static void sizes_are_quantities(void **state)
{
	(void)state;
	assert_int_equal(number("room", "123"), 123);
	assert_int_equal(number("room", "64Ki"), 64 << 10);
	assert_int_equal(number("room", "4Mi"), 4 << 20);
	assert_int_equal(number("room", "1Gi"), 1 << 30);
	assert_int_equal(number("room", "1.5Ki"), 1536);
	assert_int_equal(number("room", "2k"), 2000);
	assert_int_equal(number("room", "2M"), 2000000);
	assert_int_equal(number("room", "2G"), 2000000000);
	assert_refused("room", "2MB", "not a size, expected one such as 512Ki, 16Mi or 1Gi");
}

static void whole_numbers_are_whole_and_in_range(void **state)
{
	(void)state;
	assert_int_equal(number("count", "100"), 100);
	assert_int_equal(number("count", "+1"), 1);
	assert_refused("count", "101", "101 is out of range, expected 0 to 100");
	assert_refused("count", "-1", "out of range");
	assert_refused("count", "1.0", "not a whole number");
	assert_refused("count", "0x10", "not a whole number");
	assert_refused("count", "9223372036854775808", "not a whole number");
	assert_refused("count", "many", "\"many\"");
}

static void truth_has_daprs_words_in_any_case(void **state)
{
	static const char *const yes[] = { "y", "yes", "t", "TRUE", "on", "1" },
				 *const no[] = { "n", "No", "f", "false", "OFF", "0" };
	struct thing t = { 0 };
	struct error e;

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++) {
		t.on = false;
		assert_int_equal(option_read(row("on"), &t, yes[i], &e), 0);
		assert_true(t.on);
		assert_int_equal(option_read(row("on"), &t, no[i], &e), 0);
		assert_false(t.on);
	}
	assert_refused("on", "maybe", "expected true or false");
	assert_refused("on", "yes please", "expected true or false");
}

static void a_word_is_one_of_the_rows_in_any_spelling(void **state)
{
	struct thing t = { 0 };
	struct error e;

	(void)state;
	assert_int_equal(option_read(row("order"), &t, "KEY", &e), 0);
	assert_int_equal(t.order, 1);
	assert_int_equal(option_read(row("order"), &t, "nil", &e), 0);
	assert_int_equal(t.order, 2);
	assert_refused("order", "ke", "expected partition, key or none");
	assert_refused("order", "none|nil", "expected partition, key or none");
	assert_refused("order", "partition key", "expected partition, key or none");
}

static void the_last_of_equal_names_wins_and_an_empty_value_is_none(void **state)
{
	struct setting s[] = { { .name = "title", .value = "first" }, { .name = "COUNT", .value = "1" },
		{ .name = "Name", .value = "last" }, { .name = "count", .value = "" },
		{ .name = "other", .value = "x" } };
	uint64_t written = 0;
	struct thing t = { 0 };
	struct error e;

	(void)state;
	assert_int_equal(option_parse(rows, &t, s, 5, &written, &e), 0);
	assert_string_equal(t.name, "last");
	assert_int_equal(t.count, 7);
	assert_int_equal(written, 1); /* only the name */
	assert_true(s[0].used && s[1].used && s[2].used && s[3].used);
	assert_false(s[4].used);
}

static void a_fault_says_file_line_column_name_and_what_was_expected(void **state)
{
	struct setting s[] = { { .name = "name", .value = "x" },
		{ .name = "count", .value = "many", .file = "a.yaml", .line = 12, .column = 16 } };
	struct thing t = { 0 };
	struct error e;

	(void)state;
	assert_int_equal(option_parse(rows, &t, s, 2, NULL, &e), -1);
	assert_string_equal(e.text, "a.yaml:12:16: count: \"many\" is not a whole number, expected digits such as 64");
	s[1].file = NULL;
	memset(&t, 0, sizeof(t));
	assert_int_equal(option_parse(rows, &t, s, 2, NULL, &e), -1);
	assert_string_equal(e.text, "count: \"many\" is not a whole number, expected digits such as 64");
}

static void a_required_row_that_is_missing_or_empty_is_named(void **state)
{
	struct setting s[] = { { .name = "name", .value = "" } };
	struct thing t = { 0 };
	struct error e;

	(void)state;
	assert_int_equal(option_parse(rows, &t, s, 1, NULL, &e), -1);
	assert_string_equal(e.text, "name: missing, expected the name of the thing");
}

static void a_table_that_is_not_there_has_no_rows(void **state)
{
	struct setting s[] = { { .name = "name", .value = "x" } };
	struct error e;

	(void)state;
	assert_int_equal(option_parse(NULL, NULL, s, 1, NULL, &e), 0);
	assert_false(s[0].used);
	assert_null(option_find(NULL, "name"));
}

static void a_long_or_secret_value_is_not_repeated_in_the_fault(void **state)
{
	static const struct option secret = INT("pin", struct thing, count, NULL, OPT_SECRET, "pin");
	struct thing t = { 0 };
	struct error e;
	char value[500];

	(void)state;
	memset(value, 'x', sizeof(value));
	value[sizeof(value) - 1] = '\0';
	assert_int_equal(option_read(row("count"), &t, value, &e), -1);
	assert_non_null(strstr(e.text, "xxx…\" is not"));
	assert_true(strlen(e.text) < 160);
	assert_int_equal(option_read(&secret, &t, "hunter2", &e), -1);
	assert_null(strstr(e.text, "hunter2"));
	assert_int_equal(option_read(row("count"), &t, "a\nb", &e), -1);
	assert_null(strchr(e.text, '\n'));
}

static void assert_printed(const char *name, const char *value, const char *expected)
{
	struct thing t = { 0 }, again = { 0 };
	struct error e;
	char text[64];

	assert_int_equal(option_read(row(name), &t, value, &e), 0);
	assert_int_equal(option_print(row(name), &t, text, sizeof(text)), strlen(expected));
	assert_string_equal(text, expected);
	if (row(name)->flags & OPT_SECRET)
		return;
	assert_int_equal(option_read(row(name), &again, text, &e), 0);
	again.name = t.name; /* equal as text, not as pointers */
	assert_memory_equal(&t, &again, sizeof(t));
}

static void a_field_is_printed_as_it_would_be_written(void **state)
{
	struct thing t = { 0 };
	char text[4];

	(void)state;
	assert_printed("name", "orders", "orders");
	assert_printed("name", "", "");
	assert_printed("password", "hunter2", "<secret>");
	assert_printed("password", "", "");
	assert_printed("count", "64", "64");
	assert_printed("pause", "90", "1m30s");
	assert_printed("pause", "1500ms", "1s500ms");
	assert_printed("pause", "0", "0s");
	assert_printed("daprPause", "-1500", "-1s500ms");
	assert_printed("daprPause", "-9223372036854", "-2562047h47m16s854ms");
	assert_printed("room", "16777216", "16Mi");
	assert_printed("room", "1000", "1000");
	assert_printed("room", "0", "0");
	assert_printed("on", "no", "false");
	assert_printed("order", "nil", "none");
	t.name = "abcdef";
	assert_int_equal(option_print(row("name"), &t, text, sizeof(text)), 3);
	assert_string_equal(text, "abc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_text_parsed_like_the_file),
		cmocka_unit_test(durations_are_gos_and_a_bare_number_has_the_rows_unit),
		cmocka_unit_test(a_duration_that_is_none_is_refused),
		cmocka_unit_test(sizes_are_quantities),
		cmocka_unit_test(whole_numbers_are_whole_and_in_range),
		cmocka_unit_test(truth_has_daprs_words_in_any_case),
		cmocka_unit_test(a_word_is_one_of_the_rows_in_any_spelling),
		cmocka_unit_test(the_last_of_equal_names_wins_and_an_empty_value_is_none),
		cmocka_unit_test(a_fault_says_file_line_column_name_and_what_was_expected),
		cmocka_unit_test(a_required_row_that_is_missing_or_empty_is_named),
		cmocka_unit_test(a_table_that_is_not_there_has_no_rows),
		cmocka_unit_test(a_long_or_secret_value_is_not_repeated_in_the_fault),
		cmocka_unit_test(a_field_is_printed_as_it_would_be_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
