/* What http_client.c (the pool), http_connection.c (one of them), http_answer.c (reading) share, and they alone. */
#ifndef BINDINGS_HTTP_POOL_H
#define BINDINGS_HTTP_POOL_H
#include "bindings/http_client.h"
#include "bridge/backoff.h"
#include "bridge/http1.h"

struct connection;
struct call {
	struct http_call	 public;	/* first: the caller's pointer is ours */
	struct http_client	*client;
	struct connection	*connection;	/* from sending on */
	struct call		*unused, *made;	/* next in the pool's lists: of unused ones, of all */
	bool			 left;		/* bytes of it may have reached the other side, in any try */
	bool			 head_only;	/* HEAD: the answer has no body */
};

enum connection_state {
	CONNECTION_CLOSED, CONNECTION_OPENING, CONNECTION_IDLE, CONNECTION_BUSY, CONNECTION_STATES
};

struct connection {
	struct http_client	*client;
	enum connection_state	 state;		/* says in which list it is; changed by connection_move() alone */
	struct connection	*next, *previous;
	struct stream		*stream;
	struct call		*call;		/* OPENING: NULL in a probe; BUSY: always there */
	struct later		 broken;	/* writing failed: what came before is read after this turn */
	bool			 reused;	/* the call took it idle; a fresh one that dies is not tried again */
	bool			 stop_writing;	/* refused before it was sent whole */
	size_t			 sent;		/* of head and body */
	uint64_t		 answers;
	int64_t			 idle_since;
	/* The answer: in[0..head_n) is its head, then `kept` bytes of payload, then what was not looked at yet. */
	struct buf		 in;
	bool			 has_head, keep_alive;
	unsigned		 interim;	/* 1xx heads passed over */
	size_t			 head_n, kept;
	uint64_t		 payload;	/* all of it, kept or dropped */
	struct http1_body	 body;
};

struct connections { struct connection *first, *last; unsigned n; };

struct http_client {
	struct loop		*loop;
	struct http_client_options options;
	struct connections	 lists[CONNECTION_STATES];	/* the last to come is first: warm ones are used */
	struct call		*unused, *made;
	unsigned		 calls;		/* handed out, not done */
	struct http1_head	 head;		/* of the answer looked at: valid inside one event */
	struct timer		 retry, idle;
	struct random		 random;
	bool			 fruitless;	/* a connection was refused or ended without any answer */
	unsigned		 failures;	/* times in a row that this led to nothing being open */
	enum { REACH_UNKNOWN, REACH_YES, REACH_NO } reach;
	unsigned		 inside;	/* depth of entries; if closed, the last one out frees */
	bool			 closed;
};

/* http_client.c.  Every way in, from the loop or from the caller, stands between these two. */
void client_enter(struct http_client *);
void client_leave(struct http_client *);
void client_opened(struct http_client *);	/* a connection could be opened */
void client_refused(struct http_client *);	/* or could not */
void client_has_idle(struct http_client *);
void call_done(struct call *, enum http_outcome, const struct http_answer *, const char *why);

/* http_connection.c */
void connection_open(struct http_client *, struct call *);	/* call NULL: a probe */
void connection_use(struct connection *, struct call *);	/* an idle one */
void connection_move(struct connection *, enum connection_state);
void connection_close(struct connection *);	/* its call is let go, not told */
void connection_lost(struct connection *, const char *why);	/* BUSY: the call has failed, or is sent once more */
void connection_answered(struct connection *, const struct http_answer *, bool keep);	/* BUSY: done */
bool connection_sent_all(const struct connection *);

/* http_answer.c */
enum reading { READING_WAITS, READING_MORE, READING_OVER };	/* nothing there; something came; the call has ended */
void answer_begin(struct connection *);
enum reading answer_read(struct connection *);	/* BUSY: reads once */
#endif
