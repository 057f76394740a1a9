/* Members of a Kafka group: partitions move with what was settled committed, and nothing is passed over. */
/* links: fake_source_core.c fake_kafka.c fake_reader.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "connectors/connectors.h"
#include "tests/unit/fake_reader.h"

enum { PARTITIONS = 4, EACH = 200 };

struct pair {
	struct source *a, *b;
	const char *topic;
	unsigned n;
};

static unsigned windows_open(const struct source *s)
{
	unsigned n = 0;

	for (const struct window *w = s->windows; w; w = w->next)
		n += !w->lost && !w->released_done && !w->revoked;
	return n;
}

static bool is_shared(void *arg)
{
	struct pair *p = arg;

	return windows_open(p->a) == PARTITIONS / 2 && windows_open(p->b) == PARTITIONS / 2;
}

static bool is_alone(void *arg)
{
	return windows_open(arg) == PARTITIONS;
}

/* Some event of each partition at its end was read by somebody, whatever came twice before. */
static bool has_all(void *arg)
{
	struct pair *p = arg;
	const struct source *sources[] = { p->a, p->b };
	unsigned ends = 0;

	for (unsigned number = 0; number < PARTITIONS; number++)
		for (unsigned i = 0, found = 0; i < 2 && !found; i++)
			for (unsigned j = sources[i]->n_offers; j-- > 0 && !found;) {
				const struct fake_offer *o = &sources[i]->offers[j];

				found = o->partition == number && (unsigned)o->offset == p->n / PARTITIONS - 1;
				ends += found;
			}
	return ends == PARTITIONS;
}

static bool is_read(void *arg)
{
	struct pair *p = arg;

	return source_count(p->a, p->topic, -1) + source_count(p->b, p->topic, -1) >= p->n;
}

static void write_all(const char *topic, unsigned from)
{
	for (int p = 0; p < PARTITIONS; p++)
		cluster_write(cluster, topic, p, from, EACH, 0);
}

/* Each event of the topic once, by anybody.  The mock cluster refuses the last commit of a revoke, a real Kafka
 * takes it: so there each is read at least once. */
static void assert_once(const struct source *const *sources, unsigned n, const char *topic, unsigned each)
{
	unsigned *seen = mem_new(PARTITIONS * each * sizeof(*seen));

	for (unsigned i = 0; i < n; i++)
		for (unsigned j = 0; j < sources[i]->n_offers; j++) {
			const struct fake_offer *o = &sources[i]->offers[j];

			if (strcmp(o->topic, topic) == 0)
				seen[o->partition * each + (unsigned)o->offset]++;
		}
	for (unsigned i = 0; i < PARTITIONS * each; i++)
		if (seen[i] == 0 || (seen[i] > 1 && cluster->mock == NULL))
			fail_msg("%s/%u: offset %u was read %u times", topic, i / each, i % each, seen[i]);
	free(seen);
}

static void members_share_partitions(const char *topic, const char *strategy)
{
	const char *rows[] = { "consumerGroupRebalanceStrategy", strategy, NULL };
	struct reader *a, *b;
	struct source *sources[2];
	struct pair pair;

	cluster_topic(cluster, topic, PARTITIONS);
	write_all(topic, 0);
	a = reader_new(topic, topic, rows);
	sources[0] = a->source;
	until_count(a->source, topic, PARTITIONS * EACH);
	b = reader_new(topic, topic, rows);
	sources[1] = b->source;
	pair = (struct pair){ a->source, b->source, topic, 2 * PARTITIONS * EACH };
	source_until(loop, is_shared, &pair, "both members have their part");
	write_all(topic, EACH);
	source_until(loop, has_all, &pair, "both read");
	assert_once((const struct source *const *)sources, 2, topic, 2 * EACH);
	assert_true(a->source->n_rebalances >= 2);
	reader_end(b);
	source_until(loop, is_alone, a->source, "who stays has all partitions");
	write_all(topic, 2 * EACH);
	for (int p = 0; p < PARTITIONS; p++)
		until_committed(topic, topic, p, 3 * EACH);
	reader_end(a);
}

