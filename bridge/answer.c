/* What the function answered, published onward: an event of its own, with the key and trace of the one it answers. */
#include "bridge/core.h"

enum { HEADERS = 4 };

static struct slice slice_kept(struct buf *b, struct slice s)
{
	size_t at = b->n;

	buf_slice(b, s);
	return s.p ? (struct slice){ b->p + at, s.n } : s;
}

static struct slice answer_type(const struct answer *a)
{
	for (unsigned i = 0; i < a->n_headers; i++)
		if (slice_is_nocase(a->headers[i].name, "content-type"))
			return a->headers[i].value;
	return (struct slice){ NULL, 0 };
}

static void header_pass(struct handoff *h, const struct event *e, const char *name)
{
	for (unsigned i = 0; i < e->n_headers; i++)
		if (slice_is_nocase(e->headers[i].name, name))
			h->headers[h->event.n_headers++] = e->headers[i];
}

void answer_start(struct item *item, const struct answer *a)
{
	const struct policy *p = item->sub->policy;
	const struct event *e = item->event;
	struct slice type = answer_type(a);
	struct handoff *h = mem_new(sizeof(*h));

	h->kind = HANDOFF_ANSWER;
	h->component = p->response_component;
	h->topic = p->response_topic;
	buf_room(&h->bytes, a->data.n + type.n); /* once, so that slices of it stay */
	h->event.data = slice_kept(&h->bytes, a->data);
	h->event.content_type = slice_kept(&h->bytes, type);
	h->event.id = e->id;
	h->event.key = e->key;
	h->event.correlation = e->correlation;
	h->headers = mem_new(HEADERS * sizeof(struct header));
	h->event.headers = h->headers;
	header_pass(h, e, "traceparent");
	header_pass(h, e, "tracestate");
	h->headers[h->event.n_headers++] = (struct header){ SLICE("bridge-origin-id"), e->id };
	if (a->cut)
		h->headers[h->event.n_headers++] = (struct header){ SLICE("bridge-answer-cut"), SLICE("true") };
	handoff_start(item, h);
}
