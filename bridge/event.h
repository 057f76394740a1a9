/* What came from a source.  Bytes are never re-encoded on their way. */
#ifndef BRIDGE_EVENT_H
#define BRIDGE_EVENT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slice { const char *p; size_t n; };	/* p == NULL: absent (a tombstone); n == 0: empty */
struct header { struct slice name, value; };

/* A source's claim check.  Equal words = the same event of that partition, stream or session (Kafka offset, Redis id,
 * MQTT packet id): the core compares and returns them.  The epoch is the window's, kept by the core. */
struct token { uint64_t w[2]; };

struct event {
	struct slice	 id, key, type, subject, content_type, data;
	struct slice	 topic;		/* where it really came from: pattern and wildcard subscriptions */
	struct slice	 reply_to, correlation;	/* MQTT 5 and the like: where the function's answer goes */
	const struct header *headers;	/* the broker's, and the `__offset` kind, made by the connector */
	unsigned	 n_headers;
	int64_t		 time_ms;	/* these three by loop_wall().  The producer's; 0: unknown */
	int64_t		 not_before_ms;	/* deliver later; 0: now */
	int64_t		 expires_ms;	/* 0: never */
	unsigned	 seen;		/* deliveries the broker says it made before this one */
	/* may be one offered before and not acknowledged yet (DUP, claimed, fetched anew) */
	bool		 again;
	struct token	 token;
};
#endif
