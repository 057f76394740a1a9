/* Asks a function over HTTP which input bindings it wants: OPTIONS on each route, as Dapr does. */
#ifndef BINDINGS_HTTP_PROBE_H
#define BINDINGS_HTTP_PROBE_H
#include "bindings/http_road.h"
#include "bridge/backoff.h"

struct http_probe;
struct http_probes {
	struct http_road *road;
	struct http_probe *list;
	unsigned	 n;
	struct random	 random;
};

void http_probes_init(struct http_probes *, struct http_road *);

/*
 * Asks anew for these routes (copied), each by itself and until there is an answer.  binding_discovered() comes as
 * soon as each was tried once, with the wanted ones, and again, with all wanted by then, whenever a late answer adds
 * one.
 */
void http_probes_start(struct http_probes *, const char *const *routes, unsigned n);
void http_probes_stop(struct http_probes *);	/* forgets what is under way; frees */
#endif
