/* The one list of what this binary is made of. */
#include "bridge/parts.h"

#include <string.h>
#include <strings.h>

#include "bindings/bindings.h"
#include "connectors/connectors.h"

static const struct part parts[] = {
	{ "bindings.kafka", BLOCK_BINDING, &kafka_class },
	{ "pubsub.kafka", BLOCK_PUBSUB, &kafka_class },
	{ "bindings.mqtt", BLOCK_BINDING, &mqtt_class },
	{ "bindings.mqtt3", BLOCK_BINDING, &mqtt_class },
	{ "pubsub.mqtt", BLOCK_PUBSUB, &mqtt_class },
	{ "pubsub.mqtt3", BLOCK_PUBSUB, &mqtt_class },
	{ "bindings.redis", BLOCK_BINDING, &redis_class },
	{ "pubsub.redis", BLOCK_PUBSUB, &redis_class },
	{ "pubsub.in-memory", BLOCK_PUBSUB, &memory_class },
	{ "pubsub.inmemory", BLOCK_PUBSUB, &memory_class },
};

static const struct binding_class *const binding_classes[] = { &http_channel_class, &plain_http_class };

const struct part *part_find(const char *type)
{
	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!strcasecmp(parts[i].type, type))
			return &parts[i];
	return NULL;
}

const struct part *part_at(unsigned i)
{
	return i < sizeof(parts) / sizeof(parts[0]) ? &parts[i] : NULL;
}

const struct binding_class *binding_class_find(const char *name)
{
	for (unsigned i = 0; i < sizeof(binding_classes) / sizeof(binding_classes[0]); i++)
		if (!strcmp(binding_classes[i]->name, name))
			return binding_classes[i];
	return NULL;
}
