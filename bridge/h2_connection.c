/* One HTTP/2 connection of the server: nghttp2's session over a stream, and what ends it. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "bridge/error.h"
#include "bridge/h2_inside.h"
#include "bridge/log.h"

enum {
	WINDOW = 1 << 20, /* of a connection; a stream has the 64 KiB of the protocol */
	OUT_AT_ONCE = 64 * 1024,
	READ_AT_ONCE = 16 * 1024,
	READS_A_TURN = 16,
	HANDSHAKE_MS = 10 * 1000,
	LOOK_MS = 5 * 1000,
	SILENT_MS = 20 * 1000, /* then a ping; twice that: gone */
	BLOCKED_MS = 30 * 1000, /* nothing that is sent is taken */
	UNTAKEN_MS = 60 * 1000, /* an answer the peer gives no window for */
	IDLE_MS = 10 * 60 * 1000
};

void h2_connection_touch(struct h2_connection *c)
{
	loop_defer(c->server->loop, &c->flush);
}

void h2_connection_close(struct h2_connection *c)
{
	struct h2_server *server = c->server;

	while (c->streams) {
		nghttp2_session_set_stream_user_data(c->session, c->streams->id, NULL);
		h2_stream_free(c->streams);
	}
	nghttp2_session_del(c->session);
	stream_close(c->stream);
	timer_stop(server->loop, &c->look);
	loop_undefer(server->loop, &c->flush);
	*c->previous = c->next;
	if (c->next)
		c->next->previous = c->previous;
	server->n_connections--;
	buf_free(&c->out);
	buf_free(&c->head.text);
	free(c);
}

/* Whole frames into one write. */
static int connection_gather(struct h2_connection *c)
{
	const uint8_t *bytes;
	ssize_t n;

	while (c->out.n < OUT_AT_ONCE) {
		n = nghttp2_session_mem_send(c->session, &bytes);
		if (n <= 0)
			return (int)n;
		buf_add(&c->out, bytes, (size_t)n);
	}
	return 0;
}

static bool connection_is_over(const struct h2_connection *c)
{
	if (c->failed)
		return true;
	if (c->sent < c->out.n || nghttp2_session_want_write(c->session))
		return false;
	return !nghttp2_session_want_read(c->session) || (c->server->leaving && !c->streams);
}

static void connection_flush(void *arg)
{
	struct h2_connection *c = arg;

	while (c->open && !c->blocked && !c->failed) {
		struct iovec v;
		ssize_t n;

		if (c->sent == c->out.n) {
			buf_clear(&c->out);
			c->sent = 0;
		}
		if (connection_gather(c) < 0)
			c->failed = true;
		if (c->out.n == c->sent)
			break;
		v = (struct iovec){ c->out.p + c->sent, c->out.n - c->sent };
		n = stream_write(c->stream, &v, 1);
		if (n > 0)
			c->sent += (size_t)n;
		c->failed = c->failed || (n < 0 && errno != EAGAIN);
		if (n < 0 || (size_t)n < v.iov_len) {
			c->blocked = true;
			c->blocked_since = loop_now(c->server->loop);
			stream_want_read(c->stream, false); /* who does not take answers asks nothing more */
		}
	}
	if (connection_is_over(c))
		h2_connection_close(c);
}

static void connection_writable(void *arg)
{
	struct h2_connection *c = arg;

	c->blocked = false;
	stream_want_read(c->stream, true);
	h2_connection_touch(c);
}

static void connection_readable(void *arg)
{
	struct h2_connection *c = arg;
	uint8_t bytes[READ_AT_ONCE];

	for (int i = 0; i < READS_A_TURN && !c->failed; i++) {
		ssize_t n = stream_read(c->stream, bytes, sizeof(bytes));

		if (n < 0 && errno == EAGAIN)
			break;
		c->failed = n <= 0 || nghttp2_session_mem_recv(c->session, bytes, (size_t)n) != n;
		c->heard = loop_now(c->server->loop);
		if (n < (ssize_t)sizeof(bytes))
			break;
	}
	h2_connection_touch(c);
}

/* The last words of a session that found a fault (GOAWAY) still leave, if the socket takes them at once. */
static void connection_look(void *arg)
{
	struct h2_connection *c = arg;
	int64_t now = loop_now(c->server->loop);

	if ((c->blocked && now - c->blocked_since > BLOCKED_MS) || now - c->heard > 2 * SILENT_MS) {
		h2_connection_close(c);
		return;
	}
	if (now - c->heard > SILENT_MS)
		nghttp2_submit_ping(c->session, NGHTTP2_FLAG_NONE, NULL);
	if (!c->streams && now - c->idle_since > IDLE_MS)
		nghttp2_session_terminate_session(c->session, NGHTTP2_NO_ERROR);
	for (struct h2_stream *s = c->streams; s; s = s->next)
		if ((!s->whole && !s->finished && now - s->since > c->server->options.request_ms) ||
		    (s->finished && now - s->since > UNTAKEN_MS))
			h2_stream_reset(s);
	timer_set(c->server->loop, &c->look, LOOK_MS, connection_look, c);
	h2_connection_touch(c);
}

static nghttp2_session *session_new(struct h2_connection *c)
{
	const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, H2_STREAMS },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, H2_HEAD_BYTES_MAX },
	};
	nghttp2_session_callbacks *callbacks;
	nghttp2_option *option;
	nghttp2_session *session;
	int rc = nghttp2_session_callbacks_new(&callbacks) || nghttp2_option_new(&option);

	assert(!rc); /* it only fails without memory */
	h2_stream_callbacks(callbacks);
	nghttp2_option_set_no_closed_streams(option, 1); /* priorities are not kept: nothing is sent by them */
	rc = nghttp2_session_server_new2(&session, callbacks, c, option);
	assert(!rc);
	nghttp2_session_callbacks_del(callbacks);
	nghttp2_option_del(option);
	nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, sizeof(settings) / sizeof(settings[0]));
	nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, WINDOW);
	return session;
}

static void connection_opened(void *arg)
{
	struct h2_connection *c = arg;

	c->open = true;
	timer_set(c->server->loop, &c->look, LOOK_MS, connection_look, c);
	h2_connection_touch(c);
}

static void connection_failed(void *arg, const char *why)
{
	struct h2_connection *c = arg;

	log_debug("bridge.h2", "a connection did not come about: %s", why);
	h2_connection_close(c);
}

void h2_connection_open(struct h2_server *server, int fd)
{
	static const struct stream_events events = { connection_opened, connection_readable, connection_writable,
		connection_failed };
	struct h2_connection *c = mem_new(sizeof(*c));

	c->server = server;
	c->next = server->connections;
	c->previous = &server->connections;
	if (c->next)
		c->next->previous = &c->next;
	server->connections = c;
	server->n_connections++;
	c->flush = (struct later){ .fn = connection_flush, .arg = c };
	c->heard = c->idle_since = loop_now(server->loop);
	c->session = session_new(c);
	c->stream = stream_accept(server->loop, fd, server->options.tls, HANDSHAKE_MS, &events, c);
}

void h2_connection_leave(struct h2_connection *c)
{
	nghttp2_submit_goaway(c->session, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(c->session),
	    NGHTTP2_NO_ERROR, NULL, 0);
	h2_connection_touch(c);
}
