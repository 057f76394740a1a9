/* URLs, rows that do not go together, and which topics a filter of MQTT fits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "connectors/mqtt.h"

static void a_filter_fits_as_the_standard_says(void **state)
{
	static const struct {
		const char *filter, *topic;
		bool fits;
	} cases[] = {
		{ "a/b", "a/b", true },
		{ "a/b", "a/c", false },
		{ "a/b", "a", false },
		{ "a", "a/b", false },
		{ "a/+", "a/b", true },
		{ "a/+", "a/", true },
		{ "a/+", "a", false },
		{ "a/+", "a/b/c", false },
		{ "+", "a", true },
		{ "+", "/a", false },
		{ "+/+", "/a", true },
		{ "/+", "/a", true },
		{ "a/#", "a", true },
		{ "a/#", "a/b/c", true },
		{ "a/#", "b", false },
		{ "#", "a/b", true },
		{ "+/b/#", "a/b", true },
		{ "#", "$SYS/x", false },
		{ "+/x", "$SYS/x", false },
		{ "$SYS/#", "$SYS/x", true },
		{ "a//b", "a//b", true },
		{ "a/+/b", "a//b", true },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (mqtt_topic_fits(slice_text(cases[i].filter), slice_text(cases[i].topic)) != cases[i].fits)
			fail_msg("%s and %s", cases[i].filter, cases[i].topic);
}

static void filters_and_names_that_no_broker_takes_are_found(void **state)
{
	static const char *const wrong[] = { "", "a/#/b", "a#", "a/b+", "++", "$share/", "$share/g", "$share//a",
		"$share/g/", "bad\xff" };
	static const char *const right[] = { "#", "+", "a/+/b/#", "/", "$share/g/#", "$share/g/a/+", "a,b", "$SYS/#" };

	(void)state;
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (mqtt_filter_wrong(wrong[i]) == NULL)
			fail_msg("taken: %s", wrong[i]);
	for (unsigned i = 0; i < sizeof(right) / sizeof(right[0]); i++)
		if (mqtt_filter_wrong(right[i]))
			fail_msg("%s: %s", right[i], mqtt_filter_wrong(right[i]));
	assert_true(slice_is(mqtt_filter_bare("$share/g/a/#"), "a/#"));
	assert_non_null(mqtt_topic_wrong(SLICE("a/+")));
	assert_non_null(mqtt_topic_wrong(SLICE("nul\0")));
	assert_null(mqtt_topic_wrong(SLICE("a/b")));
}

static void a_url_is_taken_apart(void **state)
{
	static const struct {
		const char *url, *uri, *user, *password;
		bool tls;
	} cases[] = {
		{ "mqtt://h:1883", "tcp://h:1883", NULL, NULL, false },
		{ "h", "tcp://h:1883", NULL, NULL, false },
		{ "h:7", "tcp://h:7", NULL, NULL, false },
		{ "TCP://h:7/ignored", "tcp://h:7", NULL, NULL, false },
		{ "mqtts://h", "ssl://h:8883", NULL, NULL, true },
		{ "tcps://[::1]:9", "ssl://[::1]:9", NULL, NULL, true },
		{ "tls://[::1]", "ssl://[::1]:8883", NULL, NULL, true },
		{ "mqtt://u:p@h:7", "tcp://h:7", "u", "p", false },
		{ "mqtt://u@h:7", "tcp://h:7", "u", NULL, false },
		{ "mqtt://u:p@ss@h:7", "tcp://h:7", "u", "p@ss", false },
		{ "ws://h/mqtt?x", "ws://h:80/mqtt?x", NULL, NULL, false },
		{ "wss://h:4/mqtt", "wss://h:4/mqtt", NULL, NULL, true },
	};
	static const char *const wrong[] = { "http://h", "mqtt://", "mqtt://:7", "mqtt://h:", "mqtt://h:0",
		"mqtt://h:65536", "mqtt://h:7x", "mqtt://[::1", "mqtt://[::1]x", "mqtt:///topic" };
	struct mqtt_url u;
	struct error err;

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mqtt_rows rows = { .url = cases[i].url };

		if (mqtt_url_parse(&u, &rows, &err) == -1)
			fail_msg("%s: %s", cases[i].url, err.text);
		assert_string_equal(u.uri, cases[i].uri);
		assert_string_equal(u.user ? u.user : "", cases[i].user ? cases[i].user : "");
		assert_string_equal(u.password ? u.password : "", cases[i].password ? cases[i].password : "");
		assert_int_equal(u.tls, cases[i].tls);
		mqtt_url_free(&u);
	}
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct mqtt_rows rows = { .url = wrong[i] };

		if (mqtt_url_parse(&u, &rows, &err) == 0)
			fail_msg("taken: %s", wrong[i]);
		assert_memory_equal(err.text, "url: ", 5);
	}
}

static void rows_that_do_not_go_together_are_named(void **state)
{
	static const struct {
		struct mqtt_rows rows;
		const char *says;
	} cases[] = {
		{ { .url = "h", .ack = MQTT_ACK_STORED }, "ack: stored needs a durable store" },
		{ { .url = "h", .cert = "-----BEGIN X" }, "clientCert: goes together with clientKey" },
		{ { .url = "h", .ca = "/etc/ca.pem" }, "caCert: no PEM text" },
		{ { .url = "h", .topic = "a/#/b" }, "topic: # only" },
		{ { .url = "h", .will_topic = "a/#" }, "willTopic: " },
		{ { .url = NULL }, "url: missing" },
	};
	struct error err;

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(mqtt_rows_check(&cases[i].rows, &err), -1);
		if (strncmp(err.text, cases[i].says, strlen(cases[i].says)) != 0)
			fail_msg("\"%s\" where \"%s\" was expected", err.text, cases[i].says);
	}
	assert_int_equal(mqtt_rows_check(&(struct mqtt_rows){ .url = "h" }, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_filter_fits_as_the_standard_says),
		cmocka_unit_test(filters_and_names_that_no_broker_takes_are_found),
		cmocka_unit_test(a_url_is_taken_apart),
		cmocka_unit_test(rows_that_do_not_go_together_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
