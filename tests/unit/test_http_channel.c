/* Dapr's HTTP app channel: the requests byte for byte, answers as verdicts. */
/* links: fake_core.c fake_client.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "bindings/bindings.h"
#include "tests/unit/fake_client.h"
#include "tests/unit/fake_core.h"

#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
#define COMMON "Host: 127.0.0.1:8080\r\nUser-Agent: bridge\r\n"

static struct binding *channel;
static struct subscription subscription;
static struct route route;
static struct event event;
static const struct event *events[] = { &event };
static struct delivery delivery;

static int begin(void **state)
{
	static const char *const settings[] = { "address", "127.0.0.1:8080", "endpointConcurrency", "8", NULL };

	(void)state;
	fake_core_reset();
	fake_client_reset();
	channel = fake_core_open(&http_channel_class, NULL, settings);
	subscription = (struct subscription){ .component = "orders", .topic = "t", .block = BLOCK_BINDING };
	route = (struct route){ channel, "/orders" };
	event = (struct event){ .id = SLICE("t/0/7"), .topic = SLICE("t"), .data = SLICE("hello") };
	delivery =
	    (struct delivery){ .subscription = &subscription, .route = &route, .events = events, .n = 1, .attempt = 1 };
	return 0;
}

static int end(void **state)
{
	(void)state;
	fake_core_close(channel);
	return 0;
}

static void with_headers(const struct header *headers, unsigned n)
{
	event.headers = headers;
	event.n_headers = n;
}

static void topic(bool raw)
{
	subscription.block = BLOCK_PUBSUB;
	subscription.raw = raw;
}

static struct fake_call *sent(void)
{
	channel->class->send(channel, &delivery);
	assert_int_equal(fake_core.n_settled, 0);
	return fake_call("POST ");
}

/* Sends, compares what would be on the wire, and answers 204. */
static void expect_request(const char *expected)
{
	struct fake_call *f = sent();

	assert_string_equal(f->request, expected);
	fake_answer(f, 204, "", "");
	assert_string_equal(fake_core_settled(&delivery), "DONE status 204");
	assert_null(delivery.mine);
}

static void an_input_event_goes_as_raw_bytes_with_its_metadata(void **state)
{
	const struct header headers[] = { { SLICE("__key"), SLICE("k1") }, { SLICE("__offset"), SLICE("7") },
		{ SLICE("retained"), SLICE("false") }, { SLICE("myHEADER-x"), SLICE("a, b") },
		{ SLICE("empty"), { NULL, 0 } } };

	(void)state;
	with_headers(headers, 5);
	expect_request(
	    "POST /orders HTTP/1.1\r\n" COMMON "Content-Type: application/json\r\n__key: k1\r\n__offset: 7\r\n"
	    "Retained: false\r\nMyheader-X: a, b\r\nEmpty: \r\n\r\nhello");
}

static void a_tombstone_goes_as_null(void **state)
{
	(void)state;
	event.data = (struct slice){ NULL, 0 };
	expect_request("POST /orders HTTP/1.1\r\n" COMMON "Content-Type: application/json\r\n\r\nnull");
	event.data = SLICE("");
	expect_request("POST /orders HTTP/1.1\r\n" COMMON "Content-Type: application/json\r\n\r\n");
}

static void a_route_becomes_a_target_that_http_can_carry(void **state)
{
	(void)state;
	route.path = "a b/\xc3\xa9?x=1#\r\n";
	expect_request(
	    "POST /a%20b/%C3%A9?x=1%23%0D%0A HTTP/1.1\r\n" COMMON "Content-Type: application/json\r\n\r\nhello");
}

static void later_attempts_say_so(void **state)
{
	(void)state;
	delivery.attempt = 3;
	delivery.unsure = true;
	expect_request("POST /orders HTTP/1.1\r\n" COMMON "bridge-attempt: 3\r\nbridge-possible-duplicate: true\r\n"
		       "Content-Type: application/json\r\n\r\nhello");
}

