/* Lag of a whole group, watched without being in it: what no commit means, what is noted ahead, edges, outages. */
/* links: fake_source_core.c fake_kafka.c fake_reader.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "bridge/note.h"
#include "connectors/connectors.h"
#include "tests/unit/fake_reader.h"

static struct reader *watcher_new(const char *group, const char *topic, const char *const *more)
{
	struct reader *r = reader_begin(group, topic, more);
	const struct subscription *subs[] = { &r->sub };
	struct error err = { .code = ERR_NONE };

	if (kafka_class.open(r->source->connector, &err) < 0 ||
	    kafka_class.watch(r->source->connector, subs, 1, &err) < 0)
		fail_msg("%s", err.text);
	return r;
}

struct expected {
	struct source *s;
	unsigned n;
	const int64_t *lags;
};

static bool lags_are(void *arg)
{
	const struct expected *e = arg;

	for (unsigned i = 0; i < e->n; i++)
		if (!e->s->lag[i].known || e->s->lag[i].unacked != e->lags[i])
			return false;
	return true;
}

static void until_lags(struct reader *r, unsigned n, const int64_t *lags)
{
	source_until(loop, lags_are, &(struct expected){ r->source, n, lags }, "the lags are as expected");
}

#define UNTIL_LAGS(r, ...) \
	until_lags(r, sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t), (int64_t[]){ __VA_ARGS__ })

static void without_a_commit_the_oldest_counts_what_the_log_holds(void **state)
{
	struct reader *r;

	(void)state;
	cluster_topic(cluster, "w-oldest", 3);
	cluster_write(cluster, "w-oldest", 0, 0, 7, 0);
	cluster_write(cluster, "w-oldest", 2, 0, 5, 0);
	r = watcher_new("g-w-oldest", "w-oldest", NULL);
	UNTIL_LAGS(r, 7, 0, 5);
	assert_int_equal(source_count(r->source, "w-oldest", -1), 0);
	reader_close(r);
}

static void without_a_commit_the_newest_counts_as_one_to_begin_with(void **state)
{
	const char *newest[] = { "initialOffset", "newest", NULL };
	const char *none[] = { "initialOffset", "newest", "lagWithoutCommit", "none", NULL };
	struct reader *r;

	(void)state;
	cluster_topic(cluster, "w-newest", 3);
	cluster_write(cluster, "w-newest", 1, 0, 150, 0);
	r = watcher_new("g-w-newest", "w-newest", newest);
	UNTIL_LAGS(r, 1, 0, 0);
	reader_close(r);
	r = watcher_new("g-w-newest", "w-newest", none);
	UNTIL_LAGS(r, 0, 0, 0);
	reader_close(r);
}

/* A group that is ahead of the log (a topic made anew) takes nothing from the other partitions. */
static void commits_count_and_never_below_zero(void **state)
{
	struct reader *r;

	(void)state;
	cluster_topic(cluster, "w-commit", 3);
	cluster_write(cluster, "w-commit", 0, 0, 150, 0);
	cluster_write(cluster, "w-commit", 1, 0, 10, 0);
	cluster_write(cluster, "w-commit", 2, 0, 3, 0);
	cluster_commit(cluster, "g-w-commit", "w-commit", 0, 100, NULL);
	cluster_commit(cluster, "g-w-commit", "w-commit", 1, 60, NULL);
	cluster_commit(cluster, "g-w-commit", "w-commit", 2, 3, NULL);
	r = watcher_new("g-w-commit", "w-commit", NULL);
	UNTIL_LAGS(r, 50, 0, 0);
	assert_int_equal(r->source->lag[0].done, 100);
	reader_close(r);
}

static void what_is_noted_as_done_ahead_is_not_counted(void **state)
{
	unsigned char packed[64];
	struct note_writer w;
	struct reader *r;
	char note[128];

	(void)state;
	cluster_topic(cluster, "w-note", 1);
	cluster_write(cluster, "w-note", 0, 0, 100, 0);
	note_begin(&w, note, sizeof(note), packed, 10);
	note_add(&w, 20, 50);
	note_add(&w, 60, 62);
	note[note_end(&w)] = '\0';
	cluster_commit(cluster, "g-w-note", "w-note", 0, 10, note);
	r = watcher_new("g-w-note", "w-note", NULL);
	UNTIL_LAGS(r, 100 - 10 - 32);
	assert_int_equal(r->source->lag[0].done, 42);
	reader_close(r);
}

static void several_topics_and_patterns_are_summed_by_partition(void **state)
{
	struct reader *r;

	(void)state;
	cluster_topic(cluster, "w-sum-a", 2);
	cluster_topic(cluster, "w-sum-b", 1);
	cluster_write(cluster, "w-sum-a", 0, 0, 3, 0);
	cluster_write(cluster, "w-sum-a", 1, 0, 4, 0);
	cluster_write(cluster, "w-sum-b", 0, 0, 5, 0);
	r = watcher_new("g-w-sum", "w-sum-a,w-sum-b", NULL);
	UNTIL_LAGS(r, 8, 4);
	reader_close(r);
	if (cluster->mock == NULL)
		return;
	r = watcher_new("g-w-sum", "^w-sum-.*$", NULL);
	UNTIL_LAGS(r, 8, 4);
	reader_close(r);
}