static void members_of_an_eager_group_read_each_event_once(void **state)
{
	(void)state;
	members_share_partitions("eager", "range");
}

static void members_of_a_roundrobin_group_read_each_event_once(void **state)
{
	(void)state;
	if (cluster->mock)
		skip(); /* as range, for the mock cluster */
	members_share_partitions("robin", "roundrobin");
}

static void members_of_a_cooperative_group_read_each_event_once(void **state)
{
	(void)state;
	members_share_partitions("cooperative", "cooperative-sticky");
}

static bool is_revoking(void *arg)
{
	for (const struct window *w = ((struct source *)arg)->windows; w; w = w->next)
		if (w->revoked && !w->released_done)
			return true;
	return false;
}

static void revoked_partitions_wait_for_what_runs(const char *topic, const char *strategy)
{
	const char *rows[] = { "consumerGroupRebalanceStrategy", strategy, NULL };
	struct reader *a, *b;
	struct source *sources[2];
	struct pair pair;

	cluster_topic(cluster, topic, PARTITIONS);
	write_all(topic, 0);
	a = reader_begin(topic, topic, rows);
	a->source->settle_at_once = false;
	sources[0] = a->source;
	reader_open(a);
	until_count(a->source, topic, PARTITIONS * EACH);
	b = reader_new(topic, topic, rows);
	sources[1] = b->source;
	source_until(loop, is_revoking, a->source, "a window is revoked");
	source_turns(loop, 500);
	assert_int_equal(b->source->n_offers, 0);
	a->source->settle_at_once = true;
	source_settle_all(a->source);
	pair = (struct pair){ a->source, b->source, topic, 2 * PARTITIONS * EACH };
	source_until(loop, is_shared, &pair, "both members have their part");
	assert_int_equal(a->source->n_lost, 0);
	write_all(topic, EACH);
	source_until(loop, has_all, &pair, "both read");
	assert_once((const struct source *const *)sources, 2, topic, 2 * EACH);
	reader_end(a);
	reader_end(b);
}

static void an_eager_member_gives_partitions_back_after_what_runs_is_committed(void **state)
{
	(void)state;
	revoked_partitions_wait_for_what_runs("eager-wait", "range");
}

static void a_cooperative_member_gives_partitions_back_after_what_runs_is_committed(void **state)
{
	(void)state;
	if (cluster->mock)
		skip(); /* it refuses commits while a group rebalances, and the library takes that for a loss */
	revoked_partitions_wait_for_what_runs("cooperative-wait", "cooperative-sticky");
}

static void a_note_goes_with_its_partition_to_the_next_owner(void **state)
{
	struct reader *a, *b;
	const struct window *w;
	struct pair pair;

	(void)state;
	if (cluster->mock)
		skip(); /* it refuses commits while a group rebalances */
	cluster_topic(cluster, "note-goes", PARTITIONS);
	write_all("note-goes", 0);
	a = reader_begin("note-goes", "note-goes", NULL);
	a->source->settle_at_once = false;
	reader_open(a);
	until_count(a->source, "note-goes", PARTITIONS * EACH);
	for (unsigned p = 0; p < PARTITIONS; p++) {
		source_settle(a->source, source_window(a->source, "note-goes", p), 0);
		source_settle(a->source, source_window(a->source, "note-goes", p), 5);
	}
	a->source->release_unsettled = true;
	b = reader_new("note-goes", "note-goes", NULL);
	pair = (struct pair){ a->source, b->source, "note-goes", 0 };
	source_until(loop, is_shared, &pair, "both members have their part");
	for (w = b->source->windows; w; w = w->next) {
		assert_int_equal(w->start, 1);
		assert_string_equal(w->note, "fake:1:1");
	}
	/* what was offered before and comes again to the same member is told to be so */
	a->source->credit = SOURCE_TOKENS;
	source_resume(a->source);
	pair.n = PARTITIONS * EACH + PARTITIONS * (EACH - 1);
	source_until(loop, is_read, &pair, "what was not committed comes again");
	for (unsigned i = PARTITIONS * EACH; i < a->source->n_offers; i++)
		assert_true(a->source->offers[i].again);
	for (unsigned i = 0; i < b->source->n_offers; i++)
		assert_false(b->source->offers[i].again);
	source_settle_all(a->source);
	reader_end(a);
	reader_end(b);
}

