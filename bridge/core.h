/* The shapes inside the core and who moves them.  Only for the core's own files. */
#ifndef BRIDGE_CORE_H
#define BRIDGE_CORE_H
#include <stdalign.h>
#include "bridge/backoff.h"
#include "bridge/error.h"
#include "bridge/function.h"
#include "bridge/lag.h"
#include "bridge/log.h"
#include "bridge/loop.h"
#include "bridge/metrics.h"
#include "bridge/note.h"
#include "bridge/pace.h"
#include "bridge/pool.h"
#include "bridge/reasons.h"

/*
 * An entry is one event in memory, copied once at offer(), with one item for each subscription it is for.  A window
 * owns its entries until every item is finished (and, for ACK_ANY, until ack() returned).  An item is owned by
 * exactly one place at a time: its lane (blocked), the ready list of its subscription, its timer (backing off, or
 * not due yet), the binding (sent), a handoff to a sink.
 */
enum item_state {
	ITEM_BLOCKED,		/* another event of its lane is before it */
	ITEM_DELAYED,		/* not before a time */
	ITEM_READY,		/* on the subscription's ready list */
	ITEM_SENT,		/* with the binding */
	ITEM_BACKOFF,		/* waits for its next attempt */
	ITEM_ASKING,		/* asked a sink to keep it, or what the function answered */
	ITEM_ASK_WAIT,		/* the sink did not; waits to ask again */
	ITEM_HELD,		/* never again, and no place to go */
	ITEM_FINISHED
};

struct item {
	struct delivery	 delivery;
	const struct event *event;	/* what delivery.events points to */
	struct entry	*entry;
	struct sub	*sub;
	enum item_state	 state;
	struct item	*next, *prev;	/* ready list */
	struct item	*lane_before, *lane_after;
	struct item	*tail_next;	/* lane table, while last of its lane */
	uint64_t	 lane;		/* 0: no lane */
	struct timer	 timer;		/* delivery deadline, backoff, delay */
	int64_t		 sent_at;
	char		*why;		/* of the last failure */
	struct handoff	*handoff;	/* on its way to a sink */
};

struct entry {
	struct window	*window;
	/* the window's unsettled, in the order of offer; then its settled, for ACK_ANY */
	struct entry	*next, *prev;
	/* ACK_PREFIX: number in the ring; SLOT_NONE: its connection was replaced and it was not brought again yet */
	uint64_t	 slot;
	int64_t		 taken_at;
	size_t		 size;		/* as given to the pool */
	unsigned	 open;		/* items not finished */
	bool		 returned;	/* one of them went back to the source: never acknowledge */
	struct event	 event;
	unsigned	 n_items;
	struct item	 items[];	/* then headers and bytes */
};

struct entry_list { struct entry *first, *last; };
struct item_list { struct item *first, *last; };

struct slot { struct token token; bool settled; };
#define SLOT_NONE UINT64_MAX

enum window_state { WINDOW_OPEN, WINDOW_REVOKED, WINDOW_RELEASING, WINDOW_LOST };

struct window {
	struct component *component;
	struct window	*next;		/* of the component's windows, or its lost ones */
	struct window	*next_dirty, *next_held;
	char		*name;
	uint32_t	 partition;
	uint64_t	 epoch, lane_seed;
	enum ack_rule	 rule;
	enum window_state state;
	bool		 dirty, held, hold_owed, note_changed;

	/* ACK_PREFIX */
	struct slot	*ring;
	uint64_t	 head, tail;	/* slot numbers; cap is a power of two */
	uint32_t	 cap;
	uint64_t	 prefix;	/* w[0] the source would begin at now: what a note is made for */
	uint64_t	 offered;	/* one past the highest w[0] offered; prefix before */
	struct note_run	*runs;		/* done according to the note that was read back */
	unsigned	 n_runs, run;	/* run: the first not wholly behind us */
	struct token	*known;		/* finished and never acknowledged, over earlier connections */
	unsigned	 n_known, cap_known;

	struct entry_list live;		/* unsettled */
	struct entry_list done;		/* ACK_ANY: settled, ack() owed */
	unsigned	 n_live;
	size_t		 live_bytes;	/* as taken from the pool */
	unsigned	 stuck;		/* items not due, backing off, parking in vain, held */
	unsigned	 running;	/* items sent or asking a sink */

	struct timer	 deadline;	/* of a revoke */
	bool		 deadline_past;
	void		(*released)(struct connector *, struct window *);
};

/* `lag` and `at`: as last known */
struct lag_row { uint32_t partition; bool known; struct lag lag; int64_t at; };
struct lag_sum { bool known; unsigned n, lagging; int64_t lag, at; uint64_t done; };	/* at: of the oldest report */
enum { LAG_MARKS = 32 };
struct lag_mark { int64_t at; uint64_t arrived; };

