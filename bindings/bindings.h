/* The roads to functions that exist: what bridge/parts.c lists. */
#ifndef BINDINGS_BINDINGS_H
#define BINDINGS_BINDINGS_H
#include "bridge/binding.h"

extern const struct binding_class http_channel_class;	/* "http": Dapr's HTTP app channel */
extern const struct binding_class plain_http_class;	/* "plain": CloudEvents over HTTP, or bytes as they are */
#endif
