/* Apache Kafka: the connector's class, its option rows, and its life. */
#include "connectors/connectors.h"
#include "connectors/kafka.h"
#include "bridge/option.h"

enum { AFTER_FATAL_MS = 5000 }; /* two members of one groupInstanceId would put each other out without a pause */

/* clang-format off */
static const struct option kafka_options[] = {
	STR("brokers", struct kafka, rows.brokers, NULL, OPT_REQUIRED | OPT_PLACE | OPT_URL_HOST, "brokers to begin with, comma list of host:port"),
	STR("topics", struct kafka, rows.topics, NULL, OPT_URL_PATH | OPT_LIST,
	    "topics an input binding reads, comma list; an entry that begins with ^ is a pattern"),
	STR("publishTopic", struct kafka, rows.publish_topic, NULL, 0, "topic that is written when the request names none"),
	STR("consumerGroup", struct kafka, rows.group, NULL, OPT_PLACE, "consumer group; default: consumerID, else the app id"),
	STR("consumerID", struct kafka, rows.consumer_id, NULL, OPT_PLACE, "consumer group when consumerGroup is not given"),
	STR("clientID", struct kafka, rows.client_id, "bridge", 0, "name of this client in the brokers' logs and quotas"),
	STR("groupInstanceId", struct kafka, rows.instance_id, NULL, OPT_PLACE,
	    "static membership: a name of its own for each replica; its partitions wait sessionTimeout for a restart"),
	WORD("initialOffset", struct kafka, rows.initial_offset, "newest", 0,
	    "where a group without committed offsets begins", .words = "newest oldest"),
	WORD("authType", struct kafka, rows.login.type, "none", OPT_PLACE,
	    "how to log in: not at all and without TLS, by SASL with a password, by client certificate, not at all but with TLS, by OIDC token; "
	    "the last two words are refused with what to use instead",
	    .words = "none password mtls certificate oidc oidc_private_key_jwt awsiam"),
	BOOL("authRequired", struct kafka, rows.login.required, "false", 0, "old word: true is authType password where that is none"),
	STR("saslUsername", struct kafka, rows.login.user, NULL, OPT_PLACE, "authType password: who we are"),
	STR("saslPassword", struct kafka, rows.login.password, NULL, OPT_SECRET, "authType password: the password"),
	WORD("saslMechanism", struct kafka, rows.login.mechanism, "PLAIN", 0,
	    "authType password: PLAIN, or SCRAM with that hash", .words = "PLAIN SHA-256|SCRAM-SHA-256 SHA-512|SCRAM-SHA-512"),
	BOOL("disableTls", struct kafka, rows.login.disable_tls, "false", 0,
	    "no TLS though authType is password or oidc; with PLAIN the password is sent in the clear"),
	BOOL("skipVerify", struct kafka, rows.login.skip_verify, "false", 0, "trust any broker, whatever its certificate says"),
	STR("caCert", struct kafka, rows.login.ca, NULL, 0, "PEM text: who may sign the brokers' certificates; default: the system's"),
	STR("clientCert", struct kafka, rows.login.cert, NULL, 0, "PEM text: our certificate; authType mtls needs it"),
	STR("clientKey", struct kafka, rows.login.key, NULL, OPT_SECRET, "PEM text: its key, not encrypted"),
	STR("oidcTokenEndpoint", struct kafka, rows.login.token_endpoint, NULL, 0,
	    "authType oidc: URL where tokens are asked for, always verified (the system's authorities and caCert)"),
	STR("oidcClientID", struct kafka, rows.login.client_id, NULL, OPT_PLACE, "authType oidc: who asks"),
	STR("oidcClientSecret", struct kafka, rows.login.client_secret, NULL, OPT_SECRET, "authType oidc: its secret"),
	STR("oidcScopes", struct kafka, rows.login.scopes, "openid", 0, "authType oidc: scopes that are asked for, comma list"),
	STR("oidcExtensions", struct kafka, rows.login.extensions, NULL, 0, "authType oidc: JSON object of texts that are sent with the token"),
	STR("version", struct kafka, rows.version, "2.0.0.0", 0, "accepted without effect: the protocol version is negotiated"),

	WORD("consumerGroupRebalanceStrategy", struct kafka, rows.strategy, "range", 0,
	    "how partitions are shared out in the group; all its members must agree (sticky is taken as cooperative-sticky)",
	    .alias = "partitionAssignmentStrategy", .group = "Reading",
	    .words = "range roundrobin sticky cooperative-sticky"),
	MS("heartbeatInterval", struct kafka, rows.heartbeat_ms, "3s", 0, "between signs of life to the group", .min = 1, .max = 3600000),
	MS("sessionTimeout", struct kafka, rows.session_ms, "10s", 0,
	    "after so long without a sign of life the group goes on without this member", .min = 1, .max = 3600000),
	MS("maxPollInterval", struct kafka, rows.max_poll_ms, "5m", 0,
	    "a process that stands still this long leaves the group; also the group's patience in a rebalance",
	    .min = 1000, .max = 86400000),
	MS("revokeTimeout", struct kafka, rows.revoke_ms, "30s", 0,
	    "time to finish what is in flight of a partition that goes to another member", .min = 0, .max = 3600000),
	INT("consumerFetchMin", struct kafka, rows.fetch_min, "1", 0, "bytes a broker waits for before it answers a fetch", .min = 1, .max = 100000000),
	BYTES("consumerFetchDefault", struct kafka, rows.fetch_partition, "1Mi", 0, "bytes fetched of one partition at once", .min = 1, .max = 1000000000),
	BYTES("prefetchBytes", struct kafka, rows.prefetch_bytes, "4Mi", 0, "bytes read ahead of what is in flight", .min = 1 << 16, .max = 1 << 30),
	INT("channelBufferSize", struct kafka, rows.channel_buffer, "256", 0,
	    "accepted without effect: prefetchBytes and the function's credit bound what is in memory"),
	WORD("lagWithoutCommit", struct kafka, rows.lag_without_commit, "one", 0,
	    "lag of a group that has committed nothing and begins at the newest: one, so that the function is started once and begins, or none",
	    .words = "one none"),
	WORD("isolationLevel", struct kafka, rows.isolation, "read_committed", 0,
	    "read_committed leaves out events of open and aborted transactions", .words = "read_committed read_uncommitted"),
	BOOL("escapeHeaders", struct kafka, rows.escape_headers, "false", 0, "percent-encodes keys and header values that are read"),
	STR("excludeHeaderMetaRegex", struct kafka, rows.exclude_headers, NULL, 0, "headers of these names are not copied, in neither direction"),

	MS("clientConnectionTopicMetadataRefreshInterval", struct kafka, rows.metadata_ms, "10s", 0,
	    "how often new topics and partitions are looked for", .group = "Connections", .min = 100, .max = 3600000),
	MS("clientConnectionKeepAliveInterval", struct kafka, rows.keep_alive_ms, "0", 0,
	    "accepted without effect: keep-alive is on, with the system's interval"),
	MS("dialTimeout", struct kafka, rows.dial_ms, "30s", 0, "to open a connection", .min = 1000, .max = 2147483),
	MS("readTimeout", struct kafka, rows.read_ms, "30s", 0, "for the answer to a request", .min = 10, .max = 300000),
	MS("writeTimeout", struct kafka, rows.write_ms, "30s", 0, "accepted without effect: readTimeout counts from the writing of the request"),
	MS("consumeRetryInterval", struct kafka, rows.retry_ms, "100ms", OPT_BARE_MS, "pause before a failed fetch is repeated", .min = 1, .max = 300000),

	BYTES("maxMessageBytes", struct kafka, rows.max_message_bytes, "1000000", 0, "largest event that is written",
	    .group = "Writing", .min = 1000, .max = 1000000000),
	WORD("producerRequiredAcks", struct kafka, rows.acks, "all", 0,
	    "who has an event before it counts as written: all in-sync replicas, the leader, nobody", .words = "all local none"),
	INT("producerRetryMax", struct kafka, rows.retries, "5", 0, "repetitions of a failed write within messageTimeout", .min = 0, .max = 2147483647),
	BOOL("idempotent", struct kafka, rows.idempotent, "true", 0, "repetitions write no event twice; needs producerRequiredAcks all"),
	MS("messageTimeout", struct kafka, rows.message_ms, "20s", 0, "for one event to be written, repetitions included", .min = 1000, .max = 86400000),
	MS("lingerMs", struct kafka, rows.linger_ms, "1", OPT_BARE_MS, "how long an event waits for others to be written with it", .min = 0, .max = 900000),
	WORD("compression", struct kafka, rows.compression, "none", 0, "of what is written", .words = "none gzip snappy lz4 zstd"),
	WORD("partitioner", struct kafka, rows.partitioner, "fnv1a", 0,
	    "which partition a key goes to: fnv1a as Dapr, murmur2 as Java clients, crc32 as librdkafka", .words = "fnv1a murmur2 crc32 random"),
	OPT_END
};
/* clang-format on */

