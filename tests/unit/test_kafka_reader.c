/* The life of a Kafka reader: outages, topics that come later, the set that changes, its end; and the lag it tells. */
/* links: fake_source_core.c fake_kafka.c fake_reader.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "connectors/connectors.h"
#include "tests/unit/fake_reader.h"

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

static bool lag_is_290(void *arg)
{
	struct source *s = arg;

	return s->lag[0].known && s->lag[0].unacked == 290;
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

static void the_lag_of_what_cannot_be_read_is_counted_from_its_beginning(void **state)
{
	struct reader *r;

	(void)state;
	if (cluster->mock == NULL)
		skip();
	cluster_topic(cluster, "unread", 1);
	cluster_write(cluster, "unread", 0, 0, 300, 0);
	for (unsigned i = 0; i < 1000; i++)
		rd_kafka_mock_push_request_errors(
		    cluster->mock, API_FETCH, 1, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS);
	r = reader_new("g-unread", "unread", NULL);
	source_until(loop, lag_is_known, r->source, "the lag is 300");
	assert_int_equal(r->source->n_offers, 0);
	reader_end(r);
	rd_kafka_mock_clear_request_errors(cluster->mock, API_FETCH);
}

static void lag_is_not_zero_before_the_broker_said_anything(void **state)
{
	struct reader *r;

	(void)state;
	if (cluster->mock == NULL)
		skip();
	cluster_topic(cluster, "unsaid", 1);
	cluster_write(cluster, "unsaid", 0, 0, 300, 0);
	cluster_commit(cluster, "g-unsaid", "unsaid", 0, 10, NULL);
	rd_kafka_mock_broker_push_request_error_rtts(cluster->mock, 1, API_FETCH, 1, RD_KAFKA_RESP_ERR_NO_ERROR, 3000);
	r = reader_begin("g-unsaid", "unsaid", NULL);
	r->source->settle_at_once = false;
	reader_open(r);
	source_until(loop, lag_is_290, r->source, "the lag is 290");
	assert_true(r->source->n_lag[0] > 2);
	assert_int_equal(r->source->n_lag_zero[0], 0);
	source_settle_all(r->source);
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
	if (cluster->mock == NULL)
		skip();
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
	if (cluster->mock == NULL)
		skip();
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

static bool is_read_of(void *arg)
{
	return source_window(arg, "set-new", 0) != NULL && source_window(arg, "set-old", 0) == NULL;
}

static bool is_unread(void *arg)
{
	return source_window(arg, "set-new", 0) == NULL;
}

static void another_set_is_read_instead_and_none_reads_nothing(void **state)
{
	struct subscription other = { .component = "g-set", .topic = "set-new", .group = "g-set" };
	struct reader *r;
	struct source *s;
	struct error err;

	(void)state;
	cluster_topic(cluster, "set-old", 1);
	cluster_topic(cluster, "set-new", 1);
	cluster_write(cluster, "set-old", 0, 0, 10, 0);
	cluster_write(cluster, "set-new", 0, 0, 10, 0);
	r = reader_new("g-set", "set-old", NULL);
	s = r->source;
	until_count(s, "set-old", 10);
	assert_int_equal(
	    kafka_class.subscribe(s->connector, (const struct subscription *const[]){ &other }, 1, &err), 0);
	source_until(loop, is_read_of, s, "the new topic is read instead of the old");
	until_count(s, "set-new", 10);
	assert_ptr_equal(s->offers[s->n_offers - 1].subs[0], &other);
	assert_int_equal(source_count(s, "set-old", -1), 10);
	assert_int_equal(kafka_class.subscribe(s->connector, NULL, 0, &err), 0);
	source_until(loop, is_unread, s, "nothing is read");
	reader_end(r);
	assert_int_equal(cluster_committed(cluster, "g-set", "set-new", 0, NULL, 0), 10);
}

static void a_cooperative_member_that_was_never_let_in_is_not_closed_by_force(void **state)
{
	struct reader *r;
	struct source *s;

	(void)state;
	cluster_topic(cluster, "coop-early", 1);
	r = reader_new("g-coop-early", "coop-early",
	    (const char *const[]){ "consumerGroupRebalanceStrategy", "cooperative-sticky", NULL });
	s = r->source;
	assert_int_equal(s->n_up, 1);
	reader_close(r);
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

static void who_only_looks_commits_nothing_in_any_group(void **state)
{
	struct reader *r;

	(void)state;
	cluster_topic(cluster, "looked", 2);
	cluster_write(cluster, "looked", 0, 0, 50, 0);
	cluster_write(cluster, "looked", 1, 0, 50, 0);
	r = reader_begin("worker", "looked", NULL);
	r->sub.group = "onlooker";
	r->sub.peek = true;
	reader_open(r);
	until_count(r->source, "looked", 100);
	reader_end(r);
	for (int p = 0; p < 2; p++) {
		assert_int_equal(cluster_committed(cluster, "worker", "looked", p, NULL, 0), -1);
		assert_int_equal(cluster_committed(cluster, "onlooker", "looked", p, NULL, 0), -1);
	}
}

static void a_client_cannot_be_made(const char *strategy)
{
	const char *const rows[] = { "authType", "certificate", "caCert",
		"-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n", "consumerGroupRebalanceStrategy",
		strategy, NULL };
	struct reader *r = reader_begin("g-unmade", "unmade", rows);
	const struct subscription *subs[] = { &r->sub };
	struct error err = { .code = ERR_NONE };

	assert_int_equal(kafka_class.open(r->source->connector, &err), 0);
	assert_int_equal(r->source->n_up, 1);
	assert_int_equal(kafka_class.subscribe(r->source->connector, subs, 1, &err), -1);
	assert_int_equal(kafka_class.open(r->source->connector, &err), 0);
	assert_int_equal(r->source->n_up, 2);
	reader_close(r);
}

static void a_client_that_could_not_be_made_is_down_until_it_is_opened_again(void **state)
{
	(void)state;
	a_client_cannot_be_made("range");
}

static void a_cooperative_client_that_could_not_be_made_harms_nobody(void **state)
{
	(void)state;
#ifdef __SANITIZE_ADDRESS__
	skip(); /* its settings are left alone on purpose */
#endif
	a_client_cannot_be_made("cooperative-sticky");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(lag_is_what_is_not_committed_and_becomes_zero),
	cmocka_unit_test(the_lag_of_what_cannot_be_read_is_counted_from_its_beginning),
	cmocka_unit_test(lag_is_not_zero_before_the_broker_said_anything),
	cmocka_unit_test(a_client_that_could_not_be_made_is_down_until_it_is_opened_again),
	cmocka_unit_test(a_cooperative_client_that_could_not_be_made_harms_nobody),
	cmocka_unit_test(a_topic_that_comes_later_is_said_to_be_missing_and_then_read),
	cmocka_unit_test(an_outage_is_told_once_and_ends_by_itself),
	cmocka_unit_test(a_second_subscribe_with_the_same_set_changes_nothing),
	cmocka_unit_test(another_set_is_read_instead_and_none_reads_nothing),
	cmocka_unit_test(a_cooperative_member_that_was_never_let_in_is_not_closed_by_force),
	cmocka_unit_test(a_component_that_reads_nothing_closes_at_once),
	cmocka_unit_test(who_only_looks_commits_nothing_in_any_group),
};

KAFKA_MAIN(1)
