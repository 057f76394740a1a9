/* Lag of a stream's group: what was never delivered, as the server knows it or counted, and what is pending. */
#include "connectors/redis_streams.h"

enum { COUNT_MAX = 1000, COUNT_BYTES = 4 << 20 };

static void lag_tell(struct redis_stream *st, bool known)
{
	struct lag lag = st->lag;

	st->lag_asking = false;
	lag.known = known;
	lag.settled = st->n_acks < lag.unacked ? st->n_acks : lag.unacked;
	for (unsigned i = 0; i < st->n_subs; i++)
		lag_report(&st->redis->base, st->subs[i], 0, lag);
}

static void lag_refused(struct redis_stream *st, const char *what, const struct redis_reply *reply)
{
	struct redis *r = st->redis;

	lag_tell(st, false);
	if (!redis_failed(r, reply) && reply->kind == REDIS_ERROR)
		log_fault(&r->faults, loop_now(r->base.loop), LOG_WARN, REDIS_SCOPE, "%s: lag of stream %s: %s: %.*s",
		    r->base.name, st->key, what, (int)reply->text.n, reply->text.p);
}

/* [count, first, last, consumers] */
static void lag_pending(void *arg, const struct redis_reply *reply)
{
	struct redis_stream *st = arg;
	int64_t now = loop_wall(st->redis->base.loop);
	struct stream_id first;

	if (reply->kind != REDIS_ARRAY || reply->n < 2) {
		lag_refused(st, "XPENDING", reply);
		return;
	}
	if (stream_id_read(reply->items[1].text, &first) && first.ms <= INT64_MAX && (int64_t)first.ms < now)
		st->lag.oldest_ms = now - (int64_t)first.ms;
	lag_tell(st, true);
}

static void lag_ask_pending(struct redis_stream *st)
{
	struct redis_link *l = st->redis->link;

	redis_link_begin(l, 3);
	redis_link_text(l, "XPENDING");
	redis_link_word(l, st->name);
	redis_link_text(l, st->redis->streams->group);
	redis_link_end(l, lag_pending, st);
}

static void lag_counted(void *arg, const struct redis_reply *reply)
{
	struct redis_stream *st = arg;

	if (reply->kind != REDIS_ARRAY) {
		lag_refused(st, "XRANGE", reply);
		return;
	}
	st->lag.unacked += reply->n;
	lag_ask_pending(st);
}

/* The server does not know (older than 7, or entries were deleted in between): counted as far as a few megabytes go.
 * More than that is told as that many: enough to scale on. */
static void lag_count(struct redis_stream *st, struct stream_id last)
{
	struct redis_link *l = st->redis->link;
	int64_t most = COUNT_BYTES / (st->redis->entry_bytes + 64);

	redis_link_begin(l, 6);
	redis_link_text(l, "XRANGE");
	redis_link_word(l, st->name);
	stream_id_word(l, stream_id_after(last));
	redis_link_text(l, "+");
	redis_link_text(l, "COUNT");
	redis_link_number(l, most > COUNT_MAX ? COUNT_MAX : most > 0 ? most : 1);
	redis_link_end(l, lag_counted, st);
}

static void lag_groups(void *arg, const struct redis_reply *reply)
{
	struct redis_stream *st = arg;

	if (reply->kind != REDIS_ARRAY) {
		lag_refused(st, "XINFO GROUPS", reply);
		return;
	}
	for (unsigned i = 0; i < reply->n; i++) {
		const struct redis_reply *group = &reply->items[i], *name = redis_reply_find(group, "name");
		const struct redis_reply *pending = redis_reply_find(group, "pending"),
					 *lag = redis_reply_find(group, "lag");
		const struct redis_reply *last = redis_reply_find(group, "last-delivered-id");
		struct stream_id id;

		if (!name || !pending || !last || !slice_is(name->text, st->redis->streams->group) ||
		    !stream_id_read(last->text, &id))
			continue;
		st->lag.unacked = pending->number;
		if (lag && lag->kind == REDIS_INTEGER) {
			st->lag.unacked += lag->number > 0 ? lag->number : 0;
			lag_ask_pending(st);
		} else {
			lag_count(st, id);
		}
		return;
	}
	lag_tell(st, false); /* the group is gone: the next read notices */
}

void stream_lag_ask(struct redis_stream *st)
{
	struct redis_link *l = st->redis->link;

	if (st->lag_asking)
		return;
	st->lag_asking = true;
	st->lag = (struct lag){ 0 };
	redis_link_begin(l, 3);
	redis_link_text(l, "XINFO");
	redis_link_text(l, "GROUPS");
	redis_link_word(l, st->name);
	redis_link_end(l, lag_groups, st);
}
