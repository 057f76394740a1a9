/* CloudEvents as text: names and values are written anew, data goes through as it is. */
#include "bridge/cloudevent.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "bridge/json_scan.h"
#include "bridge/time_text.h"

static bool same_name(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

struct slice event_header(const struct event *e, struct slice name)
{
	for (unsigned i = e->n_headers; i-- > 0;)
		if (same_name(e->headers[i].name, name))
			return e->headers[i].value.p ? e->headers[i].value : SLICE("");
	return (struct slice){ NULL, 0 };
}

bool event_header_is_last(const struct event *e, unsigned at)
{
	for (unsigned i = at + 1; i < e->n_headers; i++)
		if (same_name(e->headers[i].name, e->headers[at].name))
			return false;
	return true;
}

void event_notice(struct event *e, struct slice name, struct slice value)
{
	if (slice_is_nocase(name, "content-type") ||
	    (e->content_type.p == NULL && slice_is_nocase(name, "ce_datacontenttype")))
		e->content_type = value;
	else if (slice_is_nocase(name, "ce_type"))
		e->type = value;
	else if (slice_is_nocase(name, "ce_subject"))
		e->subject = value;
}

struct slice event_content_type(const struct event *e)
{
	return e->content_type.n ? e->content_type : SLICE("application/octet-stream");
}

static struct slice media_type(struct slice content_type)
{
	const char *semicolon = content_type.n ? memchr(content_type.p, ';', content_type.n) : NULL;
	size_t n = semicolon ? (size_t)(semicolon - content_type.p) : content_type.n;

	while (n && (content_type.p[n - 1] == ' ' || content_type.p[n - 1] == '\t'))
		n--;
	return (struct slice){ content_type.p, n };
}

bool content_type_is(struct slice content_type, const char *type)
{
	return slice_is_nocase(media_type(content_type), type);
}

bool content_type_is_json(struct slice content_type)
{
	struct slice type = media_type(content_type), begin = SLICE("application/"), end = SLICE("+json");

	if (slice_is_nocase(type, "application/json"))
		return true;
	return type.n > begin.n + end.n && strncasecmp(type.p, begin.p, begin.n) == 0 &&
	    strncasecmp(type.p + type.n - end.n, end.p, end.n) == 0;
}

/* W3C: 2, 32, 16 and 2 hex digits joined by dashes; later versions may append more. */
static bool traceparent_ok(struct slice s)
{
	if (s.n < 55 || (s.n > 55 && s.p[55] != '-'))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		bool hex = s.p[i] && strchr("0123456789abcdef", s.p[i]);
		bool dash = s.p[i] == '-';

		if (i < 55 ? (i == 2 || i == 35 || i == 52 ? !dash : !hex) : !hex && !dash)
			return false;
	}
	return true;
}

static bool tracestate_ok(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x20 || s.p[i] > 0x7e || s.p[i] == '\\')
			return false;
	return s.n > 0;
}

bool cloudevent_read(struct slice json, struct cloudevent_notes *notes, const char **why)
{
	struct json_member found[] = { { .name = "expiration" }, { .name = "traceparent" }, { .name = "tracestate" } };
	const struct json_member *expiration = &found[0], *parent = &found[1], *state = &found[2];
	enum json_kind kind = json_scan(json, found, 3, why);

	*notes = (struct cloudevent_notes){ 0 };
	if (kind != JSON_OBJECT) {
		if (kind != JSON_NONE)
			*why = "is no object";
		return false;
	}
	if (expiration->kind == JSON_STRING && !rfc3339_parse(expiration->text, &notes->expires_ms))
		notes->expires_ms = 0;
	if (parent->kind != JSON_STRING || !traceparent_ok(parent->text))
		return true;
	notes->traceparent = parent->text;
	if (state->kind == JSON_STRING && tracestate_ok(state->text))
		notes->tracestate = state->text;
	return true;
}

static void add_name(struct buf *b, struct slice name)
{
	if (b->p[b->n - 1] != '{')
		buf_add(b, ",", 1);
	json_add_string(b, name);
	buf_add(b, ":", 1);
}

static void add_member(struct buf *b, struct slice name, struct slice value)
{
	add_name(b, name);
	json_add_string(b, value);
}

static void add_base64(struct buf *b, struct slice data)
{
	add_name(b, SLICE("data_base64"));
	buf_add(b, "\"", 1);
	buf_base64(b, data);
	buf_add(b, "\"", 1);
}

/* For a source without ids: its token is the same whenever it brings the event again. */
enum { MADE_ID_SIZE = 48 };
static struct slice event_id(const struct event *e, char room[static MADE_ID_SIZE])
{
	int n;

	if (e->id.n)
		return e->id;
	n = snprintf(room, MADE_ID_SIZE, "%" PRIu64 "-%" PRIu64, e->token.w[0], e->token.w[1]);
	return (struct slice){ room, (size_t)n };
}

