/* Redis: the connector's class, its option rows, and its life. */
#include "connectors/redis.h"
#include <stdlib.h>
#include "bridge/option.h"
#include "connectors/connectors.h"

enum { ENTRY_BYTES = 64 << 10 }; /* what an entry may weigh, before one was seen */

/* clang-format off */
static const struct option redis_options[] = {
	STR("redisHost", struct redis, rows.host, NULL, OPT_REQUIRED | OPT_PLACE | OPT_URL_HOST,
	    "server as host or host:port; with failover the sentinels, comma list"),
	INT("redisPort", struct redis, rows.port, "6379", OPT_PLACE, "port where redisHost names none", .min = 1, .max = 65535),
	STR("topics", struct redis, rows.topics, NULL, OPT_URL_PATH | OPT_LIST,
	    "keys an input binding reads, comma list (of channels, * ? [ make a pattern); the first is written to when a request names none"),
	WORD("kind", struct redis, rows.kind, "stream", 0,
	    "what these keys are, for reading and for publishing; what comes from a channel is lost when it cannot be taken at once: "
	    "at most once", .words = "stream list channel"),
	STR("redisUsername", struct redis, rows.user, NULL, OPT_PLACE, "ACL user; none: the default user"),
	STR("redisPassword", struct redis, rows.password, NULL, OPT_SECRET, "its password"),
	INT("redisDB", struct redis, rows.database, "0", OPT_PLACE, "number of the database", .min = 0, .max = 1000000),
	WORD("redisType", struct redis, rows.type, "node", 0, "one server (with failover: one master at a time); a cluster is refused",
	    .words = "node cluster"),
	BOOL("enableTLS", struct redis, rows.tls, "false", OPT_URL_TLS, "TLS; in one line: rediss://"),
	BOOL("insecureSkipTLSVerify", struct redis, rows.skip_verify, "false", 0, "trust any server, whatever its certificate says"),
	STR("caCert", struct redis, rows.ca, NULL, 0, "PEM text: who may sign the server's certificate; default: the system's"),
	STR("clientCert", struct redis, rows.cert, NULL, 0, "PEM text: our certificate"),
	STR("clientKey", struct redis, rows.key, NULL, OPT_SECRET, "PEM text: its key, not encrypted"),
	BOOL("failover", struct redis, rows.failover, "false", OPT_PLACE, "redisHost names sentinels, which are asked for the master"),
	STR("sentinelMasterName", struct redis, rows.master, NULL, OPT_PLACE, "failover: the master's name"),
	STR("sentinelUsername", struct redis, rows.sentinel_user, NULL, 0, "failover: ACL user at the sentinels"),
	STR("sentinelPassword", struct redis, rows.sentinel_password, NULL, OPT_SECRET, "failover: password at the sentinels"),

	STR("consumerID", struct redis, rows.group, NULL, OPT_PLACE, "consumer group; default: the app id", .alias = "consumerGroup",
	    .group = "Reading streams and lists"),
	STR("consumerName", struct redis, rows.consumer, NULL, OPT_PLACE,
	    "this replica within the group, the same after a restart; default: the host's name, with -2, -3 … for further processes there"),
	WORD("startFrom", struct redis, rows.start, "oldest", 0, "where a group that does not exist yet begins", .words = "oldest newest"),
	MS("processingTimeout", struct redis, rows.processing_ms, "60s", OPT_BARE_MS,
	    "an entry nobody gave a sign of life for so long is taken over from its consumer", .min = 0, .max = 86400000),
	MS("redeliverInterval", struct redis, rows.redeliver_ms, "15s", OPT_BARE_MS,
	    "how often such entries are looked for; 0: never", .min = 0, .max = 86400000),
	MS("consumerExpiry", struct redis, rows.expiry_ms, "1h", OPT_BARE_MS,
	    "consumers of the group that have nothing pending and were not heard of for so long are removed, by a script (EVAL); 0: never",
	    .min = 0, .max = INT64_MAX),
	INT("queueDepth", struct redis, rows.queue_depth, "100", 0, "entries read at once, at most", .min = 1, .max = 10000),
	INT("concurrency", struct redis, rows.unused_number, "10", 0,
	    "accepted without effect: maxInFlight and the function's endpointConcurrency bound what is in work"),
	STR("payloadField", struct redis, rows.payload_field, "data", 0,
	    "field that holds the event's bytes; an entry without it is delivered as a JSON object of all its fields"),
	BOOL("trimAcknowledged", struct redis, rows.trim, "false", 0,
	    "cut off what every group of the stream has acknowledged (Redis 6.2); a group made later does not see it"),

	WORD("takeFrom", struct redis, rows.take_from, "right", 0,
	    "end of a list that entries are taken from; they are pushed to the other; left needs Redis 6.2", .words = "right left",
	    .group = "Lists, read and written"),

	INT("maxLenApprox", struct redis, rows.max_len, "0", 0, "publishing cuts the stream to about so many entries; 0: never",
	    .group = "Writing streams", .min = 0, .max = INT64_MAX),
	MS("streamTTL", struct redis, rows.ttl_ms, "0", OPT_BARE_MS, "publishing cuts off entries older than that (Redis 6.2); 0: never",
	    .min = 0, .max = INT64_MAX),

	MS("dialTimeout", struct redis, rows.dial_ms, "5s", OPT_BARE_MS, "to open a connection", .group = "Connections",
	    .min = 1, .max = 3600000),
	MS("readTimeout", struct redis, rows.read_ms, "3s", OPT_BARE_MS, "for a reply, and how long a read waits for entries; 0 and -1: 3s",
	    .min = -1, .max = 3600000),
	MS("writeTimeout", struct redis, rows.unused_ms, "3s", OPT_BARE_MS, "accepted without effect: readTimeout counts from the writing of a command"),
	BYTES("maxReplyBytes", struct redis, rows.max_reply, "256Mi", 0, "largest reply that is taken; a larger one ends the connection",
	    .min = 65536, .max = 1LL << 32),
	INT("redisMaxRetries", struct redis, rows.unused_number, "3", 0, "accepted without effect: failures are retried by policy, see bridge help policy"),
	MS("redisMinRetryInterval", struct redis, rows.unused_ms, "8ms", OPT_BARE_MS, "accepted without effect, as redisMaxRetries"),
	MS("redisMaxRetryInterval", struct redis, rows.unused_ms, "512ms", OPT_BARE_MS, "accepted without effect, as redisMaxRetries"),
	INT("poolSize", struct redis, rows.unused_number, "0", 0, "accepted without effect: commands share one connection, a blocking reader has its own"),
	INT("minIdleConns", struct redis, rows.unused_number, "0", 0, "accepted without effect, as poolSize"),
	MS("poolTimeout", struct redis, rows.unused_ms, "0", OPT_BARE_MS, "accepted without effect, as poolSize"),
	MS("maxConnAge", struct redis, rows.unused_ms, "0", OPT_BARE_MS, "accepted without effect, as poolSize"),
	MS("idleTimeout", struct redis, rows.unused_ms, "0", OPT_BARE_MS, "accepted without effect: an idle connection is kept alive"),
	MS("idleCheckFrequency", struct redis, rows.unused_ms, "0", OPT_BARE_MS, "accepted without effect: an idle connection is kept alive"),
	BOOL("useEntraID", struct redis, rows.entra_id, "false", 0, "refused: log in with redisUsername and redisPassword", .alias = "useAzureAD"),
	BOOL("useOIDC", struct redis, rows.oidc, "false", 0, "refused: log in with redisUsername and redisPassword"),
	OPT_END
};
/* clang-format on */

