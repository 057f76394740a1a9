/* Plain HTTP: CloudEvents binary and structured, raw bytes, and statuses as verdicts. */
/* links: fake_core.c fake_client.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "bindings/bindings.h"
#include "tests/unit/fake_client.h"
#include "tests/unit/fake_core.h"

#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
#define BEGIN "POST /fn/orders HTTP/1.1\r\nHost: f:8080\r\nUser-Agent: bridge\r\n"

static struct binding *plain;
static struct subscription subscription;
static struct route route;
static struct event event;
static const struct event *events[] = { &event };
static struct delivery delivery;

static void begin(const char *format)
{
	const char *settings[] = { "address", "http://f:8080/fn", "format", format, NULL };

	fake_core_reset();
	fake_client_reset();
	plain = fake_core_open(&plain_http_class, NULL, settings);
	subscription = (struct subscription){ .component = "orders", .topic = "t", .block = BLOCK_BINDING };
	route = (struct route){ plain, "/orders" };
	event = (struct event){ .id = SLICE("t/0/7"), .topic = SLICE("t"), .data = SLICE("{\"a\":1}") };
	delivery =
	    (struct delivery){ .subscription = &subscription, .route = &route, .events = events, .n = 1, .attempt = 1 };
}

static int binary(void **state)
{
	(void)state;
	begin("binary");
	return 0;
}

static int structured(void **state)
{
	(void)state;
	begin("structured");
	return 0;
}

static int raw(void **state)
{
	(void)state;
	begin("raw");
	return 0;
}

static int end(void **state)
{
	(void)state;
	fake_core_close(plain);
	return 0;
}

static void with_headers(const struct header *headers, unsigned n)
{
	event.headers = headers;
	event.n_headers = n;
}

static void expect_request(const char *expected)
{
	plain->class->send(plain, &delivery);
	assert_string_equal(fake_call("POST ")->request, expected);
	fake_answer(fake_call("POST "), 200, "", "{\"status\":\"RETRY\"}");
	assert_string_equal(fake_core_settled(&delivery), "DONE status 200");
}

static void binary_puts_attributes_into_headers(void **state)
{
	const struct header headers[] = { { SLICE("__key"), SLICE("k") }, { SLICE("traceparent"), SLICE(TRACE) },
		{ SLICE("ce-forged"), SLICE("x") } };

	(void)state;
	with_headers(headers, 3);
	event.content_type = SLICE("application/json");
	event.type = SLICE("order.made");
	event.subject = SLICE("50% \"\xc3\xa9\"");
	event.key = SLICE("k\n1");
	event.time_ms = 1772323199045;
	expect_request(BEGIN
	    "Content-Type: application/json\r\nce-id: t/0/7\r\nce-source: bridge/orders/t\r\nce-specversion: 1.0\r\n"
	    "ce-type: order.made\r\nce-subject: 50%25%20%22%C3%A9%22\r\nce-time: 2026-02-28T23:59:59.045Z\r\n"
	    "ce-partitionkey: k%0A1\r\nce-traceparent: " TRACE "\r\n__key: k\r\nTraceparent: " TRACE
	    "\r\n\r\n{\"a\":1}");
}

static void binary_has_defaults_for_what_is_not_known(void **state)
{
	(void)state;
	event.data = (struct slice){ NULL, 0 };
	event.topic = (struct slice){ NULL, 0 };
	delivery.attempt = 2;
	expect_request(BEGIN "bridge-attempt: 2\r\nContent-Type: application/octet-stream\r\nce-id: t/0/7\r\n"
			     "ce-source: bridge/orders/t\r\nce-specversion: 1.0\r\nce-type: bridge.event\r\n\r\n");
}

static void a_binary_cloudevent_of_kafka_stays_the_one_it_is(void **state)
{
	const struct header headers[] = { { SLICE("ce_specversion"), SLICE("1.0") }, { SLICE("ce_id"), SLICE("42") },
		{ SLICE("ce_source"), SLICE("/shop") }, { SLICE("ce_type"), SLICE("sold") },
		{ SLICE("ce_shade"), SLICE("dark blue") }, { SLICE("ce_bad name"), SLICE("x") },
		{ SLICE("content-type"), SLICE("text/plain") }, { SLICE("other"), SLICE("y") } };

	(void)state;
	with_headers(headers, 8);
	event.content_type = SLICE("text/plain");
	event.key = SLICE("k");
	expect_request(BEGIN
	    "Content-Type: text/plain\r\nce-id: 42\r\nce-source: /shop\r\nce-specversion: 1.0\r\nce-type: sold\r\n"
	    "ce-shade: dark%20blue\r\nOther: y\r\n\r\n{\"a\":1}");
}

static void a_structured_cloudevent_passes_as_it_is(void **state)
{
	(void)state;
	event.content_type = SLICE("application/cloudevents+json; charset=utf-8");
	expect_request(BEGIN "Content-Type: application/cloudevents+json; charset=utf-8\r\n\r\n{\"a\":1}");
	event.content_type = SLICE("application/cloudevents-batch+json");
	expect_request(BEGIN "Content-Type: application/cloudevents-batch+json\r\n\r\n{\"a\":1}");
}

static void structured_makes_one_json_text(void **state)
{
	(void)state;
	event.content_type = SLICE("application/json");
	expect_request(
	    BEGIN "Content-Type: application/cloudevents+json\r\n\r\n{\"id\":\"t/0/7\",\"source\":\"bridge/orders/t\","
		  "\"specversion\":\"1.0\",\"type\":\"bridge.event\","
		  "\"datacontenttype\":\"application/json\",\"data\":{\"a\":1}}");
	event.content_type = SLICE("text/plain");
	expect_request(
	    BEGIN "Content-Type: application/cloudevents+json\r\n\r\n{\"id\":\"t/0/7\",\"source\":\"bridge/orders/t\","
		  "\"specversion\":\"1.0\",\"type\":\"bridge.event\","
		  "\"datacontenttype\":\"text/plain\",\"data_base64\":\"eyJhIjoxfQ==\"}");
}

static void raw_sends_bytes_type_and_metadata(void **state)
{
	const struct header headers[] = { { SLICE("__key"), SLICE("k") }, { SLICE("ce_id"), SLICE("42") } };

	(void)state;
	with_headers(headers, 2);
	event.content_type = SLICE("text/csv");
	expect_request(BEGIN "Content-Type: text/csv\r\n__key: k\r\nCe_id: 42\r\n\r\n{\"a\":1}");
	event.content_type = (struct slice){ NULL, 0 };
	expect_request(BEGIN "Content-Type: application/octet-stream\r\n__key: k\r\nCe_id: 42\r\n\r\n{\"a\":1}");
}

static void attributes_count_in_the_bound_of_headers(void **state)
{
	static char big[16 * 1024];

	(void)state;
	memset(big, 'x', sizeof big);
	event.key = (struct slice){ big, sizeof big };
	plain->class->send(plain, &delivery);
	assert_string_equal(fake_core_settled(&delivery), "REJECT more than 16 KiB of metadata");
}

static void statuses_become_verdicts(void **state)
{
	static const struct {
		int status;
		const char *settled;
		int64_t retry_after_ms;
	} table[] = {
		{ 200, "DONE status 200", 0 },
		{ 202, "DONE status 202", 0 },
		{ 299, "DONE status 299", 0 },
		{ 301, "REJECT status 301", 0 },
		{ 304, "REJECT status 304", 0 },
		{ 400, "REJECT status 400", 0 },
		{ 401, "REJECT status 401", 0 },
		{ 403, "REJECT status 403", 0 },
		{ 404, "RETRY status 404", 0 },
		{ 405, "REJECT status 405", 0 },
		{ 408, "RETRY status 408", 0 },
		{ 409, "RETRY status 409", 0 },
		{ 410, "REJECT status 410", 0 },
		{ 413, "REJECT status 413", 0 },
		{ 425, "RETRY status 425", 0 },
		{ 429, "RETRY status 429", 3000 },
		{ 499, "REJECT status 499", 0 },
		{ 500, "RETRY status 500", 0 },
		{ 501, "RETRY status 501", 0 },
		{ 503, "RETRY status 503", 3000 },
		{ 599, "RETRY status 599", 0 },
		{ 600, "REJECT status 600", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		plain->class->send(plain, &delivery);
		fake_answer(fake_call("POST "), table[i].status, "Retry-After: 3\n", "");
		assert_int_equal(fake_core.settled[0].retry_after_ms, table[i].retry_after_ms);
		assert_string_equal(fake_core_settled(&delivery), table[i].settled);
	}
}

static void topic_subscriptions_go_the_same_way(void **state)
{
	(void)state;
	subscription.block = BLOCK_PUBSUB;
	event.data = SLICE("no json");
	expect_request(BEGIN "Content-Type: application/octet-stream\r\nce-id: t/0/7\r\nce-source: bridge/orders/t\r\n"
			     "ce-specversion: 1.0\r\nce-type: bridge.event\r\n\r\nno json");
}

static void there_is_nothing_to_discover(void **state)
{
	(void)state;
	assert_null(plain_http_class.discover);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(binary_puts_attributes_into_headers, binary, end),
		cmocka_unit_test_setup_teardown(binary_has_defaults_for_what_is_not_known, binary, end),
		cmocka_unit_test_setup_teardown(a_binary_cloudevent_of_kafka_stays_the_one_it_is, binary, end),
		cmocka_unit_test_setup_teardown(a_structured_cloudevent_passes_as_it_is, binary, end),
		cmocka_unit_test_setup_teardown(a_structured_cloudevent_passes_as_it_is, structured, end),
		cmocka_unit_test_setup_teardown(a_structured_cloudevent_passes_as_it_is, raw, end),
		cmocka_unit_test_setup_teardown(structured_makes_one_json_text, structured, end),
		cmocka_unit_test_setup_teardown(raw_sends_bytes_type_and_metadata, raw, end),
		cmocka_unit_test_setup_teardown(attributes_count_in_the_bound_of_headers, binary, end),
		cmocka_unit_test_setup_teardown(statuses_become_verdicts, binary, end),
		cmocka_unit_test_setup_teardown(topic_subscriptions_go_the_same_way, binary, end),
		cmocka_unit_test(there_is_nothing_to_discover),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
