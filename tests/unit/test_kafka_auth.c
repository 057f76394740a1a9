/* Logging in to Kafka: which rows go together, what the library is told, what is said to a token endpoint and heard. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "bridge/error.h"
#include "bridge/option.h"
#include "connectors/connectors.h"
#include "connectors/kafka.h"

#define CERT "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"
#define KEY "-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\n"

/* Rows by name, value, …, NULL. */
static struct kafka rows_of(const char *const *pairs)
{
	struct setting settings[24] = { { .name = "brokers", .value = "b:1" } };
	struct kafka k = { .rows.brokers = NULL };
	struct error e = { ERR_NONE, "" };
	unsigned n = 1;

	for (; pairs[0]; pairs += 2)
		settings[n++] = (struct setting){ .name = pairs[0], .value = pairs[1] };
	if (option_parse(kafka_class.options, &k, settings, n, NULL, &e))
		fail_msg("%s", e.text);
	return k;
}

static void assert_refused(const char *const *pairs, const char *text)
{
	struct kafka k = rows_of(pairs);
	struct error e = { ERR_NONE, "" };

	assert_int_equal(kafka_class.check(&k.base, &e), -1);
	if (!strstr(e.text, text))
		fail_msg("\"%s\" is not in \"%s\"", text, e.text);
	assert_null(strstr(e.text, "hunter2"));
}
#define REFUSED(text, ...) assert_refused((const char *const[]){ __VA_ARGS__, NULL }, text)

static void a_type_needs_its_rows(void **state)
{
	(void)state;
	REFUSED("saslUsername: missing, authType password needs it", "authType", "password", "saslPassword", "hunter2");
	REFUSED("saslPassword: missing", "authType", "password", "saslUsername", "u");
	REFUSED("saslUsername: missing", "authRequired", "true");
	REFUSED("clientCert: missing, authType mtls needs it", "authType", "mtls");
	REFUSED("clientKey: missing, authType mtls needs it", "authType", "mtls", "clientCert", CERT);
	REFUSED("clientKey: missing, expected the key of", "authType", "certificate", "clientCert", CERT);
	REFUSED("clientCert: missing, expected", "authType", "certificate", "clientKey", KEY);
	REFUSED("oidcTokenEndpoint: missing", "authType", "oidc");
	REFUSED("oidcClientID: missing", "authType", "oidc", "oidcTokenEndpoint", "https://a/t");
	REFUSED(
	    "oidcClientSecret: missing", "authType", "oidc", "oidcTokenEndpoint", "https://a/t", "oidcClientID", "i");
}

static void what_cannot_be_had_is_refused_with_what_to_use_instead(void **state)
{
	(void)state;
	REFUSED("authType: oidc_private_key_jwt cannot be had", "authType", "oidc_private_key_jwt");
	REFUSED("expected oidc with oidcClientSecret, or mtls", "authType", "oidc_private_key_jwt");
	REFUSED("authType: awsiam cannot be had", "authType", "awsiam");
	REFUSED("expected password with saslMechanism SHA-512", "authType", "awsiam");
	REFUSED("disableTls: authType mtls is TLS", "authType", "mtls", "disableTls", "true");
	REFUSED("disableTls: authType certificate is TLS", "authType", "certificate", "disableTls", "true");
}

static void pem_is_text_and_no_path(void **state)
{
	(void)state;
	REFUSED("caCert: not PEM, expected the text itself", "authType", "certificate", "caCert", "/etc/ca.pem");
	REFUSED("clientCert: not PEM", "authType", "mtls", "clientCert", "x", "clientKey", KEY);
	REFUSED("clientKey: a path", "authType", "mtls", "clientCert", CERT, "clientKey", "./key.pem");
}

