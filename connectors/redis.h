/* Inside the Redis connector: its instance, its link, and what a way of reading (streams, lists, channels) offers. */
#ifndef CONNECTORS_REDIS_H
#define CONNECTORS_REDIS_H
#include "bridge/bytes.h"
#include "bridge/connector.h"
#include "bridge/error.h"
#include "bridge/log.h"
#include "bridge/loop.h"
#include "bridge/stream.h"
#include "connectors/redis_link.h"

#define REDIS_SCOPE "bridge.redis"

struct redis;
struct outgoing;

/* As configured. */
struct redis_rows {
	const char	*host, *user, *password;
	int64_t		 port, database;
	int		 type, kind, start, take_from;
	bool		 tls, skip_verify;
	const char	*ca, *cert, *key;	/* PEM text */
	bool		 failover, entra_id, oidc;
	const char	*master, *sentinel_user, *sentinel_password;
	int64_t		 dial_ms, read_ms, max_reply;
	const char	*topics, *group, *consumer, *payload_field;
	int64_t		 processing_ms, redeliver_ms, expiry_ms, queue_depth, max_len, ttl_ms;
	bool		 trim;
	int64_t		 unused_number, unused_ms;	/* of rows that say so */
};
enum { REDIS_NODE, REDIS_CLUSTER };
/* in the order of the words of the row kind */
enum redis_kind_of_source { REDIS_STREAMS, REDIS_LISTS, REDIS_CHANNELS };
enum { REDIS_OLDEST, REDIS_NEWEST };
enum { REDIS_RIGHT, REDIS_LEFT };

/*
 * One way of reading, and of writing what is published.  The core's calls are handed on as connector.h says them; any
 * may be NULL.  `redis->link` is for commands that return at once; whoever blocks opens a link of its own by
 * redis_connect() and, when that ends, calls redis_down().
 */
struct redis_reading {
	/* connected again: open own links that ended; false: redis_report() is called when they are there */
	bool	(*connected)(struct redis *);
	int	(*subscribe)(struct redis *, const struct subscription *const *, unsigned n, struct error *);
	void	(*resume)(struct redis *);
	void	(*hold)(struct redis *, struct window *, bool);
	void	(*ack)(struct redis *, struct window *, const struct event *const *, unsigned n);
	void	(*stop)(struct redis *);
	void	(*drain)(struct redis *);
	void	(*lost)(struct redis *);	/* the connection is told down: forget what is not offered */
	void	(*close)(struct redis *);	/* frees; windows are the core's */
	/* One event into the place of that name: exactly one command on redis->link, ended with `replied`. */
	void	(*publish)(struct redis *, struct slice place, const struct request *, const struct event *,
	    redis_replied *replied, void *arg);
	bool	keeps_nothing;	/* what is published is gone once it was sent: no place for what must not be lost */
};
extern const struct redis_reading redis_streams_reading, redis_lists_reading, redis_channels_reading;

struct redis {
	struct connector base;
	struct redis_rows rows;
	const struct redis_reading *reading;
	struct tls	*tls;
	struct address	 address;	/* of the server; with Sentinel the master as last said */
	struct redis_sentinel *sentinel;	/* asks who it is; NULL: not asking */
	struct redis_link *link;	/* for writing and for everything that does not block; NULL: none */
	bool		 up;		/* as told to the core */
	bool		 stopped, closing;
	bool		 durability_asked;	/* appendfsync, of this connection */
	int64_t		 entry_bytes;	/* of a large entry lately: how many are asked for at once */
	struct outgoing	*outgoing;	/* requests not wholly answered */
	struct redis_streams *streams;	/* NULL: nothing is read, here and below */
	struct redis_lists *lists;
	struct redis_channels *channels;
	struct log_repeat faults;
};

static inline struct redis *redis_of(struct connector *c)
{
	return (struct redis *)c;
}

/* redis_place.c: where the server is, and links to it. */
int redis_rows_check(const struct redis_rows *, struct error *);	/* "row: what, what was expected" */
int redis_place_open(struct redis *, struct error *);		/* what links need; again: nothing */
void redis_place_close(struct redis *);
void redis_place_find(struct redis *);		/* opens redis->link, if need be after asking the sentinels */
/* A further link to the same server; only while redis->link is open. */
struct redis_link *redis_connect(struct redis *, const struct redis_link_events *, void *arg);

/* redis_sentinel.c: the address of the master of that name, asked of one sentinel after another. */
struct redis_sentinel *redis_sentinel_open(struct redis *, void (*found)(struct redis *, const char *host_and_port),
    void (*failed)(struct redis *, const struct error *));	/* one of both, later, then it has ended */
void redis_sentinel_close(struct redis_sentinel *);		/* NULL: nothing */

/* redis.c */
void redis_report(struct redis *);		/* tells the core up, if everything is there */
/* Tells it down and closes redis->link; all reading begins anew after the next up.  Allowed in every callback. */
void redis_down(struct redis *, const struct error *);
/* A reply that is an error of the whole server (LOADING, READONLY, lost …) ends in redis_down(): true. */
bool redis_failed(struct redis *, const struct redis_reply *);
void redis_refused(struct redis *, const char *what, const struct redis_reply *);	/* any other error: down */

/* How many entries may be asked for now, at least 1: credit (no window yet: queueDepth), shared by so many, and what
 * the last ones weighed. */
unsigned redis_room(const struct redis *, const struct window *, unsigned sharing);
void redis_weigh(struct redis *, size_t bytes);	/* one entry came */

/* redis_consumer.c */
/* A name that no other process of this host uses for that group: "host", "host-2", …; -1 in slot_r: no lock was had. */
char *consumer_name(const struct redis *, const char *group, int *slot_r);

/* redis_sink.c */
void redis_send(struct connector *, struct request *);
void redis_forget(struct connector *, struct request *);
void redis_sink_connected(struct redis *);	/* redis->link is open and of use: what waited is written */
void redis_sink_failed(struct redis *, const char *why);	/* what waited is answered RETRY */
/* What an error of Redis means for whoever asked. */
enum verdict redis_verdict(const struct redis_reply *);
void redis_push(struct redis *, struct slice list, const struct event *, redis_replied *, void *arg);

/* redis_publish.c: the headers of the event and the request's metadata as one JSON object, without names that begin
 * with "__".  false: there are none, nothing was appended. */
bool redis_metadata_add(struct buf *, const struct request *, const struct event *);
#endif
