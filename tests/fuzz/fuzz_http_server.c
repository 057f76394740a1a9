/* The HTTP server's end of a connection, the loop replaced: requests in one piece and in many get the same answers. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bridge/http_server_side.h"
#include "tests/fuzz/fuzz.h"

/* What stands for the loop has one watch and one timer. */
struct loop {
	void (*ready)(void *, unsigned);
	void *arg;
	unsigned wanted;
	bool timer_set;
};
struct watch {
	struct loop *loop;
};

struct watch *watch_new(struct loop *loop, int fd, void (*fn)(void *, unsigned), void *arg)
{
	struct watch *w = mem_new(sizeof(*w));

	(void)fd;
	loop->ready = fn;
	loop->arg = arg;
	w->loop = loop;
	return w;
}

void watch_want(struct watch *w, unsigned bits)
{
	w->loop->wanted = bits;
}

void watch_free(struct watch *w)
{
	w->loop->ready = NULL;
	free(w);
}

void timer_set(struct loop *loop, struct timer *t, int64_t after_ms, void (*fn)(void *), void *arg)
{
	*t = (struct timer){ .at = after_ms, .fn = fn, .arg = arg };
	loop->timer_set = true;
}

void timer_stop(struct loop *loop, struct timer *t)
{
	(void)t;
	loop->timer_set = false;
}

int64_t loop_wall(const struct loop *loop)
{
	(void)loop;
	return 1767225600000;
}

static void handle(void *arg, const struct http_request *q, struct http_response *r)
{
	(void)arg;
	assert(q->path.n > 0 && q->path.p[0] == '/' && !memchr(q->path.p, '?', q->path.n));
	assert(slice_is(q->method, "GET") || slice_is(q->method, "POST"));
	r->status = q->query.n ? 204 : 200;
	r->content_type = "text/plain";
	buf_slice(&r->body, q->path);
	buf_slice(&r->body, q->body);
}

static void take(int fd, struct buf *answers)
{
	ssize_t n;

	while ((n = recv(fd, buf_room(answers, 4096), 4096, MSG_DONTWAIT)) > 0)
		answers->n += (size_t)n;
}

/* Hands over what is there until the server has looked at all of it, or is gone. */
static void turn(struct loop *loop, int fd, int client, struct buf *answers)
{
	char byte;

	while (loop->ready && recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0) {
		assert(loop->timer_set && loop->wanted == WATCH_READ);
		loop->ready(loop->arg, WATCH_READ);
		take(client, answers);
	}
}

/* r NULL: all at once. */
static void converse(struct slice s, struct random *r, struct buf *answers)
{
	struct http_server *server = mem_new(sizeof(*server));
	struct loop loop = { 0 };
	int fds[2];

	assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
	server->loop = &loop;
	server->handle = handle;
	server_side_open(server, fds[0]);
	while (s.n && loop.ready) {
		size_t piece = r ? input_piece(r, s.n) : s.n;

		assert(send(fds[1], s.p, piece, MSG_NOSIGNAL) == (ssize_t)piece);
		s = (struct slice){ s.p + piece, s.n - piece };
		turn(&loop, fds[0], fds[1], answers);
	}
	shutdown(fds[1], SHUT_WR);
	turn(&loop, fds[0], fds[1], answers);
	take(fds[1], answers);
	assert(!loop.ready && !loop.timer_set && server->n_sides == 0 && !server->sides);
	close(fds[1]);
	free(server);
}

/* Takes out "100 Continue": it is only said to who waits with the body.  What an answer to HEAD lacks is not known
 * here, so the rest is judged by heads alone. */
static void settle(struct buf *answers)
{
	static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
	size_t n = sizeof(interim) - 1;
	char *at;

	while ((at = answers->n ? memmem(answers->p, answers->n, interim, n) : NULL)) {
		memmove(at, at + n, answers->n - (size_t)(at - answers->p) - n);
		answers->n -= n;
	}
	if (answers->n) {
		struct http1_head h;
		const char *why;

		assert(http1_head(&h, false, answers->p, answers->n, &why) > 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct slice s = { (const char *)p, n };
	struct random r = input_random(s);
	struct buf whole = { 0 }, pieces = { 0 };

	converse(s, NULL, &whole);
	converse(s, &r, &pieces);
	settle(&whole);
	settle(&pieces);
	assert(whole.n == pieces.n && (!whole.n || memcmp(whole.p, pieces.p, whole.n) == 0));
	buf_free(&whole);
	buf_free(&pieces);
	return 0;
}
