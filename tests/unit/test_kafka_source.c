/* Reading from Kafka: what is offered, what is committed, and that nothing is passed over when reading stops and goes on. */
/* links: fake_source_core.c fake_kafka.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "connectors/connectors.h"
#include "tests/unit/fake_kafka.h"
#include "tests/unit/fake_source_core.h"

static struct cluster *cluster;
static struct loop *loop;

/* One reader of a group, begun at the oldest event. */
struct reader { struct source *source; struct subscription sub; const char *settings[32]; };

static struct reader *reader_begin(const char *group, const char *topic, const char *const *more)
{
	struct reader *r = mem_new(sizeof(*r));
	unsigned n = 0;
	const char *base[] = { "brokers", cluster->brokers, "consumerGroup", group, "sessionTimeout", "3s", "heartbeatInterval", "500ms",
		"initialOffset", "oldest", "clientConnectionTopicMetadataRefreshInterval", "300ms" };

	for (; n < sizeof(base) / sizeof(base[0]); n++)
		r->settings[n] = base[n];
	while (more && *more)
		r->settings[n++] = *more++;
	r->source = source_new(loop, &kafka_class, group, r->settings);
	r->sub = (struct subscription){ .component = group, .topic = topic, .group = group };
	return r;
}

static void reader_open(struct reader *r)
{
	struct error err = { .code = ERR_NONE };
	const struct subscription *subs[] = { &r->sub };

	if (kafka_class.open(r->source->connector, &err) < 0 || kafka_class.subscribe(r->source->connector, subs, 1, &err) < 0)
		fail_msg("%s", err.text);
}

static struct reader *reader_new(const char *group, const char *topic, const char *const *more)
{
	struct reader *r = reader_begin(group, topic, more);

	reader_open(r);
	return r;
}

static bool is_drained(void *arg)
{
	return ((struct source *)arg)->n_drained > 0;
}

static bool is_closed(void *arg)
{
	return ((struct source *)arg)->n_closed > 0;
}

static void reader_end(struct reader *r)
{
	struct source *s = r->source;

	kafka_class.stop(s->connector);
	s->stopped = true;
	source_turns(loop, 0);
	kafka_class.drain(s->connector);
	source_until(loop, is_drained, s, "the last commit is confirmed");
	kafka_class.close(s->connector);
	source_until(loop, is_closed, s, "the connector is closed");
	assert_int_equal(s->n_closed, 1);
	source_free(s);
	free(r);
}

struct count { struct source *s; const char *topic; unsigned n; };

static bool has_count(void *arg)
{
	struct count *c = arg;

	return source_count(c->s, c->topic, -1) >= c->n;
}

static void until_count(struct source *s, const char *topic, unsigned n)
{
	source_until(loop, has_count, &(struct count){ s, topic, n }, "all events are offered");
}

struct position { const char *group, *topic; int partition; int64_t offset; };

static bool is_committed(void *arg)
{
	struct position *p = arg;

	return cluster_committed(cluster, p->group, p->topic, p->partition, NULL, 0) == p->offset;
}

static void until_committed(const char *group, const char *topic, int partition, int64_t offset)
{
	source_until(loop, is_committed, &(struct position){ group, topic, partition, offset }, "the offset is committed");
}

static void assert_unbroken(const struct source *s, const char *topic, int partition, int64_t from)
{
	for (unsigned i = 0; i < s->n_offers; i++)
		if (strcmp(s->offers[i].topic, topic) == 0 && (int)s->offers[i].partition == partition)
			assert_int_equal(s->offers[i].offset, from++);
}

