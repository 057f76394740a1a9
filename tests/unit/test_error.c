/* Errors on their way up: set, led in, cut off, never overflowing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "bridge/error.h"

static void setting_returns_minus_one_and_keeps_code_and_text(void **state)
{
	struct error err = { 0 };

	(void)state;
	assert_int_equal(error_set(&err, ERR_TIMEOUT, "no answer in %d s", 5), -1);
	assert_int_equal(err.code, ERR_TIMEOUT);
	assert_string_equal(err.text, "no answer in 5 s");
	error_set(&err, ERR_IO, "reset");
	assert_int_equal(err.code, ERR_IO);
	assert_string_equal(err.text, "reset");
}

static void wrapping_leads_in_and_keeps_the_code(void **state)
{
	struct error err = { 0 };

	(void)state;
	error_set(&err, ERR_DENIED, "no such topic");
	assert_int_equal(error_wrap(&err, "kafka"), -1);
	error_wrap(&err, "source %s", "orders");
	assert_int_equal(err.code, ERR_DENIED);
	assert_string_equal(err.text, "source orders: kafka: no such topic");
}

static void too_long_a_text_is_cut_at_its_end(void **state)
{
	struct {
		struct error err;
		char guard[8];
	} room = { .guard = "guarded" };
	char text[1000];

	(void)state;
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = 0;
	error_set(&room.err, ERR_BUG, "%s", text);
	assert_int_equal(strlen(room.err.text), sizeof room.err.text - 1);
	error_wrap(&room.err, "lead");
	assert_int_equal(strlen(room.err.text), sizeof room.err.text - 1);
	assert_memory_equal(room.err.text, "lead: xxx", 9);
	error_wrap(&room.err, "%s", text);
	assert_int_equal(strlen(room.err.text), sizeof room.err.text - 1);
	assert_string_equal(room.guard, "guarded");
}

static void an_error_may_be_set_from_its_own_text(void **state)
{
	struct error err = { 0 };

	(void)state;
	error_set(&err, ERR_IO, "reset by peer");
	error_set(&err, ERR_CONFIG, "cannot connect (%s)", err.text);
	assert_string_equal(err.text, "cannot connect (reset by peer)");
	assert_int_equal(err.code, ERR_CONFIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(setting_returns_minus_one_and_keeps_code_and_text),
		cmocka_unit_test(wrapping_leads_in_and_keeps_the_code),
		cmocka_unit_test(too_long_a_text_is_cut_at_its_end),
		cmocka_unit_test(an_error_may_be_set_from_its_own_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
