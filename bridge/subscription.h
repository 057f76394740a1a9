/* What a function wants from a component, and what connectors and bindings may see of it. */
#ifndef BRIDGE_SUBSCRIPTION_H
#define BRIDGE_SUBSCRIPTION_H
#include "bridge/event.h"

struct binding;
struct rule { const char *match, *path; };

/* Dapr's two building blocks differ in what the function sees and how its answer is read. */
enum block {
	BLOCK_BINDING,		/* raw bytes, any 2xx is DONE, name probed with OPTIONS */
	BLOCK_PUBSUB		/* a CloudEvent, SUCCESS | RETRY | DROP, dead-letter topic */
};

/* What was asked for: by a file, by the app (discover), by a stream.  Plain text; the core copies. */
struct wanted {
	const char	*component, *topic, *dead_letter_topic;
	const struct rule *rules;	/* match NULL: always */
	unsigned	 n_rules;
	const struct header *metadata;
	unsigned	 n_metadata;
	unsigned	 bulk_count;	/* 0: no bulk */
	int64_t		 bulk_ms;
};

/* What connectors and bindings see of one; order, retry, park place are the core's.  The address is the identity: it
 * stays while component, topic and options stay, whatever else a reload changes, and until its last window is gone. */
struct subscription {
	const char	*component, *topic, *group;	/* group: consumer group, as configured or the app id */
	const void	*options;	/* struct read by the class's subscription_options */
	enum block	 block;
	/* only looked at: read in `group` whatever the component says, and acknowledged nowhere but here */
	bool		 peek;
	bool		 raw;		/* pub/sub: the topic holds plain bytes, not CloudEvents */
	void		*mine;		/* the connector's */
};

/* counted: lives until the last delivery by it is settled */
struct route { struct binding *binding; const char *path; };
#endif
