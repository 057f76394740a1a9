/* Inside the MQTT connector: its instance, its two connections, and what passes between Paho's threads and the loop. */
#ifndef CONNECTORS_MQTT_H
#define CONNECTORS_MQTT_H
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <MQTTAsync.h>
#include "bridge/bytes.h"
#include "bridge/connector.h"
#include "bridge/error.h"
#include "bridge/log.h"
#include "bridge/loop.h"

#define MQTT_SCOPE "bridge.mqtt"

enum { MQTT_V311, MQTT_V5 };
enum { MQTT_ACK_DELIVERED, MQTT_ACK_STORED };
enum { MQTT_NEVER_LEFT = -1000 };	/* code of a publication the library did not take */

/* As configured. */
struct mqtt_rows {
	const char	*url, *topic, *consumer_id, *username, *password;
	const char	*ca, *cert, *key;
	const char	*will_topic, *will_payload;
	bool		 skip_verify, clean_session, retain, will_retain, answer_requests;
	int		 version, ack;
	int64_t		 qos, will_qos, receive_maximum, broker_window, waiting_events, waiting_bytes;
	int64_t		 max_packet, keep_alive_ms, connect_ms, session_expiry_ms, message_expiry_ms;
	int64_t		 spill_after_ms;
};

struct mqtt_subscription_rows { bool unsubscribe; };

/* Where to connect and as whom, taken from the rows. */
struct mqtt_url { char *uri, *host, *user, *password; bool tls; };

/* All Paho needs for one connection; made on the loop, used and freed by the link's thread. */
struct mqtt_dial {
	struct mqtt_url	 url;
	char		*client_id;
	int		 version;	/* of the protocol: 4 or 5 */
	bool		 clean, skip_verify;
	int		 keep_alive_s, connect_s;
	uint32_t	 session_expiry_s, receive_maximum, max_packet;	/* MQTT 5; 0: not said */
	char		*will_topic, *will_payload;	/* NULL: no last will */
	int		 will_qos;
	bool		 will_retain;
	int		 files[3];	/* PEM texts in memory: authorities, certificate, key; -1: none */
};

/* What the library's threads tell the loop. */
enum mqtt_news { MQTT_CONNECTED, MQTT_REFUSED, MQTT_LOST, MQTT_SUBSCRIBED, MQTT_MESSAGE, MQTT_PUBLISHED, MQTT_PONG,
	MQTT_ENDED };

struct mqtt_report {
	enum mqtt_news	 news;
	unsigned	 connection;	/* it speaks of: counted by the loop */
	bool		 session_present, failed;
	int		 reason;	/* MQTT 5: the broker's reason code; else 0 */
	int		 code;		/* failed: the library's */
	char		*text;		/* why, in its words; NULL: nothing said */
	uint64_t	 number;	/* PUBLISHED: which */
	uint8_t		*granted;	/* SUBSCRIBED: QoS or reason of each filter, in order */
	unsigned	 n_granted;
	int64_t		 max_packet;	/* CONNECTED: the largest the broker takes; 0: not said */
	int		 max_qos;	/* CONNECTED */
	MQTTAsync_message *message;	/* MESSAGE, with its topic: the taker's */
	char		*topic;
	size_t		 topic_n;
};

struct mqtt_reports { struct mqtt_report *items; unsigned n, cap; };

/* What is published, copied: whose request it is may be forgotten at any time.  The link's from the moment it is given
 * to it. */
struct mqtt_package {
	struct mqtt_package *next, **prev;	/* with the library, of one connection */
	struct mqtt_link *link;
	uint64_t	 number;
	int		 qos;
	bool		 retain;
	MQTTProperties	 properties;	/* MQTT 5; the library's memory */
	size_t		 size;
	char		*topic, *payload;	/* in `bytes` */
	char		 bytes[];
};

