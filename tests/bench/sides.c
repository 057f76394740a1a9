/* The HTTP side of the limit programs: the cheapest that works. */
#include "tests/bench/sides.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include "tests/bench/bench.h"

void sides_send(struct sides *s, void *event, const void *p, size_t size)
{
	struct side *c = s->idle;
	char head[300];
	int n = snprintf(head, sizeof(head),
	    "POST /orders HTTP/1.1\r\nHost: 127.0.0.1:%ld\r\nContent-Type: application/json\r\n"
	    "Content-Length: %zu\r\n\r\n",
	    s->port, size);
	struct iovec v[2] = { { head, (size_t)n }, { (void *)(uintptr_t)p, size } };
	size_t at = 0, whole = (size_t)n + size;

	s->idle = c->next_idle;
	c->event = event;
	while (at < whole) {
		ssize_t sent = writev(c->fd, at ? &v[1] : v, at ? 1 : 2);

		if (sent < 0 && errno != EAGAIN)
			die("the function is gone: %s", strerror(errno));
		if (sent < 0)
			continue; /* an event of megabytes: waits for the function to read */
		if (at == 0 && sent < n)
			die("the socket's buffer is too small for a head");
		at += (size_t)sent;
		v[1].iov_base = (char *)(uintptr_t)p + (at - (size_t)n);
		v[1].iov_len = whole - at;
	}
}

void side_readable(struct sides *s, struct side *c)
{
	char in[1024];
	ssize_t n = recv(c->fd, in, sizeof(in), 0);
	struct message answer;
	void *event = c->event;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0 || !message_whole(in, (size_t)n, &answer) || memcmp(in, "HTTP/1.1 2", 10) != 0 || !event)
		die("the limit knows no failure, but the function answered %.*s", n > 0 ? (int)n : 0, in);
	c->event = NULL;
	c->next_idle = s->idle;
	s->idle = c;
	s->done(s->arg, event);
}

void sides_connect(struct sides *s, int epoll, long n)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)s->port) };
	int one = 1;

	inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
	s->list = calloc((size_t)n, sizeof(*s->list));
	for (long i = 0; i < n; i++) {
		struct side *c = &s->list[i];
		struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };

		c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) < 0)
			die("port %ld: %s", s->port, strerror(errno));
		fcntl(c->fd, F_SETFL, O_NONBLOCK);
		setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &e);
		c->next_idle = s->idle;
		s->idle = c;
	}
}
