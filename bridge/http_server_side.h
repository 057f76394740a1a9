/* The server's end of one connection: what http_server.c and http_server_side.c share; nobody else includes it. */
#ifndef BRIDGE_HTTP_SERVER_SIDE_H
#define BRIDGE_HTTP_SERVER_SIDE_H
#include "bridge/http1.h"
#include "bridge/http_server.h"
#include "bridge/listener.h"

struct http_server {
	struct loop		*loop;
	struct listener		*listener;
	void			(*handle)(void *, const struct http_request *, struct http_response *);
	void			*arg;
	struct server_side	*sides;
	unsigned		 n_sides;
	struct http1_head	 head;		/* of the request being looked at: valid only inside one event */
};

struct server_side;
void server_side_open(struct http_server *, int fd);	/* the fd is its own from here on */
void server_side_close(struct server_side *);
#endif
