/* Messages to the core: matched with subscriptions, offered in order of receipt, acknowledged when the core says so. */
#include <string.h>
#include "connectors/mqtt.h"

enum { WAITING_FIRST = 64 };

static void waiting_free(struct mqtt_reader *r, struct mqtt_waiting *m)
{
	mqtt_flow_gave(r->link, (size_t)m->message->payloadlen);
	MQTTAsync_freeMessage(&m->message);
	MQTTAsync_free(m->topic);
}

static void waiting_push(struct mqtt_reader *r, const struct mqtt_waiting *m)
{
	if (r->n_waiting == r->cap_waiting) {
		unsigned cap = r->cap_waiting ? r->cap_waiting * 2 : WAITING_FIRST;
		struct mqtt_waiting *ring = mem_new(cap * sizeof(*ring));

		for (unsigned i = 0; i < r->n_waiting; i++)
			ring[i] = r->waiting[(r->first + i) & (r->cap_waiting - 1)];
		free(r->waiting);
		r->waiting = ring;
		r->cap_waiting = cap;
		r->first = 0;
	}
	r->waiting[(r->first + r->n_waiting++) & (r->cap_waiting - 1)] = *m;
}

static struct mqtt_waiting waiting_pop(struct mqtt_reader *r)
{
	struct mqtt_waiting m = r->waiting[r->first];

	r->first = (r->first + 1) & (r->cap_waiting - 1);
	r->n_waiting--;
	return m;
}

void mqtt_source_forget(struct mqtt_reader *r)
{
	while (r->n_waiting > 0) {
		struct mqtt_waiting m = waiting_pop(r);

		waiting_free(r, &m);
	}
	r->waits = false;
}

/* Whose filter fits; the array is scratch, valid until the next call. */
static unsigned source_match(struct mqtt_reader *r, struct slice topic)
{
	const struct mqtt *m = r->mqtt;
	unsigned n = 0;

	for (unsigned i = 0; i < m->n_wishes; i++) {
		const struct mqtt_wish *w = &m->wishes[i];

		if (w->plain ? slice_equal(w->filter, topic) : mqtt_topic_fits(w->filter, topic))
			r->match[n++] = w->subscription;
	}
	return n;
}

static struct window *source_window(struct mqtt_reader *r, bool confirmed)
{
	struct window **w = confirmed ? &r->confirmed : &r->at_most_once;

	if (*w == NULL)
		*w = window_open(&r->mqtt->base, r->mqtt->client_id, confirmed ? 0 : 1,
		    confirmed ? ACK_PREFIX : ACK_NONE, 0, (struct slice){ NULL, 0 });
	return *w;
}

/* QoS 2 from an earlier subscription of this session: the library has acknowledged it, so it is not dropped either. */
static void source_qos_2(struct mqtt_reader *r)
{
	if (!r->qos_2_told)
		log_warn(MQTT_SCOPE,
		    "%s: the session brings events at QoS 2, subscribed before this process: the library acknowledges "
		    "them by itself, so those in flight are lost if this process dies",
		    r->mqtt->base.name);
	r->qos_2_told = true;
}

static enum offered source_offer(struct mqtt_reader *r, const struct mqtt_waiting *m)
{
	bool confirmed = m->message->qos == 1;
	struct event event;
	unsigned n;

	mqtt_event_make(r, m, &event);
	n = source_match(r, event.topic);
	if (n == 0 && !confirmed)
		return OFFER_GONE; /* a subscription from before that nothing acknowledges */
	return offer(source_window(r, confirmed), &event, r->match, n);
}

static void source_drop(struct mqtt_reader *r, const struct mqtt_waiting *m)
{
	unsigned n = source_match(r, (struct slice){ m->topic, m->topic_n });

	for (unsigned i = 0; i < n; i++)
		dropped(&r->mqtt->base, r->match[i], 1,
		    "QoS 0 and no credit: the function does not keep up, and nobody keeps such an event");
}

void mqtt_source_go_on(struct mqtt_reader *r)
{
	r->waits = false;
	while (r->n_waiting > 0 && !r->held) {
		struct mqtt_waiting *m = &r->waiting[r->first], gone;
		enum offered offered = source_offer(r, m);

		if (offered == OFFER_WAIT || offered == OFFER_HELD) {
			r->waits = offered == OFFER_WAIT;
			r->held = offered == OFFER_HELD;
			return;
		}
		gone = waiting_pop(r);
		waiting_free(r, &gone);
	}
}

