/* What was asked of a writing half, item by item, until everything is answered. */
#include "connectors/outgoing.h"
#include <assert.h>
#include <stdlib.h>
#include "bridge/bytes.h"

struct outgoing *outgoing_new(struct outgoing **list, struct request *r)
{
	struct outgoing *o = mem_new(sizeof(*o) + r->n * sizeof(o->items[0]));

	o->request = r;
	o->open = o->n = r->n;
	o->next = *list;
	o->prev = list;
	if (o->next)
		o->next->prev = &o->next;
	*list = o;
	for (unsigned i = 0; i < r->n; i++)
		o->items[i].of = o;
	r->mine = o;
	return o;
}

void outgoing_answer(struct outgoing_item *item, enum verdict verdict, const struct answer *answer, const char *why)
{
	struct outgoing *o = item->of;
	struct request *r = o->request;
	unsigned i = (unsigned)(item - o->items);

	assert(!item->answered);
	item->answered = true;
	if (--o->open == 0) {
		*o->prev = o->next;
		if (o->next)
			o->next->prev = o->prev;
		if (r)
			r->mine = NULL;
		free(o);
	}
	if (r)
		answer_request(r, i, verdict, answer, why);
}

void outgoing_answer_all(struct outgoing *o, enum verdict verdict, const char *why)
{
	for (unsigned i = 0, left = o->open; left > 0; i++)
		if (!o->items[i].answered) {
			left--;
			outgoing_answer(&o->items[i], verdict, NULL, why);
		}
}

void outgoing_forget(struct request *r)
{
	struct outgoing *o = r->mine;

	if (o)
		o->request = NULL;
	r->mine = NULL;
}

void request_refuse(struct request *r, enum verdict verdict, const char *why)
{
	unsigned n = r->n;

	for (unsigned i = 0; i < n; i++)
		answer_request(r, i, verdict, NULL, why);
}

struct slice request_metadata(const struct request *r, const char *name)
{
	for (unsigned i = 0; i < r->n_metadata; i++)
		if (slice_is(r->metadata[i].name, name))
			return r->metadata[i].value;
	return (struct slice){ NULL, 0 };
}
