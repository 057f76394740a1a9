/* What the function answered, published onward: an event of its own, with the key and trace of the one it answers. */
#include "bridge/core.h"

enum { HEADERS = 4 };

static struct slice slice_kept(struct buf *b, struct slice s)
{
	size_t at = b->n;

	buf_slice(b, s);
	return s.p ? (struct slice){ b->p + at, s.n } : s;
}

static const char *text_kept(struct buf *b, struct slice s)
{
	size_t at = b->n;

	buf_slice(b, s);
	buf_add(b, "", 1);
	return b->p + at;
}

bool answer_is_wanted(const struct item *item, const struct answer *a)
{
	return a && a->data.n && (item->event->reply_to.n || item->sub->policy->response_topic);
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
	h->reply = e->reply_to.n > 0;
	h->component = h->reply ? NULL : p->response_component;
	buf_room(&h->bytes, a->data.n + type.n + e->reply_to.n + 1); /* once, so that slices of it stay */
	h->topic = h->reply ? text_kept(&h->bytes, e->reply_to) : p->response_topic;
	item->sub->answers = true;
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