static void a_token_endpoint_is_https_or_this_machine(void **state)
{
	static const char *const bad[] = { "http://a/t", "http://127.0.0.1.evil/t", "http://localhost.evil/t",
		"ftp://a", "a", "https://", "https://user:hunter2@a/t" };
	static const char *const good[] = { "https://a/t", "http://127.0.0.1:8/t", "http://localhost/t",
		"http://[::1]:8/t" };
	struct error e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		REFUSED("oidcTokenEndpoint: expected a", "authType", "oidc", "oidcTokenEndpoint", bad[i],
		    "oidcClientID", "i", "oidcClientSecret", "hunter2");
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		struct kafka k = rows_of((const char *const[]){ "authType", "oidc", "oidcTokenEndpoint", good[i],
		    "oidcClientID", "i", "oidcClientSecret", "hunter2", NULL });

		assert_int_equal(kafka_class.check(&k.base, &e), 0);
	}
}

static void secrets_are_marked(void **state)
{
	static const char *const secret[] = { "saslPassword", "clientKey", "oidcClientSecret" };

	(void)state;
	for (size_t i = 0; i < sizeof(secret) / sizeof(*secret); i++)
		assert_true(option_find(kafka_class.options, secret[i])->flags & OPT_SECRET);
}

static void assert_told(rd_kafka_conf_t *conf, const char *name, const char *expected)
{
	char value[256] = "";
	size_t n = sizeof(value);

	assert_int_equal(rd_kafka_conf_get(conf, name, value, &n), RD_KAFKA_CONF_OK);
	assert_string_equal(value, expected);
}

static rd_kafka_conf_t *told(const char *const *pairs)
{
	struct kafka k = rows_of(pairs);
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	struct error e = { ERR_NONE, "" };

	assert_int_equal(kafka_class.check(&k.base, &e), 0);
	assert_int_equal(kafka_auth_conf(&k.rows.login, conf, &e), 0);
	return conf;
}
#define TOLD(...) told((const char *const[]){ __VA_ARGS__, NULL })

