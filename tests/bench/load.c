/* Fills topics for the benchmark: so many events of a size, as fast as the broker takes them or at a steady rate. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <librdkafka/rdkafka.h>
#include "tests/bench/bench.h"

/*
 * Usage: load --brokers LIST --topic NAME --count N [--size BYTES] [--keys N] [--partitions N] [--topics N] [--rate N]
 * Event i goes to partition i mod partitions, of topic NAME-(i mod topics) if there are several.  Says "loaded N".
 */
struct load {
	const char *brokers, *topic;
	long count, size, keys, partitions, topics, rate;
	rd_kafka_t *producer;
	rd_kafka_topic_t **handles;
	char *event;
	long failed;
};

static void load_delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	struct load *l = opaque;

	(void)rk;
	if (m->err && l->failed++ == 0)
		fprintf(stderr, "load: %s\n", rd_kafka_err2str(m->err));
}

static void load_set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char why[200];

	if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)))
		die("%s", why);
}

static void load_open(struct load *l)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[200], name[300];

	load_set(conf, "bootstrap.servers", l->brokers);
	load_set(conf, "linger.ms", l->rate ? "0" : "20");
	load_set(conf, "message.max.bytes", "4000000");
	load_set(conf, "batch.num.messages", "10000");
	load_set(conf, "log_level", "3");
	rd_kafka_conf_set_dr_msg_cb(conf, load_delivered);
	rd_kafka_conf_set_opaque(conf, l);
	l->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	if (!l->producer)
		die("%s", why);
	l->handles = calloc((size_t)l->topics, sizeof(*l->handles));
	for (long i = 0; i < l->topics; i++) {
		snprintf(name, sizeof(name), l->topics > 1 ? "%s-%ld" : "%s", l->topic, i);
		l->handles[i] = rd_kafka_topic_new(l->producer, name, NULL);
	}
}

static void load_event(struct load *l, long i)
{
	rd_kafka_topic_t *to = l->handles[i % l->topics];
	int32_t partition = (int32_t)(i / l->topics % l->partitions);
	char key[24], head[EVENT_HEAD + 1];
	int key_n = snprintf(key, sizeof(key), "key-%ld", i % l->keys);

	snprintf(
	    head, sizeof(head), "%0*jd %0*d ", STAMP_DIGITS, (intmax_t)clock_wall_ns(), PARTITION_DIGITS, partition);
	memcpy(l->event, head, EVENT_HEAD);
	while (
	    rd_kafka_produce(to, partition, RD_KAFKA_MSG_F_COPY, l->event, (size_t)l->size, key, (size_t)key_n, NULL)) {
		if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
			die("produce: %s", rd_kafka_err2str(rd_kafka_last_error()));
		rd_kafka_poll(l->producer, 10);
	}
}

static void load_pace(const struct load *l, int64_t start, long i)
{
	int64_t due = start + i * (1000000000 / l->rate), wait = due - clock_ns();
	struct timespec t = { 0, wait };

	while (wait > 0 && wait < 1000000000 && nanosleep(&t, &t) != 0)
		continue;
}

static void load_run(struct load *l)
{
	int64_t start = clock_ns();

	for (long i = 0; i < l->count; i++) {
		if (l->rate)
			load_pace(l, start, i);
		load_event(l, i);
		if (l->rate || i % 512 == 0)
			rd_kafka_poll(l->producer, 0);
	}
	if (rd_kafka_flush(l->producer, 120000) || l->failed)
		die("not all events were written: %ld failed, %d left", l->failed, rd_kafka_outq_len(l->producer));
	printf("loaded %ld\n", l->count);
}

int main(int argc, char **argv)
{
	struct load l = { .size = 256, .keys = 10000, .partitions = 1, .topics = 1 };
	const struct flag flags[] = {
		{ "--brokers", &l.brokers, NULL, 0, 0 },
		{ "--topic", &l.topic, NULL, 0, 0 },
		{ "--count", NULL, &l.count, 1, 1L << 40 },
		{ "--size", NULL, &l.size, EVENT_HEAD, 3000000 },
		{ "--keys", NULL, &l.keys, 1, 1L << 40 },
		{ "--partitions", NULL, &l.partitions, 1, 10000 },
		{ "--topics", NULL, &l.topics, 1, 10000 },
		{ "--rate", NULL, &l.rate, 0, 1000000 },
		{ NULL, NULL, NULL, 0, 0 },
	};

	flags_parse(flags, argc, argv);
	if (!l.brokers || !l.topic || !l.count)
		die("load: --brokers, --topic and --count are needed");
	l.event = malloc((size_t)l.size);
	if (!l.event)
		die("out of memory");
	memset(l.event, 'x', (size_t)l.size);
	load_open(&l);
	load_run(&l);
	return 0;
}
