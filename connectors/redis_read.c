/* New entries: the one blocking read for all streams of a component, on a connection of its own. */
#include <string.h>
#include "connectors/redis_streams.h"

enum { BLOCK_MS = 3000 };

/* Nothing is in work and yet there is no credit: there is no function.  What would be read for it now other replicas
 * could not have; the clock looks again. */
static bool stream_has_no_function(const struct redis_stream *st)
{
	return window_empty(st->window) && window_credit(st->window).events == 0;
}

static bool stream_readable(const struct redis_stream *st)
{
	return st->step == STREAM_READING && st->n_subs > 0 && !st->held && !st->fresh.memory &&
	    !stream_has_no_function(st);
}

/* --- the read --- */

static void read_refused(struct redis_streams *s, const struct redis_reply *reply)
{
	if (redis_reply_refuses(reply, "NOGROUP") || memmem(reply->text.p, reply->text.n, "no longer exists", 16)) {
		for (struct redis_stream *st = s->list; st; st = st->next)
			if (st->in_read)
				stream_heal(st);
		return;
	}
	redis_refused(s->redis, "XREADGROUP", reply);
}

static void read_taken(struct redis_streams *s, const struct redis_reply *reply)
{
	for (unsigned i = 0; i < reply->n; i++) {
		const struct redis_reply *at = reply->items[i].items;
		struct redis_stream *st;

		if (reply->items[i].kind != REDIS_ARRAY || reply->items[i].n != 2 || at[1].kind != REDIS_ARRAY)
			continue;
		st = streams_find(s, at[0].text);
		if (st && st->in_read)
			stream_batch_take(st, &st->fresh, s->reader, &at[1]);
	}
	for (struct redis_stream *st = s->list; st && s->reader; st = st->next)
		if (st->fresh.memory)
			stream_offer(st);
}

static void read_answered(void *arg, const struct redis_reply *reply)
{
	struct redis_streams *s = arg;

	s->reading = s->unblocking = false;
	if (reply->kind == REDIS_LOST || reply->kind == REDIS_UNSENT || s->redis->stopped)
		return;
	if (reply->kind == REDIS_ERROR)
		read_refused(s, reply);
	else if (reply->kind == REDIS_ARRAY)
		read_taken(s, reply);
	for (struct redis_stream *st = s->list; st; st = st->next)
		st->in_read = false;
	streams_read(s);
}

static void unblock_answered(void *arg, const struct redis_reply *reply)
{
	struct redis_streams *s = arg;

	if (reply->kind == REDIS_ERROR)
		s->reader_id = 0; /* forbidden: the read ends by itself soon enough */
}

/* A stream may be read that the read under way does not ask for: it is told to end. */
static void read_interrupt(struct redis_streams *s)
{
	struct redis_link *l = s->redis->link;
	bool missed = false;

	for (struct redis_stream *st = s->list; st; st = st->next)
		missed |= stream_readable(st) && !st->in_read;
	if (!missed || s->unblocking || !s->reader_id || !redis_link_is_open(l))
		return;
	s->unblocking = true;
	redis_link_begin(l, 3);
	redis_link_text(l, "CLIENT");
	redis_link_text(l, "UNBLOCK");
	redis_link_number(l, s->reader_id);
	redis_link_end(l, unblock_answered, s);
}

static void read_ask(struct redis_streams *s, unsigned n, unsigned count)
{
	struct redis *r = s->redis;
	struct redis_link *l = s->reader;
	int64_t block = r->rows.read_ms > 0 ? r->rows.read_ms : BLOCK_MS;

	s->reading = true;
	redis_link_begin(l, (s->peek ? 6 : 9) + 2 * n);
	redis_link_text(l, s->peek ? "XREAD" : "XREADGROUP");
	if (!s->peek) {
		redis_link_text(l, "GROUP");
		redis_link_text(l, s->group);
		redis_link_text(l, s->consumer);
	}
	redis_link_text(l, "COUNT");
	redis_link_number(l, count);
	redis_link_text(l, "BLOCK");
	redis_link_number(l, block);
	redis_link_text(l, "STREAMS");
	for (struct redis_stream *st = s->list; st; st = st->next)
		if (st->in_read)
			redis_link_word(l, st->name);
	for (struct redis_stream *st = s->list; st; st = st->next)
		if (st->in_read && s->peek)
			stream_id_word(l, st->read);
		else if (st->in_read)
			redis_link_text(l, ">");
	redis_link_end_blocking(l, block, read_answered, s);
}

void streams_read(struct redis_streams *s)
{
	struct redis_stream *first = NULL;
	unsigned n = 0;

	if (s->redis->stopped || s->waiting || !redis_link_is_open(s->reader))
		return;
	if (s->reading) {
		read_interrupt(s);
		return;
	}
	for (struct redis_stream *st = s->list; st; st = st->next) {
		st->in_read = stream_readable(st);
		n += st->in_read;
		if (!first && st->in_read)
			first = st;
	}
	if (n > 0)
		read_ask(s, n, stream_count(first, n));
}

/* --- the reader's link --- */

static void reader_named(void *arg, const struct redis_reply *reply)
{
	struct redis_streams *s = arg;

	s->reader_id = reply->kind == REDIS_INTEGER ? reply->number : 0;
}

static void reader_opened(void *arg)
{
	struct redis_streams *s = arg;

	redis_link_begin(s->reader, 2);
	redis_link_text(s->reader, "CLIENT");
	redis_link_text(s->reader, "ID");
	redis_link_end(s->reader, reader_named, s);
	redis_report(s->redis);
	streams_read(s);
}

static void reader_ended(void *arg, const struct error *why)
{
	redis_down(((struct redis_streams *)arg)->redis, why);
}

static const struct redis_link_events reader_events = { .opened = reader_opened, .ended = reader_ended };

void reader_open(struct redis_streams *s)
{
	s->reader = redis_connect(s->redis, &reader_events, s);
}

void reader_close(struct redis_streams *s)
{
	struct redis_link *l = s->reader;

	s->reader = NULL;
	s->reader_id = 0;
	redis_link_close(l);
	s->reading = s->unblocking = false;
}
