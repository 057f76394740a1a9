/* One function as the live view shows it: sampled once a second, printed as JSON. */
#ifndef BRIDGE_SNAPSHOT_H
#define BRIDGE_SNAPSHOT_H
#include <stdbool.h>

struct buf;
struct function;

/* Adds a point to the history of its first `room` subscriptions, which is made if they have none yet: 7.5 KiB each.
 * How many they are. */
unsigned function_sample(struct function *, unsigned room);
/* A JSON object: state, components, and the subscriptions that are sampled; `history`: with what their lag was. */
void function_snapshot(struct function *, bool history, struct buf *);
#endif
