/* The JSON scanner: what is JSON, where the wanted members stand, and strings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "bridge/json_scan.h"

static enum json_kind scan(const char *text)
{
	/* On the heap and without NUL, so that a sanitizer sees a step too far. */
	size_t n = strlen(text);
	char *copy = malloc(n ? n : 1);
	const char *why = NULL;
	enum json_kind kind;

	memcpy(copy, text, n);
	kind = json_scan((struct slice){ copy, n }, NULL, 0, &why);
	assert_true((kind == JSON_NONE) == (why != NULL));
	free(copy);
	return kind;
}

static void every_kind_of_value_is_told_apart(void **state)
{
	(void)state;
	assert_int_equal(scan("null"), JSON_NULL);
	assert_int_equal(scan("true"), JSON_BOOL);
	assert_int_equal(scan(" false\r\n"), JSON_BOOL);
	assert_int_equal(scan("\"\""), JSON_STRING);
	assert_int_equal(scan("[]"), JSON_ARRAY);
	assert_int_equal(scan("[ ]"), JSON_ARRAY);
	assert_int_equal(scan("\t{ }"), JSON_OBJECT);
	assert_int_equal(scan("[1, [2, {\"a\": []}], {}]"), JSON_ARRAY);
	assert_int_equal(scan("{\"a\":{\"b\":[1,{\"c\":null}]},\"d\":\"}\"}"), JSON_OBJECT);
}

static void numbers_follow_the_grammar(void **state)
{
	static const char *const good[] = { "0", "-0", "10", "1.5", "-1.25e+10", "1E-3", "0e0",
		"123456789012345678901234567890" };
	static const char *const bad[] = { "01", "-", "+1", ".5", "1.", "1e", "1e+", "0x10", "1 2", "--1", "Infinity",
		"NaN" };

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_int_equal(scan(good[i]), JSON_NUMBER);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(scan(bad[i]), JSON_NONE);
}

static void what_is_not_json_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		"{",
		"}",
		"[",
		"]",
		"[1",
		"[1,",
		"[1,]",
		"[,1]",
		"[1}",
		"{]",
		"{1:2}",
		"{\"a\"}",
		"{\"a\":}",
		"{\"a\":1,}",
		"{\"a\":1 \"b\":2}",
		"{\"a\" 1}",
		"{a:1}",
		"{'a':1}",
		"tru",
		"trueish",
		"nul",
		"\"",
		"\"a",
		"\"\\\"",
		"\"\\x\"",
		"\"\\u12\"",
		"\"\\u12g4\"",
		"\"\\",
		"\"\\u",
		"\"a\nb\"",
		"\"\x01\"",
		"{}{}",
		"{} x",
		"// no\n{}",
		"\xef\xbb\xbf{}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (scan(bad[i]) != JSON_NONE)
			fail_msg("taken for JSON: %s", bad[i]);
}

static void every_prefix_of_a_document_is_incomplete(void **state)
{
	const char *text = "{\"a\":[1,-2.5e1,true,null,{\"b\":\"\\u00e9\\n\"}],\"c\":\"d\"}";
	const char *why;

	(void)state;
	for (size_t n = 0; n < strlen(text); n++) {
		char *copy = malloc(n ? n : 1);

		memcpy(copy, text, n);
		assert_int_equal(json_scan((struct slice){ copy, n }, NULL, 0, &why), JSON_NONE);
		free(copy);
	}
	assert_int_equal(scan(text), JSON_OBJECT);
}

static void nesting_is_taken_up_to_its_bound(void **state)
{
	char text[2 * JSON_DEPTH_MAX + 3];
	const char *why;

	(void)state;
	memset(text, '[', JSON_DEPTH_MAX);
	memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
	assert_int_equal(json_scan((struct slice){ text, 2 * JSON_DEPTH_MAX }, NULL, 0, &why), JSON_ARRAY);
	memset(text, '[', JSON_DEPTH_MAX + 1);
	memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
	assert_int_equal(json_scan((struct slice){ text, 2 * JSON_DEPTH_MAX + 2 }, NULL, 0, &why), JSON_NONE);
	assert_string_equal(why, "is nested more than 64 deep");
}

