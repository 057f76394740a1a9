/* A small HTTP/1.1 server for operators: metrics, health.  Answers at once; bounded in connections, time and bytes. */
#ifndef BRIDGE_HTTP_SERVER_H
#define BRIDGE_HTTP_SERVER_H
#include "bridge/bytes.h"
#include "bridge/loop.h"

struct http_server;
struct http_request {
	struct slice	 method, path, query, body;
	const struct header *headers;
	unsigned	 n_headers;
};
/* status 404 and empty until set */
struct http_response { int status; const char *content_type; struct buf body; };

/* `listen`: one address ("127.0.0.1", "::1", "0.0.0.0"); port 0: the kernel chooses.  handle() on the loop thread,
 * one request each, answered when it returns; it does not close the server.  HEAD is asked as GET, without the body.
 * 8 KiB of head, 64 KiB of body, 10 s to come, 128 connections: more is refused. */
struct http_server *http_server_open(struct loop *, const char *listen, unsigned port,
    void (*handle)(void *arg, const struct http_request *, struct http_response *), void *arg, struct error *);
unsigned http_server_port(const struct http_server *);
void http_server_close(struct http_server *);	/* closes what is open; NULL: nothing */
#endif
