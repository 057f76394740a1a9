/* Inside the Kafka connector: its instance, the clients it runs, and what it knows of each partition. */
#ifndef CONNECTORS_KAFKA_H
#define CONNECTORS_KAFKA_H
#include <pthread.h>
#include <regex.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <librdkafka/rdkafka.h>
#include "bridge/bytes.h"
#include "bridge/connector.h"
#include "bridge/error.h"
#include "bridge/log.h"
#include "bridge/loop.h"
#include "connectors/kafka_auth.h"

#define KAFKA_SCOPE "bridge.kafka"

enum {
	KAFKA_BATCH = 256,		/* messages taken from the library at once */
	KAFKA_NOTE_MAX = 4096,		/* what brokers keep beside an offset unless told otherwise */
	KAFKA_TICK_MS = 1000,		/* commits, and the library's proof that we are alive */
	KAFKA_TOPIC_HANDLES = 64
};

/* As configured; kafka_conf.c turns it into the library's settings. */
struct kafka_rows {
	const char	*brokers, *topics, *publish_topic, *group, *consumer_id, *client_id, *instance_id, *version;
	const char	*exclude_headers;
	struct kafka_login login;
	bool		 escape_headers, idempotent;
	int		 initial_offset, strategy, acks, compression, partitioner, isolation;
	int		 lag_without_commit;
	int64_t		 max_message_bytes, fetch_min, fetch_partition, prefetch_bytes, channel_buffer;
	int64_t		 heartbeat_ms, session_ms, max_poll_ms, revoke_ms, retry_ms, metadata_ms, keep_alive_ms;
	int64_t		 dial_ms, read_ms, write_ms, message_ms, linger_ms, retries;
};
enum { KAFKA_NEWEST, KAFKA_OLDEST };
enum { KAFKA_LAG_ONE, KAFKA_LAG_NONE };
enum { KAFKA_RANGE, KAFKA_ROUNDROBIN, KAFKA_STICKY, KAFKA_COOPERATIVE };
enum { KAFKA_ACKS_ALL, KAFKA_ACKS_LOCAL, KAFKA_ACKS_NONE };

struct kafka;
struct kafka_client;

/* One client of the library.  Loop thread; the library's threads only wake it. */
struct kafka_client {
	struct kafka	*kafka;
	rd_kafka_t	*rk;
	rd_kafka_queue_t *events;	/* answers to what was asked */
	struct wake	*wake;
	void		(*answered)(struct kafka_client *, rd_kafka_event_t *);
	/* after its threads: before it is freed; NULL: nothing */
	void		(*ended)(struct kafka_client *);
	bool		 connecting;	/* no broker has answered yet, and none is missing for long */
	bool		 down, fatal, buried;
	bool		 suspect;	/* no connection is left, since then: down if none comes */
	int64_t		 suspect_since;
	struct timer	 probe;
	bool		 watched;	/* its requests are looked at: kafka_join.c */
	bool		 helper;	/* a thread that asks it something is not joined yet */
	pthread_t	 helper_thread;
	struct kafka_token *token;	/* authType oidc */
	struct log_repeat faults;
	char		 reason[160];	/* of the last broken connection */
};

/* What is known of one partition.  Made when first assigned and kept, so that an event brought again is recognised. */
struct kafka_partition {
	char		*prefix;	/* "topic/3/": id of an event without its offset */
	struct slice	 topic, number_text;	/* parts of it; the topic is also kept with its NUL in `name` */
	char		*name;
	int32_t		 number;
	struct window	*window;	/* NULL: none open */
	const struct subscription **subs;	/* whose list or pattern names the topic */
	unsigned	 n_subs;
	bool		 assigned, revoking;
	bool		 held;		/* paused alone */
	bool		 dirty, sent;	/* something to commit; part of the commit in flight */
	char		*last_note;	/* after the window was released, for the last commit; NULL: none */
	int64_t		 next;		/* one past the last offset taken by the core: where reading goes on */
	int64_t		 high;		/* below it an event may still be running from an earlier window */
	int64_t		 end;		/* as last said by the broker; -1: unknown */
	int64_t		 end_asked;	/* the same, as asked for while it was not fetched; -1: unknown */
	/* without a commit: where it begins, BEGINNING or END until the broker told the number; INVALID: the library
	 * knows */
	int64_t		 start;
	bool		 kept;		/* a commit of it was seen at the broker, in whatever assignment */
	int64_t		 position, committed;	/* to be committed, confirmed; -1: nothing */
};

