/* The scaler by itself: what waits for many functions, told to KEDA by one process that reads nothing of theirs. */
#ifndef BRIDGE_OUTLOOK_H
#define BRIDGE_OUTLOOK_H
#include "bridge/config/config.h"

/*
 * Of each --config: a file, or a directory in which every *.yaml, *.yml and every folder is the configuration of one
 * function, as its own bridge would be given it.  They are looked at again every two seconds; what is wrong with one
 * concerns that one.  Exit code: 0 after SIGTERM or SIGINT, 1 when it could not start.
 */
int outlook(const struct command *);
#endif
