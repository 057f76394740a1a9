/* A story under way: who plays in it, and what has been said. */
#ifndef STORIES_STORY_H
#define STORIES_STORY_H
#include <stdbool.h>
#include "bridge/function.h"
#include "tests/stories/cast.h"
#include "tests/stories/story_loop.h"

enum { WORDS = 64, SUBS = 64, CONNECTORS = 8, PAYLOAD_MAX = 1 << 22 };

struct story {
	const char *file;
	unsigned line;
	char title[256];
	bool open, failed, verbose, asks;
	struct loop *loop;
	struct function *function;
	struct binding *binding;
	struct {
		char name[32];
		struct connector *connector;
		const struct connector_class *class;
	} connectors[CONNECTORS];
	unsigned n_connectors;
	struct {
		struct policy policy;
		char connector[32], topic[32], route[32];
		bool probe;
	} subs[SUBS];
	unsigned n_subs;
	struct function_options options;
	bool drained;
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
void story_drained(void *story);
#endif
