/* Streams: resolves, tries one address after another, shakes hands, then reads and writes without waiting. */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bridge/bytes.h"
#include "bridge/endpoint.h"
#include "bridge/tls.h"

enum {
	IOVECS_MAX = 8,
	WRITE_MAX = 2 << 20 /* in one call: the loop has others to look after */
};

enum stream_state { STREAM_RESOLVING, STREAM_CONNECTING, STREAM_HANDSHAKE, STREAM_OPEN };

/* What there is only while a stream is being opened. */
struct opening {
	struct endpoints to;
	unsigned next; /* the one to try next */
	int64_t deadline;
	struct resolve *resolve;
	struct timer timer;
	char why[256]; /* of the last try */
};

struct stream {
	struct loop *loop;
	struct address address;
	struct tls *tls;
	const struct stream_events *events;
	void *arg;
	enum stream_state state;
	struct opening *opening;
	int fd;
	struct watch *watch;
	struct tls_session *session;
	struct later later; /* the start; later on, bytes that TLS holds already */
	bool accepted, want_read, write_blocked;
	enum tls_want read_wants, write_wants; /* TLS: what reading, writing waits for */
	bool inside, gone; /* in a callback of stream_io(), which frees what was closed there */
};

static void stream_next(struct stream *s);

/* --- opening --- */

static void __attribute__((format(printf, 2, 3))) stream_explain(struct stream *s, const char *fmt, ...)
{
	va_list args;
	int n;

	if (s->accepted)
		n = 0;
	else if (s->address.path)
		n = snprintf(s->opening->why, sizeof(s->opening->why), "unix:%s: ", s->address.path);
	else
		n = snprintf(s->opening->why, sizeof(s->opening->why), "%.100s:%s: ", s->address.host, s->address.port);
	va_start(args, fmt);
	vsnprintf(s->opening->why + n, sizeof(s->opening->why) - (size_t)n, fmt, args);
	va_end(args);
}

static void stream_drop_fd(struct stream *s)
{
	tls_session_free(s->session);
	s->session = NULL;
	watch_free(s->watch);
	s->watch = NULL;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

static void stream_end_opening(struct stream *s)
{
	if (!s->opening)
		return;
	resolve_cancel(s->opening->resolve);
	timer_stop(s->loop, &s->opening->timer);
	free(s->opening);
	s->opening = NULL;
}

static void stream_fail(struct stream *s)
{
	char why[sizeof(s->opening->why)];

	memcpy(why, s->opening->why, sizeof(why));
	stream_drop_fd(s);
	stream_end_opening(s);
	s->events->failed(s->arg, why);
}

/* This address did not work: the next one, if there is one. */
static void stream_try_failed(struct stream *s)
{
	stream_drop_fd(s);
	if (s->opening->next < s->opening->to.n)
		stream_next(s);
	else
		stream_fail(s);
}

static void stream_timed_out(void *arg)
{
	struct stream *s = arg;

	switch (s->state) {
	case STREAM_RESOLVING:
		stream_explain(s, "the name was not resolved in time");
		resolve_cancel(s->opening->resolve);
		s->opening->resolve = NULL;
		stream_fail(s);
		return;
	case STREAM_CONNECTING: stream_explain(s, "no connection in time"); break;
	case STREAM_HANDSHAKE: stream_explain(s, "no TLS handshake in time"); break;
	case STREAM_OPEN: return;
	}
	stream_try_failed(s);
}

static void stream_wants(struct stream *s)
{
	unsigned bits = 0;

	if (s->want_read)
		bits |= s->read_wants == TLS_WRITABLE ? WATCH_WRITE : WATCH_READ;
	if (s->write_blocked)
		bits |= s->write_wants == TLS_READABLE ? WATCH_READ : WATCH_WRITE;
	watch_want(s->watch, bits);
}

static void stream_opened(struct stream *s)
{
	stream_end_opening(s);
	s->state = STREAM_OPEN;
	stream_wants(s);
	/* What came with the end of the handshake has been read already: no event will tell of it. */
	if (s->session && tls_session_pending(s->session))
		loop_defer(s->loop, &s->later);
	s->events->opened(s->arg);
}

static void stream_handshake(struct stream *s)
{
	enum tls_want want = TLS_NOTHING;
	const char *why;

	switch (tls_session_handshake(s->session, &want, &why)) {
	case 1: stream_opened(s); return;
	case 0: watch_want(s->watch, want == TLS_WRITABLE ? WATCH_WRITE : WATCH_READ); return;
	default: stream_explain(s, "%s", why); stream_try_failed(s);
	}
}

static void stream_connected(struct stream *s)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		error = errno;
	if (error) {
		stream_explain(s, "%s", strerror(error));
		stream_try_failed(s);
		return;
	}
	if (!s->tls) {
		stream_opened(s);
		return;
	}
	s->state = STREAM_HANDSHAKE;
	s->session = tls_session_new(s->tls, s->fd, s->accepted ? NULL : &s->address);
	stream_handshake(s);
}

