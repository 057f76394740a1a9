/* Writing to Kafka: where an event goes, what it carries, and what is answered when. */
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

struct sink {
	struct source *source;
	const char *settings[32];
};

/* A request of up to four events, and what was answered. */
struct asked {
	struct request request;
	struct event events[4];
	const struct event *pointers[4];
	enum verdict verdicts[4];
	char why[4][300];
	unsigned answered;
};

static struct sink *sink_new(const char *const *more)
{
	struct sink *s = mem_new(sizeof(*s));
	struct error err = { .code = ERR_NONE };
	unsigned n = 2;

	s->settings[0] = "brokers";
	s->settings[1] = cluster->brokers;
	while (more && *more)
		s->settings[n++] = *more++;
	s->source = source_new(loop, &kafka_class, "out", s->settings);
	if (kafka_class.open(s->source->connector, &err) < 0)
		fail_msg("%s", err.text);
	return s;
}

static bool is_closed(void *arg)
{
	return ((struct source *)arg)->n_closed > 0;
}

static void sink_end(struct sink *s)
{
	kafka_class.close(s->source->connector);
	source_until(loop, is_closed, s->source, "the connector is closed");
	source_free(s->source);
	free(s);
}

static void asked_answered(
    struct request *r, unsigned i, enum verdict verdict, const struct answer *answer, const char *why)
{
	struct asked *a = r->asker;

	(void)answer;
	a->verdicts[i] = verdict;
	snprintf(a->why[i], sizeof(a->why[i]), "%s", why ? why : "");
	a->answered++;
}

static void asked_init(struct asked *a, const char *topic, unsigned n)
{
	*a = (struct asked){ .request = { .operation = SLICE("create"),
				 .topic = slice_text(topic),
				 .n = n,
				 .answered = asked_answered,
				 .asker = a } };
	for (unsigned i = 0; i < 4; i++) {
		a->events[i].data = SLICE("data");
		a->pointers[i] = &a->events[i];
	}
	a->request.events = a->pointers;
}

static bool is_answered(void *arg)
{
	struct asked *a = arg;

	return a->answered == a->request.n;
}

static void asked_send(struct sink *s, struct asked *a)
{
	kafka_class.send(s->source->connector, &a->request);
	source_until(loop, is_answered, a, "every item is answered");
}

static void each_item_is_answered_when_the_broker_has_it(void **state)
{
	struct sink *s = sink_new(NULL);
	struct seen seen[4];
	struct asked a;

	(void)state;
	cluster_topic(cluster, "out-plain", 1);
	asked_init(&a, "out-plain", 3);
	a.events[0].data = SLICE("a");
	a.events[1].data = (struct slice){ NULL, 0 };
	a.events[2].data = SLICE("");
	asked_send(s, &a);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(a.verdicts[i], DONE);
	assert_int_equal(cluster_read(cluster, "out-plain", 1, seen, 3), 3);
	assert_string_equal(seen[0].value.p, "a");
	assert_null(seen[1].value.p);
	seen_free(seen, 3);
	sink_end(s);
}

static void a_key_goes_to_the_partition_where_dapr_would_put_it(void **state)
{
	/* FNV-1a 32 as a signed number, its absolute value modulo 7 */
	static const struct {
		const char *key;
		int partition;
	} known[] = { { "a", 6 }, { "order-1", 1 }, { "order-2", 0 }, { "\xc3\xbc", 0 } };
	struct sink *s = sink_new(NULL);
	struct seen seen[4];
	struct asked a;

	(void)state;
	cluster_topic(cluster, "out-keys", 7);
	asked_init(&a, "out-keys", 4);
	for (unsigned i = 0; i < 4; i++)
		a.events[i].key = slice_text(known[i].key);
	asked_send(s, &a);
	assert_int_equal(cluster_read(cluster, "out-keys", 7, seen, 4), 4);
	for (unsigned i = 0; i < 4; i++)
		for (unsigned j = 0; j < 4; j++)
			if (strcmp(seen[i].key.p, known[j].key) == 0) {
				uint32_t h = 2166136261u;

				for (const char *p = known[j].key; *p; p++)
					h = (h ^ (unsigned char)*p) * 16777619u;
				assert_int_equal(seen[i].partition, abs((int32_t)h) % 7);
				assert_int_equal(seen[i].partition, known[j].partition);
			}
	seen_free(seen, 4);
	sink_end(s);
}

