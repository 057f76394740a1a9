/* The contract between the core and a kind of broker. */
#ifndef BRIDGE_CONNECTOR_H
#define BRIDGE_CONNECTOR_H
#include "bridge/delivery.h"
struct error;
struct loop;
struct option;
struct connector;
struct window;

enum ack_rule {
	ACK_PREFIX,	/* the unbroken prefix of a window: Kafka offsets, MQTT PUBACK (receipt order) */
	ACK_ANY,	/* every event by itself: Redis XACK, store, lists */
	ACK_NONE,	/* at most once: QoS 0, channels, cron */
};

enum order { ORDER_PARTITION, ORDER_KEY, ORDER_NONE };	/* default of the class; the user's word wins */

enum offered {
	OFFER_TAKEN,	/* copied, or recognised (`again`); the caller may free its own */
	/* no credit: keep it, stop reading, wait for resume().  ACK_NONE: may drop it and say dropped() */
	OFFER_WAIT,
	/* this window alone is full: go on with others; after hold(w, false) offer again from this event on */
	OFFER_HELD,
	OFFER_GONE,	/* revoked, lost, stopped: drop it, the broker still has it */
};

/*
 * A connector talks to one kind of broker.  All calls come from the loop thread and none blocks; what takes time
 * goes on in the loop (or in the library's threads, which come back by wake() in batches) and ends in the call named
 * beside it.  Retry, order, credit, parking and metrics are not its business.
 *
 * The core never calls a class from inside a call that class made: resume, hold, ack, commit, released come at the
 * end of the turn.  So every core call is allowed everywhere: offer() in subscribe(), resume() or send(),
 * window_lost() between two offers, answer_request() in send().
 *
 * Life: open, up, subscribe, (down, after a pause open again without close, up, subscribe again: instance,
 * subscriptions and windows stay)*, stop, drain, drained, close, closed; then the core frees windows and instance.
 */
struct connector_class {
	const char		*name;		/* "kafka": the word in the config file */
	const char		*summary;
	const char		*promise;	/* what it promises and what not, for the help; NULL: nothing more */
	/* of a URL, beside the name, space separated; kept in front of the host */
	const char		*schemes;
	const struct option	*options;
	size_t			 size;		/* of the instance; `struct connector` comes first */
	const struct option	*subscription_options;	/* rows of a Subscription's metadata */
	size_t			 subscription_size;

	/* What single rows cannot say about each other: "row: what, what was expected".  On an instance that has its
	 * rows and nothing else and is never opened; NULL: nothing to say. */
	int	(*check)(const struct connector *, struct error *);
	/* ends in connector_up() or connector_down(); NULL: up at once */
	int	(*open)(struct connector *, struct error *);
	void	(*close)(struct connector *);			/* ends in connector_closed(); may take seconds */

	/* Reading half.  All NULL in a connector that only writes. */
	enum order		 order;
	/* The whole set of this connector.  Called again: the new set; members in both keep their stream. */
	int	(*subscribe)(struct connector *, const struct subscription *const *, unsigned n, struct error *);
	void	(*resume)(struct connector *);			/* credit is back after offer() said OFFER_WAIT */
	/* after OFFER_HELD, or while it waits for this window alone: fetch nothing more for it alone / go on */
	void	(*hold)(struct connector *, struct window *, bool);
	/* ACK_ANY: these are settled; their bytes are valid during the call. */
	void	(*ack)(struct connector *, struct window *, const struct event *const *, unsigned n);
	/* ACK_PREFIX: the next n of the prefix, in the order of offer; n == 0: only the note changed.  At most once
	 * a turn; the connector paces what goes to the broker, keeps it until confirmed, and asks window_note() when
	 * it sends. */
	void	(*commit)(struct connector *, struct window *, const struct token *, unsigned n);
	void	(*stop)(struct connector *);	/* fetch nothing more; acks still come */
	/* the last ack was given: connector_drained() when the broker confirmed them */
	void	(*drain)(struct connector *);
	/* Whole set, as subscribe, of one group, but only lag_report(): of all the group's partitions, and at once
	 * when something comes where nothing waited.  Read or not: what is not subscribed is not read. */
	int	(*watch)(struct connector *, const struct subscription *const *, unsigned n, struct error *);

