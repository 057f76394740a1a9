/* One connection of the pool: opens, sends a call, and says what became of it. */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include "bindings/http_pool.h"

enum { KEEP_BUFFER = 32 * 1024 }; /* what an idle connection may hold on to of a large answer's memory */

static const struct stream_events connection_events;

/* --- states --- */

static void connections_remove(struct connections *list, struct connection *k)
{
	*(k->previous ? &k->previous->next : &list->first) = k->next;
	*(k->next ? &k->next->previous : &list->last) = k->previous;
	list->n--;
}

static void connections_add(struct connections *list, struct connection *k)
{
	k->previous = NULL;
	k->next = list->first;
	*(list->first ? &list->first->previous : &list->last) = k;
	list->first = k;
	list->n++;
}

void connection_move(struct connection *k, enum connection_state state)
{
	connections_remove(&k->client->lists[k->state], k);
	k->state = state;
	connections_add(&k->client->lists[state], k);
}

static void connection_idle(struct connection *k)
{
	k->idle_since = loop_now(k->client->loop);
	connection_move(k, CONNECTION_IDLE);
	client_has_idle(k->client);
}

void connection_close(struct connection *k)
{
	if (k->state != CONNECTION_OPENING && !k->answers)
		k->client->fruitless = true;
	if (k->call)
		k->call->connection = NULL;
	k->call = NULL;
	loop_undefer(k->client->loop, &k->broken);
	stream_close(k->stream);
	k->stream = NULL;
	buf_clear(&k->in);
	connection_move(k, CONNECTION_CLOSED);
}

/* --- sending --- */

bool connection_sent_all(const struct connection *k)
{
	return k->sent == k->call->public.head.n + k->call->public.body.n;
}

static int connection_rest(const struct connection *k, struct iovec *rest)
{
	const struct http_call *call = &k->call->public;
	size_t head = k->sent < call->head.n ? k->sent : call->head.n, body = k->sent - head;
	int n = 0;

	if (head < call->head.n)
		rest[n++] = (struct iovec){ call->head.p + head, call->head.n - head };
	if (body < call->body.n)
		rest[n++] = (struct iovec){ (char *)call->body.p + body, call->body.n - body };
	return n;
}

static void connection_write(struct connection *k)
{
	struct iovec rest[2];
	int n = connection_rest(k, rest);
	ssize_t taken;

	if (!n || k->stop_writing)
		return;
	taken = stream_write(k->stream, rest, n);
	/* what TLS did not take may still have gone out in part */
	if (taken > 0 || k->client->options.address.tls)
		k->call->left = true;
	if (taken > 0) {
		k->sent += (size_t)taken;
	} else if (taken < 0 && errno != EAGAIN) {
		k->stop_writing = true;
		loop_defer(k->client->loop, &k->broken);
	}
}

static void connection_begin(struct connection *k, bool reused)
{
	k->reused = reused;
	k->stop_writing = false;
	k->sent = 0;
	answer_begin(k);
	connection_move(k, CONNECTION_BUSY);
	connection_write(k);
}

void connection_use(struct connection *k, struct call *call)
{
	k->call = call;
	call->connection = k;
	connection_begin(k, true);
}

/* A peer that closed while the request was written may have answered before: 413 and the like. */
static void connection_broken(void *arg)
{
	struct connection *k = arg;
	enum reading reading;

	client_enter(k->client);
	do
		reading = answer_read(k);
	while (reading == READING_MORE);
	if (reading == READING_WAITS)
		connection_lost(k, "the connection broke while the request was written");
	client_leave(k->client);
}

/* --- what became of it --- */

void connection_lost(struct connection *k, const char *why)
{
	struct http_client *c = k->client;
	struct call *call = k->call;
	bool again = k->reused && !k->in.n && !k->interim;

	connection_close(k);
	if (again)
		connection_open(c, call);
	else
		call_done(call, call->left ? HTTP_LOST : HTTP_UNSENT, NULL, why);
}

void connection_answered(struct connection *k, const struct http_answer *answer, bool keep)
{
	struct call *call = k->call;

	k->answers++;
	k->client->failures = 0;
	k->client->fruitless = false;
	if (keep && connection_sent_all(k)) {
		k->call = NULL;
		buf_clear(&k->in);
		connection_idle(k);
	} else {
		connection_close(k);
	}
	call_done(call, HTTP_ANSWERED, answer, NULL);
	/* done() has looked at it; nothing can have been read since */
	if (k->in.cap > KEEP_BUFFER)
		buf_free(&k->in);
}

/* --- events of the stream --- */

static void connection_opened(void *arg)
{
	struct connection *k = arg;
	struct http_client *c = k->client;

	client_enter(c);
	if (k->call)
		connection_begin(k, false);
	else
		connection_idle(k);
	client_opened(c);
	client_leave(c);
}

static void connection_failed(void *arg, const char *why)
{
	struct connection *k = arg;
	struct http_client *c = k->client;
	struct call *call = k->call;

	client_enter(c);
	connection_close(k);
	if (call)
		call_done(call, call->left ? HTTP_STALE : HTTP_UNSENT, NULL, why);
	client_refused(c);
	client_leave(c);
}

/* Nobody asked: the end of the connection, or bytes of nobody's answer.  Only TLS has things of its own to say. */
static void connection_idle_readable(struct connection *k)
{
	char stray;

	if (stream_read(k->stream, &stray, 1) < 0 && errno == EAGAIN)
		return;
	connection_close(k);
}

static void connection_readable(void *arg)
{
	struct connection *k = arg;
	struct http_client *c = k->client;

	client_enter(c);
	if (k->state == CONNECTION_BUSY)
		answer_read(k);
	else
		connection_idle_readable(k);
	client_leave(c);
}

static void connection_writable(void *arg)
{
	struct connection *k = arg;
	struct http_client *c = k->client;

	client_enter(c);
	if (k->state == CONNECTION_BUSY)
		connection_write(k);
	client_leave(c);
}

static const struct stream_events connection_events = {
	.opened = connection_opened,
	.readable = connection_readable,
	.writable = connection_writable,
	.failed = connection_failed,
};

void connection_open(struct http_client *c, struct call *call)
{
	struct connection *k = c->lists[CONNECTION_CLOSED].first;

	if (!k) {
		k = mem_new(sizeof(*k));
		k->client = c;
		k->broken = (struct later){ .fn = connection_broken, .arg = k };
		connections_add(&c->lists[CONNECTION_CLOSED], k);
	}
	k->call = call;
	k->answers = 0;
	if (call)
		call->connection = k;
	connection_move(k, CONNECTION_OPENING);
	k->stream =
	    stream_open(c->loop, &c->options.address, c->options.tls, c->options.connect_ms, &connection_events, k);
}
