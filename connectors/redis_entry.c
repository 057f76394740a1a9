/* An entry of a Redis stream as an event: Dapr's two fields, or whatever else is in it. */
#include <string.h>
#include "bridge/cloudevent.h"
#include "bridge/json_scan.h"
#include "connectors/redis_streams.h"

enum { OWN_HEADERS = 3, NUMBER_MAX = 24, WALL_BEGINS = 100000000000 /* in 1973: earlier ids are no times */ };

/* --- ids --- */

bool stream_id_read(struct slice text, struct stream_id *id_r)
{
	const char *dash = text.n ? memchr(text.p, '-', text.n) : NULL;
	size_t n = dash ? (size_t)(dash - text.p) : 0;

	return dash && slice_uint((struct slice){ text.p, n }, &id_r->ms) &&
	    slice_uint((struct slice){ dash + 1, text.n - n - 1 }, &id_r->seq);
}

static size_t number_print(uint64_t value, char *buf)
{
	char digits[NUMBER_MAX];
	size_t n = 0;

	do
		digits[n++] = (char)('0' + value % 10);
	while ((value /= 10) > 0);
	for (size_t i = 0; i < n; i++)
		buf[i] = digits[n - 1 - i];
	return n;
}

size_t stream_id_print(struct stream_id id, char buf[STREAM_ID_MAX])
{
	size_t n = number_print(id.ms, buf);

	buf[n++] = '-';
	n += number_print(id.seq, buf + n);
	buf[n] = '\0';
	return n;
}

void stream_id_word(struct redis_link *l, struct stream_id id)
{
	char text[STREAM_ID_MAX];

	redis_link_word(l, (struct slice){ text, stream_id_print(id, text) });
}

int stream_id_compare(struct stream_id a, struct stream_id b)
{
	if (a.ms != b.ms)
		return a.ms < b.ms ? -1 : 1;
	return a.seq < b.seq ? -1 : a.seq > b.seq;
}

struct stream_id stream_id_after(struct stream_id id)
{
	if (++id.seq == 0)
		id.ms++;
	return id;
}

/* --- headers --- */

static void header_add(struct redis_streams *s, struct event *e, struct slice name, struct slice value)
{
	if (e->n_headers == s->headers_cap) {
		s->headers_cap = s->headers_cap ? s->headers_cap * 2 : 16;
		s->headers = mem_grow(s->headers, s->headers_cap * sizeof(*s->headers));
	}
	s->headers[e->n_headers++] = (struct header){ name, value };
}

/* One of the entry's own; ours begin with "__". */
static void header_take(struct redis_streams *s, struct event *e, struct slice name, struct slice value)
{
	if (slice_is(name, "partitionKey") || slice_is(name, "__key"))
		e->key = value;
	if (name.n >= 2 && memcmp(name.p, "__", 2) == 0)
		return;
	event_notice(e, name, value);
	header_add(s, e, name, value);
}

static struct slice text_decoded(struct buf *text, struct slice escaped)
{
	size_t at = text->n;

	json_add_text(text, escaped);
	return (struct slice){ text->p + at, text->n - at };
}

/* Dapr's second field.  Room for all of it was made: what is decoded is never longer. */
static void metadata_take(struct redis_streams *s, struct event *e, struct slice json)
{
	struct json_member value;
	const char *why;
	struct slice name;

	if (json_scan(json, NULL, 0, &why) != JSON_OBJECT)
		return;
	while (json_next(&json, &name, &value)) {
		struct slice decoded = text_decoded(&s->text, name);

		header_take(s, e, decoded, value.kind == JSON_STRING ? text_decoded(&s->text, value.text) : value.text);
	}
}

/* --- the entry --- */

static bool entry_is_whole(const struct redis_reply *fields)
{
	if (fields->kind != REDIS_ARRAY || fields->n % 2 != 0)
		return false;
	for (unsigned i = 0; i < fields->n; i++)
		if (fields->items[i].kind != REDIS_TEXT)
			return false;
	return true;
}

/* The last of that name, as in Go's map; NULL: none. */
static const struct redis_reply *field_find(const struct redis_reply *fields, const char *name)
{
	for (unsigned i = fields->n; i >= 2; i -= 2)
		if (slice_is(fields->items[i - 2].text, name))
			return &fields->items[i - 1];
	return NULL;
}

static void data_make(struct redis_streams *s, struct event *e, const struct redis_reply *fields)
{
	buf_clear(&s->json);
	buf_add(&s->json, "{", 1);
	for (unsigned i = 0; i < fields->n; i += 2) {
		if (i > 0)
			buf_add(&s->json, ",", 1);
		json_add_string(&s->json, fields->items[i].text);
		buf_add(&s->json, ":", 1);
		json_add_string(&s->json, fields->items[i + 1].text);
	}
	buf_add(&s->json, "}", 1);
	e->data = (struct slice){ s->json.p, s->json.n };
	if (!e->content_type.p)
		e->content_type = SLICE("application/json");
}

static void fields_take(struct redis_streams *s, struct event *e, const struct redis_reply *fields)
{
	const char *payload = s->redis->rows.payload_field;
	const struct redis_reply *data = field_find(fields, payload), *metadata = field_find(fields, "metadata");

	if (!data) {
		data_make(s, e, fields);
		return;
	}
	e->data = data->text;
	if (metadata)
		metadata_take(s, e, metadata->text);
	for (unsigned i = 0; i < fields->n; i += 2)
		if (!slice_is(fields->items[i].text, payload) && !slice_is(fields->items[i].text, "metadata"))
			header_take(s, e, fields->items[i].text, fields->items[i + 1].text);
}

static struct slice text_number(struct buf *text, uint64_t value)
{
	size_t at = text->n;

	buf_uint(text, value);
	return (struct slice){ text->p + at, text->n - at };
}

enum entry stream_entry(
    struct redis_stream *stream, const struct redis_reply *entry, uint64_t deliveries, struct event *e)
{
	struct redis_streams *s = stream->redis->streams;
	const struct redis_reply *at = entry->items;
	const struct redis_reply *metadata;
	struct stream_id id;

	if (entry->kind != REDIS_ARRAY || entry->n != 2 || at[0].kind != REDIS_TEXT || !stream_id_read(at[0].text, &id))
		return ENTRY_WRONG;
	*e = (struct event){ .token = { { id.ms, id.seq } } };
	if (at[1].kind == REDIS_NIL)
		return ENTRY_GONE;
	if (!entry_is_whole(&at[1]))
		return ENTRY_WRONG;
	metadata = field_find(&at[1], "metadata");
	buf_clear(&s->text);
	buf_room(&s->text, stream->name.n + at[0].text.n + NUMBER_MAX + (metadata ? metadata->text.n : 0) + 1);
	buf_slice(&s->text, stream->name);
	buf_add(&s->text, "/", 1);
	buf_slice(&s->text, at[0].text);
	e->id = (struct slice){ s->text.p, s->text.n };
	e->topic = stream->name;
	e->time_ms = id.ms >= WALL_BEGINS && id.ms <= INT64_MAX ? (int64_t)id.ms : 0;
	e->seen = deliveries > UINT32_MAX ? UINT32_MAX : (unsigned)deliveries;
	fields_take(s, e, &at[1]);
	header_add(s, e, SLICE("__topic"), stream->name);
	header_add(s, e, SLICE("__id"), at[0].text);
	header_add(s, e, SLICE("__deliveryCount"), text_number(&s->text, deliveries + 1));
	e->headers = s->headers;
	return ENTRY_EVENT;
}