static void events_of_all_partitions_are_offered_in_order_and_committed(void **state)
{
	struct reader *r;

	(void)state;
	cluster_topic(cluster, "all", 2);
	cluster_write(cluster, "all", 0, 0, 500, 0);
	cluster_write(cluster, "all", 1, 0, 300, 0);
	r = reader_new("g-all", "all", NULL);
	assert_int_equal(r->source->n_up, 1);
	until_count(r->source, "all", 800);
	assert_unbroken(r->source, "all", 0, 0);
	assert_unbroken(r->source, "all", 1, 0);
	assert_string_equal(r->source->offers[0].data, r->source->offers[0].partition == 0 ? "all-0-0" : "all-1-0");
	assert_ptr_equal(r->source->offers[0].subs[0], &r->sub);
	reader_end(r);
	assert_int_equal(cluster_committed(cluster, "g-all", "all", 0, NULL, 0), 500);
	assert_int_equal(cluster_committed(cluster, "g-all", "all", 1, NULL, 0), 300);
}

static void a_group_goes_on_where_it_stopped(void **state)
{
	struct reader *r;

	(void)state;
	cluster_topic(cluster, "again", 1);
	cluster_write(cluster, "again", 0, 0, 100, 0);
	r = reader_new("g-again", "again", NULL);
	until_count(r->source, "again", 100);
	reader_end(r);
	cluster_write(cluster, "again", 0, 100, 50, 0);
	r = reader_new("g-again", "again", NULL);
	until_count(r->source, "again", 50);
	assert_unbroken(r->source, "again", 0, 100);
	assert_int_equal(r->source->windows->start, 100);
	reader_end(r);
}

static void without_credit_reading_stops_and_goes_on_without_a_gap(void **state)
{
	struct reader *r;
	struct source *s;

	(void)state;
	cluster_topic(cluster, "credit", 1);
	cluster_write(cluster, "credit", 0, 0, 1000, 0);
	r = reader_begin("g-credit", "credit", NULL);
	s = r->source;
	s->settle_at_once = false;
	s->credit = 10;
	reader_open(r);
	until_count(s, "credit", 10);
	for (unsigned n = 20; n <= 1000; n += 10) {
		source_turns(loop, 0);
		assert_int_equal(s->n_offers, n - 10);
		source_settle_all(s);
		source_resume(s);
		until_count(s, "credit", n);
	}
	assert_unbroken(s, "credit", 0, 0);
	source_settle_all(s);
	reader_end(r);
	assert_int_equal(cluster_committed(cluster, "g-credit", "credit", 0, NULL, 0), 1000);
}

static void a_slow_reader_of_more_than_the_queue_is_not_read_once_a_second(void **state)
{
	static const char *const rows[] = { "prefetchBytes", "64Ki", NULL };
	struct reader *r;
	struct source *s;
	int64_t begun;
	unsigned n = 0;

	(void)state;
	cluster_topic(cluster, "choked", 1);
	cluster_write(cluster, "choked", 0, 0, 3000, 1000);
	r = reader_begin("g-choked", "choked", rows);
	s = r->source;
	s->settle_at_once = false;
	s->credit = 20;
	reader_open(r);
	until_count(s, "choked", 20);
	begun = loop_now(loop);
	while (s->n_offers < 3000) {
		n = s->n_offers;
		source_settle_all(s);
		source_resume(s);
		until_count(s, "choked", n + 1);
	}
	assert_in_range(loop_now(loop) - begun, 0, 20000);	/* 3 MB of 64 KiB at once: 46 stalls of a second without the kick */
	assert_unbroken(s, "choked", 0, 0);
	source_settle_all(s);
	reader_end(r);
}

static bool is_held(void *arg)
{
	return ((struct source *)arg)->n_held > 0;
}

static void a_held_partition_stands_alone_and_goes_on_at_the_event_that_was_refused(void **state)
{
	struct reader *r;
	struct source *s;

	(void)state;
	cluster_topic(cluster, "held", 2);
	cluster_write(cluster, "held", 0, 0, 200, 0);
	cluster_write(cluster, "held", 1, 0, 200, 0);
	r = reader_begin("g-held", "held", NULL);
	s = r->source;
	s->hold_partition = 0;
	s->hold_after = 37;
	reader_open(r);
	source_until(loop, is_held, s, "a partition is held");
	until_count(s, "held", 37 + 200);
	cluster_write(cluster, "held", 1, 200, 100, 0);
	cluster_write(cluster, "held", 0, 200, 100, 0);
	until_count(s, "held", 37 + 300);
	assert_int_equal(source_count(s, "held", 0), 37);
	assert_int_equal(s->n_held, 1);
	source_unhold(s, source_window(s, "held", 0));
	until_count(s, "held", 600);
	assert_unbroken(s, "held", 0, 0);
	assert_unbroken(s, "held", 1, 0);
	reader_end(r);
}

