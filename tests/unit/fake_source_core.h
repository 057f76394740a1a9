/* A core for tests of connectors that read: records what is offered and said, gives the answers a test asks for. */
#ifndef TESTS_FAKE_SOURCE_CORE_H
#define TESTS_FAKE_SOURCE_CORE_H
#include "bridge/bytes.h"
#include "bridge/connector.h"
#include "bridge/error.h"
#include "bridge/loop.h"
#include "bridge/option.h"

enum { SOURCE_TOKENS = 20000 };

struct fake_offer {
	char		*topic, *data, *headers, *id, *content_type;	/* headers: "name=value;…" */
	uint32_t	 partition;
	int64_t		 offset, time_ms;
	bool		 again, tombstone;
	struct slice	 key;
	const struct subscription *subs[4];
	unsigned	 n_subs;
};

/* What the fake keeps of one instance; its connector is given back by source_new(). */
struct source {
	struct loop	*loop;
	struct connector *connector;
	struct setting	*settings;
	struct window	*windows;		/* every one that was opened, the newest first */
	struct fake_offer *offers;
	unsigned	 n_offers, cap_offers;
	int64_t		 age_ms;		/* of every unsettled event */
	bool		 settle_at_once;	/* true: the function takes everything at once */
	bool		 release_unsettled;	/* a revoked window does not wait for what runs */
	unsigned	 credit;		/* unsettled events before OFFER_WAIT */
	int		 hold_partition;	/* offers of it beyond hold_after are OFFER_HELD; -1: none */
	int64_t		 hold_after;
	unsigned	 n_up, n_down, n_connecting, n_drained, n_closed, n_windows, n_lost, n_released, n_held;
	unsigned	 n_commits, n_commit_failures, n_rebalances, n_sub_down, n_sub_up, n_answers;
	unsigned	 n_dropped, n_again, n_stalls, n_unheard;
	unsigned	 unsettled;
	bool		 stopped;
	char		 down[300], sub_down[300];
	struct lag	 lag[16];		/* by partition, of any subscription */
	unsigned	 n_lag[16], n_lag_zero[16], n_forgotten;
	struct later	 turn;
};

struct window {
	struct window	*next, *next_dirty;
	struct source	*source;
	char		*name, *note;
	uint32_t	 partition;
	uint64_t	 start, prefix;
	enum ack_rule	 rule;
	bool		 dirty, revoked, lost, released_done, held, hold_owed;
	uint64_t	*tokens;
	bool		*settled;
	unsigned	 first, n;		/* not acknowledged */
	void		(*released)(struct connector *, struct window *);
};

/* settings: "name", "value", …, NULL */
struct source *source_new(struct loop *, const struct connector_class *, const char *name, const char *const *settings);
void source_free(struct source *);	/* after closed */
void source_settle(struct source *, struct window *, uint64_t offset);
void source_settle_all(struct source *);
struct window *source_window(struct source *, const char *name, uint32_t partition);	/* the open one; NULL: none */
unsigned source_count(const struct source *, const char *topic, int partition);		/* offers taken; -1: any */
void source_unhold(struct source *, struct window *);
void source_resume(struct source *);

struct loop *source_loop(void);
/* Runs the loop until it holds; the test fails after 30 s. */
void source_until(struct loop *, bool (*holds)(void *), void *arg, const char *what);
void source_turns(struct loop *, int64_t ms);	/* lets ms of loop time pass: for what must not happen */
#endif
