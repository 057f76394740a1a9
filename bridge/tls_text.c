/* Certificates and keys that come as PEM text in a configuration, for OpenSSL. */
#include <string.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include "bridge/error.h"
#include "bridge/tls.h"

static BIO *text_open(const char *text)
{
	return BIO_new_mem_buf(text, (int)strlen(text));
}

/* Number of certificates of the text that were handed to `take`; -1: one was refused. */
static int text_certificates(const char *text, int (*take)(SSL_CTX *, X509 *, int i), SSL_CTX *context)
{
	BIO *bio = text_open(text);
	X509 *certificate;
	int n = 0;

	while (n >= 0 && (certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
		n = take(context, certificate, n) == 1 ? n + 1 : -1;
		X509_free(certificate);
	}
	BIO_free(bio);
	return n;
}

static int take_authority(SSL_CTX *context, X509 *certificate, int i)
{
	(void)i;
	return X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate);
}

/* The first is ours, those behind it lead to the authority. */
static int take_own(SSL_CTX *context, X509 *certificate, int i)
{
	if (i == 0)
		return SSL_CTX_use_certificate(context, certificate);
	return (int)SSL_CTX_add1_chain_cert(context, certificate);
}

/* Asked for a password it has none. */
static int no_password(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return 0;
}

static int text_key(SSL_CTX *context, const char *text)
{
	BIO *bio = text_open(text);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	int rc = key && SSL_CTX_use_PrivateKey(context, key) == 1 && SSL_CTX_check_private_key(context) == 1 ? 0 : -1;

	EVP_PKEY_free(key);
	BIO_free(bio);
	return rc;
}

int tls_load_texts(SSL_CTX *context, const struct tls_options *o, struct error *e)
{
	if (o->ca_text && text_certificates(o->ca_text, take_authority, context) < 1)
		return error_set(e, ERR_CONFIG, "the CA's certificate cannot be read, expected PEM text");
	if (!o->cert_text != !o->key_text)
		return error_set(e, ERR_CONFIG, "a client certificate needs both texts, certificate and key");
	if (!o->cert_text)
		return 0;
	if (text_certificates(o->cert_text, take_own, context) < 1)
		return error_set(e, ERR_CONFIG, "the client certificate cannot be read, expected PEM text");
	if (text_key(context, o->key_text) < 0)
		return error_set(e, ERR_CONFIG,
		    "the client's key cannot be read, expected PEM text without a password, of the key that belongs to "
		    "its certificate");
	return 0;
}
