/* The reading half of MQTT: what is offered and acknowledged, over connections that come and go. */
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

static struct loop *loop;
static const struct mqtt_subscription_rows stays = { false }, leaves = { true };
static struct subscription all = {
	.component = "m", .topic = "a/#", .group = "app", .options = &stays, .block = BLOCK_BINDING
};
static struct subscription one = {
	.component = "m", .topic = "a/b", .group = "app", .options = &leaves, .block = BLOCK_BINDING
};
static const struct subscription *const alone[] = { &all }, *const both[] = { &all, &one };

static struct source *reader_new(const char *row, const char *value, const struct subscription *const *subs, unsigned n)
{
	struct source *s = source_new(loop, &mqtt_class, "m",
	    (const char *const[]){ "url", "mqtt://127.0.0.1:1", "spillAfter", "1ms", row, value, NULL });
	struct error err;

	s->settle_at_once = false;
	assert_int_equal(mqtt_class.open(s->connector, &err), 0);
	assert_int_equal(s->n_up, 1);
	assert_int_equal(mqtt_class.subscribe(s->connector, subs, n, &err), 0);
	assert_int_equal(s->n_connecting, 1);
	assert_int_equal(fake_reader->n_connects, 1);
	return s;
}

static struct source *reader_up(const char *row, const char *value)
{
	struct source *s = reader_new(row, value, alone, 1);

	fake_connected(fake_reader, false);
	assert_int_equal(fake_reader->n_subscribes, 1);
	assert_int_equal(s->n_up, 1);
	fake_subscribed(fake_reader, "1");
	assert_int_equal(s->n_up, 2);
	return s;
}

static void reader_end(struct source *s)
{
	struct mqtt_report ended = { .news = MQTT_ENDED };

	mqtt_class.stop(s->connector);
	mqtt_class.close(s->connector);
	assert_int_equal(fake_reader->n_ends, 1);
	fake_says(fake_reader, ended);
	assert_int_equal(s->n_closed, 1);
	source_free(s);
}

static void event(int id, const char *payload, bool dup)
{
	fake_message(fake_reader, (struct fake_message){ "a/b", payload, id, 1, dup, false });
}

static void finish(struct source *s, unsigned i)
{
	source_settle(s, s->windows, (uint64_t)s->offers[i].offset);
	source_turns(loop, 1);
}

/* What waits to be written: the fake's connection is known to nobody, so nothing is. */
static const char *acks(void)
{
	static char text[200];
	size_t n = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < fake_reader->link.acks.n; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%u ", fake_reader->link.acks.ids[i]);
	return text;
}

static bool connects_are(void *n)
{
	return fake_reader->n_connects == *(unsigned *)n;
}

/* As the core does after a fault; a connection that did not last is made anew after a pause. */
static void reopen(struct source *s)
{
	unsigned n = fake_reader->n_connects + 1;
	struct error err;

	assert_int_equal(mqtt_class.open(s->connector, &err), 0);
	source_until(loop, connects_are, &n, "it connects again");
}

static void events_are_acknowledged_in_order_of_receipt_when_the_core_says_so(void **state)
{
	struct source *s = reader_up("qos", "1");

	(void)state;
	event(7, "x", false);
	event(9, "y", false);
	event(8, "z", false);
	assert_int_equal(s->n_offers, 3);
	assert_string_equal(acks(), "");
	finish(s, 1);
	assert_string_equal(acks(), "");
	finish(s, 0);
	assert_string_equal(acks(), "7 9 ");
	finish(s, 2);
	assert_string_equal(acks(), "7 9 8 ");
	reader_end(s);
}

static void acknowledgements_of_a_connection_that_is_gone_are_dropped(void **state)
{
	struct source *s = reader_up("qos", "1");

	(void)state;
	event(1, "x", false);
	finish(s, 0);
	assert_string_equal(acks(), "1 ");
	event(2, "y", false);
	fake_lost(fake_reader);
	assert_int_equal(s->n_again, 1);
	assert_int_equal(s->n_down, 1);
	assert_string_equal(acks(), "");
	reader_end(s);
}

static void reports_of_an_earlier_connection_are_not_listened_to(void **state)
{
	struct source *s = reader_up("qos", "1");
	unsigned before = fake_reader->connection;
	struct error err;

	(void)state;
	fake_lost(fake_reader);
	assert_int_equal(mqtt_class.open(s->connector, &err), 0);
	assert_int_equal(fake_reader->n_connects, 1);
	reopen(s);
	fake_connected(fake_reader, true);
	fake_reader->connection = before;
	event(3, "old", false);
	fake_lost(fake_reader);
	assert_int_equal(s->n_offers, 0);
	assert_int_equal(s->n_down, 1);
	assert_int_equal(atomic_load(&fake_reader->link.held_events), 0);
	reader_end(s);
}