static const struct redis_reading *const readings[] = {
	[REDIS_STREAMS] = &redis_streams_reading,
	[REDIS_LISTS] = &redis_lists_reading,
	[REDIS_CHANNELS] = &redis_channels_reading,
};

/* --- up and down --- */

void redis_report(struct redis *r)
{
	if (r->up || r->closing || !redis_link_is_open(r->link))
		return;
	if (r->reading->connected && !r->reading->connected(r))
		return;
	r->up = true;
	connector_up(&r->base);
}

void redis_down(struct redis *r, const struct error *why)
{
	struct redis_link *link = r->link;
	struct error copy = *why;

	if (r->closing)
		return;
	r->up = false;
	r->link = NULL;
	redis_link_close(link);
	redis_sink_failed(r, copy.text);
	if (copy.code == ERR_LIMIT)
		r->entry_bytes = r->rows.max_reply; /* one at a time */
	if (r->reading->lost)
		r->reading->lost(r);
	connector_down(&r->base, &copy);
}

bool redis_failed(struct redis *r, const struct redis_reply *reply)
{
	static const char *const words[] = { "LOADING", "READONLY", "MASTERDOWN", "UNBLOCKED", "NOAUTH", "CLUSTERDOWN",
		"MOVED", "ASK" };

	if (reply->kind == REDIS_LOST || reply->kind == REDIS_UNSENT)
		return true; /* the link's end says more */
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (redis_reply_refuses(reply, words[i])) {
			redis_refused(r, "the server", reply);
			return true;
		}
	return false;
}