struct kafka_pattern { char *text; bool is_regex; regex_t regex; };

struct kafka_wish {
	const struct subscription *subscription;
	struct kafka_pattern *patterns;
	unsigned	 n_patterns;
	char		*unseen;	/* why the core was told that its lag is not known; NULL: it was not */
	bool		*told;		/* of which partitions lag was told last */
	int32_t		 n_told;
	char		*down_topic;	/* why the core was told that it is down; NULL: it was not */
};

/* An assignment or a revocation, until the library was told that it is done. */
struct kafka_rebalance {
	struct kafka_rebalance *next;
	rd_kafka_topic_partition_list_t *partitions;
	bool		 assign, lost;
	enum { REBALANCE_WAITING, REBALANCE_READING, REBALANCE_RELEASING, REBALANCE_COMMITTING } step;
	unsigned	 tries, releasing;
	int64_t		 deadline;
};

/* A question to the broker, on a thread of its own: the library only has calls that block.  One at a time. */
enum kafka_question { ASK_COMMITTED, ASK_KEPT, ASK_START, ASK_END };
struct kafka_asking {
	enum kafka_question question;
	rd_kafka_t	*rk;
	struct wake	*wake;
	rd_kafka_topic_partition_list_t *partitions;	/* with the answer */
	rd_kafka_resp_err_t code;
	atomic_bool	 done;
};

/* The reading half while its client lives. */
struct kafka_reader {
	struct kafka_client client;
	rd_kafka_queue_t *data;		/* all partitions; the client's own queue has rebalances and errors */
	rd_kafka_queue_t *closing;	/* takes the place of both while it closes */
	rd_kafka_message_t *batch[KAFKA_BATCH];
	unsigned	 batch_at, batch_n;
	const rd_kafka_topic_t *last_topic;	/* with last: what the message before belonged to */
	struct kafka_partition *last;
	struct header	*headers;	/* scratch of one event */
	unsigned	 headers_cap;
	struct buf	 text;
	bool		 waiting;	/* offer() said OFFER_WAIT */
	bool		 choked;	/* the library's queue may have been full: its fetching may sleep */
	bool		 stopped, draining, assigned_once, committing;
	struct later	 more;
	struct timer	 tick, kick;
	int64_t		 kick_pause, pulled;
	int64_t		 commit_after, notes_off_until, close_deadline;
	char		*topics;	/* subscribed to now */
	struct kafka_rebalance *rebalance, **rebalance_end;
	struct kafka_asking asking;	/* while client.helper */
	rd_kafka_topic_partition_list_t *due;	/* commits to be sent once the ones before were seen; NULL: none */
	int64_t		 kept_asked;	/* when all partitions were asked for last, idle ones too */
	int64_t		 ends_asked, starts_asked;	/* when those of what is not fetched were asked for last */
	atomic_bool	 joining;	/* set and cleared by the library's threads */
	struct log_repeat errors, commits;
};

struct outgoing;
struct kafka_topic_handle { char *name; rd_kafka_topic_t *topic; };

struct kafka_writer {
	struct kafka_client client;
	struct kafka_topic_handle topics[KAFKA_TOPIC_HANDLES];
	unsigned	 next_handle;
	struct outgoing	*outgoing;	/* requests not wholly answered */
};

