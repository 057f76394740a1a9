/* The bare limit: the same Kafka library, HTTP/1.1 over epoll, no policy: what bridge is measured against. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <signal.h>
#include <unistd.h>
#include <librdkafka/rdkafka.h>
#include "tests/bench/bench.h"
#include "tests/bench/sides.h"

/*
 * Usage: limit --brokers LIST --topic NAME --group NAME --port N [--connections N] [--topics N] [--partitions N]
 * Several topics are NAME-0, NAME-1 and so on; --partitions: each has at most that many.
 * Every event is POSTed as it is, in place; 2xx marks it done, the unbroken prefix is committed once a second.  Any
 * other answer, a lost connection, a gap in the offsets ends it: that is what the real thing is for.
 */
enum {
	RING = 1 << 18, /* of one partition, with up to 64 of them: fewer places if they are more */
	BATCH = 256,
	EVENTS = 512,
	PARTITIONS = 64,
	NAME_MAX_N = 300,
	KICK_NS = 5000000,
	SECOND_NS = 1000000000,
	PREFETCH = 4194304,
	KICKS = 40
};

struct partition {
	int64_t base; /* first offset not done; -1: nothing was read yet */
	int64_t committed;
	bool *done; /* ring of offsets from base on */
};

struct limit {
	const char *brokers, *topic, *group;
	long connections, topics, per_topic;
	struct sides sides;
	int64_t ring;
	rd_kafka_t *rk;
	rd_kafka_queue_t *queue;
	int epoll, wake;
	struct partition *partitions; /* per_topic of each topic */
	rd_kafka_message_t *batch[BATCH];
	ssize_t batch_at, batch_n;
	int64_t kick_at, commit_at;
	size_t pulled; /* bytes since the queue was empty */
	int kicks; /* left */
};

/* --- Kafka --- */

static void conf_set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char why[200];

	if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)))
		die("%s", why);
}

static const char *limit_topic(const struct limit *l, long i, char name[NAME_MAX_N])
{
	snprintf(name, NAME_MAX_N, l->topics > 1 ? "%s-%ld" : "%s", l->topic, i);
	return name;
}

static void limit_read(struct limit *l)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new((int)l->topics);
	char name[NAME_MAX_N];
	uint64_t one = 1;
	char why[200];

	conf_set(conf, "bootstrap.servers", l->brokers);
	conf_set(conf, "group.id", l->group);
	conf_set(conf, "auto.offset.reset", "earliest");
	conf_set(conf, "enable.auto.commit", "false");
	conf_set(conf, "enable.auto.offset.store", "false");
	conf_set(conf, "queued.max.messages.kbytes", "4096");
	conf_set(conf, "fetch.max.bytes", "4194304");
	conf_set(conf, "session.timeout.ms", "10000");
	conf_set(conf, "log_level", "3");
	l->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
	if (!l->rk)
		die("%s", why);
	rd_kafka_poll_set_consumer(l->rk);
	l->queue = rd_kafka_queue_get_consumer(l->rk);
	l->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	rd_kafka_queue_io_event_enable(l->queue, l->wake, &one, sizeof(one));
	for (long i = 0; i < l->topics; i++)
		rd_kafka_topic_partition_list_add(topics, limit_topic(l, i, name), RD_KAFKA_PARTITION_UA);
	if (rd_kafka_subscribe(l->rk, topics))
		die("cannot subscribe to %s", l->topic);
	rd_kafka_topic_partition_list_destroy(topics);
}

static struct partition *limit_partition(struct limit *l, const rd_kafka_message_t *m)
{
	long topic = l->topics > 1 ? atol(strrchr(rd_kafka_topic_name(m->rkt), '-') + 1) : 0;
	struct partition *p = &l->partitions[topic * l->per_topic + m->partition];

	if (m->partition >= l->per_topic)
		die("partition %d: at most %ld", m->partition, l->per_topic);
	if (!p->done) {
		p->done = calloc((size_t)l->ring, sizeof(*p->done));
		p->base = p->committed = m->offset;
	}
	return p;
}

static void event_done(void *limit, void *message)
{
	struct limit *l = limit;
	rd_kafka_message_t *m = message;
	struct partition *p = limit_partition(l, m);

	if (m->offset - p->base >= l->ring)
		die("partition %d: offset %lld is too far ahead", m->partition, (long long)m->offset);
	p->done[m->offset % l->ring] = true;
	while (p->done[p->base % l->ring])
		p->done[p->base++ % l->ring] = false;
	rd_kafka_message_destroy(m);
}

/* Adds partition i of all of them. */
static void limit_add(const struct limit *l, rd_kafka_topic_partition_list_t *list, long i, int64_t offset)
{
	char name[NAME_MAX_N];

	limit_topic(l, i / l->per_topic, name);
	rd_kafka_topic_partition_list_add(list, name, (int32_t)(i % l->per_topic))->offset = offset;
}

