/* A delivery as an HTTP request, and its answer as a verdict. */
#include "bindings/http_trip.h"
#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include "bridge/cloudevent.h"
#include "bridge/http1.h"
#include "bridge/loop.h"
#include "bridge/time_text.h"

enum {
	METADATA_COUNT_MAX = 256,
	METADATA_BYTES_MAX = 16 * 1024,
	BODY_KEPT_MAX = 256 * 1024, /* a larger buffer is given back after use */
	PAUSE_MAX_MS = 24 * 3600 * 1000
};

/* About the connection or the body, or made by the bridge: never taken from an event. */
/* clang-format off */
static const char *const reserved[] = {
	"accept-encoding", "bridge-attempt", "bridge-possible-duplicate", "connection", "content-length",
	"content-type", "dapr-api-token", "destination-app-id", "expect", "host", "keep-alive", "te", "trailer",
	"transfer-encoding", "upgrade", "user-agent",
};
/* clang-format on */

static bool begins_with(struct slice name, struct slice prefix)
{
	return name.n >= prefix.n && strncasecmp(name.p, prefix.p, prefix.n) == 0;
}

/* Most events have no others. */
static bool name_is_ours(struct slice name)
{
	return name.n >= 2 && name.p[0] == '_' && name.p[1] == '_';
}

static bool name_left_out(struct slice name, unsigned without)
{
	if (name_is_ours(name))
		return false;
	for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
		if (slice_is_nocase(name, reserved[i]))
			return true;
	if (begins_with(name, SLICE("proxy-")) || (name.n >= 4 && strncasecmp(name.p + name.n - 4, "-bin", 4) == 0))
		return true;
	if ((without & WITHOUT_TRACE) && (slice_is_nocase(name, "traceparent") || slice_is_nocase(name, "tracestate")))
		return true;
	if ((without & WITHOUT_PUBSUB) && slice_is_nocase(name, "pubsubname"))
		return true;
	return (without & WITHOUT_CLOUDEVENT) && (begins_with(name, SLICE("ce-")) || begins_with(name, SLICE("ce_")));
}

/* Content-Type from content-type or CONTENT-TYPE, in place. */
static void name_canonical(char *p)
{
	for (bool first = true; *p != ':'; first = *p++ == '-')
		*p = (char)(first ? toupper((unsigned char)*p) : tolower((unsigned char)*p));
}

static bool add_escaped(struct buf *head, struct slice name, struct slice value)
{
	struct buf escaped = { 0 };
	bool ok;

	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];

		if (c >= 0x20 && c != 0x7f && c != '%')
			buf_add(&escaped, &value.p[i], 1);
		else
			buf_printf(&escaped, "%%%02X", c);
	}
	ok = http1_add_header(head, name, (struct slice){ escaped.p, escaped.n });
	buf_free(&escaped);
	return ok;
}

bool http_trip_header(struct http_trip *trip, struct slice name, struct slice value)
{
	struct buf *head = &trip->call->head;
	struct http_road *road = trip->road;
	bool ok = http1_add_header(head, name, value) || (!http1_value_ok(value) && add_escaped(head, name, value));

	if (!ok)
		log_fault(&road->odd_names, loop_now(road->base.loop), LOG_WARN, "bridge.binding",
		    "component %s: an event has metadata whose name cannot be that of an HTTP header: it is left out",
		    trip->delivery->subscription->component);
	return ok;
}

void http_trip_metadata(struct http_trip *trip, unsigned without)
{
	const struct event *e = trip->delivery->events[0];
	struct buf *head = &trip->call->head;

	for (unsigned i = 0; i < e->n_headers; i++) {
		const struct header *h = &e->headers[i];
		size_t before = head->n;

		if (name_left_out(h->name, without) || !event_header_is_last(e, i))
			continue;
		if (!name_is_ours(h->name) && begins_with(h->name, SLICE("grpc-")))
			buf_text(head, "dapr-");
		if (http_trip_header(trip, h->name, h->value))
			name_canonical(head->p + before);
		else
			head->n = before;
	}
}

static const char *metadata_over_bound(const struct event *e, size_t bytes)
{
	if (e->n_headers > METADATA_COUNT_MAX)
		return "more than 256 metadata entries";
	for (unsigned i = 0; i < e->n_headers; i++)
		bytes += e->headers[i].name.n + e->headers[i].value.n;
	return bytes > METADATA_BYTES_MAX ? "more than 16 KiB of metadata" : NULL;
}

static struct http_trip *trip_new(struct http_road *road)
{
	struct http_trip *trip = road->spare;