static void the_note_is_committed_and_read_back_for_the_offset_it_was_made_for(void **state)
{
	struct reader *r;
	struct source *s;
	char note[100];

	(void)state;
	cluster_topic(cluster, "note", 1);
	cluster_write(cluster, "note", 0, 0, 10, 0);
	r = reader_begin("g-note", "note", NULL);
	s = r->source;
	s->settle_at_once = false;
	reader_open(r);
	until_count(s, "note", 10);
	for (unsigned i = 0; i < 4; i++)
		source_settle(s, s->windows, i);
	source_settle(s, s->windows, 7);
	source_settle(s, s->windows, 8);
	until_committed("g-note", "note", 0, 4);
	reader_end(r);
	assert_int_equal(cluster_committed(cluster, "g-note", "note", 0, note, sizeof(note)), 4);
	assert_string_equal(note, "fake:4:2");
	r = reader_new("g-note", "note", NULL);
	until_count(r->source, "note", 6);
	assert_int_equal(r->source->windows->start, 4);
	assert_string_equal(r->source->windows->note, "fake:4:2");
	reader_end(r);
	cluster_committed(cluster, "g-note", "note", 0, note, sizeof(note));
	assert_string_equal(note, "");
}

static void a_note_that_changes_alone_is_committed_too(void **state)
{
	struct reader *r;
	struct source *s;
	char note[100];

	(void)state;
	cluster_topic(cluster, "ahead", 1);
	cluster_write(cluster, "ahead", 0, 0, 10, 0);
	r = reader_begin("g-ahead", "ahead", NULL);
	s = r->source;
	s->settle_at_once = false;
	reader_open(r);
	until_count(s, "ahead", 10);
	source_settle(s, s->windows, 5);
	reader_end(r);
	assert_int_equal(cluster_committed(cluster, "g-ahead", "ahead", 0, note, sizeof(note)), 0);
	assert_string_equal(note, "fake:0:1");
}

struct failures { struct source *s; unsigned n; };

static bool has_failures(void *arg)
{
	struct failures *f = arg;

	return f->s->n_commit_failures >= f->n;
}

static void a_refused_commit_is_repeated_and_a_note_too_large_is_left_out(void **state)
{
	struct reader *r;
	struct source *s;
	char note[100];

	(void)state;
	cluster_topic(cluster, "refused", 1);
	cluster_write(cluster, "refused", 0, 0, 10, 0);
	r = reader_begin("g-refused", "refused", NULL);
	s = r->source;
	s->settle_at_once = false;
	rd_kafka_mock_push_request_errors(cluster->mock, API_OFFSET_COMMIT, 2, RD_KAFKA_RESP_ERR_UNKNOWN, RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE);
	reader_open(r);
	until_count(s, "refused", 10);
	for (unsigned i = 0; i < 3; i++)
		source_settle(s, s->windows, i);
	source_settle(s, s->windows, 6);
	source_until(loop, has_failures, &(struct failures){ s, 2 }, "both refusals came");
	until_committed("g-refused", "refused", 0, 3);
	assert_int_equal(cluster_committed(cluster, "g-refused", "refused", 0, note, sizeof(note)), 3);
	assert_string_equal(note, "");
	source_settle_all(s);
	reader_end(r);
	assert_int_equal(cluster_committed(cluster, "g-refused", "refused", 0, NULL, 0), 10);
}