static void headers_about_connection_and_body_are_not_taken_from_events(void **state)
{
	const struct header headers[] = {
		{ SLICE("content-type"), SLICE("text/plain") },
		{ SLICE("Content-Length"), SLICE("1") },
		{ SLICE("host"), SLICE("evil") },
		{ SLICE("connection"), SLICE("close") },
		{ SLICE("KEEP-ALIVE"), SLICE("x") },
		{ SLICE("te"), SLICE("x") },
		{ SLICE("trailer"), SLICE("x") },
		{ SLICE("transfer-encoding"), SLICE("chunked") },
		{ SLICE("upgrade"), SLICE("h2c") },
		{ SLICE("proxy-authorization"), SLICE("x") },
		{ SLICE("expect"), SLICE("100-continue") },
		{ SLICE("a-bin"), SLICE("x") },
		{ SLICE("destination-app-id"), SLICE("x") },
		{ SLICE("dapr-api-token"), SLICE("forged") },
		{ SLICE("bridge-attempt"), SLICE("9") },
		{ SLICE("Bridge-Possible-Duplicate"), SLICE("true") },
		{ SLICE("accept-encoding"), SLICE("gzip") },
		{ SLICE("user-agent"), SLICE("x") },
		{ SLICE("grpc-status"), SLICE("0") },
		{ SLICE("tea"), SLICE("green") },
	};

	(void)state;
	with_headers(headers, sizeof headers / sizeof *headers);
	expect_request("POST /orders HTTP/1.1\r\n" COMMON
		       "Content-Type: application/json\r\nDapr-Grpc-Status: 0\r\nTea: green\r\n\r\nhello");
}

static void the_last_of_equal_names_wins(void **state)
{
	const struct header headers[] = { { SLICE("a"), SLICE("1") }, { SLICE("b"), SLICE("2") },
		{ SLICE("A"), SLICE("3") } };

	(void)state;
	with_headers(headers, 3);
	expect_request(
	    "POST /orders HTTP/1.1\r\n" COMMON "Content-Type: application/json\r\nB: 2\r\nA: 3\r\n\r\nhello");
}

static void values_that_http_cannot_carry_are_escaped_and_names_left_out(void **state)
{
	const struct header headers[] = { { SLICE("a"), SLICE("1\r\nEvil: 50%\x7f\t") },
		{ SLICE("b"), SLICE("\t50% \xc3\xa9") }, { SLICE("bad name"), SLICE("x") },
		{ SLICE("grpc-\x01"), SLICE("x") }, { SLICE(""), SLICE("x") }, { SLICE("c"), SLICE("x") } };

	(void)state;
	with_headers(headers, 6);
	expect_request(
	    "POST /orders HTTP/1.1\r\n" COMMON "Content-Type: application/json\r\nA: 1%0D%0AEvil: 50%25%7F%09\r\n"
	    "B: \t50% \xc3\xa9\r\nC: x\r\n\r\nhello");
}

static void metadata_is_bounded(void **state)
{
	static struct header headers[257];
	static char big[16 * 1024];

	(void)state;
	for (unsigned i = 0; i < 257; i++)
		headers[i] = (struct header){ SLICE("a"), SLICE("") };
	with_headers(headers, 257);
	channel->class->send(channel, &delivery);
	assert_string_equal(fake_core_settled(&delivery), "REJECT more than 256 metadata entries");
	memset(big, 'x', sizeof big);
	headers[0] = (struct header){ SLICE("a"), { big, sizeof big - 1 } };
	with_headers(headers, 1);
	fake_answer(sent(), 200, "", "");
	assert_string_equal(fake_core_settled(&delivery), "DONE status 200");
	headers[0].value.n++;
	channel->class->send(channel, &delivery);
	assert_string_equal(fake_core_settled(&delivery), "REJECT more than 16 KiB of metadata");
	assert_int_equal(fake_client.n_new, 1);
}

