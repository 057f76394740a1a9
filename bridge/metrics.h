/* Counters as plain fields, made from metrics.def. */
#ifndef BRIDGE_METRICS_H
#define BRIDGE_METRICS_H
#include <stdint.h>

enum ending { ENDED_DELIVERED, ENDED_PARKED, ENDED_DROPPED_FUNCTION, ENDED_DROPPED_EXHAUSTED, ENDED_EXPIRED,
	ENDED_RETURNED };

enum { HISTOGRAM_BUCKETS = 16 };
struct histogram { uint64_t count[HISTOGRAM_BUCKETS + 1]; double sum; };	/* ms; the last is +Inf */
void histogram_add(struct histogram *, int64_t ms);

struct sub_metrics {
#define METRIC(scope, name, kind, help) METRIC_##scope(name)
#define METRIC_subscription(name) uint64_t name;
#define METRIC_component(name)
#include "bridge/metrics.def"
#undef METRIC_subscription
#undef METRIC_component
	struct histogram delivery_ms;	/* one delivery, from send to verdict */
	struct histogram event_ms;	/* one event, from offer to its end */
};

struct component_metrics {
#define METRIC_subscription(name)
#define METRIC_component(name) uint64_t name;
#include "bridge/metrics.def"
#undef METRIC_subscription
#undef METRIC_component
};
#undef METRIC
#endif
