/* A pool of keep-alive HTTP/1.1 connections to one endpoint: what bindings send their requests with. */
#ifndef BINDINGS_HTTP_CLIENT_H
#define BINDINGS_HTTP_CLIENT_H
#include "bridge/bytes.h"
#include "bridge/stream.h"

struct http_client;

struct http_client_options {
	struct address	 address;		/* copied */
	struct tls	*tls;			/* needed when address.tls; stays the caller's */
	unsigned	 connections;		/* calls in flight at once, >= 1 */
	int64_t		 connect_ms;		/* to open one connection */
	int64_t		 idle_ms;		/* an idle connection older than this is closed by us; 0: never */
	/* of an answer; beyond: HTTP_LOST.  The body is kept up to keep_body, the rest read and dropped */
	size_t		 max_head, max_body;
	size_t		 keep_body;
	/* the endpoint accepts connections, or does not any more; never inside a call */
	void		(*reachable)(void *arg, bool);
	void		*arg;
};

/* Starts to connect at once, with backoff until it works, and again whenever a connection is refused: so reachable()
 * is known without a call being burnt. */
struct http_client *http_client_open(struct loop *, const struct http_client_options *);
void http_client_close(struct http_client *);	/* calls still open are cancelled; frees */

enum http_outcome {
	HTTP_ANSWERED,
	HTTP_UNSENT,	/* no byte of it left: refused, no route, handshake failed */
	/* some left, no whole answer came: reset, closed, garbage, too large; the function may have seen it */
	HTTP_LOST,
	/* it left on a reused connection that died before the first byte of an answer, and there was no other to be
	 * had: the endpoint is gone, which is no failure of this call; the function may have seen it all the same */
	HTTP_STALE
};
struct http_answer {
	int		 status;		/* never 1xx */
	const struct header *headers;
	unsigned	 n_headers;
	struct slice	 body;
	bool		 cut;			/* body was longer than keep_body */
};
/* One request and its answer; belongs to the pool.  Valid from http_call_new() until done() returned or
 * http_call_cancel(). */
struct http_call {
	/* the caller fills: request line and header lines, each ended, without the last empty line */
	struct buf	 head;
	struct slice	 body;			/* the caller's bytes: valid until done or cancel; sent as they are */
	void		(*done)(struct http_call *, enum http_outcome, const struct http_answer *, const char *why);
	void		*arg;
};
struct http_call *http_call_new(struct http_client *);	/* head is empty; NULL: all connections are busy */
/* Adds Content-Length, connects if need be, writes at once.  done() exactly once, perhaps inside this call.  A
 * reused connection that dies before the first byte of an answer is an idle connection that died: sent once more on
 * a fresh one, silently. */
void http_call_send(struct http_call *);
void http_call_cancel(struct http_call *);	/* the connection is closed; done() is not called */
#endif
