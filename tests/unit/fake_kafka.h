/* librdkafka's mock cluster, and a client beside it that writes, reads and asks what a group committed. */
#ifndef TESTS_FAKE_KAFKA_H
#define TESTS_FAKE_KAFKA_H
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include "bridge/bytes.h"

struct cluster { rd_kafka_t *rk; rd_kafka_mock_cluster_t *mock; const char *brokers; };

enum { API_PRODUCE = 0, API_FETCH = 1, API_OFFSET_COMMIT = 8, API_OFFSET_FETCH = 9 };

struct cluster *cluster_new(int brokers);
void cluster_free(struct cluster *);
void cluster_topic(struct cluster *, const char *topic, int partitions);
/* Events "topic-partition-i", i from `from`; flushed. */
void cluster_write(struct cluster *, const char *topic, int partition, unsigned from, unsigned n, size_t size);
void cluster_write_one(struct cluster *, const char *topic, int partition, struct slice key, struct slice value,
    const struct header *, unsigned n);
/* Committed by the group: offset, -1 when nothing; note copied to note[size] when given. */
int64_t cluster_committed(struct cluster *, const char *group, const char *topic, int partition, char *note,
    size_t size);
/* For a group without members. */
void cluster_commit(struct cluster *, const char *group, const char *topic, int partition, int64_t offset);
struct seen { struct slice key, value; int32_t partition; char headers[400]; };
/* Up to n messages of all partitions of the topic from its beginning; texts live until seen_free(). */
unsigned cluster_read(struct cluster *, const char *topic, int partitions, struct seen *seen_r, unsigned n);
void seen_free(struct seen *, unsigned n);
#endif
