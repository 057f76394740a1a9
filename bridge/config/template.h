/* Dapr's placeholders in metadata values. */
#ifndef BRIDGE_CONFIG_TEMPLATE_H
#define BRIDGE_CONFIG_TEMPLATE_H
#include "bridge/config/arena.h"
#include "bridge/error.h"

enum { TEMPLATE_MAX = 64 * 1024 };	/* bytes of a value that has a brace, once filled in */

/* {uuid}: a new one each time; {podName}: env POD_NAME, which must be set; {namespace}: env NAMESPACE or "default", a
 * dot, the app id; {appID}.  Anything else in braces stays.  NULL: error. */
const char *template_fill(struct arena *, const char *text, const char *app_id, struct error *);
#endif
