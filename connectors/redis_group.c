/* The group of a stream: made when it is not there, made again when somebody took it away. */
#include <stdio.h>
#include <string.h>
#include "connectors/redis_streams.h"

void stream_down(struct redis_stream *st, const char *why)
{
	struct error e;

	if (!why && !st->down)
		return;
	st->down = why != NULL;
	if (why)
		error_set(&e, ERR_IO, "%s", why);
	for (unsigned i = 0; i < st->n_subs; i++)
		subscription_down(&st->redis->base, st->subs[i], why ? &e : NULL);
}

static void stream_made(struct redis_stream *st)
{
	stream_down(st, NULL);
	if (st->window == NULL)
		st->window = window_open(&st->redis->base, st->key, 0, ACK_ANY, 0, (struct slice){ NULL, 0 });
	if (st->redis->streams->peek) {
		stream_ready(st);
		return;
	}
	st->step = STREAM_OWN;
	stream_acks_send(st);
	stream_scan_begin(st, SCAN_OWN);
}

/* The command is not allowed, its result may be there all the same: the administrator makes the groups. */
static bool make_forbidden(const struct redis_reply *reply)
{
	return redis_reply_refuses(reply, "NOPERM") && memmem(reply->text.p, reply->text.n, "command", 7) != NULL;
}

static void make_answered(void *arg, const struct redis_reply *reply)
{
	struct redis_stream *st = arg;
	char why[200];

	if (redis_failed(st->redis, reply) || st->step != STREAM_MAKING)
		return;
	if (reply->kind != REDIS_ERROR || redis_reply_refuses(reply, "BUSYGROUP") || make_forbidden(reply)) {
		stream_made(st);
		return;
	}
	snprintf(why, sizeof(why), "the stream cannot be read: %.*s", (int)reply->text.n, reply->text.p);
	st->step = STREAM_WAITING;
	stream_down(st, why);
}

/* Where a new group begins.  One that was there and is gone has taken along what was pending with other consumers, so
 * everything comes again, unless the past was never wanted. */
static void make_group(struct redis_stream *st)
{
	struct redis_link *l = st->redis->link;
	bool known = st->read.ms || st->read.seq;

	redis_link_begin(l, 6);
	redis_link_text(l, "XGROUP");
	redis_link_text(l, "CREATE");
	redis_link_word(l, st->name);
	redis_link_text(l, st->redis->streams->group);
	if (st->redis->rows.start == REDIS_OLDEST || st->anew)
		redis_link_text(l, "0");
	else if (known)
		stream_id_word(l, st->read);
	else
		redis_link_text(l, "$");
	redis_link_text(l, "MKSTREAM");
	redis_link_end(l, make_answered, st);
}

/* The last entry there is: what comes behind it is new. */
static void peek_answered(void *arg, const struct redis_reply *reply)
{
	struct redis_stream *st = arg;

	if (redis_failed(st->redis, reply) || st->step != STREAM_MAKING)
		return;
	if (reply->kind == REDIS_ARRAY && reply->n == 1 && reply->items[0].kind == REDIS_ARRAY &&
	    reply->items[0].n == 2)
		stream_id_read(reply->items[0].items[0].text, &st->read);
	make_answered(st, reply);
}

static void make_peek(struct redis_stream *st)
{
	struct redis_link *l = st->redis->link;

	redis_link_begin(l, 6);
	redis_link_text(l, "XREVRANGE");
	redis_link_word(l, st->name);
	redis_link_text(l, "+");
	redis_link_text(l, "-");
	redis_link_text(l, "COUNT");
	redis_link_text(l, "1");
	redis_link_end(l, peek_answered, st);
}

void stream_make(struct redis_stream *st)
{
	st->step = STREAM_MAKING;
	if (!st->redis->streams->peek)
		make_group(st);
	else if (st->redis->rows.start == REDIS_NEWEST && !(st->read.ms || st->read.seq))
		make_peek(st);
	else
		stream_made(st);
}

static void heal_answered(void *arg, const struct redis_reply *reply)
{
	struct redis_stream *st = arg;
	const struct redis_reply *last = redis_reply_find(reply, "last-generated-id");
	struct stream_id id = { 0, 0 };

	if (redis_failed(st->redis, reply) || st->step != STREAM_MAKING)
		return;
	if (last)
		stream_id_read(last->text, &id);
	st->anew = (last || reply->kind == REDIS_ERROR) && stream_id_compare(id, st->read) < 0;
	log_warn(REDIS_SCOPE, "%s: stream %s: %s; it is made again%s", st->redis->base.name, st->key,
	    st->anew ? "it is gone, or another one" : "its consumer group is gone",
	    st->redis->rows.start == REDIS_OLDEST ? ", and what is in the stream comes again" : "");
	stream_make(st);
}

void stream_heal(struct redis_stream *st)
{
	struct redis_link *l = st->redis->link;

	if (st->step == STREAM_MAKING || st->step == STREAM_WAITING)
		return;
	st->step = STREAM_MAKING;
	redis_link_begin(l, 3);
	redis_link_text(l, "XINFO");
	redis_link_text(l, "STREAM");
	redis_link_word(l, st->name);
	redis_link_end(l, heal_answered, st);
}
