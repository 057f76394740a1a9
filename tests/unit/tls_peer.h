/* The other side for tests of TLS: certificates made on the spot, and a server on a thread of its own. */
#ifndef TESTS_UNIT_TLS_PEER_H
#define TESTS_UNIT_TLS_PEER_H
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct tls_files { char folder[64], certificate[96], key[96]; };
/* Self-signed, so that the certificate is its own CA; `names` as in "DNS:localhost,IP:127.0.0.1". */
void tls_files_make(struct tls_files *, const char *names);
void tls_files_remove(struct tls_files *);

struct tls_peer {
	int		 fd;
	unsigned	 port;
	pthread_t	 thread;
	const struct tls_files *files;
	bool		 asks_certificate;	/* and takes only the one in `files` */
	bool		 ends;		/* closes the socket after the answer */
	bool		 cuts;		/* the same without saying goodbye */
	const char	*answer;	/* sent for each request, in records of 16 KiB as OpenSSL makes them */
	size_t		 answer_n;
	/* seen by it, read after tls_peer_close() */
	unsigned	 handshakes, requests;
	char		 alpn[32], sni[64];
};
/* Fields above `seen` are set before; serves one connection after the other. */
void tls_peer_open(struct tls_peer *);
void tls_peer_close(struct tls_peer *);
#endif
