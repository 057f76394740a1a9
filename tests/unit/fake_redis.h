/* A Redis of a few commands on the test's own loop: keys in memory, transactions, blocking moves, faults on demand. */
#ifndef TESTS_UNIT_FAKE_REDIS_H
#define TESTS_UNIT_FAKE_REDIS_H
#include "tests/unit/peer.h"

enum fake_type { FAKE_NONE, FAKE_STRING, FAKE_LIST, FAKE_HASH };
enum fake_cut { CUT_BEFORE, CUT_BEHIND };	/* a command that is not carried out; one whose reply is lost */

struct fake_key {
	struct fake_key	*next;
	char		*name;
	enum fake_type	 type;
	char		**items;		/* list: from the left; hash: field, value, …; string: one */
	unsigned	 n;
};

struct fake_words { char **w; unsigned n; };

struct fake_client {
	struct fake_client *next;
	struct peer_side *side;
	bool		 transaction, broken;
	struct fake_words *queue;
	unsigned	 n_queue;
	char		*blocked_from, *blocked_to;	/* in a blocking move; NULL: not */
};

struct fake_redis {
	struct peer	 peer;
	struct fake_key	*keys;
	struct fake_client *clients;
	bool		 old;			/* before 6.2: no LMOVE */
	const char	*refuse, *refusal;	/* that command is answered with an error */
	unsigned	 commands;		/* so far, PING not counted */
	unsigned	 cut_at;		/* the connection ends at that command; 0: never */
	enum fake_cut	 cut;
	struct buf	 log;			/* "LMOVE jobs …\n" */
};

void fake_redis_open(struct fake_redis *, struct loop *);
void fake_redis_close(struct fake_redis *);
struct fake_key *fake_key(struct fake_redis *, const char *name);	/* made if it is not there */
unsigned fake_length(struct fake_redis *, const char *name);		/* of a list; 0: it is not there */
void fake_push(struct fake_redis *, const char *list, const char *value);	/* LPUSH; wakes who waits */
void fake_delete(struct fake_redis *, const char *name);
unsigned fake_called(const struct fake_redis *, const char *begin);	/* lines of the log that begin so */
void fake_disconnect(struct fake_redis *);		/* all connections end */

/* fake_redis_commands.c, for fake_redis.c */
void fake_run(struct fake_redis *, struct fake_words *, struct buf *reply);
enum fake_type fake_type_of(const struct fake_redis *, const char *name);
void fake_insert(struct fake_key *, unsigned at, char *value);		/* takes the value over */
/* false: there is nothing to move, no reply was added */
bool fake_move(struct fake_redis *, const char *from, const char *to, bool left, struct buf *reply);
#endif
