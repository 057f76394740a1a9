/* The reading half: its session from connect to close, and what becomes of it when a connection is replaced. */
#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "connectors/mqtt.h"

enum {
	TICK_MS = 2000,
	ACK_RETRY_MS = 1, /* the library's lock was taken, mostly by its own thread that then writes them itself */
	SHORT_MS = 5000, /* a connection that ends sooner did not last */
	QUICK_MIN_MS = 500,
	QUICK_MAX_MS = 30000,
	PINGS = 3,
	REFUSED = 0x80
};

static void reader_tick(void *arg)
{
	struct mqtt_reader *r = arg;

	mqtt_source_lag(r);
	timer_set(r->mqtt->base.loop, &r->tick, TICK_MS, reader_tick, r);
}

static void reader_told(struct mqtt_reader *r, bool up)
{
	struct error none = { .code = ERR_NONE };

	if (up == r->told_up)
		return;
	r->told_up = up;
	if (up)
		connector_up(&r->mqtt->base);
	else
		connector_down(&r->mqtt->base, &none);
}

static void reader_failed(struct mqtt_reader *r, const char *why)
{
	struct error err;

	r->state = MQTT_IDLE;
	r->told_up = false;
	error_set(&err, ERR_IO, "%s: %s", r->mqtt->place, why ? why : "no connection");
	connector_down(&r->mqtt->base, &err);
}

/* The connection is gone, the session is the broker's: nothing of it is acknowledged that it does not bring again. */
static void reader_replaced(struct mqtt_reader *r)
{
	r->connection++; /* reports on the old one are not listened to any more */
	mqtt_acks_forget(&r->link->acks);
	timer_stop(r->mqtt->base.loop, &r->retry);
	timer_stop(r->mqtt->base.loop, &r->answer);
	mqtt_source_forget(r);
	r->received = r->committed = 0;
	if (r->confirmed)
		window_again(r->confirmed);
	if (r->pongs > 0)
		connector_drained(&r->mqtt->base);
	r->pongs = 0;
}

void mqtt_reader_connect(struct mqtt_reader *r)
{
	struct error err = { ERR_NONE, "" };
	struct mqtt_dial *dial = mqtt_dial_new(r->mqtt, r->mqtt->client_id, true, &err);

	timer_stop(r->mqtt->base.loop, &r->again);
	if (dial == NULL) {
		reader_failed(r, err.text);
		return;
	}
	r->state = MQTT_CONNECTING;
	mqtt_link_connect(r->link, dial, ++r->connection);
}

static void reader_connect_again(void *arg)
{
	mqtt_reader_connect(arg);
}

/* Two clients of one id put each other out: connections that do not last are made anew slower each time. */
void mqtt_reader_connect_soon(struct mqtt_reader *r)
{
	int64_t pause = QUICK_MIN_MS;

	if (r->state != MQTT_IDLE || r->again.heap_index)
		return;
	for (unsigned i = 1; i < r->quick && pause < QUICK_MAX_MS; i++)
		pause *= 2;
	if (r->quick > 0)
		timer_set(r->mqtt->base.loop, &r->again, pause < QUICK_MAX_MS ? pause : QUICK_MAX_MS,
		    reader_connect_again, r);
	else
		mqtt_reader_connect(r);
}

static void reader_is_up(struct mqtt_reader *r)
{
	r->state = MQTT_UP;
	mqtt_source_lag(r);
	reader_told(r, true);
}

/* The library waits for ever.  What comes before the answer is a sign of life. */
static void reader_unanswered(void *arg)
{
	struct mqtt_reader *r = arg;

	if (r->received != r->received_then) {
		r->received_then = r->received;
		timer_set(r->mqtt->base.loop, &r->answer, r->mqtt->rows.connect_ms, reader_unanswered, r);
		return;
	}
	mqtt_link_hang_up(r->link);
	reader_replaced(r);
	reader_failed(r, "the broker does not answer the subscription (connectTimeout)");
}

static void reader_ask(struct mqtt_reader *r)
{
	const struct mqtt *m = r->mqtt;

	mqtt_link_subscribe(r->link, m->wishes, m->n_wishes, m->rows.qos > 0 ? 1 : 0);
	r->received_then = r->received;
	timer_set(m->base.loop, &r->answer, m->rows.connect_ms, reader_unanswered, r);
}

/* A backlog comes before the answer to the subscription: the core lets it in, or the answer would never be reached. */
void mqtt_reader_flows(struct mqtt_reader *r)
{
	if (r->state == MQTT_SUBSCRIBING)
		reader_told(r, true);
}

