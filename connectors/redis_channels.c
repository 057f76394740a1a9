/* Redis channels: whatever is published while we listen, at most once; and publishing. */
#include <stdlib.h>
#include <string.h>
#include "connectors/redis.h"

struct channel {
	struct channel *next;
	char *key;
	struct slice name;
	bool pattern; /* PSUBSCRIBE */
	const struct subscription **subs;
	unsigned n_subs;
	struct window *window;
	uint64_t seq;
	bool asked, heard, refused; /* of this connection: to listen, and how it was answered */
	bool down; /* the core was told */
};

enum { AGAIN_MS = 5000 };

struct redis_channels {
	struct redis *redis;
	struct channel *list;
	struct redis_link *link;
	int64_t deaf_since; /* 0: listening, or it never was */
	bool listened;
	struct timer again; /* asks for those that were refused */
};

static bool is_pattern(struct slice name)
{
	for (size_t i = 0; i < name.n; i++)
		if (strchr("*?[", name.p[i]))
			return true;
	return false;
}

/* --- what comes --- */

static void channel_offer(struct redis *r, struct channel *ch, struct slice topic, struct slice data)
{
	struct header headers[2] = { { SLICE("__topic"), topic }, { SLICE("__pattern"), ch->name } };
	struct event e = { .topic = topic,
		.data = data,
		.token = { { ++ch->seq, 0 } },
		.headers = headers,
		.n_headers = ch->pattern ? 2 : 1 };

	if (r->stopped || ch->n_subs == 0)
		return;
	if (!ch->window)
		ch->window = window_open(&r->base, ch->key, 0, ACK_NONE, 0, (struct slice){ NULL, 0 });
	switch (offer(ch->window, &e, ch->subs, ch->n_subs)) {
	case OFFER_TAKEN:
	case OFFER_GONE: return;
	case OFFER_WAIT:
	case OFFER_HELD: break;
	}
	for (unsigned i = 0; i < ch->n_subs; i++)
		dropped(&r->base, ch->subs[i], 1, "no room for it, and a channel does not wait");
}

static struct channel *channel_find(struct redis_channels *s, struct slice name, bool pattern)
{
	for (struct channel *ch = s->list; ch; ch = ch->next)
		if (ch->pattern == pattern && slice_equal(ch->name, name))
			return ch;
	return NULL;
}

static void channels_again(void *arg);

static void channel_down(struct redis *r, struct channel *ch, const struct error *why)
{
	if (!why && !ch->down)
		return;
	ch->down = why != NULL;
	for (unsigned i = 0; i < ch->n_subs; i++)
		subscription_down(&r->base, ch->subs[i], why);
}

/* Confirmations and refusals come in the order of the commands. */
static void channel_refused(struct redis_channels *s, const struct redis_reply *reply)
{
	struct error e;

	error_set(&e, redis_reply_refuses(reply, "NOPERM") ? ERR_DENIED : ERR_IO,
	    "the channel cannot be listened to: %.*s", (int)reply->text.n, reply->text.p);
	for (struct channel *ch = s->list; ch; ch = ch->next)
		if (ch->asked && !ch->heard && !ch->refused) {
			ch->refused = true;
			channel_down(s->redis, ch, &e);
			break;
		}
	timer_set(s->redis->base.loop, &s->again, AGAIN_MS, channels_again, s);
}

static void channel_confirmed(struct redis_channels *s, struct channel *ch)
{
	if (!ch)
		return;
	ch->heard = true;
	channel_down(s->redis, ch, NULL);
}

static void channels_pushed(void *arg, const struct redis_reply *reply)
{
	struct redis_channels *s = arg;
	const struct redis_reply *at = reply->items;
	bool message = reply->kind == REDIS_ARRAY && reply->n == 3 && slice_is(at[0].text, "message");
	bool pmessage = reply->kind == REDIS_ARRAY && reply->n == 4 && slice_is(at[0].text, "pmessage");
	struct channel *ch;

	if (reply->kind == REDIS_ERROR && !redis_failed(s->redis, reply)) {
		channel_refused(s, reply);
	} else if (message || pmessage) {
		ch = channel_find(s, at[1].text, pmessage);
		if (ch)
			channel_offer(s->redis, ch, at[reply->n - 2].text, at[reply->n - 1].text);
	} else if (reply->kind == REDIS_ARRAY && reply->n == 3) {
		if (slice_is(at[0].text, "subscribe") || slice_is(at[0].text, "psubscribe"))
			channel_confirmed(s, channel_find(s, at[1].text, slice_is(at[0].text, "psubscribe")));
	}
}

/* --- the link that listens --- */

