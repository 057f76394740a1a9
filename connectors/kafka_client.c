/* One client of the library: how it wakes the loop, whether a broker answers it, and how it ends without blocking. */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include "connectors/kafka.h"

enum { PROBE_MS = 250, PROBE_FIRST_MS = 20, SUSPECT_MS = 2000 };

static void client_probe(void *);

static void client_wake(rd_kafka_t *rk, void *arg)
{
	(void)rk;
	wake(arg);
}

/* The library only calls for what comes into an empty queue: what is there already is looked after at once. */
void kafka_client_listen(struct kafka_client *c, rd_kafka_queue_t *queue)
{
	rd_kafka_queue_cb_event_enable(queue, client_wake, c->wake);
	wake(c->wake);
}

void kafka_client_fatal(struct kafka_client *c)
{
	c->fatal = true;
	rd_kafka_fatal_error(c->rk, c->reason, sizeof(c->reason));
}

/* Said in full each time the reason changes: nothing else tells an operator what to put right. */
static void client_refused(struct kafka_client *c, int code, const char *reason)
{
	log_fault(&c->faults, loop_now(c->kafka->base.loop), LOG_WARN, KAFKA_SCOPE, "%s: %s%s", c->kafka->base.name,
	    reason, kafka_auth_hint(&c->kafka->rows.login, code));
	kafka_client_down(c, reason);
}

/* The library says what it noticed; what to do about it is ours.  A broken connection alone is no fault of the
 * component: it may have been idle, or be back at once.  So when no connection is left, a question is sent, and its
 * answer decides. */
static void client_error(rd_kafka_t *rk, int code, const char *reason, void *arg)
{
	struct kafka_client *c = arg;

	(void)rk;
	switch (code) {
	case RD_KAFKA_RESP_ERR__FATAL: kafka_client_fatal(c); return;
	case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
		if (!c->suspect && !c->down)
			client_probe(c);
		return;
	case RD_KAFKA_RESP_ERR__TRANSPORT:
	case RD_KAFKA_RESP_ERR__RESOLVE: snprintf(c->reason, sizeof(c->reason), "%s", reason); return;
	case RD_KAFKA_RESP_ERR__AUTHENTICATION:
	case RD_KAFKA_RESP_ERR__SSL: client_refused(c, code, reason); return;
	default:
		log_fault(&c->faults, loop_now(c->kafka->base.loop), LOG_WARN, KAFKA_SCOPE, "%s: %s",
		    c->kafka->base.name, reason);
	}
}

/* Connection failures come by client_error() too; here they are for debugging. */
static void client_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	struct kafka_client *c = rd_kafka_opaque(rk);
	bool detail = level > 5 || strcmp(facility, "FAIL") == 0 || strcmp(facility, "ERROR") == 0;

	if (c == NULL || c->buried || c->kafka == NULL || detail)
		log_debug(KAFKA_SCOPE, "%s: %s", facility, text);
	else
		log_fault(&c->faults, loop_now(c->kafka->base.loop), level > 4 ? LOG_INFO : LOG_WARN, KAFKA_SCOPE,
		    "%s: %s: %s", c->kafka->base.name, facility, text);
}

static void client_token_wanted(rd_kafka_t *rk, const char *config, void *arg)
{
	const struct kafka_client *c = arg;

	(void)config;
	kafka_token_wanted(c->token, rk);
}

int kafka_client_open(struct kafka_client *c, struct kafka *k, rd_kafka_type_t type, rd_kafka_conf_t *conf,
    void (*fn)(void *), void *arg, struct error *err)
{
	char why[200];

	c->kafka = k;
	if (kafka_token_new(&k->rows.login, k->base.name, &c->token, err) < 0) {
		rd_kafka_conf_destroy(conf);
		return -1;
	}
	if (c->token) {
		rd_kafka_conf_enable_sasl_queue(conf, 1);
		rd_kafka_conf_set_oauthbearer_token_refresh_cb(conf, client_token_wanted);
	}
	rd_kafka_conf_set_opaque(conf, c);
	rd_kafka_conf_set_error_cb(conf, client_error);
	rd_kafka_conf_set_log_cb(conf, client_log);
	c->rk = rd_kafka_new(type, conf, why, sizeof(why));
	if (c->rk == NULL) {
		/* version 2.0.2 frees the hooks of a watched client before it says no; freed again with the settings
		 * they end the process */
		if (!c->watched)
			rd_kafka_conf_destroy(conf);
		kafka_token_free(c->token);
		return error_set(err, ERR_CONFIG, "kafka: %s", why);
	}
	kafka_token_start(c->token, c->rk);
	rd_kafka_set_log_queue(c->rk, NULL);
	c->wake = wake_new(k->base.loop, fn, arg);
	c->events = rd_kafka_queue_new(c->rk);
	kafka_client_listen(c, c->events);
	return 0;
}