/* One event on its way out, as the loop knows it. */
struct mqtt_out {
	struct mqtt_out	*next;
	uint64_t	 number;
	struct request	*request;	/* NULL: forgotten */
	unsigned	 item;
	bool		 keep;		/* as the request says */
	size_t		 size;
	struct mqtt_package *package;	/* NULL: handed over */
};

enum mqtt_errand { MQTT_DO_CONNECT, MQTT_DO_SUBSCRIBE, MQTT_DO_UNSUBSCRIBE, MQTT_DO_PUBLISH, MQTT_DO_HANG_UP,
	MQTT_DO_END };

struct mqtt_job {
	struct mqtt_job	*next;
	enum mqtt_errand errand;
	unsigned	 connection;
	struct mqtt_dial *dial;
	char		**filters;	/* with their texts in one allocation */
	int		*qos;
	unsigned	 n;
	struct mqtt_package *package;
};

/*
 * PUBACKs that wait to be written.  The library would send each as soon as its callback returns; here that call is
 * replaced at link time, and they are written in batches when the core says so.
 */
struct mqtt_acks {
	pthread_mutex_t	 lock;
	void		*net;		/* the library's, of the live connection; NULL: not known, or none */
	int		 fd;
	uint16_t	*ids;
	unsigned	 n, cap;
	unsigned	 pings;		/* to be written behind them */
	uint64_t	 written;	/* over this connection */
};

/* One connection of the library at a time, and the thread that makes its calls: they may block. */
struct mqtt_link {
	struct mqtt	*mqtt;
	char		*client_id;
	struct wake	*wake;
	pthread_t	 thread;
	pthread_mutex_t	 lock;
	pthread_cond_t	 cond;
	struct mqtt_job	*jobs, **jobs_end;
	struct mqtt_reports reports;	/* not yet taken */
	bool		 woken;
	unsigned	 connection;	/* now, as the thread sees it */
	bool		 hung_up;	/* a disconnect was asked for and has come about */
	char		 why[200];	/* last words of the broker or of TLS */
	int		 reason;
	MQTTAsync	 handle;	/* the thread's */
	struct mqtt_dial *dial;		/* the thread's, of that handle */
	struct mqtt_package *packages;	/* with that handle; under the lock */
	unsigned	 asked;		/* filters of the subscription that is under way */
	size_t		 most_bytes, most_events;	/* what may wait before the socket is left alone */
	atomic_size_t	 held_bytes, held_events;	/* received and not yet taken by the core */
	atomic_bool	 choked;	/* the socket is left alone */
	atomic_int	 socket;	/* of the live connection, once an event came by it; -1 */
	struct mqtt_link *next_flow;
	struct mqtt_acks acks;
};

struct mqtt_wish {
	const struct subscription *subscription;
	struct slice	 filter;	/* as matched: without $share/group/ */
	bool		 plain, down;	/* plain: no wildcard */
};

/* A message the core had no credit for. */
struct mqtt_waiting { MQTTAsync_message *message; char *topic; size_t topic_n; };

enum mqtt_state { MQTT_IDLE, MQTT_CONNECTING, MQTT_SUBSCRIBING, MQTT_UP, MQTT_PAUSED };

/* The reading half: a session and its windows. */
struct mqtt_reader {
	struct mqtt	*mqtt;
	struct mqtt_link *link;
	enum mqtt_state	 state;
	unsigned	 connection;
	struct window	*confirmed, *at_most_once;	/* QoS >= 1; QoS 0 */
	uint64_t	 session;	/* counted: packet ids of another one mean other events */
	bool		 subscribed;	/* these filters, in this session */
	bool		 waits, held, stopped;
	unsigned	 pongs;		/* still to come before it is drained; 0: it is not draining */
	struct mqtt_waiting *waiting;	/* ring; cap is a power of two */
	unsigned	 first, n_waiting, cap_waiting;
	uint64_t	 received, committed;	/* over this connection, QoS >= 1 */
	uint64_t	 born, numbered;	/* process, events so far: an id of this process alone */
	const struct subscription **match;	/* scratch of one event */
	struct header	*headers;
	unsigned	 headers_cap;
	struct buf	 text;
	struct timer	 tick, retry, again, answer;	/* answer: to the subscription */
	uint64_t	 received_then;	/* when it was last looked whether it came */
	int64_t		 connected_at;
	unsigned	 quick;		/* connections in a row that did not last */
	bool		 told_up, stalled, qos_2_told, ended;
	struct log_repeat faults, stalls;
};

