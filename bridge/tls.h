/* TLS on one connected socket: what stream.c needs of OpenSSL, and the only way to it. */
#ifndef BRIDGE_TLS_H
#define BRIDGE_TLS_H
#include "bridge/stream.h"

struct tls_session;
struct ssl_ctx_st;	/* OpenSSL's SSL_CTX */
enum tls_want { TLS_NOTHING, TLS_READABLE, TLS_WRITABLE };	/* what a session waits for on its socket */

/* The name is sent (SNI) and verified, a numeric host as an address; NULL: the server's side, of a context from
 * tls_server_new().  The fd stays the caller's. */
struct tls_session *tls_session_new(struct tls *, int fd, const struct address *);
void tls_session_free(struct tls_session *);	/* says goodbye if it can; before close(fd).  NULL: nothing */
/* 1: done; 0: wait for `want_r`; -1: `why_r` says what is wrong, valid until the session is freed. */
int tls_session_handshake(struct tls_session *, enum tls_want *want_r, const char **why_r);
/* As stream_read() and stream_write(); EAGAIN: wait for `want_r`. */
ssize_t tls_session_read(struct tls_session *, void *, size_t, enum tls_want *want_r);
ssize_t tls_session_write(struct tls_session *, const struct iovec *, int n, enum tls_want *want_r);
bool tls_session_pending(const struct tls_session *);	/* bytes were taken off the socket that no event will tell of */
/* tls_text.c: what tls_options has as PEM text, into the context. */
int tls_load_texts(struct ssl_ctx_st *, const struct tls_options *, struct error *);
#endif