/* --- an open stream's events --- */

/* Bytes that TLS took off the socket come without an event of the socket; at the start: the first try. */
static void stream_later(void *arg)
{
	struct stream *s = arg;

	if (s->state != STREAM_OPEN && s->accepted)
		stream_connected(s);
	else if (s->state != STREAM_OPEN)
		stream_next(s);
	else if (s->want_read && tls_session_pending(s->session))
		s->events->readable(s->arg);
}

static void stream_io(struct stream *s, unsigned ready)
{
	bool can_read = s->want_read && (ready & (s->read_wants == TLS_WRITABLE ? WATCH_WRITE : WATCH_READ));
	bool can_write = s->write_blocked && (ready & (s->write_wants == TLS_READABLE ? WATCH_READ : WATCH_WRITE));

	s->inside = true;
	if (can_read)
		s->events->readable(s->arg);
	if (!s->gone && can_write) {
		s->write_blocked = false;
		s->write_wants = TLS_NOTHING;
		s->events->writable(s->arg);
	}
	s->inside = false;
	if (s->gone)
		free(s);
	else
		stream_wants(s);
}

static void stream_ready(void *arg, unsigned ready)
{
	struct stream *s = arg;

	switch (s->state) {
	case STREAM_RESOLVING: break;
	case STREAM_CONNECTING: stream_connected(s); break;
	case STREAM_HANDSHAKE: stream_handshake(s); break;
	case STREAM_OPEN: stream_io(s, ready); break;
	}
}

/* --- addresses --- */

/* Starts with one address; -1: it failed at once, and why is said. */
static int stream_connect(struct stream *s, const struct endpoint *at)
{
	s->fd = endpoint_connect(at);
	if (s->fd < 0) {
		stream_explain(s, "%s", strerror(errno));
		return -1;
	}
	s->watch = watch_new(s->loop, s->fd, stream_ready, s);
	watch_want(s->watch, WATCH_WRITE);
	return 0;
}

/* The addresses that are left share the time that is left. */
static void stream_next(struct stream *s)
{
	struct opening *o = s->opening;

	s->state = STREAM_CONNECTING;
	while (o->next < o->to.n) {
		int64_t left = o->deadline - loop_now(s->loop), share = left / (o->to.n - o->next);

		if (stream_connect(s, &o->to.list[o->next++]) == 0) {
			timer_set(s->loop, &o->timer, share, stream_timed_out, s);
			return;
		}
	}
	stream_fail(s);
}

static void stream_resolved(void *arg, const struct addrinfo *list, const char *why)
{
	struct stream *s = arg;

	s->opening->resolve = NULL;
	stream_explain(s, "%s", why ? why : "the name has no address");
	endpoints_from_list(&s->opening->to, list);
	stream_next(s);
}

static struct stream *stream_new(struct loop *l, struct tls *tls, const struct stream_events *events, void *arg)
{
	struct stream *s = mem_new(sizeof(*s));

	s->loop = l;
	s->tls = tls;
	s->events = events;
	s->arg = arg;
	s->fd = -1;
	s->want_read = true;
	s->later = (struct later){ .fn = stream_later, .arg = s };
	s->opening = mem_new(sizeof(*s->opening));
	return s;
}

struct stream *stream_open(struct loop *l, const struct address *a, struct tls *tls, int64_t timeout_ms,
    const struct stream_events *events, void *arg)
{
	struct stream *s = stream_new(l, a->tls ? tls : NULL, events, arg);

	assert(!a->tls || tls);
	address_copy(&s->address, a);
	s->opening->deadline = loop_now(l) + timeout_ms;
	timer_set(l, &s->opening->timer, timeout_ms, stream_timed_out, s);
	if (endpoints_from_address(&s->opening->to, a))
		loop_defer(l, &s->later);
	else
		s->opening->resolve = resolve_start(l, s->address.host, s->address.port, stream_resolved, s);
	return s;
}

