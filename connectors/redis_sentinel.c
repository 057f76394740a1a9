/* Redis Sentinel: one sentinel after another is asked who the master is, until one of them knows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "connectors/redis.h"

enum { SENTINEL_READ_MS = 3000, REPLY_MAX = 1 << 20, ADDRESS_MAX = 300 };

struct redis_sentinel {
	struct redis *redis;
	void (*found)(struct redis *, const char *host_and_port);
	void (*failed)(struct redis *, const struct error *);
	const char *rest; /* of the list: those not asked yet */
	struct redis_link *link;
	struct error last;
	struct later begin;
};

static void sentinel_next(struct redis_sentinel *s);

static void sentinel_end(struct redis_sentinel *s, const char *master)
{
	struct redis *r = s->redis;
	struct error last = s->last;
	void (*found)(struct redis *, const char *) = s->found;
	void (*failed)(struct redis *, const struct error *) = s->failed;

	redis_sentinel_close(s);
	if (master)
		found(r, master);
	else
		failed(r, &last);
}

static void sentinel_answered(void *arg, const struct redis_reply *reply)
{
	struct redis_sentinel *s = arg;
	const struct redis_reply *at = reply->items;
	char text[ADDRESS_MAX];

	if (reply->kind == REDIS_LOST || reply->kind == REDIS_UNSENT)
		return; /* sentinel_ended() goes on */
	if (reply->kind == REDIS_ARRAY && reply->n == 2 && at[0].kind == REDIS_TEXT && at[1].kind == REDIS_TEXT) {
		bool v6 = memchr(at[0].text.p, ':', at[0].text.n) != NULL;

		snprintf(text, sizeof(text), v6 ? "[%.*s]:%.*s" : "%.*s:%.*s", (int)at[0].text.n, at[0].text.p,
		    (int)at[1].text.n, at[1].text.p);
		sentinel_end(s, text);
		return;
	}
	if (reply->kind == REDIS_ERROR)
		error_set(
		    &s->last, ERR_IO, "a sentinel refuses to name the master: %.*s", (int)reply->text.n, reply->text.p);
	else
		error_set(&s->last, ERR_CONFIG, "a sentinel knows no master %.60s (sentinelMasterName)",
		    s->redis->rows.master);
	sentinel_next(s);
}

static void sentinel_opened(void *arg)
{
	struct redis_sentinel *s = arg;

	redis_link_begin(s->link, 3);
	redis_link_text(s->link, "SENTINEL");
	redis_link_text(s->link, "get-master-addr-by-name");
	redis_link_text(s->link, s->redis->rows.master);
	redis_link_end(s->link, sentinel_answered, s);
}

static void sentinel_ended(void *arg, const struct error *why)
{
	struct redis_sentinel *s = arg;

	s->last = *why;
	error_wrap(&s->last, "sentinel");
	sentinel_next(s);
}

static const struct redis_link_events sentinel_events = { .opened = sentinel_opened, .ended = sentinel_ended };

/* -1: the list's next item is no address. */
static int sentinel_try(struct redis_sentinel *s, struct slice item)
{
	const struct redis_rows *o = &s->redis->rows;
	struct redis_link_options options = { .tls = s->redis->tls,
		.user = o->sentinel_user,
		.password = o->sentinel_password,
		.dial_ms = o->dial_ms,
		.read_ms = SENTINEL_READ_MS,
		.max_reply = REPLY_MAX };
	struct address address;
	char text[ADDRESS_MAX];

	snprintf(text, sizeof(text), memchr(item.p, ':', item.n) ? "%.*s" : "%.*s:26379", (int)item.n, item.p);
	if (address_parse(&address, text, &s->last) < 0)
		return -1;
	address.tls = o->tls;
	options.address = &address;
	s->link = redis_link_open(s->redis->base.loop, &options, &sentinel_events, s);
	address_free(&address);
	return 0;
}

static void sentinel_next(struct redis_sentinel *s)
{
	struct slice item;

	redis_link_close(s->link);
	s->link = NULL;
	while (list_next(&s->rest, &item))
		if (sentinel_try(s, item) == 0)
			return;
	sentinel_end(s, NULL);
}

static void sentinel_begin(void *arg)
{
	sentinel_next(arg);
}

struct redis_sentinel *redis_sentinel_open(struct redis *r, void (*found)(struct redis *, const char *host_and_port),
    void (*failed)(struct redis *, const struct error *))
{
	struct redis_sentinel *s = mem_new(sizeof(*s));

	s->redis = r;
	s->found = found;
	s->failed = failed;
	s->rest = r->rows.host;
	error_set(&s->last, ERR_CONFIG, "redisHost: a list of sentinels was expected");
	s->begin = (struct later){ .fn = sentinel_begin, .arg = s };
	loop_defer(r->base.loop, &s->begin);
	return s;
}

void redis_sentinel_close(struct redis_sentinel *s)
{
	if (!s)
		return;
	loop_undefer(s->redis->base.loop, &s->begin);
	redis_link_close(s->link);
	free(s);
}
