/* Dapr's HTTP app channel: binding events as plain bytes, topic events as CloudEvents, answers by Dapr's rules. */
#include <limits.h>
#include <stdio.h>
#include "bindings/bindings.h"
#include "bindings/http_probe.h"
#include "bindings/http_trip.h"
#include "bridge/cloudevent.h"
#include "bridge/json_scan.h"
#include "bridge/loop.h"

struct http_channel {
	struct http_road road;
	struct http_probes probes;
};

static const struct status_rule binding_statuses[] = {
	{ 200, 299, DONE, false },
	{ 429, 429, RETRY, true },
	{ 503, 503, RETRY, true },
	{ INT_MIN, INT_MAX, RETRY, false },
};

static const struct status_rule topic_statuses[] = {
	{ 200, 299, DONE, false }, /* unless its body says otherwise */
	{ 404, 404, DROP, false },
	{ 429, 429, RETRY, true },
	{ 503, 503, RETRY, true },
	{ INT_MIN, INT_MAX, RETRY, false },
};

struct topic_word {
	const char *word;
	struct opinion opinion;
};

static const struct topic_word topic_words[] = {
	{ "", { DONE, false, NULL } },
	{ "SUCCESS", { DONE, false, NULL } },
	{ "RETRY", { RETRY, false, "the function answered RETRY" } },
	{ "DROP", { DROP, false, "the function answered DROP" } },
};

/* What is no JSON object with a text as `status` says nothing against success; of a cut one what came counts. */
static struct opinion topic_opinion(const struct http_answer *a)
{
	struct json_member status = { .name = "status", .any_case = true };
	const char *why;
	bool whole = json_scan(a->body, &status, 1, &why) == JSON_OBJECT;

	if (status.kind != JSON_STRING || !(whole || a->cut))
		return (struct opinion){ DONE, false, NULL };
	for (size_t i = 0; i < sizeof topic_words / sizeof *topic_words; i++)
		if (json_string_is(status.text, topic_words[i].word, false))
			return topic_words[i].opinion;
	return (struct opinion){ RETRY, false, "unknown status in the answer, expected SUCCESS, RETRY or DROP" };
}

static struct opinion channel_judge(const struct subscription *s, const struct http_answer *a)
{
	struct opinion opinion =
	    status_opinion(s->block == BLOCK_PUBSUB ? topic_statuses : binding_statuses, a->status);

	return s->block == BLOCK_PUBSUB && opinion.verdict == DONE ? topic_opinion(a) : opinion;
}

static int channel_open(struct binding *b, struct error *err)
{
	struct http_channel *channel = (struct http_channel *)b;

	channel->road.judge = channel_judge;
	if (http_road_open(&channel->road, err) < 0)
		return -1;
	http_probes_init(&channel->probes, &channel->road);
	return 0;
}

static void channel_close(struct binding *b)
{
	struct http_channel *channel = (struct http_channel *)b;

	http_probes_stop(&channel->probes);
	http_road_close(&channel->road);
}

static void channel_discover(struct binding *b, const char *const *inputs, unsigned n)
{
	struct http_channel *channel = (struct http_channel *)b;

	http_probes_start(&channel->probes, inputs, n);
}

static void send_input(struct http_road *road, struct delivery *d)
{
	struct http_trip *trip = http_trip_begin(road, d, 0);
	struct slice data = d->events[0]->data;

	if (!trip)
		return;
	http_trip_header(trip, SLICE("Content-Type"), SLICE("application/json"));
	http_trip_metadata(trip, 0);
	http_trip_send(trip, data.p ? data : SLICE("null"));
}

static struct http_trip *topic_begin(struct http_road *road, struct delivery *d)
{
	struct http_trip *trip = http_trip_begin(road, d, 0);

	if (trip) {
		http_trip_header(trip, SLICE("Content-Type"), SLICE("application/cloudevents+json"));
		http_trip_header(trip, SLICE("Pubsubname"), slice_text(d->subscription->component));
	}
	return trip;
}

static void send_raw(struct http_road *road, struct delivery *d)
{
	struct http_trip *trip = topic_begin(road, d);
	const struct event *e = d->events[0];

	if (!trip)
		return;
	http_trip_metadata(trip, WITHOUT_PUBSUB);
	cloudevent_wrap(&trip->body, e, slice_text(d->subscription->component),
	    e->topic.n ? e->topic : slice_text(d->subscription->topic));
	http_trip_send(trip, (struct slice){ trip->body.p, trip->body.n });
}

/* True: settled, there is nothing to send. */
static bool topic_refused(struct http_road *road, struct delivery *d, struct cloudevent_notes *notes)
{
	const char *fault;
	char why[128];

	d->mine = NULL;
	if (!cloudevent_read(d->events[0]->data, notes, &fault)) {
		snprintf(why, sizeof why, "payload is no CloudEvent: %s; plain bytes need rawPayload", fault);
		settle(d, 0, REJECT, NULL, 0, why);
		return true;
	}
	if (notes->expires_ms && notes->expires_ms < loop_wall(road->base.loop)) {
		settle(d, 0, DROP, NULL, 0, "expired");
		return true;
	}
	return false;
}

static void send_topic(struct http_road *road, struct delivery *d)
{
	struct cloudevent_notes notes;
	struct http_trip *trip;
	unsigned without = WITHOUT_PUBSUB;

	if (topic_refused(road, d, &notes))
		return;
	trip = topic_begin(road, d);
	if (!trip)
		return;
	if (notes.traceparent.p) {
		http_trip_header(trip, SLICE("Traceparent"), notes.traceparent);
		without |= WITHOUT_TRACE;
	}
	if (notes.tracestate.p)
		http_trip_header(trip, SLICE("Tracestate"), notes.tracestate);
	http_trip_metadata(trip, without);
	http_trip_send(trip, d->events[0]->data);
}

static void channel_send(struct binding *b, struct delivery *d)
{
	struct http_channel *channel = (struct http_channel *)b;

	if (d->subscription->block == BLOCK_BINDING)
		send_input(&channel->road, d);
	else if (d->subscription->raw)
		send_raw(&channel->road, d);
	else
		send_topic(&channel->road, d);
}

const struct binding_class http_channel_class = {
	.name = "http",
	.summary = "Dapr's HTTP app channel",
	.options = http_road_rows,
	.size = sizeof(struct http_channel),
	.open = channel_open,
	.discover = channel_discover,
	.send = channel_send,
	.cancel = http_trip_cancel,
	.close = channel_close,
};
