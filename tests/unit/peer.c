/* The other side for tests of the network: a scripted server on the test's own loop. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "bridge/error.h"
#include "tests/unit/peer.h"

enum { PATIENCE_S = 60 };

/* --- the listener --- */

static void peer_accept(void *arg, unsigned ready);

void peer_bind(struct peer *p, struct loop *l, const char *host)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	bool six = inet_pton(AF_INET6, host, &v6.sin6_addr) == 1;
	socklen_t size = six ? sizeof(v6) : sizeof(v4);
	struct sockaddr *at = six ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4;

	*p = (struct peer){ .loop = l };
	if (!six)
		assert_int_equal(inet_pton(AF_INET, host, &v4.sin_addr), 1);
	p->fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(p->fd >= 0);
	assert_int_equal(bind(p->fd, at, size), 0);
	assert_int_equal(getsockname(p->fd, at, &size), 0);
	p->port = ntohs(six ? v6.sin6_port : v4.sin_port);
}

void peer_bind_unix(struct peer *p, struct loop *l, const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	*p = (struct peer){ .loop = l };
	strncpy(at.sun_path, path, sizeof(at.sun_path) - 1);
	strncpy(p->path, path, sizeof(p->path) - 1);
	p->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(p->fd, (struct sockaddr *)&at, sizeof(at)), 0);
}

void peer_listen(struct peer *p, void (*script)(struct peer_side *))
{
	p->script = script;
	assert_int_equal(listen(p->fd, 128), 0);
	p->watch = watch_new(p->loop, p->fd, peer_accept, p);
	watch_want(p->watch, WATCH_READ);
}

void peer_stop_listening(struct peer *p)
{
	watch_free(p->watch);
	p->watch = NULL;
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

/* --- connections --- */

static void peer_side_close(struct peer_side *s)
{
	if (s->closed)
		return;
	s->closed = true;
	watch_free(s->watch);
	close(s->fd);
}

static void peer_flush(struct peer_side *s)
{
	ssize_t n;

	while (!s->closed && s->out.n) {
		n = send(s->fd, s->out.p, s->out.n, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN) {
			watch_want(s->watch, (s->peer->script ? WATCH_READ : 0) | WATCH_WRITE);
			return;
		}
		if (n < 0) {
			peer_side_close(s);
			return;
		}
		s->out.n -= (size_t)n;
		memmove(s->out.p, s->out.p + n, s->out.n);
	}
	if (s->closed)
		return;
	watch_want(s->watch, s->peer->script ? WATCH_READ : 0);
	if (s->end_when_sent)
		peer_side_close(s);
}

static void peer_ready(void *arg, unsigned ready)
{
	struct peer_side *s = arg;
	ssize_t n;

	if (s->out.n)
		peer_flush(s);
	if (s->closed || !(ready & WATCH_READ))
		return;
	n = recv(s->fd, buf_room(&s->in, 65536), 65536, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		s->peer->ended++;
		peer_side_close(s);
		return;
	}
	s->in.n += (size_t)n;
	s->peer->script(s);
}

static void peer_accept(void *arg, unsigned ready)
{
	struct peer *p = arg;
	struct peer_side *s;
	int fd = accept4(p->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)ready;
	if (fd < 0)
		return;
	s = mem_new(sizeof(*s));
	s->peer = p;
	s->fd = fd;
	s->next = p->sides;
	p->sides = s;
	p->accepted++;
	s->watch = watch_new(p->loop, fd, peer_ready, s);
	watch_want(s->watch, p->script ? WATCH_READ : 0);
	if (p->greet)
		p->greet(s);
}

void peer_close(struct peer *p)
{
	struct peer_side *s;

	peer_stop_listening(p);
	while ((s = p->sides)) {
		p->sides = s->next;
		peer_side_close(s);
		buf_free(&s->in);
		buf_free(&s->out);
		free(s);
	}
	if (*p->path)
		unlink(p->path);
}

/* --- what scripts do --- */

bool peer_take(struct peer_side *s, struct buf *request_r)
{
	char *end = memmem(s->in.p, s->in.n, "\r\n\r\n", 4), *length;
	size_t n;

	if (!end)
		return false;
	n = (size_t)(end + 4 - s->in.p);
	length = memmem(s->in.p, n, "Content-Length: ", 16);
	if (length)
		n += strtoul(length + 16, NULL, 10);
	if (s->in.n < n)
		return false;
	buf_clear(request_r);
	buf_add(request_r, s->in.p, n);
	s->in.n -= n;
	memmove(s->in.p, s->in.p + n, s->in.n);
	s->requests++;
	return true;
}

void peer_send(struct peer_side *s, const void *p, size_t n)
{
	buf_add(&s->out, p, n);
	peer_flush(s);
}

void peer_say(struct peer_side *s, const char *text)
{
	peer_send(s, text, strlen(text));
}

void peer_end(struct peer_side *s)
{
	s->end_when_sent = true;
	peer_flush(s);
}

void peer_half_close(struct peer_side *s)
{
	shutdown(s->fd, SHUT_WR);
}

void peer_reset(struct peer_side *s)
{
	struct linger reset = { .l_onoff = 1 };

	setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	peer_side_close(s);
}

void peer_answers(struct peer_side *s)
{
	struct buf request = { 0 };

	while (!s->closed && peer_take(s, &request))
		peer_send(s, s->peer->answer, s->peer->answer_n ? s->peer->answer_n : strlen(s->peer->answer));
	buf_free(&request);
}

void peer_ignores(struct peer_side *s)
{
	(void)s;
}

/* --- the loop --- */

static void loop_end_of_moment(void *loop)
{
	loop_stop(loop);
}

void loop_moment(struct loop *l)
{
	static time_t began;
	static const struct loop *of;
	struct timer timer = { 0 };
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (l != of)
		began = now.tv_sec;
	of = l;
	if (now.tv_sec - began > PATIENCE_S)
		fail_msg("what the test waits for did not happen within %d s", PATIENCE_S);
	timer_set(l, &timer, 1, loop_end_of_moment, l);
	loop_run(l);
	timer_stop(l, &timer);
}

struct loop *loop_for_test(void)
{
	struct error e;
	struct loop *l = loop_new(&e);

	assert_non_null(l);
	return l;
}
