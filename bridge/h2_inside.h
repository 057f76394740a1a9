/* What the files of the HTTP/2 server share; nobody else includes it. */
#ifndef BRIDGE_H2_INSIDE_H
#define BRIDGE_H2_INSIDE_H
#include <nghttp2/nghttp2.h>
#include "bridge/h2_server.h"
#include "bridge/listener.h"
#include "bridge/stream.h"

struct h2_server {
	struct loop	*loop;
	struct h2_options options;
	const struct h2_service *service;
	void		*arg;
	struct listener	*listener;
	struct h2_connection *connections;
	unsigned	 n_connections, n_streams;
	bool		 leaving;
};

enum {
	H2_STREAMS = 16384,		/* of one connection: KEDA has one, and two streams for each trigger */
	H2_STREAMS_ALL = 65536,
	H2_HEADERS_MAX = 64,
	H2_HEAD_BYTES_MAX = 16 * 1024
};

struct h2_stream {
	struct h2_connection *connection;
	struct h2_stream *next, **previous;
	int32_t		 id;
	bool		 begun, whole, finished;
	int64_t		 since;		/* it began, or its answer was finished */
	struct buf	 out;
	size_t		 sent;
	nghttp2_nv	*trailers;	/* once finished; their bytes behind them */
	unsigned	 n_trailers;
	void		*mine;
};

/* The head that is coming in: no other can begin before it is whole. */
struct h2_scratch {
	struct buf	 text;
	struct { size_t name, name_n, value, value_n; } at[H2_HEADERS_MAX];
	unsigned	 n;
	size_t		 bytes;
};

struct h2_connection {
	struct h2_server *server;
	struct h2_connection *next, **previous;
	struct stream	*stream;
	nghttp2_session	*session;
	struct later	 flush;
	struct timer	 look;
	struct buf	 out;
	size_t		 sent;
	bool		 open, blocked, failed;
	int64_t		 blocked_since, heard, idle_since;
	struct h2_stream *streams;
	unsigned	 n_streams;
	struct h2_scratch head;
};

void h2_connection_open(struct h2_server *, int fd);
void h2_connection_leave(struct h2_connection *);
void h2_connection_close(struct h2_connection *);
void h2_connection_touch(struct h2_connection *);	/* it has something to send */

void h2_stream_callbacks(nghttp2_session_callbacks *);
void h2_stream_free(struct h2_stream *);
#endif