	/* Writing half.  NULL in a connector that only reads.  Ends in one answer_request() per item, or in
	 * forget(). */
	void	(*send)(struct connector *, struct request *);
	/* past its deadline: do not answer it, do not touch it */
	void	(*forget)(struct connector *, struct request *);
};

struct connector {
	const struct connector_class *class;
	struct loop		*loop;
	const char		*name;		/* the component's: "orders" */
};

struct credit { unsigned events; size_t bytes; };
/* unacked: of the whole group, not acknowledged at the broker (in flight anywhere included, noted ahead not); settled:
 * those of them that the core acknowledged to this connector and the broker has not confirmed yet; saturated: the
 * broker holds back what is beyond, so the number is a lower bound. */
/* oldest_ms: how long the oldest of them has waited, as the source tells it; 0: it does not.  done: how many were
 * acknowledged, in a count of the source's own that only rises; 0: it has none. */
struct lag { int64_t unacked, settled, oldest_ms; uint64_t done; bool known, saturated; };

/* What a connector calls. */

/* One partition, stream or session, however many subscriptions read it; name is copied.  `note` as read back: used
 * only if whole, ours and made for `start`, the w[0] reading is meant to begin at; an event below `start` (offsets
 * reset, topic made anew) throws it away.  Events still running from a lost window of the same name and partition
 * are taken over when offered `again`. */
struct window *window_open(struct connector *, const char *name, uint32_t partition, enum ack_rule, uint64_t start,
    struct slice note);
/* not before the turn ends, after the last commit(); valid until it returns */
void window_revoke(struct window *, int64_t deadline, void (*released)(struct connector *, struct window *));
/* Another owner has it: what waits is forgotten, what runs goes on, its verdict only frees it; no ack, no
 * released(). */
void window_lost(struct window *);
/* The connection under a session was replaced: nothing is acknowledged that is not offered `again`; all work goes
 * on. */
void window_again(struct window *);
/* Printable note on what is settled beyond the prefix, for connectors whose w[0] rises along the window.  Length; 0:
 * none. */
size_t window_note(struct window *, char *buf, size_t size);
uint64_t note_count(struct slice note, uint64_t start);	/* events it says are done: for lag */
bool window_empty(const struct window *);	/* all offered is acknowledged: a position past gaps may be committed */
/* the unsettled: keep-alive */
void window_walk(struct window *, void (*fn)(void *, struct token, int64_t age_ms), void *arg);
struct credit window_credit(const struct window *);	/* a hint for COUNT, Receive Maximum */
/* n == 0: no subscription wants it (any more): counted as dropped and acknowledged in its turn. */
enum offered offer(struct window *, const struct event *, const struct subscription *const *, unsigned n);
/* received, never offered */
void dropped(struct connector *, const struct subscription *, unsigned n, const char *why);
void lag_report(struct connector *, const struct subscription *, uint32_t partition, struct lag);
/* no partition of this subscription any more, or not told from here */
void lag_forget(struct connector *, const struct subscription *, uint32_t partition);
uint64_t window_ahead(const struct window *);	/* ACK_PREFIX: done beyond the prefix: not unacked, for lag */
/* this one alone; NULL: up */
void subscription_down(struct connector *, const struct subscription *, const struct error *);
enum fact { FACT_REBALANCE, FACT_COMMIT, FACT_COMMIT_FAILED, FACT_STALL, FACT_UNHEARD };
void connector_count(struct connector *, enum fact);	/* for the metrics */
void connector_up(struct connector *);
/* ERR_NONE: no fault, only not connected yet, and what was said of lag stands; else lag is unknown until up */
void connector_down(struct connector *, const struct error *);
void connector_drained(struct connector *);
void connector_closed(struct connector *);
#endif
