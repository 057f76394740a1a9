/* `bridge tail`: events of a component's topic as JSON lines, read without acknowledging any. */
#ifndef BRIDGE_TAIL_H
#define BRIDGE_TAIL_H
#include "bridge/config/config.h"

struct buf;
struct event;

/* Until SIGINT, SIGTERM, the end of the reader, or command->count events.  Exit code: 0, or 1 if it could not start. */
int tail_events(const struct config *, const struct command *);
/* One line: topic, what the connector says of it (partition, offset, …), key, headers, data; data as it stands if it
 * is JSON, a text if it is UTF-8, else data_base64. */
void tail_render(struct buf *, const struct event *);
#endif
