/* The pool: which connection a call takes, and whether anybody is there to take one. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "bindings/http_pool.h"

static const struct backoff retry_backoff = { .initial_ms = 50, .max_ms = 2000 };

/* --- is anybody there? --- */

static void client_reach(struct http_client *c, bool yes)
{
	if (c->closed || c->reach == (yes ? REACH_YES : REACH_NO))
		return;
	c->reach = yes ? REACH_YES : REACH_NO;
	if (c->options.reachable)
		c->options.reachable(c->options.arg, yes);
}

/* An open connection is worth another try of the endpoint, even if it took no further one a while ago. */
static void client_retry(void *arg)
{
	struct http_client *c = arg;

	client_enter(c);
	if (c->lists[CONNECTION_IDLE].n)
		client_reach(c, true);
	else if (!c->lists[CONNECTION_OPENING].n)
		connection_open(c, NULL);
	client_leave(c);
}

void client_opened(struct http_client *c)
{
	timer_stop(c->loop, &c->retry);
	client_reach(c, true);
}

void client_refused(struct http_client *c)
{
	c->fruitless = true;
	client_reach(c, false);
}

/* With nobody known to be there, or nothing open that would tell of the end: find out. */
static void client_probe(struct http_client *c)
{
	unsigned opening = c->lists[CONNECTION_OPENING].n;
	bool blind = c->calls + opening + c->lists[CONNECTION_IDLE].n + c->lists[CONNECTION_BUSY].n == 0;

	if (c->retry.heap_index || !(blind || (c->reach == REACH_NO && !opening)))
		return;
	if (c->fruitless)
		c->failures++; /* once, however many were refused together */
	c->fruitless = false;
	if (c->failures)
		timer_set(c->loop, &c->retry, backoff_ms(&retry_backoff, c->failures, &c->random), client_retry, c);
	else
		connection_open(c, NULL);
}

/* --- idle connections --- */

static void client_close_idle(void *arg)
{
	struct http_client *c = arg;
	struct connection *oldest;

	client_enter(c);
	while (
	    (oldest = c->lists[CONNECTION_IDLE].last) && loop_now(c->loop) - oldest->idle_since >= c->options.idle_ms)
		connection_close(oldest);
	client_has_idle(c);
	client_leave(c);
}

/* Not moved by each call: when it fires, it looks who really is old. */
void client_has_idle(struct http_client *c)
{
	const struct connection *oldest = c->lists[CONNECTION_IDLE].last;

	if (oldest && c->options.idle_ms > 0 && !c->idle.heap_index)
		timer_set(c->loop, &c->idle, oldest->idle_since + c->options.idle_ms - loop_now(c->loop),
		    client_close_idle, c);
}

/* --- calls --- */

static struct call *call_new(struct http_client *c)
{
	struct call *call = c->unused;

	if (call) {
		c->unused = call->unused;
	} else {
		call = mem_new(sizeof(*call));
		call->client = c;
		call->made = c->made;
		c->made = call;
	}
	buf_clear(&call->public.head);
	call->public.body = (struct slice){ 0 };
	call->connection = NULL;
	call->left = false;
	c->calls++;
	return call;
}

static void call_unused(struct call *call)
{
	call->unused = call->client->unused;
	call->client->unused = call;
}

/* The connection is free already, done() may start the next call on it; this call itself is used again afterwards. */
void call_done(struct call *call, enum http_outcome outcome, const struct http_answer *answer, const char *why)
{
	call->connection = NULL;
	call->client->calls--;
	call->public.done(&call->public, outcome, answer, why);
	call_unused(call);
}

struct http_call *http_call_new(struct http_client *c)
{
	return c->calls < c->options.connections ? &call_new(c)->public : NULL;
}

static bool head_starts(const struct buf *head, const char *word, size_t n)
{
	return head->n > n && memcmp(head->p, word, n) == 0;
}

static void call_end_head(struct call *call)
{
	struct buf *head = &call->public.head;
	size_t n = call->public.body.n;

	call->head_only = head_starts(head, "HEAD ", 5);
	if (n || !(call->head_only || head_starts(head, "GET ", 4) || head_starts(head, "OPTIONS ", 8))) {
		buf_add(head, "Content-Length: ", 16);
		buf_uint(head, n);
		buf_add(head, "\r\n", 2);
	}
	buf_add(head, "\r\n", 2);
}

/* A probe under way is as good as a connection opened for the call. */
static struct connection *client_spare(struct http_client *c)
{
	struct connection *k = c->lists[CONNECTION_OPENING].first;

	while (k && k->call)
		k = k->next;
	return k;
}

void http_call_send(struct http_call *public)
{
	struct call *call = (struct call *)public;
	struct http_client *c = call->client;
	struct connection *k;

	client_enter(c);
	call_end_head(call);
	if ((k = c->lists[CONNECTION_IDLE].first)) {
		connection_use(k, call);
	} else if (c->reach == REACH_NO) {
		call_done(call, HTTP_UNSENT, NULL, "the endpoint accepts no connections at the moment");
	} else if ((k = client_spare(c))) {
		k->call = call;
		call->connection = k;
	} else {
		connection_open(c, call);
	}
	client_leave(c);
}

/* One that is still opening has sent nothing: it goes on, without the call. */
void http_call_cancel(struct http_call *public)
{
	struct call *call = (struct call *)public;
	struct http_client *c = call->client;
	struct connection *k = call->connection;

	client_enter(c);
	if (k && k->state == CONNECTION_BUSY)
		connection_close(k);
	else if (k)
		k->call = NULL;
	call->connection = NULL;
	c->calls--;
	call_unused(call);
	client_leave(c);
}

/* --- the client --- */

struct http_client *http_client_open(struct loop *loop, const struct http_client_options *options)
{
	struct http_client *c = mem_new(sizeof(*c));

	c->loop = loop;
	c->options = *options;
	address_copy(&c->options.address, &options->address);
	if (getrandom(&c->random, sizeof(c->random), GRND_NONBLOCK) < 0)
		c->random.s = (uint64_t)loop_wall(loop) ^ (uintptr_t)c;
	client_enter(c);
	client_leave(c);
	return c;
}

static void connections_free(struct connections *list)
{
	struct connection *k;

	while ((k = list->first)) {
		list->first = k->next;
		buf_free(&k->in);
		free(k);
	}
}

static void client_free(struct http_client *c)
{
	struct call *call;

	while ((call = c->made)) {
		c->made = call->made;
		buf_free(&call->public.head);
		free(call);
	}
	connections_free(&c->lists[CONNECTION_CLOSED]);
	address_free(&c->options.address);
	free(c);
}

void client_enter(struct http_client *c)
{
	c->inside++;
}

void client_leave(struct http_client *c)
{
	if (c->inside == 1 && !c->closed)
		client_probe(c);
	if (--c->inside == 0 && c->closed)
		client_free(c);
}

void http_client_close(struct http_client *c)
{
	client_enter(c);
	c->closed = true;
	timer_stop(c->loop, &c->retry);
	timer_stop(c->loop, &c->idle);
	for (int state = CONNECTION_OPENING; state < CONNECTION_STATES; state++)
		while (c->lists[state].first)
			connection_close(c->lists[state].first);
	client_leave(c);
}
