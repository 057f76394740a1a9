/* A small HTTP/1.1 server for operators: takes connections, and keeps their number down. */
#include <stdlib.h>
#include <unistd.h>
#include "bridge/error.h"
#include "bridge/http_server_side.h"

enum { CONNECTIONS_MAX = 128 };

static void http_server_accepted(void *arg, int fd)
{
	struct http_server *s = arg;

	if (s->n_sides < CONNECTIONS_MAX)
		server_side_open(s, fd);
	else
		close(fd);
}

struct http_server *http_server_open(struct loop *l, const char *listen, unsigned port,
    void (*handle)(void *, const struct http_request *, struct http_response *), void *arg, struct error *e)
{
	struct http_server *s = mem_new(sizeof(*s));

	s->loop = l;
	s->handle = handle;
	s->arg = arg;
	s->listener = listener_open(l, listen, port, http_server_accepted, s, e);
	if (s->listener)
		return s;
	free(s);
	return NULL;
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
	return listener_port(s->listener);
}

void http_server_close(struct http_server *s)
{
	if (!s)
		return;
	while (s->sides)
		server_side_close(s->sides);
	listener_close(s->listener);
	free(s);
}
