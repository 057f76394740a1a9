/* Socket addresses to try for one configured address, and a tuned, non-blocking socket that connects to one of them. */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>
#include "bridge/endpoint.h"

enum { KEEPALIVE_IDLE_S = 30, KEEPALIVE_INTERVAL_S = 10, KEEPALIVE_PROBES = 3, UNANSWERED_MS = 30000 };

static void endpoints_add(struct endpoints *e, const void *address, socklen_t size)
{
	if (e->n == ENDPOINTS_MAX || size > sizeof(e->list[0].address))
		return;
	memcpy(&e->list[e->n].address, address, size);
	e->list[e->n++].size = size;
}

bool endpoints_from_address(struct endpoints *e, const struct address *a)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV }, *list;
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	if (a->path) {
		assert(strlen(a->path) < sizeof(un.sun_path));
		strcpy(un.sun_path, a->path);
		endpoints_add(e, &un, sizeof(un));
		return true;
	}
	if (getaddrinfo(a->host, a->port, &hints, &list) != 0)
		return false;
	endpoints_from_list(e, list);
	freeaddrinfo(list);
	return true;
}

void endpoints_from_list(struct endpoints *e, const struct addrinfo *list)
{
	for (; list; list = list->ai_next)
		endpoints_add(e, list->ai_addr, list->ai_addrlen);
}

static void socket_set(int fd, int level, int name, int value)
{
	setsockopt(fd, level, name, &value, sizeof(value));
}

/* A peer that is gone without a word: the kernel notices by keep-alive, or with bytes under way by the user timeout. */
static void socket_tune(int fd)
{
	socket_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	socket_set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	socket_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
	socket_set(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
	socket_set(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
	socket_set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, UNANSWERED_MS);
}

int endpoint_connect(const struct endpoint *at)
{
	int fd = socket(at->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error;

	if (fd < 0)
		return -1;
	if (at->address.ss_family != AF_UNIX)
		socket_tune(fd);
	if (connect(fd, (const struct sockaddr *)&at->address, at->size) == 0 || errno == EINPROGRESS)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}