static void metadata_names_key_and_partition_and_becomes_headers(void **state)
{
	const struct header metadata[] = { { SLICE("partitionKey"), SLICE("k") },
		{ SLICE("partitionNumber"), SLICE("2") }, { SLICE("x-b"), SLICE("2") },
		{ SLICE("secret"), SLICE("3") } };
	const struct header headers[] = { { SLICE("x-a"), SLICE("1") }, { SLICE("__offset"), SLICE("7") } };
	struct sink *s =
	    sink_new((const char *const[]){ "publishTopic", "out-meta", "excludeHeaderMetaRegex", "^secret$", NULL });
	struct seen seen;
	struct asked a;

	(void)state;
	cluster_topic(cluster, "out-meta", 3);
	asked_init(&a, NULL, 1);
	a.request.operation = SLICE("publish");
	a.request.metadata = metadata;
	a.request.n_metadata = 4;
	a.events[0].headers = headers;
	a.events[0].n_headers = 2;
	a.events[0].content_type = SLICE("text/plain");
	asked_send(s, &a);
	assert_int_equal(a.verdicts[0], DONE);
	assert_int_equal(cluster_read(cluster, "out-meta", 3, &seen, 1), 1);
	assert_int_equal(seen.partition, 2);
	assert_string_equal(seen.key.p, "k");
	assert_string_equal(seen.headers, "x-a=1;partitionKey=k;partitionNumber=2;x-b=2;content-type=text/plain;");
	seen_free(&seen, 1);
	sink_end(s);
}

static void what_can_never_be_written_is_rejected_and_says_why(void **state)
{
	const struct header metadata[] = { { SLICE("partitionNumber"), SLICE("-1") } };
	struct sink *s = sink_new((const char *const[]){ "maxMessageBytes", "2000", NULL });
	char *large = mem_new(5000);
	struct asked a;

	(void)state;
	cluster_topic(cluster, "out-never", 1);
	asked_init(&a, "out-never", 2);
	a.events[0].data = (struct slice){ large, 5000 };
	asked_send(s, &a);
	assert_int_equal(a.verdicts[0], REJECT);
	assert_non_null(strstr(a.why[0], "size too large"));
	assert_int_equal(a.verdicts[1], DONE);
	asked_init(&a, "out-never", 1);
	a.request.metadata = metadata;
	a.request.n_metadata = 1;
	asked_send(s, &a);
	assert_int_equal(a.verdicts[0], REJECT);
	asked_init(&a, "", 1);
	asked_send(s, &a);
	assert_int_equal(a.verdicts[0], REJECT);
	assert_non_null(strstr(a.why[0], "publishTopic"));
	asked_init(&a, "out-never", 1);
	a.request.operation = SLICE("delete");
	asked_send(s, &a);
	assert_int_equal(a.verdicts[0], REJECT);
	assert_non_null(strstr(a.why[0], "supported operations: create, publish"));
	free(large);
	sink_end(s);
}