static const struct fake_offer *offer_with(const struct source *s, const char *data)
{
	for (unsigned i = 0; i < s->n_offers; i++)
		if (strcmp(s->offers[i].data, data) == 0)
			return &s->offers[i];
	fail_msg("no event %s", data);
	return NULL;
}

static void an_event_has_its_place_its_headers_and_what_they_say(void **state)
{
	static const char *const rows[] = { "excludeHeaderMetaRegex", "^x-secret", NULL };
	const struct header headers[] = { { SLICE("content-type"), SLICE("application/json") }, { SLICE("x-secret-a"), SLICE("s") },
		{ SLICE("__offset"), SLICE("forged") }, { SLICE("b"), SLICE("two words") } };
	struct reader *r;
	const struct fake_offer *o;

	(void)state;
	cluster_topic(cluster, "meta", 1);
	cluster_write_one(cluster, "meta", 0, SLICE("k 1"), SLICE("one"), headers, 4);
	cluster_write_one(cluster, "meta", 0, (struct slice){ NULL, 0 }, (struct slice){ NULL, 0 }, NULL, 0);
	r = reader_new("g-meta", "meta", rows);
	until_count(r->source, "meta", 2);
	o = offer_with(r->source, "one");
	assert_string_equal(o->id, "meta/0/0");
	assert_string_equal(o->content_type, "application/json");
	assert_int_equal(o->key.n, 3);
	assert_memory_equal(o->key.p, "k 1", 3);
	assert_non_null(strstr(o->headers, "__key=k 1;"));
	assert_non_null(strstr(o->headers, "__offset=0;"));
	assert_non_null(strstr(o->headers, "__topic=meta;"));
	assert_non_null(strstr(o->headers, "__partition=0;"));
	assert_non_null(strstr(o->headers, "__timestamp=1"));
	assert_non_null(strstr(o->headers, "b=two words;"));
	assert_null(strstr(o->headers, "x-secret"));
	assert_null(strstr(o->headers, "forged"));
	assert_true(o->time_ms > 0);
	assert_false(o->tombstone);
	assert_true(r->source->offers[1].tombstone);
	assert_null(r->source->offers[1].key.p);
	assert_null(strstr(r->source->offers[1].headers, "__key"));
	reader_end(r);
	r = reader_new("g-meta-escaped", "meta", (const char *const[]){ "escapeHeaders", "true", NULL });
	until_count(r->source, "meta", 2);
	assert_non_null(strstr(r->source->offers[0].headers, "__key=k+1;"));
	assert_non_null(strstr(r->source->offers[0].headers, "b=two+words;"));
	assert_non_null(strstr(r->source->offers[0].headers, "content-type=application%2Fjson;"));
	assert_string_equal(r->source->offers[0].content_type, "application/json");
	reader_end(r);
}

static void each_event_goes_to_the_subscriptions_that_name_its_topic(void **state)
{
	struct reader *r;
	struct source *s;
	struct subscription pattern = { .component = "g-list", .topic = "^list-[ab]$", .group = "g-list" };
	const struct subscription *subs[2] = { NULL, &pattern };
	struct error err;

	(void)state;
	cluster_topic(cluster, "list-a", 1);
	cluster_topic(cluster, "list-b", 1);
	cluster_topic(cluster, "list-c", 1);
	cluster_write(cluster, "list-a", 0, 0, 1, 0);
	cluster_write(cluster, "list-b", 0, 0, 1, 0);
	cluster_write(cluster, "list-c", 0, 0, 1, 0);
	r = reader_begin("g-list", " list-a, list-c", NULL);
	s = r->source;
	subs[0] = &r->sub;
	assert_int_equal(kafka_class.open(s->connector, &err), 0);
	assert_int_equal(kafka_class.subscribe(s->connector, subs, 2, &err), 0);
	until_count(s, "list-a", 1);
	until_count(s, "list-b", 1);
	until_count(s, "list-c", 1);
	assert_int_equal(offer_with(s, "list-a-0-0")->n_subs, 2);
	assert_int_equal(offer_with(s, "list-b-0-0")->n_subs, 1);
	assert_ptr_equal(offer_with(s, "list-b-0-0")->subs[0], &pattern);
	assert_int_equal(offer_with(s, "list-c-0-0")->n_subs, 1);
	assert_ptr_equal(offer_with(s, "list-c-0-0")->subs[0], &r->sub);
	reader_end(r);
}

