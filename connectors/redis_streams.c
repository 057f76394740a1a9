/* Reading Redis streams: which ones, what the core asks of them, and the clock of everything that is done again. */
#include "connectors/redis_streams.h"
#include <stdlib.h>
#include <unistd.h>

enum { TICK_MS = 1000, LAG_EVERY_MS = 5000, TRIM_EVERY_MS = 10000 };

struct redis_stream *streams_find(struct redis_streams *s, struct slice key)
{
	for (struct redis_stream *st = s->list; st; st = st->next)
		if (slice_equal(st->name, key))
			return st;
	return NULL;
}

void stream_ready(struct redis_stream *st)
{
	st->step = STREAM_READING;
	if (!st->redis->streams->peek) {
		stream_lag_ask(st);
		if (st->redis->rows.redeliver_ms > 0)
			stream_scan_begin(st, SCAN_STALE);
	}
	streams_read(st->redis->streams);
}

/* --- the clock --- */

static void stream_tick(struct redis_stream *st, int64_t now)
{
	struct redis_streams *s = st->redis->streams;

	if (st->step == STREAM_WAITING && st->n_subs > 0 && !st->redis->stopped)
		stream_make(st);
	if (s->peek)
		return;
	stream_acks_send(st);
	if (now >= s->keep_at)
		stream_keep_alive(st);
	if (st->step != STREAM_READING)
		return;
	if (st->redis->rows.redeliver_ms > 0 && now >= s->scan_at)
		stream_scan_begin(st, SCAN_STALE);
	if (now >= s->lag_at)
		stream_lag_ask(st);
	if (st->redis->rows.trim && now >= s->trim_at)
		stream_trim(st);
	if (st->redis->rows.expiry_ms > 0 && now >= s->tidy_at)
		stream_tidy(st);
}

static void next_at(int64_t *at, int64_t now, int64_t every)
{
	if (now >= *at)
		*at = now + every;
}

static void streams_tick(void *arg)
{
	struct redis_streams *s = arg;
	struct redis *r = s->redis;
	int64_t now = loop_now(r->base.loop);

	timer_set(r->base.loop, &s->tick, TICK_MS, streams_tick, s);
	streams_read(s);
	for (struct redis_stream *st = s->list; st && r->up && redis_link_is_open(r->link); st = st->next)
		stream_tick(st, now);
	next_at(&s->keep_at, now, stream_keep_ms(r));
	next_at(&s->scan_at, now, r->rows.redeliver_ms);
	next_at(&s->lag_at, now, LAG_EVERY_MS);
	next_at(&s->trim_at, now, TRIM_EVERY_MS);
	next_at(&s->tidy_at, now, r->rows.expiry_ms);
}

/* --- what the core calls --- */

static struct redis_streams *streams_make(struct redis *r, const struct subscription *sub)
{
	struct redis_streams *s = mem_new(sizeof(*s));
	const char *group = r->rows.group && *r->rows.group ? r->rows.group : sub->group;

	s->redis = r;
	s->peek = sub->peek;
	s->group = mem_text(group ? group : "");
	s->slot = -1;
	s->consumer = s->peek ? NULL : consumer_name(r, s->group, &s->slot);
	r->streams = s;
	streams_tick(s);
	return s;
}

static struct redis_stream *stream_wanted(struct redis_streams *s, const struct subscription *sub)
{
	struct redis_stream *st = streams_find(s, slice_text(sub->topic));

	if (!st) {
		st = mem_new(sizeof(*st));
		st->redis = s->redis;
		st->key = mem_text(sub->topic);
		st->name = slice_text(st->key);
		st->next = s->list;
		s->list = st;
	}
	st->subs = mem_grow(st->subs, (st->n_subs + 1) * sizeof(*st->subs));
	st->subs[st->n_subs++] = sub;
	return st;
}

static int streams_subscribe(struct redis *r, const struct subscription *const *subs, unsigned n, struct error *err)
{
	struct redis_streams *s = r->streams;

	if (n == 0 && !s)
		return 0;
	if (!s)
		s = streams_make(r, subs[0]);
	if (!s->peek && *s->group == '\0')
		return error_set(err, ERR_CONFIG, "consumerID: reading needs a consumer group");
	for (struct redis_stream *st = s->list; st; st = st->next)
		st->n_subs = 0;
	for (unsigned i = 0; i < n; i++)
		stream_wanted(s, subs[i]);
	if (!s->reader && n > 0)
		reader_open(s);
	for (struct redis_stream *st = s->list; st && r->link; st = st->next)
		if (st->step == STREAM_WAITING && st->n_subs > 0)
			stream_make(st);
	streams_read(s);
	return 0;
}

