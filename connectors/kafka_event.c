/* A Kafka message as an event: the library's own bytes, pointed to, and a few texts made of numbers. */
#include <string.h>
#include "bridge/cloudevent.h"
#include "connectors/kafka.h"

enum { NUMBER_MAX = 20 };

static bool name_is_meta(struct slice name)
{
	return name.n > 2 && name.p[0] == '_' &&
	    (slice_is(name, "__key") || slice_is(name, "__offset") || slice_is(name, "__topic") ||
		slice_is(name, "__timestamp") || slice_is(name, "__partition"));
}

static void header_add(struct kafka_reader *r, unsigned *n, struct slice name, struct slice value)
{
	if (*n == r->headers_cap) {
		r->headers_cap = r->headers_cap ? r->headers_cap * 2 : 16;
		r->headers = mem_grow(r->headers, r->headers_cap * sizeof(*r->headers));
	}
	r->headers[(*n)++] = (struct header){ name, value };
}

/* The message's own headers; a name of ours in them would be there twice. */
static void headers_copy(struct kafka_reader *r, const rd_kafka_message_t *m, struct event *e, unsigned *n)
{
	const struct kafka *k = r->client.kafka;
	rd_kafka_headers_t *list;
	const char *name;
	const void *value;
	size_t size;

	if (rd_kafka_message_headers(m, &list) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return;
	for (size_t i = 0; rd_kafka_header_get_all(list, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
		struct slice is = { name, strlen(name) }, says = { value ? value : "", value ? size : 0 };

		if (name_is_meta(is) || (k->excludes && regexec(&k->exclude, name, 0, NULL, 0) == 0))
			continue;
		event_notice(e, is, says);
		header_add(r, n, is, says);
	}
}

/* As Go's url.QueryEscape, which is what escapeHeaders means in Dapr. */
static struct slice text_escaped(struct buf *text, struct slice raw)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t at = text->n;

	for (size_t i = 0; i < raw.n; i++) {
		unsigned char c = (unsigned char)raw.p[i];

		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c && strchr("-_.~", c)))
			buf_add(text, &raw.p[i], 1);
		else if (c == ' ')
			buf_add(text, "+", 1);
		else
			buf_add(text, (char[]){ '%', hex[c >> 4], hex[c & 15] }, 3);
	}
	return (struct slice){ text->p + at, text->n - at };
}

static struct slice text_number(struct buf *text, uint64_t value)
{
	size_t at = text->n;

	buf_uint(text, value);
	return (struct slice){ text->p + at, text->n - at };
}

void kafka_event_make(
    struct kafka_reader *r, const struct kafka_partition *p, const rd_kafka_message_t *m, struct event *e)
{
	size_t prefix = p->topic.n + p->number_text.n + 2, room = prefix + 2 * NUMBER_MAX;
	bool escape = r->client.kafka->rows.escape_headers;
	rd_kafka_timestamp_type_t kind;
	int64_t time = rd_kafka_message_timestamp(m, &kind);
	struct slice key = { m->key, m->key_len };
	unsigned n = 0;

	*e = (struct event){
		.key = key,
		.data = { m->payload, m->len },
		.topic = p->topic,
		.time_ms = time > 0 ? time : 0,
		.again = m->offset < p->high,
		.token = { { (uint64_t)m->offset } },
	};
	headers_copy(r, m, e, &n);
	for (unsigned i = 0; escape && i < n; i++)
		room += 3 * r->headers[i].value.n;
	buf_clear(&r->text);
	buf_room(&r->text, room + (escape ? 3 * key.n : 0)); /* so that it does not move from here on */
	for (unsigned i = 0; escape && i < n; i++)
		r->headers[i].value = text_escaped(&r->text, r->headers[i].value);
	if (key.p)
		header_add(r, &n, SLICE("__key"), escape ? text_escaped(&r->text, key) : key);
	e->id.p = r->text.p + r->text.n;
	buf_add(&r->text, p->prefix, prefix);
	header_add(r, &n, SLICE("__offset"), text_number(&r->text, (uint64_t)m->offset));
	e->id.n = (size_t)(r->text.p + r->text.n - e->id.p);
	header_add(r, &n, SLICE("__topic"), p->topic);
	header_add(r, &n, SLICE("__timestamp"), text_number(&r->text, (uint64_t)e->time_ms));
	header_add(r, &n, SLICE("__partition"), p->number_text);
	e->headers = r->headers;
	e->n_headers = n;
}
