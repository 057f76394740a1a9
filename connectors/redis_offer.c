/* Entries of a stream to the core, as far as it has credit; what it does not take stays in the reply that is held. */
#include "connectors/redis_streams.h"

void stream_batch_drop(struct stream_batch *b)
{
	redis_memory_release(b->memory);
	*b = (struct stream_batch){ 0 };
}

void stream_batch_take(
    struct redis_stream *st, struct stream_batch *b, struct redis_link *from, const struct redis_reply *entries)
{
	struct redis *r = st->redis;

	stream_batch_drop(b);
	b->memory = redis_link_hold(from);
	b->entries = entries->items;
	b->n = entries->n;
	r->entry_bytes -= r->entry_bytes / 8; /* large ones are forgotten slowly */
}

unsigned stream_count(const struct redis_stream *st, unsigned streams)
{
	return redis_room(st->redis, st->window, streams);
}

/* New entries only come with rising ids.  If not, the group was set back (or made anew), and what is in work here may
 * come again; or the stream was made anew, and the same id is another entry. */
static void offer_order(struct redis_stream *st, struct event *e)
{
	struct stream_id id = { e->token.w[0], e->token.w[1] };

	if (stream_id_compare(id, st->read) > 0) {
		st->read = id;
		return;
	}
	if (!st->anew) {
		e->again = true;
		return;
	}
	log_warn(REDIS_SCOPE, "%s: stream %s was made anew: its ids begin again", st->redis->base.name, st->key);
	window_lost(st->window);
	st->window = window_open(&st->redis->base, st->key, 0, ACK_ANY, 0, (struct slice){ NULL, 0 });
	st->anew = false;
	st->read = id;
}

static uint64_t claim_deliveries(const struct stream_scan *scan, const struct redis_reply *entry)
{
	struct stream_id id;

	if (entry->kind != REDIS_ARRAY || entry->n == 0 || !stream_id_read(entry->items[0].text, &id))
		return 0;
	for (unsigned i = 0; i < scan->n; i++)
		if (stream_id_compare(scan->claims[i].id, id) == 0)
			return scan->claims[i].deliveries;
	return 0;
}

static void offer_wrong(struct redis_stream *st)
{
	struct error e;

	error_set(&e, ERR_PROTOCOL, "stream %.100s: the server sends an entry that is none", st->key);
	redis_down(st->redis, &e);
}

/* false: the core did not take it, or the connection is given up. */
static bool offer_entry(struct redis_stream *st, struct stream_batch *b, bool claimed)
{
	const struct redis_reply *entry = &b->entries[b->at];
	struct redis *r = st->redis;
	struct event e;

	if (entry->kind == REDIS_NIL)
		return true; /* before Redis 7, claimed and cut off: redis_claim.c sees that it is missing */
	switch (stream_entry(st, entry, claimed ? claim_deliveries(&st->scan, entry) : 0, &e)) {
	case ENTRY_WRONG: offer_wrong(st); return false;
	case ENTRY_GONE: stream_gone(st, (struct stream_id){ e.token.w[0], e.token.w[1] }); return true;
	case ENTRY_EVENT: break;
	}
	if (claimed)
		e.again = true;
	else if (!b->refused)
		offer_order(st, &e);
	else
		e.again = b->again;
	b->again = e.again;
	if ((int64_t)e.data.n > r->entry_bytes)
		r->entry_bytes = (int64_t)e.data.n;
	switch (offer(st->window, &e, st->subs, st->n_subs)) {
	case OFFER_TAKEN:
	case OFFER_GONE: b->refused = false; return true;
	case OFFER_WAIT: r->streams->waiting = true; break;
	case OFFER_HELD: st->held = true; break;
	}
	b->refused = true;
	return false;
}

static bool batch_offer(struct redis_stream *st, struct stream_batch *b, bool claimed)
{
	for (; b->at < b->n; b->at++)
		if (!offer_entry(st, b, claimed))
			return false;
	stream_batch_drop(b);
	return true;
}

bool stream_offer(struct redis_stream *st)
{
	struct redis *r = st->redis;

	if (st->n_subs == 0) {
		stream_batch_drop(&st->claimed);
		stream_batch_drop(&st->fresh);
		return true;
	}
	if (st->held || r->streams->waiting)
		return !st->fresh.memory && !st->claimed.memory;
	if (st->claimed.memory) {
		if (!batch_offer(st, &st->claimed, true))
			return false;
		stream_scan_go_on(st);
	}
	return batch_offer(st, &st->fresh, false);
}