/* false: its own link is still to come. */
static bool streams_connected(struct redis *r)
{
	struct redis_streams *s = r->streams;

	if (!s || r->stopped)
		return true;
	if (!s->reader)
		reader_open(s);
	return redis_link_is_open(s->reader);
}

static void streams_go_on(struct redis_streams *s)
{
	for (struct redis_stream *st = s->list; st && !s->waiting; st = st->next)
		stream_offer(st);
	streams_read(s);
}

static void streams_resume(struct redis *r)
{
	if (!r->streams || !r->streams->waiting)
		return;
	r->streams->waiting = false;
	streams_go_on(r->streams);
}

static void streams_hold(struct redis *r, struct window *w, bool on)
{
	for (struct redis_stream *st = r->streams->list; st; st = st->next)
		if (st->window == w)
			st->held = on;
	if (!on)
		streams_go_on(r->streams);
}

static void streams_ack(struct redis *r, struct window *w, const struct event *const *events, unsigned n)
{
	struct stream_id ids[STREAM_ACKS];

	if (r->streams->peek)
		return;
	for (struct redis_stream *st = r->streams->list; st; st = st->next) {
		if (st->window != w)
			continue;
		for (unsigned at = 0, i; at < n; at += i) {
			for (i = 0; i < STREAM_ACKS && at + i < n; i++)
				ids[i] = (struct stream_id){ events[at + i]->token.w[0], events[at + i]->token.w[1] };
			stream_ack(st, ids, i);
		}
	}
}

/* What was read and not offered is read again after the next connection: it is pending in our name. */
static void streams_lost(struct redis *r)
{
	struct redis_streams *s = r->streams;

	if (!s)
		return;
	reader_close(s);
	s->waiting = false;
	for (struct redis_stream *st = s->list; st; st = st->next) {
		stream_batch_drop(&st->fresh);
		stream_batch_drop(&st->claimed);
		st->scan.kind = SCAN_NONE;
		st->scan.asking = false;
		st->step = STREAM_WAITING;
		st->in_read = false;
	}
}

/* No further read; what was read and not offered is left to whoever has our name next, or takes it over. */
static void streams_stop(struct redis *r)
{
	struct redis_streams *s = r->streams;

	if (!s)
		return;
	reader_close(s);
	for (struct redis_stream *st = s->list; st; st = st->next) {
		stream_batch_drop(&st->fresh);
		stream_batch_drop(&st->claimed);
	}
}

void streams_drained(struct redis_streams *s)
{
	if (!s->drain)
		return;
	for (struct redis_stream *st = s->list; st; st = st->next)
		if (st->acks && !s->peek)
			return;
	for (struct redis_stream *st = s->list; st; st = st->next)
		if (!s->peek && st->hand_back == HAND_BACK_NOT_YET)
			stream_hand_back(st);
	for (struct redis_stream *st = s->list; st; st = st->next)
		if (!s->peek && st->hand_back != HAND_BACK_DONE)
			return;
	s->drain = false;
	connector_drained(&s->redis->base);
}

static void streams_drain(struct redis *r)
{
	if (!r->streams) {
		connector_drained(&r->base);
		return;
	}
	r->streams->drain = true;
	streams_drained(r->streams);
}

static void streams_close(struct redis *r)
{
	struct redis_streams *s = r->streams;

	if (!s)
		return;
	reader_close(s);
	redis_link_close(r->link);
	r->link = NULL;
	timer_stop(r->base.loop, &s->tick);
	while (s->list) {
		struct redis_stream *st = s->list;

		s->list = st->next;
		stream_batch_drop(&st->fresh);
		stream_batch_drop(&st->claimed);
		stream_acks_free(st);
		free(st->subs);
		free(st->key);
		free(st);
	}
	if (s->slot >= 0)
		close(s->slot);
	free(s->group);
	free(s->consumer);
	free(s->headers);
	free(s->ids);
	buf_free(&s->text);
	buf_free(&s->json);
	free(s);
	r->streams = NULL;
}

const struct redis_reading redis_streams_reading = {
	.connected = streams_connected,
	.subscribe = streams_subscribe,
	.resume = streams_resume,
	.hold = streams_hold,
	.ack = streams_ack,
	.stop = streams_stop,
	.drain = streams_drain,
	.lost = streams_lost,
	.close = streams_close,
	.publish = streams_publish,
};
