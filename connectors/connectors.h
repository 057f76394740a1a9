/* The kinds of broker this binary knows: the one list bridge/parts.c takes them from. */
#ifndef CONNECTORS_CONNECTORS_H
#define CONNECTORS_CONNECTORS_H
#include "bridge/connector.h"

extern const struct connector_class kafka_class;	/* bindings.kafka, pubsub.kafka */
extern const struct connector_class redis_class;	/* bindings.redis, pubsub.redis */
extern const struct connector_class memory_class;	/* pubsub.in-memory */
extern const struct connector_class mqtt_class;		/* bindings.mqtt, bindings.mqtt3, pubsub.mqtt, pubsub.mqtt3 */
#endif