static void channel_listen(struct redis_channels *s, struct channel *ch, bool on)
{
	const char *const words[2][2] = { { "UNSUBSCRIBE", "SUBSCRIBE" }, { "PUNSUBSCRIBE", "PSUBSCRIBE" } };

	ch->asked = on;
	ch->heard = ch->refused = false;
	redis_link_begin(s->link, 2);
	redis_link_text(s->link, words[ch->pattern][on]);
	redis_link_word(s->link, ch->name);
	redis_link_end(s->link, NULL, NULL);
}

static void channels_listen(struct redis_channels *s)
{
	if (!redis_link_is_open(s->link))
		return;
	for (struct channel *ch = s->list; ch; ch = ch->next)
		if (ch->asked != (ch->n_subs > 0))
			channel_listen(s, ch, ch->n_subs > 0);
}

static void channels_again(void *arg)
{
	struct redis_channels *s = arg;

	for (struct channel *ch = s->list; ch; ch = ch->next)
		if (ch->refused)
			ch->asked = false;
	channels_listen(s);
}

static void channels_opened(void *arg)
{
	struct redis_channels *s = arg;
	struct redis *r = s->redis;

	if (s->deaf_since)
		log_warn(REDIS_SCOPE,
		    "%s: listening again after %lld ms: what was published to its channels meanwhile is not received",
		    r->base.name, (long long)(loop_now(r->base.loop) - s->deaf_since));
	s->deaf_since = 0;
	s->listened = true;
	channels_listen(s);
	redis_report(r);
}

static void channels_ended(void *arg, const struct error *why)
{
	redis_down(((struct redis_channels *)arg)->redis, why);
}

static const struct redis_link_events channels_events = {
	.opened = channels_opened,
	.ended = channels_ended,
	.pushed = channels_pushed,
};

static void channels_close_link(struct redis_channels *s)
{
	struct redis_link *l = s->link;

	s->link = NULL;
	redis_link_close(l);
	for (struct channel *ch = s->list; ch; ch = ch->next)
		ch->asked = ch->heard = ch->refused = false;
	timer_stop(s->redis->base.loop, &s->again);
}

/* --- what the core calls --- */

static void channel_wanted(struct redis_channels *s, const struct subscription *sub)
{
	struct slice name = slice_text(sub->topic);
	struct channel *ch = channel_find(s, name, is_pattern(name)), **end = &s->list;

	while (*end)
		end = &(*end)->next;
	if (!ch) {
		ch = *end = mem_new(sizeof(*ch));
		ch->key = mem_text(sub->topic);
		ch->name = slice_text(ch->key);
		ch->pattern = is_pattern(name);
	}
	ch->subs = mem_grow(ch->subs, (ch->n_subs + 1) * sizeof(*ch->subs));
	ch->subs[ch->n_subs++] = sub;
}

static int channels_subscribe(struct redis *r, const struct subscription *const *subs, unsigned n, struct error *err)
{
	struct redis_channels *s = r->channels;

	(void)err;
	if (n == 0 && !s)
		return 0;
	if (!s) {
		s = r->channels = mem_new(sizeof(*s));
		s->redis = r;
	}
	for (struct channel *ch = s->list; ch; ch = ch->next)
		ch->n_subs = 0;
	for (unsigned i = 0; i < n; i++)
		channel_wanted(s, subs[i]);
	if (!s->link && n > 0)
		s->link = redis_connect(r, &channels_events, s);
	channels_listen(s);
	return 0;
}

/* false: the link that listens is still to come. */
static bool channels_connected(struct redis *r)
{
	struct redis_channels *s = r->channels;

	if (!s || r->stopped)
		return true;
	if (!s->link)
		s->link = redis_connect(r, &channels_events, s);
	return redis_link_is_open(s->link);
}

static void channels_lost(struct redis *r)
{
	struct redis_channels *s = r->channels;

	if (!s)
		return;
	if (s->listened && !s->deaf_since)
		s->deaf_since = loop_now(r->base.loop);
	channels_close_link(s);
}

static void channels_stop(struct redis *r)
{
	if (r->channels)
		channels_close_link(r->channels);
}

static void channels_close(struct redis *r)
{
	struct redis_channels *s = r->channels;

	if (!s)
		return;
	channels_close_link(s);
	while (s->list) {
		struct channel *ch = s->list;

		s->list = ch->next;
		free(ch->subs);
		free(ch->key);
		free(ch);
	}
	free(s);
	r->channels = NULL;
}

static void channels_publish(struct redis *r, struct slice place, const struct request *request, const struct event *e,
    redis_replied *replied, void *arg)
{
	(void)request;
	redis_link_begin(r->link, 3);
	redis_link_text(r->link, "PUBLISH");
	redis_link_word(r->link, place);
	redis_link_word(r->link, e->data);
	redis_link_end(r->link, replied, arg);
}

const struct redis_reading redis_channels_reading = {
	.connected = channels_connected,
	.subscribe = channels_subscribe,
	.stop = channels_stop,
	.lost = channels_lost,
	.close = channels_close,
	.publish = channels_publish,
	.keeps_nothing = true,
};
