/* A story under way: who plays in it, and what has been said. */
#ifndef STORIES_STORY_H
#define STORIES_STORY_H
#include <stdbool.h>
#include "bridge/function.h"
#include "tests/stories/cast.h"
#include "tests/stories/story_loop.h"

enum { WORDS = 64, SUBS = 64, CONNECTORS = 8, FUNCTIONS = 4, PAYLOAD_MAX = 1 << 22 };

struct story_connector {
	char name[32];
	struct connector *connector;
	const struct connector_class *class;
	unsigned function; /* index */
};

struct story {
	const char *file;
	unsigned line;
	char title[256];
	bool open, failed, verbose, asks, begun;
	struct loop *loop;
	struct {
		char name[32];
		struct function *function;
		struct binding *binding;
	} functions[FUNCTIONS];
	unsigned n_functions, n_drained;
	struct story_connector connectors[CONNECTORS];
	unsigned n_connectors;
	struct {
		struct policy policy;
		char connector[32], topic[32], route[32];
		bool probe;
	} subs[SUBS];
	unsigned n_subs;
	struct function_options options;
	unsigned passed, bad;
};

struct words {
	char *w[WORDS];
	unsigned n, at;
};

bool fail(struct story *, const char *what, const char *more);	/* the first fault is printed; false */
void story_act(struct story *, struct words *);			/* one action, and turns until all is quiet */
void story_metric(struct story *, struct words *);
void story_live(struct story *, struct words *);

/* troupe.c */
unsigned story_function(struct story *, const char *name);	/* index; one more, if there is none of that name */
void story_begin(struct story *);
struct delivery *story_delivery(struct story *, const char *id);	/* taken from whoever has it; NULL: nobody */
void story_metrics(struct story *, struct buf *);
void story_drain(struct story *, int64_t ms);
bool story_drained(const struct story *);
void story_free(struct story *);
#endif
