/* The end of a reader: what is still pending in its name is made old, so that others take it over without waiting. */
#include "connectors/redis_streams.h"

static void back_ask(struct redis_stream *st);

static void back_done(struct redis_stream *st)
{
	st->hand_back = HAND_BACK_DONE;
	streams_drained(st->redis->streams);
}

static void back_claimed(void *arg, const struct redis_reply *reply)
{
	struct redis_stream *st = arg;

	if (reply->kind == REDIS_ARRAY)
		back_ask(st);
	else
		back_done(st); /* they become old by themselves */
}

/* Rows of [id, consumer, idle, deliveries] that are ours. */
static void back_claim(struct redis_stream *st, const struct redis_reply *rows)
{
	const struct redis *r = st->redis;
	struct redis_link *l = r->link;

	redis_link_begin(l, 8 + rows->n);
	redis_link_text(l, "XCLAIM");
	redis_link_word(l, st->name);
	redis_link_text(l, r->streams->group);
	redis_link_text(l, r->streams->consumer);
	redis_link_text(l, "0");
	for (unsigned i = 0; i < rows->n; i++)
		redis_link_word(l, rows->items[i].items[0].text);
	redis_link_text(l, "IDLE");
	redis_link_number(l, r->rows.processing_ms);
	redis_link_text(l, "JUSTID");
	redis_link_end(l, back_claimed, st);
}

static void back_listed(void *arg, const struct redis_reply *reply)
{
	struct redis_stream *st = arg;
	bool whole = reply->kind == REDIS_ARRAY && reply->n > 0;

	for (unsigned i = 0; whole && i < reply->n; i++) {
		const struct redis_reply *row = &reply->items[i];

		whole = row->kind == REDIS_ARRAY && row->n == 4 && stream_id_read(row->items[0].text, &st->handed);
	}
	st->handed = stream_id_after(st->handed);
	if (whole)
		back_claim(st, reply);
	else
		back_done(st);
}

static void back_ask(struct redis_stream *st)
{
	struct redis_link *l = st->redis->link;

	redis_link_begin(l, 7);
	redis_link_text(l, "XPENDING");
	redis_link_word(l, st->name);
	redis_link_text(l, st->redis->streams->group);
	stream_id_word(l, st->handed);
	redis_link_text(l, "+");
	redis_link_number(l, STREAM_PAGE);
	redis_link_text(l, st->redis->streams->consumer);
	redis_link_end(l, back_listed, st);
}

void stream_hand_back(struct redis_stream *st)
{
	if (st->redis->rows.processing_ms == 0 || !redis_link_is_open(st->redis->link)) {
		st->hand_back = HAND_BACK_DONE;
		return;
	}
	st->hand_back = HAND_BACK_ASKING;
	st->handed = (struct stream_id){ 0, 0 };
	back_ask(st);
}
