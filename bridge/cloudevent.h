/* CloudEvents: what one says of its delivery, Dapr's wrap, an event as one; data is spliced, never re-printed. */
#ifndef BRIDGE_CLOUDEVENT_H
#define BRIDGE_CLOUDEVENT_H
#include "bridge/bytes.h"

/* The last header of that name, without regard to case (the last wins, as in Dapr); absent: p NULL. */
struct slice event_header(const struct event *, struct slice name);
bool event_header_is_last(const struct event *, unsigned i);	/* no later one has the name of header i */
struct slice event_content_type(const struct event *);		/* application/octet-stream if it has none */

/* What a header that came with an event says about it: content type, and type and subject if it is a CloudEvent. */
void event_notice(struct event *, struct slice name, struct slice value);

/* Parameters and case aside. */
bool content_type_is(struct slice content_type, const char *type);
bool content_type_is_json(struct slice content_type);		/* application/json, application/…+json */

/* What a CloudEvent that came as JSON says about its delivery.  Texts are slices of it. */
struct cloudevent_notes {
	int64_t		 expires_ms;			/* by loop_wall(); 0: never, or no readable time */
	struct slice	 traceparent, tracestate;	/* absent unless they may stand in a header as they are */
};
/* false: it is no JSON object, and `why`, a constant, says what is wrong with it. */
bool cloudevent_read(struct slice json, struct cloudevent_notes *, const char **why);

/* Dapr's envelope around plain bytes: keys sorted, data_base64, trace context from the event's headers.  The id is the
 * event's, so the same over all attempts. */
void cloudevent_wrap(struct buf *, const struct event *, struct slice pubsub, struct slice topic);

/*
 * The attributes of an event, each name once.  If its headers say it is a CloudEvent (ce_specversion, the binary
 * mode of Kafka), they are its ce_<name> headers, and what is required and missing is made; else all are made from
 * the event.  Not among them: datacontenttype, that is event_content_type(), and names that are not all printable
 * ASCII.  Names are in lower case, otherwise names and values are as they came.  `source`: the URI reference for
 * events that bring none.
 */
typedef void cloudevent_attribute(void *arg, struct slice name, struct slice value);
void cloudevent_each(const struct event *, struct slice source, cloudevent_attribute *, void *arg);
void cloudevent_add_source(struct buf *, struct slice component, struct slice topic);	/* bridge/<component>/<topic> */

/* The event as one JSON text: data as it stands if type and bytes are JSON, else data_base64. */
void cloudevent_structured(struct buf *, const struct event *, struct slice source);
#endif