void cloudevent_wrap(struct buf *b, const struct event *e, struct slice pubsub, struct slice topic)
{
	static const char *const traces[] = { "traceid", "traceparent", "tracestate" };
	char room[MADE_ID_SIZE];

	buf_text(b, "{");
	add_base64(b, e->data);
	add_member(b, SLICE("datacontenttype"), SLICE("application/octet-stream"));
	add_member(b, SLICE("id"), event_id(e, room));
	add_member(b, SLICE("pubsubname"), pubsub);
	add_member(b, SLICE("source"), SLICE("Dapr"));
	add_member(b, SLICE("specversion"), SLICE("1.0"));
	add_member(b, SLICE("topic"), topic);
	for (unsigned i = 0; i < sizeof traces / sizeof *traces; i++) {
		struct slice name = slice_text(traces[i]), value = event_header(e, name);

		if (value.p)
			add_member(b, name, value);
	}
	add_member(b, SLICE("type"), SLICE("com.dapr.event.sent"));
	buf_text(b, "}");
}

static void add_uri_part(struct buf *b, struct slice part)
{
	for (size_t i = 0; i < part.n; i++) {
		unsigned char c = (unsigned char)part.p[i];

		if (c > 0x20 && c < 0x7f && !strchr("\"#%<>?[\\]^`{|}", c))
			buf_add(b, &part.p[i], 1);
		else
			buf_printf(b, "%%%02X", c);
	}
}

void cloudevent_add_source(struct buf *b, struct slice component, struct slice topic)
{
	buf_text(b, "bridge/");
	add_uri_part(b, component);
	buf_text(b, "/");
	add_uri_part(b, topic);
}

struct each {
	const struct event *event;
	cloudevent_attribute *attribute;
	void *arg;
};

enum { PREFIX = 3, NAME_MAX_KEPT = 64 }; /* "ce_"; the specification asks for names of at most 20 */

static const char *const required[] = { "ce_id", "ce_source", "ce_specversion", "ce_type" };
/* Would say twice, and perhaps otherwise, what data and content type say. */
static const char *const refused[] = { "ce_data", "ce_data_base64", "ce_datacontenttype" };

static bool among(struct slice name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (slice_is_nocase(name, names[i]))
			return true;
	return false;
}

static void each_required(const struct each *each, const char *header, struct slice made)
{
	struct slice given = { NULL, 0 };

	if (event_header(each->event, SLICE("ce_specversion")).n)
		given = event_header(each->event, slice_text(header));
	each->attribute(each->arg, slice_text(header + PREFIX), given.n ? given : made);
}

/* Others are no attributes, and two of them could look the same once they are JSON. */
static bool name_is_ascii(struct slice name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= 0x20 || name.p[i] >= 0x7f)
			return false;
	return true;
}

static void each_given(const struct each *each)
{
	const struct event *e = each->event;
	char lower[NAME_MAX_KEPT];

	for (unsigned i = 0; i < e->n_headers; i++) {
		struct slice name = e->headers[i].name;

		if (name.n <= PREFIX || name.n - PREFIX > sizeof lower || strncasecmp(name.p, "ce_", PREFIX) != 0)
			continue;
		if (among(name, required, sizeof required / sizeof *required) ||
		    among(name, refused, sizeof refused / sizeof *refused) || !name_is_ascii(name) ||
		    !event_header_is_last(e, i))
			continue;
		for (size_t at = PREFIX; at < name.n; at++)
			lower[at - PREFIX] = (char)tolower((unsigned char)name.p[at]);
		each->attribute(each->arg, (struct slice){ lower, name.n - PREFIX }, e->headers[i].value);
	}
}

static void each_made(const struct each *each, const char *name, struct slice value)
{
	if (value.n)
		each->attribute(each->arg, slice_text(name), value);
}

void cloudevent_each(const struct event *e, struct slice source, cloudevent_attribute *attribute, void *arg)
{
	const struct each each = { e, attribute, arg };
	char room[MADE_ID_SIZE], time_room[RFC3339_SIZE];
	struct slice time = { time_room, 0 };

	each_required(&each, "ce_id", event_id(e, room));
	each_required(&each, "ce_source", source);
	each_required(&each, "ce_specversion", SLICE("1.0"));
	each_required(&each, "ce_type", e->type.n ? e->type : SLICE("bridge.event"));
	if (event_header(e, SLICE("ce_specversion")).n) {
		each_given(&each);
		return;
	}
	if (e->time_ms)
		time.n = rfc3339_print(time_room, e->time_ms);
	each_made(&each, "subject", e->subject);
	each_made(&each, "time", time);
	each_made(&each, "partitionkey", e->key);
	each_made(&each, "traceparent", event_header(e, SLICE("traceparent")));
	each_made(&each, "tracestate", event_header(e, SLICE("tracestate")));
}

static void structured_attribute(void *arg, struct slice name, struct slice value)
{
	add_member(arg, name, value);
}

void cloudevent_structured(struct buf *b, const struct event *e, struct slice source)
{
	struct slice type = event_content_type(e);
	const char *why;

	buf_text(b, "{");
	cloudevent_each(e, source, structured_attribute, b);
	if (e->data.p) {
		add_member(b, SLICE("datacontenttype"), type);
		if (content_type_is_json(type) && json_scan(e->data, NULL, 0, &why) != JSON_NONE) {
			add_name(b, SLICE("data"));
			buf_slice(b, e->data);
		} else {
			add_base64(b, e->data);
		}
	}
	buf_text(b, "}");
}
