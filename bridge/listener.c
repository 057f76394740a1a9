/* A listening TCP socket on the loop: accepts, and does not spin when the process has no descriptor left. */
#include "bridge/listener.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bridge/bytes.h"
#include "bridge/error.h"

enum { BACKLOG = 128, ACCEPTS_A_TURN = 32, ACCEPT_PAUSE_MS = 100 };

struct listener {
	struct loop *loop;
	int fd;
	struct watch *watch;
	struct timer pause;
	void (*accepted)(void *, int fd);
	void *arg;
};

static void listener_resume(void *arg)
{
	struct listener *l = arg;

	watch_want(l->watch, WATCH_READ);
}

/* Out of descriptors or memory: the connection stays in the queue, and would be said again without end. */
static void listener_pause(struct listener *l)
{
	watch_want(l->watch, 0);
	timer_set(l->loop, &l->pause, ACCEPT_PAUSE_MS, listener_resume, l);
}

static void listener_accept(void *arg, unsigned ready)
{
	struct listener *l = arg;

	(void)ready;
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			l->accepted(l->arg, fd);
		} else {
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
				listener_pause(l);
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

struct listener *listener_open(
    struct loop *loop, const char *address, unsigned port, void (*accepted)(void *, int), void *arg, struct error *e)
{
	struct listener *l;
	int fd = listen_open(address, port, e);

	if (fd < 0)
		return NULL;
	l = mem_new(sizeof(*l));
	l->loop = loop;
	l->fd = fd;
	l->accepted = accepted;
	l->arg = arg;
	l->watch = watch_new(loop, fd, listener_accept, l);
	watch_want(l->watch, WATCH_READ);
	return l;
}

unsigned listener_port(const struct listener *l)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} at = { 0 };
	socklen_t size = sizeof(at);

	getsockname(l->fd, &at.any, &size);
	return ntohs(at.any.sa_family == AF_INET6 ? at.v6.sin6_port : at.v4.sin_port);
}

void listener_close(struct listener *l)
{
	if (!l)
		return;
	timer_stop(l->loop, &l->pause);
	watch_free(l->watch);
	close(l->fd);
	free(l);
}