void redis_refused(struct redis *r, const char *what, const struct redis_reply *reply)
{
	struct error e;

	error_set(&e, redis_reply_refuses(reply, "NOPERM") ? ERR_DENIED : ERR_IO, "%s: %.*s", what, (int)reply->text.n,
	    reply->text.p);
	redis_down(r, &e);
}

/* --- how much is asked for --- */

unsigned redis_room(const struct redis *r, const struct window *w, unsigned sharing)
{
	struct credit credit = { (unsigned)r->rows.queue_depth, (size_t)r->rows.max_reply };
	uint64_t most;

	if (w)
		credit = window_credit(w);
	if (credit.bytes > (size_t)r->rows.max_reply / 2)
		credit.bytes = (size_t)r->rows.max_reply / 2;
	most = credit.bytes / (uint64_t)r->entry_bytes;
	if (most > credit.events)
		most = credit.events;
	most /= sharing;
	if (most > (uint64_t)r->rows.queue_depth)
		most = (uint64_t)r->rows.queue_depth;
	return most > 0 ? (unsigned)most : 1;
}

void redis_weigh(struct redis *r, size_t bytes)
{
	if ((int64_t)bytes > r->entry_bytes)
		r->entry_bytes = (int64_t)bytes;
	else
		r->entry_bytes -= r->entry_bytes / 64; /* large ones are forgotten slowly */
}

/* --- the class --- */

static int redis_check(const struct connector *c, struct error *err)
{
	return redis_rows_check(&((const struct redis *)c)->rows, err);
}

static int redis_open(struct connector *c, struct error *err)
{
	struct redis *r = redis_of(c);

	r->reading = readings[r->rows.kind];
	if (r->entry_bytes == 0)
		r->entry_bytes = ENTRY_BYTES;
	if (redis_rows_check(&r->rows, err) < 0 || redis_place_open(r, err) < 0)
		return -1;
	if (r->link == NULL)
		redis_place_find(r);
	redis_report(r);
	return 0;
}

static int redis_subscribe(struct connector *c, const struct subscription *const *subs, unsigned n, struct error *err)
{
	struct redis *r = redis_of(c);

	return r->reading->subscribe(r, subs, n, err);
}

static void redis_resume(struct connector *c)
{
	struct redis *r = redis_of(c);

	if (r->reading->resume)
		r->reading->resume(r);
}

static void redis_hold(struct connector *c, struct window *w, bool on)
{
	struct redis *r = redis_of(c);

	if (r->reading->hold)
		r->reading->hold(r, w, on);
}

static void redis_ack(struct connector *c, struct window *w, const struct event *const *events, unsigned n)
{
	struct redis *r = redis_of(c);

	if (r->reading->ack)
		r->reading->ack(r, w, events, n);
}

static void redis_stop(struct connector *c)
{
	struct redis *r = redis_of(c);

	r->stopped = true;
	if (r->reading && r->reading->stop)
		r->reading->stop(r);
}

static void redis_drain(struct connector *c)
{
	struct redis *r = redis_of(c);

	if (r->reading && r->reading->drain)
		r->reading->drain(r);
	else
		connector_drained(c);
}

static void redis_close(struct connector *c)
{
	struct redis *r = redis_of(c);

	r->closing = true;
	if (r->reading)
		r->reading->close(r);
	redis_place_close(r);
	connector_closed(c);
}

const struct connector_class redis_class = {
	.name = "redis",
	.summary =
	    "Redis streams and lists, at least once, with takeover of what dead consumers left, in no order across "
	    "replicas; channels, at most once; writing, as durable as the server's appendfsync makes it (it is asked, "
	    "and warned of)",
	.options = redis_options,
	.size = sizeof(struct redis),
	.check = redis_check,
	.open = redis_open,
	.close = redis_close,
	.order = ORDER_NONE,
	.subscribe = redis_subscribe,
	.resume = redis_resume,
	.hold = redis_hold,
	.ack = redis_ack,
	.stop = redis_stop,
	.drain = redis_drain,
	.send = redis_send,
	.forget = redis_forget,
};
