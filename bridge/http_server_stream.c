/* An answer of the HTTP server that goes on: chunks as they are written, the end of whoever does not take them. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include "bridge/http_server_side.h"

enum { WAITING_MAX = 1 << 20, KERNEL_BYTES = 64 * 1024 };

/* A peer that vanished is noticed by what it does not confirm, and the kernel keeps little for one that is slow. */
static void side_bound(struct server_side *c)
{
	unsigned ms = SIDE_TAKE_MS;
	int bytes = KERNEL_BYTES;

	setsockopt(c->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
	setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

static void side_add_chunk(struct server_side *c, struct slice data)
{
	if (!data.n)
		return; /* an empty chunk would be the last */
	if (c->chunked)
		buf_printf(&c->out, "%zx\r\n", data.n);
	buf_slice(&c->out, data);
	if (c->chunked)
		buf_text(&c->out, "\r\n");
}

/* Closed in a moment, when nobody is in the middle of a call. */
static void side_close_soon(struct server_side *c)
{
	watch_want(c->watch, 0);
	server_side_timer(c, 0);
}

static void side_send(struct server_side *c)
{
	size_t before = c->sent;

	switch (server_side_push(c)) {
	case PUSHED_ALL:
		timer_stop(c->server->loop, &c->timer);
		watch_want(c->watch, WATCH_READ);
		break;
	case PUSHED_SOME:
		watch_want(c->watch, WATCH_READ | WATCH_WRITE);
		if (c->sent > before || !c->timer.heap_index)
			server_side_timer(c, SIDE_TAKE_MS);
		break;
	case PUSHED_NOT: side_close_soon(c); break;
	}
}

void server_stream_begin(struct server_side *c, struct http_stream *stream, struct slice body)
{
	c->state = SIDE_STREAMING;
	c->stream = stream;
	stream->side = c;
	buf_free(&c->in);
	side_bound(c);
	timer_stop(c->server->loop, &c->timer);
	side_add_chunk(c, body);
	side_send(c);
}

/* false: its client is gone.  What it says is for nobody. */
static bool side_listen(struct server_side *c)
{
	char bytes[4096];
	ssize_t n = recv(c->fd, bytes, sizeof(bytes), 0);

	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

void server_stream_ready(struct server_side *c, unsigned ready)
{
	if ((ready & WATCH_READ) && !side_listen(c))
		server_side_close(c);
	else if (ready & WATCH_WRITE)
		side_send(c);
}

void http_stream_write(struct http_stream *stream, struct slice data)
{
	struct server_side *c = stream->side;

	if (c->sent) {
		c->out.n -= c->sent;
		memmove(c->out.p, c->out.p + c->sent, c->out.n);
		c->sent = 0;
	}
	if (c->out.n > WAITING_MAX) {
		side_close_soon(c);
		return;
	}
	side_add_chunk(c, data);
	side_send(c);
}

void http_stream_end(struct http_stream *stream)
{
	struct server_side *c = stream->side;

	if (c->chunked)
		buf_text(&c->out, "0\r\n\r\n");
	c->stream = NULL;
	c->state = SIDE_WRITING;
	server_side_timer(c, SIDE_TAKE_MS);
	server_side_flush(c);
}
