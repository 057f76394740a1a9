/* Discovery over HTTP: which input bindings a function wants. */
/* links: fake_core.c fake_client.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "bindings/bindings.h"
#include "tests/unit/fake_client.h"
#include "tests/unit/fake_core.h"

#define COMMON "Host: 127.0.0.1:8080\r\nUser-Agent: bridge\r\n"

static struct binding *channel;

static int begin(void **state)
{
	static const char *const settings[] = { "address", "127.0.0.1:8080", NULL };

	(void)state;
	fake_core_reset();
	fake_client_reset();
	channel = fake_core_open(&http_channel_class, NULL, settings);
	return 0;
}

static int end(void **state)
{
	(void)state;
	fake_core_close(channel);
	return 0;
}

static void discover(const char *const *inputs, unsigned n)
{
	channel->class->discover(channel, inputs, n);
}

static void inputs_that_answer_2xx_or_405_are_wanted(void **state)
{
	static const char *const inputs[] = { "/a", "/b", "/c", "/d", "/e" };

	(void)state;
	discover(inputs, 5);
	assert_string_equal(fake_call("OPTIONS /a")->request, "OPTIONS /a HTTP/1.1\r\n" COMMON "\r\n");
	fake_answer(fake_call("OPTIONS /a"), 204, "", "");
	fake_answer(fake_call("OPTIONS /c"), 404, "", "");
	fake_answer(fake_call("OPTIONS /b"), 405, "", "");
	fake_answer(fake_call("OPTIONS /e"), 301, "", "");
	assert_int_equal(fake_core.n_discovered, 0);
	fake_answer(fake_call("OPTIONS /d"), 501, "", "");
	assert_int_equal(fake_core.n_discovered, 1);
	assert_string_equal(fake_core.discovered, "/a /b");
	fake_time(600000);
	assert_int_equal(fake_client.n_sent, 5);
}

static void nothing_to_ask_is_answered_at_once(void **state)
{
	(void)state;
	discover(NULL, 0);
	assert_int_equal(fake_core.n_discovered, 1);
	assert_string_equal(fake_core.discovered, "");
}

static void a_question_without_answer_is_asked_again_and_holds_up_no_other(void **state)
{
	static const char *const inputs[] = { "/a", "/b", "/c" };

	(void)state;
	discover(inputs, 3);
	fake_answer(fake_call("OPTIONS /a"), 200, "", "");
	fake_end(fake_call("OPTIONS /b"), HTTP_LOST, "connection reset");
	fake_answer(fake_call("OPTIONS /c"), 503, "", "");
	assert_int_equal(fake_core.n_discovered, 1);
	assert_string_equal(fake_core.discovered, "/a");
	fake_time(200);
	fake_end(fake_call("OPTIONS /b"), HTTP_UNSENT, "connection refused");
	assert_int_equal(fake_core.n_discovered, 1);
	fake_answer(fake_call("OPTIONS /c"), 200, "", "");
	assert_string_equal(fake_core.discovered, "/a /c");
	fake_time(400);
	fake_answer(fake_call("OPTIONS /b"), 200, "", "");
	assert_int_equal(fake_core.n_discovered, 3);
	assert_string_equal(fake_core.discovered, "/a /b /c");
}

static void a_question_has_a_time_limit(void **state)
{
	static const char *const inputs[] = { "/a" };

	(void)state;
	discover(inputs, 1);
	fake_time(2999);
	assert_int_equal(fake_client.n_cancelled, 0);
	fake_time(1);
	assert_int_equal(fake_client.n_cancelled, 1);
	assert_int_equal(fake_core.n_discovered, 1);
	fake_time(200);
	fake_answer(fake_call("OPTIONS /a"), 200, "", "");
	assert_string_equal(fake_core.discovered, "/a");
	fake_time(600000);
	assert_int_equal(fake_client.n_sent, 2);
}

static void a_question_waits_for_a_free_connection(void **state)
{
	static const char *const inputs[] = { "/a" };

	(void)state;
	fake_client.busy = 1;
	discover(inputs, 1);
	fake_client.busy = 0;
	fake_time(200);
	fake_answer(fake_call("OPTIONS /a"), 200, "", "");
	assert_string_equal(fake_core.discovered, "/a");
}

static void a_new_discovery_replaces_the_running_one(void **state)
{
	static const char *const first[] = { "/a" }, *const second[] = { "/b" };

	(void)state;
	discover(first, 1);
	discover(second, 1);
	assert_int_equal(fake_client.n_cancelled, 1);
	fake_answer(fake_call("OPTIONS /b"), 200, "", "");
	assert_int_equal(fake_core.n_discovered, 1);
	assert_string_equal(fake_core.discovered, "/b");
}

static void closing_forgets_open_questions(void **state)
{
	static const char *const inputs[] = { "/a", "/b" };

	(void)state;
	discover(inputs, 2);
	fake_end(fake_call("OPTIONS /b"), HTTP_LOST, "connection reset");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(inputs_that_answer_2xx_or_405_are_wanted),
		TEST(nothing_to_ask_is_answered_at_once),
		TEST(a_question_without_answer_is_asked_again_and_holds_up_no_other),
		TEST(a_question_has_a_time_limit),
		TEST(a_question_waits_for_a_free_connection),
		TEST(a_new_discovery_replaces_the_running_one),
		TEST(closing_forgets_open_questions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
