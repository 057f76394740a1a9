/* MQTT 3.1.1 and 5: the connector's class, its option rows, and its life. */
#include <string.h>
#include "bridge/option.h"
#include "connectors/connectors.h"
#include "connectors/mqtt.h"

/* clang-format off */
static const struct option mqtt_options[] = {
	STR("url", struct mqtt, rows.url, NULL, OPT_REQUIRED | OPT_PLACE | OPT_URL_HOST,
	    "the broker: mqtt://host:port, mqtts:// with TLS, ws:// or wss:// with a path; tcp, ssl, tls and tcps are taken, too"),
	STR("topic", struct mqtt, rows.topic, NULL, OPT_URL_PATH,
	    "topic an input binding reads, + and # allowed, $share/GROUP/ in front shares it; an output binding's unless the request names one"),
	STR("consumerID", struct mqtt, rows.consumer_id, NULL, OPT_PLACE,
	    "client id of the session that reads (a binding adds -consumer); default: the app id; each replica needs its own"),
	WORD("protocolVersion", struct mqtt, rows.version, "3.1.1", 0, "3.1.1, or 5 with properties, reasons and a window of ours",
	    .words = "3.1.1|4 5"),
	STR("username", struct mqtt, rows.username, NULL, OPT_PLACE, "who we are, if the url does not say it"),
	STR("password", struct mqtt, rows.password, NULL, OPT_SECRET, "the password, if the url does not say it"),
	STR("caCert", struct mqtt, rows.ca, NULL, 0, "PEM text: who may sign the broker's certificate; default: the system's"),
	STR("clientCert", struct mqtt, rows.cert, NULL, 0, "PEM text: our certificate"),
	STR("clientKey", struct mqtt, rows.key, NULL, OPT_SECRET, "PEM text: its key, not encrypted"),
	BOOL("skipVerify", struct mqtt, rows.skip_verify, "false", 0, "trust any broker, whatever its certificate says"),
	MS("keepAlive", struct mqtt, rows.keep_alive_ms, "30s", 0, "a broker that says nothing twice as long is gone", .min = 1000, .max = 65535000),
	MS("connectTimeout", struct mqtt, rows.connect_ms, "30s", 0, "to open a connection", .min = 1000, .max = 3600000),
	STR("willTopic", struct mqtt, rows.will_topic, NULL, 0, "last will: the broker publishes it when the connection breaks"),
	STR("willPayload", struct mqtt, rows.will_payload, NULL, 0, "what it says"),
	INT("willQos", struct mqtt, rows.will_qos, "1", 0, "its QoS", .min = 0, .max = 2),
	BOOL("willRetain", struct mqtt, rows.will_retain, "false", 0, "whether the broker keeps it"),

	INT("qos", struct mqtt, rows.qos, "1", 0,
	    "0 at most once, 1 at least once; 2 is written at 2 and read at 1, as a crash would lose events there", .min = 0, .max = 2, .group = "Reading"),
	BOOL("cleanSession", struct mqtt, rows.clean_session, "false", 0, "begin a new session: what came while we were away is not wanted"),
	MS("sessionExpiry", struct mqtt, rows.session_expiry_ms, "0", 0,
	    "MQTT 5: how long the broker keeps the session of a client that is away; 0: for ever", .min = 0, .max = 4294967294000),
	WORD("ack", struct mqtt, rows.ack, "delivered", 0,
	    "delivered: acknowledged in order of receipt, after the function took the event", .words = "delivered stored"),
	INT("receiveMaximum", struct mqtt, rows.receive_maximum, "256", 0,
	    "MQTT 5: unacknowledged events the broker may have under way to us", .min = 1, .max = 65535),
	INT("brokerWindow", struct mqtt, rows.broker_window, "20", 0,
	    "3.1.1: the same as the broker is configured, to tell when there may be more; also most at once at QoS 2 (Mosquitto: max_inflight_messages)",
	    .min = 1, .max = 65535),
	INT("waitingEvents", struct mqtt, rows.waiting_events, "4096", 0,
	    "events received that may wait for the function; beyond, nothing more is read until half of them are gone",
	    .min = 1, .max = 10000000),
	BYTES("waitingBytes", struct mqtt, rows.waiting_bytes, "64Mi", 0, "the same in bytes", .min = 1, .max = 1LL << 40),
	BYTES("maxPacketSize", struct mqtt, rows.max_packet, "0", 0,
	    "MQTT 5: the broker leaves out what is larger; 0: no limit of ours", .min = 0, .max = 268435460),
	BOOL("answerRequests", struct mqtt, rows.answer_requests, "true", 0,
	    "MQTT 5: what the function answers is published to the response topic an event names, with its correlation data"),
	MS("spillAfter", struct mqtt, rows.spill_after_ms, "30s", 0,
	    "an oldest event unfinished this long is logged and counted: nothing behind it can be acknowledged", .min = 1, .max = 86400000),

	BOOL("retain", struct mqtt, rows.retain, "false", 0, "what is written is kept by the broker for later subscribers", .group = "Writing"),
	MS("messageExpiry", struct mqtt, rows.message_expiry_ms, "0", 0,
	    "MQTT 5: the broker drops what is written if it was not delivered by then; 0: never", .min = 0, .max = 4294967295000),
	OPT_END
};

