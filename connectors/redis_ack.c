/* Acknowledgements of a stream: many ids a command, kept until the server confirmed them; and what may be cut off. */
#include <stdlib.h>
#include <string.h>
#include "connectors/redis_streams.h"

/* --- acknowledgements --- */

static void ack_remove(struct redis_stream *st, struct stream_ack *a)
{
	struct stream_ack **at = &st->acks;

	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	st->n_acks -= a->n;
	free(a);
}

static void ack_answered(void *arg, const struct redis_reply *reply)
{
	struct stream_ack *a = arg;
	struct redis_stream *st = a->stream;
	struct redis *r = st->redis;

	if (reply->kind == REDIS_INTEGER) {
		connector_count(&r->base, FACT_COMMIT);
		ack_remove(st, a);
		streams_drained(r->streams);
		return;
	}
	a->sent = false; /* again at the next tick, or after the next connection */
	if (redis_failed(r, reply))
		return;
	connector_count(&r->base, FACT_COMMIT_FAILED);
	log_fault(&r->faults, loop_now(r->base.loop), LOG_WARN, REDIS_SCOPE,
	    "%s: stream %s: %u entries are delivered, but not acknowledged: XACK: %.*s", r->base.name, st->key, a->n,
	    (int)reply->text.n, reply->text.p);
}

static void ack_send(struct stream_ack *a)
{
	struct redis_stream *st = a->stream;
	struct redis_link *l = st->redis->link;

	a->sent = true;
	redis_link_begin(l, 3 + a->n);
	redis_link_text(l, "XACK");
	redis_link_word(l, st->name);
	redis_link_text(l, st->redis->streams->group);
	for (unsigned i = 0; i < a->n; i++)
		stream_id_word(l, a->ids[i]);
	redis_link_end(l, ack_answered, a);
}

void stream_acks_send(struct redis_stream *st)
{
	for (struct stream_ack *a = st->acks; a; a = a->next)
		if (!a->sent)
			ack_send(a);
}

void stream_ack(struct redis_stream *st, const struct stream_id *ids, unsigned n)
{
	struct stream_ack *a = mem_new(sizeof(*a)), **end = &st->acks;

	a->stream = st;
	a->n = n;
	memcpy(a->ids, ids, n * sizeof(*ids));
	while (*end)
		end = &(*end)->next;
	*end = a;
	st->n_acks += n;
	if (redis_link_is_open(st->redis->link))
		ack_send(a);
}

void stream_acks_free(struct redis_stream *st)
{
	while (st->acks)
		ack_remove(st, st->acks);
}

/* --- cutting off what all groups have acknowledged --- */

/* While the groups are asked one by one for their oldest pending entry. */
struct trim {
	struct redis_stream *stream;
	struct stream_id lowest; /* everything below may go */
	unsigned asked;
	bool unsure; /* a group could not be asked */
};

static void trim_answered(void *arg, const struct redis_reply *reply)
{
	struct redis_stream *st = arg;
	struct redis *r = st->redis;

	if (!redis_failed(r, reply) && reply->kind == REDIS_ERROR)
		log_fault(&r->faults, loop_now(r->base.loop), LOG_WARN, REDIS_SCOPE,
		    "%s: stream %s is not cut (trimAcknowledged): XTRIM: %.*s", r->base.name, st->key,
		    (int)reply->text.n, reply->text.p);
}

static void trim_end(struct trim *t)
{
	struct redis_link *l = t->stream->redis->link;
	char text[STREAM_ID_MAX];

	if (t->asked > 0)
		return;
	if (!t->unsure && (t->lowest.ms || t->lowest.seq) && redis_link_is_open(l)) {
		redis_link_begin(l, 5);
		redis_link_text(l, "XTRIM");
		redis_link_word(l, t->stream->name);
		redis_link_text(l, "MINID");
		redis_link_text(l, "~");
		redis_link_word(l, (struct slice){ text, stream_id_print(t->lowest, text) });
		redis_link_end(l, trim_answered, t->stream);
	}
	free(t);
}

static void trim_lower(struct trim *t, struct stream_id id)
{
	if (stream_id_compare(id, t->lowest) < 0)
		t->lowest = id;
}

/* [count, first, last, consumers] */
static void trim_pending(void *arg, const struct redis_reply *reply)
{
	struct trim *t = arg;
	struct stream_id first;

	t->asked--;
	if (reply->kind != REDIS_ARRAY || reply->n < 2)
		t->unsure = true;
	else if (reply->items[1].kind == REDIS_TEXT && stream_id_read(reply->items[1].text, &first))
		trim_lower(t, first);
	trim_end(t);
}

static void trim_ask(struct trim *t, struct slice group)
{
	struct redis_link *l = t->stream->redis->link;

	t->asked++;
	redis_link_begin(l, 3);
	redis_link_text(l, "XPENDING");
	redis_link_word(l, t->stream->name);
	redis_link_word(l, group);
	redis_link_end(l, trim_pending, t);
}

static void trim_groups(void *arg, const struct redis_reply *reply)
{
	struct redis_stream *st = arg;
	struct trim *t;
	struct stream_id last;

	if (redis_failed(st->redis, reply) || reply->kind != REDIS_ARRAY || reply->n == 0)
		return;
	t = mem_new(sizeof(*t));
	*t = (struct trim){ .stream = st, .lowest = { UINT64_MAX, UINT64_MAX } };
	for (unsigned i = 0; i < reply->n; i++) {
		const struct redis_reply *name = redis_reply_find(&reply->items[i], "name");
		const struct redis_reply *at = redis_reply_find(&reply->items[i], "last-delivered-id");

		if (!name || !at || !stream_id_read(at->text, &last)) {
			t->unsure = true;
			continue;
		}
		trim_lower(t, stream_id_after(last));
		trim_ask(t, name->text);
	}
	trim_end(t);
}

void stream_trim(struct redis_stream *st)
{
	struct redis_link *l = st->redis->link;

	redis_link_begin(l, 3);
	redis_link_text(l, "XINFO");
	redis_link_text(l, "GROUPS");
	redis_link_word(l, st->name);
	redis_link_end(l, trim_groups, st);
}
