/* The stage of tests that read Redis lists: the real core and connector, a fake Redis, a function that takes events. */
#ifndef TESTS_UNIT_LIST_STAGE_H
#define TESTS_UNIT_LIST_STAGE_H
#include "bridge/function.h"
#include "bridge/option.h"
#include "tests/unit/fake_redis.h"

enum { ENTRIES_MAX = 4000, SETTINGS_MAX = 12, SEED = 3617 /* its first pauses before connecting again are short */ };

/* One bridge and what its function saw; the server outlives it. */
struct stage {
	struct loop *loop, *servers_loop; /* a process that crashed does not turn its loop any more */
	struct fake_redis *redis;
	struct function *function;
	struct connector *connector;
	const struct subscription *subscription; /* of the last delivery */
	struct policy policy;
	struct setting settings[SETTINGS_MAX];
	unsigned n_settings;
	char address[40];
	bool keep; /* deliveries stay open, */
	struct delivery *open[ENTRIES_MAX]; /* here */
	unsigned n_open;
	bool running[ENTRIES_MAX]; /* by the entry's number: it is with the function */
	unsigned taken[ENTRIES_MAX]; /* how often, by the entry's number */
	unsigned n_taken, deliveries, twice_at_once;
	char last_count[8];
	bool drained;
	unsigned turns;
};

void stage_open(struct stage *);	/* nothing runs yet but the server; the list is "jobs", we are "anna" */
void stage_close(struct stage *);
void stage_setting(struct stage *, const char *name, const char *value);	/* before stage_bridge_start() */
void stage_bridge_start(struct stage *);
void stage_bridge_stop(struct stage *, int64_t ms);

void stage_push(struct stage *, unsigned from, unsigned to);	/* the numbers from … to - 1 as entries */
/* Entries in work of another session. */
void stage_other_left(struct stage *, const char *consumer, unsigned from, unsigned to);
unsigned stage_left(struct stage *);		/* entries in any list of that server, tombstones too */
void stage_take(struct stage *, struct delivery *);
void stage_take_open(struct stage *);		/* all that were kept, and from now on whatever comes */

void stage_turn(struct stage *);		/* a moment; too many of them in one test, and it has failed */
#define WAIT(stage, condition) while (!(condition)) stage_turn(stage)
#endif
