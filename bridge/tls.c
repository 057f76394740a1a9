/* TLS for streams, both sides, with OpenSSL 3. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include "bridge/bytes.h"
#include "bridge/error.h"
#include "bridge/tls.h"

struct tls {
	SSL_CTX *context;
};

struct tls_session {
	SSL *ssl;
	bool open, broken;
	char why[200];
};

enum { RECORD_MAX = 16 * 1024 };

/* --- the shared context --- */

static const char *tls_reason(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	return reason ? reason : "unknown fault of OpenSSL";
}

static int tls_load_files(struct tls *t, const struct tls_options *o, struct error *e)
{
	if (o->ca_file && SSL_CTX_load_verify_file(t->context, o->ca_file) != 1)
		return error_set(e, ERR_CONFIG, "CA file %s: %s; expected PEM certificates", o->ca_file, tls_reason());
	if (!o->ca_file && !o->ca_text && SSL_CTX_set_default_verify_paths(t->context) != 1)
		return error_set(e, ERR_CONFIG, "the system's CA certificates: %s", tls_reason());
	if (!o->cert_file != !o->key_file)
		return error_set(e, ERR_CONFIG, "a client certificate needs both files, certificate and key");
	if (!o->cert_file)
		return 0;
	if (SSL_CTX_use_certificate_chain_file(t->context, o->cert_file) != 1)
		return error_set(e, ERR_CONFIG, "certificate file %s: %s; expected PEM", o->cert_file, tls_reason());
	if (SSL_CTX_use_PrivateKey_file(t->context, o->key_file, SSL_FILETYPE_PEM) != 1)
		return error_set(e, ERR_CONFIG,
		    "key file %s: %s; expected PEM without a password, of the key that belongs to %s", o->key_file,
		    tls_reason(), o->cert_file);
	return 0;
}

static struct tls *tls_make(const SSL_METHOD *method, const struct tls_options *o, struct error *e)
{
	struct tls *t = mem_new(sizeof(*t));

