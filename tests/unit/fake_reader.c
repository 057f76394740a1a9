/* One Kafka reader of a group over the fake core. */
#include "tests/unit/fake_reader.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "connectors/connectors.h"

struct reader *reader_begin(const char *group, const char *topic, const char *const *more)
{
	struct reader *r = mem_new(sizeof(*r));
	unsigned n = 0;
	const char *base[] = { "brokers", cluster->brokers, "consumerGroup", group, "sessionTimeout", "3s",
		"heartbeatInterval", "500ms", "initialOffset", "oldest", "clientConnectionTopicMetadataRefreshInterval",
		"300ms" };

	for (; n < sizeof(base) / sizeof(base[0]); n++)
		r->settings[n] = base[n];
	while (more && *more)
		r->settings[n++] = *more++;
	r->source = source_new(loop, &kafka_class, group, r->settings);
	r->sub = (struct subscription){ .component = group, .topic = topic, .group = group };
	return r;
}

void reader_open(struct reader *r)
{
	struct error err = { .code = ERR_NONE };
	const struct subscription *subs[] = { &r->sub };

	if (kafka_class.open(r->source->connector, &err) < 0 ||
	    kafka_class.subscribe(r->source->connector, subs, 1, &err) < 0)
		fail_msg("%s", err.text);
}

struct reader *reader_new(const char *group, const char *topic, const char *const *more)
{
	struct reader *r = reader_begin(group, topic, more);

	reader_open(r);
	return r;
}

static bool is_drained(void *arg)
{
	return ((struct source *)arg)->n_drained > 0;
}

static bool is_closed(void *arg)
{
	return ((struct source *)arg)->n_closed > 0;
}

void reader_close(struct reader *r)
{
	struct source *s = r->source;

	kafka_class.close(s->connector);
	source_until(loop, is_closed, s, "the connector is closed");
	assert_int_equal(s->n_closed, 1);
	source_free(s);
	free(r);
}

void reader_end(struct reader *r)
{
	struct source *s = r->source;

	kafka_class.stop(s->connector);
	s->stopped = true;
	source_turns(loop, 0);
	kafka_class.drain(s->connector);
	source_until(loop, is_drained, s, "the last commit is confirmed");
	reader_close(r);
}

struct count {
	struct source *s;
	const char *topic;
	unsigned n;
};

static bool has_count(void *arg)
{
	struct count *c = arg;

	return source_count(c->s, c->topic, -1) >= c->n;
}

void until_count(struct source *s, const char *topic, unsigned n)
{
	source_until(loop, has_count, &(struct count){ s, topic, n }, "all events are offered");
}

struct position {
	const char *group, *topic;
	int partition;
	int64_t offset;
};

static bool is_committed(void *arg)
{
	struct position *p = arg;

	return cluster_committed(cluster, p->group, p->topic, p->partition, NULL, 0) == p->offset;
}

void until_committed(const char *group, const char *topic, int partition, int64_t offset)
{
	source_until(
	    loop, is_committed, &(struct position){ group, topic, partition, offset }, "the offset is committed");
}

void assert_unbroken(const struct source *s, const char *topic, int partition, int64_t from)
{
	for (unsigned i = 0; i < s->n_offers; i++)
		if (strcmp(s->offers[i].topic, topic) == 0 && (int)s->offers[i].partition == partition)
			assert_int_equal(s->offers[i].offset, from++);
}