struct lag_track {
	struct lag_row	*rows;		/* by partition */
	unsigned	 n, cap, last;
	struct lag_sum	 sum;
	bool		 stale;		/* the sum is to be made anew */
	bool		 queued;
	bool		 idle;		/* nothing waits: an event that comes is news */
	/* the sample the next one is compared with, and what came of it */
	int64_t		 sampled_at, sampled_lag;
	uint64_t	 sampled_done;
	unsigned	 sampled_n;
	double		 arrival, service;
	struct lag_mark	*marks;		/* how many had come when, as far as not all of them are done */
	unsigned	 n_marks;
	int64_t		 mark_every;
};

struct component {
	struct function	*function;
	struct component *next;
	char		*name;
	struct window	*windows, *lost;
	uint64_t	 epochs;
	bool		 faulty;		/* down by a fault: nothing is known of its lag */
	bool		 up, was_up, subscribed, reads, stopped, drain_asked, drained, close_asked, closed;
	bool		 waiting;		/* offer() said OFFER_WAIT: resume() is owed */
	struct window	*crowded;		/* … because of this one alone */
	int64_t		 waiting_since;
	unsigned	 failures;		/* opens in a row that ended down */
	struct timer	 reopen;
	bool		 reopen_owed, resubscribe_owed;
	struct asked	*asked;			/* requests not wholly answered */
	struct renewal	*renewal;		/* NULL: none under way */
	struct sub	*watched;	/* whose lag it tells, of any function */
	bool		 watch_owed;
	struct error	 last_error;
	int64_t		 changed_at;	/* up or down since then; 0: neither yet */
	struct log_repeat faults;
	struct component_metrics metrics;
	alignas(max_align_t) struct connector connector;	/* the instance, class->size bytes */
};

struct sub {
	struct subscription public;
	char		*name;
	struct function	*function;
	struct component *component;
	struct sub	*next, *next_active;
	const struct policy *policy;
	enum order	 order;
	struct route	 route;
	bool		 probe, wanted, active, down;
	bool		 answers;	/* what the function answers was handed on before */
	struct item_list ready;
	unsigned	 in_flight, max_in_flight;
	/* by function_walk(); the first is the sum of waiting, in_flight, backoff, asking, held */
	struct { uint64_t inflight, waiting, backoff, asking, parking, answering, held; } walked;
	struct sub	*next_watched, *next_lag;
	struct lag_track lag;
	struct error	 last_error;		/* while down */
	struct backoff	 backoff;
	struct { int64_t due_us; struct timer timer; } rate;	/* next delivery due, by max_per_second */
	struct log_repeat faults, held_faults, sink_faults;
	struct reasons	 reasons;
	struct history	*history;	/* NULL: not sampled */
	struct sub_metrics metrics;
};

struct bound {
	struct function	*function;
	unsigned	 capacity, in_flight;
	struct pace	 pace;
	bool		 discover_owed, discovered;
	struct sub	*active, *active_last;	/* subscriptions with something ready, taken in turn */
	int64_t		 deficit;	/* bytes it may send before the other functions of the loop have their turn */
	/* items that are, of all subscriptions: not sent only for lack of room there */
	unsigned	 ready;
	struct log_repeat faults;
	alignas(max_align_t) struct binding binding;
};

enum function_state {
	FUNCTION_NEW, FUNCTION_RUNNING, FUNCTION_DRAINING, FUNCTION_CONFIRMING, FUNCTION_CLOSING, FUNCTION_CLOSED
};

struct function {
	struct loop	*loop;
	struct function_options options;
	struct random	 random;
	enum function_state state;
	struct bound	*bound;			/* NULL: no function to deliver to */
	struct component *components;
	struct sub	*subs;
	struct pool	 pool;
	unsigned	 events;		/* in memory now: what credit counts */
	size_t		 bytes;
	unsigned	 answers;		/* kept, until their topic has confirmed them */
	unsigned	 n_windows;		/* open */
	struct item	**lanes;		/* last item of each lane, by hash; lanes_mask + 1 buckets */
	unsigned	 lanes_mask;
	struct window	*dirty, *held;
	struct sub	*lag_queue;		/* lag_turn() looks at them */
	void		(*lag_changed)(void *);	/* NULL: nobody asked for it */
	void		*lag_arg;
	struct later	 turn;
	struct timer	 slow;			/* looks again at the window a source waits for */
	struct timer	 deadline;		/* of the drain */
	bool		 was_ready;
	unsigned	 running;		/* items sent or asking a sink, of all windows */
	void		(*drained)(void *);
	void		*drained_arg;
};

static inline struct component *component_of(struct connector *c)
{
	return (struct component *)((char *)c - offsetof(struct component, connector));
}

static inline struct bound *bound_of(struct binding *b)
{
	return (struct bound *)((char *)b - offsetof(struct bound, binding));
}

