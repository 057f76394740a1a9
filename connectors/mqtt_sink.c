/* Writing: each item of a request is published, and answered when the broker's answer says what came of it. */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include "connectors/mqtt.h"

enum {
	IN_FLIGHT = 100, /* given to the library at once: it looks through them for each answer */
	IN_FLIGHT_BYTES = 1 << 20, /* the same: it loses the memory of some of them with a connection */
	WHY_MAX = 200,
	PAUSE_MIN_MS = 200,
	PAUSE_MAX_MS = 10000
};

static void writer_pump(void *);

static void out_answer(struct mqtt_out *o, enum verdict verdict, const char *why)
{
	if (o->request)
		answer_request(o->request, o->item, verdict, NULL, why);
	if (o->package)
		mqtt_package_free(o->package);
	free(o);
}

static struct mqtt_out *writer_pop(struct mqtt_writer *w, struct mqtt_out **at)
{
	struct mqtt_out *o = *at;

	*at = o->next;
	if (o->next == NULL)
		w->end = at;
	if (o->package == NULL) {
		w->in_flight--;
		w->in_flight_bytes -= o->size;
	}
	return o;
}

/* Takes all out of the list first: an answer may bring the next request. */
static void writer_answer_all(struct mqtt_writer *w, const char *why)
{
	struct mqtt_out *o = w->first, *next;

	w->first = NULL;
	w->end = &w->first;
	w->in_flight = 0;
	w->in_flight_bytes = 0;
	for (; o; o = next) {
		next = o->next;
		out_answer(o, o->package ? RETRY : UNSURE, why);
	}
}

void mqtt_writer_connect(struct mqtt_writer *w)
{
	struct error err = { ERR_NONE, "" };
	struct mqtt_dial *dial = mqtt_dial_new(w->mqtt, w->link->client_id, false, &err);

	if (dial == NULL) {
		writer_answer_all(w, err.text);
		return;
	}
	w->state = MQTT_CONNECTING;
	mqtt_link_connect(w->link, dial, ++w->connection);
}

static void writer_lost(struct mqtt_writer *w, const struct mqtt_report *report)
{
	const struct mqtt *m = w->mqtt;
	int64_t pause = PAUSE_MIN_MS, now = loop_now(m->base.loop);
	char why[WHY_MAX];

	w->state = MQTT_IDLE;
	for (unsigned i = 0; i < w->failures && pause < PAUSE_MAX_MS; i++)
		pause *= 2;
	w->failures += report->news == MQTT_REFUSED;
	w->not_before = now + pause;
	snprintf(why, sizeof(why), "%s: %s", m->place, report->text ? report->text : "the connection broke");
	log_fault(&w->faults, now, LOG_WARN, MQTT_SCOPE, "%s: writing: %s", m->base.name, why);
	writer_answer_all(w, why);
}

/* What a refusal of the broker means for whoever asked. */
static enum verdict reason_verdict(int reason)
{
	switch (reason) {
	case MQTTREASONCODE_NOT_AUTHORIZED:
	case MQTTREASONCODE_TOPIC_NAME_INVALID:
	case MQTTREASONCODE_PACKET_TOO_LARGE:
	case MQTTREASONCODE_PAYLOAD_FORMAT_INVALID:
	case MQTTREASONCODE_RETAIN_NOT_SUPPORTED: return REJECT;
	default: return RETRY;
	}
}

static void writer_unheard(struct mqtt_writer *w, struct mqtt_out *o)
{
	connector_count(&w->mqtt->base, FACT_UNHEARD);
	if (o->keep)
		out_answer(o, RETRY, "nobody subscribes to that topic: the broker would have kept it for no one");
	else
		out_answer(o, DONE, NULL);
}

static void writer_published(struct mqtt_writer *w, const struct mqtt_report *report)
{
	struct mqtt_out **at = &w->first, *o;

	while (*at && (*at)->number != report->number)
		at = &(*at)->next;
	if (*at == NULL)
		return;
	o = writer_pop(w, at);
	loop_defer(w->mqtt->base.loop, &w->more);
	if (report->reason == MQTTREASONCODE_NO_MATCHING_SUBSCRIBERS && !report->failed)
		writer_unheard(w, o);
	else if (!report->failed)
		out_answer(o, DONE, NULL);
	else if (report->reason >= MQTTREASONCODE_UNSPECIFIED_ERROR)
		out_answer(o, reason_verdict(report->reason), MQTTReasonCode_toString(report->reason));
	else if (report->code == MQTT_NEVER_LEFT)
		out_answer(o, RETRY, "the connection to the broker is gone");
	else
		out_answer(o, UNSURE, "the broker did not confirm it");
}

static void writer_report(struct mqtt_writer *w, const struct mqtt_report *report)
{
	if (report->news == MQTT_ENDED)
		w->ended = true;
	if (report->connection != w->connection)
		return;
	switch (report->news) {
	case MQTT_CONNECTED:
		w->state = MQTT_UP;
		w->failures = 0;
		w->max_packet = report->max_packet;
		w->max_qos = report->max_qos;
		writer_pump(w);
		break;
	case MQTT_REFUSED:
	case MQTT_LOST: writer_lost(w, report); break;
	case MQTT_PUBLISHED: writer_published(w, report); break;
	case MQTT_SUBSCRIBED:
	case MQTT_MESSAGE:
	case MQTT_PONG:
	case MQTT_ENDED: break;
	}
}

