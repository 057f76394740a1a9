/* A gRPC server: one message in, one or a stream of them out, over our HTTP/2 server; health included. */
#ifndef BRIDGE_GRPC_H
#define BRIDGE_GRPC_H
#include <protobuf-c/protobuf-c.h>
#include "bridge/h2_server.h"

struct grpc_server;
struct grpc_call;

enum grpc_code {
	GRPC_OK = 0, GRPC_CANCELLED = 1, GRPC_UNKNOWN = 2, GRPC_INVALID_ARGUMENT = 3, GRPC_DEADLINE_EXCEEDED = 4,
	GRPC_NOT_FOUND = 5, GRPC_RESOURCE_EXHAUSTED = 8, GRPC_UNIMPLEMENTED = 12, GRPC_INTERNAL = 13,
	GRPC_UNAVAILABLE = 14
};

/*
 * A method.  called() gets the request, which is valid inside only, and answers by grpc_send() and grpc_end(), at once
 * or later.  gone() comes once for each call that called() has seen, after it was ended or when the client has left
 * it or its deadline has passed; then it must not be touched any more.  Never inside called(), grpc_send() or
 * grpc_end().  NULL: not wanted.
 */
struct grpc_method {
	const char	*path;		/* "/package.Service/Method"; NULL ends the list */
	const ProtobufCMessageDescriptor *request;
	void		(*called)(void *arg, struct grpc_call *, const ProtobufCMessage *request);
	void		(*gone)(void *arg, struct grpc_call *);
};

struct grpc_options {
	struct h2_options h2;		/* request_ms is ours */
	size_t		 message_max;	/* bytes of a request */
};

/* `methods` outlives the server. */
struct grpc_server *grpc_server_open(struct loop *, const struct grpc_options *, const struct grpc_method *methods,
    void *arg, struct error *);
unsigned grpc_server_port(const struct grpc_server *);
void grpc_server_serving(struct grpc_server *, bool);	/* what grpc.health.v1.Health says; true from the start */
/* Nothing new is taken, connections end with their calls: end what streams. */
void grpc_server_leave(struct grpc_server *);
void grpc_server_close(struct grpc_server *);		/* NULL: nothing */

void grpc_send(struct grpc_call *, const ProtobufCMessage *);
size_t grpc_unsent(const struct grpc_call *);		/* bytes the client has not made room for */
/* `why`: for people, NULL: nothing to say.  Without a message before it: trailers only. */
void grpc_end(struct grpc_call *, enum grpc_code, const char *why);
void grpc_keep(struct grpc_call *, void *mine);
void *grpc_kept(const struct grpc_call *);
#endif
