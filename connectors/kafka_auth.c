/* Logging in to Kafka: what the rows must say together, and what the library is told. */
#include "connectors/kafka_auth.h"
#include <string.h>
#include <strings.h>
#include "bridge/error.h"

static int login_type(const struct kafka_login *l)
{
	return l->type == KAFKA_AUTH_NONE && l->required ? KAFKA_AUTH_PASSWORD : l->type;
}

static bool login_tls(const struct kafka_login *l)
{
	return login_type(l) != KAFKA_AUTH_NONE && !l->disable_tls;
}

static int login_needs(const char *type, const char *row, const char *value, struct error *err)
{
	if (value)
		return 0;
	return error_set(err, ERR_CONFIG, "%s: missing, authType %s needs it", row, type);
}

static int login_pem(const char *row, const char *value, const char *begin, struct error *err)
{
	if (!value || strstr(value, begin))
		return 0;
	return error_set(err, ERR_CONFIG,
	    "%s: not PEM, expected the text itself that has a line %s…, not the path of a file", row, begin);
}

/* A secret is not looked at closely: printed settings have another text in its place. */
static int login_pem_key(const char *value, struct error *err)
{
	if (!value || (*value != '/' && *value != '.'))
		return 0;
	return error_set(err, ERR_CONFIG, "clientKey: a path, expected the PEM text of the key itself");
}

static int login_certificates(const struct kafka_login *l, struct error *err)
{
	if (login_pem("caCert", l->ca, "-----BEGIN CERTIFICATE", err) < 0 ||
	    login_pem("clientCert", l->cert, "-----BEGIN CERTIFICATE", err) < 0 || login_pem_key(l->key, err) < 0)
		return -1;
	if (l->cert && !l->key)
		return error_set(err, ERR_CONFIG, "clientKey: missing, expected the key of clientCert");
	if (l->key && !l->cert)
		return error_set(err, ERR_CONFIG, "clientCert: missing, expected the certificate of clientKey");
	return 0;
}

/* The client's secret is in what is sent: in the clear at most to this machine. */
static int login_endpoint(const char *url, struct error *err)
{
	static const char *const hosts[] = { "127.0.0.1", "localhost", "[::1]" };

	if (strchr(url, '@'))
		return error_set(err, ERR_CONFIG,
		    "oidcTokenEndpoint: expected a URL without user and password, those are oidcClientID and "
		    "oidcClientSecret");
	if (!strncasecmp(url, "https://", 8) && url[8])
		return 0;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++) {
		size_t n = strlen(hosts[i]);

		if (!strncasecmp(url, "http://", 7) && !strncasecmp(url + 7, hosts[i], n) &&
		    (url[7 + n] == ':' || url[7 + n] == '/' || url[7 + n] == '\0'))
			return 0;
	}
	return error_set(err, ERR_CONFIG,
	    "oidcTokenEndpoint: expected an https:// URL (http:// only to this machine: it carries the secret)");
}

static int login_oidc(const struct kafka_login *l, struct error *err)
{
	char **extensions;
	size_t n;

	if (login_needs("oidc", "oidcTokenEndpoint", l->token_endpoint, err) < 0 ||
	    login_needs("oidc", "oidcClientID", l->client_id, err) < 0 ||
	    login_needs("oidc", "oidcClientSecret", l->client_secret, err) < 0 ||
	    login_endpoint(l->token_endpoint, err) < 0 || token_extensions(l->extensions, &extensions, &n, err) < 0)
		return -1;
	token_extensions_free(extensions, n);
	return 0;
}

static int login_password(const struct kafka_login *l, struct error *err)
{
	if (login_needs("password", "saslUsername", l->user, err) < 0)
		return -1;
	return login_needs("password", "saslPassword", l->password, err);
}

static int login_mtls(const struct kafka_login *l, struct error *err)
{
	if (login_needs("mtls", "clientCert", l->cert, err) < 0)
		return -1;
	return login_needs("mtls", "clientKey", l->key, err);
}

