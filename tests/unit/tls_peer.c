/* The other side for tests of TLS: certificates made on the spot, and a server on a thread of its own. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <cmocka.h>
#include "tests/unit/tls_peer.h"

/* --- certificates --- */

static void certificate_extend(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(e);
	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
}

static X509 *certificate_make(EVP_PKEY *key, const char *names)
{
	X509 *x = X509_new();
	X509_NAME *name = X509_get_subject_name(x);

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
	X509_set_issuer_name(x, name);
	X509_set_pubkey(x, key);
	certificate_extend(x, NID_basic_constraints, "critical,CA:TRUE");
	certificate_extend(x, NID_subject_alt_name, names);
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	return x;
}

void tls_files_make(struct tls_files *f, const char *names)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = certificate_make(key, names);
	FILE *file;

	strcpy(f->folder, "/tmp/bridge-test-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->certificate, sizeof(f->certificate), "%s/cert.pem", f->folder);
	snprintf(f->key, sizeof(f->key), "%s/key.pem", f->folder);
	file = fopen(f->certificate, "w");
	assert_true(PEM_write_X509(file, x));
	fclose(file);
	file = fopen(f->key, "w");
	assert_true(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL));
	fclose(file);
	X509_free(x);
	EVP_PKEY_free(key);
}

void tls_files_remove(struct tls_files *f)
{
	unlink(f->certificate);
	unlink(f->key);
	rmdir(f->folder);
}

/* --- the server --- */

static int tls_peer_alpn(
    SSL *ssl, const unsigned char **out, unsigned char *out_n, const unsigned char *in, unsigned n, void *arg)
{
	struct tls_peer *p = arg;

	(void)ssl;
	assert_true(n > 1 && in[0] < sizeof(p->alpn) && in[0] < n);
	memcpy(p->alpn, in + 1, in[0]);
	*out = in + 1;
	*out_n = in[0];
	return SSL_TLSEXT_ERR_OK;
}

static void tls_peer_answer(struct tls_peer *p, SSL *ssl)
{
	char request[4096];
	size_t n = 0, got;

	while (SSL_read_ex(ssl, request + n, sizeof(request) - n, &got) == 1) {
		n += got;
		if (!memmem(request, n, "\r\n\r\n", 4))
			continue;
		p->requests++;
		n = 0;
		if (SSL_write_ex(ssl, p->answer, p->answer_n, &got) != 1 || p->cuts || p->ends)
			return;
	}
}

static void tls_peer_serve(struct tls_peer *p, SSL_CTX *context, int fd)
{
	SSL *ssl = SSL_new(context);
	const char *name;

	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1) {
		p->handshakes++;
		name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
		snprintf(p->sni, sizeof(p->sni), "%s", name ? name : "");
		tls_peer_answer(p, ssl);
		if (!p->cuts)
			SSL_shutdown(ssl);
	}
	SSL_free(ssl);
	close(fd);
}

static void *tls_peer_run(void *arg)
{
	struct tls_peer *p = arg;
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	int fd;

	SSL_CTX_use_certificate_chain_file(context, p->files->certificate);
	SSL_CTX_use_PrivateKey_file(context, p->files->key, SSL_FILETYPE_PEM);
	SSL_CTX_set_alpn_select_cb(context, tls_peer_alpn, p);
	if (p->asks_certificate) {
		SSL_CTX_load_verify_file(context, p->files->certificate);
		SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	}
	while ((fd = accept(p->fd, NULL, NULL)) >= 0)
		tls_peer_serve(p, context, fd);
	SSL_CTX_free(context);
	return NULL;
}

void tls_peer_open(struct tls_peer *p)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(at);

	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(p->fd, (struct sockaddr *)&at, size), 0);
	assert_int_equal(listen(p->fd, 16), 0);
	assert_int_equal(getsockname(p->fd, (struct sockaddr *)&at, &size), 0);
	p->port = ntohs(at.sin_port);
	assert_int_equal(pthread_create(&p->thread, NULL, tls_peer_run, p), 0);
}

void tls_peer_close(struct tls_peer *p)
{
	shutdown(p->fd, SHUT_RDWR);
	pthread_join(p->thread, NULL);
	close(p->fd);
}