/* The writing half. */
struct mqtt_writer {
	struct mqtt	*mqtt;
	struct mqtt_link *link;
	enum mqtt_state	 state;
	unsigned	 connection, in_flight, most, failures;	/* most: in flight at once */
	struct mqtt_out	*first, **end;	/* in order; those handed over come first */
	size_t		 in_flight_bytes;
	uint64_t	 numbered;
	int64_t		 max_packet, not_before;
	int		 max_qos;
	struct later	 more;
	bool		 ended;
	struct log_repeat faults;
};

struct mqtt {
	struct connector base;
	struct mqtt_rows rows;
	char		*place;		/* scheme, host and port: for the log */
	char		*client_id;	/* of the reading half */
	bool		 peek, closing, closed;
	struct mqtt_wish *wishes;
	unsigned	 n_wishes;
	struct mqtt_reader *reader;
	struct mqtt_writer *writer;
};

static inline struct mqtt *mqtt_of(struct connector *c)
{
	return (struct mqtt *)c;
}

/* mqtt_conf.c */
int mqtt_rows_check(const struct mqtt_rows *, struct error *);
int mqtt_url_parse(struct mqtt_url *, const struct mqtt_rows *, struct error *);
void mqtt_url_free(struct mqtt_url *);
/* reads: the session that is subscribed; else the one that only publishes.  NULL: an error. */
struct mqtt_dial *mqtt_dial_new(const struct mqtt *, const char *client_id, bool reads, struct error *);
void mqtt_dial_free(struct mqtt_dial *);

/* mqtt_topic.c */
bool mqtt_topic_fits(struct slice filter, struct slice topic);
struct slice mqtt_filter_bare(const char *filter);	/* without $share/group/ */
const char *mqtt_filter_wrong(const char *filter);	/* NULL: fine */
const char *mqtt_topic_wrong(struct slice topic);	/* to publish to; NULL: fine */

/* mqtt_link.c: loop thread.  fn runs on the loop when there is something to take. */
struct mqtt_link *mqtt_link_new(struct mqtt *, const char *client_id, void (*fn)(void *), void *arg);
void mqtt_link_connect(struct mqtt_link *, struct mqtt_dial *, unsigned connection);	/* takes dial over */
void mqtt_link_subscribe(struct mqtt_link *, const struct mqtt_wish *, unsigned n, int qos);
void mqtt_link_unsubscribe(struct mqtt_link *, const char *filter);
/* takes it over; MQTT_PUBLISHED follows, or MQTT_LOST */
void mqtt_link_publish(struct mqtt_link *, struct mqtt_package *);
void mqtt_link_hang_up(struct mqtt_link *);	/* orderly, no report */
void mqtt_link_end(struct mqtt_link *);		/* hangs up and ends its thread: MQTT_ENDED is the last report */
void mqtt_link_free(struct mqtt_link *);	/* after MQTT_ENDED */
struct mqtt_reports mqtt_link_take(struct mqtt_link *);	/* the caller's */
void mqtt_report_free(struct mqtt_report *);

/* The library's own calls, on a link's thread, and its callbacks, on threads of its own.  mqtt_call.c: connections */
void mqtt_call_connect(struct mqtt_link *, struct mqtt_job *);
void mqtt_call_hang_up(struct mqtt_link *);
/* mqtt_hear.c */
void mqtt_call_subscribe(struct mqtt_link *, struct mqtt_job *);
void mqtt_call_unsubscribe(struct mqtt_link *, struct mqtt_job *);
int mqtt_on_message(void *link, char *topic, int topic_n, MQTTAsync_message *);
/* mqtt_publish.c */
void mqtt_call_publish(struct mqtt_link *, struct mqtt_job *);
void mqtt_packages_free(struct mqtt_link *);	/* after the handle they were given to is gone */
void mqtt_package_free(struct mqtt_package *);

