/* One connection to a Redis server: opening and logging in, commands out, replies in, signs of life. */
#include "connectors/redis_link.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bridge/bytes.h"
#include "bridge/error.h"
#include "bridge/loop.h"
#include "bridge/stream.h"
#include "connectors/redis_asked.h"

enum {
	PIECE = 64 << 10, /* read at once */
	PIECES = 16, /* in one turn, then others have theirs */
	OUT_KEPT = 1 << 20,
	PING_AFTER_MS = 10000
};

enum link_state { LINK_CONNECTING, LINK_GREETING, LINK_OPEN, LINK_ENDED };

struct redis_link {
	struct loop *loop;
	struct redis_link_options options;
	const struct redis_link_events *events;
	void *arg;
	struct address address;
	char name[160]; /* of the server, as texts say it */
	struct stream *stream;
	struct redis_parser *parser;
	enum link_state state;
	struct error refused; /* while greeting: the first command that was */

	struct buf out;
	size_t out_at; /* of it, what left */
	uint64_t left; /* bytes that left since the beginning */
	bool blocked; /* the socket takes no more just now */
	unsigned words; /* of the command under way */
	uint64_t command_from;

	struct redis_asked_ring asked;

	struct later flush, end;
	struct timer timer;
	int64_t heard, moved; /* when a byte last came, when one last went */
	bool pinged; /* since heard */
	bool inside, gone; /* in a call of the owner, which closed it there */
};

static void link_fail(struct redis_link *l, enum err code, const char *why);

/* --- commands --- */

void redis_link_begin(struct redis_link *l, unsigned words)
{
	assert((l->state == LINK_OPEN || l->state == LINK_GREETING) && l->words == 0 && words > 0);
	l->words = words;
	l->command_from = l->left + (l->out.n - l->out_at);
	buf_add(&l->out, "*", 1);
	buf_uint(&l->out, words);
	buf_add(&l->out, "\r\n", 2);
}

void redis_link_word(struct redis_link *l, struct slice word)
{
	assert(l->words > 0);
	l->words--;
	buf_add(&l->out, "$", 1);
	buf_uint(&l->out, word.n);
	buf_add(&l->out, "\r\n", 2);
	buf_slice(&l->out, word);
	buf_add(&l->out, "\r\n", 2);
}

void redis_link_text(struct redis_link *l, const char *word)
{
	redis_link_word(l, (struct slice){ word, strlen(word) });
}

void redis_link_number(struct redis_link *l, int64_t number)
{
	char text[24];

	redis_link_word(l, (struct slice){ text, (size_t)snprintf(text, sizeof(text), "%lld", (long long)number) });
}

static void link_tick(void *arg);

void redis_link_end_blocking(struct redis_link *l, int64_t block_ms, redis_replied *replied, void *arg)
{
	struct redis_asked a = { replied, arg, l->command_from, loop_now(l->loop), block_ms };

	assert(l->words == 0 && (replied || l->events->pushed));
	if (replied) {
		if (l->asked.n == 0)
			timer_set(l->loop, &l->timer, l->options.read_ms + block_ms, link_tick, l);
		redis_asked_push(&l->asked, &a);
	}
	if (!l->blocked)
		loop_defer(l->loop, &l->flush);
}

void redis_link_end(struct redis_link *l, redis_replied *replied, void *arg)
{
	redis_link_end_blocking(l, 0, replied, arg);
}

void redis_reply_ignored(void *arg, const struct redis_reply *r)
{
	(void)arg;
	(void)r;
}

size_t redis_link_unsent(const struct redis_link *l)
{
	return l->out.n - l->out_at;
}

static void link_flush(void *arg)
{
	struct redis_link *l = arg;
	struct iovec v = { l->out.p + l->out_at, l->out.n - l->out_at };
	bool was_blocked = l->out_at > 0;
	ssize_t n;

	if (v.iov_len == 0)
		return;
	n = stream_write(l->stream, &v, 1);
	if (n < 0 && errno != EAGAIN) {
		link_fail(l, ERR_IO, strerror(errno));
		return;
	}
	if (n > 0) {
		l->out_at += (size_t)n;
		l->left += (uint64_t)n;
		/* what a socket's buffer takes says nothing about the other side, that it takes more does */
		if (was_blocked)
			l->moved = loop_now(l->loop);
	}
	l->blocked = l->out_at < l->out.n;
	if (!l->blocked) {
		if (l->out.cap > OUT_KEPT)
			buf_free(&l->out);
		buf_clear(&l->out);
		l->out_at = 0;
	}
}