struct stream *stream_accept(
    struct loop *l, int fd, struct tls *tls, int64_t timeout_ms, const struct stream_events *events, void *arg)
{
	struct stream *s = stream_new(l, tls, events, arg);

	s->accepted = true;
	s->fd = fd;
	s->state = STREAM_CONNECTING;
	s->watch = watch_new(l, fd, stream_ready, s);
	timer_set(l, &s->opening->timer, timeout_ms, stream_timed_out, s);
	loop_defer(l, &s->later);
	return s;
}

void stream_close(struct stream *s)
{
	if (!s)
		return;
	stream_end_opening(s);
	loop_undefer(s->loop, &s->later);
	stream_drop_fd(s);
	address_free(&s->address);
	s->gone = true;
	if (!s->inside)
		free(s);
}

/* --- bytes --- */

ssize_t stream_read(struct stream *s, void *p, size_t n)
{
	ssize_t got;
	int error;

	assert(s->state == STREAM_OPEN);
	if (!s->session) {
		do
			got = recv(s->fd, p, n, 0);
		while (got < 0 && errno == EINTR);
		return got;
	}
	got = tls_session_read(s->session, p, n, &s->read_wants);
	if (got > 0 && tls_session_pending(s->session))
		loop_defer(s->loop, &s->later);
	else
		loop_undefer(s->loop, &s->later);
	error = errno;
	stream_wants(s);
	errno = error;
	return got;
}

static size_t iovec_bytes(const struct iovec *v, int n)
{
	size_t bytes = 0;

	for (int i = 0; i < n; i++)
		bytes += v[i].iov_len;
	return bytes;
}

static ssize_t stream_send(struct stream *s, const struct iovec *v, int n)
{
	struct msghdr m = { .msg_iov = (struct iovec *)v, .msg_iovlen = (size_t)n };
	ssize_t sent;

	do
		sent = sendmsg(s->fd, &m, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent;
}

/* TLS takes a record at a time; as long as it takes them, it is given the next. */
static ssize_t stream_encrypt(struct stream *s, const struct iovec *v, int n)
{
	struct iovec rest[IOVECS_MAX];
	ssize_t taken, sum = 0;
	int first = 0;

	memcpy(rest, v, (size_t)n * sizeof(*v));
	while (iovec_bytes(rest + first, n - first)) {
		taken = tls_session_write(s->session, rest + first, n - first, &s->write_wants);
		if (taken < 0)
			return sum ? sum : taken;
		sum += taken;
		for (; first < n && (size_t)taken >= rest[first].iov_len; first++)
			taken -= (ssize_t)rest[first].iov_len;
		if (first < n) {
			rest[first].iov_base = (char *)rest[first].iov_base + taken;
			rest[first].iov_len -= (size_t)taken;
		}
	}
	return sum;
}

/* The first `max` bytes of it. */
static int iovec_cut(struct iovec *to, const struct iovec *v, int n, size_t max)
{
	int i = 0;

	for (; i < n && max > 0; i++) {
		to[i] = v[i];
		if (to[i].iov_len > max)
			to[i].iov_len = max;
		max -= to[i].iov_len;
	}
	return i;
}

ssize_t stream_write(struct stream *s, const struct iovec *v, int n)
{
	size_t wanted = iovec_bytes(v, n);
	struct iovec some[IOVECS_MAX];
	ssize_t taken;

	assert(s->state == STREAM_OPEN && n <= IOVECS_MAX);
	if (wanted > WRITE_MAX) {
		n = iovec_cut(some, v, n, WRITE_MAX);
		v = some;
	}
	taken = s->session ? stream_encrypt(s, v, n) : stream_send(s, v, n);
	if (taken < 0 ? errno == EAGAIN : (size_t)taken < wanted) {
		int error = errno;

		s->write_blocked = true;
		stream_wants(s);
		errno = error;
	}
	return taken;
}

void stream_want_read(struct stream *s, bool want)
{
	s->want_read = want;
	if (s->state != STREAM_OPEN)
		return;
	stream_wants(s);
	if (want && s->session && tls_session_pending(s->session))
		loop_defer(s->loop, &s->later);
}