/* mqtt_link.c, any thread; takes what the report points to over */
void mqtt_link_tell(struct mqtt_link *, struct mqtt_report);

/* mqtt_ack.c */
void mqtt_acks_init(struct mqtt_acks *);
void mqtt_acks_free(struct mqtt_acks *);
void mqtt_acks_forget(struct mqtt_acks *);	/* the connection ended: the broker brings them again */
void mqtt_acks_add(struct mqtt_acks *, const struct token *, unsigned n);
/* Writes what waits if the library lets us in at once; false: something waits still. */
bool mqtt_acks_push(struct mqtt_acks *);
/* Behind what waits a broker is asked for signs of life: it answers when it has read it. */
void mqtt_acks_ask(struct mqtt_acks *, unsigned pings);
uint64_t mqtt_acks_written(struct mqtt_acks *);
void mqtt_acks_learn(struct mqtt_acks *, void *net);	/* the live connection; writes, inside the library */

/* mqtt_wraps.c: for callbacks. */
void mqtt_receiving(struct mqtt_link *);	/* the message it is called for is this one's */
int mqtt_heard_reason(void);			/* of the PUBACK it is called for; MQTT 5 */
void mqtt_flow_add(struct mqtt_link *);
void mqtt_flow_remove(struct mqtt_link *);

/* mqtt_flow.c: what waits here, and when that is enough. */
void mqtt_flow_took(struct mqtt_link *, size_t bytes);	/* an event came; any thread */
void mqtt_flow_gave(struct mqtt_link *, size_t bytes);	/* it waits no longer */

/* mqtt_reader.c */
void mqtt_reader_open(struct mqtt *);
void mqtt_reader_connect(struct mqtt_reader *);
void mqtt_reader_connect_soon(struct mqtt_reader *);	/* as soon as it is wise */
void mqtt_reader_subscribe(struct mqtt_reader *);	/* the wishes are others */
void mqtt_reader_flows(struct mqtt_reader *);	/* events come, perhaps before it is subscribed */
void mqtt_reader_stop(struct mqtt_reader *);
void mqtt_reader_close(struct mqtt_reader *);
void mqtt_reader_free(struct mqtt_reader *);
void mqtt_reader_push(struct mqtt_reader *);	/* acknowledgements that wait */
void mqtt_reader_drain(struct mqtt_reader *);

/* mqtt_source.c */
int mqtt_wishes_set(struct mqtt *, const struct subscription *const *, unsigned n, struct error *);
void mqtt_source_take(struct mqtt_reader *, struct mqtt_report *);
void mqtt_source_go_on(struct mqtt_reader *);		/* offers what waits */
void mqtt_source_forget(struct mqtt_reader *);		/* what waits: the broker has it */
void mqtt_source_lag(struct mqtt_reader *);

/* mqtt_event.c: valid until the next call. */
void mqtt_event_make(struct mqtt_reader *, const struct mqtt_waiting *, struct event *event_r);

/* mqtt_sink.c */
void mqtt_send(struct connector *, struct request *);
void mqtt_forget(struct connector *, struct request *);
void mqtt_writer_connect(struct mqtt_writer *);
void mqtt_writer_close(struct mqtt_writer *);
void mqtt_writer_free(struct mqtt_writer *);

/* mqtt_package.c: one event of a request as what is published; NULL: it never can be, and why. */
struct mqtt_package *mqtt_package_new(const struct mqtt_writer *, const struct request *, unsigned item,
    const char **why_r);

/* mqtt.c */
void mqtt_close_end(struct mqtt *);		/* closed, if nothing is left of it */
#endif
