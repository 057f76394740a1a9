/* Watching lag from outside any group: what the two halves of it share.  Nobody else includes it. */
#ifndef CONNECTORS_KAFKA_WATCH_H
#define CONNECTORS_KAFKA_WATCH_H
#include "connectors/kafka.h"

/* What is watched: made on the loop, then the thread's alone. */
struct kafka_targets {
	unsigned	 version, n;
	bool		 edges;		/* nobody reads here: what comes is to be told at once */
	bool		 newest;	/* a group without a commit begins at the end */
	struct kafka_wish *wishes;	/* of its own */
};

/* What was seen: made on the thread, then the loop's alone. */
struct kafka_seen {
	unsigned	 target, topic;
	int32_t		 partition;
	bool		 known;
	bool		 unbegun;	/* nothing was ever committed, and nothing is to be read of what is there */
	int64_t		 unacked;
	uint64_t	 done;
};
struct kafka_sight {
	unsigned	 version;
	char		**topics;
	unsigned	 n_topics, n;
	struct kafka_seen *seen;	/* by target, topic, partition */
	char		(*why)[160];	/* one a target; empty: all is well with it */
};

struct kafka_watch {
	struct kafka_client client;
	/* shared, under the lock */
	pthread_mutex_t	 lock;
	struct kafka_targets *targets;	/* NULL: taken */
	struct kafka_sight *sight;	/* NULL: taken */
	atomic_bool	 stop;
	rd_kafka_queue_t *edges;	/* what the thread waits at: yield wakes it */
	/* the loop's */
	struct kafka_sight *current;	/* NULL: nothing seen yet */
	int64_t		 seen_at;
	unsigned	 version, n_wishes;
	struct kafka_wish *wishes;
};

/* The thread's own; nobody else looks at it. */
struct kafka_part {
	unsigned	 topic;
	int32_t		 number;
	bool		 known, armed;
	bool		 idle;		/* somebody has nothing to do there */
	int64_t		 start, end;
};
struct kafka_topic {
	char		*name;
	rd_kafka_topic_t *handle;
	unsigned	 first, n;	/* of the parts; n == 0: it is not there */
};
struct kafka_watcher {
	struct kafka_watch *watch;
	rd_kafka_t	*rk;
	struct kafka_targets *targets;
	struct { unsigned *topics, n; } *wants;	/* of each target: rising */
	struct kafka_topic *topics;		/* by name */
	unsigned	 n_topics;
	struct kafka_part *parts;		/* by topic, number */
	unsigned	 n_parts;
	rd_kafka_topic_partition_list_t *commits;	/* as the parts */
	unsigned	 kicks;			/* to come */
	int64_t		 topics_at;		/* when they were looked for; -1: they are to be */
	char		 why[160];		/* the round failed; empty: it went well */
};

enum { KAFKA_PATIENCE_MS = 3000 };	/* for one answer */

/* kafka_watcher.c */
void *kafka_watcher_run(void *watch);		/* the thread */
int64_t kafka_watcher_now(void);
bool kafka_watcher_stops(const struct kafka_watcher *);
int kafka_watcher_fail(struct kafka_watcher *, const char *what, rd_kafka_resp_err_t);	/* -1 */
void kafka_part_disarm(struct kafka_watcher *, struct kafka_part *);

/* kafka_watcher_topics.c */
int kafka_watcher_topics(struct kafka_watcher *);	/* which there are, with how many partitions */
struct kafka_topic *kafka_watcher_topic(const struct kafka_watcher *, const char *name);
void kafka_watcher_topics_free(struct kafka_watcher *);

/* kafka_watcher_ask.c */
int kafka_watcher_commits(struct kafka_watcher *);
void kafka_watcher_commits_free(struct kafka_watcher *);
int kafka_watcher_offsets(struct kafka_watcher *, bool ends);	/* else beginnings */

void kafka_targets_free(struct kafka_targets *);
void kafka_sight_free(struct kafka_sight *);
#endif
