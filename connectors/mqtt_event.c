/* A message of MQTT as an event: the library's own bytes, pointed to. */
#include <string.h>
#include "connectors/mqtt.h"

enum { OWN_HEADERS = 2, ID_MAX = 48 };

static void header_add(struct mqtt_reader *r, unsigned *n, struct slice name, struct slice value)
{
	if (*n == r->headers_cap) {
		r->headers_cap = r->headers_cap ? r->headers_cap * 2 : 16;
		r->headers = mem_grow(r->headers, r->headers_cap * sizeof(*r->headers));
	}
	r->headers[(*n)++] = (struct header){ name, value };
}

static struct slice text_of(MQTTLenString s)
{
	return (struct slice){ s.data ? s.data : "", s.len > 0 ? (size_t)s.len : 0 };
}

static void user_property(struct mqtt_reader *r, unsigned *n, struct event *e, const MQTTProperty *p)
{
	struct slice name = text_of(p->value.data), value = text_of(p->value.value);

	if (slice_is(name, "topic") || slice_is(name, "retained"))
		return; /* ours */
	if (slice_is_nocase(name, "content-type") && e->content_type.p == NULL)
		e->content_type = value;
	else if (slice_is_nocase(name, "ce_type"))
		e->type = value;
	else if (slice_is_nocase(name, "ce_subject"))
		e->subject = value;
	header_add(r, n, name, value);
}

static void event_properties(struct mqtt_reader *r, unsigned *n, struct event *e, const MQTTProperties *all)
{
	for (int i = 0; i < all->count; i++) {
		const MQTTProperty *p = &all->array[i];

		if (p->identifier == MQTTPROPERTY_CODE_USER_PROPERTY)
			user_property(r, n, e, p);
		else if (p->identifier == MQTTPROPERTY_CODE_CONTENT_TYPE)
			e->content_type = text_of(p->value.data);
		else if (p->identifier == MQTTPROPERTY_CODE_RESPONSE_TOPIC && r->mqtt->rows.answer_requests)
			e->reply_to = text_of(p->value.data);
		else if (p->identifier == MQTTPROPERTY_CODE_CORRELATION_DATA)
			e->correlation = text_of(p->value.data);
		else if (p->identifier == MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL)
			e->expires_ms = loop_wall(r->mqtt->base.loop) + 1000 * (int64_t)(uint32_t)p->value.integer4;
	}
}

/* A packet id comes back for other events, in this session and the next: only with the session and the content beside
 * it does it say which event is meant. */
static struct token event_token(const struct mqtt_reader *r, const struct mqtt_waiting *m, const struct event *e)
{
	uint64_t content = slice_hash(e->data) ^ (slice_hash(e->topic) * 0x9e3779b97f4a7c15u);

	if (m->message->qos == 0)
		return (struct token){ { r->numbered } };
	return (struct token){ { r->session << 16 | (uint16_t)m->message->msgid, content } };
}

void mqtt_event_make(struct mqtt_reader *r, const struct mqtt_waiting *m, struct event *e)
{
	unsigned n = 0;

	*e = (struct event){
		.data = { m->message->payload ? m->message->payload : "", (size_t)m->message->payloadlen },
		.topic = { m->topic, m->topic_n },
		.key = { m->topic, m->topic_n },
		.again = m->message->qos > 0 && m->message->dup,
		.seen = m->message->dup != 0,
	};
	r->numbered++;
	header_add(r, &n, SLICE("topic"), e->topic);
	header_add(r, &n, SLICE("retained"), m->message->retained ? SLICE("true") : SLICE("false"));
	event_properties(r, &n, e, &m->message->properties);
	buf_clear(&r->text);
	buf_room(&r->text, ID_MAX);
	buf_printf(&r->text, "%llx-%llu", (unsigned long long)r->born, (unsigned long long)r->numbered);
	e->id = (struct slice){ r->text.p, r->text.n };
	e->token = event_token(r, m, e);
	e->headers = r->headers;
	e->n_headers = n;
}
