/* The server's end of one connection: reads a request, has it answered, writes, and begins again. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "bridge/http_server_side.h"

enum {
	HEAD_MAX = 8 * 1024,
	BODY_MAX = 64 * 1024,
	ROOM = 4096,
	IDLE_MS = 60 * 1000,
	LINGER_MS = 1000,
};

void server_side_close(struct server_side *c)
{
	struct http_stream *stream = c->stream;

	c->server->n_sides--;
	*c->previous = c->next;
	if (c->next)
		c->next->previous = c->previous;
	timer_stop(c->server->loop, &c->timer);
	watch_free(c->watch);
	close(c->fd);
	buf_free(&c->in);
	buf_free(&c->out);
	free(c);
	if (stream)
		stream->closed(stream);
}

static void server_side_timed_out(void *arg);

void server_side_timer(struct server_side *c, int64_t ms)
{
	timer_set(c->server->loop, &c->timer, ms, server_side_timed_out, c);
}

/* --- writing --- */

/* A close with unread bytes would be a reset, which can overtake the answer: ends our half, then waits. */
static void server_side_linger(struct server_side *c)
{
	c->state = SIDE_LINGERING;
	shutdown(c->fd, SHUT_WR);
	buf_free(&c->in);
	watch_want(c->watch, WATCH_READ);
	server_side_timer(c, LINGER_MS);
}

enum pushed server_side_push(struct server_side *c)
{
	while (c->sent < c->out.n) {
		ssize_t n = send(c->fd, c->out.p + c->sent, c->out.n - c->sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? PUSHED_SOME : PUSHED_NOT;
		c->sent += (size_t)n;
	}
	buf_free(&c->out);
	c->sent = 0;
	return PUSHED_ALL;
}

bool server_side_flush(struct server_side *c)
{
	switch (server_side_push(c)) {
	case PUSHED_NOT: server_side_close(c); return false;
	case PUSHED_SOME: watch_want(c->watch, WATCH_WRITE); return true;
	case PUSHED_ALL: break;
	}
	if (c->last) {
		server_side_linger(c);
		return true;
	}
	c->state = SIDE_READING;
	watch_want(c->watch, WATCH_READ);
	server_side_timer(c, IDLE_MS);
	return true;
}

static void server_side_add_date(struct server_side *c)
{
	time_t now = (time_t)(loop_wall(c->server->loop) / 1000);
	char text[64];
	struct tm tm;

	gmtime_r(&now, &tm);
	buf_add(&c->out, text, strftime(text, sizeof(text), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm));
}

static bool is_bodyless(const struct http_response *r)
{
	return r->status == 204 || r->status == 304;
}

static void server_side_framing(struct server_side *c, const struct http_response *r, bool old)
{
	if (!r->stream && !is_bodyless(r))
		buf_printf(&c->out, "Content-Length: %zu\r\n", r->body.n);
	else if (c->chunked)
		buf_text(&c->out, "Transfer-Encoding: chunked\r\n");
	if (c->last || old)
		buf_text(&c->out, c->last ? "Connection: close\r\n" : "Connection: keep-alive\r\n");
}

static bool server_side_write(struct server_side *c, const struct http_response *r, bool head_only, bool old)
{
	c->last = c->last || r->stream;
	c->chunked = r->stream && !old;
	buf_printf(&c->out, "HTTP/1.1 %d %s\r\n", r->status, http1_reason(r->status));
	server_side_add_date(c);
	if (r->content_type && !is_bodyless(r))
		buf_printf(&c->out, "Content-Type: %s\r\n", r->content_type);
	buf_slice(&c->out, (struct slice){ r->headers.p, r->headers.n });
	server_side_framing(c, r, old);
	buf_text(&c->out, "\r\n");
	if (r->stream && !head_only) {
		server_stream_begin(c, r->stream, (struct slice){ r->body.p, r->body.n });
		return true;
	}
	if (r->stream)
		r->stream->closed(r->stream);
	if (!is_bodyless(r) && !head_only)
		buf_add(&c->out, r->body.p, r->body.n);
	c->state = SIDE_WRITING;
	server_side_timer(c, SIDE_TAKE_MS);
	return server_side_flush(c);
}

static bool server_side_refuse(struct server_side *c, int status, const char *why)
{
	struct http_response r = { .status = status, .content_type = "text/plain" };
	bool alive;

	c->last = true;
	buf_printf(&r.body, "%d %s: %s\n", status, http1_reason(status), why);
	alive = server_side_write(c, &r, false, false);
	buf_free(&r.body);
	return alive;
}

/* --- answering --- */

/* "/path?query", or the same behind "http://host". */
static bool server_side_target(struct slice target, struct http_request *q)
{
	const char *p = target.p, *end = target.p + target.n, *mark;

	if (target.n > 7 && slice_is_nocase((struct slice){ p, 7 }, "http://"))
		p = memchr(p + 7, '/', target.n - 7);
	if (!p || *p != '/')
		return false;
	mark = memchr(p, '?', (size_t)(end - p));
	q->path = (struct slice){ p, (size_t)((mark ? mark : end) - p) };
	if (mark)
		q->query = (struct slice){ mark + 1, (size_t)(end - mark - 1) };
	return true;
}

/* The request is whole, head_n + kept bytes of it are left; `rest` is where the next one begins. */
static bool server_side_answer(struct server_side *c, size_t rest)
{
	struct http1_head *h = &c->server->head;
	struct http_response r = { .status = 404 };
	bool alive, head_only;
	struct http_request q = { 0 };
	const char *why;

	http1_head(h, true, c->in.p, c->head_n, &why); /* it may have moved since it was found */
	if (!server_side_target(h->target, &q))
		return server_side_refuse(c, 400, "expected a path that begins with /");
	head_only = slice_is(h->method, "HEAD");
	q.method = head_only ? SLICE("GET") : h->method;
	q.headers = h->headers;
	q.n_headers = h->n_headers;
	q.body = (struct slice){ c->in.p + c->head_n, c->kept };
	c->server->handle(c->server->arg, &q, &r);
	c->last = !h->keep_alive;
	c->in.n -= rest;
	memmove(c->in.p, c->in.p + rest, c->in.n);
	c->has_head = c->started = false;
	alive = server_side_write(c, &r, head_only, h->minor == 0);
	buf_free(&r.headers);
	buf_free(&r.body);
	return alive;
}

/* --- reading --- */

static bool server_side_keep(struct server_side *c, struct slice data)
{
	if (data.n > BODY_MAX - c->kept)
		return false;
	memmove(c->in.p + c->head_n + c->kept, data.p, data.n);
	c->kept += data.n;
	return true;
}

static bool server_side_body(struct server_side *c)
{
	size_t at = c->head_n + c->kept;
	struct slice data;
	const char *why;

	while (at < c->in.n && !http1_body_done(&c->body)) {
		ssize_t used = http1_body_feed(&c->body, c->in.p + at, c->in.n - at, &data, &why);

		if (used < 0)
			return server_side_refuse(c, 400, why);
		if (!server_side_keep(c, data))
			return server_side_refuse(c, 413, "a body has 64 KiB at most");
		at += (size_t)used;
	}
	if (http1_body_done(&c->body))
		return server_side_answer(c, at);
	c->in.n = c->head_n + c->kept;
	return true;
}

/* It fits into any socket's buffer, and a client that does not get it sends the body all the same. */
static void server_side_continue(struct server_side *c)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";