static void writer_woken(void *arg)
{
	struct mqtt_writer *w = arg;
	struct mqtt *m = w->mqtt;
	struct mqtt_reports reports = mqtt_link_take(w->link);

	for (unsigned i = 0; i < reports.n; i++) {
		writer_report(w, &reports.items[i]);
		mqtt_report_free(&reports.items[i]);
	}
	free(reports.items);
	if (w->ended) {
		mqtt_writer_free(w);
		m->writer = NULL;
		mqtt_close_end(m);
	}
}

static bool writer_has_room(const struct mqtt_writer *w)
{
	return w->state == MQTT_UP && w->in_flight < w->most && w->in_flight_bytes < IN_FLIGHT_BYTES;
}

static void writer_pump(void *arg)
{
	struct mqtt_writer *w = arg;

	for (struct mqtt_out *o = w->first; o && writer_has_room(w); o = o->next) {
		if (o->package == NULL)
			continue;
		w->in_flight++;
		w->in_flight_bytes += o->size;
		mqtt_link_publish(w->link, o->package);
		o->package = NULL;
	}
}

/* A name nobody else has: writing keeps no session, and two replicas of one name would put each other out. */
static char *writer_id(const struct mqtt *m)
{
	const char *id = m->rows.consumer_id && *m->rows.consumer_id ? m->rows.consumer_id : m->base.name;
	uint32_t random = 0;
	struct buf text = { 0 };

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = (uint32_t)loop_wall(m->base.loop);
	buf_printf(&text, "%s-producer-%08x", id, random);
	buf_add(&text, "", 1);
	return text.p;
}

static struct mqtt_writer *writer_new(struct mqtt *m)
{
	struct mqtt_writer *w = mem_new(sizeof(*w));
	char *id = writer_id(m);

	w->mqtt = m;
	w->end = &w->first;
	w->max_qos = 2;
	w->most = IN_FLIGHT;
	if (m->rows.version == MQTT_V311 && m->rows.qos == 2 && m->rows.broker_window < IN_FLIGHT)
		w->most = (unsigned)m->rows.broker_window; /* beyond, Mosquitto ends the connection */
	w->more = (struct later){ .fn = writer_pump, .arg = w };
	w->link = mqtt_link_new(m, id, writer_woken, w);
	free(id);
	m->writer = w;
	return w;
}

static void writer_add(struct mqtt_writer *w, struct request *r, unsigned item)
{
	struct mqtt_out *o;
	const char *why;
	struct mqtt_package *package = mqtt_package_new(w, r, item, &why);

	if (package == NULL) {
		answer_request(r, item, REJECT, NULL, why);
		return;
	}
	o = mem_new(sizeof(*o));
	*o = (struct mqtt_out){ .number = ++w->numbered,
		.request = r,
		.item = item,
		.keep = r->keep,
		.size = package->size,
		.package = package };
	package->number = o->number;
	*w->end = o;
	w->end = &o->next;
}

static void request_refuse(struct request *r, enum verdict verdict, const char *why)
{
	unsigned n = r->n;

	for (unsigned i = 0; i < n; i++)
		answer_request(r, i, verdict, NULL, why);
}

void mqtt_send(struct connector *c, struct request *r)
{
	struct mqtt *m = mqtt_of(c);
	struct mqtt_writer *w = m->writer;
	unsigned n = r->n;

	if (!slice_is(r->operation, "create") && !slice_is(r->operation, "publish")) {
		request_refuse(r, REJECT, "no such operation; supported operations: create, publish");
		return;
	}
	if (w == NULL)
		w = writer_new(m);
	if (w->state == MQTT_IDLE && loop_now(c->loop) < w->not_before) {
		request_refuse(r, RETRY, "no connection to the broker; it is tried again in a moment");
		return;
	}
	for (unsigned i = 0; i < n; i++)
		writer_add(w, r, i);
	if (w->state == MQTT_IDLE)
		mqtt_writer_connect(w);
	else
		loop_defer(c->loop, &w->more);
}

void mqtt_forget(struct connector *c, struct request *r)
{
	struct mqtt_writer *w = mqtt_of(c)->writer;

	for (struct mqtt_out **at = w ? &w->first : NULL; at && *at;) {
		struct mqtt_out *o = *at;

		if (o->request != r) {
			at = &o->next;
			continue;
		}
		o->request = NULL;
		if (o->package)
			out_answer(writer_pop(w, at), RETRY, NULL);
		else
			at = &o->next;
	}
}

void mqtt_writer_close(struct mqtt_writer *w)
{
	writer_answer_all(w, "the process is ending");
	mqtt_link_end(w->link);
}

void mqtt_writer_free(struct mqtt_writer *w)
{
	loop_undefer(w->mqtt->base.loop, &w->more);
	writer_answer_all(w, "the process is ending");
	mqtt_link_free(w->link);
	free(w);
}
