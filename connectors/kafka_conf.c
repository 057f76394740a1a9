/* The library's settings, made of ours. */
#include <stdio.h>
#include <string.h>
#include "connectors/kafka.h"

struct conf {
	rd_kafka_conf_t *conf;
	struct error *err;
	bool failed;
};

static void conf_set(struct conf *c, const char *name, const char *value)
{
	char why[180];

	if (c->failed || rd_kafka_conf_set(c->conf, name, value, why, sizeof(why)) == RD_KAFKA_CONF_OK)
		return;
	c->failed = true;
	error_set(c->err, ERR_CONFIG, "kafka: %s", why);
}

static void conf_set_int(struct conf *c, const char *name, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	conf_set(c, name, text);
}

static void conf_set_bool(struct conf *c, const char *name, bool value)
{
	conf_set(c, name, value ? "true" : "false");
}

static void conf_both(struct conf *c, const struct kafka *k)
{
	const struct kafka_rows *rows = &k->rows;

	c->failed = kafka_auth_conf(&rows->login, c->conf, c->err) < 0;
	conf_set(c, "bootstrap.servers", rows->brokers);
	conf_set(c, "client.id", rows->client_id);
	conf_set_int(c, "socket.connection.setup.timeout.ms", rows->dial_ms);
	conf_set_int(c, "socket.timeout.ms", rows->read_ms);
	conf_set_bool(c, "socket.keepalive.enable", true);
	conf_set_bool(c, "socket.nagle.disable", true);
	conf_set_int(c, "reconnect.backoff.max.ms", 2000);
	conf_set_int(c, "topic.metadata.refresh.interval.ms", rows->metadata_ms);
	conf_set_bool(c, "log.connection.close", false);
	conf_set_bool(c, "log.queue", true);
}

static rd_kafka_conf_t *conf_end(struct conf *c)
{
	if (!c->failed)
		return c->conf;
	rd_kafka_conf_destroy(c->conf);
	return NULL;
}

rd_kafka_conf_t *kafka_conf_reader(const struct kafka *k, struct error *err)
{
	static const char *const strategies[] = { "range", "roundrobin", "cooperative-sticky", "cooperative-sticky" };
	const struct kafka_rows *rows = &k->rows;
	struct conf c = { .conf = rd_kafka_conf_new(), .err = err };
	int64_t fetch = rows->prefetch_bytes > 1000000 ? rows->prefetch_bytes : 1000000;

	if (rows->strategy == KAFKA_STICKY)
		log_warn(KAFKA_SCOPE,
		    "%s: consumerGroupRebalanceStrategy sticky is taken as cooperative-sticky: members with another "
		    "client's sticky cannot be in the same group",
		    k->base.name);
	conf_both(&c, k);
	conf_set(&c, "group.id", k->group);
	if (rows->instance_id)
		conf_set(&c, "group.instance.id", rows->instance_id);
	/* only where a committed offset is no longer in the log: what is left is read, whatever initialOffset says */
	conf_set(&c, "auto.offset.reset", "earliest");
	conf_set_bool(&c, "enable.auto.commit", false);
	conf_set_bool(&c, "enable.auto.offset.store", false);
	conf_set_bool(&c, "enable.partition.eof", true);
	conf_set_int(&c, "session.timeout.ms", rows->session_ms);
	conf_set_int(&c, "heartbeat.interval.ms", rows->heartbeat_ms);
	conf_set_int(&c, "max.poll.interval.ms", rows->max_poll_ms);
	conf_set(&c, "partition.assignment.strategy", strategies[rows->strategy]);
	conf_set_int(&c, "queued.max.messages.kbytes", rows->prefetch_bytes / 1024);
	conf_set_int(&c, "fetch.max.bytes", fetch);
	conf_set_int(&c, "fetch.message.max.bytes", rows->fetch_partition < fetch ? rows->fetch_partition : fetch);
	conf_set_int(&c, "fetch.min.bytes", rows->fetch_min);
	conf_set_int(&c, "fetch.error.backoff.ms", rows->retry_ms);
	conf_set(&c, "isolation.level", rows->isolation == 0 ? "read_committed" : "read_uncommitted");
	rd_kafka_conf_set_rebalance_cb(c.conf, kafka_group_changed);
	return conf_end(&c);
}

/* Has the name of the group to ask what it committed, and is never in it; fetches only to notice that something
 * came: the least the library takes. */
rd_kafka_conf_t *kafka_conf_watch(const struct kafka *k, struct error *err)
{
	struct conf c = { .conf = rd_kafka_conf_new(), .err = err };

	conf_both(&c, k);
	conf_set(&c, "group.id", k->watched[0]->group);
	conf_set_bool(&c, "enable.auto.commit", false);
	conf_set(&c, "auto.offset.reset", "latest");
	conf_set_int(&c, "queued.max.messages.kbytes", 1024);
	conf_set_int(&c, "fetch.max.bytes", 1000000);
	conf_set_int(&c, "fetch.message.max.bytes", 1);
	conf_set(&c, "isolation.level", k->rows.isolation == 0 ? "read_committed" : "read_uncommitted");
	return conf_end(&c);
}

rd_kafka_conf_t *kafka_conf_writer(const struct kafka *k, struct error *err)
{
	static const char *const acks[] = { "all", "1", "0" };
	static const char *const codecs[] = { "none", "gzip", "snappy", "lz4", "zstd" };
	static const char *const partitioners[] = { "fnv1a_random", "murmur2_random", "consistent_random", "random" };
	const struct kafka_rows *rows = &k->rows;
	struct conf c = { .conf = rd_kafka_conf_new(), .err = err };
	bool idempotent = rows->idempotent && rows->acks == KAFKA_ACKS_ALL;

	conf_both(&c, k);
	conf_set_bool(&c, "enable.idempotence", idempotent);
	conf_set(&c, "acks", acks[rows->acks]);
	conf_set_int(&c, "message.send.max.retries", idempotent && rows->retries == 0 ? 1 : rows->retries);
	conf_set_int(
	    &c, "message.timeout.ms", rows->message_ms > rows->linger_ms ? rows->message_ms : rows->linger_ms + 1);
	conf_set_int(&c, "message.max.bytes", rows->max_message_bytes);
	conf_set_int(&c, "linger.ms", rows->linger_ms);
	conf_set(&c, "compression.codec", codecs[rows->compression]);
	conf_set(&c, "partitioner", partitioners[rows->partitioner]);
	conf_set_int(&c, "queue.buffering.max.messages", 10000);
	conf_set_int(&c, "queue.buffering.max.kbytes", 32768);
	rd_kafka_conf_set_dr_msg_cb(c.conf, kafka_writer_delivered);
	return conf_end(&c);
}

/* What single rows cannot say about each other. */
int kafka_rows_check(const struct kafka_rows *rows, struct error *err)
{
	if (rows->heartbeat_ms >= rows->session_ms)
		return error_set(
		    err, ERR_CONFIG, "heartbeatInterval: must be below sessionTimeout, a third of it at most is usual");
	if (rows->max_poll_ms < rows->session_ms)
		return error_set(err, ERR_CONFIG, "maxPollInterval: must not be below sessionTimeout");
	return kafka_auth_check(&rows->login, err);
}
