/* One connection to one Redis server: commands go out in order, every reply finds who asked for it. */
#ifndef CONNECTORS_REDIS_LINK_H
#define CONNECTORS_REDIS_LINK_H
#include "connectors/redis_reply.h"

struct address;
struct loop;
struct redis_link;
struct tls;

/* Texts are kept, not copied: they live as long as the link. */
struct redis_link_options {
	const struct address *address;	/* copied */
	struct tls	*tls;		/* if address->tls */
	const char	*user, *password;	/* NULL or empty: none */
	int64_t		 database;	/* 0: as connected */
	int64_t		 dial_ms;	/* to be connected, TLS included */
	int64_t		 read_ms;	/* for a reply: no byte came or went for so long, and the link is lost */
	size_t		 max_reply;	/* bytes of one reply */
};

/* Loop thread; never inside a call of the owner but redis_link_close(), which may be called in each of them. */
struct redis_link_events {
	void	(*opened)(void *arg);	/* connected, logged in, its database chosen, the server answers */
	/* Could not be opened, or was lost; once, and the last.  What was asked was told REDIS_LOST or REDIS_UNSENT
	 * before.  Nothing is left to do but redis_link_close(): a new try is a new link, its pause the core's. */
	void	(*ended)(void *arg, const struct error *);
	/* NULL, or: this link listens (SUBSCRIBE).  Once it is opened no reply is anybody's, all of them come here
	 * ("message", "subscribe", "pong" …) and commands are ended with NULL. */
	void	(*pushed)(void *arg, const struct redis_reply *);
};

/* Never calls back inside.  A link that is silent for ten seconds is asked for a sign of life (PING), listening ones
 * too: so a half-open connection is found within ten seconds and read_ms, and at once where something was asked. */
struct redis_link *redis_link_open(
    struct loop *, const struct redis_link_options *, const struct redis_link_events *, void *arg);
/* Tells all that was asked REDIS_LOST or REDIS_UNSENT, inside this call; frees.  NULL: nothing. */
void redis_link_close(struct redis_link *);
bool redis_link_is_open(const struct redis_link *);	/* NULL: no */

/*
 * A command: its number of words, each word, its end.  Only on an open link.  It leaves at the end of the loop's turn,
 * together with all others of that turn.  Exactly one call of `replied` per command, in the order of the commands; the
 * reply is valid during the call, which may ask again, hold the reply's memory, or close the link.  Told REDIS_LOST or
 * REDIS_UNSENT, it must not ask on this link again.
 */
typedef void redis_replied(void *arg, const struct redis_reply *);
void redis_link_begin(struct redis_link *, unsigned words);
void redis_link_word(struct redis_link *, struct slice);
void redis_link_text(struct redis_link *, const char *);
void redis_link_number(struct redis_link *, int64_t);
void redis_link_end(struct redis_link *, redis_replied *, void *arg);
/* One that the server may answer that much later (BLOCK): whatever is asked behind it waits as long. */
void redis_link_end_blocking(struct redis_link *, int64_t block_ms, redis_replied *, void *arg);

/* A `replied` for what nobody asks about: inside a transaction, whose EXEC tells. */
void redis_reply_ignored(void *arg, const struct redis_reply *);

/* Inside `replied` or `pushed`: the memory of the reply, which stays until it is released. */
struct redis_memory *redis_link_hold(struct redis_link *);
size_t redis_link_unsent(const struct redis_link *);	/* bytes of commands that have not left yet */
#endif
