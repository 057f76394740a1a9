/* Reading from Kafka: what is offered and committed, and that nothing is passed over when reading stops and goes on. */
/* links: fake_source_core.c fake_kafka.c fake_reader.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "connectors/connectors.h"
#include "tests/unit/fake_reader.h"

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
	assert_in_range(
	    loop_now(loop) - begun, 0, 20000); /* 3 MB of 64 KiB at once: 46 stalls of a second without the kick */
	assert_unbroken(s, "choked", 0, 0);
	source_settle_all(s);
	reader_end(r);
}

/* Looks once in every turn of the loop. */
struct pulse {
	struct later later;
	const struct source *source;
	unsigned last, most;
};

static void pulse_beats(void *arg)
{
	struct pulse *p = arg;
	unsigned now = p->source->n_offers;

	if (now - p->last > p->most)
		p->most = now - p->last;
	p->last = now;
	loop_defer(loop, &p->later);
}

static void large_events_are_not_all_handed_over_in_one_turn(void **state)
{
	static const char *const rows[] = { "prefetchBytes", "16Mi", NULL };
	struct pulse p = { .later = { .fn = pulse_beats, .arg = &p } };
	struct reader *r;
	struct source *s;

	(void)state;
	cluster_topic(cluster, "large", 1);
	cluster_write(cluster, "large", 0, 0, 45, 100000); /* what a mock broker holds */
	r = reader_begin("g-large", "large", rows);
	s = r->source;
	s->settle_at_once = false;
	s->credit = 1;
	reader_open(r);
	until_count(s, "large", 1);
	source_turns(loop, 500); /* the library reads ahead */
	s->credit = 1000;
	p.source = s;
	p.last = s->n_offers;
	loop_defer(loop, &p.later);
	source_resume(s);
	until_count(s, "large", 45);
	loop_undefer(loop, &p.later);
	assert_in_range(p.most, 1, 2 * 11); /* 1 MiB a call; a wake and the turn's end may each call once */
	assert_unbroken(s, "large", 0, 0);
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

struct failures {
	struct source *s;
	unsigned n;
};

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
	if (cluster->mock == NULL)
		skip();
	cluster_topic(cluster, "refused", 1);
	cluster_write(cluster, "refused", 0, 0, 10, 0);
	r = reader_begin("g-refused", "refused", NULL);
	s = r->source;
	s->settle_at_once = false;
	rd_kafka_mock_push_request_errors(cluster->mock, API_OFFSET_COMMIT, 2, RD_KAFKA_RESP_ERR_UNKNOWN,
	    RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE);
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
	const struct header headers[] = { { SLICE("content-type"), SLICE("application/json") },
		{ SLICE("x-secret-a"), SLICE("s") }, { SLICE("__offset"), SLICE("forged") },
		{ SLICE("b"), SLICE("two words") } };
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

static bool lag_is_all_of_it(void *arg)
{
	const struct source *s = arg;

	return s->lag[0].known && s->lag[0].unacked == 301;
}

static void what_was_known_of_a_log_is_forgotten_with_it(void **state)
{
	struct reader *r;
	struct source *s;

	(void)state;
	if (cluster->mock == NULL)
		skip();
	cluster_topic(cluster, "reset", 1);
	cluster_write(cluster, "reset", 0, 0, 300, 0);
	r = reader_new("g-reset", "reset", NULL);
	s = r->source;
	until_count(s, "reset", 300);
	until_committed("g-reset", "reset", 0, 300);
	s->settle_at_once = false;
	s->credit = 10;
	for (unsigned i = 0; i < 1000; i++)
		rd_kafka_mock_push_request_errors(cluster->mock, API_OFFSET_COMMIT, 1, RD_KAFKA_RESP_ERR_UNKNOWN);
	rd_kafka_mock_push_request_errors(cluster->mock, API_FETCH, 1, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE);
	cluster_write(cluster, "reset", 0, 300, 1, 0); /* ends the fetch that waits */
	until_count(s, "reset", 310);
	assert_int_equal(s->offers[s->n_offers - 10].offset, 0);
	source_until(loop, lag_is_all_of_it, s, "the lag is that of the log that is read now");
	rd_kafka_mock_clear_request_errors(cluster->mock, API_OFFSET_COMMIT);
	s->credit = 0; /* nothing more is offered: what is settled is all there is */
	source_settle_all(s);
	until_committed("g-reset", "reset", 0, 10);
	assert_int_equal(s->n_lost, 1);
	reader_end(r);
	assert_int_equal(cluster_committed(cluster, "g-reset", "reset", 0, NULL, 0), 10);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(events_of_all_partitions_are_offered_in_order_and_committed),
	cmocka_unit_test(a_group_goes_on_where_it_stopped),
	cmocka_unit_test(without_credit_reading_stops_and_goes_on_without_a_gap),
	cmocka_unit_test(a_slow_reader_of_more_than_the_queue_is_not_read_once_a_second),
	cmocka_unit_test(large_events_are_not_all_handed_over_in_one_turn),
	cmocka_unit_test(a_held_partition_stands_alone_and_goes_on_at_the_event_that_was_refused),
	cmocka_unit_test(the_note_is_committed_and_read_back_for_the_offset_it_was_made_for),
	cmocka_unit_test(a_note_that_changes_alone_is_committed_too),
	cmocka_unit_test(a_refused_commit_is_repeated_and_a_note_too_large_is_left_out),
	cmocka_unit_test(an_event_has_its_place_its_headers_and_what_they_say),
	cmocka_unit_test(each_event_goes_to_the_subscriptions_that_name_its_topic),
	cmocka_unit_test(a_group_that_begins_at_the_end_commits_where_it_began),
	cmocka_unit_test(what_was_known_of_a_log_is_forgotten_with_it),
};

KAFKA_MAIN(1)
