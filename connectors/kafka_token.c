/* Tokens for SASL OAUTHBEARER: fetched when the library asks, again before they end, and again when that failed. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "bridge/error.h"
#include "bridge/log.h"
#include "connectors/curl.h"
#include "connectors/kafka_auth.h"

#define TOKEN_SCOPE "bridge.kafka"

enum { PAUSE_MS = 500, PAUSE_MAX_MS = 10000 };

struct kafka_token {
	struct kafka_login login; /* texts of our own: a client may outlive its component's rows */
	char *name, *function; /* of the component; whose log lines */
	char **extensions;
	size_t n_extensions;
	struct curl *curl;
	bool in_body; /* how this provider takes the secret, once it is known */
	int64_t good_until; /* wall time in ms of the token in use; 0: none */
	struct log_repeat faults;
	atomic_bool ending;
	pthread_mutex_t lock;
	pthread_cond_t ended;
};

static int64_t clock_ms(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int kafka_token_new(const struct kafka_login *l, const char *name, struct kafka_token **token_r, struct error *err)
{
	pthread_condattr_t attributes;
	struct curl *curl;
	struct kafka_token *t;

	*token_r = NULL;
	if (l->type != KAFKA_AUTH_OIDC)
		return 0;
	curl = curl_load(err);
	if (!curl)
		return -1;
	t = *token_r = mem_new(sizeof(*t));
	t->curl = curl;
	t->login = (struct kafka_login){ .type = l->type,
		.ca = mem_text(l->ca),
		.token_endpoint = mem_text(l->token_endpoint),
		.client_id = mem_text(l->client_id),
		.client_secret = mem_text(l->client_secret),
		.scopes = mem_text(l->scopes) };
	t->name = mem_text(name);
	t->function = mem_text(log_function_now());
	token_extensions(l->extensions, &t->extensions, &t->n_extensions, err); /* checked with the other rows */
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&t->ended, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&t->lock, NULL);
	return 0;
}

void kafka_token_start(struct kafka_token *t, rd_kafka_t *rk)
{
	rd_kafka_error_t *failed = t ? rd_kafka_sasl_background_callbacks_enable(rk) : NULL;

	assert(!failed); /* kafka_client.c made the client with a queue for them */
}

void kafka_token_end(struct kafka_token *t)
{
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	atomic_store(&t->ending, true);
	pthread_cond_broadcast(&t->ended);
	pthread_mutex_unlock(&t->lock);
}

static void text_free(const char *text)
{
	free((char *)(uintptr_t)text);
}

void kafka_token_free(struct kafka_token *t)
{
	if (!t)
		return;
	explicit_bzero((char *)(uintptr_t)t->login.client_secret, strlen(t->login.client_secret));
	text_free(t->login.client_secret);
	text_free(t->login.client_id);
	text_free(t->login.token_endpoint);
	text_free(t->login.scopes);
	text_free(t->login.ca);
	token_extensions_free(t->extensions, t->n_extensions);
	curl_unload(t->curl);
	pthread_cond_destroy(&t->ended);
	pthread_mutex_destroy(&t->lock);
	free(t->name);
	free(t->function);
	free(t);
}

static void wipe(struct buf *b)
{
	if (b->p)
		explicit_bzero(b->p, b->cap);
	buf_free(b);
}

/* One request, the secret in a header or in the form. */
static int token_ask(struct kafka_token *t, bool in_body, struct buf *answer_r, long *status_r, struct error *err)
{
	struct buf form = { 0 }, header = { 0 };
	struct curl_post post = { .url = t->login.token_endpoint, .ca = t->login.ca, .stop = &t->ending };
	int rc;

	token_form(&form, &t->login, in_body);
	buf_add(&form, "", 1);
	token_basic(&header, &t->login);
	buf_add(&header, "", 1);
	post.body = form.p;
	post.header = in_body ? NULL : header.p;
	rc = curl_post(t->curl, &post, answer_r, status_r, err);
	wipe(&form);
	wipe(&header);
	return rc;
}

/* A provider must take the header, yet some take the form alone: refused in one way, the other is tried once. */
static int token_fetch(struct kafka_token *t, struct buf *token_r, int64_t *life_s_r, struct error *err)
{
	struct buf answer = { 0 };
	long status = 0;
	int rc = token_ask(t, t->in_body, &answer, &status, err);

	if (rc == 0 && (status == 400 || status == 401)) {
		buf_clear(&answer);
		rc = token_ask(t, !t->in_body, &answer, &status, err);
		t->in_body ^= rc == 0 && status == 200;
	}
	if (rc == 0)
		rc = token_read((struct slice){ answer.p, answer.n }, status, token_r, life_s_r, err);
	wipe(&answer);
	return rc;
}

static int token_set(struct kafka_token *t, rd_kafka_t *rk, const char *token, int64_t life_s, struct error *err)
{
	char why[160];
	int64_t until = clock_ms(CLOCK_REALTIME) + life_s * 1000;

	if (rd_kafka_oauthbearer_set_token(rk, token, until, t->login.client_id, (const char **)t->extensions,
		t->n_extensions, why, sizeof(why)) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return error_set(err, ERR_PROTOCOL, "the library refuses the token");
	if (t->good_until == 0)
		log_info(TOKEN_SCOPE, "%s: a token was fetched, good for %lld s", t->name, (long long)life_s);
	t->good_until = until;
	return 0;
}

/* True: it is ending. */
static bool token_pause(struct kafka_token *t, int64_t ms)
{
	int64_t until = clock_ms(CLOCK_MONOTONIC) + ms;
	struct timespec at = { .tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000 };

	pthread_mutex_lock(&t->lock);
	while (!atomic_load(&t->ending) && pthread_cond_timedwait(&t->ended, &t->lock, &at) != ETIMEDOUT)
		;
	pthread_mutex_unlock(&t->lock);
	return atomic_load(&t->ending);
}

/* While a token is still good nobody else need know. */
static void token_failed(struct kafka_token *t, rd_kafka_t *rk, const struct error *err)
{
	bool good = clock_ms(CLOCK_REALTIME) < t->good_until;

	if (atomic_load(&t->ending))
		return;
	log_fault(&t->faults, clock_ms(CLOCK_MONOTONIC), LOG_WARN, TOKEN_SCOPE, "%s: no token from %s: %s; trying on%s",
	    t->name, t->login.token_endpoint, err->text, good ? ", the one in use is still good" : "");
	if (!good) {
		t->good_until = 0;
		rd_kafka_oauthbearer_set_token_failure(rk, err->text);
	}
}

void kafka_token_wanted(struct kafka_token *t, rd_kafka_t *rk)
{
	int64_t pause = PAUSE_MS;
	bool done = false;

	log_function(t->function);
	while (!done && !atomic_load(&t->ending)) {
		struct error err = { ERR_NONE, "" };
		struct buf token = { 0 };
		int64_t life_s = 0;

		done = token_fetch(t, &token, &life_s, &err) == 0 && token_set(t, rk, token.p, life_s, &err) == 0;
		wipe(&token);
		if (done)
			break;
		token_failed(t, rk, &err);
		done = token_pause(t, pause);
		pause = pause * 2 < PAUSE_MAX_MS ? pause * 2 : PAUSE_MAX_MS;
	}
	log_function(NULL);
}