/* drain.c: the end of a component, step by step; of all of them, and the function's. */
void drain_step(struct function *);
void component_stop(struct component *);	/* reads no more; what waits goes back to its source */
void component_give_up(struct component *);	/* what runs is cancelled and told by id, what was asked is forgotten */
void component_confirm(struct component *);	/* ends in `drained` */
void component_close(struct component *);	/* ends in `closed` */
void component_clear(struct component *);	/* closed: what its windows still hold is forgotten */

/* renew.c: one component ended and opened anew. */
void renew_step(struct component *);
void renew_free(struct component *);

/* function.c: asks for a turn of this function at the end of the loop's turn. */
void function_touch(struct function *);

/* entry.c: one event in one allocation. */
struct entry *entry_new(struct function *, const struct event *, const struct subscription *const *, unsigned n);
size_t entry_size(const struct event *, unsigned n);
void entry_free(struct function *, struct entry *);	/* gives the credit back */
void entry_append(struct entry_list *, struct entry *);
void entry_remove(struct entry_list *, struct entry *);

/* lane.c: chains of items that must be delivered in order. */
void lane_init(struct function *);
void lane_enter(struct function *, struct item *);	/* sets lane; true order: behind the last of the lane */
struct item *lane_leave(struct function *, struct item *);	/* the next of the lane if it was blocked by this one */

/* deliver.c: items move here. */
void sub_activate(struct sub *);			/* to those taken in turn, if it has something ready */
void item_begin(struct item *);			/* just offered */
void item_ready(struct item *, bool first);	/* to the ready list, its end or its front */
void item_return(struct item *);		/* back to the source, unless it runs: revoked, lost, drained */
void item_let_go(struct item *);		/* the same for one that nobody has just now */
void item_finish(struct item *, enum ending, const char *why);
void deliver_pump(struct bound *);		/* sends what is ready and allowed */
void item_cancel(struct item *, const char *why);	/* takes it from the binding; counts as UNSURE */

/* metrics.c */
void function_walk(struct function *);		/* fills `walked` of each subscription */
int64_t sub_drift(const struct sub *);		/* after function_walk() */

/* failure.c: what a verdict other than DONE leads to. */
bool item_is_ending(const struct item *);	/* nothing is started any more for its window */
void item_note(struct item *, enum reason_kind, const char *why);	/* to the reasons of its subscription */
void item_failed(struct item *, enum verdict, int64_t retry_after_ms, const char *why);

/* handoff.c: to a sink, again and again until it is confirmed there. */
enum handoff_kind { HANDOFF_PARK, HANDOFF_ANSWER };
struct handoff {
	enum handoff_kind kind;
	struct request	 request;
	struct event	 event;		/* its bytes are the item's, or in `bytes` */
	const struct event *events[1];
	const char	*component, *topic;	/* topic NULL: the component's own */
	bool		 reply;		/* to where the event says: refused there for good, it is given up */
	unsigned	 tries;
	size_t		 credit;	/* bytes counted against the function's */
	struct buf	 bytes;
	struct header	*headers;
	char		*why;		/* park: the reason */
};
void handoff_start(struct item *, struct handoff *);	/* takes it over; the item ends when it is confirmed */
void handoff_cancel(struct item *);			/* forgets one that is not under way */

/* park.c, answer.c: what is handed off. */
bool park_has_place(const struct policy *);
void park_start(struct item *, const char *why);
/* It says something, and somebody is to have it. */
bool answer_is_wanted(const struct item *, const struct answer *);
void answer_start(struct item *, const struct answer *);

/* window.c: what a settled entry means for its window. */
void window_settled(struct entry *);
bool window_stuck(const struct window *, int64_t now);
void window_hold(struct window *);
bool credit_has_room(const struct function *, size_t bytes);
void window_turn(struct function *);		/* commits, acks, holds, releases */
bool window_crowded(const struct window *);
void window_stall(struct item *, int by);	/* counts an item in (1) or out (-1) of the stuck ones */
void window_free(struct window *);

/* sink.c: requests. */
void sink_turn(struct component *);		/* hands over what was asked */
void sink_forget(struct component *);		/* closing: nothing is waited for any more */

/* component.c: life of connectors. */
void component_turn(struct component *);
bool component_waited(const struct component *, int64_t now);	/* long enough for one window, or for much room */
bool component_ready(const struct component *);
bool component_reads(const struct component *);	/* has subscriptions */
struct component *component_find(struct function *, const char *name);
void component_free(struct component *);

/* lag.c */
void lag_look(struct sub *);			/* at the end of this turn: its lag may have changed */
void lag_turn(struct function *);
void lag_free(struct sub *);
void lag_forget_all(struct sub *);		/* the component is opened anew: nothing was told of it */
bool lag_is_known(const struct sub *, const struct lag_row *);	/* connected, reported as known, not too old */
int64_t row_left(const struct lag_row *);	/* not acknowledged here nor there */
int64_t sub_inflight(const struct sub *);	/* taken and not finished */
bool sub_view(struct sub *, struct lag_view *view_r);	/* false: unknown */
#endif
