/* Inside the reading of Redis lists: what is known of each list, of what was taken from it, and who moves it on. */
#ifndef CONNECTORS_REDIS_LISTS_H
#define CONNECTORS_REDIS_LISTS_H
#include "bridge/backoff.h"
#include "connectors/redis.h"

/*
 * Keys beside a list L, all of them ours:
 *
 *	L:bridge		a hash, what is in work anywhere: "u:UNIT" -> "ORIGIN DELIVERIES CONSUMER",
 *				"v:ORIGIN" -> how many rounds of acknowledgements were done
 *	L:bridge:SESSION	a sign of life: it expires when its session does not renew it
 *	L:bridge:UNIT		a list, what one session has in work; UNIT is "SESSION-NUMBER"
 *
 * A session lasts as long as a connection.  It moves entries into one unit of its own (the main one), and may have
 * further ones that it took over; each key of a unit is written by one session only.  Taking over is one transaction:
 * the list is renamed, and a string is left under its old name, which makes every command of the old session that
 * still comes fail (LMOVE takes nothing then).  An entry is where it is in its unit: new ones come in on the left, so
 * counted from the right nothing moves but by our own acknowledgements.
 */

enum { SESSION_MAX = 20, UNIT_MAX = 48, ROUND_MAX = 256 };

/* An entry that was offered. */
struct work { uint64_t seq; bool settled, sent; };	/* sent: in the round under way */

struct redis_unit {
	struct redis_unit *next;
	struct redis_list *list;
	char		 id[UNIT_MAX], origin[UNIT_MAX];	/* origin: the first id it had */
	char		 perhaps[UNIT_MAX];	/* its id, if a transaction without an answer was done; else empty */
	unsigned	 deliveries;	/* of its entries, before */
	uint64_t	 number;	/* w[0] of its tokens: of this process, never used again */
	uint64_t	 seq;		/* w[1] of the next */
	struct work	*work;		/* the oldest first, as in the list from its right end */
	unsigned	 n, cap, n_settled;
	int64_t		 unread;	/* further ones, not offered yet */
	uint64_t	 version;	/* rounds done */
	unsigned	 round;		/* entries in the one under way (or lost with its connection); 0: none */
	bool		 asking;	/* its unread ones */
	bool		 ours;		/* of the session of now */
};

enum list_step {
	LIST_WAITING,		/* not connected, or refused: tried again at the next tick */
	LIST_BEGINNING,		/* a session begins */
	LIST_READING
};

struct redis_list {
	struct redis_list *next;
	struct redis	*redis;
	char		*key;
	struct slice	 name;
	const struct subscription **subs;
	unsigned	 n_subs;	/* 0: nobody wants it any more */
	struct window	*window;
	struct redis_link *reader;	/* moves entries, and blocks when there are none */
	enum list_step	 step;
	bool		 held;		/* alone: its window is full */
	bool		 down;		/* the core was told */
	bool		 old;		/* the server is older than 6.2: no LMOVE */
	bool		 stolen;	/* another session has what was in work here */
	bool		 looked;	/* for what we left behind ourselves */
	bool		 suspicious;	/* the type of the list is being asked for */
	char		 session[SESSION_MAX];	/* empty: none */
	unsigned	 sessions_units;	/* how many of its units were named */
	int64_t		 beat_at, beat_sent;	/* last sign of life: confirmed; under way (0: none is) */
	struct redis_unit *units, *main;	/* main is among them; NULL before a session has begun */
	unsigned	 adopting;	/* units being taken over */
	unsigned	 moves, asked, got;	/* replies to come; of the pipeline: commands, entries so far */
	struct redis_memory *memory;	/* of entries that were read and not offered yet; NULL: none */
	const struct redis_reply *entries;	/* the newest first */
	unsigned	 left;		/* how many of them, from the first on */
	struct redis_unit *from;	/* whose they are */
	struct lag	 lag;		/* while it is asked for */
	bool		 lag_asking, leaving;
};

struct redis_lists {
	struct redis	*redis;
	struct redis_list *list;
	char		*consumer;
	int		 slot;		/* fd that keeps our consumer's name ours on this host; -1: none */
	bool		 waiting;	/* offer() said OFFER_WAIT */
	bool		 drain;
	struct timer	 tick;
	int64_t		 beat_at, scan_at, lag_at;
	uint64_t	 numbers;	/* of units */
	struct random	 random;
	char		 tombstone[UNIT_MAX];	/* what an entry is made into before it is removed */
	struct buf	 text;		/* scratch of one event */
};

/* redis_list_unit.c: what is in work. */
struct redis_unit *unit_new(struct redis_list *, const char *id, const char *origin, unsigned deliveries);
void unit_free(struct redis_unit *);		/* out of its list's units */
void unit_name(struct redis_list *, char id[UNIT_MAX]);	/* a new id, of the session of now */
void unit_push(struct redis_unit *, uint64_t seq);
void unit_settle(struct redis_unit *, uint64_t seq);	/* unknown: nothing */
void unit_round_done(struct redis_unit *);	/* the entries in the round are gone */
void unit_round_undone(struct redis_unit *);	/* they are all still there */
void unit_forget(struct redis_unit *);		/* nothing of it was offered, as far as is known */
void unit_round(struct redis_unit *);		/* acknowledges what is settled, unless a round is under way */
bool unit_read(struct redis_unit *);		/* asks for its unread; false: it has none, or must wait */
bool unit_end(struct redis_unit *);		/* nothing is left of it, nor will come: true, it is freed */

/* redis_list_session.c: keys, signs of life, and what others or we ourselves left behind. */
void session_begin(struct redis_list *);	/* ends in list_began() or list_down() */
void session_beat(struct redis_list *);
void session_scan(struct redis_list *);		/* for sessions that ended */
void session_leave(struct redis_list *);	/* what is left may be taken over at once; ends in lists_drained() */
void list_key_word(struct redis_link *, const struct redis_list *, const char *suffix);	/* L:bridge[:suffix] */
void list_queued(void *list, const struct redis_reply *);	/* to a command of a transaction */
void list_field_word(struct redis_link *, char kind, const char *id);	/* 'u' a unit, 'v' its rounds */

/* redis_list_move.c: entries from the list, and to the core. */
void list_move(struct redis_list *);
bool list_offer(struct redis_list *);		/* what was read; false: something stays */
void list_take(struct redis_list *, struct redis_unit *, struct redis_link *from, const struct redis_reply *entries,
    unsigned n);				/* the newest first; offers them */
void list_drop(struct redis_list *);		/* what was read and not offered: it is unread again */

/* redis_list_lag.c */
void list_lag_ask(struct redis_list *);

/* redis_lists.c */
void list_began(struct redis_list *);
void list_go_on(struct redis_list *);		/* whatever can be done now: acknowledge, offer, read */
void list_end(struct redis_list *);		/* its session is over; what is in work stays known */
void list_down(struct redis_list *, const char *why);	/* this one alone, tried again at the next tick; NULL: up */
void list_refused(struct redis_list *, const char *what, const struct redis_reply *);	/* down, for that reason */
uint64_t lists_random(struct redis_lists *);
void lists_drained(struct redis_lists *);	/* if drain was asked and all is confirmed */
/* A reply that ends the connection, or tells that another session has what was ours: true, all is over. */
bool list_over(struct redis_list *, const struct redis_reply *);
#endif
