/* Publishing: packages given to the library on a link's thread, and what its callbacks say came of them. */
#include "connectors/mqtt.h"

/*
 * The library tells refusals, but not the reasons below 0x80: that nobody subscribes is one (0x10).  So its handling of
 * PUBACK is looked at on its way (MQTT_WRAPS in the Makefile); the callback follows it on the same thread.
 */
struct ack_packet { unsigned char header; int id; unsigned char reason; int version; };

int __real_MQTTProtocol_handlePubacks(void *packet, int socket, void *publication);
int __wrap_MQTTProtocol_handlePubacks(void *packet, int socket, void *publication);

static _Thread_local int puback_reason;

int __wrap_MQTTProtocol_handlePubacks(void *packet, int socket, void *publication)
{
	const struct ack_packet *ack = packet;

	puback_reason = ack->version >= MQTTVERSION_5 ? ack->reason : 0;
	return __real_MQTTProtocol_handlePubacks(packet, socket, publication);
}

enum { COMPLETE = 0, BROKEN = -1 };

int __real_MQTTProtocol_startPublish(void *client, void *publish, int qos, int retained, void **message);
int __wrap_MQTTProtocol_startPublish(void *client, void *publish, int qos, int retained, void **message);

/*
 * A write that fails at once makes the library (1.3.12) free a payload that its list of unconfirmed messages frees again
 * with the connection; its own book of memory hides that.  So the failure is not told: the message stays unconfirmed,
 * and the broken socket is found by the thread that reads it.
 */
int __wrap_MQTTProtocol_startPublish(void *client, void *publish, int qos, int retained, void **message)
{
	int rc = __real_MQTTProtocol_startPublish(client, publish, qos, retained, message);

	return qos > 0 && rc == BROKEN ? COMPLETE : rc;
}

void mqtt_package_free(struct mqtt_package *p)
{
	MQTTProperties_free(&p->properties);
	free(p);
}

static void package_link(struct mqtt_link *l, struct mqtt_package *p)
{
	p->link = l;
	pthread_mutex_lock(&l->lock);
	p->next = l->packages;
	p->prev = &l->packages;
	if (p->next)
		p->next->prev = &p->next;
	l->packages = p;
	pthread_mutex_unlock(&l->lock);
}

static void package_end(struct mqtt_package *p, bool failed, int code, int reason)
{
	struct mqtt_link *l = p->link;

	mqtt_link_tell(l,
	    (struct mqtt_report){
		.news = MQTT_PUBLISHED, .number = p->number, .failed = failed, .code = code, .reason = reason });
	pthread_mutex_lock(&l->lock);
	*p->prev = p->next;
	if (p->next)
		p->next->prev = p->prev;
	pthread_mutex_unlock(&l->lock);
	mqtt_package_free(p);
}

/* The library forgets its callbacks with a handle. */
void mqtt_packages_free(struct mqtt_link *l)
{
	while (l->packages) {
		struct mqtt_package *p = l->packages;

		l->packages = p->next;
		mqtt_package_free(p);
	}
}

static void on_published(void *package, MQTTAsync_successData *s)
{
	(void)s;
	package_end(package, false, 0, 0);
}

static void on_published5(void *package, MQTTAsync_successData5 *s)
{
	const struct mqtt_package *p = package;
	int reason = p->qos == 1 ? puback_reason : 0;

	(void)s;
	puback_reason = 0;
	package_end(package, false, 0, reason);
}

static void on_publish_failed(void *package, MQTTAsync_failureData *f)
{
	package_end(package, true, f->code, 0);
}

static void on_publish_failed5(void *package, MQTTAsync_failureData5 *f)
{
	package_end(package, true, f->code, (int)f->reasonCode);
}

void mqtt_call_publish(struct mqtt_link *l, struct mqtt_job *job)
{
	MQTTAsync_responseOptions o = MQTTAsync_responseOptions_initializer;
	struct mqtt_package *p = job->package;
	int rc = MQTTASYNC_DISCONNECTED;

	package_link(l, p);
	o.context = p;
	if (l->handle && l->dial->version == MQTTVERSION_5) {
		o.onSuccess5 = on_published5;
		o.onFailure5 = on_publish_failed5;
		o.properties = p->properties;
	} else {
		o.onSuccess = on_published;
		o.onFailure = on_publish_failed;
	}
	if (l->handle)
		rc = MQTTAsync_send(l->handle, p->topic, (int)p->size, p->payload, p->qos, p->retain, &o);
	if (rc != MQTTASYNC_SUCCESS)
		package_end(p, true, MQTT_NEVER_LEFT, 0);
}
