/* Events into a Redis stream, in Dapr's format: the bytes in one field, everything about them as JSON in another. */
#include <string.h>
#include "bridge/json_scan.h"
#include "connectors/redis_streams.h"

static bool name_is_ours(struct slice name)
{
	return name.n >= 2 && memcmp(name.p, "__", 2) == 0;
}

static void member_add(struct buf *b, size_t begin, struct slice name, struct slice value)
{
	if (name_is_ours(name))
		return;
	buf_text(b, b->n == begin ? "{" : ",");
	json_add_string(b, name);
	buf_text(b, ":");
	json_add_string(b, value);
}

static bool headers_have(const struct event *e, const char *name)
{
	for (unsigned i = 0; i < e->n_headers; i++)
		if (slice_is_nocase(e->headers[i].name, name))
			return true;
	return false;
}

bool redis_metadata_add(struct buf *b, const struct request *r, const struct event *e)
{
	size_t begin = b->n;

	for (unsigned i = 0; i < e->n_headers; i++)
		member_add(b, begin, e->headers[i].name, e->headers[i].value);
	for (unsigned i = 0; i < r->n_metadata; i++)
		member_add(b, begin, r->metadata[i].name, r->metadata[i].value);
	if (e->content_type.p && !headers_have(e, "content-type"))
		member_add(b, begin, SLICE("content-type"), e->content_type);
	if (e->key.p && !headers_have(e, "partitionKey"))
		member_add(b, begin, SLICE("partitionKey"), e->key);
	if (b->n == begin)
		return false;
	buf_text(b, "}");
	return true;
}

/* How far the stream is cut with every entry; words of the command. */
static unsigned cut_words(const struct redis_rows *o)
{
	return o->max_len > 0 || o->ttl_ms > 0 ? 3 : 0;
}

static void cut_add(struct redis *r)
{
	struct redis_link *l = r->link;
	int64_t now = loop_wall(r->base.loop), ttl = r->rows.ttl_ms;

	if (!cut_words(&r->rows))
		return;
	redis_link_text(l, r->rows.max_len > 0 ? "MAXLEN" : "MINID");
	redis_link_text(l, "~");
	redis_link_number(l, r->rows.max_len > 0 ? r->rows.max_len : now > ttl ? now - ttl : 0);
}

void streams_publish(struct redis *r, struct slice place, const struct request *request, const struct event *e,
    redis_replied *replied, void *arg)
{
	struct redis_link *l = r->link;
	struct buf metadata = { 0 };
	bool has = redis_metadata_add(&metadata, request, e);

	redis_link_begin(l, 3 + cut_words(&r->rows) + 2 + (has ? 2 : 0));
	redis_link_text(l, "XADD");
	redis_link_word(l, place);
	cut_add(r);
	redis_link_text(l, "*");
	redis_link_text(l, r->rows.payload_field);
	redis_link_word(l, e->data);
	if (has) {
		redis_link_text(l, "metadata");
		redis_link_word(l, (struct slice){ metadata.p, metadata.n });
	}
	redis_link_end(l, replied, arg);
	buf_free(&metadata);
}
