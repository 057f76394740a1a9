/* A table of parts for configuration tests: one that reads and writes, one that only writes, one that only reads. */
#include <string.h>
#include <strings.h>
#include "bridge/option.h"
#include "bridge/parts.h"

struct both {
	struct connector connector;
	const char *brokers, *topics, *publish, *group, *password, *url;
	int64_t poll_ms, fetch;
	bool skip_verify;
	int offset;
};
struct both_subscription {
	const char *schema;
};
struct sink {
	struct connector connector;
	const char *target;
};

static const struct option both_options[] = { STR("brokers", struct both, brokers, NULL,
						  OPT_REQUIRED | OPT_PLACE | OPT_URL_HOST, "comma list of host:port"),
	STR("topics", struct both, topics, NULL, OPT_URL_PATH, "topics to read, comma list"),
	STR("publishTopic", struct both, publish, NULL, 0, "topic to write to"),
	STR("consumerGroup", struct both, group, NULL, OPT_PLACE, "consumer group", .alias = "groupId"),
	STR("saslPassword", struct both, password, NULL, OPT_SECRET, "password"),
	STR("url", struct both, url, NULL, 0, "place of something"),
	MS("pollInterval", struct both, poll_ms, "100ms", OPT_BARE_MS, "between polls", .min = 1, .max = 10000),
	BYTES("fetchSize", struct both, fetch, "1Mi", 0, "read at once"),
	BOOL("skipVerify", struct both, skip_verify, "false", 0, "trust anybody"),
	WORD("initialOffset", struct both, offset, "newest", 0, "where to begin", .words = "newest oldest"), OPT_END };
static const struct option both_subscription_options[] = {
	STR("valueSchemaType", struct both_subscription, schema, NULL, 0, "schema"), OPT_END
};
static const struct option sink_options[] = { STR("target", struct sink, target, NULL, 0, "where to"), OPT_END };

static int fake_subscribe(struct connector *c, const struct subscription *const *s, unsigned n, struct error *e)
{
	(void)c, (void)s, (void)n, (void)e;
	return 0;
}

static void fake_send(struct connector *c, struct request *r)
{
	(void)c, (void)r;
}

static const struct connector_class both_class = { .name = "kafka",
	.schemes = "kafkap kafkas",
	.options = both_options,
	.size = sizeof(struct both),
	.subscription_options = both_subscription_options,
	.subscription_size = sizeof(struct both_subscription),
	.order = ORDER_PARTITION,
	.subscribe = fake_subscribe,
	.send = fake_send };
static const struct connector_class sink_class = {
	.name = "sink", .options = sink_options, .size = sizeof(struct sink), .send = fake_send
};
static const struct connector_class source_class = {
	.name = "source", .size = sizeof(struct connector), .order = ORDER_NONE, .subscribe = fake_subscribe
};

static const struct part parts[] = {
	{ "bindings.kafka", BLOCK_BINDING, &both_class },
	{ "pubsub.kafka", BLOCK_PUBSUB, &both_class },
	{ "bindings.sink", BLOCK_BINDING, &sink_class },
	{ "pubsub.source", BLOCK_PUBSUB, &source_class },
	{ "bindings.source", BLOCK_BINDING, &source_class },
};

const struct part *part_find(const char *type)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (!strcasecmp(parts[i].type, type))
			return &parts[i];
	return NULL;
}

const struct part *part_at(unsigned i)
{
	return i < sizeof(parts) / sizeof(*parts) ? &parts[i] : NULL;
}

const struct binding_class *binding_class_find(const char *name)
{
	(void)name;
	return NULL;
}
