/* One function with its binding, components, subscriptions and credit: built, started, drained, asked for health. */
#ifndef BRIDGE_FUNCTION_H
#define BRIDGE_FUNCTION_H
#include "bridge/binding.h"
#include "bridge/bytes.h"
#include "bridge/connector.h"
#include "bridge/policy.h"

struct function;

struct function_options {
	const char	*name;			/* app id */
	unsigned	 buffer_events;		/* credit: events and bytes held here at once */
	size_t		 buffer_bytes;
	int64_t		 timeout_ms;		/* of one delivery, unless the subscription says otherwise */
	bool		 adaptive;		/* learn from the answers how many deliveries the function takes well */
	uint64_t	 seed;			/* of jitter */
};

struct function *function_new(struct loop *, const struct function_options *);	/* name is copied */
void function_free(struct function *);		/* drained, or never started */

/* Without a binding nothing is delivered; the lag of its subscriptions can be told all the same (bridge/lag.h).
 * The binding and each component are made zeroed with their base filled in; the caller reads options into them
 * before start. */
struct binding *function_binding(struct function *, const struct binding_class *);
struct connector *function_component(struct function *, const struct connector_class *, const char *name);

struct subscription_options {
	const char	*name;			/* copied; NULL: the component's */
	const char	*topic, *group, *path;	/* copied */
	enum block	 block;
	bool		 raw, peek;
	bool		 probe;			/* only if the binding's discovery says so */
	void		*options;		/* of the class's subscription_options, from mem_new(); taken over */
	const struct policy *policy;		/* stays the caller's */
};
struct connector *function_component_named(const struct function *, const char *name);	/* NULL: none */
void function_subscribe(struct function *, struct connector *, const struct subscription_options *);

int function_start(struct function *, struct error *);	/* -1: an open() failed; nothing runs */

/* How long what is in flight may take to finish, and who reads the rows into the new instance: perhaps much later,
 * once. */
struct renew_options { int64_t ms; void (*fill)(void *arg, struct connector *); void *arg; };
/*
 * Ends one component as a drain ends all of them, and opens it anew on an instance that `fill` has read the rows into
 * again; its subscriptions go on with it.  Asked again meanwhile: the last `fill` counts.  None is called when the
 * function is drained first.
 */
void function_renew(struct function *, struct connector *, const struct renew_options *);

/* Stops the sources, lets what runs finish until the deadline, has the last acknowledgements confirmed, closes all. */
void function_drain(struct function *, int64_t ms, void (*drained)(void *arg), void *arg);

bool function_was_ready(const struct function *);	/* once true, stays true */
bool function_ready(const struct function *, struct buf *why);	/* now; else the reasons, "; " between them */
const char *function_name(const struct function *);	/* its app id */
void metrics_print(struct function *const *, unsigned n, struct buf *);	/* of all of them, Prometheus text */
#endif
