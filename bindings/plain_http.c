/* Plain HTTP: an event as a POST to a URL, as a CloudEvent (binary or structured) or as the bytes it is. */
#include <limits.h>
#include "bindings/bindings.h"
#include "bindings/http_trip.h"
#include "bridge/cloudevent.h"

struct plain_http {
	struct http_road road;
	struct buf source, line; /* of the event being sent */
};

static const struct status_rule statuses[] = {
	{ 200, 299, DONE, false },
	{ 404, 404, RETRY, false }, /* not deployed yet */
	{ 408, 409, RETRY, false },
	{ 425, 425, RETRY, false },
	{ 429, 429, RETRY, true },
	{ 503, 503, RETRY, true },
	{ 500, 599, RETRY, false },
	{ INT_MIN, INT_MAX, REJECT, false },
};

static struct opinion plain_judge(const struct subscription *s, const struct http_answer *a)
{
	(void)s;
	return status_opinion(statuses, a->status);
}

static int plain_open(struct binding *b, struct error *err)
{
	struct plain_http *plain = (struct plain_http *)b;

	plain->road.judge = plain_judge;
	return http_road_open(&plain->road, err);
}

static void plain_close(struct binding *b)
{
	struct plain_http *plain = (struct plain_http *)b;

	http_road_close(&plain->road);
	buf_free(&plain->source);
	buf_free(&plain->line);
}

struct binary {
	struct http_trip *trip;
	struct buf *line;
};

/* By the HTTP binding of CloudEvents: what is not printable ASCII, and blank, quote and percent, is percent-encoded. */
static void binary_attribute(void *arg, struct slice name, struct slice value)
{
	const struct binary *binary = arg;
	struct buf *line = binary->line;
	size_t colon;

	buf_clear(line);
	buf_text(line, "ce-");
	buf_slice(line, name);
	colon = line->n;
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];

		if (c > 0x20 && c < 0x7f && c != '"' && c != '%')
			buf_add(line, &value.p[i], 1);
		else
			buf_printf(line, "%%%02X", c);
	}
	http_trip_header(
	    binary->trip, (struct slice){ line->p, colon }, (struct slice){ line->p + colon, line->n - colon });
}

static struct slice plain_source(struct plain_http *plain, const struct delivery *d)
{
	const struct event *e = d->events[0];

	buf_clear(&plain->source);
	cloudevent_add_source(&plain->source, slice_text(d->subscription->component),
	    e->topic.n ? e->topic : slice_text(d->subscription->topic));
	return (struct slice){ plain->source.p, plain->source.n };
}

static bool is_structured(struct slice content_type)
{
	return content_type_is(content_type, "application/cloudevents+json") ||
	    content_type_is(content_type, "application/cloudevents-batch+json");
}

/* The event's own bytes under their own type, attributes before them if they are wanted. */
static void send_bytes(struct plain_http *plain, struct http_trip *trip, bool attributes)
{
	const struct delivery *d = trip->delivery;
	const struct event *e = d->events[0];
	struct binary binary = { trip, &plain->line };

	http_trip_header(trip, SLICE("Content-Type"), event_content_type(e));
	if (attributes)
		cloudevent_each(e, plain_source(plain, d), binary_attribute, &binary);
	http_trip_metadata(trip, attributes ? WITHOUT_CLOUDEVENT : 0);
	http_trip_send(trip, e->data);
}

static void send_structured(struct plain_http *plain, struct http_trip *trip)
{
	const struct delivery *d = trip->delivery;

	http_trip_header(trip, SLICE("Content-Type"), SLICE("application/cloudevents+json"));
	http_trip_metadata(trip, WITHOUT_CLOUDEVENT);
	cloudevent_structured(&trip->body, d->events[0], plain_source(plain, d));
	http_trip_send(trip, (struct slice){ trip->body.p, trip->body.n });
}

static size_t header_bytes(const struct event *e)
{
	return e->id.n + e->type.n + e->subject.n + e->key.n + e->topic.n + e->content_type.n;
}

static void plain_send(struct binding *b, struct delivery *d)
{
	struct plain_http *plain = (struct plain_http *)b;
	bool structured = is_structured(d->events[0]->content_type);
	struct http_trip *trip = http_trip_begin(&plain->road, d, header_bytes(d->events[0]));

	if (!trip)
		return;
	switch ((enum plain_format)plain->road.options.format) {
	case PLAIN_BINARY: send_bytes(plain, trip, !structured); break;
	case PLAIN_STRUCTURED:
		if (structured)
			send_bytes(plain, trip, false);
		else
			send_structured(plain, trip);
		break;
	case PLAIN_RAW: send_bytes(plain, trip, false); break;
	}
}

const struct binding_class plain_http_class = {
	.name = "plain",
	.summary = "POSTs events to a URL: CloudEvents over HTTP, or the bytes as they are",
	.options = http_road_rows,
	.size = sizeof(struct plain_http),
	.open = plain_open,
	.send = plain_send,
	.cancel = http_trip_cancel,
	.close = plain_close,
};
