/* A small HTTP/1.1 server for operators: metrics, health, live view.  Bounded in connections, time and bytes. */
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
/* first of that name; absent: p NULL */
struct slice http_request_header(const struct http_request *, const char *name);

/*
 * An answer that goes on after handle() returned: zeroed but for `closed`, in something of the caller's, which stays
 * until closed() or http_stream_end().  Its connection takes no further request.
 */
struct http_stream {
	/* Nothing may be written any more: the client is gone, did not take a byte for 10 s, or asked by HEAD; or the
	 * server is closed.  Never called inside write. */
	void	(*closed)(struct http_stream *);
	struct server_side *side;	/* the server's */
};

/* status 404 and empty until set */
struct http_response {
	int		 status;
	const char	*content_type;
	struct buf	 headers;	/* further ones, each a whole line with its end */
	struct buf	 body;
	struct http_stream *stream;	/* NULL: `body` is all of it; else its beginning, of any size */
};

/* Copied; goes out at once as far as the client takes it.  One that leaves more than 1 MiB of it waiting is too slow:
 * its connection is closed, and closed() follows. */
void http_stream_write(struct http_stream *, struct slice);
void http_stream_end(struct http_stream *);	/* what waits is still sent, then the connection closes; no closed() */

/* `listen`: one address ("127.0.0.1", "::1", "0.0.0.0"); port 0: the kernel chooses.  handle() on the loop thread,
 * one request each, answered when it returns, or begun to be; it does not close the server.  HEAD is asked as GET,
 * without the body. 8 KiB of head, 64 KiB of body, 10 s to come, 128 connections: more is refused. */
struct http_server *http_server_open(struct loop *, const char *listen, unsigned port,
    void (*handle)(void *arg, const struct http_request *, struct http_response *), void *arg, struct error *);
unsigned http_server_port(const struct http_server *);
void http_server_close(struct http_server *);	/* closes what is open; NULL: nothing */
#endif
