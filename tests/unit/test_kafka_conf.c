/* Rows of a Kafka component as settings of the library, and what is refused. */
/* links: fake_source_core.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "connectors/connectors.h"
#include "connectors/kafka.h"
#include "tests/unit/fake_source_core.h"

static struct loop *loop;

static struct source *kafka_new(const char *const *rows)
{
	const char *settings[20] = { "brokers", "127.0.0.1:1" };

	for (unsigned i = 0; rows && rows[i]; i++)
		settings[i + 2] = rows[i];
	return source_new(loop, &kafka_class, "conf", settings);
}

static void assert_set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char is[100];
	size_t size = sizeof(is);

	assert_int_equal(rd_kafka_conf_get(conf, name, is, &size), RD_KAFKA_CONF_OK);
	assert_string_equal(is, value);
}

static void without_rows_a_reader_has_daprs_defaults_and_commits_nothing_by_itself(void **state)
{
	struct source *s = kafka_new(NULL);
	struct kafka *k = (struct kafka *)s->connector;
	rd_kafka_conf_t *conf;
	struct error err;

	(void)state;
	k->group = mem_text("g");
	conf = kafka_conf_reader(k, &err);
	assert_non_null(conf);
	assert_set(conf, "bootstrap.servers", "127.0.0.1:1");
	assert_set(conf, "group.id", "g");
	assert_set(conf, "enable.auto.commit", "false");
	assert_set(conf, "enable.auto.offset.store", "false");
	assert_set(conf, "auto.offset.reset", "smallest");
	assert_set(conf, "partition.assignment.strategy", "range");
	assert_set(conf, "session.timeout.ms", "10000");
	assert_set(conf, "heartbeat.interval.ms", "3000");
	assert_set(conf, "queued.max.messages.kbytes", "4096");
	assert_set(conf, "fetch.max.bytes", "4194304");
	assert_set(conf, "fetch.message.max.bytes", "1048576");
	assert_set(conf, "isolation.level", "read_committed");
	rd_kafka_conf_destroy(conf);
	conf = kafka_conf_writer(k, &err);
	assert_non_null(conf);
	assert_set(conf, "enable.idempotence", "true");
	assert_set(conf, "acks", "-1");
	assert_set(conf, "partitioner", "fnv1a_random");
	assert_set(conf, "compression.codec", "none");
	rd_kafka_conf_destroy(conf);
	free(k->group);
	source_free(s);
}

static void every_row_reaches_the_library(void **state)
{
	static const char *const rows[] = { "initialOffset", "oldest", "partitionAssignmentStrategy", "sticky",
		"groupInstanceId", "i-1", "prefetchBytes", "64Ki", "consumerFetchMin", "7", "isolationLevel",
		"read_uncommitted", "consumeRetryInterval", "250", "clientId", "me", NULL };
	static const char *const more[] = { "producerRequiredAcks", "local", "compression", "lz4", "partitioner",
		"murmur2", "maxMessageBytes", "2000000", "lingerMs", "9", "messageTimeout", "7s", "dialTimeout", "4s",
		"readTimeout", "5s", NULL };
	struct source *s = kafka_new(rows);
	struct kafka *k = (struct kafka *)s->connector;
	rd_kafka_conf_t *conf;
	struct error err;

	(void)state;
	k->group = mem_text("g");
	conf = kafka_conf_reader(k, &err);
	assert_non_null(conf);
	assert_set(conf, "auto.offset.reset", "smallest");
	assert_set(conf, "partition.assignment.strategy", "cooperative-sticky");
	assert_set(conf, "group.instance.id", "i-1");
	assert_set(conf, "client.id", "me");
	assert_set(conf, "queued.max.messages.kbytes", "64");
	assert_set(conf, "fetch.min.bytes", "7");
	assert_set(conf, "isolation.level", "read_uncommitted");
	assert_set(conf, "fetch.error.backoff.ms", "250");
	rd_kafka_conf_destroy(conf);
	free(k->group);
	source_free(s);
	s = kafka_new(more);
	conf = kafka_conf_writer((struct kafka *)s->connector, &err);
	assert_non_null(conf);
	assert_set(conf, "enable.idempotence", "false");
	assert_set(conf, "acks", "1");
	assert_set(conf, "compression.codec", "lz4");
	assert_set(conf, "partitioner", "murmur2_random");
	assert_set(conf, "message.max.bytes", "2000000");
	assert_set(conf, "linger.ms", "9");
	assert_set(conf, "message.timeout.ms", "7000");
	assert_set(conf, "socket.connection.setup.timeout.ms", "4000");
	assert_set(conf, "socket.timeout.ms", "5000");
	rd_kafka_conf_destroy(conf);
	source_free(s);
}

static void assert_refused(const char *const *rows, const char *why)
{
	struct source *s = kafka_new(rows);
	struct error err = { .code = ERR_NONE };

	assert_int_equal(kafka_class.open(s->connector, &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	if (strstr(err.text, why) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err.text, why);
	assert_int_equal(s->n_up, 0);
	source_free(s);
}

static void rows_that_cannot_be_meant_are_refused_at_the_start(void **state)
{
	(void)state;
	assert_refused((const char *const[]){ "authRequired", "true", NULL }, "saslUsername: missing");
	assert_refused((const char *const[]){ "heartbeatInterval", "10s", NULL }, "below sessionTimeout");
	assert_refused((const char *const[]){ "maxPollInterval", "5s", NULL }, "maxPollInterval: must not be below");
	assert_refused((const char *const[]){ "excludeHeaderMetaRegex", "(", NULL }, "excludeHeaderMetaRegex: \"(\"");
}

static void a_topic_list_that_names_nothing_or_is_no_pattern_is_refused(void **state)
{
	struct source *s = kafka_new(NULL);
	struct subscription none = { .topic = " , ", .group = "g" }, broken = { .topic = "a,^(b", .group = "g" };
	struct error err;

	(void)state;
	assert_int_equal(
	    kafka_class.subscribe(s->connector, (const struct subscription *const[]){ &none }, 1, &err), -1);
	assert_non_null(strstr(err.text, "no topic"));
	assert_int_equal(
	    kafka_class.subscribe(s->connector, (const struct subscription *const[]){ &broken }, 1, &err), -1);
	assert_non_null(strstr(err.text, "^(b"));
	source_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_rows_a_reader_has_daprs_defaults_and_commits_nothing_by_itself),
		cmocka_unit_test(every_row_reaches_the_library),
		cmocka_unit_test(rows_that_cannot_be_meant_are_refused_at_the_start),
		cmocka_unit_test(a_topic_list_that_names_nothing_or_is_no_pattern_is_refused),
	};
	int failed;

	loop = source_loop();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	loop_free(loop);
	return failed;
}
