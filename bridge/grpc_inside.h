/* What grpc.c and grpc_health.c share; nobody else includes it. */
#ifndef BRIDGE_GRPC_INSIDE_H
#define BRIDGE_GRPC_INSIDE_H
#include "bridge/grpc.h"

struct grpc_server {
	struct loop	*loop;
	struct h2_server *h2;
	const struct grpc_method *methods;
	void		*arg;
	size_t		 message_max;
	bool		 serving;
	struct watching	*watching;	/* calls of Health.Watch */
};

extern const struct grpc_method grpc_health_methods[];	/* called with the grpc_server */
void grpc_health_end(struct grpc_server *);		/* its streams */
bool grpc_serves(const struct grpc_server *, const char *service);	/* one of its methods is of that service */
#endif