static void tls_is_on_for_every_type_but_none(void **state)
{
	static const struct {
		const char *pairs[9], *protocol;
	} cases[] = {
		{ { "authType", "none", "caCert", "ignored" }, "plaintext" },
		{ { "authType", "password", "saslUsername", "u", "saslPassword", "p" }, "sasl_ssl" },
		{ { "authRequired", "yes", "saslUsername", "u", "saslPassword", "p" }, "sasl_ssl" },
		{ { "authType", "password", "saslUsername", "u", "saslPassword", "p", "disableTls", "1" },
		    "sasl_plaintext" },
		{ { "authType", "certificate" }, "ssl" },
		{ { "authType", "mtls", "clientCert", CERT, "clientKey", KEY }, "ssl" },
		{ { "authType", "oidc", "oidcTokenEndpoint", "https://a", "oidcClientID", "i", "oidcClientSecret",
		      "s" },
		    "sasl_ssl" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		rd_kafka_conf_t *conf = told(cases[i].pairs);

		assert_told(conf, "security.protocol", cases[i].protocol);
		assert_told(conf, "enable.ssl.certificate.verification", "true");
		rd_kafka_conf_destroy(conf);
	}
}

static void a_mechanism_is_dapr_s_word(void **state)
{
	static const struct {
		const char *word, *mechanism;
	} cases[] = { { "PLAIN", "PLAIN" }, { "SHA-256", "SCRAM-SHA-256" }, { "SHA-512", "SCRAM-SHA-512" },
		{ "scram-sha-512", "SCRAM-SHA-512" } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		rd_kafka_conf_t *conf = TOLD("authType", "password", "saslUsername", "u", "saslPassword", "hunter2",
		    "saslMechanism", cases[i].word);

		assert_told(conf, "sasl.mechanism", cases[i].mechanism);
		assert_told(conf, "sasl.password", "hunter2");
		rd_kafka_conf_destroy(conf);
	}
}

static void skip_verify_trusts_any_certificate_and_nothing_else_does(void **state)
{
	rd_kafka_conf_t *conf = TOLD("authType", "certificate", "skipVerify", "true");

	(void)state;
	assert_told(conf, "enable.ssl.certificate.verification", "false");
	rd_kafka_conf_destroy(conf);
	conf = TOLD("authType", "certificate", "caCert", CERT);
	assert_told(conf, "enable.ssl.certificate.verification", "true");
	assert_told(conf, "ssl.endpoint.identification.algorithm", "https");
	assert_told(conf, "ssl.ca.pem", CERT);
	rd_kafka_conf_destroy(conf);
}

static void a_certificate_goes_to_the_library_as_text(void **state)
{
	rd_kafka_conf_t *conf = TOLD("authType", "mtls", "clientCert", CERT, "clientKey", KEY);

	(void)state;
	assert_told(conf, "ssl.certificate.pem", CERT);
	assert_told(conf, "ssl.key.pem", KEY);
	rd_kafka_conf_destroy(conf);
}

static const struct kafka_login client = {
	.client_id = "me:&", .client_secret = "hunter2 +%", .scopes = "openid, kafka"
};

static void a_token_is_asked_for_with_everything_escaped(void **state)
{
	struct buf form = { 0 }, basic = { 0 }, expected = { 0 };

	(void)state;
	token_form(&form, &client, false);
	assert_true(slice_is((struct slice){ form.p, form.n }, "grant_type=client_credentials&scope=openid%20kafka"));
	buf_clear(&form);
	token_form(&form, &client, true);
	assert_true(slice_is((struct slice){ form.p, form.n },
	    "grant_type=client_credentials&scope=openid%20kafka&client_id=me%3A%26&client_secret=hunter2%20%2B%25"));
	token_basic(&basic, &client);
	buf_text(&expected, "Authorization: Basic ");
	buf_base64(&expected, SLICE("me%3A%26:hunter2%20%2B%25"));
	assert_true(slice_equal((struct slice){ basic.p, basic.n }, (struct slice){ expected.p, expected.n }));
	buf_free(&form);
	buf_free(&basic);
	buf_free(&expected);
}

static void assert_token(const char *body, const char *token, int64_t life_s)
{
	struct error e = { ERR_NONE, "" };
	struct buf got = { 0 };
	int64_t life = 0;

	if (token_read(slice_text(body), 200, &got, &life, &e))
		fail_msg("%s", e.text);
	assert_string_equal(got.p, token);
	assert_int_equal(life, life_s);
	buf_free(&got);
}

static void a_token_and_its_life_are_read(void **state)
{
	(void)state;
	assert_token("{\"access_token\":\"a.b-c\",\"token_type\":\"Bearer\",\"expires_in\":3600}", "a.b-c", 3600);
	assert_token(" {\"expires_in\" : \"60\", \"access_token\" : \"a\\/b\"} ", "a/b", 60);
	assert_token("{\"access_token\":\"x\",\"expires_in\":59.9}", "x", 59);
	assert_token("{\"access_token\":\"x\"}", "x", KAFKA_TOKEN_LIFE_S);
	assert_token("{\"access_token\":\"x\",\"expires_in\":0}", "x", KAFKA_TOKEN_LIFE_S);
	assert_token("{\"access_token\":\"x\",\"expires_in\":-5}", "x", KAFKA_TOKEN_LIFE_S);
	assert_token("{\"access_token\":\"x\",\"expires_in\":99999999999}", "x", 365 * 24 * 3600);
}

static void assert_no_token(const char *body, long status, const char *text)
{
	struct error e = { ERR_NONE, "" };
	struct buf got = { 0 };
	int64_t life;

	assert_int_equal(token_read(slice_text(body), status, &got, &life, &e), -1);
	if (!strstr(e.text, text))
		fail_msg("\"%s\" is not in \"%s\"", text, e.text);
	assert_null(strstr(e.text, "hunter2"));
	buf_free(&got);
}

static void an_answer_without_a_token_is_told_without_its_content(void **state)
{
	(void)state;
	assert_no_token("{\"error\":\"invalid_client\",\"error_description\":\"hunter2\"}", 401,
	    "the token endpoint answers 401 invalid_client");
	assert_no_token("{\"error\":\"a b\\n\"}", 400, "answers 400 a?b?n");
	assert_no_token("<html>hunter2", 503, "answers 503");
	assert_no_token("{\"access_token\":\"hunter2\"", 200, "no JSON object: ends before it is complete");
	assert_no_token("[\"hunter2\"]", 200, "no JSON object");
	assert_no_token("{\"access_token\":7,\"x\":\"hunter2\"}", 200, "without an access_token");
	assert_no_token("{\"access_token\":\"\"}", 200, "without an access_token");
	assert_no_token("", 200, "no JSON object: is empty");
}

static void extensions_are_an_object_of_texts(void **state)
{
	static const char *const bad[] = { "[]", "{\"a\":1}", "{\"a1\":\"x\"}", "{\"\":\"x\"}", "{\"Auth\":\"x\"}", "{",
		"x" };
	struct error e = { ERR_NONE, "" };
	char **list;
	size_t n;

	(void)state;
	assert_int_equal(token_extensions(NULL, &list, &n, &e), 0);
	assert_int_equal(n, 0);
	assert_int_equal(token_extensions(" { \"logicalCluster\" : \"lkc\\u002d1\", \"b\":\"\" } ", &list, &n, &e), 0);
	assert_int_equal(n, 4);
	assert_string_equal(list[0], "logicalCluster");
	assert_string_equal(list[1], "lkc-1");
	assert_string_equal(list[2], "b");
	assert_string_equal(list[3], "");
	token_extensions_free(list, n);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(token_extensions(bad[i], &list, &n, &e), -1);
}

static void a_hint_names_the_rows_to_look_at(void **state)
{
	const struct kafka_login password = { .type = KAFKA_AUTH_PASSWORD }, oidc = { .type = KAFKA_AUTH_OIDC },
				 mtls = { .type = KAFKA_AUTH_MTLS, .cert = CERT };

	(void)state;
	assert_non_null(strstr(kafka_auth_hint(&password, RD_KAFKA_RESP_ERR__AUTHENTICATION), "saslPassword"));
	assert_non_null(strstr(kafka_auth_hint(&password, RD_KAFKA_RESP_ERR__SSL), "caCert"));
	assert_non_null(strstr(kafka_auth_hint(&oidc, RD_KAFKA_RESP_ERR__AUTHENTICATION), "oidcClientSecret"));
	assert_non_null(strstr(kafka_auth_hint(&mtls, RD_KAFKA_RESP_ERR__SSL), "clientCert"));
	assert_string_equal(kafka_auth_hint(&password, RD_KAFKA_RESP_ERR__TRANSPORT), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_type_needs_its_rows),
		cmocka_unit_test(what_cannot_be_had_is_refused_with_what_to_use_instead),
		cmocka_unit_test(pem_is_text_and_no_path),
		cmocka_unit_test(a_token_endpoint_is_https_or_this_machine),
		cmocka_unit_test(secrets_are_marked),
		cmocka_unit_test(tls_is_on_for_every_type_but_none),
		cmocka_unit_test(a_mechanism_is_dapr_s_word),
		cmocka_unit_test(skip_verify_trusts_any_certificate_and_nothing_else_does),
		cmocka_unit_test(a_certificate_goes_to_the_library_as_text),
		cmocka_unit_test(a_token_is_asked_for_with_everything_escaped),
		cmocka_unit_test(a_token_and_its_life_are_read),
		cmocka_unit_test(an_answer_without_a_token_is_told_without_its_content),
		cmocka_unit_test(extensions_are_an_object_of_texts),
		cmocka_unit_test(a_hint_names_the_rows_to_look_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