static void link_writable(void *arg)
{
	struct redis_link *l = arg;

	l->blocked = false;
	link_flush(l);
}

/* --- its end --- */

static void link_free(struct redis_link *l)
{
	redis_parser_free(l->parser);
	address_free(&l->address);
	buf_free(&l->out);
	redis_asked_free(&l->asked);
	free(l);
}

static void link_release(struct redis_link *l)
{
	timer_stop(l->loop, &l->timer);
	loop_undefer(l->loop, &l->flush);
	stream_close(l->stream);
	l->stream = NULL;
}

/* Behind every call of the owner: it may have closed the link there. */
static void link_leave(struct redis_link *l)
{
	l->inside = false;
	if (!l->gone)
		return;
	redis_asked_lose(&l->asked, l->left, "the connection was closed");
	link_free(l);
}

/* The owner hears of it in a turn of its own, unless it closes the link before. */
static void link_end(void *arg)
{
	struct redis_link *l = arg;
	struct error why = l->refused;

	l->inside = true;
	redis_asked_lose(&l->asked, l->left, why.text);
	if (!l->gone)
		l->events->ended(l->arg, &why);
	link_leave(l);
}

static void link_fail(struct redis_link *l, enum err code, const char *why)
{
	if (l->state == LINK_ENDED)
		return;
	l->state = LINK_ENDED;
	if (code != ERR_NONE)
		error_set(&l->refused, code, "%s: %s", l->name, why);
	link_release(l);
	loop_defer(l->loop, &l->end);
}

void redis_link_close(struct redis_link *l)
{
	if (!l || l->gone)
		return;
	l->gone = true;
	l->state = LINK_ENDED;
	link_release(l);
	loop_undefer(l->loop, &l->end);
	if (!l->inside)
		link_leave(l);
}

/* --- signs of life --- */

static void link_ping(struct redis_link *l)
{
	l->pinged = true;
	redis_link_begin(l, 1);
	redis_link_text(l, "PING");
	redis_link_end(l, l->events->pushed ? NULL : redis_reply_ignored, l);
}

static int64_t later_of(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* When the other side must have been heard of. */
static int64_t link_due(const struct redis_link *l)
{
	int64_t quiet_since = later_of(l->heard, l->moved);
	const struct redis_asked *first = redis_asked_first(&l->asked);

	if (first)
		return later_of(first->at, quiet_since) + first->block_ms + l->options.read_ms;
	if (l->pinged)
		return quiet_since + l->options.read_ms;
	return l->heard + PING_AFTER_MS;
}

static void link_tick(void *arg)
{
	struct redis_link *l = arg;
	int64_t left = link_due(l) - loop_now(l->loop);

	if (left <= 0 && (l->asked.n || l->pinged)) {
		link_fail(l, ERR_TIMEOUT, "no answer within readTimeout");
		return;
	}
	if (left <= 0) {
		link_ping(l);
		left = l->options.read_ms;
	}
	timer_set(l->loop, &l->timer, left, link_tick, l);
}

/* --- replies --- */

static void link_reply(struct redis_link *l, const struct redis_reply *r)
{
	struct redis_asked a;

	if (l->asked.n) {
		a = redis_asked_take(&l->asked);
		a.replied(a.arg, r);
	} else if (l->events->pushed && l->state == LINK_OPEN) {
		l->events->pushed(l->arg, r);
	} else {
		link_fail(l, ERR_PROTOCOL, "the server sends a reply to nothing that was asked");
	}
}

static void link_replies(struct redis_link *l)
{
	const struct redis_reply *reply;
	struct error e;
	int rc;

	while (l->state != LINK_ENDED && (rc = redis_parser_next(l->parser, &reply, &e)) != 0) {
		if (rc < 0)
			link_fail(l, e.code, e.text);
		else
			link_reply(l, reply);
	}
}

static void link_read(struct redis_link *l)
{
	char piece[PIECE];

	for (unsigned i = 0; i < PIECES && l->state != LINK_ENDED; i++) {
		ssize_t n = stream_read(l->stream, piece, sizeof(piece));

		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			link_fail(l, ERR_IO, n < 0 ? strerror(errno) : "the server closed the connection");
			return;
		}
		l->heard = loop_now(l->loop);
		l->pinged = false;
		redis_parser_feed(l->parser, piece, (size_t)n);
		link_replies(l);
		if (!l->options.tls && n < (ssize_t)sizeof(piece))
			return; /* most likely all there was; if not, the loop says so */
	}
}