static void limit_commit(struct limit *l)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(PARTITIONS);

	for (long i = 0; i < l->topics * l->per_topic; i++) {
		struct partition *p = &l->partitions[i];

		if (!p->done || p->committed == p->base)
			continue;
		limit_add(l, list, i, p->base);
		p->committed = p->base;
	}
	if (list->cnt)
		rd_kafka_commit(l->rk, list, 1);
	rd_kafka_topic_partition_list_destroy(list);
}

/* Its queue was full and is empty now: the fetching thread may sleep up to a second, unless somebody asks something. */
static void limit_kick(struct limit *l, int64_t now)
{
	rd_kafka_topic_partition_list_t *list;

	if (l->pulled > PREFETCH / 4)
		l->kicks = KICKS;
	l->pulled = 0;
	if (!l->kicks || now < l->kick_at)
		return;
	l->kicks--;
	l->kick_at = now + KICK_NS;
	list = rd_kafka_topic_partition_list_new(1);
	for (long i = 0; i < l->topics * l->per_topic && list->cnt < PARTITIONS; i++)
		if (l->partitions[i].done)
			limit_add(l, list, i, RD_KAFKA_OFFSET_END);
	if (list->cnt)
		rd_kafka_offsets_for_times(l->rk, list, 0);
	rd_kafka_topic_partition_list_destroy(list);
}

/* NULL: nothing there. */
static rd_kafka_message_t *limit_next(struct limit *l)
{
	for (;;) {
		rd_kafka_message_t *m;

		if (l->batch_at == l->batch_n) {
			l->batch_at = 0;
			l->batch_n = rd_kafka_consume_batch_queue(l->queue, 0, l->batch, BATCH);
			if (l->batch_n <= 0) {
				l->batch_n = 0;
				return NULL;
			}
		}
		m = l->batch[l->batch_at++];
		if (!m->err) {
			limit_partition(l, m);
			l->pulled += m->len;
			return m;
		}
		rd_kafka_message_destroy(m);
	}
}

/* --- the loop --- */

static void limit_pull(struct limit *l, int64_t now)
{
	while (l->sides.idle) {
		rd_kafka_message_t *m = limit_next(l);

		if (!m) {
			limit_kick(l, now);
			return;
		}
		sides_send(&l->sides, m, m->payload, m->len);
	}
}

static void limit_turn(struct limit *l)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(l->epoll, events, EVENTS, l->kicks ? 5 : 100);
	int64_t now = clock_ns();
	uint64_t wakes;

	for (int i = 0; i < n; i++)
		if (events[i].data.ptr)
			side_readable(&l->sides, events[i].data.ptr);
		else if (read(l->wake, &wakes, sizeof(wakes)) < 0 && errno != EAGAIN)
			die("eventfd: %s", strerror(errno));
	limit_pull(l, now);
	if (now >= l->commit_at) {
		limit_commit(l);
		l->commit_at = now + SECOND_NS;
	}
}

int main(int argc, char **argv)
{
	static struct limit l = { .connections = 64, .topics = 1, .per_topic = PARTITIONS };
	const struct flag flags[] = {
		{ "--brokers", &l.brokers, NULL, 0, 0 },
		{ "--topic", &l.topic, NULL, 0, 0 },
		{ "--group", &l.group, NULL, 0, 0 },
		{ "--port", NULL, &l.sides.port, 1, 65535 },
		{ "--connections", NULL, &l.connections, 1, 1024 },
		{ "--topics", NULL, &l.topics, 1, 10000 },
		{ "--partitions", NULL, &l.per_topic, 1, 10000 },
		{ NULL, NULL, NULL, 0, 0 },
	};
	struct epoll_event e = { .events = EPOLLIN };

	flags_parse(flags, argc, argv);
	if (!l.brokers || !l.topic || !l.group || !l.sides.port)
		die("limit: --brokers, --topic, --group and --port are needed");
	l.ring = RING;
	while (l.ring > 1024 && l.ring * l.topics * l.per_topic > (int64_t)RING * PARTITIONS)
		l.ring /= 2;
	l.partitions = calloc((size_t)(l.topics * l.per_topic), sizeof(*l.partitions));
	signal(SIGPIPE, SIG_IGN);
	l.epoll = epoll_create1(EPOLL_CLOEXEC);
	l.sides.done = event_done;
	l.sides.arg = &l;
	sides_connect(&l.sides, l.epoll, l.connections);
	limit_read(&l);
	epoll_ctl(l.epoll, EPOLL_CTL_ADD, l.wake, &e);
	for (;;)
		limit_turn(&l);
}
