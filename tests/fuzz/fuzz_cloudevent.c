/* CloudEvents: whatever an event holds, what is made of it is JSON with what is required, and no name twice. */
#include <string.h>
#include "bridge/cloudevent.h"
#include "bridge/json_scan.h"
#include "tests/fuzz/fuzz.h"

enum { HEADERS_MAX = 32 };

/* Lines: id, type, subject, key, content type, component; headers as name:value up to an empty line; the data. */
static void event_read(struct event *e, struct header *headers, struct slice *component_r, struct slice input)
{
	struct slice line;

	*e = (struct event){ .headers = headers, .token = { { 7, input.n } }, .time_ms = (int64_t)input.n << 20 };
	e->id = input_line(&input);
	e->type = input_line(&input);
	e->subject = input_line(&input);
	e->key = input_line(&input);
	e->content_type = input_line(&input);
	*component_r = input_line(&input);
	while ((line = input_line(&input)).n && e->n_headers < HEADERS_MAX) {
		const char *colon = memchr(line.p, ':', line.n);
		size_t name = colon ? (size_t)(colon - line.p) : line.n;

		headers[e->n_headers].name = (struct slice){ line.p, name };
		headers[e->n_headers++].value =
		    colon ? (struct slice){ colon + 1, line.n - name - 1 } : (struct slice){ NULL, 0 };
	}
	e->data = input;
}

static void check_object(struct buf *b, struct slice data)
{
	static const char *const required[] = { "id", "source", "specversion", "type" };
	struct slice json = { b->p, b->n };

	assert(json_is_valid(json, JSON_DEPTH_MAX + 1));
	assert(utf8_is_valid(json) || !utf8_is_valid(data));
	for (unsigned i = 0; i < sizeof(required) / sizeof(*required); i++)
		assert(json_count(json, slice_text(required[i])) == 1);
	assert(json_count(json, SLICE("data")) + json_count(json, SLICE("data_base64")) <= 1);
	assert(json_count(json, SLICE("datacontenttype")) <= 1);
	buf_clear(b);
}

struct attributes {
	struct slice names[HEADERS_MAX + 16];
	char room[HEADERS_MAX + 16][64];
	unsigned n;
	struct buf json;
};

static void attribute(void *arg, struct slice name, struct slice value)
{
	struct attributes *a = arg;
	struct buf quoted = { 0 };

	assert(name.n > 0 && name.n <= 64 && (value.p || !value.n));
	for (unsigned i = 0; i < a->n; i++)
		assert(!slice_equal(a->names[i], name));
	memcpy(a->room[a->n], name.p, name.n);
	a->names[a->n] = (struct slice){ a->room[a->n], name.n };
	a->n++;
	json_add_string(&quoted, name);
	assert(json_count((struct slice){ a->json.p, a->json.n }, (struct slice){ quoted.p + 1, quoted.n - 2 }) == 1);
	buf_free(&quoted);
}

static void check_notes(struct slice json)
{
	struct cloudevent_notes notes;
	const char *why = NULL;

	if (!cloudevent_read(json, &notes, &why)) {
		assert(why && *why);
		return;
	}
	assert(json_is_valid(json, JSON_DEPTH_MAX));
	assert(slice_inside(notes.traceparent, json) && slice_inside(notes.tracestate, json));
	assert(notes.traceparent.p || !notes.tracestate.p);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct attributes attributes = { 0 };
	struct header headers[HEADERS_MAX];
	struct slice component, source;
	struct buf uri = { 0 }, out = { 0 };
	struct event e;

	event_read(&e, headers, &component, (struct slice){ (const char *)p, n });
	cloudevent_add_source(&uri, component, e.subject);
	source = (struct slice){ uri.p, uri.n };
	cloudevent_structured(&attributes.json, &e, source);
	cloudevent_each(&e, source, attribute, &attributes);
	check_object(&attributes.json, e.data);
	cloudevent_wrap(&out, &e, component, e.subject);
	check_object(&out, e.data);
	check_notes(e.data);
	buf_free(&attributes.json);
	buf_free(&out);
	buf_free(&uri);
	return 0;
}