static void link_readable(void *arg)
{
	struct redis_link *l = arg;

	l->inside = true;
	link_read(l);
	link_leave(l);
}

/* --- opening --- */

static void link_greeted(void *arg, const struct redis_reply *r)
{
	struct redis_link *l = arg;
	bool denied = r->kind == REDIS_ERROR &&
	    (redis_reply_refuses(r, "NOAUTH") || redis_reply_refuses(r, "WRONGPASS") ||
		redis_reply_refuses(r, "NOPERM"));

	if (r->kind == REDIS_ERROR && l->refused.code == ERR_NONE)
		error_set(&l->refused, denied ? ERR_DENIED : ERR_IO, "%s: %.*s", l->name, (int)r->text.n, r->text.p);
}

/* The last word of the greeting: whoever answers it with PONG serves us. */
static void link_answers(void *arg, const struct redis_reply *r)
{
	struct redis_link *l = arg;

	link_greeted(l, r);
	if (l->state == LINK_ENDED)
		return;
	if (l->refused.code != ERR_NONE) {
		link_fail(l, ERR_NONE, NULL);
		return;
	}
	l->state = LINK_OPEN;
	timer_set(l->loop, &l->timer, PING_AFTER_MS, link_tick, l);
	l->events->opened(l->arg);
}

static void link_login(struct redis_link *l)
{
	const char *user = l->options.user, *password = l->options.password;
	bool named = user && *user;

	if (!named && !(password && *password))
		return;
	redis_link_begin(l, named ? 3 : 2);
	redis_link_text(l, "AUTH");
	if (named)
		redis_link_text(l, user);
	redis_link_text(l, password ? password : "");
	redis_link_end(l, link_greeted, l);
}

static void link_connected(void *arg)
{
	struct redis_link *l = arg;

	l->state = LINK_GREETING;
	l->heard = l->moved = loop_now(l->loop);
	link_login(l);
	if (l->options.database) {
		redis_link_begin(l, 2);
		redis_link_text(l, "SELECT");
		redis_link_number(l, l->options.database);
		redis_link_end(l, link_greeted, l);
	}
	redis_link_begin(l, 1);
	redis_link_text(l, "PING");
	redis_link_end(l, link_answers, l);
}

static void link_failed(void *arg, const char *why)
{
	struct redis_link *l = arg;

	error_set(&l->refused, ERR_IO, "%s", why);
	link_fail(l, ERR_NONE, NULL);
}

static const struct stream_events link_events = {
	.opened = link_connected,
	.readable = link_readable,
	.writable = link_writable,
	.failed = link_failed,
};

struct redis_link *redis_link_open(
    struct loop *loop, const struct redis_link_options *o, const struct redis_link_events *events, void *arg)
{
	struct redis_link *l = mem_new(sizeof(*l));

	l->loop = loop;
	l->options = *o;
	l->events = events;
	l->arg = arg;
	address_copy(&l->address, o->address);
	l->options.address = &l->address;
	if (l->address.path)
		snprintf(l->name, sizeof(l->name), "unix:%s", l->address.path);
	else
		snprintf(l->name, sizeof(l->name), "%s:%s", l->address.host, l->address.port);
	l->parser = redis_parser_new(o->max_reply);
	l->flush = (struct later){ .fn = link_flush, .arg = l };
	l->end = (struct later){ .fn = link_end, .arg = l };
	l->stream = stream_open(loop, &l->address, o->tls, o->dial_ms, &link_events, l);
	return l;
}

bool redis_link_is_open(const struct redis_link *l)
{
	return l && l->state == LINK_OPEN;
}

struct redis_memory *redis_link_hold(struct redis_link *l)
{
	return redis_parser_hold(l->parser);
}
