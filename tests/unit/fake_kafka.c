/* librdkafka's mock cluster in the test's own process. */
#include "tests/unit/fake_kafka.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void cluster_quiet(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	(void)rk;
	(void)level;
	(void)facility;
	(void)text;
}

static rd_kafka_t *client_new(rd_kafka_type_t type, const char *brokers, const char *group)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[200];
	rd_kafka_t *rk;

	if (brokers)
		rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why, sizeof(why));
	if (type == RD_KAFKA_CONSUMER) {
		rd_kafka_conf_set(conf, "group.id", group, why, sizeof(why));
		rd_kafka_conf_set(conf, "enable.auto.commit", "false", why, sizeof(why));
	}
	rd_kafka_conf_set_log_cb(conf, cluster_quiet);
	rk = rd_kafka_new(type, conf, why, sizeof(why));
	if (rk == NULL)
		fail_msg("%s", why);
	return rk;
}

/* KAFKA_BROKERS: a real Kafka instead, for the tests that need no errors on demand. */
struct cluster *cluster_new(int brokers)
{
	struct cluster *c = mem_new(sizeof(*c));

	c->brokers = getenv("KAFKA_BROKERS");
	c->rk = client_new(RD_KAFKA_PRODUCER, c->brokers, NULL);
	if (c->brokers)
		return c;
	c->mock = rd_kafka_mock_cluster_new(c->rk, brokers);
	assert_non_null(c->mock);
	c->brokers = rd_kafka_mock_cluster_bootstraps(c->mock);
	rd_kafka_brokers_add(c->rk, c->brokers);
	return c;
}

void cluster_free(struct cluster *c)
{
	if (c->mock)
		rd_kafka_mock_cluster_destroy(c->mock);
	rd_kafka_destroy(c->rk);
	free(c);
}

static void cluster_topic_real(struct cluster *c, const char *topic, int partitions)
{
	char why[200];
	rd_kafka_NewTopic_t *wanted = rd_kafka_NewTopic_new(topic, partitions, 1, why, sizeof(why));
	rd_kafka_queue_t *queue = rd_kafka_queue_new(c->rk);
	rd_kafka_event_t *event;

	rd_kafka_CreateTopics(c->rk, &wanted, 1, NULL, queue);
	event = rd_kafka_queue_poll(queue, 20000);
	assert_non_null(event);
	assert_int_equal(rd_kafka_event_error(event), RD_KAFKA_RESP_ERR_NO_ERROR);
	rd_kafka_event_destroy(event);
	rd_kafka_queue_destroy(queue);
	rd_kafka_NewTopic_destroy(wanted);
}

