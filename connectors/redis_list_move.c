/* Entries of a Redis list: moved into what is in work while there is credit, waited for, offered. */
#include <stdio.h>
#include <string.h>
#include "connectors/redis_lists.h"

enum { BLOCK_MS = 3000, NUMBER_MAX = 24 };

/* --- offering --- */

static struct slice text_number(struct buf *text, uint64_t value)
{
	size_t at = text->n;

	buf_uint(text, value);
	return (struct slice){ text->p + at, text->n - at };
}

/* Its texts are good until the next call. */
static void event_make(struct redis_unit *u, struct slice data, struct header headers[2], struct event *e)
{
	struct redis_list *l = u->list;
	struct buf *text = &l->redis->lists->text;

	buf_clear(text);
	buf_room(text, l->name.n + UNIT_MAX + 2 * NUMBER_MAX);
	buf_slice(text, l->name);
	buf_text(text, "/");
	buf_text(text, u->id);
	buf_text(text, "/");
	buf_uint(text, u->seq);
	*e = (struct event){ .id = { text->p, text->n },
		.topic = l->name,
		.data = data,
		.seen = u->deliveries,
		.token = { { u->number, u->seq } },
		.headers = headers,
		.n_headers = 2 };
	headers[0] = (struct header){ SLICE("__topic"), l->name };
	headers[1] = (struct header){ SLICE("__deliveryCount"), text_number(text, (uint64_t)u->deliveries + 1) };
}

static bool entry_offer(struct redis_unit *u, struct slice data)
{
	struct redis_list *l = u->list;
	struct redis *r = l->redis;
	struct header headers[2];
	struct event e;

	if (l->held || r->lists->waiting || r->stopped || l->n_subs == 0)
		return false;
	if (!l->window)
		l->window = window_open(&r->base, l->key, 0, ACK_ANY, 0, (struct slice){ NULL, 0 });
	redis_weigh(r, data.n);
	event_make(u, data, headers, &e);
	switch (offer(l->window, &e, l->subs, l->n_subs)) {
	case OFFER_TAKEN: unit_push(u, u->seq++); return true;
	case OFFER_WAIT: r->lists->waiting = true; return false;
	case OFFER_HELD: l->held = true; return false;
	case OFFER_GONE: return false;
	}
	return false;
}

void list_drop(struct redis_list *l)
{
	if (!l->memory)
		return;
	l->from->unread += l->left;
	redis_memory_release(l->memory);
	l->memory = NULL;
	l->from = NULL;
	l->left = 0;
}

bool list_offer(struct redis_list *l)
{
	if (!l->memory)
		return true;
	while (l->left > 0) {
		if (!entry_offer(l->from, l->entries[l->left - 1].text))
			return false;
		l->left--;
	}
	list_drop(l);
	return true;
}

void list_take(
    struct redis_list *l, struct redis_unit *u, struct redis_link *from, const struct redis_reply *entries, unsigned n)
{
	struct error e;

	for (unsigned i = 0; i < n; i++)
		if (entries[i].kind != REDIS_TEXT) {
			error_set(&e, ERR_PROTOCOL, "list %.100s: the server sends an entry that is none", l->key);
			redis_down(l->redis, &e);
			return;
		}
	if (n == 0)
		return;
	if (l->memory) { /* an earlier one is not offered yet: this one is read again, later */
		u->unread += n;
		return;
	}
	l->memory = redis_link_hold(from);
	l->entries = entries;
	l->left = n;
	l->from = u;
	list_offer(l);
}

/* --- moving --- */

static void type_answered(void *arg, const struct redis_reply *reply)
{
	struct redis_list *l = arg;
	struct error e;
	char why[100];

	l->suspicious = false;
	if (list_over(l, reply))
		return;
	if (reply->kind == REDIS_STATUS && !slice_is(reply->text, "list") && !slice_is(reply->text, "none")) {
		snprintf(why, sizeof(why), "the list cannot be read: WRONGTYPE: it is a %.*s", (int)reply->text.n,
		    reply->text.p);
		list_down(l, why);
		return;
	}
	error_set(&e, ERR_TIMEOUT, "list %.100s: another session has taken over what is in work here", l->key);
	redis_down(l->redis, &e);
}