void mqtt_source_take(struct mqtt_reader *r, struct mqtt_report *report)
{
	struct mqtt_waiting m = { report->message, report->topic, report->topic_n };
	enum offered offered = OFFER_WAIT;

	report->message = NULL;
	report->topic = NULL;
	if (r->stopped) {
		waiting_free(r, &m);
		return;
	}
	r->received += m.message->qos > 0;
	if (m.message->qos == 2)
		source_qos_2(r);
	if (r->n_waiting == 0 || m.message->qos == 0)
		offered = source_offer(r, &m);
	if (m.message->qos == 0 && (offered == OFFER_WAIT || offered == OFFER_HELD)) {
		source_drop(r, &m);
		offered = OFFER_GONE;
	}
	if (offered == OFFER_TAKEN || offered == OFFER_GONE) {
		waiting_free(r, &m);
		return;
	}
	if (r->n_waiting == 0) {
		r->waits = offered == OFFER_WAIT;
		r->held = offered == OFFER_HELD;
	}
	waiting_push(r, &m);
	mqtt_reader_flows(r);
}

static int wish_check(const struct mqtt *m, const struct subscription *s, struct error *err)
{
	const char *wrong = mqtt_filter_wrong(s->topic);

	return wrong ? error_set(err, ERR_CONFIG, "%s: topic \"%s\": %s", m->base.name, s->topic, wrong) : 0;
}

int mqtt_wishes_set(struct mqtt *m, const struct subscription *const *subs, unsigned n, struct error *err)
{
	for (unsigned i = 0; i < n; i++)
		if (wish_check(m, subs[i], err) == -1)
			return -1;
	m->wishes = mem_grow(m->wishes, (n ? n : 1) * sizeof(*m->wishes));
	m->n_wishes = n;
	for (unsigned i = 0; i < n; i++) {
		struct slice filter = mqtt_filter_bare(subs[i]->topic);

		m->wishes[i] = (struct mqtt_wish){ .subscription = subs[i],
			.filter = filter,
			.plain = !memchr(filter.p, '+', filter.n) && !memchr(filter.p, '#', filter.n) };
	}
	return 0;
}

static void first_age(void *at, struct token token, int64_t age_ms)
{
	int64_t *oldest = at;

	(void)token;
	if (*oldest < 0)
		*oldest = age_ms;
}

/* One session is one window, however many subscriptions share it: its numbers are told with the first of them. */
void mqtt_source_lag(struct mqtt_reader *r)
{
	const struct mqtt_rows *rows = &r->mqtt->rows;
	uint64_t written = mqtt_acks_written(&r->link->acks), unacked = r->received - written;
	int64_t most = rows->version == MQTT_V5 ? rows->receive_maximum : rows->broker_window, oldest = -1;
	struct lag lag = { .known = r->state == MQTT_UP || r->state == MQTT_SUBSCRIBING };

	if (r->mqtt->n_wishes == 0)
		return;
	if (r->confirmed)
		window_walk(r->confirmed, first_age, &oldest);
	lag.unacked = (int64_t)unacked;
	lag.settled = (int64_t)(r->committed - written);
	lag.oldest_ms = oldest > 0 ? oldest : 0;
	lag.saturated = unacked >= (uint64_t)most;
	lag_report(&r->mqtt->base, r->mqtt->wishes[0].subscription, 0, lag);
	if (!r->stalled && oldest >= rows->spill_after_ms)
		connector_count(&r->mqtt->base, FACT_STALL);
	r->stalled = oldest >= rows->spill_after_ms;
	if (r->stalled)
		log_fault_keyed(&r->stalls, loop_now(r->mqtt->base.loop), "stall", LOG_WARN, MQTT_SCOPE,
		    "%s: the oldest unacknowledged event is not finished since %lld s, and %llu behind it cannot be "
		    "acknowledged before it; give it a limit (retryMaxAttempts) and a place (deadLetterTopic)",
		    r->mqtt->base.name, (long long)oldest / 1000, (unsigned long long)(unacked ? unacked - 1 : 0));
}