enum kafka_told { KAFKA_SILENT, KAFKA_UP, KAFKA_CONNECTING, KAFKA_DOWN };

struct kafka_watch;
struct kafka_sight;

struct kafka {
	struct connector base;
	struct kafka_rows rows;
	regex_t		 exclude;
	bool		 excludes;	/* exclude is compiled */
	enum kafka_told	 told;		/* to the core */
	int64_t		 fatal_at;	/* when the library last gave a client up; 0: never */
	struct timer	 again;
	bool		 closing, closed;
	bool		 peek;		/* nothing is committed */
	char		*group;
	struct kafka_wish *wishes;
	unsigned	 n_wishes;
	struct kafka_partition **partitions;	/* sorted by topic, number */
	unsigned	 n_partitions;
	struct kafka_reader *reader;
	struct kafka_writer *writer;
	struct kafka_watch *watch;	/* lag of whole groups; NULL: not asked for, or being opened anew */
	const struct subscription **watched;
	unsigned	 n_watched, watch_version;
	unsigned	 graves;	/* clients whose destruction is under way */
};

static inline struct kafka *kafka_of(struct connector *c)
{
	return (struct kafka *)c;
}

/* kafka_conf.c */
int kafka_rows_check(const struct kafka_rows *, struct error *);
rd_kafka_conf_t *kafka_conf_reader(const struct kafka *, struct error *);	/* NULL: refused */
rd_kafka_conf_t *kafka_conf_watch(const struct kafka *, struct error *);
rd_kafka_conf_t *kafka_conf_writer(const struct kafka *, struct error *);

/* kafka_client.c: what both halves need of a client.  `fn` runs on the loop when one of its queues has something. */
int kafka_client_open(struct kafka_client *, struct kafka *, rd_kafka_type_t, rd_kafka_conf_t *, void (*fn)(void *),
    void *arg, struct error *);
void kafka_client_listen(struct kafka_client *, rd_kafka_queue_t *);
void kafka_client_serve(struct kafka_client *);		/* its events */
void kafka_client_fatal(struct kafka_client *);		/* the library gave it up: its half buries it */
void kafka_client_connect(struct kafka_client *);	/* not up before a broker answered */
void kafka_client_heard(struct kafka_client *);		/* a broker answered */
void kafka_client_down(struct kafka_client *, const char *why);
/* destroyed on a thread, then freed with the half whose first member it is */
void kafka_client_bury(struct kafka_client *);
void kafka_report(struct kafka *);			/* tells the core up or down when that changed */

/* kafka.c */
void kafka_buried(struct kafka *);		/* one grave less */
void kafka_close_end(struct kafka *);		/* closed, if nothing is left of it */

/* kafka_partition.c */
struct kafka_partition *kafka_partition_find(const struct kafka *, const char *topic, int32_t number);
struct kafka_partition *kafka_partition_make(struct kafka *, const char *topic, int32_t number);
struct kafka_partition *kafka_partition_of(const struct kafka *, const struct window *);
void kafka_partition_open(struct kafka *, struct kafka_partition *, int64_t start, struct slice note);
void kafka_partition_drop(struct kafka_partition *);	/* the window is gone or going: forget what was read from it */
void kafka_partition_lost(struct kafka_partition *);	/* another owner has it */
void kafka_partitions_free(struct kafka *);
int kafka_wishes_set(struct kafka *, const struct subscription *const *, unsigned n, struct error *);
void kafka_wishes_free(struct kafka *);
/* zeroed; to be freed in any case */
int kafka_wish_make(struct kafka_wish *, const struct subscription *, struct error *);
void kafka_wish_free(struct kafka_wish *);			/* what it holds */
int kafka_wishes_make(const struct subscription *const *, unsigned n, struct kafka_wish **wishes_r, struct error *);
void kafka_wishes_drop(struct kafka_wish *, unsigned n);
bool kafka_wish_wants(const struct kafka_wish *, const char *topic);
void kafka_topic_down(struct kafka *, const char *topic, const char *why);	/* why NULL: up again */