static bool is_lost(void *arg)
{
	return ((struct source *)arg)->n_lost > 0;
}

static void what_a_member_loses_is_forgotten_and_read_again_when_it_comes_back(void **state)
{
	struct reader *r;
	struct source *s;

	(void)state;
	if (cluster->mock == NULL)
		skip();
	cluster_topic(cluster, "lost", 1);
	cluster_write(cluster, "lost", 0, 0, 10, 0);
	r = reader_begin("lost", "lost", NULL);
	s = r->source;
	s->settle_at_once = false;
	reader_open(r);
	until_count(s, "lost", 10);
	rd_kafka_mock_push_request_errors(cluster->mock, 12 /* Heartbeat */, 1, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID);
	source_until(loop, is_lost, s, "the partition is lost");
	until_count(s, "lost", 20);
	assert_int_equal(s->n_released, 0);
	for (unsigned i = 10; i < 20; i++) {
		assert_true(s->offers[i].again);
		assert_int_equal(s->offers[i].offset, i - 10);
	}
	source_settle_all(s);
	reader_end(r);
	assert_int_equal(cluster_committed(cluster, "lost", "lost", 0, NULL, 0), 10);
}

static bool is_fatal(void *arg)
{
	return strstr(((struct source *)arg)->down, "cannot go on") != NULL;
}

static bool is_up_again(void *arg)
{
	return ((struct source *)arg)->n_up > 2; /* opened, connected, connected anew */
}

static void a_client_that_is_fenced_is_replaced_by_a_new_one(void **state)
{
	struct reader *r;
	struct source *s;

	(void)state;
	if (cluster->mock == NULL)
		skip();
	cluster_topic(cluster, "fenced", 1);
	cluster_write(cluster, "fenced", 0, 0, 10, 0);
	r = reader_begin("fenced", "fenced", (const char *const[]){ "groupInstanceId", "one", NULL });
	s = r->source;
	reader_open(r);
	until_count(s, "fenced", 10);
	until_committed("fenced", "fenced", 0, 10);
	rd_kafka_mock_push_request_errors(cluster->mock, 12 /* Heartbeat */, 1, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID);
	source_until(loop, is_fatal, s, "the client is given up");
	assert_int_equal(s->n_lost, 1);
	cluster_write(cluster, "fenced", 0, 10, 10, 0);
	assert_int_equal(kafka_class.open(s->connector, &(struct error){ .code = ERR_NONE }), 0);
	source_until(loop, is_up_again, s, "the core may subscribe again");
	assert_int_equal(kafka_class.subscribe(s->connector, (const struct subscription *const[]){ &r->sub }, 1,
			     &(struct error){ .code = ERR_NONE }),
	    0);
	until_count(s, "fenced", 20);
	assert_unbroken(s, "fenced", 0, 0);
	reader_end(r);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(members_of_an_eager_group_read_each_event_once),
	cmocka_unit_test(members_of_a_roundrobin_group_read_each_event_once),
	cmocka_unit_test(members_of_a_cooperative_group_read_each_event_once),
	cmocka_unit_test(an_eager_member_gives_partitions_back_after_what_runs_is_committed),
	cmocka_unit_test(a_cooperative_member_gives_partitions_back_after_what_runs_is_committed),
	cmocka_unit_test(a_note_goes_with_its_partition_to_the_next_owner),
	cmocka_unit_test(what_a_member_loses_is_forgotten_and_read_again_when_it_comes_back),
	cmocka_unit_test(a_client_that_is_fenced_is_replaced_by_a_new_one),
};

KAFKA_MAIN(1)