static void the_app_token_goes_with_every_call(void **state)
{
	static const char *const settings[] = { "address", "http://127.0.0.1:8080/fn/", "appToken", "s3cret", NULL };
	static const char *const inputs[] = { "/orders" };

	(void)state;
	fake_core_close(channel);
	channel = fake_core_open(&http_channel_class, NULL, settings);
	expect_request("POST /fn/orders HTTP/1.1\r\n" COMMON "dapr-api-token: s3cret\r\n"
		       "Content-Type: application/json\r\n\r\nhello");
	channel->class->discover(channel, inputs, 1);
	assert_string_equal(
	    fake_call("OPTIONS ")->request, "OPTIONS /fn/orders HTTP/1.1\r\n" COMMON "dapr-api-token: s3cret\r\n\r\n");
}

struct expectation {
	int status;
	const char *headers, *body, *settled;
	int64_t retry_after_ms;
};

static void expect_verdicts(const struct expectation *e, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		fake_answer(sent(), e[i].status, e[i].headers ? e[i].headers : "", e[i].body ? e[i].body : "");
		assert_int_equal(fake_core.settled[0].retry_after_ms, e[i].retry_after_ms);
		assert_int_equal(fake_core.settled[0].status, e[i].status);
		assert_string_equal(fake_core_settled(&delivery), e[i].settled);
	}
}

static void every_status_of_an_input_event_is_success_or_another_try(void **state)
{
	static const struct expectation table[] = {
		{ 200, NULL, NULL, "DONE status 200", 0 },
		{ 200, NULL, "{\"status\":\"RETRY\"}", "DONE status 200", 0 },
		{ 299, NULL, NULL, "DONE status 299", 0 },
		{ 300, NULL, NULL, "RETRY status 300", 0 },
		{ 400, NULL, NULL, "RETRY status 400", 0 },
		{ 404, NULL, NULL, "RETRY status 404", 0 },
		{ 429, "Retry-After: 7\n", NULL, "RETRY status 429", 7000 },
		{ 500, "Retry-After: 7\n", NULL, "RETRY status 500", 0 },
		{ 503, "X: y\nretry-after: 0\n", NULL, "RETRY status 503", 0 },
		{ 503, "Retry-After: 99999999999999999999\n", NULL, "RETRY status 503", 0 },
		{ 503, "Retry-After: 9999999999999\n", NULL, "RETRY status 503", 86400000 },
		{ 503, "Retry-After: Tue, 14 Nov 2023 22:13:30 GMT\n", NULL, "RETRY status 503", 10000 },
		{ 503, "Retry-After: Tue, 14 Nov 2023 22:13:20 GMT\n", NULL, "RETRY status 503", 0 },
		{ 503, "Retry-After: soon\n", NULL, "RETRY status 503", 0 },
		{ 999, NULL, NULL, "RETRY status 999", 0 },
	};

	(void)state;
	expect_verdicts(table, sizeof table / sizeof *table);
}

static void the_answer_to_a_topic_event_is_read_as_dapr_does(void **state)
{
	static const struct expectation table[] = {
		{ 200, NULL, "", "DONE status 200", 0 },
		{ 204, NULL, "null", "DONE status 204", 0 },
		{ 200, NULL, "OK", "DONE status 200", 0 },
		{ 200, NULL, "{}", "DONE status 200", 0 },
		{ 200, NULL, "{\"status\":\"\"}", "DONE status 200", 0 },
		{ 200, NULL, "{\"status\":null}", "DONE status 200", 0 },
		{ 200, NULL, "{\"status\":5}", "DONE status 200", 0 },
		{ 200, NULL, "[{\"status\":\"DROP\"}]", "DONE status 200", 0 },
		{ 200, NULL, "{\"data\":{\"status\":\"DROP\"}}", "DONE status 200", 0 },
		{ 200, NULL, "{\"status\":\"RETRY\"", "DONE status 200", 0 },
		{ 200, NULL, " { \"status\" : \"SUCCESS\" } ", "DONE status 200", 0 },
		{ 200, NULL, "{\"status\":\"RETRY\"}", "RETRY the function answered RETRY", 0 },
		{ 201, NULL, "{\"Status\":\"R\\u0045TRY\"}", "RETRY the function answered RETRY", 0 },
		{ 200, NULL, "{\"status\":\"DROP\"}", "DROP the function answered DROP", 0 },
		{ 200, NULL, "{\"status\":\"drop\"}",
		    "RETRY unknown status in the answer, expected SUCCESS, RETRY or DROP", 0 },
		{ 301, NULL, NULL, "RETRY status 301", 0 },
		{ 400, NULL, "{\"status\":\"SUCCESS\"}", "RETRY status 400", 0 },
		{ 404, NULL, NULL, "DROP status 404", 0 },
		{ 429, "Retry-After: 2\n", NULL, "RETRY status 429", 2000 },
		{ 503, "Retry-After: 2\n", NULL, "RETRY status 503", 2000 },
		{ 500, NULL, NULL, "RETRY status 500", 0 },
	};

	(void)state;
	topic(false);
	event.data = SLICE("{}");
	expect_verdicts(table, sizeof table / sizeof *table);
}