static void a_session_that_is_resumed_is_not_subscribed_anew_and_one_that_is_new_is(void **state)
{
	struct source *s = reader_up("qos", "1");

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		fake_lost(fake_reader);
		reopen(s);
		fake_connected(fake_reader, i == 0);
		assert_int_equal(fake_reader->n_subscribes, 1 + i);
	}
	reader_end(s);
}

static void the_same_packet_id_in_a_new_session_is_another_event(void **state)
{
	struct source *s = reader_up("qos", "1");

	(void)state;
	event(5, "x", false);
	fake_lost(fake_reader);
	reopen(s);
	fake_connected(fake_reader, true);
	event(5, "x", true);
	fake_lost(fake_reader);
	reopen(s);
	fake_connected(fake_reader, false);
	event(5, "x", true);
	assert_true(s->offers[1].again);
	assert_int_equal(s->offers[0].offset, s->offers[1].offset);
	assert_int_not_equal(s->offers[1].offset, s->offers[2].offset);
	reader_end(s);
}

static void what_comes_without_credit_waits_in_order_and_goes_on(void **state)
{
	struct source *s = reader_up("waitingEvents", "4");

	(void)state;
	s->credit = 2;
	for (int i = 1; i <= 6; i++)
		event(i, "x", false);
	assert_int_equal(s->n_offers, 2);
	assert_true(atomic_load(&fake_reader->link.choked));
	finish(s, 0);
	finish(s, 1);
	source_resume(s);
	assert_int_equal(s->n_offers, 4);
	assert_false(atomic_load(&fake_reader->link.choked));
	s->credit = 100;
	source_resume(s);
	assert_int_equal(s->n_offers, 6);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(s->offers[i].offset & 0xffff, i + 1);
	reader_end(s);
}

static void what_waits_when_the_connection_goes_is_forgotten_the_broker_has_it(void **state)
{
	struct source *s = reader_up("qos", "1");

	(void)state;
	s->credit = 1;
	event(1, "x", false);
	event(2, "y", false);
	fake_lost(fake_reader);
	assert_int_equal(atomic_load(&fake_reader->link.held_events), 0);
	s->credit = 10;
	source_resume(s);
	assert_int_equal(s->n_offers, 1);
	reader_end(s);
}

static void qos_0_without_credit_is_dropped_and_counted(void **state)
{
	struct source *s = reader_up("qos", "0");

	(void)state;
	s->credit = 1;
	for (int i = 0; i < 3; i++)
		fake_message(fake_reader, (struct fake_message){ "a/b", "x", 0, 0, false, false });
	assert_int_equal(s->n_offers, 1);
	assert_int_equal(s->offers[0].partition, 1);
	assert_int_equal(s->n_dropped, 2);
	assert_string_equal(acks(), "");
	reader_end(s);
}

static void an_event_goes_to_every_subscription_it_fits_and_one_nobody_wants_is_acknowledged(void **state)
{
	struct source *s = reader_new("qos", "1", both, 2);

	(void)state;
	fake_connected(fake_reader, false);
	fake_subscribed(fake_reader, "1x");
	assert_int_equal(s->n_sub_down, 1);
	event(1, "x", false);
	fake_message(fake_reader, (struct fake_message){ "a/c", "y", 2, 1, false, true });
	fake_message(fake_reader, (struct fake_message){ "other", "z", 3, 1, false, false });
	assert_int_equal(s->offers[0].n_subs, 2);
	assert_int_equal(s->offers[1].n_subs, 1);
	assert_int_equal(s->offers[2].n_subs, 0);
	assert_string_equal(s->offers[1].headers, "topic=a/c;retained=true;");
	assert_string_not_equal(s->offers[0].id, s->offers[1].id);
	mqtt_class.stop(s->connector);
	assert_string_equal(fake_reader->unsubscribed, "a/b");
	reader_end(s);
}

static void events_come_before_the_answer_to_the_subscription(void **state)
{
	struct source *s = reader_new("qos", "1", alone, 1);

	(void)state;
	fake_connected(fake_reader, true);
	assert_int_equal(s->n_up, 2); /* or the core would not let them in, and the answer would never be reached */
	event(1, "x", false);
	assert_int_equal(s->n_offers, 1);
	reader_end(s);
}

static bool is_down(void *source)
{
	return ((struct source *)source)->n_down > 0;
}