static void reader_connected(struct mqtt_reader *r, const struct mqtt_report *report)
{
	const struct mqtt *m = r->mqtt;

	r->connected_at = loop_now(m->base.loop);
	if (!report->session_present) {
		if (r->session > 0 && !m->rows.clean_session && !m->peek)
			log_warn(MQTT_SCOPE,
			    "%s: the broker has no session of client %s any more: what waited in it is lost there; "
			    "is it kept long enough (sessionExpiry, the broker's persistence)?",
			    m->base.name, m->client_id);
		r->session++;
		r->subscribed = false;
	}
	log_info(MQTT_SCOPE, "%s: connected to %s as %s, %s session", m->base.name, m->place, m->client_id,
	    report->session_present ? "resumed its" : "new");
	if (r->subscribed) {
		reader_is_up(r);
		return;
	}
	r->state = MQTT_SUBSCRIBING;
	reader_ask(r);
	if (report->session_present)
		mqtt_reader_flows(r);
}

static void reader_subscribed(struct mqtt_reader *r, const struct mqtt_report *report)
{
	struct mqtt *m = r->mqtt;

	r->subscribed = true;
	timer_stop(m->base.loop, &r->answer);
	for (unsigned i = 0; i < m->n_wishes; i++) {
		struct mqtt_wish *w = &m->wishes[i];
		struct error err;

		if (i >= report->n_granted || report->granted[i] < REFUSED) {
			if (w->down)
				subscription_down(&m->base, w->subscription, NULL);
			w->down = false;
			continue;
		}
		error_set(&err, ERR_DENIED,
		    "the broker refuses the subscription (reason 0x%02x): may client %s read it?", report->granted[i],
		    m->client_id);
		subscription_down(&m->base, w->subscription, &err);
		w->down = true;
		r->subscribed = false;
	}
	reader_is_up(r);
}

static void reader_lost(struct mqtt_reader *r, const struct mqtt_report *report)
{
	const struct mqtt *m = r->mqtt;
	bool lasted = loop_now(m->base.loop) - r->connected_at >= SHORT_MS, full = r->waits || r->held;
	char why[300];

	reader_replaced(r);
	if (full && lasted) {
		log_fault(&r->faults, loop_now(m->base.loop), LOG_WARN, MQTT_SCOPE,
		    "%s: the connection ended (%s) while the function takes nothing: the session keeps the events, "
		    "it is fetched again when there is room",
		    m->base.name, report->text ? report->text : "it broke");
		r->state = MQTT_PAUSED;
		r->quick = 0;
		mqtt_source_lag(r);
		return;
	}
	r->quick = lasted ? 0 : r->quick + 1;
	snprintf(why, sizeof(why), "%s%s", report->text ? report->text : "the connection broke",
	    r->quick > 1 ? "; it did not last, again: does another client use the id " : "");
	if (r->quick > 1)
		snprintf(why + strlen(why), sizeof(why) - strlen(why), "%s?", m->client_id);
	reader_failed(r, why);
}

static void reader_report(struct mqtt_reader *r, struct mqtt_report *report)
{
	if (report->message) {
		if (report->connection == r->connection) {
			mqtt_source_take(r, report);
		} else {
			mqtt_flow_gave(r->link, (size_t)report->message->payloadlen);
		}
		return;
	}
	if (report->connection != r->connection && report->news != MQTT_ENDED)
		return;
	switch (report->news) {
	case MQTT_CONNECTED: reader_connected(r, report); break;
	case MQTT_REFUSED: reader_replaced(r), reader_failed(r, report->text); break;
	case MQTT_LOST: reader_lost(r, report); break;
	case MQTT_SUBSCRIBED: reader_subscribed(r, report); break;
	case MQTT_PONG:
		if (r->pongs > 0 && --r->pongs == 0)
			connector_drained(&r->mqtt->base);
		break;
	case MQTT_ENDED: r->ended = true; break;
	case MQTT_MESSAGE:
	case MQTT_PUBLISHED: break;
	}
}

static void reader_woken(void *arg)
{
	struct mqtt_reader *r = arg;
	struct mqtt *m = r->mqtt;
	struct mqtt_reports reports = mqtt_link_take(r->link);

	for (unsigned i = 0; i < reports.n; i++) {
		reader_report(r, &reports.items[i]);
		mqtt_report_free(&reports.items[i]);
	}
	free(reports.items);
	if (r->ended) {
		mqtt_reader_free(r);
		m->reader = NULL;
		mqtt_close_end(m);
	}
}

/* 8-4-4-4-12 hexadecimal digits somewhere in it. */
static bool has_uuid(const char *text)
{
	static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	for (; *text; text++) {
		size_t i = 0;

		while (shape[i] && (shape[i] == 'x' ? isxdigit((unsigned char)text[i]) != 0 : text[i] == '-'))
			i++;
		if (shape[i] == '\0')
			return true;
	}
	return false;
}

