/* Subscriptions and the events that come: calls on a link's thread, callbacks on the library's own. */
#include <string.h>
#include "connectors/mqtt.h"

enum { REFUSED = 0x80 };

/* Always 1: the library would keep what is refused here, and say it again when it likes. */
int mqtt_on_message(void *link, char *topic, int topic_n, MQTTAsync_message *m)
{
	struct mqtt_link *l = link;
	struct mqtt_report r = { .news = MQTT_MESSAGE, .message = m, .topic = topic };

	if (m->qos == 1)
		mqtt_receiving(l);
	mqtt_flow_took(l, (size_t)m->payloadlen);
	r.topic_n = topic_n > 0 ? (size_t)topic_n : strlen(topic);
	mqtt_link_tell(l, r);
	return 1;
}

/* How many filters were asked for is what the library does not say. */
static uint8_t *granted_new(const struct mqtt_link *l)
{
	uint8_t *granted = mem_new(l->asked);

	memset(granted, REFUSED, l->asked);
	return granted;
}

static void tell_granted(struct mqtt_link *l, uint8_t *granted)
{
	mqtt_link_tell(l, (struct mqtt_report){ .news = MQTT_SUBSCRIBED, .granted = granted, .n_granted = l->asked });
}

static void on_subscribed(void *link, MQTTAsync_successData *s)
{
	struct mqtt_link *l = link;
	uint8_t *granted = granted_new(l);

	for (unsigned i = 0; i < l->asked; i++)
		granted[i] = (uint8_t)(l->asked > 1 ? s->alt.qosList[i] : s->alt.qos);
	tell_granted(l, granted);
}

static void on_subscribed5(void *link, MQTTAsync_successData5 *s)
{
	struct mqtt_link *l = link;
	uint8_t *granted = granted_new(l);
	int n = s->alt.sub.reasonCodeCount;

	if (n <= 1) /* then the library leaves the list unset */
		granted[0] = (uint8_t)s->reasonCode;
	for (int i = 0; n > 1 && i < n && i < (int)l->asked; i++)
		granted[i] = (uint8_t)s->alt.sub.reasonCodes[i];
	tell_granted(l, granted);
}

static void on_subscribe_failed(void *link, MQTTAsync_failureData *f)
{
	(void)f;
	tell_granted(link, granted_new(link));
}

static void on_subscribe_failed5(void *link, MQTTAsync_failureData5 *f)
{
	(void)f;
	tell_granted(link, granted_new(link));
}

void mqtt_call_subscribe(struct mqtt_link *l, struct mqtt_job *job)
{
	MQTTAsync_responseOptions o = MQTTAsync_responseOptions_initializer;
	MQTTSubscribe_options once = MQTTSubscribe_options_initializer, *list = mem_new(job->n * sizeof(*list));

	if (l->handle) {
		l->asked = job->n;
		o.context = l;
		once.retainHandling = 1; /* what is retained comes with a new subscription, not with each connection */
		for (unsigned i = 0; i < job->n; i++)
			list[i] = once;
		if (l->dial->version == MQTTVERSION_5) {
			o.onSuccess5 = on_subscribed5;
			o.onFailure5 = on_subscribe_failed5;
			o.subscribeOptions = once;
			o.subscribeOptionsCount = (int)job->n;
			o.subscribeOptionsList = list;
		} else {
			o.onSuccess = on_subscribed;
			o.onFailure = on_subscribe_failed;
		}
		/* a refusal here means that the connection is gone, and that is told by itself */
		MQTTAsync_subscribeMany(l->handle, (int)job->n, job->filters, job->qos, &o);
	}
	free(list);
}

void mqtt_call_unsubscribe(struct mqtt_link *l, struct mqtt_job *job)
{
	if (l->handle)
		MQTTAsync_unsubscribe(l->handle, job->filters[0], NULL);
}