	ERR_clear_error();
	t->context = SSL_CTX_new(method);
	if (!t->context) {
		error_set(e, ERR_IO, "TLS: %s", tls_reason());
		goto fail;
	}
	SSL_CTX_set_min_proto_version(t->context, TLS1_2_VERSION);
	SSL_CTX_set_options(t->context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_mode(
	    t->context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(t->context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_read_ahead(t->context, 1); /* a record's head and body in one read() */
	if (tls_load_files(t, o, e) < 0 || tls_load_texts(t->context, o, e) < 0)
		goto fail;
	ERR_clear_error();
	return t;
fail:
	tls_free(t);
	return NULL;
}

struct tls *tls_new(const struct tls_options *o, struct error *e)
{
	struct tls *t = tls_make(TLS_client_method(), o, e);

	if (t)
		SSL_CTX_set_verify(t->context, o->skip_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	return t;
}

/* A client that offers protocols, and ours is not among them, would misunderstand every byte. */
static int tls_choose(SSL *ssl, const unsigned char **chosen_r, unsigned char *n_r, const unsigned char *offered,
    unsigned n, void *protocol)
{
	size_t length = strlen(protocol);

	(void)ssl;
	for (unsigned i = 0; i < n; i += offered[i] + 1u)
		if (offered[i] == length && i + 1 + length <= n && !memcmp(offered + i + 1, protocol, length)) {
			*chosen_r = offered + i + 1;
			*n_r = offered[i];
			return SSL_TLSEXT_ERR_OK;
		}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

struct tls *tls_server_new(const struct tls_options *o, const char *protocol, struct error *e)
{
	struct tls *t;

	if (!o->cert_file) {
		error_set(e, ERR_CONFIG, "a server needs a certificate and its key");
		return NULL;
	}
	t = tls_make(TLS_server_method(), o, e);
	if (!t)
		return NULL;
	SSL_CTX_set_alpn_select_cb(t->context, tls_choose, (void *)(uintptr_t)protocol);
	SSL_CTX_set_num_tickets(t->context, 0); /* sessions are not resumed: connections live long */
	SSL_CTX_set_options(t->context, SSL_OP_CIPHER_SERVER_PREFERENCE);
	if (o->ca_file)
		SSL_CTX_set_verify(t->context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return t;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	SSL_CTX_free(t->context);
	free(t);
}

/* --- one session --- */

static void tls_session_name(struct tls_session *s, const char *host)
{
	struct in6_addr address;
	bool numeric = inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;

	if (numeric) {
		X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(s->ssl), host);
		return;
	}
	SSL_set_tlsext_host_name(s->ssl, host);
	SSL_set_hostflags(s->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	SSL_set1_host(s->ssl, host);
}

static void tls_session_alpn(struct tls_session *s, const char *protocol)
{
	unsigned char wire[32];
	size_t n = strlen(protocol);

	if (n >= sizeof(wire))
		return;
	wire[0] = (unsigned char)n;
	memcpy(wire + 1, protocol, n);
	SSL_set_alpn_protos(s->ssl, wire, (unsigned)n + 1);
}

struct tls_session *tls_session_new(struct tls *t, int fd, const struct address *a)
{
	struct tls_session *s = mem_new(sizeof(*s));

	s->ssl = SSL_new(t->context);
	if (!s->ssl || SSL_set_fd(s->ssl, fd) != 1) {
		s->broken = true;
		snprintf(s->why, sizeof(s->why), "TLS: %s", tls_reason());
		return s;
	}
	if (!a) {
		SSL_set_accept_state(s->ssl);
		return s;
	}
	SSL_set_connect_state(s->ssl);
	tls_session_name(s, a->host ? a->host : "localhost");
	if (a->alpn)
		tls_session_alpn(s, a->alpn);
	return s;
}

void tls_session_free(struct tls_session *s)
{
	if (!s)
		return;
	ERR_clear_error();
	if (s->open && !s->broken)
		SSL_shutdown(s->ssl);
	ERR_clear_error();
	SSL_free(s->ssl);
	free(s);
}

/* What an operation that did not succeed waits for; -1: it failed for good. */
static int tls_session_wants(struct tls_session *s, int rc, enum tls_want *want_r)
{
	switch (SSL_get_error(s->ssl, rc)) {
	case SSL_ERROR_WANT_READ: *want_r = TLS_READABLE; return 0;
	case SSL_ERROR_WANT_WRITE: *want_r = TLS_WRITABLE; return 0;
	default: return -1;
	}
}

static void tls_session_explain(struct tls_session *s, int system)
{
	long verified = SSL_get_verify_result(s->ssl);

	if (verified != X509_V_OK && SSL_get_verify_mode(s->ssl) != SSL_VERIFY_NONE)
		snprintf(s->why, sizeof(s->why), "TLS: the certificate is not accepted: %s",
		    X509_verify_cert_error_string(verified));
	else if (ERR_peek_last_error())
		snprintf(s->why, sizeof(s->why), "TLS handshake: %s", tls_reason());
	else
		snprintf(s->why, sizeof(s->why), "TLS handshake: %s",
		    system ? strerror(system) : "the other side closed the connection");
}

int tls_session_handshake(struct tls_session *s, enum tls_want *want_r, const char **why_r)
{
	int rc;

	*why_r = s->why;
	if (s->broken)
		return -1;
	ERR_clear_error();
	errno = 0;
	rc = SSL_do_handshake(s->ssl);
	if (rc == 1) {
		s->open = true;
		return 1;
	}
	if (tls_session_wants(s, rc, want_r) == 0)
		return 0;
	s->broken = true;
	tls_session_explain(s, errno);
	return -1;
}

static ssize_t tls_session_failed(struct tls_session *s, int rc, int system, enum tls_want *want_r)
{
	if (tls_session_wants(s, rc, want_r) == 0) {
		errno = EAGAIN;
		return -1;
	}
	s->broken = true;
	errno = system && system != EAGAIN ? system : ECONNRESET;
	return -1;
}

ssize_t tls_session_read(struct tls_session *s, void *p, size_t n, enum tls_want *want_r)
{
	size_t got = 0;
	int rc;

	*want_r = TLS_NOTHING;
	ERR_clear_error();
	errno = 0;
	rc = SSL_read_ex(s->ssl, p, n, &got);
	if (rc == 1)
		return (ssize_t)got;
	if (SSL_get_error(s->ssl, rc) == SSL_ERROR_ZERO_RETURN)
		return 0;
	return tls_session_failed(s, rc, errno, want_r);
}

/* One record for what small pieces there are: a head and its body leave together. */
static struct iovec tls_gather(const struct iovec *v, int n, char *room)
{
	struct iovec all = { .iov_base = room };

	while (n > 0 && v->iov_len == 0) {
		v++;
		n--;
	}
	if (n == 0 || n == 1 || v->iov_len >= RECORD_MAX)
		return n ? *v : all;
	for (; n > 0 && all.iov_len < RECORD_MAX; v++, n--) {
		size_t left = RECORD_MAX - all.iov_len, take = v->iov_len < left ? v->iov_len : left;

		if (take)
			memcpy(room + all.iov_len, v->iov_base, take);
		all.iov_len += take;
	}
	return all;
}

ssize_t tls_session_write(struct tls_session *s, const struct iovec *v, int n, enum tls_want *want_r)
{
	char room[RECORD_MAX];
	struct iovec piece = tls_gather(v, n, room);
	size_t taken = 0;
	int rc;

	*want_r = TLS_NOTHING;
	if (!piece.iov_len)
		return 0;
	ERR_clear_error();
	errno = 0;
	rc = SSL_write_ex(s->ssl, piece.iov_base, piece.iov_len, &taken);
	if (rc == 1)
		return (ssize_t)taken;
	return tls_session_failed(s, rc, errno, want_r);
}

bool tls_session_pending(const struct tls_session *s)
{
	return SSL_has_pending(s->ssl) == 1;
}