static const struct option mqtt_subscription_options[] = {
	BOOL("unsubscribeOnClose", struct mqtt_subscription_rows, unsubscribe, "false", 0,
	    "ends the subscription at the broker when this process ends in order"),
	OPT_END
};
/* clang-format on */

static int mqtt_check(const struct connector *c, struct error *err)
{
	return mqtt_rows_check(&((const struct mqtt *)c)->rows, err);
}

/* Both halves connect when they are first needed; asked again after a failure, they try again. */
static int mqtt_open(struct connector *c, struct error *err)
{
	struct mqtt *m = mqtt_of(c);

	struct mqtt_url url;

	if (mqtt_rows_check(&m->rows, err) == -1 || mqtt_url_parse(&url, &m->rows, err) == -1)
		return -1;
	free(m->place);
	m->place = mem_text(url.uri);
	mqtt_url_free(&url);
	if (m->reader)
		mqtt_reader_connect_soon(m->reader);
	else
		connector_up(c);
	return 0;
}

static bool mqtt_wishes_same(const struct mqtt *m, const struct subscription *const *subs, unsigned n)
{
	if (n != m->n_wishes)
		return false;
	for (unsigned i = 0; i < n; i++)
		if (m->wishes[i].subscription != subs[i])
			return false;
	return true;
}

static int mqtt_subscribe(struct connector *c, const struct subscription *const *subs, unsigned n, struct error *err)
{
	struct mqtt *m = mqtt_of(c);
	bool same = mqtt_wishes_same(m, subs, n);

	if (same && m->reader)
		return 0;
	if (mqtt_wishes_set(m, subs, n, err) == -1)
		return -1;
	if (m->reader)
		mqtt_reader_subscribe(m->reader);
	else if (n > 0)
		mqtt_reader_open(m);
	return 0;
}

static void mqtt_resume(struct connector *c)
{
	struct mqtt_reader *r = mqtt_of(c)->reader;

	if (r == NULL)
		return;
	if (r->state == MQTT_PAUSED)
		mqtt_reader_connect(r);
	mqtt_source_go_on(r);
}

static void mqtt_hold(struct connector *c, struct window *w, bool on)
{
	struct mqtt_reader *r = mqtt_of(c)->reader;

	if (r == NULL || w != r->confirmed)
		return;
	r->held = on;
	if (on)
		return;
	if (r->state == MQTT_PAUSED)
		mqtt_reader_connect(r);
	mqtt_source_go_on(r);
}

static void mqtt_commit(struct connector *c, struct window *w, const struct token *tokens, unsigned n)
{
	struct mqtt_reader *r = mqtt_of(c)->reader;

	if (r == NULL || w != r->confirmed || n == 0)
		return;
	r->committed += n;
	mqtt_acks_add(&r->link->acks, tokens, n);
	mqtt_reader_push(r);
}

static void mqtt_stop(struct connector *c)
{
	struct mqtt_reader *r = mqtt_of(c)->reader;

	if (r)
		mqtt_reader_stop(r);
}

static void mqtt_drain(struct connector *c)
{
	struct mqtt_reader *r = mqtt_of(c)->reader;

	if (r)
		mqtt_reader_drain(r);
	else
		connector_drained(c);
}

void mqtt_close_end(struct mqtt *m)
{
	if (!m->closing || m->closed || m->reader || m->writer)
		return;
	free(m->wishes);
	free(m->client_id);
	free(m->place);
	m->wishes = NULL;
	m->client_id = m->place = NULL;
	m->closed = true;
	connector_closed(&m->base);
}

static void mqtt_close(struct connector *c)
{
	struct mqtt *m = mqtt_of(c);

	m->closing = true;
	if (m->reader)
		mqtt_reader_close(m->reader);
	if (m->writer)
		mqtt_writer_close(m->writer);
	mqtt_close_end(m);
}

const struct connector_class mqtt_class = {
	.name = "mqtt",
	.schemes = "mqtts",
	.summary = "MQTT topics of any broker, 3.1.1 and 5, read in a session that is kept",
	.promise = "At QoS 1 an event is acknowledged to the broker only after the function took it, in order of "
		   "receipt; one that fails is tried again here, without a new connection. What the broker "
		   "itself forgets is gone: sessions without persistence at its restart, what its queue limit "
		   "drops (Mosquitto: max_queued_messages 1000), QoS 0 while we are away. QoS 0 is at most once: "
		   "what the function does not keep up with is dropped and counted. The backlog is the broker's "
		   "and cannot be asked for: the lag is what is unacknowledged here, a lower bound, and unknown "
		   "while the session is down, so it cannot scale a function from zero. A function at zero "
		   "leaves the events in the session: only so many as the broker and its disk keep. 3.1.1 "
		   "carries no headers: a parked event keeps its bytes only. Written at QoS 1 or 2 is confirmed "
		   "by the broker, which 3.1.1 does even if nobody subscribes.",
	.options = mqtt_options,
	.size = sizeof(struct mqtt),
	.subscription_options = mqtt_subscription_options,
	.subscription_size = sizeof(struct mqtt_subscription_rows),
	.check = mqtt_check,
	.open = mqtt_open,
	.close = mqtt_close,
	.order = ORDER_NONE,
	.subscribe = mqtt_subscribe,
	.resume = mqtt_resume,
	.hold = mqtt_hold,
	.commit = mqtt_commit,
	.stop = mqtt_stop,
	.drain = mqtt_drain,
	.send = mqtt_send,
	.forget = mqtt_forget,
};
