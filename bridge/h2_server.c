/* An HTTP/2 server: listens, and keeps the number of connections down. */
#include "bridge/h2_inside.h"
#include <stdlib.h>
#include <unistd.h>
#include "bridge/error.h"

enum { CONNECTIONS_MAX = 256 };

static void h2_server_accepted(void *arg, int fd)
{
	struct h2_server *s = arg;

	if (s->n_connections < CONNECTIONS_MAX && !s->leaving)
		h2_connection_open(s, fd);
	else
		close(fd);
}

struct h2_server *h2_server_open(
    struct loop *loop, const struct h2_options *o, const struct h2_service *service, void *arg, struct error *err)
{
	struct h2_server *s = mem_new(sizeof(*s));

	s->loop = loop;
	s->options = *o;
	s->service = service;
	s->arg = arg;
	s->listener = listener_open(loop, o->listen, o->port, h2_server_accepted, s, err);
	if (s->listener)
		return s;
	free(s);
	return NULL;
}

unsigned h2_server_port(const struct h2_server *s)
{
	return listener_port(s->listener);
}

unsigned h2_server_connections(const struct h2_server *s)
{
	return s->n_connections;
}

void h2_server_leave(struct h2_server *s)
{
	s->leaving = true;
	for (struct h2_connection *c = s->connections; c; c = c->next)
		h2_connection_leave(c);
}

void h2_server_close(struct h2_server *s)
{
	if (!s)
		return;
	while (s->connections)
		h2_connection_close(s->connections);
	listener_close(s->listener);
	free(s);
}
