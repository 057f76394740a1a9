/* Requests handed to a broker: which items are still to be answered, whatever became of the asker meanwhile. */
#ifndef CONNECTORS_OUTGOING_H
#define CONNECTORS_OUTGOING_H
#include "bridge/delivery.h"

struct outgoing_item { struct outgoing *of; bool answered; };

/* A request until the last of its items is answered or, when the asker gave it up, until the broker is done with
 * them. */
struct outgoing {
	struct outgoing	*next, **prev;
	struct request	*request;	/* NULL: forgotten */
	unsigned	 open, n;
	bool		 waits;		/* the connector's: not written yet */
	struct outgoing_item items[];
};

/* Into the list; request->mine points to it. */
struct outgoing *outgoing_new(struct outgoing **list, struct request *);
/* Once per item; the last frees it.  A forgotten one's answer goes nowhere. */
void outgoing_answer(struct outgoing_item *, enum verdict, const struct answer *, const char *why);
void outgoing_answer_all(struct outgoing *, enum verdict, const char *why);	/* that are open */
void outgoing_forget(struct request *);		/* connector_class.forget */
/* All items of a request that was never put into a list. */
void request_refuse(struct request *, enum verdict, const char *why);
/* The request's metadata of that name, case and all; absent: p NULL. */
struct slice request_metadata(const struct request *, const char *name);
#endif