static void objects_and_arrays_are_told_apart_at_every_depth(void **state)
{
	(void)state;
	assert_int_equal(scan("[{\"a\":[{\"b\":[]}]}]"), JSON_ARRAY);
	assert_int_equal(scan("[{\"a\":[{\"b\":[}]}]}"), JSON_NONE);
	assert_int_equal(scan("[{\"a\":[{\"b\":1]}]}"), JSON_NONE);
	assert_int_equal(scan("[{\"a\":[\"b\":1]}]"), JSON_NONE);
}

static struct json_member find(const char *text, const char *name, bool any_case)
{
	struct json_member m = { .name = name, .any_case = any_case };
	const char *why;

	json_scan(slice_text(text), &m, 1, &why);
	return m;
}

static void a_wanted_member_is_found_as_it_stands(void **state)
{
	struct json_member m = find("{\"x\":{\"status\":1}, \"status\" : \"A\\\"B\" , \"y\":2}", "status", false);

	(void)state;
	assert_int_equal(m.kind, JSON_STRING);
	assert_true(slice_is(m.text, "A\\\"B"));
	m = find("{\"status\":[ 1, {\"status\":2} ]}", "status", false);
	assert_int_equal(m.kind, JSON_ARRAY);
	assert_true(slice_is(m.text, "[ 1, {\"status\":2} ]"));
	m = find("{\"status\":-1.5e3}", "status", false);
	assert_int_equal(m.kind, JSON_NUMBER);
	assert_true(slice_is(m.text, "-1.5e3"));
}

static void only_the_outermost_object_is_searched(void **state)
{
	(void)state;
	assert_int_equal(find("{\"a\":{\"status\":1},\"b\":[{\"status\":2}]}", "status", false).kind, JSON_NONE);
	assert_int_equal(find("[{\"status\":1}]", "status", false).kind, JSON_NONE);
	assert_int_equal(find("[\"status\",1]", "status", false).kind, JSON_NONE);
	assert_int_equal(find("{\"a\":\"status\"}", "status", false).kind, JSON_NONE);
}

static void the_last_of_equal_names_counts(void **state)
{
	(void)state;
	assert_true(slice_is(find("{\"a\":1,\"a\":2}", "a", false).text, "2"));
	assert_int_equal(find("{\"a\":1,\"a\":null}", "a", false).kind, JSON_NULL);
}

static void names_are_compared_unescaped_and_in_any_case_only_if_asked(void **state)
{
	(void)state;
	assert_true(slice_is(find("{\"st\\u0061tus\":1}", "status", false).text, "1"));
	assert_int_equal(find("{\"Status\":1}", "status", false).kind, JSON_NONE);
	assert_true(slice_is(find("{\"Status\":1}", "status", true).text, "1"));
	assert_int_equal(find("{\"statuses\":1}", "status", true).kind, JSON_NONE);
	assert_int_equal(find("{\"stat\":1}", "status", true).kind, JSON_NONE);
	assert_int_equal(find("{\"stat\\u0161s\":1}", "status", true).kind, JSON_NONE);
}

static void members_before_a_fault_are_kept(void **state)
{
	(void)state;
	assert_true(slice_is(find("{\"status\":\"RETRY\",\"more\":\"cut off he", "status", false).text, "RETRY"));
	assert_int_equal(find("{\"status\":\"RET", "status", false).kind, JSON_NONE);
}

static void escapes_are_compared_by_what_they_mean(void **state)
{
	(void)state;
	assert_true(json_string_is(SLICE("a\\/\\\"\\\\\\b\\f\\n\\r\\t"), "a/\"\\\b\f\n\r\t", false));
	assert_true(json_string_is(SLICE("\\u0052ETRY"), "RETRY", false));
	assert_false(json_string_is(SLICE("RETRY "), "RETRY", false));
	assert_false(json_string_is(SLICE("RETR"), "RETRY", false));
	assert_true(json_string_is(SLICE(""), "", false));
}