static void the_status_in_the_part_of_a_cut_answer_counts(void **state)
{
	static char body[64 * 1024 + 1];

	(void)state;
	topic(false);
	event.data = SLICE("{}");
	memset(body, 'x', sizeof body - 1);
	memcpy(body, "{\"status\":\"RETRY\",\"x\":\"", 23);
	fake_answer(sent(), 200, "", body);
	assert_string_equal(fake_core_settled(&delivery), "RETRY the function answered RETRY");
}

static void a_lost_answer_is_told_from_an_unsent_request(void **state)
{
	(void)state;
	fake_end(sent(), HTTP_LOST, "connection reset");
	assert_string_equal(fake_core_settled(&delivery), "UNSURE answer lost: connection reset");
	fake_end(sent(), HTTP_UNSENT, "connection refused");
	assert_string_equal(fake_core_settled(&delivery), "UNSENT not sent: connection refused");
	assert_false(delivery.unsure);
	fake_end(sent(), HTTP_STALE, "connection refused");
	assert_string_equal(fake_core_settled(&delivery), "UNSENT the function is gone: connection refused");
	assert_true(delivery.unsure);
	delivery.unsure = false;
	fake_client.busy = 1;
	channel->class->send(channel, &delivery);
	assert_string_equal(fake_core_settled(&delivery), "UNSENT not sent: all connections are busy");
	fake_client.busy = 0;
}

static void a_cancelled_delivery_is_forgotten(void **state)
{
	(void)state;
	sent();
	channel->class->cancel(channel, &delivery);
	assert_int_equal(fake_client.n_cancelled, 1);
	assert_int_equal(fake_core.n_settled, 0);
	assert_null(delivery.mine);
	expect_request("POST /orders HTTP/1.1\r\n" COMMON "Content-Type: application/json\r\n\r\nhello");
}

static void a_stored_cloudevent_goes_unchanged(void **state)
{
	const struct header headers[] = { { SLICE("__key"), SLICE("k") }, { SLICE("pubsubName"), SLICE("forged") },
		{ SLICE("traceparent"), SLICE("mine") } };

	(void)state;
	topic(false);
	with_headers(headers, 3);
	event.data = SLICE(" {\"b\":1.0,\"a\":{ }}");
	expect_request(
	    "POST /orders HTTP/1.1\r\n" COMMON "Content-Type: application/cloudevents+json\r\nPubsubname: orders\r\n"
	    "__key: k\r\nTraceparent: mine\r\n\r\n {\"b\":1.0,\"a\":{ }}");
}

static void the_trace_context_of_a_cloudevent_goes_before_that_of_the_broker(void **state)
{
	const struct header headers[] = { { SLICE("traceparent"), SLICE("mine") },
		{ SLICE("tracestate"), SLICE("mine") } };

	(void)state;
	topic(false);
	with_headers(headers, 2);
	event.data = SLICE("{\"traceparent\":\"" TRACE "\",\"tracestate\":\"a=1\"}");
	expect_request(
	    "POST /orders HTTP/1.1\r\n" COMMON "Content-Type: application/cloudevents+json\r\nPubsubname: orders\r\n"
	    "Traceparent: " TRACE "\r\nTracestate: a=1\r\n\r\n{\"traceparent\":\"" TRACE "\",\"tracestate\":\"a=1\"}");
}

