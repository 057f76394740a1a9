/* The server's end of one connection: what the files http_server*.c share; nobody else includes it. */
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

enum side_state { SIDE_READING, SIDE_WRITING, SIDE_STREAMING, SIDE_LINGERING };

struct server_side {
	struct http_server *server;
	struct server_side *next, **previous;
	int		 fd;
	struct watch	*watch;
	struct timer	 timer;
	enum side_state	 state;
	bool		 last;		/* closed after this answer */
	/* in[0..head_n) is the request's head, then `kept` bytes of its body, then what was not looked at yet */
	struct buf	 in;
	bool		 has_head, started;
	size_t		 head_n, kept;
	struct http1_body body;
	struct buf	 out;
	size_t		 sent;
	struct http_stream *stream;	/* SIDE_STREAMING: who writes it */
	bool		 chunked;
};

enum { SIDE_TAKE_MS = 10 * 1000 };	/* for a whole request, and for its answer to be taken */

void server_side_open(struct http_server *, int fd);	/* the fd is its own from here on */
void server_side_close(struct server_side *);
void server_side_timer(struct server_side *, int64_t ms);	/* closes it then */
enum pushed { PUSHED_ALL, PUSHED_SOME, PUSHED_NOT };	/* NOT: the connection is gone */
enum pushed server_side_push(struct server_side *);	/* `out` to the socket, as far as it goes */
bool server_side_flush(struct server_side *);		/* of a whole answer; false: the connection is gone */

/* http_server_stream.c */
void server_stream_begin(struct server_side *, struct http_stream *, struct slice body);	/* behind its head */
void server_stream_ready(struct server_side *, unsigned ready);
#endif
