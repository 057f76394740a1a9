/* A source in one line, kafka://host:port[,host:port]/topic[,topic]?row=value&…, as the Component it stands for. */
#ifndef BRIDGE_CONFIG_SOURCE_H
#define BRIDGE_CONFIG_SOURCE_H
#include "bridge/config/resource.h"

/* `bindings` of kind Bridge: a list of {name, from, to}. */
void sources_read(struct reading *, const struct node *list);
/* What `bridge run SOURCE FUNCTION`, `send` and `tail` name; nothing if they name none. */
void source_of_command(struct resources *, const struct command *);
#endif
