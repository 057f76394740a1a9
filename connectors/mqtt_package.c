/* One event of a request as what is published: topic, payload and, in MQTT 5, properties, copied. */
#include <stdio.h>
#include <string.h>
#include "bridge/json_scan.h"
#include "connectors/mqtt.h"

enum {
	PAYLOAD_MAX = 268435455 - 65535 - 8, /* what a packet can hold beside the longest topic */
	TEXT_MAX = 65535,
	HEAD = 16 /* of a packet, beside topic, payload and properties */
};

struct wanted_out {
	struct slice topic;
	int qos;
	bool retain;
	int64_t expiry_s;
};

static struct slice metadata_find(const struct request *r, const char *name)
{
	for (unsigned i = 0; i < r->n_metadata; i++)
		if (slice_is_nocase(r->metadata[i].name, name))
			return r->metadata[i].value;
	return (struct slice){ NULL, 0 };
}

static bool word_true(struct slice s)
{
	return slice_is_nocase(s, "true") || slice_is(s, "1");
}

static const char *wanted_read(const struct mqtt_writer *w, const struct request *r, struct wanted_out *out)
{
	const struct mqtt_rows *rows = &w->mqtt->rows;
	struct slice topic = metadata_find(r, "topic"), qos = metadata_find(r, "qos");
	struct slice retain = metadata_find(r, "retain"), ttl = metadata_find(r, "ttlInSeconds");
	uint64_t number = (uint64_t)rows->qos, seconds = (uint64_t)(rows->message_expiry_ms + 999) / 1000;

	out->topic = topic.n ? topic : r->topic.n ? r->topic : slice_text(rows->topic);
	if (out->topic.n == 0)
		return "no topic: the request names none and topic is not set";
	if (qos.p && (!slice_uint(qos, &number) || number > 2))
		return "qos: 0, 1 or 2 was expected";
	if (ttl.p && (!slice_uint(ttl, &seconds) || seconds > UINT32_MAX))
		return "ttlInSeconds: a number of seconds was expected";
	out->qos = (int)number < w->max_qos ? (int)number : w->max_qos;
	if (r->keep && rows->version == MQTT_V5 && out->qos == 2)
		out->qos = 1; /* whether anybody subscribes is only told there */
	out->retain = retain.p ? word_true(retain) : rows->retain;
	out->expiry_s = (int64_t)seconds;
	return mqtt_topic_wrong(out->topic);
}

static MQTTLenString lent(struct slice s)
{
	return (MQTTLenString){ (int)s.n, (char *)(uintptr_t)s.p };
}

static void property_add(struct mqtt_package *p, enum MQTTPropertyCodes code, struct slice name, struct slice value)
{
	MQTTProperty property = { .identifier = code };

	property.value.data = lent(name);
	property.value.value = lent(value);
	MQTTProperties_add(&p->properties, &property); /* copies */
}

static bool text_fits(struct slice s)
{
	return s.p && s.n <= TEXT_MAX && !memchr(s.p, '\0', s.n) && utf8_ok(s);
}

/* What a reading half of ours makes of a message's place, and what is no text: a broker would end the connection. */
static bool header_passes(struct header h)
{
	if (h.name.n >= 2 && memcmp(h.name.p, "__", 2) == 0)
		return false;
	return !slice_is(h.name, "topic") && !slice_is(h.name, "retained") && text_fits(h.name) && text_fits(h.value);
}

static bool metadata_is_ours(struct slice name)
{
	return slice_is_nocase(name, "topic") || slice_is_nocase(name, "qos") || slice_is_nocase(name, "retain") ||
	    slice_is_nocase(name, "ttlInSeconds") || slice_is_nocase(name, "responseTopic");
}

static void package_properties(struct mqtt_package *p, const struct request *r, const struct event *e, int64_t expiry_s)
{
	struct slice none = { NULL, 0 }, reply = metadata_find(r, "responseTopic");

	if (e->content_type.n && text_fits(e->content_type))
		property_add(p, MQTTPROPERTY_CODE_CONTENT_TYPE, e->content_type, none);
	if (e->correlation.p && e->correlation.n <= TEXT_MAX)
		property_add(p, MQTTPROPERTY_CODE_CORRELATION_DATA, e->correlation, none);
	if (reply.n && mqtt_topic_wrong(reply) == NULL)
		property_add(p, MQTTPROPERTY_CODE_RESPONSE_TOPIC, reply, none);
	if (expiry_s > 0) {
		MQTTProperty expiry = { .identifier = MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL };

		expiry.value.integer4 = (unsigned)expiry_s;
		MQTTProperties_add(&p->properties, &expiry);
	}
	for (unsigned i = 0; i < e->n_headers; i++)
		if (header_passes(e->headers[i]))
			property_add(p, MQTTPROPERTY_CODE_USER_PROPERTY, e->headers[i].name, e->headers[i].value);
	for (unsigned i = 0; i < r->n_metadata; i++)
		if (!metadata_is_ours(r->metadata[i].name) && header_passes(r->metadata[i]))
			property_add(p, MQTTPROPERTY_CODE_USER_PROPERTY, r->metadata[i].name, r->metadata[i].value);
}

struct mqtt_package *mqtt_package_new(
    const struct mqtt_writer *w, const struct request *r, unsigned item, const char **why_r)
{
	const struct event *e = r->events[item];
	struct wanted_out wanted;
	struct mqtt_package *p;

	*why_r = wanted_read(w, r, &wanted);
	if (*why_r == NULL && e->data.n > PAYLOAD_MAX)
		*why_r = "larger than MQTT's packets, 256 MB";
	if (*why_r)
		return NULL;
	p = mem_new(sizeof(*p) + wanted.topic.n + 1 + e->data.n);
	p->qos = wanted.qos;
	p->retain = wanted.retain;
	p->size = e->data.n;
	p->topic = p->bytes;
	p->payload = p->bytes + wanted.topic.n + 1;
	memcpy(p->topic, wanted.topic.p, wanted.topic.n);
	if (e->data.n)
		memcpy(p->payload, e->data.p, e->data.n);
	if (w->mqtt->rows.version == MQTT_V5)
		package_properties(p, r, e, wanted.expiry_s);
	if (w->max_packet &&
	    HEAD + wanted.topic.n + p->size + (size_t)MQTTProperties_len(&p->properties) > (size_t)w->max_packet) {
		mqtt_package_free(p);
		*why_r = "larger than the broker takes (its maximum packet size)";
		return NULL;
	}
	return p;
}
