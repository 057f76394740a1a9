/* grpc.health.v1.Health of a gRPC server: asked once, or watched. */
#include <stdlib.h>
#include <string.h>
#include "bridge/grpc_inside.h"
#include "bridge/proto/health.pb-c.h"

struct watching {
	struct watching *next, **previous;
	struct grpc_call *call;
	bool known;
};

bool grpc_serves(const struct grpc_server *s, const char *service)
{
	size_t n = strlen(service);

	for (const struct grpc_method *m = s->methods; m->path && n; m++)
		if (!strncmp(m->path + 1, service, n) && m->path[1 + n] == '/')
			return true;
	return n == 0 || !strcmp(service, "grpc.health.v1.Health");
}

static void health_send(const struct grpc_server *s, struct grpc_call *call, bool known)
{
	Grpc__Health__V1__HealthCheckResponse r = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;

	r.status = !known ? GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN
	    : s->serving  ? GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
			  : GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING;
	grpc_send(call, &r.base);
}

static void health_check(void *arg, struct grpc_call *call, const ProtobufCMessage *request)
{
	const Grpc__Health__V1__HealthCheckRequest *q = (const Grpc__Health__V1__HealthCheckRequest *)request;

	if (!grpc_serves(arg, q->service)) {
		grpc_end(call, GRPC_NOT_FOUND, "no such service here");
		return;
	}
	health_send(arg, call, true);
	grpc_end(call, GRPC_OK, NULL);
}

static void health_watch(void *arg, struct grpc_call *call, const ProtobufCMessage *request)
{
	const Grpc__Health__V1__HealthCheckRequest *q = (const Grpc__Health__V1__HealthCheckRequest *)request;
	struct grpc_server *s = arg;
	struct watching *w = mem_new(sizeof(*w));

	*w = (struct watching){ s->watching, &s->watching, call, grpc_serves(s, q->service) };
	if (w->next)
		w->next->previous = &w->next;
	s->watching = w;
	grpc_keep(call, w);
	health_send(s, call, w->known);
}

static void health_watch_gone(void *arg, struct grpc_call *call)
{
	struct watching *w = grpc_kept(call);

	(void)arg;
	*w->previous = w->next;
	if (w->next)
		w->next->previous = w->previous;
	free(w);
}

void grpc_server_serving(struct grpc_server *s, bool serving)
{
	if (s->serving == serving)
		return;
	s->serving = serving;
	for (struct watching *w = s->watching; w; w = w->next)
		if (w->known && grpc_unsent(w->call) == 0) /* who does not read learns it when asking anew */
			health_send(s, w->call, true);
}

void grpc_health_end(struct grpc_server *s)
{
	for (struct watching *w = s->watching; w; w = w->next)
		grpc_end(w->call, GRPC_OK, NULL);
}

const struct grpc_method grpc_health_methods[] = {
	{ "/grpc.health.v1.Health/Check", &grpc__health__v1__health_check_request__descriptor, health_check, NULL },
	{ "/grpc.health.v1.Health/Watch", &grpc__health__v1__health_check_request__descriptor, health_watch,
	    health_watch_gone },
	{ .path = NULL },
};
