/* Where the Redis server is: rows to an address, TLS, the link to it, or to the master the sentinels name. */
#include <stdio.h>
#include <string.h>
#include "connectors/redis.h"

enum { READ_MS = 3000, ADDRESS_MAX = 300 };

int redis_rows_check(const struct redis_rows *o, struct error *e)
{
	bool several = o->host && strchr(o->host, ',') != NULL;

	if (o->type == REDIS_CLUSTER)
		return error_set(e, ERR_CONFIG, "redisType: cluster is not part of this version, expected node");
	if (o->entra_id || o->oidc)
		return error_set(e, ERR_CONFIG, "%s: expected redisUsername and redisPassword instead",
		    o->entra_id ? "useEntraID" : "useOIDC");
	if (o->failover && !(o->master && *o->master))
		return error_set(e, ERR_CONFIG,
		    "sentinelMasterName: failover without it, expected the master's name at the sentinels");
	if (several && !o->failover)
		return error_set(
		    e, ERR_CONFIG, "redisHost: a list of servers, expected one, or failover with a list of sentinels");
	if (o->user && *o->user && !(o->password && *o->password))
		return error_set(e, ERR_CONFIG, "redisUsername: without redisPassword, expected both");
	if (o->kind == REDIS_LISTS && o->processing_ms < 1000)
		return error_set(
		    e, ERR_CONFIG, "processingTimeout: less than a second with kind list, expected 1s or more");
	if (o->max_len > 0 && o->ttl_ms > 0)
		return error_set(e, ERR_CONFIG, "streamTTL: together with maxLenApprox, expected one of them");
	return 0;
}

int redis_place_open(struct redis *r, struct error *err)
{
	const struct redis_rows *o = &r->rows;
	const struct tls_options options = {
		.skip_verify = o->skip_verify, .ca_text = o->ca, .cert_text = o->cert, .key_text = o->key
	};

	if (!o->tls || r->tls)
		return 0;
	r->tls = tls_new(&options, err);
	return r->tls ? 0 : -1;
}

void redis_place_close(struct redis *r)
{
	redis_sentinel_close(r->sentinel);
	redis_link_close(r->link);
	address_free(&r->address);
	tls_free(r->tls);
	r->sentinel = NULL;
	r->link = NULL;
	r->tls = NULL;
}

static void place_failed(struct redis *r, const struct error *why)
{
	r->sentinel = NULL; /* it has ended */
	redis_down(r, why);
}

static void place_refuse(struct redis *r, enum err code, const char *why)
{
	struct error e;

	error_set(&e, code, "%s:%s: %s", r->address.host, r->address.port, why);
	redis_down(r, &e);
}

static void place_serves(struct redis *r)
{
	redis_sink_connected(r);
	redis_report(r);
}

/* Sentinels are slow to learn: what they call the master may have become a replica. */
static void place_role(void *arg, const struct redis_reply *reply)
{
	struct redis *r = arg;

	if (reply->kind == REDIS_LOST || reply->kind == REDIS_UNSENT)
		return;
	if (reply->kind == REDIS_ARRAY && reply->n > 0 && !slice_is(reply->items[0].text, "master"))
		place_refuse(r, ERR_IO, "is no master, though the sentinels say so");
	else
		place_serves(r);
}

static void place_opened(void *arg)
{
	struct redis *r = arg;

	if (!r->rows.failover) {
		place_serves(r);
		return;
	}
	redis_link_begin(r->link, 1);
	redis_link_text(r->link, "ROLE");
	redis_link_end(r->link, place_role, r);
}

static void place_ended(void *arg, const struct error *why)
{
	redis_down(arg, why);
}

static const struct redis_link_events place_events = { .opened = place_opened, .ended = place_ended };

struct redis_link *redis_connect(struct redis *r, const struct redis_link_events *events, void *arg)
{
	const struct redis_rows *o = &r->rows;
	const struct redis_link_options options = { .address = &r->address,
		.tls = r->tls,
		.user = o->user,
		.password = o->password,
		.database = o->database,
		.dial_ms = o->dial_ms,
		.read_ms = o->read_ms > 0 ? o->read_ms : READ_MS,
		.max_reply = (size_t)o->max_reply };

	return redis_link_open(r->base.loop, &options, events, arg);
}

/* A host that names no port gets the configured one. */
static void place_found(struct redis *r, const char *host)
{
	const char *colon = strrchr(host, ':');
	char text[ADDRESS_MAX];
	struct error e;

	r->sentinel = NULL;
	if (strncmp(host, "unix:", 5) == 0 || (colon && (*host != '[' || colon[-1] == ']')))
		snprintf(text, sizeof(text), "%s", host);
	else
		snprintf(text, sizeof(text), "%s:%d", host, (int)r->rows.port);
	address_free(&r->address);
	if (address_parse(&r->address, text, &e) < 0) {
		error_wrap(&e, "redisHost");
		redis_down(r, &e);
		return;
	}
	r->address.tls = r->rows.tls;
	r->link = redis_connect(r, &place_events, r);
}

void redis_place_find(struct redis *r)
{
	if (!r->rows.failover)
		place_found(r, r->rows.host);
	else if (!r->sentinel)
		r->sentinel = redis_sentinel_open(r, place_found, place_failed);
}