static void kafka_exclude_free(struct kafka *k)
{
	if (k->excludes)
		regfree(&k->exclude);
	k->excludes = false;
}

static int kafka_exclude_compile(struct kafka *k, struct error *err)
{
	char why[120];
	int rc;

	if (k->excludes || k->rows.exclude_headers == NULL || *k->rows.exclude_headers == '\0')
		return 0;
	rc = regcomp(&k->exclude, k->rows.exclude_headers, REG_EXTENDED | REG_NOSUB);
	if (rc != 0) {
		regerror(rc, &k->exclude, why, sizeof(why));
		return error_set(err, ERR_CONFIG,
		    "excludeHeaderMetaRegex: \"%s\": %s; a POSIX extended regular expression was expected",
		    k->rows.exclude_headers, why);
	}
	k->excludes = true;
	return 0;
}

static void kafka_open_again(void *arg)
{
	kafka_report(arg);
}

static int kafka_check(const struct connector *c, struct error *err)
{
	return kafka_rows_check(&((const struct kafka *)c)->rows, err);
}

/* Both halves connect when they are first needed, so there is nothing to wait for.  Asked again after a failure, a
 * client that still tries is left trying: it says so when a broker answers. */
static int kafka_open(struct connector *c, struct error *err)
{
	struct kafka *k = kafka_of(c);
	int64_t now = loop_now(c->loop);

	if (kafka_rows_check(&k->rows, err) < 0 || kafka_exclude_compile(k, err) < 0)
		return -1;
	if (k->fatal_at && now - k->fatal_at < AFTER_FATAL_MS)
		timer_set(k->base.loop, &k->again, AFTER_FATAL_MS, kafka_open_again, k);
	else
		kafka_report(k);
	return 0;
}