static void a_string_is_written_so_that_it_can_be_read(void **state)
{
	struct buf b = { 0 };

	(void)state;
	json_add_string(&b, SLICE("a\"b\\c\n\x01\x7f\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80/"));
	buf_add(&b, "", 1);
	assert_string_equal(b.p, "\"a\\\"b\\\\c\\u000a\\u0001\\u007f\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80/\"");
	buf_free(&b);
}

static void bytes_that_are_not_utf8_become_the_replacement_character(void **state)
{
	/* a lone continuation, an overlong slash, a surrogate, beyond U+10FFFF, a cut sequence */
	static const char *const bad[] = { "\x80", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\xff" };
	static const unsigned count[] = { 1, 2, 3, 4, 2, 1 };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct buf b = { 0 };

		json_add_string(&b, slice_text(bad[i]));
		assert_int_equal(b.n, 2 + 6 * count[i]);
		buf_free(&b);
	}
}

static void the_members_of_an_object_come_one_after_the_other(void **state)
{
	static const char text[] =
	    " { \"a\" : \"x\\\"y\" ,\"\":[1,{\"b\":2}], \"c\" : {\"d\":{}} , \"e\":-1.5e3,\"f\":null} ";
	static const struct {
		const char *name, *text;
		enum json_kind kind;
	} expected[] = { { "a", "x\\\"y", JSON_STRING }, { "", "[1,{\"b\":2}]", JSON_ARRAY },
		{ "c", "{\"d\":{}}", JSON_OBJECT }, { "e", "-1.5e3", JSON_NUMBER }, { "f", "null", JSON_NULL } };
	struct slice rest = slice_text(text), name;
	struct json_member value;

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
		assert_true(json_next(&rest, &name, &value));
		assert_true(slice_is(name, expected[i].name));
		assert_int_equal(value.kind, expected[i].kind);
		assert_true(slice_is(value.text, expected[i].text));
	}
	assert_false(json_next(&rest, &name, &value));
	rest = SLICE("{ }");
	assert_false(json_next(&rest, &name, &value));
}

static void assert_means(const char *escaped, const char *text)
{
	struct buf b = { 0 };

	json_add_text(&b, slice_text(escaped));
	buf_add(&b, "", 1);
	assert_string_equal(b.p, text);
	buf_free(&b);
}

static void a_string_means_its_characters(void **state)
{
	(void)state;
	assert_means("", "");
	assert_means("a\\\"\\\\\\/\\b\\f\\n\\r\\t", "a\"\\/\b\f\n\r\t");
	assert_means("\\u0041\\u00fc\\u20AC\\ud83d\\ude00z", "A\u00fc\u20ac\U0001f600z");
	assert_means("\\ud83d", "\ufffd");
	assert_means("\\ud83dx\\ude00", "\ufffdx\ufffd");
	assert_means("\\ud83d\\u0041", "\ufffdA");
	assert_means("\u00fc", "\u00fc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_value_is_told_apart),
		cmocka_unit_test(numbers_follow_the_grammar),
		cmocka_unit_test(what_is_not_json_is_refused),
		cmocka_unit_test(every_prefix_of_a_document_is_incomplete),
		cmocka_unit_test(nesting_is_taken_up_to_its_bound),
		cmocka_unit_test(objects_and_arrays_are_told_apart_at_every_depth),
		cmocka_unit_test(a_wanted_member_is_found_as_it_stands),
		cmocka_unit_test(only_the_outermost_object_is_searched),
		cmocka_unit_test(the_last_of_equal_names_counts),
		cmocka_unit_test(names_are_compared_unescaped_and_in_any_case_only_if_asked),
		cmocka_unit_test(members_before_a_fault_are_kept),
		cmocka_unit_test(escapes_are_compared_by_what_they_mean),
		cmocka_unit_test(a_string_is_written_so_that_it_can_be_read),
		cmocka_unit_test(bytes_that_are_not_utf8_become_the_replacement_character),
		cmocka_unit_test(the_members_of_an_object_come_one_after_the_other),
		cmocka_unit_test(a_string_means_its_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