/* Long before the next refresh: the event itself is what is noticed. */
static void what_comes_where_nothing_waited_is_told_at_once(void **state)
{
	struct reader *r;
	int64_t since;

	(void)state;
	cluster_topic(cluster, "w-edge", 2);
	r = watcher_new("g-w-edge", "w-edge", NULL);
	UNTIL_LAGS(r, 0, 0);
	since = loop_now(loop);
	cluster_write(cluster, "w-edge", 1, 0, 1, 0);
	UNTIL_LAGS(r, 0, 1);
	assert_true(loop_now(loop) - since < 4000); /* a refresh comes every 5 s */
	assert_int_equal(source_count(r->source, "w-edge", -1), 0);
	assert_int_equal(cluster_committed(cluster, "g-w-edge", "w-edge", 1, NULL, 0), -1);
	cluster_write(cluster, "w-edge", 1, 1, 4, 0);
	UNTIL_LAGS(r, 0, 5);
	reader_close(r);
}

static bool is_sub_down(void *arg)
{
	return ((struct source *)arg)->n_sub_down > 0;
}

static bool is_sub_up(void *arg)
{
	return ((struct source *)arg)->n_sub_up > 0;
}

static void a_topic_that_is_not_there_is_unknown_and_not_zero(void **state)
{
	struct reader *r;

	(void)state;
	if (cluster->mock == NULL)
		skip();
	cluster_topic(cluster, "w-there", 1);
	rd_kafka_mock_topic_set_error(cluster->mock, "w-missing", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
	r = watcher_new("g-w-missing", "w-missing", NULL);
	source_until(loop, is_sub_down, r->source, "its lag is said to be unknown");
	assert_non_null(strstr(r->source->sub_down, "topic w-missing does not exist"));
	assert_int_equal(r->source->n_lag[0], 0);
	rd_kafka_mock_topic_set_error(cluster->mock, "w-missing", RD_KAFKA_RESP_ERR_NO_ERROR);
	cluster_write(cluster, "w-missing", 0, 0, 2, 0);
	source_until(loop, is_sub_up, r->source, "its lag is said to be known");
	UNTIL_LAGS(r, 2);
	reader_close(r);
}

static bool lag_is_unknown(void *arg)
{
	return !((struct source *)arg)->lag[0].known;
}

static void an_outage_is_unknown_until_it_ends(void **state)
{
	struct reader *r;

	(void)state;
	if (cluster->mock == NULL)
		skip();
	cluster_topic(cluster, "w-outage", 1);
	cluster_write(cluster, "w-outage", 0, 0, 4, 0);
	r = watcher_new("g-w-outage", "w-outage", NULL);
	UNTIL_LAGS(r, 4);
	rd_kafka_mock_broker_set_down(cluster->mock, -1);
	source_until(loop, lag_is_unknown, r->source, "the lag is said to be unknown");
	assert_int_equal(r->source->n_forgotten, 0);
	rd_kafka_mock_broker_set_up(cluster->mock, -1);
	UNTIL_LAGS(r, 4);
	reader_close(r);
}

static void a_refused_question_about_commits_is_unknown(void **state)
{
	struct reader *r;

	(void)state;
	if (cluster->mock == NULL)
		skip();
	cluster_topic(cluster, "w-refused", 1);
	rd_kafka_mock_push_request_errors(
	    cluster->mock, API_OFFSET_FETCH, 1, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED);
	r = watcher_new("g-w-refused", "w-refused", NULL);
	source_until(loop, is_sub_down, r->source, "its lag is said to be unknown");
	assert_non_null(strstr(r->source->sub_down, "what the group committed"));
	assert_int_equal(r->source->n_lag[0], 0);
	UNTIL_LAGS(r, 0);
	reader_close(r);
}

/* While it reads, what is read here is told from here, and what others read from what was watched: one sum. */
static void a_reader_adds_what_it_knows_of_its_own(void **state)
{
	struct reader *r;
	struct error err;
	const struct subscription *subs[1];

	(void)state;
	cluster_topic(cluster, "w-reader", 2);
	cluster_write(cluster, "w-reader", 0, 0, 6, 0);
	r = watcher_new("g-w-reader", "w-reader", NULL);
	UNTIL_LAGS(r, 6, 0);
	subs[0] = &r->sub;
	r->source->settle_at_once = false;
	assert_int_equal(kafka_class.subscribe(r->source->connector, subs, 1, &err), 0);
	until_count(r->source, "w-reader", 6);
	UNTIL_LAGS(r, 6, 0);
	source_settle(r->source, source_window(r->source, "w-reader", 0), 3);
	UNTIL_LAGS(r, 5, 0);
	source_settle_all(r->source);
	UNTIL_LAGS(r, 0, 0);
	reader_end(r);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(without_a_commit_the_oldest_counts_what_the_log_holds),
	cmocka_unit_test(without_a_commit_the_newest_counts_as_one_to_begin_with),
	cmocka_unit_test(commits_count_and_never_below_zero),
	cmocka_unit_test(what_is_noted_as_done_ahead_is_not_counted),
	cmocka_unit_test(several_topics_and_patterns_are_summed_by_partition),
	cmocka_unit_test(what_comes_where_nothing_waited_is_told_at_once),
	cmocka_unit_test(a_topic_that_is_not_there_is_unknown_and_not_zero),
	cmocka_unit_test(an_outage_is_unknown_until_it_ends),
	cmocka_unit_test(a_refused_question_about_commits_is_unknown),
	cmocka_unit_test(a_reader_adds_what_it_knows_of_its_own),
};

KAFKA_MAIN(1)