static void a_broker_that_refuses_for_good_is_a_reject_and_one_that_may_not_is_tried_again(void **state)
{
	struct sink *s = sink_new((const char *const[]){ "idempotent", "false", "producerRetryMax", "0", NULL });
	struct asked a;

	(void)state;
	cluster_topic(cluster, "out-refused", 1);
	rd_kafka_mock_push_request_errors(cluster->mock, API_PRODUCE, 1, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
	asked_init(&a, "out-refused", 1);
	asked_send(s, &a);
	assert_int_equal(a.verdicts[0], REJECT);
	rd_kafka_mock_push_request_errors(cluster->mock, API_PRODUCE, 1, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
	asked_init(&a, "out-refused", 1);
	asked_send(s, &a);
	assert_int_equal(a.verdicts[0], RETRY);
	asked_init(&a, "out-refused", 1);
	asked_send(s, &a);
	assert_int_equal(a.verdicts[0], DONE);
	sink_end(s);
}

static void a_write_that_failed_for_a_moment_is_repeated_and_confirmed_once(void **state)
{
	struct sink *s = sink_new(NULL);
	struct seen seen[2];
	struct asked a;

	(void)state;
	cluster_topic(cluster, "out-moment", 1);
	rd_kafka_mock_push_request_errors(cluster->mock, API_PRODUCE, 2, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
	    RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
	asked_init(&a, "out-moment", 1);
	asked_send(s, &a);
	assert_int_equal(a.verdicts[0], DONE);
	assert_int_equal(cluster_read(cluster, "out-moment", 1, seen, 2), 1);
	seen_free(seen, 1);
	sink_end(s);
}

static void a_topic_that_does_not_exist_is_tried_again_and_named(void **state)
{
	struct sink *s = sink_new((const char *const[]){ "messageTimeout", "2s", NULL });
	struct asked a;

	(void)state;
	rd_kafka_mock_topic_set_error(cluster->mock, "out-missing", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
	asked_init(&a, "out-missing", 1);
	asked_send(s, &a);
	assert_int_equal(a.verdicts[0], RETRY);
	assert_non_null(strstr(a.why[0], "topic out-missing"));
	sink_end(s);
}

static void without_a_broker_nothing_is_said_to_be_written(void **state)
{
	struct sink *s = sink_new((const char *const[]){ "messageTimeout", "1s", NULL });
	struct asked a;

	(void)state;
	rd_kafka_mock_broker_set_down(cluster->mock, -1);
	asked_init(&a, "out-plain", 1);
	asked_send(s, &a);
	assert_int_equal(a.verdicts[0], RETRY);
	rd_kafka_mock_broker_set_up(cluster->mock, -1);
	asked_init(&a, "out-plain", 1);
	asked_send(s, &a);
	assert_int_equal(a.verdicts[0], DONE);
	sink_end(s);
}

static void a_lost_answer_is_unsure(void **state)
{
	struct sink *s = sink_new((const char *const[]){ "messageTimeout", "1s", "lingerMs", "0", NULL });
	struct asked a;

	(void)state;
	cluster_topic(cluster, "out-unsure", 1);
	asked_init(&a, "out-unsure", 1);
	asked_send(s, &a);
	rd_kafka_mock_broker_set_rtt(cluster->mock, -1, 4000);
	asked_init(&a, "out-unsure", 1);
	asked_send(s, &a);
	rd_kafka_mock_broker_set_rtt(cluster->mock, -1, 0);
	assert_int_equal(a.verdicts[0], UNSURE);
	sink_end(s);
}

static void a_forgotten_request_is_never_touched_again(void **state)
{
	struct sink *s = sink_new((const char *const[]){ "messageTimeout", "1s", NULL });
	struct asked *gone = mem_new(sizeof(*gone));
	struct asked a;

	(void)state;
	rd_kafka_mock_broker_set_down(cluster->mock, -1);
	asked_init(gone, "out-plain", 2);
	kafka_class.send(s->source->connector, &gone->request);
	kafka_class.forget(s->source->connector, &gone->request);
	free(gone);
	asked_init(&a, "out-plain", 1);
	asked_send(s, &a);
	rd_kafka_mock_broker_set_up(cluster->mock, -1);
	sink_end(s);
}

static void what_is_not_confirmed_when_the_client_closes_is_unsure(void **state)
{
	struct sink *s = sink_new(NULL);
	struct asked a;

	(void)state;
	rd_kafka_mock_broker_set_down(cluster->mock, -1);
	asked_init(&a, "out-plain", 2);
	kafka_class.send(s->source->connector, &a.request);
	sink_end(s);
	rd_kafka_mock_broker_set_up(cluster->mock, -1);
	assert_int_equal(a.answered, 2);
	assert_int_equal(a.verdicts[0], UNSURE);
}

static void more_topics_than_handles_are_written(void **state)
{
	struct sink *s = sink_new(NULL);
	struct asked a;
	char topic[40];

	(void)state;
	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < 70; i++) {
			snprintf(topic, sizeof(topic), "out-many-%u", i);
			if (round == 0)
				cluster_topic(cluster, topic, 1);
			asked_init(&a, topic, 1);
			asked_send(s, &a);
			assert_int_equal(a.verdicts[0], DONE);
		}
	sink_end(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_item_is_answered_when_the_broker_has_it),
		cmocka_unit_test(a_key_goes_to_the_partition_where_dapr_would_put_it),
		cmocka_unit_test(metadata_names_key_and_partition_and_becomes_headers),
		cmocka_unit_test(what_can_never_be_written_is_rejected_and_says_why),
		cmocka_unit_test(a_broker_that_refuses_for_good_is_a_reject_and_one_that_may_not_is_tried_again),
		cmocka_unit_test(a_write_that_failed_for_a_moment_is_repeated_and_confirmed_once),
		cmocka_unit_test(a_topic_that_does_not_exist_is_tried_again_and_named),
		cmocka_unit_test(without_a_broker_nothing_is_said_to_be_written),
		cmocka_unit_test(a_lost_answer_is_unsure),
		cmocka_unit_test(a_forgotten_request_is_never_touched_again),
		cmocka_unit_test(what_is_not_confirmed_when_the_client_closes_is_unsure),
		cmocka_unit_test(more_topics_than_handles_are_written),
	};
	int failed;

	cluster = cluster_new(1);
	loop = source_loop();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	loop_free(loop);
	cluster_free(cluster);
	return failed;
}
