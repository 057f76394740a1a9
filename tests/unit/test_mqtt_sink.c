/* The writing half of MQTT: what is published, and what each answer of the broker means for whoever asked. */
/* links: fake_source_core.c fake_link.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "connectors/connectors.h"
#include "tests/unit/fake_link.h"
#include "tests/unit/fake_source_core.h"

enum { PENDING = -1, ITEMS = 150 };

struct asked {
	struct request request;
	struct event events[ITEMS];
	const struct event *pointers[ITEMS];
	int verdict[ITEMS];
	char why[200];
};

static struct loop *loop;

static void answered(struct request *r, unsigned i, enum verdict verdict, const struct answer *answer, const char *why)
{
	struct asked *a = r->asker;

	(void)answer;
	assert_int_equal(a->verdict[i], PENDING);
	a->verdict[i] = verdict;
	snprintf(a->why, sizeof(a->why), "%s", why ? why : "");
}

static struct asked *asked_new(const char *topic, unsigned n)
{
	struct asked *a = mem_new(sizeof(*a));

	a->request = (struct request){ .operation = SLICE("publish"),
		.topic = slice_text(topic),
		.events = a->pointers,
		.n = n,
		.answered = answered,
		.asker = a };
	for (unsigned i = 0; i < n; i++) {
		a->events[i].data = SLICE("payload");
		a->pointers[i] = &a->events[i];
		a->verdict[i] = PENDING;
	}
	return a;
}

static struct source *writer_new(const char *row, const char *value)
{
	struct source *s = source_new(loop, &mqtt_class, "m",
	    (const char *const[]){ "url", "mqtt://127.0.0.1:1", "protocolVersion", "5", row, value, NULL });
	struct error err;

	assert_int_equal(mqtt_class.open(s->connector, &err), 0);
	return s;
}

static void writer_end(struct source *s)
{
	struct mqtt_report ended = { .news = MQTT_ENDED };

	mqtt_class.close(s->connector);
	if (fake_writer)
		fake_says(fake_writer, ended);
	assert_int_equal(s->n_closed, 1);
	source_free(s);
}

static void send(struct source *s, struct asked *a)
{
	mqtt_class.send(s->connector, &a->request);
	source_turns(loop, 1);
}

static struct asked *one_sent(struct source *s, bool keep)
{
	struct asked *a = asked_new("t", 1);

	a->request.keep = keep;
	send(s, a);
	fake_connected(fake_writer, false);
	return a;
}

static void it_connects_when_first_asked_and_confirms_when_the_broker_does(void **state)
{
	struct source *s = writer_new("willTopic", "w");
	struct asked *a;

	(void)state;
	assert_null(fake_writer);
	a = one_sent(s, false);
	assert_true(fake_writer->clean && fake_writer->will);
	assert_string_equal(fake_writer->out[0].topic, "t");
	assert_string_equal(fake_writer->out[0].payload, "payload");
	assert_int_equal(a->verdict[0], PENDING);
	fake_published(fake_writer, 0, (struct mqtt_report){ 0 });
	assert_int_equal(a->verdict[0], DONE);
	free(a);
	writer_end(s);
}

static void what_is_refused_what_is_lost_and_what_never_left(void **state)
{
	static const struct {
		struct mqtt_report how;
		int verdict;
	} cases[] = {
		{ { .failed = true, .reason = MQTTREASONCODE_NOT_AUTHORIZED }, REJECT },
		{ { .failed = true, .reason = MQTTREASONCODE_TOPIC_NAME_INVALID }, REJECT },
		{ { .failed = true, .reason = MQTTREASONCODE_QUOTA_EXCEEDED }, RETRY },
		{ { .failed = true, .code = -1 }, UNSURE },
		{ { .failed = true, .code = MQTT_NEVER_LEFT }, RETRY },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct source *s = writer_new("qos", "1");
		struct asked *a = one_sent(s, false);

		fake_published(fake_writer, 0, cases[i].how);
		assert_int_equal(a->verdict[0], cases[i].verdict);
		free(a);
		writer_end(s);
	}
}

static void nobody_subscribes_is_a_failure_only_where_it_must_be_kept(void **state)
{
	(void)state;
	for (int keep = 0; keep < 2; keep++) {
		struct source *s = writer_new("qos", "1");
		struct asked *a = one_sent(s, keep);

		fake_published(
		    fake_writer, 0, (struct mqtt_report){ .reason = MQTTREASONCODE_NO_MATCHING_SUBSCRIBERS });
		assert_int_equal(a->verdict[0], keep ? RETRY : DONE);
		assert_int_equal(s->n_unheard, 1);
		free(a);
		writer_end(s);
	}
}

static void a_lost_connection_makes_what_was_handed_over_unsure_and_the_rest_is_tried_again(void **state)
{
	struct source *s = writer_new("qos", "1");
	struct asked *a = asked_new("t", ITEMS);

	(void)state;
	send(s, a);
	fake_connected(fake_writer, false);
	assert_int_equal(fake_writer->n_out, 100);
	fake_lost(fake_writer);
	assert_int_equal(a->verdict[0], UNSURE);
	assert_int_equal(a->verdict[99], UNSURE);
	assert_int_equal(a->verdict[100], RETRY);
	fake_published(fake_writer, 0, (struct mqtt_report){ 0 }); /* too late: nobody asks any more */
	free(a);
	writer_end(s);
}

