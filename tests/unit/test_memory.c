/* Topics inside the process: all who subscribed get every event, in order; a full queue is told to the publisher. */
/* links: fake_source_core.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "connectors/connectors.h"
#include "tests/unit/fake_source_core.h"

struct publish {
	struct request request;
	struct event event;
	const struct event *events[1];
	enum verdict verdict;
	unsigned answered;
	const char *why;
};

static struct loop *loop;
static const struct subscription one = { .component = "m", .topic = "t" }, two = { .component = "m", .topic = "t" },
				 other = { .component = "m", .topic = "other" };

static struct source *memory_new(const char *max_queue, const struct subscription *const *subs, unsigned n)
{
	struct source *s = source_new(loop, &memory_class, "m", (const char *const[]){ "maxQueue", max_queue, NULL });
	struct error err;

	assert_int_equal(memory_class.subscribe(s->connector, subs, n, &err), 0);
	return s;
}

static void memory_end(struct source *s)
{
	memory_class.close(s->connector);
	assert_int_equal(s->n_closed, 1);
	source_free(s);
}

static void answered(struct request *r, unsigned i, enum verdict verdict, const struct answer *answer, const char *why)
{
	struct publish *p = r->asker;

	(void)i;
	(void)answer;
	p->verdict = verdict;
	p->why = why;
	p->answered++;
}

static enum verdict publish(struct source *s, const char *topic, const char *data)
{
	static struct publish p;
	char *copy = mem_text(data); /* gone after the call: what waits must be a copy */

	p = (struct publish){ .request = { .operation = SLICE("publish"),
				  .topic = slice_text(topic),
				  .n = 1,
				  .answered = answered,
				  .asker = &p } };
	p.event.data = slice_text(copy);
	p.events[0] = &p.event;
	p.request.events = p.events;
	memory_class.send(s->connector, &p.request);
	assert_int_equal(p.answered, 1);
	free(copy);
	return p.verdict;
}

static void what_waits_and_what_is_in_flight_is_told_as_lag(void **state)
{
	const struct subscription *watched[] = { &one };
	struct source *s = memory_new("10", watched, 1);
	struct error err;

	(void)state;
	s->settle_at_once = false;
	s->credit = 2;
	for (unsigned i = 0; i < 5; i++)
		publish(s, "t", "e");
	assert_int_equal(memory_class.watch(s->connector, watched, 1, &err), 0);
	assert_true(s->lag[0].known);
	assert_int_equal(s->lag[0].unacked, 5);
	memory_end(s);
}

static void every_subscription_of_a_topic_gets_every_event_in_order(void **state)
{
	struct source *s = memory_new("10", (const struct subscription *const[]){ &one, &two, &other }, 3);
	char text[20];

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		snprintf(text, sizeof(text), "e%u", i);
		assert_int_equal(publish(s, "t", text), DONE);
	}
	assert_int_equal(s->n_offers, 5);
	for (unsigned i = 0; i < 5; i++) {
		snprintf(text, sizeof(text), "e%u", i);
		assert_string_equal(s->offers[i].data, text);
		assert_string_equal(s->offers[i].topic, "t");
		assert_int_equal(s->offers[i].n_subs, 2);
	}
	memory_end(s);
}

static void an_event_for_a_topic_nobody_reads_is_gone(void **state)
{
	struct source *s = memory_new("10", (const struct subscription *const[]){ &other }, 1);

	(void)state;
	assert_int_equal(publish(s, "t", "x"), DONE);
	assert_int_equal(s->n_offers, 0);
	memory_end(s);
}

static void without_credit_events_wait_in_order_and_a_full_queue_is_told(void **state)
{
	struct source *s = memory_new("3", (const struct subscription *const[]){ &one }, 1);

	(void)state;
	s->credit = 1;
	s->settle_at_once = false;
	assert_int_equal(publish(s, "t", "a"), DONE);
	assert_int_equal(publish(s, "t", "b"), DONE);
	assert_int_equal(publish(s, "t", "c"), DONE);
	assert_int_equal(publish(s, "t", "d"), DONE);
	assert_int_equal(publish(s, "t", "e"), RETRY);
	assert_int_equal(s->n_offers, 1);
	s->credit = 3;
	source_resume(s);
	assert_int_equal(s->n_offers, 3);
	assert_int_equal(publish(s, "t", "f"), DONE); /* behind d, though there may be credit again */
	s->credit = 10;
	assert_int_equal(publish(s, "t", "g"), DONE);
	source_resume(s);
	assert_int_equal(s->n_offers, 6);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(s->offers[i].data[0], "abcdfg"[i]);
	memory_end(s);
}

static void a_held_topic_goes_on_where_it_was_and_does_not_stop_others(void **state)
{
	struct source *s = memory_new("5", (const struct subscription *const[]){ &one, &other }, 2);
	struct window *w;

	(void)state;
	assert_int_equal(publish(s, "t", "a"), DONE);
	w = source_window(s, "t", 0);
	w->held = true;
	assert_int_equal(publish(s, "t", "b"), DONE);
	assert_int_equal(publish(s, "other", "x"), DONE);
	assert_int_equal(s->n_offers, 2);
	source_unhold(s, w);
	assert_int_equal(s->n_offers, 3);
	assert_string_equal(s->offers[2].data, "b");
	memory_end(s);
}

static void what_is_no_publishing_is_rejected(void **state)
{
	struct source *s = memory_new("5", (const struct subscription *const[]){ &one }, 1);
	struct publish p = { .request = {
				 .operation = SLICE("create"), .topic = SLICE("t"), .n = 1, .answered = answered } };

	(void)state;
	p.request.asker = &p;
	p.events[0] = &p.event;
	p.request.events = p.events;
	memory_class.send(s->connector, &p.request);
	assert_int_equal(p.verdict, REJECT);
	assert_non_null(strstr(p.why, "supported operations: publish"));
	assert_int_equal(publish(s, "", "x"), REJECT);
	memory_end(s);
}

static void when_the_process_ends_publishing_is_refused_not_lost(void **state)
{
	struct source *s = memory_new("5", (const struct subscription *const[]){ &one }, 1);

	(void)state;
	s->stopped = true;
	assert_int_equal(publish(s, "t", "a"), RETRY);
	memory_end(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_subscription_of_a_topic_gets_every_event_in_order),
		cmocka_unit_test(what_waits_and_what_is_in_flight_is_told_as_lag),
		cmocka_unit_test(an_event_for_a_topic_nobody_reads_is_gone),
		cmocka_unit_test(without_credit_events_wait_in_order_and_a_full_queue_is_told),
		cmocka_unit_test(a_held_topic_goes_on_where_it_was_and_does_not_stop_others),
		cmocka_unit_test(what_is_no_publishing_is_rejected),
		cmocka_unit_test(when_the_process_ends_publishing_is_refused_not_lost),
	};
	int failed;

	loop = source_loop();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	loop_free(loop);
	return failed;
}