static void a_group_that_begins_at_the_end_commits_where_it_began(void **state)
{
	struct reader *r;

	(void)state;
	cluster_topic(cluster, "newest", 1);
	cluster_write(cluster, "newest", 0, 0, 20, 0);
	r = reader_new("g-newest", "newest", (const char *const[]){ "initialOffset", "newest", NULL });
	r->source->settle_at_once = false;
	until_committed("g-newest", "newest", 0, 20);
	cluster_write(cluster, "newest", 0, 20, 5, 0);
	until_count(r->source, "newest", 5);
	assert_unbroken(r->source, "newest", 0, 20);
	reader_end(r);
	r = reader_new("g-newest", "newest", (const char *const[]){ "initialOffset", "newest", NULL });
	until_count(r->source, "newest", 5);
	assert_unbroken(r->source, "newest", 0, 20);
	reader_end(r);
}

static bool lag_is_zero(void *arg)
{
	struct source *s = arg;

	return s->lag[0].known && s->lag[0].unacked == 0;
}

static bool lag_is_known(void *arg)
{
	struct source *s = arg;

	return s->lag[0].known && s->lag[0].unacked == 300;
}

static void lag_is_what_is_not_committed_and_becomes_zero(void **state)
{
	struct reader *r;
	struct source *s;

	(void)state;
	cluster_topic(cluster, "lag", 1);
	cluster_write(cluster, "lag", 0, 0, 300, 0);
	r = reader_begin("g-lag", "lag", NULL);
	s = r->source;
	s->settle_at_once = false;
	reader_open(r);
	source_until(loop, lag_is_known, s, "the lag is 300");
	source_settle_all(s);
	source_until(loop, lag_is_zero, s, "the lag is 0");
	reader_end(r);
}

static bool is_sub_down(void *arg)
{
	return ((struct source *)arg)->n_sub_down > 0;
}