static void a_broker_that_refuses_makes_all_wait_and_is_not_asked_at_once_again(void **state)
{
	struct source *s = writer_new("qos", "1");
	struct asked *a = asked_new("t", 1), *b = asked_new("t", 1);
	struct mqtt_report refused = { .news = MQTT_REFUSED, .failed = true };

	(void)state;
	send(s, a);
	refused.text = mem_text("no");
	fake_says(fake_writer, refused);
	assert_int_equal(a->verdict[0], RETRY);
	assert_non_null(strstr(a->why, "no"));
	send(s, b);
	assert_int_equal(b->verdict[0], RETRY);
	assert_int_equal(fake_writer->n_connects, 1);
	free(a);
	free(b);
	writer_end(s);
}

static void a_forgotten_request_is_not_answered(void **state)
{
	struct source *s = writer_new("qos", "1");
	struct asked *a = one_sent(s, false), *b = asked_new("t", ITEMS);

	(void)state;
	send(s, b); /* some of it waits for room */
	mqtt_class.forget(s->connector, &a->request);
	mqtt_class.forget(s->connector, &b->request);
	free(a);
	free(b);
	fake_published(fake_writer, 0, (struct mqtt_report){ 0 });
	fake_lost(fake_writer);
	writer_end(s);
}

static void the_metadata_of_a_request_says_topic_qos_and_retain(void **state)
{
	static const struct header says[] = { { SLICE("topic"), SLICE("other") }, { SLICE("qos"), SLICE("2") },
		{ SLICE("retain"), SLICE("true") }, { SLICE("tenant"), SLICE("blue") } };
	static const struct header headers[] = { { SLICE("a"), SLICE("b") }, { SLICE("topic"), SLICE("where it was") },
		{ SLICE("__offset"), SLICE("7") }, { SLICE("bytes"), SLICE("\xff\xfe") } };
	struct source *s = writer_new("topic", "t");
	struct asked *a = asked_new("t", 1);

	(void)state;
	a->request.metadata = says;
	a->request.n_metadata = 4;
	a->events[0].headers = headers;
	a->events[0].n_headers = 4;
	send(s, a);
	fake_connected(fake_writer, false);
	assert_string_equal(fake_writer->out[0].topic, "other");
	assert_int_equal(fake_writer->out[0].qos, 2);
	assert_true(fake_writer->out[0].retain);
	assert_int_equal(fake_writer->out[0].properties, 2); /* a and tenant */
	mqtt_class.forget(s->connector, &a->request);
	free(a);
	writer_end(s);
}

static void what_can_never_be_published_is_rejected(void **state)
{
	static const char *const topics[] = { "a/+", "#", "", "bad\xff" };

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct source *s = writer_new("qos", "1");
		struct asked *a = asked_new(topics[i], 1);

		send(s, a);
		assert_int_equal(a->verdict[0], REJECT);
		free(a);
		writer_end(s);
	}
}

static void larger_than_the_broker_takes_is_rejected(void **state)
{
	struct source *s = writer_new("qos", "1");
	struct asked *a = one_sent(s, false), *b = asked_new("t", 1);
	struct mqtt_report small = { .news = MQTT_CONNECTED, .max_packet = 20, .max_qos = 2 };

	(void)state;
	fake_published(fake_writer, 0, (struct mqtt_report){ 0 });
	fake_says(fake_writer, small);
	send(s, b);
	assert_int_equal(b->verdict[0], REJECT);
	free(a);
	free(b);
	writer_end(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_connects_when_first_asked_and_confirms_when_the_broker_does),
		cmocka_unit_test(what_is_refused_what_is_lost_and_what_never_left),
		cmocka_unit_test(nobody_subscribes_is_a_failure_only_where_it_must_be_kept),
		cmocka_unit_test(a_lost_connection_makes_what_was_handed_over_unsure_and_the_rest_is_tried_again),
		cmocka_unit_test(a_broker_that_refuses_makes_all_wait_and_is_not_asked_at_once_again),
		cmocka_unit_test(a_forgotten_request_is_not_answered),
		cmocka_unit_test(the_metadata_of_a_request_says_topic_qos_and_retain),
		cmocka_unit_test(what_can_never_be_published_is_rejected),
		cmocka_unit_test(larger_than_the_broker_takes_is_rejected),
	};
	int failed;

	loop = source_loop();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	loop_free(loop);
	return failed;
}
