/* The other side for tests of the network: a scripted server on the test's own loop. */
#ifndef TESTS_UNIT_PEER_H
#define TESTS_UNIT_PEER_H
#include "bridge/bytes.h"
#include "bridge/loop.h"

struct peer;
struct peer_side {			/* one accepted connection */
	struct peer	 *peer;
	int		  fd;
	struct watch	 *watch;
	struct buf	  in, out;
	unsigned	  requests;	/* taken from this connection */
	struct peer_side *next;
	bool		  closed, end_when_sent;
};

struct peer {
	struct loop	 *loop;
	int		  fd;
	unsigned	  port;
	struct watch	 *watch;
	struct peer_side *sides;	/* the newest first; closed ones stay, to be counted */
	unsigned	  accepted, ended;	/* ended: by the other side */
	void		(*script)(struct peer_side *);	/* something came; NULL: nothing is read */
	void		(*greet)(struct peer_side *);	/* accepted; NULL: nothing */
	const char	 *answer;	/* for peer_answers() */
	size_t		  answer_n;
	char		  path[64];	/* of a unix socket */
};

void peer_bind(struct peer *, struct loop *, const char *host);	/* a port of its own, refusing so far */
void peer_bind_unix(struct peer *, struct loop *, const char *path);
void peer_listen(struct peer *, void (*script)(struct peer_side *));
void peer_stop_listening(struct peer *);	/* the port is given back */
void peer_close(struct peer *);			/* and all its connections */

/* Takes the first whole request (Content-Length) out of what came; false: not whole yet. */
bool peer_take(struct peer_side *, struct buf *request_r);
void peer_send(struct peer_side *, const void *, size_t);
void peer_say(struct peer_side *, const char *text);
void peer_end(struct peer_side *);		/* closes when all is sent */
void peer_half_close(struct peer_side *);
void peer_reset(struct peer_side *);
void peer_answers(struct peer_side *);		/* a script: peer->answer for each request */
void peer_ignores(struct peer_side *);		/* a script: reads, never answers */

/* Turns the loop for a moment; after half a minute of moments in one test the test has failed. */
void loop_moment(struct loop *);
#define UNTIL(loop, condition) while (!(condition)) loop_moment(loop)
struct loop *loop_for_test(void);
#endif
