/* One delivery on its way over HTTP: its request, and its answer read as a verdict. */
#ifndef BINDINGS_HTTP_TRIP_H
#define BINDINGS_HTTP_TRIP_H
#include "bindings/http_road.h"

/* Its memory is used again: nothing is allocated per event once warm. */
struct http_trip {
	struct http_road *road;
	struct http_call *call;
	struct delivery	*delivery;
	struct buf	 body;			/* for a body that is not the event's own bytes */
	struct http_trip *next;
};

/* Begins a request: line, common headers, bridge-attempt, bridge-possible-duplicate.  NULL: it was settled (REJECT:
 * over a bound of its metadata, `more` bytes of other header values included; UNSENT: no connection is free). */
struct http_trip *http_trip_begin(struct http_road *, struct delivery *, size_t more);

/*
 * The event's headers by Dapr's rule: last of a name, lower-cased, then in Canonical-Form; those about the connection,
 * the body or made by the bridge are left out.  A value with control bytes is percent-encoded; a name HTTP does not
 * allow is left out and logged.  `without`: said by other lines.
 */
enum { WITHOUT_TRACE = 1, WITHOUT_PUBSUB = 2, WITHOUT_CLOUDEVENT = 4 };
void http_trip_metadata(struct http_trip *, unsigned without);
/* One more line, as one of these; false: left out. */
bool http_trip_header(struct http_trip *, struct slice name, struct slice value);

/* Ends in settle(), perhaps inside; the trip is gone then. */
void http_trip_send(struct http_trip *, struct slice body);
void http_trip_cancel(struct binding *, struct delivery *);	/* the `cancel` of both classes */
void http_trip_free(struct http_trip *);

/* Status -> verdict: the first row that holds counts; the last of a table holds for every status. */
struct status_rule { int first, last; enum verdict verdict; bool pause; };
struct opinion status_opinion(const struct status_rule *, int status);
#endif
