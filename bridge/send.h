/* `bridge send`: events from the command line into a component, each confirmed. */
#ifndef BRIDGE_SEND_H
#define BRIDGE_SEND_H
#include "bridge/config/config.h"

/* Exit code: 0 every event is confirmed; 1 one is certainly not written, nor any after it; 3 one may be written, no
 * confirmation came. */
int send_events(const struct config *, const struct command *);
#endif
