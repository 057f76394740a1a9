/* CloudEvents: what is read from one, and events written as one, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "bridge/cloudevent.h"

#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static struct cloudevent_notes notes_of(const char *json)
{
	struct cloudevent_notes notes;
	const char *why;

	assert_true(cloudevent_read(slice_text(json), &notes, &why));
	return notes;
}

static void an_expiration_is_read(void **state)
{
	(void)state;
	assert_int_equal(notes_of("{\"expiration\":\"2026-02-28T23:59:59Z\"}").expires_ms, 1772323199000);
	assert_int_equal(notes_of("{\"expiration\":\"soon\"}").expires_ms, 0);
	assert_int_equal(notes_of("{\"expiration\":1772323199}").expires_ms, 0);
	assert_int_equal(notes_of("{\"data\":{\"expiration\":\"2026-02-28T23:59:59Z\"}}").expires_ms, 0);
	assert_int_equal(notes_of("{}").expires_ms, 0);
}

static void trace_context_is_read_if_it_may_stand_in_a_header(void **state)
{
	struct cloudevent_notes notes = notes_of("{\"traceparent\":\"" TRACE "\",\"tracestate\":\"a=1,b=2\"}");

	(void)state;
	assert_true(slice_is(notes.traceparent, TRACE));
	assert_true(slice_is(notes.tracestate, "a=1,b=2"));
	assert_null(notes_of("{\"traceparent\":17}").traceparent.p);
	assert_null(notes_of("{\"traceparent\":\"00-\\r\\nEvil: yes\"}").traceparent.p);
	assert_null(notes_of("{\"traceparent\":\"" TRACE "0\"}").traceparent.p);
	assert_true(slice_is(notes_of("{\"traceparent\":\"" TRACE "-0a\"}").traceparent, TRACE "-0a"));
	assert_null(notes_of("{\"traceparent\":\"" TRACE "-\\n\"}").traceparent.p);
	assert_null(notes_of("{\"tracestate\":\"a=1\"}").tracestate.p);
	assert_null(notes_of("{\"traceparent\":\"" TRACE "\",\"tracestate\":\"\"}").tracestate.p);
	assert_null(notes_of("{\"traceparent\":\"" TRACE "\",\"tracestate\":\"a=\\n\"}").tracestate.p);
}

static void what_is_no_object_is_no_cloudevent(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "", "is empty" },
		{ "[]", "is no object" },
		{ "\"x\"", "is no object" },
		{ "{", "ends inside an object" },
		{ "hello", "a value is none of JSON's" },
	};
	struct cloudevent_notes notes;
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_false(cloudevent_read(slice_text(bad[i].text), &notes, &why));
		assert_string_equal(why, bad[i].why);
	}
	assert_false(cloudevent_read((struct slice){ NULL, 0 }, &notes, &why));
}

static void expect_wrap(const struct event *e, const char *expected)
{
	struct buf b = { 0 };

	cloudevent_wrap(&b, e, SLICE("orders-pubsub"), SLICE("or\"ders"));
	buf_add(&b, "", 1);
	assert_string_equal(b.p, expected);
	buf_free(&b);
}

static void plain_bytes_are_wrapped_as_dapr_does(void **state)
{
	const struct header headers[] = { { SLICE("traceid"), SLICE(TRACE) }, { SLICE("Traceparent"), SLICE(TRACE) },
		{ SLICE("x"), SLICE("y") } };
	struct event e = { .id = SLICE("orders/0/7"), .data = SLICE("\0\1\2\3") };

	(void)state;
	expect_wrap(&e,
	    "{\"data_base64\":\"AAECAw==\",\"datacontenttype\":\"application/octet-stream\",\"id\":\"orders/0/7\","
	    "\"pubsubname\":\"orders-pubsub\",\"source\":\"Dapr\",\"specversion\":\"1.0\",\"topic\":\"or\\\"ders\","
	    "\"type\":\"com.dapr.event.sent\"}");
	e.headers = headers;
	e.n_headers = 3;
	e.data = (struct slice){ NULL, 0 };
	e.id = (struct slice){ NULL, 0 };
	e.token.w[0] = 12;
	expect_wrap(&e,
	    "{\"data_base64\":\"\",\"datacontenttype\":\"application/octet-stream\",\"id\":\"12-0\","
	    "\"pubsubname\":\"orders-pubsub\",\"source\":\"Dapr\",\"specversion\":\"1.0\",\"topic\":\"or\\\"ders\","
	    "\"traceid\":\"" TRACE "\",\"traceparent\":\"" TRACE "\",\"type\":\"com.dapr.event.sent\"}");
}

static void expect_structured(const struct event *e, const char *expected)
{
	struct buf b = { 0 };

	cloudevent_structured(&b, e, SLICE("bridge/orders/t"));
	buf_add(&b, "", 1);
	assert_string_equal(b.p, expected);
	buf_free(&b);
}

static void json_data_is_spliced_as_it_stands(void **state)
{
	struct event e = { .id = SLICE("a1"),
		.content_type = SLICE("Application/JSON; charset=utf-8"),
		.data = SLICE("{ \"n\": 12345678901234567890, \"n\": 1.0 }") };

	(void)state;
	expect_structured(&e,
	    "{\"id\":\"a1\",\"source\":\"bridge/orders/t\",\"specversion\":\"1.0\",\"type\":\"bridge.event\","
	    "\"datacontenttype\":\"Application/JSON; charset=utf-8\","
	    "\"data\":{ \"n\": 12345678901234567890, \"n\": 1.0 }}");
}

static void other_data_goes_as_base64(void **state)
{
	struct event e = { .id = SLICE("a1"),
		.type = SLICE("order"),
		.subject = SLICE("s"),
		.key = SLICE("k"),
		.time_ms = 1772323199045,
		.content_type = SLICE("application/json"),
		.data = SLICE("{no json") };

	(void)state;
	expect_structured(&e,
	    "{\"id\":\"a1\",\"source\":\"bridge/orders/t\",\"specversion\":\"1.0\",\"type\":\"order\","
	    "\"subject\":\"s\",\"time\":\"2026-02-28T23:59:59.045Z\",\"partitionkey\":\"k\","
	    "\"datacontenttype\":\"application/json\",\"data_base64\":\"e25vIGpzb24=\"}");
	e = (struct event){ .id = SLICE("a1"), .data = SLICE("{}") };
	expect_structured(&e,
	    "{\"id\":\"a1\",\"source\":\"bridge/orders/t\",\"specversion\":\"1.0\",\"type\":\"bridge.event\","
	    "\"datacontenttype\":\"application/octet-stream\",\"data_base64\":\"e30=\"}");
	e.data = (struct slice){ NULL, 0 };
	expect_structured(
	    &e, "{\"id\":\"a1\",\"source\":\"bridge/orders/t\",\"specversion\":\"1.0\",\"type\":\"bridge.event\"}");
}

static void the_attributes_of_a_producer_win_over_made_ones(void **state)
{
	const struct header headers[] = {
		{ SLICE("ce_specversion"), SLICE("1.0") },
		{ SLICE("ce_id"), SLICE("first") },
		{ SLICE("CE_ID"), SLICE("7") },
		{ SLICE("ce_type"), SLICE("t") },
		{ SLICE("ce_shade"), SLICE("first") },
		{ SLICE("ce_Shade"), SLICE("dark \"blue\"") },
		{ SLICE("ce_time"), SLICE("now") },
		{ SLICE("ce_data"), SLICE("forged") },
		{ SLICE("ce_datacontenttype"), SLICE("x/y") },
		{ SLICE("ce_"), SLICE("x") },
		{ SLICE("ce_\xff"), SLICE("x") },
		{ SLICE("ce_\xfe"), SLICE("y") },
		{ SLICE("ce_a b"), SLICE("x") },
		{ SLICE("other"), SLICE("x") },
	};
	struct event e = { .id = SLICE("a1"),
		.subject = SLICE("made"),
		.key = SLICE("k"),
		.time_ms = 1,
		.headers = headers,
		.n_headers = sizeof headers / sizeof *headers };

	(void)state;
	expect_structured(&e,
	    "{\"id\":\"7\",\"source\":\"bridge/orders/t\",\"specversion\":\"1.0\",\"type\":\"t\","
	    "\"shade\":\"dark \\\"blue\\\"\",\"time\":\"now\"}");
}

static void headers_that_only_look_like_attributes_are_none(void **state)
{
	const struct header headers[] = { { SLICE("ce_id"), SLICE("7") }, { SLICE("ce_shade"), SLICE("dark") } };
	struct event e = { .id = SLICE("a1"), .headers = headers, .n_headers = 2 };

	(void)state;
	expect_structured(
	    &e, "{\"id\":\"a1\",\"source\":\"bridge/orders/t\",\"specversion\":\"1.0\",\"type\":\"bridge.event\"}");
}

static void a_source_is_a_uri_reference(void **state)
{
	struct buf b = { 0 };

	(void)state;
	cloudevent_add_source(&b, SLICE("my orders"), SLICE("a/b+\xc3\xa9?#%"));
	buf_add(&b, "", 1);
	assert_string_equal(b.p, "bridge/my%20orders/a/b+%C3%A9%3F%23%25");
	buf_free(&b);
}

static void content_types_are_compared_without_parameters_and_case(void **state)
{
	(void)state;
	assert_true(content_type_is_json(SLICE("application/json")));
	assert_true(content_type_is_json(SLICE("application/vnd.x+JSON ; a=b")));
	assert_false(content_type_is_json(SLICE("application/+json")));
	assert_false(content_type_is_json(SLICE("application/jsonp")));
	assert_false(content_type_is_json(SLICE("text/json")));
	assert_false(content_type_is_json((struct slice){ NULL, 0 }));
	assert_true(
	    content_type_is(SLICE("Application/CloudEvents+JSON; charset=utf-8"), "application/cloudevents+json"));
	assert_false(content_type_is(SLICE("application/cloudevents+jsonx"), "application/cloudevents+json"));
}

static void the_last_header_of_a_name_counts(void **state)
{
	const struct header headers[] = { { SLICE("a"), SLICE("1") }, { SLICE("A"), SLICE("2") },
		{ SLICE("b"), { NULL, 0 } }, { { NULL, 0 }, SLICE("3") } };
	struct event e = { .headers = headers, .n_headers = 4 };

	(void)state;
	assert_true(slice_is(event_header(&e, SLICE("a")), "2"));
	assert_true(slice_is(event_header(&e, SLICE("b")), ""));
	assert_null(event_header(&e, SLICE("c")).p);
	assert_false(event_header_is_last(&e, 0));
	assert_true(event_header_is_last(&e, 1));
	assert_true(event_header_is_last(&e, 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_expiration_is_read),
		cmocka_unit_test(trace_context_is_read_if_it_may_stand_in_a_header),
		cmocka_unit_test(what_is_no_object_is_no_cloudevent),
		cmocka_unit_test(plain_bytes_are_wrapped_as_dapr_does),
		cmocka_unit_test(json_data_is_spliced_as_it_stands),
		cmocka_unit_test(other_data_goes_as_base64),
		cmocka_unit_test(the_attributes_of_a_producer_win_over_made_ones),
		cmocka_unit_test(headers_that_only_look_like_attributes_are_none),
		cmocka_unit_test(a_source_is_a_uri_reference),
		cmocka_unit_test(content_types_are_compared_without_parameters_and_case),
		cmocka_unit_test(the_last_header_of_a_name_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