/* kafka_event.c: valid until the next call. */
void kafka_event_make(struct kafka_reader *, const struct kafka_partition *, const rd_kafka_message_t *,
    struct event *event_r);

/* kafka_reader.c */
int kafka_reader_open(struct kafka *, struct error *);
int kafka_reader_subscribe(struct kafka *, struct error *);
void kafka_reader_close(struct kafka *);

/* kafka_source.c */
void kafka_source_pull(struct kafka_reader *);
void kafka_source_purge(struct kafka_reader *, const struct kafka_partition *);	/* what is not offered yet */
void kafka_source_stray(struct kafka_reader *, const rd_kafka_message_t *);
void kafka_source_error(struct kafka_reader *, const rd_kafka_message_t *);
void kafka_source_unpause(struct kafka_reader *, struct kafka_partition *);
/* its log is another: from the beginning */
void kafka_source_anew(struct kafka_reader *, struct kafka_partition *);
void kafka_resume(struct connector *);
void kafka_hold(struct connector *, struct window *, bool);

/* kafka_group.c */
void kafka_group_changed(rd_kafka_t *, rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t *, void *reader);
void kafka_group_step(struct kafka_reader *);		/* something it waits for may have come */
void kafka_group_end(struct kafka_reader *);		/* grants what is pending: it is closing */
void kafka_group_forget(struct kafka_reader *);
bool kafka_group_cooperative(const struct kafka_reader *);

/* kafka_join.c: whether the group is joining anew right now, a cooperative member keeping its partitions. */
void kafka_join_watch(rd_kafka_conf_t *, struct kafka_reader *);	/* before the client is made */
bool kafka_join_runs(const struct kafka_reader *);

/* kafka_commit.c */
void kafka_commit(struct connector *, struct window *, const struct token *, unsigned n);
void kafka_commit_send(struct kafka_reader *);		/* what is due, unless one is in flight */
void kafka_commit_answered(struct kafka_reader *, rd_kafka_event_t *);
void kafka_commit_kept(struct kafka_reader *, const struct kafka_asking *);
void kafka_commit_advance(struct kafka_partition *);	/* past what is no event: control records, compaction */
void kafka_commit_drain(struct kafka_reader *);		/* goes on with a drain, if one is under way */
bool kafka_commit_owed(const struct kafka_partition *);
void kafka_drain(struct connector *);

/* kafka_ask.c: the loop is woken when the answer is there. */
/* false: not now */
bool kafka_ask(struct kafka_reader *, enum kafka_question, const rd_kafka_topic_partition_list_t *);
void kafka_ask_step(struct kafka_reader *);		/* hands an answer to whoever asked */
void kafka_group_committed(struct kafka_reader *, struct kafka_asking *);

/* kafka_lag.c */
void kafka_lag_tell(struct kafka *);
void kafka_lag_ask(struct kafka_reader *);		/* what is due, unless something else is asked */
void kafka_lag_asked(struct kafka *, const struct kafka_asking *);

/* kafka_watch.c: lag from outside the group. */
int kafka_watch(struct connector *, const struct subscription *const *, unsigned n, struct error *);
void kafka_watch_close(struct kafka *);
void kafka_watch_readers(struct kafka *);	/* reading began or ended here */
/* its wishes; NULL: nothing is watched */
struct kafka_wish *kafka_watch_wishes(const struct kafka *, unsigned *n_r);
const struct kafka_sight *kafka_watch_sight(const struct kafka *);	/* NULL: nothing that still counts */

/* kafka_sink.c */
void kafka_send(struct connector *, struct request *);
void kafka_forget(struct connector *, struct request *);
void kafka_writer_close(struct kafka *);
void kafka_writer_delivered(rd_kafka_t *, const rd_kafka_message_t *, void *writer);
#endif