	if (trip)
		road->spare = trip->next;
	else
		trip = mem_new(sizeof *trip);
	trip->road = road;
	return trip;
}

static void trip_spare(struct http_trip *trip)
{
	if (trip->body.cap > BODY_KEPT_MAX)
		buf_free(&trip->body);
	buf_clear(&trip->body);
	trip->next = trip->road->spare;
	trip->road->spare = trip;
}

void http_trip_free(struct http_trip *trip)
{
	buf_free(&trip->body);
	free(trip);
}

static int64_t retry_after_ms(const struct http_trip *trip, const struct http_answer *a)
{
	int64_t wall = loop_wall(trip->road->base.loop), at;
	uint64_t seconds;

	for (unsigned i = 0; i < a->n_headers; i++) {
		struct slice value = a->headers[i].value;

		if (!slice_is_nocase(a->headers[i].name, "retry-after"))
			continue;
		if (slice_uint(value, &seconds))
			return seconds > PAUSE_MAX_MS / 1000 ? PAUSE_MAX_MS : (int64_t)seconds * 1000;
		if (http_date_parse(value, &at) && at > wall)
			return at - wall > PAUSE_MAX_MS ? PAUSE_MAX_MS : at - wall;
		return 0;
	}
	return 0;
}

static void trip_answered(struct http_trip *trip, const struct http_answer *a)
{
	struct delivery *d = trip->delivery;
	struct opinion opinion = trip->road->judge(d->subscription, a);
	const struct answer answer = {
		.status = a->status,
		.headers = a->headers,
		.n_headers = a->n_headers,
		.data = a->body,
		.cut = a->cut,
	};
	char status[] = "status 000"; /* always three digits; printf() would cost more than the rest */

	if (!opinion.why) {
		for (int at = sizeof status - 2, left = a->status; left; left /= 10)
			status[at--] = (char)('0' + left % 10);
		opinion.why = status;
	}
	settle(d, 0, opinion.verdict, &answer, opinion.pause ? retry_after_ms(trip, a) : 0, opinion.why);
}

static void trip_done(
    struct http_call *call, enum http_outcome outcome, const struct http_answer *answer, const char *why)
{
	struct http_trip *trip = call->arg;
	char text[128];

	trip->delivery->mine = NULL;
	switch (outcome) {
	case HTTP_ANSWERED: trip_answered(trip, answer); break;
	case HTTP_STALE:
		trip->delivery->unsure = true;
		snprintf(text, sizeof text, "the function is gone: %s", why);
		settle(trip->delivery, 0, UNSENT, NULL, 0, text);
		break;
	case HTTP_UNSENT:
		snprintf(text, sizeof text, "not sent: %s", why);
		settle(trip->delivery, 0, UNSENT, NULL, 0, text);
		break;
	case HTTP_LOST:
		snprintf(text, sizeof text, "answer lost: %s", why);
		settle(trip->delivery, 0, UNSURE, NULL, 0, text);
		break;
	}
	trip_spare(trip);
}

struct http_trip *http_trip_begin(struct http_road *road, struct delivery *d, size_t more)
{
	const char *bound = metadata_over_bound(d->events[0], more);
	struct http_call *call;
	struct http_trip *trip;

	assert(d->n == 1); /* no road of ours offers bulk */
	d->mine = NULL;
	if (bound) {
		settle(d, 0, REJECT, NULL, 0, bound);
		return NULL;
	}
	call = http_road_call(road, "POST", slice_text(d->route->path));
	if (!call) {
		settle(d, 0, UNSENT, NULL, 0, "not sent: all connections are busy");
		return NULL;
	}
	trip = trip_new(road);
	trip->call = call;
	trip->delivery = d;
	d->mine = trip;
	if (d->attempt > 1)
		buf_printf(&call->head, "bridge-attempt: %u\r\n", d->attempt);
	if (d->unsure)
		buf_text(&call->head, "bridge-possible-duplicate: true\r\n");
	return trip;
}

void http_trip_send(struct http_trip *trip, struct slice body)
{
	trip->call->body = body;
	trip->call->done = trip_done;
	trip->call->arg = trip;
	http_call_send(trip->call);
}

void http_trip_cancel(struct binding *binding, struct delivery *d)
{
	struct http_trip *trip = d->mine;

	(void)binding;
	if (!trip)
		return;
	d->mine = NULL;
	http_call_cancel(trip->call);
	trip_spare(trip);
}

struct opinion status_opinion(const struct status_rule *rule, int status)
{
	while (status < rule->first || status > rule->last)
		rule++;
	return (struct opinion){ rule->verdict, rule->pause, NULL };
}
