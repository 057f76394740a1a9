/* One HTTP client against one scripted peer on a loop, and what became of its calls. */
#ifndef TESTS_UNIT_CALLER_H
#define TESTS_UNIT_CALLER_H
#include "bindings/http_client.h"
#include "tests/unit/peer.h"

struct caller {
	struct loop	*loop;
	struct peer	 peer;
	struct http_client_options options;	/* changed, if at all, between caller_open() and caller_connect() */
	struct http_client *client;
	char		 reach[64];	/* what reachable() said: '+' and '-' in order */
};

struct trip {
	struct http_call *call;
	unsigned	 done;
	enum http_outcome outcome;
	int		 status;
	struct buf	 body, type;	/* copies: the body, the value of Content-Type */
	bool		 cut;
	char		 why[200];
	struct caller	*caller;
	void		(*then)(struct trip *);	/* called inside done() */
	struct trip	*next;		/* for then() */
};

void caller_open(struct caller *, unsigned connections);	/* a peer that is bound, but does not listen */
void caller_connect(struct caller *);
void caller_listen(struct caller *, void (*script)(struct peer_side *));
void caller_serve(struct caller *, unsigned connections, const char *answer);	/* all of it, one answer */
void caller_close(struct caller *);

void trip_send(struct caller *, struct trip *, const char *request_line, struct slice body);
void trip_get(struct caller *, struct trip *);			/* POST / of "ping" */
void trip_wait(struct caller *, struct trip *);
void trip_clear(struct trip *);
/* Sends, waits, checks, clears. */
void trip_expect_answer(struct caller *, int status, const char *body);
void trip_expect(struct caller *, enum http_outcome, const char *why);
#endif
