/* A small HTTP/1.1 server for operators: listens, accepts, and keeps the number of connections down. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bridge/error.h"
#include "bridge/http_server_side.h"

enum { CONNECTIONS_MAX = 128, BACKLOG = 128, ACCEPTS_A_TURN = 32, ACCEPT_PAUSE_MS = 100 };

static void http_server_resume(void *arg)
{
	struct http_server *s = arg;

	watch_want(s->watch, WATCH_READ);
}

/* Out of descriptors or memory: the connection stays in the queue, and would be said again without end. */
static void http_server_pause(struct http_server *s)
{
	watch_want(s->watch, 0);
	timer_set(s->loop, &s->pause, ACCEPT_PAUSE_MS, http_server_resume, s);
}

static void http_server_accept(void *arg, unsigned ready)
{
	struct http_server *s = arg;

	(void)ready;
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0 && s->n_sides < CONNECTIONS_MAX) {
			server_side_open(s, fd);
		} else if (fd >= 0) {
			close(fd);
		} else {
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
				http_server_pause(s);
			return;
		}
	}
}

static const char *listen_advice(int error)
{
	switch (error) {
	case EADDRINUSE: return ": another process has this port; stop it or choose another port";
	case EACCES: return ": ports below 1024 need a privilege; choose a higher one";
	case EADDRNOTAVAIL: return ": this machine has no such address; 0.0.0.0 stands for all of them";
	default: return "";
	}
}

static int listen_failed(struct error *e, const char *address, unsigned port)
{
	int error = errno;

	return error_set(e, ERR_IO, strchr(address, ':') ? "listen on [%s]:%u: %s%s" : "listen on %s:%u: %s%s", address,
	    port, strerror(error), listen_advice(error));
}

static struct addrinfo *listen_address(const char *address, unsigned port, struct error *e)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE };
	struct addrinfo *list = NULL;
	char digits[16];

	snprintf(digits, sizeof(digits), "%u", port);
	if (port > 65535 || getaddrinfo(address, digits, &hints, &list) != 0)
		error_set(e, ERR_CONFIG,
		    "listen on %s:%u: expected one IP address (127.0.0.1, 0.0.0.0, ::1) and a port up to 65535",
		    address, port);
	return list;
}

static int listen_open(const char *address, unsigned port, struct error *e)
{
	struct addrinfo *at = listen_address(address, port, e);
	int fd, on = 1;

	if (!at)
		return -1;
	fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		goto fail;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* what is accepted inherits it */
	if (bind(fd, at->ai_addr, at->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
		goto fail;
	freeaddrinfo(at);
	return fd;
fail:
	listen_failed(e, address, port);
	freeaddrinfo(at);
	if (fd >= 0)
		close(fd);
	return -1;
}

struct http_server *http_server_open(struct loop *l, const char *listen, unsigned port,
    void (*handle)(void *, const struct http_request *, struct http_response *), void *arg, struct error *e)
{
	struct http_server *s;
	int fd = listen_open(listen, port, e);

	if (fd < 0)
		return NULL;
	s = mem_new(sizeof(*s));
	s->loop = l;
	s->fd = fd;
	s->handle = handle;
	s->arg = arg;
	s->watch = watch_new(l, fd, http_server_accept, s);
	watch_want(s->watch, WATCH_READ);
	return s;
}

struct slice http_request_header(const struct http_request *q, const char *name)
{
	for (unsigned i = 0; i < q->n_headers; i++)
		if (slice_is_nocase(q->headers[i].name, name))
			return q->headers[i].value;
	return (struct slice){ NULL, 0 };
}

unsigned http_server_port(const struct http_server *s)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} at = { 0 };
	socklen_t size = sizeof(at);

	getsockname(s->fd, &at.any, &size);
	return ntohs(at.any.sa_family == AF_INET6 ? at.v6.sin6_port : at.v4.sin_port);
}

void http_server_close(struct http_server *s)
{
	if (!s)
		return;
	while (s->sides)
		server_side_close(s->sides);
	timer_stop(s->loop, &s->pause);
	watch_free(s->watch);
	close(s->fd);
	free(s);
}
