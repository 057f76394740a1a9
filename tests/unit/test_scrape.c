/* A metrics page as a row for each subscription. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "bridge/bytes.h"
#include "bridge/error.h"
#include "bridge/scrape.h"

#define LABELS(topic) "{component=\"c\",function=\"f\",route=\"/r\",topic=\"" topic "\""

static struct scrape parsed(const char *text)
{
	struct scrape s = { 0 };

	scrape_parse(&s, slice_text(text));
	return s;
}

static void numbers_are_kept_for_each_subscription(void **state)
{
	struct scrape s = parsed("# HELP x y\n# TYPE x counter\n"
				 "bridge_subscription_delivered_total" LABELS(
				     "a") "} 12\n"
					  "bridge_subscription_delivered_total" LABELS(
					      "b") "} 7\n"
						   "bridge_subscription_inflight" LABELS(
						       "a") "} 3\n"
							    "bridge_subscription_received_total" LABELS(
								"a") "} 99\n"
								     "bridge_function_ready{function=\"f\"} 1\n");

	(void)state;
	assert_int_equal(s.n, 2);
	assert_int_equal(s.ready, 1);
	assert_int_equal(s.functions, 1);
	assert_string_equal(s.rows[0].component, "c");
	assert_string_equal(s.rows[0].topic, "a");
	assert_string_equal(s.rows[0].route, "/r");
	assert_int_equal(s.rows[0].value[SCRAPED_DELIVERED], 12);
	assert_int_equal(s.rows[0].value[SCRAPED_INFLIGHT], 3);
	assert_int_equal(s.rows[1].value[SCRAPED_DELIVERED], 7);
	assert_ptr_equal(scrape_find(&s, &s.rows[1]), &s.rows[1]);
	scrape_free(&s);
}

static void lag_is_summed_over_partitions_and_unknown_when_absent(void **state)
{
	struct scrape s = parsed("bridge_partition_lag" LABELS(
	    "a") ",partition=\"0\"} 5\n"
		 "bridge_partition_lag" LABELS("a") ",partition=\"1\"} 6\n"
						    "bridge_subscription_held" LABELS("b") "} 1\n");

	(void)state;
	assert_int_equal(s.n, 2);
	assert_true(s.rows[0].lag_known);
	assert_int_equal(s.rows[0].value[SCRAPED_LAG], 11);
	assert_false(s.rows[1].lag_known);
	assert_int_equal(s.ready, 0);
	scrape_free(&s);
}

static void functions_are_told_apart(void **state)
{
	struct scrape s =
	    parsed("bridge_function_ready{function=\"f\"} 1\nbridge_function_ready{function=\"g\"} 0\n"
		   "bridge_subscription_held" LABELS(
		       "a") "} 1\n"
			    "bridge_subscription_held{component=\"c\",function=\"g\",route=\"/r\",topic=\"a\"} 2\n");

	(void)state;
	assert_int_equal(s.functions, 2);
	assert_int_equal(s.ready, 1);
	assert_int_equal(s.n, 2);
	assert_string_equal(s.rows[1].function, "g");
	assert_int_equal(s.rows[0].value[SCRAPED_HELD], 1);
	assert_int_equal(s.rows[1].value[SCRAPED_HELD], 2);
	scrape_free(&s);
}

static void escapes_in_labels_are_undone(void **state)
{
	struct scrape s = parsed("bridge_subscription_held" LABELS("a\\\"}b\\\\n\\nc") "} 1\n");

	(void)state;
	assert_int_equal(s.n, 1);
	assert_string_equal(s.rows[0].topic, "a\"}b\\n\nc");
	assert_int_equal(s.rows[0].value[SCRAPED_HELD], 1);
	scrape_free(&s);
}

static void what_is_no_metric_of_ours_is_passed_over(void **state)
{
	static const char *const texts[] = { "", "\n\n", "x", "bridge_subscription_held", "bridge_subscription_held{",
		"bridge_subscription_held{component=", "bridge_subscription_held{component=\"",
		"bridge_subscription_held{} 1", "bridge_subscription_held{component=\"a\"} 1\n",
		"bridge_subscription_held{component=\"a\",component=\"b\"} 1",
		"bridge_subscription_held{component=\"a\\", "other{component=\"c\",topic=\"t\",route=\"r\"} 1\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct scrape s = parsed(texts[i]);

		assert_int_equal(s.n, 0);
		scrape_free(&s);
	}
}

static void nobody_there_is_said_with_the_address(void **state)
{
	struct error e = { ERR_NONE, "" };
	struct buf text = { 0 };

	(void)state;
	assert_int_equal(scrape_get("127.0.0.1:1", &text, &e), -1);
	assert_string_equal(e.text, "no bridge answers at 127.0.0.1:1: Connection refused");
	assert_int_equal(scrape_get("somewhere", &text, &e), -1);
	assert_non_null(strstr(e.text, "expected a port"));
	assert_int_equal(scrape_get("https://127.0.0.1:1", &text, &e), -1);
	assert_non_null(strstr(e.text, "expected host:port"));
	buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_kept_for_each_subscription),
		cmocka_unit_test(lag_is_summed_over_partitions_and_unknown_when_absent),
		cmocka_unit_test(functions_are_told_apart),
		cmocka_unit_test(escapes_in_labels_are_undone),
		cmocka_unit_test(what_is_no_metric_of_ours_is_passed_over),
		cmocka_unit_test(nobody_there_is_said_with_the_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