	if (!http1_body_done(&c->body) && c->in.n == c->head_n &&
	    slice_is_nocase(http1_header(&c->server->head, "expect"), "100-continue") &&
	    send(c->fd, text, sizeof(text) - 1, MSG_NOSIGNAL) < 0)
		c->last = true;
}

static bool server_side_head(struct server_side *c)
{
	struct http1_head *h = &c->server->head;
	const char *why;
	ssize_t n = http1_head(h, true, c->in.p, c->in.n, &why);

	if (n < 0)
		return server_side_refuse(c, h->status, why);
	if (n > HEAD_MAX || (n == 0 && c->in.n > HEAD_MAX))
		return server_side_refuse(c, 431, "a head has 8 KiB at most");
	if (n == 0)
		return true;
	if (!slice_is(h->method, "GET") && !slice_is(h->method, "HEAD") && !slice_is(h->method, "POST"))
		return server_side_refuse(c, 501, "expected GET, HEAD or POST");
	if (h->content_length > BODY_MAX)
		return server_side_refuse(c, 413, "a body has 64 KiB at most");
	c->has_head = true;
	c->head_n = (size_t)n;
	c->kept = 0;
	http1_body_begin(&c->body, h, false);
	server_side_continue(c);
	return server_side_body(c);
}

/* As many requests as are there and can be answered; an answer that is not taken stops it. */
static void server_side_requests(struct server_side *c)
{
	size_t before;
	bool alive = true;

	while (alive && c->state == SIDE_READING && c->in.n) {
		before = c->in.n;
		if (!c->started)
			server_side_timer(c, SIDE_TAKE_MS);
		c->started = true;
		alive = c->has_head ? server_side_body(c) : server_side_head(c);
		if (alive && c->started && c->in.n == before)
			return;
	}
}

static void server_side_read(struct server_side *c)
{
	char *room = buf_room(&c->in, ROOM);
	ssize_t n;

	do
		n = recv(c->fd, room, ROOM, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		server_side_close(c);
		return;
	}
	c->in.n += (size_t)n;
	server_side_requests(c);
}

/* What still comes after the last answer is for nobody. */
static void server_side_drop(struct server_side *c)
{
	char bytes[16 * 1024];
	ssize_t n = recv(c->fd, bytes, sizeof(bytes), 0);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		server_side_close(c);
}

static void server_side_ready(void *arg, unsigned ready)
{
	struct server_side *c = arg;

	switch (c->state) {
	case SIDE_READING: server_side_read(c); break;
	case SIDE_WRITING:
		if (server_side_flush(c))
			server_side_requests(c);
		break;
	case SIDE_STREAMING: server_stream_ready(c, ready); break;
	case SIDE_LINGERING: server_side_drop(c); break;
	}
}

static void server_side_timed_out(void *arg)
{
	struct server_side *c = arg;

	if (c->state == SIDE_READING && c->started)
		server_side_refuse(c, 408, "the request did not come within 10 s");
	else
		server_side_close(c);
}

void server_side_open(struct http_server *s, int fd)
{
	struct server_side *c = mem_new(sizeof(*c));

	c->server = s;
	c->fd = fd;
	c->next = s->sides;
	c->previous = &s->sides;
	if (c->next)
		c->next->previous = &c->next;
	s->sides = c;
	s->n_sides++;
	c->watch = watch_new(s->loop, fd, server_side_ready, c);
	watch_want(c->watch, WATCH_READ);
	server_side_timer(c, SIDE_TAKE_MS);
}
