/* How much waits here: beyond a bound the socket is left alone, until half of it is gone. */
#include "connectors/mqtt.h"

void mqtt_flow_took(struct mqtt_link *l, size_t bytes)
{
	bytes = atomic_fetch_add(&l->held_bytes, bytes) + bytes;
	if (atomic_fetch_add(&l->held_events, 1) + 1 >= l->most_events || bytes >= l->most_bytes)
		atomic_store(&l->choked, true);
}

void mqtt_flow_gave(struct mqtt_link *l, size_t bytes)
{
	bytes = atomic_fetch_sub(&l->held_bytes, bytes) - bytes;
	if (atomic_fetch_sub(&l->held_events, 1) - 1 <= l->most_events / 2 && bytes <= l->most_bytes / 2)
		atomic_store(&l->choked, false);
}
