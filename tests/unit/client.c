/* A client of a server under test: a plain socket that takes its turns with the test's loop. */
#include <errno.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/unit/client.h"

void client_open(struct client *c, struct loop *l, const char *host, unsigned port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST }, *at;
	char digits[8];

	*c = (struct client){ .loop = l };
	snprintf(digits, sizeof(digits), "%u", port);
	assert_int_equal(getaddrinfo(host, digits, &hints, &at), 0);
	c->fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(c->fd, at->ai_addr, at->ai_addrlen), 0);
	freeaddrinfo(at);
}

void client_send(struct client *c, const char *p, size_t n)
{
	ssize_t sent;

	while (n) {
		sent = send(c->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno == EAGAIN) {
			loop_moment(c->loop);
			continue;
		}
		assert_true(sent > 0);
		p += sent;
		n -= (size_t)sent;
	}
}

void client_say(struct client *c, const char *text)
{
	client_send(c, text, strlen(text));
}

static void client_look(struct client *c)
{
	ssize_t n = recv(c->fd, buf_room(&c->in, 65536), 65535, MSG_DONTWAIT);

	if (n > 0)
		c->in.n += (size_t)n;
	else if (n == 0 || errno != EAGAIN)
		c->ended = true;
	*buf_room(&c->in, 1) = '\0';
}

static bool client_has(struct client *c, const char *text)
{
	client_look(c);
	return memmem(c->in.p, c->in.n, text, strlen(text)) != NULL;
}

void client_waits_for(struct client *c, const char *text)
{
	while (!client_has(c, text)) {
		if (c->ended)
			fail_msg("expected \"%s\" in \"%s\"", text, c->in.p);
		loop_moment(c->loop);
	}
}

void client_waits_for_the_end(struct client *c)
{
	while (!c->ended) {
		loop_moment(c->loop);
		client_look(c);
	}
}

void client_close(struct client *c)
{
	close(c->fd);
	buf_free(&c->in);
}
