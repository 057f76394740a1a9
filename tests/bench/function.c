/* The function of the benchmark: an HTTP/1.1 server that answers at once or after a while, and counts what it saw. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <signal.h>
#include <unistd.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include "tests/bench/bench.h"

/*
 * Usage: function --port N [--delay MICROSECONDS] [--refuse PARTITION] [--answer 200|503|0] [--tls 1]
 * POST: an event; after the delay 200, or what --answer says (0: none, ever), 503 if it comes from the refused
 * partition.  GET /stats: counters as JSON, with
 * the latency since the event was made; GET /reset: begins to count anew.  Anything else: 200, so that Dapr's question
 * whether an input binding is wanted is answered yes.
 */
enum { IN_FIRST = 4096, SUB_BITS = 5, SUBS = 1 << SUB_BITS, BUCKETS = 48 * SUBS, EVENTS = 256 };

struct side {
	int fd;
	SSL *tls;
	bool shaken, gone;
	char *in;
	size_t n, cap;
	int64_t due; /* answer owed at that time; 0: none */
	int status;
	struct side *next_due, *next_gone;
};

struct counts {
	uint64_t events, refused, connections;
	int64_t first_ns, last_ns;
	uint64_t latency[BUCKETS], latencies;
};

struct server {
	int epoll, listener;
	long port, delay_us, refuse, answer, tls;
	SSL_CTX *context;
	struct counts counts;
	struct side *due, *last_due, *gone;
};

/* --- latency: microseconds in buckets whose width grows with the value, 3 % of it at most --- */

static unsigned bucket_of(uint64_t us)
{
	unsigned shift = us >= SUBS ? 63 - (unsigned)__builtin_clzll(us) - SUB_BITS : 0;
	unsigned at = shift * SUBS + (unsigned)(us >> shift);

	return at < BUCKETS ? at : BUCKETS - 1;
}

static double bucket_ms(unsigned at)
{
	unsigned shift = at >= 2 * SUBS ? at / SUBS - 1 : 0;

	return (double)((uint64_t)(at - shift * SUBS) << shift) / 1000;
}

static double latency_ms(const struct counts *c, double part)
{
	uint64_t wanted = (uint64_t)((double)c->latencies * part), seen = 0;

	for (unsigned i = 0; i < BUCKETS; i++)
		if ((seen += c->latency[i]) > wanted)
			return bucket_ms(i);
	return 0;
}

/* --- TLS: a certificate of its own at every start --- */

static X509 *certificate_new(EVP_PKEY *key)
{
	X509 *x = X509_new();
	X509_NAME *name = X509_get_subject_name(x);

	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 24 * 3600);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"127.0.0.1", -1, -1, 0);
	X509_set_issuer_name(x, name);
	X509_set_pubkey(x, key);
	X509_sign(x, key, EVP_sha256());
	return x;
}

static SSL_CTX *tls_context(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = certificate_new(key);

	if (SSL_CTX_use_certificate(context, x) != 1 || SSL_CTX_use_PrivateKey(context, key) != 1)
		die("the certificate cannot be used");
	X509_free(x);
	EVP_PKEY_free(key);
	return context;
}

/* --- one connection --- */

static void side_end(struct server *s, struct side *c)
{
	if (c->gone)
		return;
	c->gone = true;
	close(c->fd);
	if (c->due)
		return;
	c->next_gone = s->gone;
	s->gone = c;
}

static void side_free(struct side *c)
{
	SSL_free(c->tls);
	free(c->in);
	free(c);
}

static ssize_t side_read(struct side *c, char *p, size_t n)
{
	int got;

	if (!c->tls)
		return recv(c->fd, p, n, 0);
	got = SSL_read(c->tls, p, n > 1 << 30 ? 1 << 30 : (int)n);
	if (got > 0)
		return got;
	errno = SSL_get_error(c->tls, got) == SSL_ERROR_WANT_READ ? EAGAIN : ECONNRESET;
	return -1;
}

/* One answer at a time on a connection: it always fits. */
static void side_write(struct server *s, struct side *c, const char *p, int n)
{
	if (c->gone)
		return;
	if ((c->tls ? SSL_write(c->tls, p, n) : (int)send(c->fd, p, (size_t)n, MSG_NOSIGNAL)) != n)
		side_end(s, c);
}

