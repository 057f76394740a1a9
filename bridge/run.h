/* The running process: what the configuration asks for, put together, until a signal ends it. */
#ifndef BRIDGE_RUN_H
#define BRIDGE_RUN_H
#include "bridge/config/config.h"

/* Exit code: 0 after a graceful end (of a command beside it: that one's code, 128 and the signal that ended it), 1
 * when it could not start (already said in the log). */
int run(struct config *, const struct command *);
#endif
