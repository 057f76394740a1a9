/* The files of the live page, bridge/web/, as they are in the binary. */
#ifndef BRIDGE_WEB_H
#define BRIDGE_WEB_H
#include "bridge/bytes.h"

struct web_file { const char *path, *type, *begin, *end; };
/* By the path it is served at; "/" is the page.  NULL: there is none. */
const struct web_file *web_file_find(struct slice path);
#endif