int kafka_auth_check(const struct kafka_login *l, struct error *err)
{
	int type = login_type(l), rc = 0;

	if (type == KAFKA_AUTH_NONE)
		return 0;
	if (l->disable_tls && (type == KAFKA_AUTH_MTLS || type == KAFKA_AUTH_CERTIFICATE))
		return error_set(err, ERR_CONFIG, "disableTls: authType %s is TLS, expected false or authType none",
		    type == KAFKA_AUTH_MTLS ? "mtls" : "certificate");
	switch (type) {
	case KAFKA_AUTH_PASSWORD: rc = login_password(l, err); break;
	case KAFKA_AUTH_MTLS: rc = login_mtls(l, err); break;
	case KAFKA_AUTH_OIDC: rc = login_oidc(l, err); break;
	case KAFKA_AUTH_OIDC_KEY:
		return error_set(err, ERR_CONFIG,
		    "authType: oidc_private_key_jwt cannot be had here (tokens are fetched with a client secret only), "
		    "expected oidc with oidcClientSecret, or mtls");
	case KAFKA_AUTH_AWSIAM:
		return error_set(err, ERR_CONFIG,
		    "authType: awsiam cannot be had here (requests are not signed for AWS), expected password with "
		    "saslMechanism SHA-512 (SCRAM of MSK, port 9096), or mtls");
	}
	return rc < 0 ? rc : login_certificates(l, err);
}

struct pair {
	const char *name, *value;
};

/* Error texts of the library name the setting; a value that was refused stays out of them. */
static int conf_fill(rd_kafka_conf_t *conf, const struct pair *pairs, size_t n, struct error *err)
{
	char why[256];

	for (size_t i = 0; i < n; i++)
		if (pairs[i].value &&
		    rd_kafka_conf_set(conf, pairs[i].name, pairs[i].value, why, sizeof(why)) != RD_KAFKA_CONF_OK)
			return error_set(err, ERR_CONFIG, "kafka: the library refuses the value of %s", pairs[i].name);
	return 0;
}

static const char *login_protocol(const struct kafka_login *l)
{
	int type = login_type(l);
	bool sasl = type == KAFKA_AUTH_PASSWORD || type == KAFKA_AUTH_OIDC;

	if (login_tls(l))
		return sasl ? "sasl_ssl" : "ssl";
	return sasl ? "sasl_plaintext" : "plaintext";
}

int kafka_auth_conf(const struct kafka_login *l, rd_kafka_conf_t *conf, struct error *err)
{
	static const char *const mechanisms[] = { "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512" };
	bool tls = login_tls(l), password = login_type(l) == KAFKA_AUTH_PASSWORD;
	bool oidc = login_type(l) == KAFKA_AUTH_OIDC;
	const struct pair pairs[] = {
		{ "security.protocol", login_protocol(l) },
		{ "sasl.mechanism",
		    oidc	   ? "OAUTHBEARER"
			: password ? mechanisms[l->mechanism]
				   : NULL },
		{ "sasl.username", password ? l->user : NULL },
		{ "sasl.password", password ? l->password : NULL },
		{ "ssl.ca.pem", tls ? l->ca : NULL },
		{ "ssl.certificate.pem", tls ? l->cert : NULL },
		{ "ssl.key.pem", tls ? l->key : NULL },
		{ "ssl.endpoint.identification.algorithm", tls && !l->skip_verify ? "https" : NULL },
		{ "enable.ssl.certificate.verification", tls && l->skip_verify ? "false" : NULL },
	};

	return conf_fill(conf, pairs, sizeof(pairs) / sizeof(*pairs), err);
}

/* Kafka 4 compares the nonce of a SCRAM login, which older clients send with their own part twice. */
enum { SCRAM_MENDED = 0x020601ff };

static const char *login_hint(const struct kafka_login *l)
{
	if (login_type(l) == KAFKA_AUTH_OIDC)
		return "; look at oidcTokenEndpoint, oidcClientID, oidcClientSecret and oidcScopes";
	if (login_type(l) != KAFKA_AUTH_PASSWORD)
		return "";
	if (l->mechanism != 0 && rd_kafka_version() < SCRAM_MENDED)
		return "; look at saslUsername, saslPassword and saslMechanism (to Kafka 4 this librdkafka cannot "
		       "log in by SCRAM, 2.6.1 can: use PLAIN or mtls there)";
	return "; look at saslUsername, saslPassword and saslMechanism";
}

const char *kafka_auth_hint(const struct kafka_login *l, rd_kafka_resp_err_t code)
{
	if (code == RD_KAFKA_RESP_ERR__SSL)
		return l->cert ? "; look at caCert, clientCert, clientKey and the names in the broker's certificate"
			       : "; look at caCert and the names in the broker's certificate";
	return code == RD_KAFKA_RESP_ERR__AUTHENTICATION ? login_hint(l) : "";
}
