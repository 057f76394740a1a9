/* Points in time as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "bridge/time_text.h"

static int64_t read_rfc3339(const char *text)
{
	int64_t at = -1;

	assert_true(rfc3339_parse(slice_text(text), &at));
	return at;
}

static void rfc3339_is_read_with_fraction_and_zone(void **state)
{
	(void)state;
	assert_int_equal(read_rfc3339("1970-01-01T00:00:00Z"), 0);
	assert_int_equal(read_rfc3339("2026-02-28T23:59:59Z"), 1772323199000);
	assert_int_equal(read_rfc3339("2026-02-28T23:59:59.5Z"), 1772323199500);
	assert_int_equal(read_rfc3339("2026-02-28T23:59:59.123456789Z"), 1772323199123);
	assert_int_equal(read_rfc3339("2026-03-01T01:59:59+02:00"), 1772323199000);
	assert_int_equal(read_rfc3339("2026-02-28T18:29:59-05:30"), 1772323199000);
	assert_int_equal(read_rfc3339("2024-02-29T00:00:00Z"), 1709164800000);
}

static void what_is_no_rfc3339_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"2026-02-28",
		"2026-02-28 23:59:59Z",
		"2026-02-28T23:59:59",
		"2026-02-29T00:00:00Z",
		"2026-13-01T00:00:00Z",
		"2026-00-01T00:00:00Z",
		"2026-01-00T00:00:00Z",
		"2026-01-01T24:00:00Z",
		"2026-01-01T00:60:00Z",
		"2026-01-01T00:00:61Z",
		"2026-01-01T00:00:00.Z",
		"2026-01-01T00:00:00+24:00",
		"2026-01-01T00:00:00+0100",
		"2026-01-01T00:00:00Zx",
		"26-01-01T00:00:00Z",
		"2026-1-1T00:00:00Z",
		"-026-01-01T00:00:00Z",
		"2026-01-01T00:00:00.000000000000000000000000000000000000000000000000000000000000Z",
	};
	int64_t at;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (rfc3339_parse(slice_text(bad[i]), &at))
			fail_msg("taken for a time: %s", bad[i]);
}

static void rfc3339_is_written_as_it_would_be_read(void **state)
{
	char text[RFC3339_SIZE];

	(void)state;
	assert_int_equal(rfc3339_print(text, 1772323199000), 20);
	assert_string_equal(text, "2026-02-28T23:59:59Z");
	rfc3339_print(text, 1772323199045);
	assert_string_equal(text, "2026-02-28T23:59:59.045Z");
	rfc3339_print(text, -1);
	assert_string_equal(text, "1969-12-31T23:59:59.999Z");
	rfc3339_print(text, INT64_MAX);
	assert_string_equal(text, "9999-12-31T23:59:59.999Z");
	rfc3339_print(text, INT64_MIN);
	assert_string_equal(text, "0000-01-01T00:00:00Z");
}

static void the_date_of_http_is_read(void **state)
{
	int64_t at;

	(void)state;
	assert_true(http_date_parse(SLICE("Sun, 06 Nov 1994 08:49:37 GMT"), &at));
	assert_int_equal(at, 784111777000);
	assert_false(http_date_parse(SLICE("Sun, 06 Nov 1994 08:49:37"), &at));
	assert_false(http_date_parse(SLICE("Sun, 06 ovD 1994 08:49:37 GMT"), &at));
	assert_false(http_date_parse(SLICE("Sun, 31 Nov 1994 08:49:37 GMT"), &at));
	assert_false(http_date_parse(SLICE("Sunday, 06-Nov-94 08:49:37 GMT"), &at));
	assert_false(http_date_parse(SLICE("1994"), &at));
	assert_false(http_date_parse(SLICE(""), &at));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc3339_is_read_with_fraction_and_zone),
		cmocka_unit_test(what_is_no_rfc3339_is_refused),
		cmocka_unit_test(rfc3339_is_written_as_it_would_be_read),
		cmocka_unit_test(the_date_of_http_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