static int kafka_subscribe(struct connector *c, const struct subscription *const *subs, unsigned n, struct error *err)
{
	struct kafka *k = kafka_of(c);

	if (kafka_wishes_set(k, subs, n, err) < 0)
		return -1;
	if (k->reader == NULL && n == 0)
		return 0;
	if (k->group == NULL) {
		const char *group = k->rows.group ? k->rows.group : k->rows.consumer_id;

		k->peek = n > 0 && subs[0]->peek;
		if (k->peek)
			group = k->rows.instance_id = NULL;
		k->group = mem_text(group ? group : subs[0]->group);
		if (k->group == NULL || *k->group == '\0')
			return error_set(err, ERR_CONFIG, "consumerGroup: reading needs a consumer group");
	}
	if (k->reader == NULL) {
		if (kafka_reader_open(k, err) < 0) {
			k->told = KAFKA_DOWN; /* as the core takes it; so that the next open() says up again */
			return -1;
		}
		kafka_watch_readers(k);
	}
	return kafka_reader_subscribe(k, err);
}

/* Keeps reading out: what is not offered stays at the broker, what is acknowledged is still committed. */
static void kafka_stop(struct connector *c)
{
	struct kafka_reader *r = kafka_of(c)->reader;

	if (r == NULL)
		return;
	r->stopped = true;
	kafka_source_purge(r, NULL);
}

void kafka_close_end(struct kafka *k)
{
	if (k->closed || k->reader || k->writer || k->graves > 0)
		return;
	kafka_partitions_free(k);
	kafka_wishes_free(k);
	kafka_exclude_free(k);
	free(k->group);
	k->group = NULL;
	k->closed = true;
	connector_closed(&k->base);
}

void kafka_buried(struct kafka *k)
{
	k->graves--;
	if (k->closing)
		kafka_close_end(k);
}

static void kafka_close(struct connector *c)
{
	struct kafka *k = kafka_of(c);

	k->closing = true;
	timer_stop(k->base.loop, &k->again);
	kafka_writer_close(k);
	kafka_watch_close(k);
	kafka_reader_close(k);
	kafka_close_end(k);
}

const struct connector_class kafka_class = {
	.name = "kafka",
	.summary = "Apache Kafka topics, read in a consumer group and written with confirmation",
	.options = kafka_options,
	.size = sizeof(struct kafka),
	.check = kafka_check,
	.open = kafka_open,
	.close = kafka_close,
	.order = ORDER_PARTITION,
	.subscribe = kafka_subscribe,
	.resume = kafka_resume,
	.hold = kafka_hold,
	.commit = kafka_commit,
	.stop = kafka_stop,
	.drain = kafka_drain,
	.watch = kafka_watch,
	.send = kafka_send,
	.forget = kafka_forget,
};