static void reader_advise(const struct mqtt *m)
{
	if (has_uuid(m->client_id) && !m->rows.clean_session && !m->peek)
		log_warn(MQTT_SCOPE,
		    "%s: client id %s with a session that is kept: if it comes from {uuid} it is another one after "
		    "each start, and what waits for this one is never fetched; expected {podName}, a fixed name, or "
		    "cleanSession: true",
		    m->base.name, m->client_id);
	if (m->rows.qos == 2)
		log_info(MQTT_SCOPE, "%s: events are read at QoS 1, as at QoS 2 a crash would lose what is in flight",
		    m->base.name);
}

static char *reader_id(const struct mqtt *m, const struct subscription *s)
{
	const char *id = m->rows.consumer_id && *m->rows.consumer_id ? m->rows.consumer_id : s->group;
	struct buf text = { 0 };

	buf_printf(&text, "%s%s", m->peek ? s->group : id, s->block == BLOCK_BINDING ? "-consumer" : "");
	buf_add(&text, "", 1);
	return text.p;
}

void mqtt_reader_open(struct mqtt *m)
{
	struct mqtt_reader *r = mem_new(sizeof(*r));
	const struct subscription *first = m->wishes[0].subscription;

	m->peek = first->peek;
	m->client_id = reader_id(m, first);
	r->mqtt = m;
	r->born = (uint64_t)loop_wall(m->base.loop);
	r->match = mem_new(m->n_wishes * sizeof(const struct subscription *));
	r->link = mqtt_link_new(m, m->client_id, reader_woken, r);
	m->reader = r;
	reader_advise(m);
	r->told_up = true; /* the core was told so by open() */
	reader_told(r, false);
	mqtt_reader_connect(r);
	reader_tick(r);
}

/* Other filters than before, over the connection there is. */
void mqtt_reader_subscribe(struct mqtt_reader *r)
{
	const struct mqtt *m = r->mqtt;

	r->match = mem_grow(r->match, (m->n_wishes ? m->n_wishes : 1) * sizeof(const struct subscription *));
	r->subscribed = false;
	if (m->n_wishes > 0 && (r->state == MQTT_UP || r->state == MQTT_SUBSCRIBING))
		reader_ask(r);
}

static void reader_push_again(void *arg)
{
	mqtt_reader_push(arg);
}

void mqtt_reader_push(struct mqtt_reader *r)
{
	if (!mqtt_acks_push(&r->link->acks)) {
		if (!r->retry.heap_index)
			timer_set(r->mqtt->base.loop, &r->retry, ACK_RETRY_MS, reader_push_again, r);
		return;
	}
	timer_stop(r->mqtt->base.loop, &r->retry);
}

/*
 * A broker does not confirm an acknowledgement, and one that writes to a socket we have closed already reads no
 * further.  But it answers a ping after what came before it.  Of the library's own at most two answers may be on their
 * way.
 */
void mqtt_reader_drain(struct mqtt_reader *r)
{
	if ((r->state != MQTT_UP && r->state != MQTT_SUBSCRIBING) || r->committed == 0) {
		connector_drained(&r->mqtt->base);
		return;
	}
	r->pongs = PINGS;
	mqtt_acks_ask(&r->link->acks, PINGS);
	mqtt_reader_push(r);
}

void mqtt_reader_stop(struct mqtt_reader *r)
{
	const struct mqtt *m = r->mqtt;

	r->stopped = true;
	mqtt_source_forget(r);
	for (unsigned i = 0; i < m->n_wishes; i++) {
		const struct mqtt_subscription_rows *rows = m->wishes[i].subscription->options;

		if (rows && rows->unsubscribe && r->state == MQTT_UP)
			mqtt_link_unsubscribe(r->link, m->wishes[i].subscription->topic);
	}
}

void mqtt_reader_close(struct mqtt_reader *r)
{
	timer_stop(r->mqtt->base.loop, &r->again);
	timer_stop(r->mqtt->base.loop, &r->answer);
	mqtt_source_forget(r);
	mqtt_link_end(r->link);
}

void mqtt_reader_free(struct mqtt_reader *r)
{
	struct loop *loop = r->mqtt->base.loop;

	timer_stop(loop, &r->tick);
	timer_stop(loop, &r->retry);
	timer_stop(loop, &r->again);
	mqtt_source_forget(r);
	mqtt_link_free(r->link);
	free(r->waiting);
	free(r->match);
	free(r->headers);
	buf_free(&r->text);
	free(r);
}