static void plain_bytes_go_in_an_envelope_equal_over_attempts(void **state)
{
	const char *expected =
	    "POST /orders HTTP/1.1\r\n" COMMON
	    "Content-Type: application/cloudevents+json\r\nPubsubname: orders\r\n\r\n"
	    "{\"data_base64\":\"aGVsbG8=\",\"datacontenttype\":\"application/octet-stream\",\"id\":\"t/0/7\","
	    "\"pubsubname\":\"orders\",\"source\":\"Dapr\",\"specversion\":\"1.0\",\"topic\":\"t\","
	    "\"type\":\"com.dapr.event.sent\"}";

	(void)state;
	topic(true);
	expect_request(expected);
	expect_request(expected);
	event.topic = (struct slice){ NULL, 0 };
	expect_request(expected);
}

static void a_payload_that_is_no_cloudevent_is_rejected_unsent(void **state)
{
	(void)state;
	topic(false);
	channel->class->send(channel, &delivery);
	assert_string_equal(fake_core_settled(&delivery),
	    "REJECT payload is no CloudEvent: a value is none of JSON's; plain bytes need rawPayload");
	event.data = SLICE("[]");
	channel->class->send(channel, &delivery);
	assert_string_equal(
	    fake_core_settled(&delivery), "REJECT payload is no CloudEvent: is no object; plain bytes need rawPayload");
	assert_int_equal(fake_client.n_new, 0);
}

static void an_expired_event_is_dropped_unsent(void **state)
{
	(void)state;
	topic(false);
	event.data = SLICE("{\"expiration\":\"2023-11-14T22:13:19Z\"}");
	channel->class->send(channel, &delivery);
	assert_string_equal(fake_core_settled(&delivery), "DROP expired");
	event.data = SLICE("{\"expiration\":\"2023-11-14T22:13:21Z\"}");
	fake_answer(sent(), 200, "", "");
	assert_string_equal(fake_core_settled(&delivery), "DONE status 200");
}

static void capacity_follows_the_endpoint(void **state)
{
	(void)state;
	assert_int_equal(fake_core.n_capacity, 0);
	assert_true(fake_client.options.connections > 8);
	fake_client.options.reachable(fake_client.options.arg, true);
	assert_int_equal(fake_core.capacity, 8);
	fake_client.options.reachable(fake_client.options.arg, false);
	assert_int_equal(fake_core.capacity, 0);
	assert_int_equal(fake_core.n_capacity, 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_input_event_goes_as_raw_bytes_with_its_metadata),
		TEST(a_tombstone_goes_as_null),
		TEST(a_route_becomes_a_target_that_http_can_carry),
		TEST(later_attempts_say_so),
		TEST(headers_about_connection_and_body_are_not_taken_from_events),
		TEST(the_last_of_equal_names_wins),
		TEST(values_that_http_cannot_carry_are_escaped_and_names_left_out),
		TEST(metadata_is_bounded),
		TEST(the_app_token_goes_with_every_call),
		TEST(every_status_of_an_input_event_is_success_or_another_try),
		TEST(the_answer_to_a_topic_event_is_read_as_dapr_does),
		TEST(the_status_in_the_part_of_a_cut_answer_counts),
		TEST(a_lost_answer_is_told_from_an_unsent_request),
		TEST(a_cancelled_delivery_is_forgotten),
		TEST(a_stored_cloudevent_goes_unchanged),
		TEST(the_trace_context_of_a_cloudevent_goes_before_that_of_the_broker),
		TEST(plain_bytes_go_in_an_envelope_equal_over_attempts),
		TEST(a_payload_that_is_no_cloudevent_is_rejected_unsent),
		TEST(an_expired_event_is_dropped_unsent),
		TEST(capacity_follows_the_endpoint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
