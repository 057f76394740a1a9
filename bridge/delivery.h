/* One attempt to hand an event to a function, what came of it, and operations on sinks. */
#ifndef BRIDGE_DELIVERY_H
#define BRIDGE_DELIVERY_H
#include "bridge/subscription.h"
struct function;
struct error;

enum verdict {
	DONE,		/* taken: ack */
	RETRY,		/* not now: back off, attempt + 1 */
	/* no byte left for the function (refused, no endpoint): again when there is room, no attempt counted */
	UNSENT,
	UNSURE,		/* sent, answer lost: retry, marked as a possible duplicate */
	/* the function does not want it: dead-letter topic if the subscription has one, else ack and count */
	DROP,
	REJECT,		/* never: park it, then ack; no place: held */
};

/* One attempt to hand n >= 1 events of one subscription to one route (n > 1: bulk, all of the same attempt).  It,
 * its events and their bytes stay until the last item is settled or cancel() was called, and not a moment longer. */
struct delivery {
	const struct subscription *subscription;
	const struct route *route;
	const struct event *const *events;
	unsigned	 n;
	unsigned	 attempt;	/* from 1, in this process; event->seen tells of earlier ones */
	bool		 unsure;	/* an earlier attempt may have been seen; a binding may set it with UNSENT */
	int64_t		 deadline;	/* loop time; past it the core calls cancel() */
	void		*mine;		/* the binding's */
};

/* What the function said; valid during the call.  Published onward, kept as result, or ignored: the core decides. */
struct answer {
	int		 status;
	const struct header *headers;
	unsigned	 n_headers;
	struct slice	 data;
	const struct slice *to;		/* components the function names itself (gRPC binding answer) */
	unsigned	 n_to;
	bool		 parallel;
	bool		 cut;		/* data is only the beginning */
};

/* Exactly once per item of a send().  `why` ends up in the log, the metric label and the dead letter; copied. */
void settle(struct delivery *, unsigned item, enum verdict, const struct answer *, int64_t retry_after_ms,
    const char *why);

/* An operation on a sink.  Belongs to the asker, who keeps it and all it points to until the last item is answered. */
struct request {
	struct slice	 operation;	/* "create", "publish", "get"; connectors list theirs */
	struct slice	 topic;
	const struct header *metadata;
	unsigned	 n_metadata;
	const struct event *const *events;
	unsigned	 n;
	/* DONE only if somebody gets it: a broker that has nobody to keep it for is RETRY */
	bool		 keep;
	/* loop time; past it the core answers UNSURE and tells the connector to forget */
	int64_t		 deadline;
	void	(*answered)(struct request *, unsigned item, enum verdict, const struct answer *, const char *why);
	void		*asker;
	void		*mine;		/* the connector's */
	void		*core;		/* the core's, from ask() to the last answer */
};

/* The one way to a sink: Dapr API, trigger, parking, responseTopic, a cron's lease.  -1: no such component or
 * operation. */
int ask(struct function *, const char *component, struct request *, struct error *);
/* Exactly once per item of a connector's send().  DONE: confirmed by the broker.  UNSURE: it may be there. */
void answer_request(struct request *, unsigned item, enum verdict, const struct answer *, const char *why);
#endif
