/* One event in memory: copied once, in one allocation, with an item for each subscription it is for. */
#include <string.h>

#include "bridge/core.h"

static size_t strings_size(const struct event *e)
{
	size_t n = e->id.n + e->key.n + e->type.n + e->subject.n + e->content_type.n + e->data.n + e->topic.n +
	    e->reply_to.n + e->correlation.n;

	for (unsigned i = 0; i < e->n_headers; i++)
		n += e->headers[i].name.n + e->headers[i].value.n;
	return n;
}

size_t entry_size(const struct event *e, unsigned n)
{
	return sizeof(struct entry) + n * sizeof(struct item) + e->n_headers * sizeof(struct header) + strings_size(e);
}

static struct slice slice_copy(char **to, struct slice s)
{
	struct slice copy = { s.p ? *to : NULL, s.n };

	if (s.p && s.n)
		memcpy(*to, s.p, s.n);
	*to += s.n;
	return copy;
}

static void event_copy(struct event *to, const struct event *e, struct header *headers, char *bytes)
{
	*to = *e;
	to->headers = headers;
	for (unsigned i = 0; i < e->n_headers; i++) {
		headers[i].name = slice_copy(&bytes, e->headers[i].name);
		headers[i].value = slice_copy(&bytes, e->headers[i].value);
	}
	to->id = slice_copy(&bytes, e->id);
	to->key = slice_copy(&bytes, e->key);
	to->type = slice_copy(&bytes, e->type);
	to->subject = slice_copy(&bytes, e->subject);
	to->content_type = slice_copy(&bytes, e->content_type);
	to->topic = slice_copy(&bytes, e->topic);
	to->reply_to = slice_copy(&bytes, e->reply_to);
	to->correlation = slice_copy(&bytes, e->correlation);
	to->data = slice_copy(&bytes, e->data);
}

struct entry *entry_new(struct function *f, const struct event *e, const struct subscription *const *subs, unsigned n)
{
	size_t size = entry_size(e, n);
	struct entry *entry = pool_get(&f->pool, size);
	struct header *headers = (struct header *)&entry->items[n];

	memset(entry, 0, sizeof(*entry) + n * sizeof(struct item));
	event_copy(&entry->event, e, headers, (char *)&headers[e->n_headers]);
	entry->size = size;
	entry->taken_at = loop_now(f->loop);
	entry->n_items = entry->open = n;
	for (unsigned i = 0; i < n; i++) {
		struct item *item = &entry->items[i];

		item->entry = entry;
		item->sub = (struct sub *)(uintptr_t)subs[i];
		item->event = &entry->event;
		item->delivery = (struct delivery){
			.subscription = subs[i], .route = &item->sub->route, .events = &item->event, .n = 1
		};
	}
	f->events++;
	f->bytes += pool_size(size);
	return entry;
}

void entry_free(struct function *f, struct entry *entry)
{
	f->events--;
	f->bytes -= pool_size(entry->size);
	pool_put(&f->pool, entry, entry->size);
}

void entry_append(struct entry_list *list, struct entry *entry)
{
	entry->next = NULL;
	entry->prev = list->last;
	if (list->last)
		list->last->next = entry;
	else
		list->first = entry;
	list->last = entry;
}

void entry_remove(struct entry_list *list, struct entry *entry)
{
	if (entry->prev)
		entry->prev->next = entry->next;
	else
		list->first = entry->next;
	if (entry->next)
		entry->next->prev = entry->prev;
	else
		list->last = entry->prev;
	entry->next = entry->prev = NULL;
}
