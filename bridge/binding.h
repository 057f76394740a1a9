/* The contract between the core and a road to a function. */
#ifndef BRIDGE_BINDING_H
#define BRIDGE_BINDING_H
#include "bridge/delivery.h"
struct loop;
struct option;
struct binding;

/*
 * A binding is the road to one function: a Dapr HTTP or gRPC channel, plain HTTP, or one open stream of a streaming
 * subscriber (so bindings come and go at run time).  Loop thread only; nothing blocks.  settle() may be called
 * inside send(): the core acts on it at the end of the turn and never calls a class from inside a call that class
 * made.
 */
struct binding_class {
	const char		*name;		/* "http" */
	const char		*summary;
	const struct option	*options;
	size_t			 size;

	int	(*open)(struct binding *, struct error *);
	/* What the app says it wants, and which of these input bindings; ends in binding_discovered().  NULL:
	 * nothing to ask */
	void	(*discover)(struct binding *, const char *const *inputs, unsigned n);
	void	(*send)(struct binding *, struct delivery *);	/* never refused: no room any more = UNSENT */
	/* forget it, settle no more of it; unsettled items count as UNSURE */
	void	(*cancel)(struct binding *, struct delivery *);
	void	(*close)(struct binding *);	/* nothing is in flight any more; frees on return */
};

struct binding {
	const struct binding_class *class;
	struct loop		*loop;
	struct function		*function;
	const char		*name;
	void			*peer;		/* a stream's handle */
};

/* What a binding calls. */
/* deliveries allowed in flight at once, not a difference; 0: no credit */
void binding_capacity(struct binding *, unsigned total);
int binding_discovered(struct binding *, const struct wanted *, unsigned n,
    const char *const *inputs, unsigned n_inputs, struct error *);
/* A stream: made by the API server, with what it wants; ends in binding_gone(), which settles the rest as UNSURE and
 * closes. */
struct binding *binding_new(struct function *, const struct binding_class *, void *peer, const struct wanted *,
    struct error *);
void binding_gone(struct binding *);
#endif
