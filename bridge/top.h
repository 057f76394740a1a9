/* `bridge top`: what a running bridge does, second by second. */
#ifndef BRIDGE_TOP_H
#define BRIDGE_TOP_H
#include <stdbool.h>

/* A table on a terminal, elsewhere a JSON line a second; until SIGINT or SIGTERM, or one look.  Exit code: 0, or 1 when
 * nobody answered the first look. */
int top(const char *address, bool once);
#endif
