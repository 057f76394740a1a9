/* What the files of the scaler share; nobody else includes it. */
#ifndef BRIDGE_SCALER_INSIDE_H
#define BRIDGE_SCALER_INSIDE_H
#include "bridge/function.h"
#include "bridge/grpc.h"
#include "bridge/scaler.h"
#include "bridge/trigger.h"

/* One function as KEDA may ask for it. */
struct scaled { struct scaler *scaler; struct function *function; struct push *pushes; };

struct scaler {
	struct loop	*loop;
	struct grpc_server *grpc;
	struct tls	*tls;
	char		*token;			/* NULL: the JSON form is open */
	struct scaled	**scaled;		/* by name */
	unsigned	 n_scaled;
	struct timer	 again;
	bool		 leaving;
};

/* NULL: no such function, and said so; name NULL: the only one */
struct scaled *scaled_find(const struct scaler *, const char *name, struct error *);

/* scaler_push.c: an open stream.  `specs`: StreamMetricSpec, which says its one message and stays. */
void push_open(struct scaled *, struct grpc_call *, const struct trigger *, bool specs);
void push_gone(void *scaler, struct grpc_call *);
void push_changed(void *scaled);	/* the function's lag may be another */
void push_end(struct scaled *);
void push_end_all(struct scaler *);
void push_let_go(struct scaled *);	/* it goes away: what is left of its streams belongs to nobody */
#endif
