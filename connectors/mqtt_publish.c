/* Publishing: packages given to the library on a link's thread, and what its callbacks say came of them. */
#include "connectors/mqtt.h"

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

	(void)s;
	package_end(package, false, 0, p->qos == 1 ? mqtt_heard_reason() : 0);
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