static void a_topic_that_comes_later_is_said_to_be_missing_and_then_read(void **state)
{
	struct reader *r;
	struct source *s;

	(void)state;
	cluster_topic(cluster, "later-other", 1);
	rd_kafka_mock_topic_set_error(cluster->mock, "later", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
	r = reader_new("g-later", "later-other,later", NULL);
	s = r->source;
	source_until(loop, is_sub_down, s, "the subscription is said to be down");
	assert_non_null(strstr(s->sub_down, "topic later: does not exist"));
	assert_int_equal(s->n_down, 0);
	rd_kafka_mock_topic_set_error(cluster->mock, "later", RD_KAFKA_RESP_ERR_NO_ERROR);
	cluster_write(cluster, "later", 0, 0, 5, 0);
	until_count(s, "later", 5);
	assert_int_equal(s->n_sub_up, 1);
	reader_end(r);
}

static bool is_down(void *arg)
{
	return ((struct source *)arg)->n_down > 0;
}

static bool is_up_again(void *arg)
{
	return ((struct source *)arg)->n_up > 1;
}

static void an_outage_is_told_once_and_ends_by_itself(void **state)
{
	struct reader *r;
	struct source *s;
	struct error err;

	(void)state;
	cluster_topic(cluster, "outage", 1);
	cluster_write(cluster, "outage", 0, 0, 10, 0);
	rd_kafka_mock_broker_set_down(cluster->mock, -1);
	r = reader_new("g-outage", "outage", NULL);
	s = r->source;
	source_until(loop, is_down, s, "it is said to be down");
	assert_non_null(strstr(s->down, "no broker of 127.0.0.1"));
	assert_int_equal(kafka_class.open(s->connector, &err), 0);
	source_turns(loop, 1500);
	assert_int_equal(s->n_down, 1);
	assert_int_equal(s->n_up, 1);
	rd_kafka_mock_broker_set_up(cluster->mock, -1);
	source_until(loop, is_up_again, s, "it is said to be up");
	until_count(s, "outage", 10);
	assert_unbroken(s, "outage", 0, 0);
	reader_end(r);
	assert_int_equal(cluster_committed(cluster, "g-outage", "outage", 0, NULL, 0), 10);
}

static void a_second_subscribe_with_the_same_set_changes_nothing(void **state)
{
	struct reader *r;
	struct source *s;
	struct error err;
	const struct subscription *subs[1];

	(void)state;
	cluster_topic(cluster, "same", 1);
	cluster_write(cluster, "same", 0, 0, 10, 0);
	r = reader_new("g-same", "same", NULL);
	s = r->source;
	until_count(s, "same", 10);
	subs[0] = &r->sub;
	assert_int_equal(kafka_class.subscribe(s->connector, subs, 1, &err), 0);
	cluster_write(cluster, "same", 0, 10, 10, 0);
	until_count(s, "same", 20);
	assert_int_equal(s->n_windows, 1);
	assert_int_equal(s->n_rebalances, 1);
	reader_end(r);
}

static void a_cooperative_member_that_was_never_let_in_is_not_closed_by_force(void **state)
{
	struct reader *r;
	struct source *s;

	(void)state;
	cluster_topic(cluster, "coop-early", 1);
	r = reader_new("g-coop-early", "coop-early", (const char *const[]){ "consumerGroupRebalanceStrategy", "cooperative-sticky", NULL });
	s = r->source;
	kafka_class.close(s->connector);
	source_until(loop, is_closed, s, "it is closed");
	assert_int_equal(s->n_closed, 1);
	source_free(s);
	free(r);
}

static void a_component_that_reads_nothing_closes_at_once(void **state)
{
	struct reader *r = reader_begin("g-none", "none", NULL);
	struct source *s = r->source;
	struct error err;

	(void)state;
	assert_int_equal(kafka_class.open(s->connector, &err), 0);
	assert_int_equal(s->n_up, 1);
	assert_int_equal(kafka_class.subscribe(s->connector, NULL, 0, &err), 0);
	reader_end(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_of_all_partitions_are_offered_in_order_and_committed),
		cmocka_unit_test(a_group_goes_on_where_it_stopped),
		cmocka_unit_test(without_credit_reading_stops_and_goes_on_without_a_gap),
		cmocka_unit_test(a_slow_reader_of_more_than_the_queue_is_not_read_once_a_second),
		cmocka_unit_test(a_held_partition_stands_alone_and_goes_on_at_the_event_that_was_refused),
		cmocka_unit_test(the_note_is_committed_and_read_back_for_the_offset_it_was_made_for),
		cmocka_unit_test(a_note_that_changes_alone_is_committed_too),
		cmocka_unit_test(a_refused_commit_is_repeated_and_a_note_too_large_is_left_out),
		cmocka_unit_test(an_event_has_its_place_its_headers_and_what_they_say),
		cmocka_unit_test(each_event_goes_to_the_subscriptions_that_name_its_topic),
		cmocka_unit_test(a_group_that_begins_at_the_end_commits_where_it_began),
		cmocka_unit_test(lag_is_what_is_not_committed_and_becomes_zero),
		cmocka_unit_test(a_topic_that_comes_later_is_said_to_be_missing_and_then_read),
		cmocka_unit_test(an_outage_is_told_once_and_ends_by_itself),
		cmocka_unit_test(a_second_subscribe_with_the_same_set_changes_nothing),
		cmocka_unit_test(a_cooperative_member_that_was_never_let_in_is_not_closed_by_force),
		cmocka_unit_test(a_component_that_reads_nothing_closes_at_once),
	};
	int failed;

	cluster = cluster_new(1);
	loop = source_loop();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	loop_free(loop);
	cluster_free(cluster);
	return failed;
}
