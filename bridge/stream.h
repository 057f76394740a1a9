/* One byte stream on the loop: TCP or unix socket, with or without TLS, opened here or accepted. */
#ifndef BRIDGE_STREAM_H
#define BRIDGE_STREAM_H
#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>
#include "bridge/loop.h"

struct error;
struct stream;
struct tls;		/* one shared OpenSSL context; made once, counted by nobody: outlives its streams */

struct address {
	char	 *host, *port;		/* TCP; host without brackets */
	char	 *path;			/* unix socket; then host and port are NULL */
	char	 *prefix;		/* path part of a URL: "/fn", "" when none */
	bool	  tls;
	/* protocol offered in the handshake, a constant: "http/1.1" for https, else NULL: none */
	const char *alpn;
};
/* host:port, [v6]:port, unix:/path, http://host[:port][/prefix], https://…; -1: says what was expected.  Copies. */
int address_parse(struct address *, const char *text, struct error *);
void address_copy(struct address *, const struct address *from);
void address_free(struct address *);
/* As it goes into a Host header; a unix socket is "localhost".  Length. */
size_t address_host_header(const struct address *, char *buf, size_t size);

/* Of each pair a file or the PEM text itself, or neither. */
struct tls_options {
	const char *ca_file, *cert_file, *key_file;
	bool	    skip_verify;
	const char *ca_text, *cert_text, *key_text;
};
/* Without a CA the system's; names are verified, TLS >= 1.2 */
struct tls *tls_new(const struct tls_options *, struct error *);
/* For accepted streams: cert_file and key_file are needed; with ca_file only clients with a certificate of theirs are
 * let in.  `protocol`, a constant, has to be among those a client offers by ALPN, if it offers any. */
struct tls *tls_server_new(const struct tls_options *, const char *protocol, struct error *);
void tls_free(struct tls *);

/* Events of a stream; loop thread; each may call stream_close(). */
struct stream_events {
	void (*opened)(void *arg);			/* connected, handshake done */
	void (*readable)(void *arg);
	void (*writable)(void *arg);			/* after stream_write() said less than all */
	void (*failed)(void *arg, const char *why);	/* could not be opened; nothing follows */
};
/* Resolves, tries each address in turn (a failed one moves on), handshakes.  Never calls back inside.  `timeout_ms`
 * for all of it. */
struct stream *stream_open(struct loop *, const struct address *, struct tls *, int64_t timeout_ms,
    const struct stream_events *, void *arg);
/* The other way round: a connected, non-blocking socket that was accepted, from here on the stream's. */
struct stream *stream_accept(struct loop *, int fd, struct tls *, int64_t timeout_ms, const struct stream_events *,
    void *arg);
/* Bytes; 0: end of the stream; -1: errno, EAGAIN = nothing now (readable() follows). */
ssize_t stream_read(struct stream *, void *, size_t);
/* Bytes taken, may be fewer than given; -1: errno, EAGAIN = nothing taken (writable() follows in both cases).  What
 * was not taken comes again unchanged and first in the next call: with TLS it may be half under way.  Only after
 * opened(). */
ssize_t stream_write(struct stream *, const struct iovec *, int n);
void stream_want_read(struct stream *, bool);	/* on from the start; off: back-pressure */
void stream_close(struct stream *);		/* no event follows; frees.  NULL: nothing */
#endif
