/* KEDA's external scaler: how much waits for a function, told by gRPC, pushed on the edge, and as JSON. */
#ifndef BRIDGE_SCALER_H
#define BRIDGE_SCALER_H
#include "bridge/http_server.h"

struct error;
struct function;
struct scaler;

struct scaler_options {
	const char	*listen;
	unsigned	 port;			/* 0: the kernel chooses */
	const char	*cert_file, *key_file;	/* both: TLS */
	const char	*client_ca_file;	/* only clients with a certificate of it */
	const char	*token_file;		/* the JSON form needs what stands in it; NULL: nothing */
};

/* Functions are added before they are started, and outlive the scaler or are removed. */
struct scaler *scaler_new(struct loop *);
void scaler_add(struct scaler *, struct function *);
/* Another one of the same name takes its place, before it is started: open streams stay. */
void scaler_replace(struct scaler *, struct function *, struct function *by);
void scaler_remove(struct scaler *, struct function *);	/* its streams end; any time */
bool scaler_has(const struct scaler *, const char *name);
int scaler_open(struct scaler *, const struct scaler_options *, struct error *);
unsigned scaler_port(const struct scaler *);
/* Streams end well, connections end with their calls, nothing new is taken; what is asked is answered still. */
void scaler_leave(struct scaler *);
void scaler_free(struct scaler *);		/* NULL: nothing */

/* GET /scaler/v1, /scaler/v1/FUNCTION, /scaler/v1/FUNCTION/SUBSCRIPTION; false: another path */
bool scaler_handle(struct scaler *, const struct http_request *, struct http_response *);
#endif
