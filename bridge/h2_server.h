/* An HTTP/2 server on the loop: prior knowledge or TLS with ALPN, bounded in streams, bytes and time. */
#ifndef BRIDGE_H2_SERVER_H
#define BRIDGE_H2_SERVER_H
#include "bridge/bytes.h"
#include "bridge/loop.h"

struct error;
struct tls;
struct h2_server;
struct h2_stream;

struct h2_head {
	struct slice	 method, path;
	const struct header *headers;	/* lower-case names; without those that begin with a colon */
	unsigned	 n_headers;
};

/*
 * What answers.  Loop thread.  For each stream begun() comes first and gone() last, whatever happens to it; gone() is
 * never called inside a call of h2_stream_*.  None of them closes the server.
 */
struct h2_service {
	void (*begun)(void *arg, struct h2_stream *, const struct h2_head *);	/* the head is valid inside only */
	void (*body)(void *arg, struct h2_stream *, struct slice);		/* a piece; taken when it returns */
	void (*ended)(void *arg, struct h2_stream *);				/* the request is whole */
	void (*gone)(void *arg, struct h2_stream *);				/* forget it */
};

struct h2_options {
	const char	*listen;	/* one IP address */
	unsigned	 port;		/* 0: the kernel chooses */
	struct tls	*tls;		/* of tls_server_new(…, "h2", …); NULL: without; outlives the server */
	int64_t		 request_ms;	/* for a request to be whole */
};

/*
 * Peers that do not read, do not answer a ping, reset streams quickly, send endless headers or never finish a request
 * are let go; what is kept for them until then is bounded.
 */
struct h2_server *h2_server_open(struct loop *, const struct h2_options *, const struct h2_service *, void *arg,
    struct error *);
unsigned h2_server_port(const struct h2_server *);
/* No new streams; connections end when theirs are done. */
void h2_server_leave(struct h2_server *);
unsigned h2_server_connections(const struct h2_server *);
void h2_server_close(struct h2_server *);	/* what is open is cut; NULL: nothing */

void h2_stream_keep(struct h2_stream *, void *mine);
void *h2_stream_kept(const struct h2_stream *);
/* ":status" first; names and values are copied.  `end`: nothing follows. */
void h2_stream_head(struct h2_stream *, const struct header *, unsigned n, bool end);
void h2_stream_write(struct h2_stream *, struct slice);		/* copied; leaves as the peer's window allows */
size_t h2_stream_unsent(const struct h2_stream *);		/* bytes of it that wait for the peer */
void h2_stream_end(struct h2_stream *, const struct header *trailers, unsigned n);
void h2_stream_reset(struct h2_stream *);			/* cancelled */
#endif
