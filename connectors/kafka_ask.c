/* Questions to the broker that the library can only ask by blocking: each on a thread of its own, one at a time. */
#include "connectors/kafka.h"

enum { TIMEOUT_MS = 3000 };

static void *ask_thread(void *arg)
{
	struct kafka_asking *a = arg;

	switch (a->question) {
	case ASK_COMMITTED:
	case ASK_KEPT: a->code = rd_kafka_committed(a->rk, a->partitions, TIMEOUT_MS); break;
	case ASK_START:
	case ASK_END: a->code = rd_kafka_offsets_for_times(a->rk, a->partitions, TIMEOUT_MS); break;
	}
	atomic_store(&a->done, true);
	wake(a->wake);
	return NULL;
}

bool kafka_ask(struct kafka_reader *r, enum kafka_question question, const rd_kafka_topic_partition_list_t *partitions)
{
	struct kafka_asking *a = &r->asking;

	if (r->client.helper)
		return false;
	a->question = question;
	a->rk = r->client.rk;
	a->wake = r->client.wake;
	a->partitions = rd_kafka_topic_partition_list_copy(partitions);
	atomic_store(&a->done, false);
	if (pthread_create(&r->client.helper_thread, NULL, ask_thread, a) != 0) {
		rd_kafka_topic_partition_list_destroy(a->partitions);
		return false;
	}
	r->client.helper = true;
	return true;
}

void kafka_ask_step(struct kafka_reader *r)
{
	struct kafka_asking *a = &r->asking;

	if (!r->client.helper || !atomic_load(&a->done))
		return;
	pthread_join(r->client.helper_thread, NULL);
	r->client.helper = false;
	switch (a->question) {
	case ASK_COMMITTED: kafka_group_committed(r, a); break;
	case ASK_KEPT: kafka_commit_kept(r, a); break;
	case ASK_START:
	case ASK_END: kafka_lag_asked(r->client.kafka, a); break;
	}
	rd_kafka_topic_partition_list_destroy(a->partitions);
	kafka_commit_drain(r); /* these may have waited for the thread */
	kafka_lag_ask(r);
}
