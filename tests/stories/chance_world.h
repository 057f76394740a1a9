/* The world of a run thrown by dice: a log of partitions, a function, and what of their events is finished. */
#ifndef STORIES_CHANCE_WORLD_H
#define STORIES_CHANCE_WORLD_H
#include "bridge/core.h"

enum { PARTITIONS = 3, EVENTS = 120, KEYS = 4, BUFFER = 24, NOTE = 4096, SENT_MAX = 64 };

struct partition {
	struct window *window;
	uint64_t next; /* to offer */
	uint64_t committed; /* at the broker */
	uint64_t acked; /* as told by commit(), not yet at the broker */
	char note[NOTE];
	size_t note_size;
	bool held, opened, dirty;
	bool finished[EVENTS], noted[EVENTS];
};

struct world {
	uint64_t seed;
	struct random random;
	struct loop *loop;
	struct function *function;
	struct binding *binding;
	struct connector *connector;
	const struct subscription *sub;
	struct partition partitions[PARTITIONS];
	struct policy policy;
	enum order order;
	bool waiting, dead, kind, ended;
	struct delivery *sent[SENT_MAX];
	unsigned n_sent, deaths, deliveries, again, parked;
	struct request *asked[SENT_MAX];
	unsigned n_asked;
};

/* The classes have no place for a pointer of ours: one world at a time. */
extern struct world *world;

extern const struct connector_class chance_connector;
extern const struct binding_class chance_binding;

unsigned dice(unsigned sides);
void rule(bool kept, const char *what);			/* a broken one is said, and ends the process */
void partition_finish(const struct event *);
void partition_offer(unsigned p);
void partition_commit(struct partition *);		/* what Kafka's connector does once a second */
struct partition *partition_of(const struct window *);
#endif