/* The list itself is none, or there is a fence where what is in work was: nothing was moved in both cases. */
static void move_suspicious(struct redis_list *l)
{
	struct redis_link *link = l->redis->link;

	if (l->suspicious || !redis_link_is_open(link))
		return;
	l->suspicious = true;
	redis_link_begin(link, 2);
	redis_link_text(link, "TYPE");
	redis_link_word(link, l->name);
	redis_link_end(link, type_answered, l);
}

static void move_refused(struct redis_list *l, const struct redis_reply *reply)
{
	bool unknown = redis_reply_refuses(reply, "ERR") && memmem(reply->text.p, reply->text.n, "unknown command", 15);

	if (redis_reply_refuses(reply, "WRONGTYPE"))
		move_suspicious(l);
	else if (unknown && l->redis->rows.take_from == REDIS_LEFT)
		list_down(l, "the list cannot be read: takeFrom: left needs Redis 6.2");
	else if (unknown)
		l->old = true;
	else
		list_refused(l, "the list cannot be read", reply);
}

static void move_answered(void *arg, const struct redis_reply *reply)
{
	struct redis_list *l = arg;

	l->moves--;
	if (list_over(l, reply) || l->redis->stopped)
		return;
	if (reply->kind == REDIS_ERROR) {
		move_refused(l, reply);
	} else if (reply->kind == REDIS_TEXT) {
		l->got++;
		if (l->main->unread > 0)
			l->main->unread++;
		else
			list_take(l, l->main, l->reader, reply, 1);
	}
	if (l->moves == 0)
		list_go_on(l);
}

static void move_write(struct redis_list *l, bool blocking)
{
	static const char *const names[2][2] = { { "LMOVE", "BLMOVE" }, { "RPOPLPUSH", "BRPOPLPUSH" } };
	int64_t block = l->redis->rows.read_ms > 0 ? l->redis->rows.read_ms : BLOCK_MS;
	struct redis_link *link = l->reader;
	char seconds[32];

	if (l->old)
		block = (block + 999) / 1000 * 1000;
	snprintf(seconds, sizeof(seconds), "%lld.%03d", (long long)(block / 1000), (int)(block % 1000));
	if (l->old)
		*strchr(seconds, '.') = '\0';
	redis_link_begin(link, 3 + (l->old ? 0 : 2) + (blocking ? 1 : 0));
	redis_link_text(link, names[l->old][blocking]);
	redis_link_word(link, l->name);
	list_key_word(link, l, l->main->id);
	if (!l->old) {
		redis_link_text(link, l->redis->rows.take_from == REDIS_LEFT ? "LEFT" : "RIGHT");
		redis_link_text(link, "LEFT");
	}
	if (blocking)
		redis_link_text(link, seconds);
	redis_link_end_blocking(link, blocking ? block : 0, move_answered, l);
	l->moves++;
}

/* A blocking one at the end of each pipeline: it waits only when there is nothing left.  Pipelines grow while every
 * command brings an entry, so that single entries cost one command each. */
void list_move(struct redis_list *l)
{
	int64_t room = redis_room(l->redis, l->window, 1);
	int64_t n = l->got > 0 && l->got == l->asked ? 2 * (int64_t)l->asked : 1;
	struct error e;

	if (loop_now(l->redis->base.loop) - l->beat_at > l->redis->rows.processing_ms) {
		error_set(
		    &e, ERR_TIMEOUT, "list %.100s: no sign of life was confirmed within processingTimeout", l->key);
		redis_down(l->redis, &e);
		return;
	}
	if (n > room)
		n = room;
	l->asked = (unsigned)n;
	l->got = 0;
	while (--n > 0)
		move_write(l, false);
	move_write(l, true);
}
