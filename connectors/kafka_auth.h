/* How a Kafka client logs in, and whom it trusts: rows, the library's settings, and tokens of an OIDC provider. */
#ifndef CONNECTORS_KAFKA_AUTH_H
#define CONNECTORS_KAFKA_AUTH_H
#include <librdkafka/rdkafka.h>
#include "bridge/bytes.h"

struct error;

/* As configured.  TLS is on for every type but none, unless disableTls. */
struct kafka_login {
	int		 type, mechanism;
	bool		 required;	/* Dapr's old word: password, if no type is given */
	bool		 disable_tls, skip_verify;
	const char	*user, *password;
	const char	*ca, *cert, *key;	/* PEM text */
	const char	*token_endpoint, *client_id, *client_secret, *scopes, *extensions;
};
enum {
	KAFKA_AUTH_NONE, KAFKA_AUTH_PASSWORD, KAFKA_AUTH_MTLS, KAFKA_AUTH_CERTIFICATE, KAFKA_AUTH_OIDC,
	KAFKA_AUTH_OIDC_KEY, KAFKA_AUTH_AWSIAM
};

/* "row: what, what was expected" */
int kafka_auth_check(const struct kafka_login *, struct error *);
int kafka_auth_conf(const struct kafka_login *, rd_kafka_conf_t *, struct error *);
/* Which rows to look at when a broker refuses us, or we it: to end a log line with; "" when none is to blame. */
const char *kafka_auth_hint(const struct kafka_login *, rd_kafka_resp_err_t);

/*
 * Tokens for one client.  The library asks for one on its background thread, where the fetching may block; it asks
 * again when four fifths of a token's life are over.  What fails is tried again with growing pauses; a token that is
 * still good stays in use meanwhile.
 */
struct kafka_token;
/* *token_r NULL: another authType.  The texts are copied; `name` is the component's. */
int kafka_token_new(const struct kafka_login *, const char *name, struct kafka_token **token_r, struct error *);
void kafka_token_start(struct kafka_token *, rd_kafka_t *);	/* once the client is there; NULL: nothing */
void kafka_token_end(struct kafka_token *);	/* what it waits for is given up within a second; NULL: nothing */
void kafka_token_free(struct kafka_token *);	/* after the client is destroyed; NULL: nothing */
void kafka_token_wanted(struct kafka_token *, rd_kafka_t *);	/* the library's question; blocks */

/* kafka_token_text.c: what is said to a provider and heard from it. */
enum { KAFKA_TOKEN_LIFE_S = 300 };	/* of a token whose provider does not say */
/* The form of a client credentials grant; scopes are separated by commas or blanks.  secret: also the client's. */
void token_form(struct buf *, const struct kafka_login *, bool secret);
void token_basic(struct buf *, const struct kafka_login *);	/* "Authorization: Basic …" */
/* The token in the body is appended with its NUL.  -1: what is wrong, without anything of the token in it. */
int token_read(struct slice body, long status, struct buf *token_r, int64_t *life_s_r, struct error *);
/* oidcExtensions as name, value, name, value, …, to be freed with token_extensions_free(); NULL: none. */
int token_extensions(const char *json, char ***list_r, size_t *n_r, struct error *);
void token_extensions_free(char **, size_t n);
#endif
