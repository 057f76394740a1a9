/* A scripted Redis server: takes commands apart, answers by rules, keeps what it was told. */
#ifndef TESTS_UNIT_REDIS_PEER_H
#define TESTS_UNIT_REDIS_PEER_H
#include "tests/unit/peer.h"

/* The last rule whose words begin the command answers it; `reply` NULL: nothing comes.  left: how often; 0: always. */
struct redis_rule { const char *begins, *reply; unsigned left; bool used_up; };

struct redis_peer {
	struct peer	 peer;
	struct redis_rule rules[40];
	unsigned	 n_rules;
	struct buf	 told;		/* commands, words parted by blanks, a line each; without greetings */
	struct peer_side *reader;	/* of the last command that was not answered */
	char		 host[40];	/* "127.0.0.1:PORT" */
};

void redis_peer_open(struct redis_peer *, struct loop *);
void redis_peer_close(struct redis_peer *);
void redis_peer_rule(struct redis_peer *, const char *begins, const char *reply, unsigned left);
bool redis_peer_was_told(const struct redis_peer *, const char *command);	/* a line, or how one begins */
unsigned redis_peer_count(const struct redis_peer *, const char *begins);
void redis_peer_forget(struct redis_peer *);	/* what it was told so far */
/* Answers the command that waits (BLOCK). */
void redis_peer_answer(struct redis_peer *, const char *reply);
#endif
