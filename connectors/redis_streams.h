/* Inside the reading of Redis streams: what is known of each stream, and who moves it on. */
#ifndef CONNECTORS_REDIS_STREAMS_H
#define CONNECTORS_REDIS_STREAMS_H
#include "connectors/redis.h"

enum {
	STREAM_PAGE = 256,		/* pending entries looked at at once */
	STREAM_ACKS = 64,		/* ids in one acknowledgement */
	STREAM_ID_MAX = 44		/* "18446744073709551615-18446744073709551615" and a NUL */
};

/* "1526919030474-55" */
struct stream_id { uint64_t ms, seq; };

/* A consumer's claim on an entry, as XPENDING tells it. */
struct stream_claim { struct stream_id id; uint64_t deliveries; bool known; };

/* Entries that were read and not all offered yet: part of a reply that is held. */
struct stream_batch {
	struct redis_memory *memory;	/* NULL: none */
	const struct redis_reply *entries;
	unsigned	 n, at;
	bool		 refused, again;	/* the one at `at` was offered before, and how */
};

/* A walk over pending entries: ours after a start (whoever had our name before), or those that went stale. */
enum scan_kind { SCAN_NONE, SCAN_OWN, SCAN_STALE };
struct stream_scan {
	enum scan_kind	 kind;		/* under way */
	struct stream_id from;
	bool		 more;		/* behind `from` */
	bool		 asking;	/* a reply is to come */
	struct stream_claim claims[STREAM_PAGE];	/* those claimed, in the order of their ids */
	unsigned	 n;
};

struct stream_ack {
	struct stream_ack *next;
	struct redis_stream *stream;
	bool		 sent;
	unsigned	 n;
	struct stream_id ids[STREAM_ACKS];
};

enum stream_step {
	STREAM_WAITING,		/* not connected, or refused: tried again at the next tick */
	STREAM_MAKING,		/* its group */
	STREAM_OWN,		/* what is pending in our name comes first */
	STREAM_READING
};

/* At the end: what is pending in our name, to whoever takes it. */
enum hand_back { HAND_BACK_NOT_YET, HAND_BACK_ASKING, HAND_BACK_DONE };

struct redis_stream {
	struct redis_stream *next;
	struct redis	*redis;
	char		*key;
	struct slice	 name;
	const struct subscription **subs;
	unsigned	 n_subs;	/* 0: nobody wants it any more */
	struct window	*window;
	enum stream_step step;
	bool		 held;		/* alone: its window is full */
	bool		 down;		/* the core was told */
	bool		 in_read;	/* the read under way asks for it */
	bool		 refuses_idle;	/* the server is older than 6.2: XPENDING without IDLE */
	struct stream_id read;		/* the highest id ever read as new */
	bool		 anew;		/* it is another stream than the one we knew */
	struct stream_batch fresh, claimed;
	struct stream_scan scan;
	struct stream_ack *acks;	/* not confirmed, oldest first */
	unsigned	 n_acks;	/* ids in them */
	enum hand_back	 hand_back;
	struct stream_id handed;	/* the first that was not handed back yet */
	struct lag	 lag;		/* while it is asked for */
	bool		 lag_asking;
};

struct redis_streams {
	struct redis	*redis;
	struct redis_stream *list;
	char		*group, *consumer;
	int		 slot;		/* fd that keeps our consumer's name ours on this host; -1: none */
	bool		 peek;		/* without a group: nothing is acknowledged */
	struct redis_link *reader;
	int64_t		 reader_id;	/* as the server knows it; 0: unknown */
	bool		 reading, unblocking;	/* a read is under way, is told to end */
	bool		 waiting;	/* offer() said OFFER_WAIT */
	bool		 drain;
	struct timer	 tick;
	int64_t		 keep_at, scan_at, lag_at, trim_at, tidy_at;
	struct header	*headers;	/* scratch of one event */
	unsigned	 headers_cap;
	struct buf	 text, json;
	struct stream_id *ids;		/* scratch of keep-alive */
	unsigned	 ids_n, ids_cap;
};

/* redis_entry.c: ids, and an entry as an event. */
bool stream_id_read(struct slice, struct stream_id *);
size_t stream_id_print(struct stream_id, char buf[STREAM_ID_MAX]);
void stream_id_word(struct redis_link *, struct stream_id);
int stream_id_compare(struct stream_id, struct stream_id);
struct stream_id stream_id_after(struct stream_id);
enum entry { ENTRY_EVENT, ENTRY_GONE, ENTRY_WRONG };
/* ENTRY_GONE: cut off the stream while it was pending; only the id is set.  The event's texts are the reply's or the
 * scratch's: until the next call. */
enum entry stream_entry(struct redis_stream *, const struct redis_reply *entry, uint64_t deliveries, struct event *);

/* redis_offer.c: entries to the core. */
void stream_batch_take(struct redis_stream *, struct stream_batch *, struct redis_link *from,
    const struct redis_reply *entries);
void stream_batch_drop(struct stream_batch *);
bool stream_offer(struct redis_stream *);	/* what is left of both batches; false: something stays */
/* How many entries may be asked for now: credit, and what the last ones weighed. */
unsigned stream_count(const struct redis_stream *, unsigned streams);

/* redis_claim.c: pending entries. */
void stream_scan_begin(struct redis_stream *, enum scan_kind);
void stream_scan_go_on(struct redis_stream *);	/* once its batch is offered */
void stream_keep_alive(struct redis_stream *);	/* what is in work here stays ours */
int64_t stream_keep_ms(const struct redis *);		/* how often */
/* An entry was cut off the stream while it was pending: acknowledged, and counted as dropped. */
void stream_gone(struct redis_stream *, struct stream_id);

/* redis_ack.c */
void stream_ack(struct redis_stream *, const struct stream_id *, unsigned n);
void stream_acks_send(struct redis_stream *);	/* those not sent, again */
void stream_acks_free(struct redis_stream *);
void stream_trim(struct redis_stream *);	/* below what all groups have acknowledged */

/* redis_lag.c */
void stream_lag_ask(struct redis_stream *);

/* redis_group.c: a stream's group, made or made again. */
void stream_make(struct redis_stream *);
void stream_heal(struct redis_stream *);	/* NOGROUP: what is it now? then as above */
void stream_down(struct redis_stream *, const char *why);	/* this one alone; NULL: up */

/* redis_read.c */
void reader_open(struct redis_streams *);	/* the connection that blocks; it reads once it is there */
void reader_close(struct redis_streams *);
void streams_read(struct redis_streams *);	/* if there is a stream to read, and none is */

/* redis_streams.c */
void stream_ready(struct redis_stream *);	/* its own are offered: reads on */
void streams_drained(struct redis_streams *);	/* if drain was asked and all is confirmed */
struct redis_stream *streams_find(struct redis_streams *, struct slice key);

/* redis_publish.c: XADD in Dapr's format. */
void streams_publish(struct redis *, struct slice place, const struct request *, const struct event *,
    redis_replied *, void *arg);

/* redis_hand_back.c: at the end, what is pending in our name is made as old as what is taken over, so that others need
 * not wait.  Ends in streams_drained(). */
void stream_hand_back(struct redis_stream *);

/* redis_consumer.c */
void stream_tidy(struct redis_stream *);	/* consumers that are gone for long are removed */
#endif
