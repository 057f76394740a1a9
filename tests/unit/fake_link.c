/* Links of the MQTT connector without a thread and without a broker. */
#include "tests/unit/fake_link.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

struct fake_link *fake_reader, *fake_writer;

static struct fake_link *fake_of(struct mqtt_link *l)
{
	return (struct fake_link *)l;
}

struct mqtt_link *mqtt_link_new(struct mqtt *m, const char *client_id, void (*fn)(void *), void *arg)
{
	struct fake_link *f = mem_new(sizeof(*f));

	f->link.mqtt = m;
	f->link.client_id = mem_text(client_id);
	f->link.most_events = (size_t)m->rows.waiting_events;
	f->link.most_bytes = (size_t)m->rows.waiting_bytes;
	f->fn = fn;
	f->arg = arg;
	pthread_mutex_init(&f->link.lock, NULL);
	mqtt_acks_init(&f->link.acks);
	mqtt_flow_add(&f->link);
	if (strstr(client_id, "-producer-"))
		fake_writer = f;
	else
		fake_reader = f;
	return &f->link;
}

void mqtt_link_connect(struct mqtt_link *l, struct mqtt_dial *dial, unsigned connection)
{
	struct fake_link *f = fake_of(l);

	f->connection = connection;
	f->n_connects++;
	f->clean = dial->clean;
	f->will = dial->will_topic != NULL;
	snprintf(f->client_id, sizeof(f->client_id), "%s", dial->client_id);
	mqtt_dial_free(dial);
}

void mqtt_link_subscribe(struct mqtt_link *l, const struct mqtt_wish *wishes, unsigned n, int qos)
{
	(void)wishes;
	(void)n;
	(void)qos;
	fake_of(l)->n_subscribes++;
}

void mqtt_link_unsubscribe(struct mqtt_link *l, const char *filter)
{
	free(fake_of(l)->unsubscribed);
	fake_of(l)->unsubscribed = mem_text(filter);
}

void mqtt_link_publish(struct mqtt_link *l, struct mqtt_package *p)
{
	struct fake_link *f = fake_of(l);

	assert_true(f->n_out < FAKE_PACKAGES);
	f->out[f->n_out].number = p->number;
	f->out[f->n_out].qos = p->qos;
	f->out[f->n_out].retain = p->retain;
	f->out[f->n_out].properties = p->properties.count;
	snprintf(f->out[f->n_out].topic, sizeof(f->out[0].topic), "%s", p->topic);
	snprintf(f->out[f->n_out++].payload, sizeof(f->out[0].payload), "%.*s", (int)p->size, p->payload);
	mqtt_package_free(p);
}

void mqtt_link_hang_up(struct mqtt_link *l)
{
	fake_of(l)->n_hang_ups++;
}

void mqtt_link_end(struct mqtt_link *l)
{
	fake_of(l)->n_ends++;
}

void mqtt_link_free(struct mqtt_link *l)
{
	struct fake_link *f = fake_of(l);

	mqtt_flow_remove(l);
	mqtt_acks_free(&l->acks);
	pthread_mutex_destroy(&l->lock);
	if (fake_reader == f)
		fake_reader = NULL;
	if (fake_writer == f)
		fake_writer = NULL;
	free(l->reports.items);
	free(f->unsubscribed);
	free(l->client_id);
	free(f);
}

void mqtt_report_free(struct mqtt_report *r)
{
	if (r->message)
		MQTTAsync_freeMessage(&r->message);
	if (r->topic)
		MQTTAsync_free(r->topic);
	free(r->text);
	free(r->granted);
}

struct mqtt_reports mqtt_link_take(struct mqtt_link *l)
{
	struct mqtt_reports taken = l->reports;

	l->reports = (struct mqtt_reports){ 0 };
	return taken;
}

void mqtt_link_tell(struct mqtt_link *l, struct mqtt_report report)
{
	l->reports.items = mem_grow(l->reports.items, (l->reports.n + 1) * sizeof(report));
	l->reports.items[l->reports.n++] = report;
}

void fake_says(struct fake_link *f, struct mqtt_report report)
{
	report.connection = f->connection;
	mqtt_link_tell(&f->link, report);
	f->fn(f->arg);
}

void fake_connected(struct fake_link *f, bool session_present)
{
	fake_says(f, (struct mqtt_report){ .news = MQTT_CONNECTED, .session_present = session_present, .max_qos = 2 });
}

void fake_subscribed(struct fake_link *f, const char *granted)
{
	struct mqtt_report r = { .news = MQTT_SUBSCRIBED, .n_granted = (unsigned)strlen(granted) };

	r.granted = mem_new(r.n_granted);
	for (unsigned i = 0; i < r.n_granted; i++)
		r.granted[i] = granted[i] == 'x' ? 0x80 : (uint8_t)(granted[i] - '0');
	fake_says(f, r);
}

void fake_lost(struct fake_link *f)
{
	fake_says(f, (struct mqtt_report){ .news = MQTT_LOST });
}

void fake_message(struct fake_link *f, struct fake_message m)
{
	struct mqtt_report r = { .news = MQTT_MESSAGE };
	MQTTAsync_message empty = MQTTAsync_message_initializer;

	r.message = MQTTAsync_malloc(sizeof(*r.message));
	*r.message = empty;
	r.message->payloadlen = (int)strlen(m.payload);
	r.message->payload = MQTTAsync_malloc((size_t)r.message->payloadlen + 1);
	memcpy(r.message->payload, m.payload, (size_t)r.message->payloadlen);
	r.message->qos = m.qos;
	r.message->dup = m.dup;
	r.message->retained = m.retained;
	r.message->msgid = m.id;
	r.topic_n = strlen(m.topic);
	r.topic = MQTTAsync_malloc(r.topic_n + 1);
	memcpy(r.topic, m.topic, r.topic_n + 1);
	mqtt_flow_took(&f->link, (size_t)r.message->payloadlen);
	fake_says(f, r);
}

void fake_published(struct fake_link *f, unsigned i, struct mqtt_report how)
{
	how.news = MQTT_PUBLISHED;
	how.number = f->out[i].number;
	fake_says(f, how);
}