void kafka_report(struct kafka *k)
{
	const struct kafka_client *down = NULL;
	enum kafka_told now = KAFKA_UP;
	struct error err = { .code = ERR_NONE };

	if (k->reader && k->reader->client.down)
		down = &k->reader->client;
	else if (k->writer && k->writer->client.down)
		down = &k->writer->client;
	if (down)
		now = KAFKA_DOWN;
	else if (k->reader && k->reader->client.connecting)
		now = KAFKA_CONNECTING;
	if (now == k->told)
		return;
	k->told = now;
	if (down)
		error_set(&err, ERR_IO, "no broker of %s answers: %s", k->rows.brokers, down->reason);
	if (now == KAFKA_UP)
		connector_up(&k->base);
	else
		connector_down(&k->base, &err);
}

void kafka_client_down(struct kafka_client *c, const char *why)
{
	if (why || c->reason[0] == '\0')
		snprintf(c->reason, sizeof(c->reason), "%s", why ? why : "no connection came about");
	if (!c->down)
		log_warn(KAFKA_SCOPE, "%s: no broker of %s answers (%s); trying on", c->kafka->base.name,
		    c->kafka->rows.brokers, c->reason);
	c->down = true;
	c->connecting = false;
	timer_set(c->kafka->base.loop, &c->probe, PROBE_MS, client_probe, c);
	kafka_report(c->kafka);
}

void kafka_client_heard(struct kafka_client *c)
{
	if (!c->down && !c->connecting)
		return;
	if (c->down)
		log_info(KAFKA_SCOPE, "%s: a broker answers again", c->kafka->base.name);
	c->down = c->connecting = false;
	timer_stop(c->kafka->base.loop, &c->probe);
	kafka_report(c->kafka);
}

void kafka_client_connect(struct kafka_client *c)
{
	c->connecting = true;
	client_probe(c);
	kafka_report(c->kafka);
}

/* The one question that costs no waiting and no answer: the library says at once whether it has a connection that
 * works, and makes one if not.  (Asking by an admin request ends the process in version 2.0.2 when it times out
 * without a coordinator.) */
static void client_probe(void *arg)
{
	struct kafka_client *c = arg;
	struct loop *loop = c->kafka->base.loop;
	const struct rd_kafka_metadata *metadata;
	rd_kafka_resp_err_t code = rd_kafka_metadata(c->rk, 0, NULL, &metadata, 0);

	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
		rd_kafka_metadata_destroy(metadata);
	if (code != RD_KAFKA_RESP_ERR__TRANSPORT) {
		c->suspect = false;
		kafka_client_heard(c);
		return;
	}
	if (!c->suspect) {
		c->suspect = true;
		c->suspect_since = loop_now(loop);
	}
	if (loop_now(loop) - c->suspect_since >= SUSPECT_MS)
		kafka_client_down(c, NULL);
	timer_set(loop, &c->probe, c->connecting ? PROBE_FIRST_MS : PROBE_MS, client_probe, c);
}

void kafka_client_serve(struct kafka_client *c)
{
	rd_kafka_event_t *event;

	while ((event = rd_kafka_queue_poll(c->events, 0)) != NULL) {
		c->answered(c, event);
		rd_kafka_event_destroy(event);
	}
}

struct grave {
	struct kafka *kafka;
	struct kafka_client *client;
	struct wake *wake;
	pthread_t thread;
};

static void *grave_thread(void *arg)
{
	struct grave *g = arg;

	if (g->client->helper)
		pthread_join(g->client->helper_thread, NULL);
	rd_kafka_destroy_flags(g->client->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	wake(g->wake);
	return NULL;
}

static void grave_closed(void *arg)
{
	struct grave *g = arg;
	struct kafka *k = g->kafka;

	pthread_join(g->thread, NULL);
	wake_free(g->wake);
	wake_free(g->client->wake);
	if (g->client->ended)
		g->client->ended(g->client);
	kafka_token_free(g->client->token);
	free(g->client);
	free(g);
	kafka_buried(k);
}

void kafka_client_bury(struct kafka_client *c)
{
	struct grave *g = mem_new(sizeof(*g));
	int rc;

	c->buried = true;
	kafka_token_end(c->token);
	timer_stop(c->kafka->base.loop, &c->probe);
	rd_kafka_queue_cb_event_enable(c->events, NULL, NULL);
	rd_kafka_queue_destroy(c->events);
	*g = (struct grave){ .kafka = c->kafka, .client = c };
	g->wake = wake_new(c->kafka->base.loop, grave_closed, g);
	c->kafka->graves++;
	rc = pthread_create(&g->thread, NULL, grave_thread, g);
	assert(rc == 0);
}
