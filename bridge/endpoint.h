/* Socket addresses to try for one configured address, and a tuned, non-blocking socket that connects to one of them. */
#ifndef BRIDGE_ENDPOINT_H
#define BRIDGE_ENDPOINT_H
#include <netdb.h>
#include <sys/socket.h>
#include "bridge/stream.h"

enum { ENDPOINTS_MAX = 16 };
struct endpoint { struct sockaddr_storage address; socklen_t size; };
struct endpoints { struct endpoint list[ENDPOINTS_MAX]; unsigned n; };

/* A unix socket or a numeric host: needs nobody to ask.  false: a name, to be resolved. */
bool endpoints_from_address(struct endpoints *, const struct address *);
void endpoints_from_list(struct endpoints *, const struct addrinfo *);	/* what does not fit is left out */
/* The fd of a connection under way: writable when it is decided, SO_ERROR says how.  -1: errno. */
int endpoint_connect(const struct endpoint *);
#endif