static void side_answer(struct server *s, struct side *c, int status)
{
	static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	static const char no[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";

	if (status == 200)
		side_write(s, c, ok, sizeof(ok) - 1);
	else
		side_write(s, c, no, sizeof(no) - 1);
}

static void side_stats(struct server *s, struct side *c)
{
	const struct counts *n = &s->counts;
	char body[400], text[600];
	int body_n = snprintf(body, sizeof(body),
	    "{\"events\": %ju, \"refused\": %ju, \"connections\": %ju, \"first_ns\": %jd, \"last_ns\": %jd, "
	    "\"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f}\n",
	    (uintmax_t)n->events, (uintmax_t)n->refused, (uintmax_t)n->connections, (intmax_t)n->first_ns,
	    (intmax_t)n->last_ns, latency_ms(n, 0.5), latency_ms(n, 0.99), latency_ms(n, 0.99999));
	int size = snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", body_n, body);

	side_write(s, c, text, size);
}

/* --- requests --- */

static int event_counted(struct server *s, const struct message *m)
{
	struct counts *n = &s->counts;
	int64_t now = clock_wall_ns();

	if (s->answer != 200) {
		n->refused++;
		return (int)s->answer;
	}
	if (m->body_n >= EVENT_HEAD) {
		int64_t made = strtoll(m->body, NULL, 10);

		if (s->refuse >= 0 && strtol(m->body + STAMP_DIGITS, NULL, 10) == s->refuse) {
			n->refused++;
			return 503;
		}
		n->latency[bucket_of(now > made ? (uint64_t)(now - made) / 1000 : 0)]++;
		n->latencies++;
	}
	n->events++;
	n->last_ns = now;
	if (!n->first_ns)
		n->first_ns = now;
	return 200;
}

static void answer_later(struct server *s, struct side *c, int status)
{
	c->status = status;
	c->due = clock_ns() + s->delay_us * 1000;
	c->next_due = NULL;
	if (s->due)
		s->last_due->next_due = c;
	else
		s->due = c;
	s->last_due = c;
}

static void side_request(struct server *s, struct side *c, const struct message *m)
{
	int status = 200;

	if (memcmp(c->in, "GET /stats", 10) == 0) {
		side_stats(s, c);
		return;
	}
	if (memcmp(c->in, "GET /reset", 10) == 0)
		memset(&s->counts, 0, sizeof(s->counts));
	if (memcmp(c->in, "POST ", 5) == 0) {
		status = event_counted(s, m);
		if (!status)
			return;
		if (s->delay_us) {
			answer_later(s, c, status);
			return;
		}
	}
	side_answer(s, c, status);
}

static void side_room(struct side *c, size_t wanted)
{
	if (wanted <= c->cap)
		return;
	c->cap = wanted;
	c->in = realloc(c->in, c->cap);
	if (!c->in)
		die("out of memory");
}

static void side_readable(struct server *s, struct side *c)
{
	struct message m;
	ssize_t n;

	if (c->tls && !c->shaken) {
		int done = SSL_accept(c->tls);

		if (done != 1 && SSL_get_error(c->tls, done) != SSL_ERROR_WANT_READ)
			side_end(s, c);
		c->shaken = done == 1;
		if (!c->shaken)
			return;
	}
	do {
		n = side_read(c, c->in + c->n, c->cap - c->n);
		if (n <= 0) {
			if (n == 0 || errno != EAGAIN)
				side_end(s, c);
			return;
		}
		c->n += (size_t)n;
		if (message_whole(c->in, c->n, &m)) {
			c->n = 0; /* nobody here sends the next request before the answer */
			side_request(s, c, &m);
			return;
		}
		side_room(c, m.size > c->n ? m.size : c->n + IN_FIRST);
	} while (c->tls);
}

static void server_accept(struct server *s)
{
	struct side *c = calloc(1, sizeof(*c));
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };
	int one = 1;

	c->fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (c->fd < 0) {
		free(c);
		return;
	}
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	side_room(c, IN_FIRST);
	if (s->context) {
		c->tls = SSL_new(s->context);
		SSL_set_fd(c->tls, c->fd);
	}
	s->counts.connections++;
	epoll_ctl(s->epoll, EPOLL_CTL_ADD, c->fd, &e);
}

/* --- the loop --- */

static void server_answer_due(struct server *s)
{
	int64_t now = s->due ? clock_ns() : 0;

	while (s->due && s->due->due <= now) {
		struct side *c = s->due;

		s->due = c->next_due;
		c->due = 0;
		if (c->gone)
			side_free(c);
		else
			side_answer(s, c, c->status);
	}
}

static void server_turn(struct server *s)
{
	struct epoll_event events[EVENTS];
	int64_t wait = s->due ? s->due->due - clock_ns() : 0;
	struct timespec at_most = { 0, wait > 0 ? wait : 0 };
	int n = epoll_pwait2(s->epoll, events, EVENTS, s->due ? &at_most : NULL, NULL);

	for (int i = 0; i < n; i++)
		if (events[i].data.ptr)
			side_readable(s, events[i].data.ptr);
		else
			server_accept(s);
	server_answer_due(s);
	while (s->gone) {
		struct side *c = s->gone;

		s->gone = c->next_gone;
		side_free(c);
	}
}

static void server_listen(struct server *s)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)s->port) };
	struct epoll_event e = { .events = EPOLLIN };
	int one = 1;

	inet_pton(AF_INET, "127.0.0.1", &at.sin_addr);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(s->listener, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(s->listener, 1024) < 0)
		die("port %ld: %s", s->port, strerror(errno));
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->listener, &e);
}

int main(int argc, char **argv)
{
	static struct server s = { .refuse = -1, .answer = 200 };
	const struct flag flags[] = {
		{ "--port", NULL, &s.port, 1, 65535 },
		{ "--delay", NULL, &s.delay_us, 0, 999999 },
		{ "--refuse", NULL, &s.refuse, -1, 99999 },
		{ "--answer", NULL, &s.answer, 0, 503 },
		{ "--tls", NULL, &s.tls, 0, 1 },
		{ NULL, NULL, NULL, 0, 0 },
	};

	flags_parse(flags, argc, argv);
	signal(SIGPIPE, SIG_IGN);
	if (s.tls)
		s.context = tls_context();
	server_listen(&s);
	puts("ready");
	fflush(stdout);
	for (;;)
		server_turn(&s);
}
