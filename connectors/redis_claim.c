/* Pending entries of a stream: ours from before a start, what dead consumers left, and the sign of life for our own. */
#include <stdlib.h>
#include <string.h>
#include "connectors/redis_streams.h"

enum { KEEP_MS = 20000 /* without a processingTimeout of ours: a third of the usual one */ };

static void scan_ask(struct redis_stream *st);

/* --- what is known here already --- */

static void claim_mark(void *arg, struct token token, int64_t age_ms)
{
	struct stream_scan *scan = arg;
	struct stream_id id = { token.w[0], token.w[1] };
	unsigned low = 0, high = scan->n;

	(void)age_ms;
	while (low < high) {
		unsigned middle = (low + high) / 2;
		int order = stream_id_compare(scan->claims[middle].id, id);

		if (order == 0) {
			scan->claims[middle].known = true;
			return;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
}

static bool batch_has(const struct stream_batch *b, struct stream_id id)
{
	struct stream_id at;

	for (unsigned i = b->at; i < b->n; i++)
		if (b->entries[i].kind == REDIS_ARRAY && b->entries[i].n > 0 &&
		    stream_id_read(b->entries[i].items[0].text, &at) && stream_id_compare(at, id) == 0)
			return true;
	return false;
}

static bool stream_knows(const struct redis_stream *st, struct stream_id id)
{
	for (const struct stream_ack *a = st->acks; a; a = a->next)
		for (unsigned i = 0; i < a->n; i++)
			if (stream_id_compare(a->ids[i], id) == 0)
				return true;
	return batch_has(&st->fresh, id) || batch_has(&st->claimed, id);
}

/* Leaves those nobody here has, and no more than may be asked for now. */
static void scan_sieve(struct redis_stream *st)
{
	struct stream_scan *scan = &st->scan;
	unsigned most = stream_count(st, 1), n = 0;

	if (st->window)
		window_walk(st->window, claim_mark, scan);
	for (unsigned i = 0; i < scan->n; i++) {
		if (scan->claims[i].known || stream_knows(st, scan->claims[i].id))
			continue;
		if (n == most) {
			scan->from = scan->claims[i].id;
			scan->more = true;
			break;
		}
		scan->claims[n++] = scan->claims[i];
	}
	scan->n = n;
}

/* --- the walk --- */

static void scan_end(struct redis_stream *st)
{
	enum scan_kind kind = st->scan.kind;

	st->scan.kind = SCAN_NONE;
	st->scan.n = 0;
	if (kind == SCAN_OWN)
		stream_ready(st);
	else if (st->step == STREAM_OWN)
		stream_scan_begin(st, SCAN_OWN);
}

void stream_scan_go_on(struct redis_stream *st)
{
	if (st->scan.kind == SCAN_NONE || st->scan.asking || st->claimed.memory)
		return;
	if (st->scan.more)
		scan_ask(st);
	else
		scan_end(st);
}

void stream_scan_begin(struct redis_stream *st, enum scan_kind kind)
{
	if (st->scan.kind != SCAN_NONE || st->redis->stopped)
		return;
	st->scan = (struct stream_scan){ .kind = kind };
	scan_ask(st);
}

/* An error in the midst of it: the rest is looked at another time. */
static void scan_refused(struct redis_stream *st, const char *what, const struct redis_reply *reply)
{
	struct redis *r = st->redis;

	if (redis_reply_refuses(reply, "NOGROUP")) {
		st->scan.kind = SCAN_NONE;
		stream_heal(st);
		return;
	}
	log_fault(&r->faults, loop_now(r->base.loop), LOG_WARN, REDIS_SCOPE, "%s: stream %s: %s: %.*s", r->base.name,
	    st->key, what, (int)reply->text.n, reply->text.p);
	st->scan.more = false;
	stream_scan_go_on(st);
}

/* --- claiming --- */

struct look {
	struct redis_stream *stream;
	struct stream_id id;
};

void stream_gone(struct redis_stream *st, struct stream_id id)
{
	stream_ack(st, &id, 1);
	for (unsigned i = 0; i < st->n_subs; i++)
		dropped(&st->redis->base, st->subs[i], 1, "cut off the stream before it was delivered");
}

static void look_answered(void *arg, const struct redis_reply *reply)
{
	struct look *look = arg;

	if (reply->kind == REDIS_ARRAY && reply->n == 0)
		stream_gone(look->stream, look->id);
	free(look);
}

/* Asked for and not handed over: another consumer was quicker, or it was cut off while it was pending. */
static void claim_missing(struct redis_stream *st, struct stream_id id)
{
	struct redis_link *l = st->redis->link;
	struct look *look = mem_new(sizeof(*look));

	*look = (struct look){ st, id };
	redis_link_begin(l, 4);
	redis_link_text(l, "XRANGE");
	redis_link_word(l, st->name);
	stream_id_word(l, id);
	stream_id_word(l, id);
	redis_link_end(l, look_answered, look);
}

static void claim_answered(void *arg, const struct redis_reply *reply)
{
	struct redis_stream *st = arg;
	struct stream_scan *scan = &st->scan;
	struct redis *r = st->redis;

	scan->asking = false;
	if (redis_failed(r, reply))
		return;
	if (reply->kind != REDIS_ARRAY) {
		scan_refused(st, "XCLAIM", reply);
		return;
	}
	if (r->stopped)
		return;
	stream_batch_take(st, &st->claimed, r->link, reply);
	for (unsigned i = 0; i < scan->n; i++)
		if (!batch_has(&st->claimed, scan->claims[i].id))
			claim_missing(st, scan->claims[i].id);
	if (scan->kind == SCAN_STALE && reply->n > 0)
		log_info(REDIS_SCOPE, "%s: stream %s: took over %u entries nobody gave a sign of life for",
		    r->base.name, st->key, reply->n);
	stream_offer(st);
}

static void claim_ask(struct redis_stream *st)
{
	struct redis_streams *s = st->redis->streams;
	struct redis_link *l = st->redis->link;

	st->scan.asking = true;
	redis_link_begin(l, 5 + st->scan.n);
	redis_link_text(l, "XCLAIM");
	redis_link_word(l, st->name);
	redis_link_text(l, s->group);
	redis_link_text(l, s->consumer);
	redis_link_number(l, st->scan.kind == SCAN_STALE ? st->redis->rows.processing_ms : 0);
	for (unsigned i = 0; i < st->scan.n; i++)
		stream_id_word(l, st->scan.claims[i].id);
	redis_link_end(l, claim_answered, st);
}

/* --- listing --- */

/* [id, consumer, idle, deliveries] */
static bool scan_row(struct redis_stream *st, const struct redis_reply *row)
{
	struct stream_scan *scan = &st->scan;
	const struct redis_reply *at = row->items;
	struct stream_claim *c = &scan->claims[scan->n];

	if (row->kind != REDIS_ARRAY || row->n != 4 || !stream_id_read(at[0].text, &c->id) ||
	    at[2].kind != REDIS_INTEGER || at[3].kind != REDIS_INTEGER)
		return false;
	scan->from = stream_id_after(c->id);
	c->deliveries = at[3].number > 0 ? (uint64_t)at[3].number : 0;
	c->known = false;
	scan->n += scan->kind == SCAN_OWN || at[2].number >= st->redis->rows.processing_ms;
	return true;
}

static void scan_answered(void *arg, const struct redis_reply *reply)
{
	struct redis_stream *st = arg;
	struct stream_scan *scan = &st->scan;

	scan->asking = false;
	if (redis_failed(st->redis, reply))
		return;
	if (redis_reply_refuses(reply, "ERR") && scan->kind == SCAN_STALE && !st->refuses_idle) {
		st->refuses_idle = true; /* before 6.2 */
		scan_ask(st);
		return;
	}
	if (reply->kind != REDIS_ARRAY) {
		scan_refused(st, "XPENDING", reply);
		return;
	}
	scan->n = 0;
	scan->more = reply->n >= STREAM_PAGE;
	for (unsigned i = 0; i < reply->n && i < STREAM_PAGE; i++)
		if (!scan_row(st, &reply->items[i]))
			break;
	scan_sieve(st);
	if (scan->n > 0 && !st->redis->stopped)
		claim_ask(st);
	else
		stream_scan_go_on(st);
}

static void scan_ask(struct redis_stream *st)
{
	const struct stream_scan *scan = &st->scan;
	struct redis_streams *s = st->redis->streams;
	struct redis_link *l = st->redis->link;
	bool own = scan->kind == SCAN_OWN, idle = !own && !st->refuses_idle;

	st->scan.asking = true;
	redis_link_begin(l, 6 + (own ? 1 : 0) + (idle ? 2 : 0));
	redis_link_text(l, "XPENDING");
	redis_link_word(l, st->name);
	redis_link_text(l, s->group);
	if (idle) {
		redis_link_text(l, "IDLE");
		redis_link_number(l, st->redis->rows.processing_ms);
	}
	stream_id_word(l, scan->from);
	redis_link_text(l, "+");
	redis_link_number(l, STREAM_PAGE);
	if (own)
		redis_link_text(l, s->consumer);
	redis_link_end(l, scan_answered, st);
}

/* --- the sign of life --- */

static void keep_add(struct redis_streams *s, struct stream_id id)
{
	if (s->ids_n == s->ids_cap) {
		s->ids_cap = s->ids_cap ? s->ids_cap * 2 : 256;
		s->ids = mem_grow(s->ids, s->ids_cap * sizeof(*s->ids));
	}
	s->ids[s->ids_n++] = id;
}

int64_t stream_keep_ms(const struct redis *r)
{
	return r->rows.processing_ms > 0 ? r->rows.processing_ms / 3 : KEEP_MS;
}

/* What came since the last sign of life needs none yet. */
static void keep_walk(void *arg, struct token token, int64_t age_ms)
{
	struct redis_streams *s = arg;

	if (age_ms >= stream_keep_ms(s->redis))
		keep_add(s, (struct stream_id){ token.w[0], token.w[1] });
}

static void keep_batch(struct redis_streams *s, const struct stream_batch *b)
{
	struct stream_id id;

	for (unsigned i = b->at; i < b->n; i++)
		if (b->entries[i].kind == REDIS_ARRAY && b->entries[i].n > 0 &&
		    stream_id_read(b->entries[i].items[0].text, &id))
			keep_add(s, id);
}

static void keep_answered(void *arg, const struct redis_reply *reply)
{
	struct redis_stream *st = arg;
	struct redis *r = st->redis;

	if (!redis_failed(r, reply) && reply->kind == REDIS_ERROR)
		log_fault(&r->faults, loop_now(r->base.loop), LOG_WARN, REDIS_SCOPE,
		    "%s: stream %s: what is in work may be taken over by others: XCLAIM: %.*s", r->base.name, st->key,
		    (int)reply->text.n, reply->text.p);
}

void stream_keep_alive(struct redis_stream *st)
{
	struct redis_streams *s = st->redis->streams;
	struct redis_link *l = st->redis->link;

	s->ids_n = 0;
	if (st->window)
		window_walk(st->window, keep_walk, s);
	keep_batch(s, &st->fresh);
	keep_batch(s, &st->claimed);
	for (unsigned at = 0; at < s->ids_n; at += STREAM_PAGE) {
		unsigned n = s->ids_n - at < STREAM_PAGE ? s->ids_n - at : STREAM_PAGE;

		redis_link_begin(l, 6 + n);
		redis_link_text(l, "XCLAIM");
		redis_link_word(l, st->name);
		redis_link_text(l, s->group);
		redis_link_text(l, s->consumer);
		redis_link_text(l, "0");
		for (unsigned i = 0; i < n; i++)
			stream_id_word(l, s->ids[at + i]);
		redis_link_text(l, "JUSTID");
		redis_link_end(l, keep_answered, st);
	}
}