static void a_subscription_that_is_never_answered_is_a_fault(void **state)
{
	struct source *s = reader_new("connectTimeout", "1s", alone, 1);

	(void)state;
	fake_connected(fake_reader, false);
	source_until(loop, is_down, s, "the fault is told");
	assert_int_equal(fake_reader->n_hang_ups, 1);
	assert_non_null(strstr(s->down, "does not answer the subscription"));
	reader_end(s);
}

static void an_oldest_event_that_is_not_finished_is_a_stall_and_the_lag_is_told(void **state)
{
	struct source *s = reader_up("brokerWindow", "2");

	(void)state;
	event(1, "x", false);
	event(2, "y", false);
	s->age_ms = 1;
	mqtt_source_lag(((struct mqtt *)s->connector)->reader);
	mqtt_source_lag(((struct mqtt *)s->connector)->reader);
	assert_int_equal(s->n_stalls, 1);
	assert_int_equal(s->lag[0].unacked, 2);
	assert_true(s->lag[0].known && s->lag[0].saturated);
	reader_end(s);
}

static void a_connection_that_goes_while_nothing_is_taken_is_made_anew_with_credit(void **state)
{
	struct source *s = reader_up("qos", "1");
	struct mqtt_reader *r = ((struct mqtt *)s->connector)->reader;

	(void)state;
	s->credit = 1;
	event(1, "x", false);
	event(2, "y", false);
	r->connected_at -= 60000; /* it lasted */
	fake_lost(fake_reader);
	assert_int_equal(s->n_down, 0);
	assert_false(s->lag[0].known);
	s->credit = 10;
	source_resume(s);
	assert_int_equal(fake_reader->n_connects, 2);
	reader_end(s);
}

static void the_drain_waits_until_the_broker_has_read_what_is_acknowledged(void **state)
{
	struct mqtt_report pong = { .news = MQTT_PONG };
	struct source *s = reader_up("qos", "1");

	(void)state;
	event(1, "x", false);
	finish(s, 0);
	mqtt_class.stop(s->connector);
	mqtt_class.drain(s->connector);
	assert_int_equal(fake_reader->link.acks.pings, 3);
	fake_says(fake_reader, pong); /* these two may be answers to the library itself */
	fake_says(fake_reader, pong);
	assert_int_equal(s->n_drained, 0);
	fake_says(fake_reader, pong);
	assert_int_equal(s->n_drained, 1);
	reader_end(s);
}

static void a_drain_ends_with_the_connection_and_needs_none_if_nothing_was_acknowledged(void **state)
{
	struct source *s = reader_up("qos", "1");

	(void)state;
	mqtt_class.drain(s->connector);
	assert_int_equal(s->n_drained, 1);
	event(1, "x", false);
	finish(s, 0);
	mqtt_class.drain(s->connector);
	assert_int_equal(s->n_drained, 1);
	fake_lost(fake_reader);
	assert_int_equal(s->n_drained, 2);
	reader_end(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_are_acknowledged_in_order_of_receipt_when_the_core_says_so),
		cmocka_unit_test(acknowledgements_of_a_connection_that_is_gone_are_dropped),
		cmocka_unit_test(reports_of_an_earlier_connection_are_not_listened_to),
		cmocka_unit_test(a_session_that_is_resumed_is_not_subscribed_anew_and_one_that_is_new_is),
		cmocka_unit_test(the_same_packet_id_in_a_new_session_is_another_event),
		cmocka_unit_test(what_comes_without_credit_waits_in_order_and_goes_on),
		cmocka_unit_test(what_waits_when_the_connection_goes_is_forgotten_the_broker_has_it),
		cmocka_unit_test(qos_0_without_credit_is_dropped_and_counted),
		cmocka_unit_test(an_event_goes_to_every_subscription_it_fits_and_one_nobody_wants_is_acknowledged),
		cmocka_unit_test(events_come_before_the_answer_to_the_subscription),
		cmocka_unit_test(a_subscription_that_is_never_answered_is_a_fault),
		cmocka_unit_test(an_oldest_event_that_is_not_finished_is_a_stall_and_the_lag_is_told),
		cmocka_unit_test(a_connection_that_goes_while_nothing_is_taken_is_made_anew_with_credit),
		cmocka_unit_test(the_drain_waits_until_the_broker_has_read_what_is_acknowledged),
		cmocka_unit_test(a_drain_ends_with_the_connection_and_needs_none_if_nothing_was_acknowledged),
	};
	int failed;

	loop = source_loop();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	loop_free(loop);
	return failed;
}