void cluster_topic(struct cluster *c, const char *topic, int partitions)
{
	if (c->mock)
		assert_int_equal(rd_kafka_mock_topic_create(c->mock, topic, partitions, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
	else
		cluster_topic_real(c, topic, partitions);
}

void cluster_write_one(struct cluster *c, const char *topic, int partition, struct slice key, struct slice value,
    const struct header *headers, unsigned n)
{
	rd_kafka_headers_t *list = rd_kafka_headers_new(n);
	rd_kafka_resp_err_t code;

	for (unsigned i = 0; i < n; i++)
		rd_kafka_header_add(list, headers[i].name.p, (ssize_t)headers[i].name.n, headers[i].value.p,
		    (ssize_t)headers[i].value.n);
	do {
		code = rd_kafka_producev(c->rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
		    RD_KAFKA_V_HEADERS(list), RD_KAFKA_V_KEY(key.p, key.n),
		    RD_KAFKA_V_VALUE((void *)(uintptr_t)value.p, value.n), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
		    RD_KAFKA_V_END);
		if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL)
			rd_kafka_poll(c->rk, 100);
	} while (code == RD_KAFKA_RESP_ERR__QUEUE_FULL);
	assert_int_equal(code, RD_KAFKA_RESP_ERR_NO_ERROR);
}

void cluster_write(struct cluster *c, const char *topic, int partition, unsigned from, unsigned n, size_t size)
{
	char *value = mem_new(size + 64);

	for (unsigned i = from; i < from + n; i++) {
		size_t len = (size_t)snprintf(value, 64, "%s-%d-%u", topic, partition, i);

		if (len < size)
			memset(value + len, '.', size - len);
		cluster_write_one(c, topic, partition, (struct slice){ NULL, 0 },
		    (struct slice){ value, len < size ? size : len }, NULL, 0);
	}
	free(value);
	assert_int_equal(rd_kafka_flush(c->rk, 20000), RD_KAFKA_RESP_ERR_NO_ERROR);
}

int64_t cluster_committed(
    struct cluster *c, const char *group, const char *topic, int partition, char *note, size_t size)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(c->rk);
	rd_kafka_ListConsumerGroupOffsets_t *question;
	const rd_kafka_group_result_t **groups;
	const rd_kafka_topic_partition_t *at;
	rd_kafka_event_t *event;
	int64_t offset;
	size_t n;

	rd_kafka_topic_partition_list_add(list, topic, partition);
	question = rd_kafka_ListConsumerGroupOffsets_new(group, list);
	rd_kafka_ListConsumerGroupOffsets(c->rk, &question, 1, NULL, queue);
	event = rd_kafka_queue_poll(queue, 20000);
	assert_non_null(event);
	groups =
	    rd_kafka_ListConsumerGroupOffsets_result_groups(rd_kafka_event_ListConsumerGroupOffsets_result(event), &n);
	assert_int_equal(n, 1);
	at = &rd_kafka_group_result_partitions(groups[0])->elems[0];
	offset = at->offset < 0 ? -1 : at->offset;
	if (note)
		snprintf(note, size, "%.*s", (int)at->metadata_size, at->metadata ? (char *)at->metadata : "");
	rd_kafka_event_destroy(event);
	rd_kafka_queue_destroy(queue);
	rd_kafka_ListConsumerGroupOffsets_destroy(question);
	rd_kafka_topic_partition_list_destroy(list);
	return offset;
}

static void seen_make(struct seen *s, const rd_kafka_message_t *m)
{
	rd_kafka_headers_t *list;
	const char *name;
	const void *value;
	size_t size, at = 0;

	*s = (struct seen){ .partition = m->partition };
	s->key = (struct slice){ m->key ? mem_slice((struct slice){ m->key, m->key_len }) : NULL, m->key_len };
	s->value = (struct slice){ m->payload ? mem_slice((struct slice){ m->payload, m->len }) : NULL, m->len };
	if (rd_kafka_message_headers(m, &list) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return;
	for (size_t i = 0; rd_kafka_header_get_all(list, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
		at += (size_t)snprintf(
		    s->headers + at, sizeof(s->headers) - at, "%s=%.*s;", name, (int)size, (const char *)value);
}

unsigned cluster_read(struct cluster *c, const char *topic, int partitions, struct seen *seen_r, unsigned n)
{
	rd_kafka_t *rk = client_new(RD_KAFKA_CONSUMER, c->brokers, "cluster-reader");
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
	unsigned got = 0;

	for (int p = 0; p < partitions; p++)
		rd_kafka_topic_partition_list_add(list, topic, p)->offset = 0;
	rd_kafka_assign(rk, list);
	for (unsigned i = 0; got < n && i < 100; i++) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 100);

		if (m && m->err == RD_KAFKA_RESP_ERR_NO_ERROR)
			seen_make(&seen_r[got++], m);
		if (m)
			rd_kafka_message_destroy(m);
	}
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_consumer_close(rk);
	rd_kafka_destroy(rk);
	return got;
}

void seen_free(struct seen *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		free((void *)(uintptr_t)s[i].key.p);
		free((void *)(uintptr_t)s[i].value.p);
	}
}

void cluster_commit(
    struct cluster *c, const char *group, const char *topic, int partition, int64_t offset, const char *note)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_t *at = rd_kafka_topic_partition_list_add(list, topic, partition);
	char why[200];
	rd_kafka_t *rk;

	rd_kafka_conf_set(conf, "bootstrap.servers", c->brokers, why, sizeof(why));
	rd_kafka_conf_set(conf, "group.id", group, why, sizeof(why));
	rd_kafka_conf_set_log_cb(conf, cluster_quiet);
	rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
	assert_non_null(rk);
	at->offset = offset;
	if (note) {
		at->metadata = strdup(note);
		at->metadata_size = strlen(note);
	}
	assert_int_equal(rd_kafka_commit(rk, list, 0), RD_KAFKA_RESP_ERR_NO_ERROR);
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_destroy(rk);
}
