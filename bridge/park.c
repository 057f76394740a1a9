/* Parking: an event that will not be delivered goes to its dead-letter place, with its history. */
#include <stdio.h>
#include <string.h>

#include "bridge/core.h"

enum { OWN_HEADERS = 7, NUMBER = 24 };

static struct slice number_add(struct buf *b, uint64_t v)
{
	size_t at = b->n;

	buf_uint(b, v);
	return (struct slice){ b->p + at, b->n - at };
}

/* The broker's headers travel on; what a connector made of a record's place ("__offset") is said by ours instead. */
static void headers_make(struct handoff *h, const struct item *item)
{
	const struct event *e = item->event;
	unsigned n = 0;

	h->headers = mem_new((e->n_headers + OWN_HEADERS) * sizeof(struct header));
	for (unsigned i = 0; i < e->n_headers; i++)
		if (e->headers[i].name.n < 2 || memcmp(e->headers[i].name.p, "__", 2) != 0)
			h->headers[n++] = e->headers[i];
	buf_room(&h->bytes, 3 * NUMBER); /* once, so that slices of it stay */
	h->headers[n++] = (struct header){ SLICE("bridge-dead-letter-reason"), slice_text(h->why) };
	h->headers[n++] =
	    (struct header){ SLICE("bridge-dead-letter-attempts"), number_add(&h->bytes, item->delivery.attempt) };
	h->headers[n++] = (struct header){ SLICE("bridge-dead-letter-time"),
		number_add(&h->bytes, (uint64_t)loop_wall(item->sub->function->loop)) };
	h->headers[n++] = (struct header){ SLICE("bridge-origin-component"), slice_text(item->sub->public.component) };
	h->headers[n++] = (struct header){ SLICE("bridge-origin-topic"),
		e->topic.p ? e->topic : slice_text(item->sub->public.topic) };
	h->headers[n++] =
	    (struct header){ SLICE("bridge-origin-partition"), number_add(&h->bytes, item->entry->window->partition) };
	h->headers[n++] = (struct header){ SLICE("bridge-origin-id"), e->id };
	h->event.headers = h->headers;
	h->event.n_headers = n;
}

bool park_has_place(const struct policy *p)
{
	return p->dead_letter_topic || p->dead_letter_component;
}

void park_start(struct item *item, const char *why)
{
	const struct policy *p = item->sub->policy;
	struct handoff *h = mem_new(sizeof(*h));

	h->kind = HANDOFF_PARK;
	h->component = p->dead_letter_component;
	h->topic = p->dead_letter_topic;
	h->why = mem_text(why);
	h->event = *item->event;
	headers_make(h, item);
	handoff_start(item, h);
}
