/* links: peer.c tls_peer.c */
/* Tests of streams: addresses, connecting to what is there and what is not, bytes both ways, TLS. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "bridge/error.h"
#include "bridge/stream.h"
#include "tests/unit/peer.h"
#include "tests/unit/tls_peer.h"

/* --- addresses --- */

static void an_address_is_taken_apart(void **state)
{
	/* clang-format off */
	static const struct { const char *text, *host, *port, *path, *prefix; bool tls; const char *header; } cases[] = {
		{ "127.0.0.1:8080", "127.0.0.1", "8080", NULL, "", false, "127.0.0.1:8080" },
		{ "function:80", "function", "80", NULL, "", false, "function" },
		{ "a.b-c_d:00443", "a.b-c_d", "443", NULL, "", false, "a.b-c_d:443" },
		{ "[::1]:8080", "::1", "8080", NULL, "", false, "[::1]:8080" },
		{ "[fe80::1%eth0]:80", "fe80::1%eth0", "80", NULL, "", false, "[fe80::1]" },
		{ "unix:/run/f.sock", NULL, NULL, "/run/f.sock", "", false, "localhost" },
		{ "unix:///run/f.sock", NULL, NULL, "/run/f.sock", "", false, "localhost" },
		{ "http://f", "f", "80", NULL, "", false, "f" },
		{ "http://f/", "f", "80", NULL, "", false, "f" },
		{ "HTTP://f:81/fn/x/", "f", "81", NULL, "/fn/x", false, "f:81" },
		{ "https://f", "f", "443", NULL, "", true, "f" },
		{ "https://[::1]:8443/fn", "::1", "8443", NULL, "/fn", true, "[::1]:8443" },
		{ "https://[::1]", "::1", "443", NULL, "", true, "[::1]" },
	};
	/* clang-format on */
	struct address a, copy;
	struct error e;
	char header[300];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (address_parse(&a, cases[i].text, &e) < 0)
			fail_msg("%s", e.text);
		address_copy(&copy, &a);
		address_free(&a);
		assert_true(slice_equal(slice_text(copy.host), slice_text(cases[i].host)));
		assert_true(slice_equal(slice_text(copy.port), slice_text(cases[i].port)));
		assert_true(slice_equal(slice_text(copy.path), slice_text(cases[i].path)));
		assert_string_equal(copy.prefix, cases[i].prefix);
		assert_int_equal(copy.tls, cases[i].tls);
		assert_true(slice_equal(slice_text(copy.alpn), slice_text(cases[i].tls ? "http/1.1" : NULL)));
		assert_int_equal(address_host_header(&copy, header, sizeof(header)), strlen(cases[i].header));
		assert_string_equal(header, cases[i].header);
		address_free(&copy);
	}
}

static void an_address_that_is_none_is_refused_with_what_was_expected(void **state)
{
	static const char *const cases[] = {
		"", ":80", "f", "f:", "f:0", "f:65536", "f:8o", "f:80:80", "f f:80", "::1:80", "[::1", "[::1]", "[::1]80", "[]:80",
		"[::g z]:80", "unix:", "unix:run/f", "http://", "http://:80", "http://f:80x/", "http://f/a b", "http://f/?q",
		"http://f/#x", "http://f?q", "http://u:p@f/", "tcp://f:80", "f\x01:80",
		"unix:/01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345",
	};
	struct address a;
	struct error e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		memset(&e, 0, sizeof(e));
		if (address_parse(&a, cases[i], &e) == 0)
			fail_msg("taken: %s", cases[i]);
		assert_int_equal(e.code, ERR_CONFIG);
		assert_true(strlen(e.text) > 10);
		assert_null(a.host);
	}
	assert_null(strstr(e.text, "u:p"));
}

/* --- streams --- */

struct side {
	struct loop *loop;
	struct stream *stream;
	unsigned opened, failed, readable, writable;
	char why[256];
	struct buf in;
	size_t at_once; /* bytes read per event; 0: none */
	bool ended, broken, close_when_called;
};

static void side_maybe_close(struct side *s)
{
	if (!s->close_when_called)
		return;
	stream_close(s->stream);
	s->stream = NULL;
}

static void side_opened(void *arg)
{
	struct side *s = arg;

	s->opened++;
	side_maybe_close(s);
}

static void side_readable(void *arg)
{
	struct side *s = arg;
	ssize_t n;

	s->readable++;
	if (s->at_once) {
		n = stream_read(s->stream, buf_room(&s->in, s->at_once), s->at_once);
		if (n > 0)
			s->in.n += (size_t)n;
		if (n == 0 || (n < 0 && errno != EAGAIN)) {
			s->ended = n == 0;
			s->broken = n < 0;
			stream_want_read(s->stream, false);
		}
	}
	side_maybe_close(s);
}

static void side_writable(void *arg)
{
	struct side *s = arg;

	s->writable++;
	side_maybe_close(s);
}

static void side_failed(void *arg, const char *why)
{
	struct side *s = arg;

	s->failed++;
	stream_close(s->stream);
	s->stream = NULL;
	snprintf(s->why, sizeof(s->why), "%s", why);
}

static const struct stream_events side_events = { side_opened, side_readable, side_writable, side_failed };

static void side_open_tls(struct side *s, const char *address, struct tls *tls, int64_t timeout_ms)
{
	struct address a;
	struct error e;

	if (address_parse(&a, address, &e) < 0)
		fail_msg("%s", e.text);
	s->stream = stream_open(s->loop, &a, tls, timeout_ms, &side_events, s);
	address_free(&a);
	assert_int_equal(s->opened + s->failed, 0);
}

static void side_open(struct side *s, const char *host, unsigned port)
{
	char address[128];

	snprintf(address, sizeof(address), "%s:%u", host, port);
	side_open_tls(s, address, NULL, 20000);
}

static void side_close(struct side *s)
{
	stream_close(s->stream);
	buf_free(&s->in);
	s->stream = NULL;
}

static unsigned open_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void bytes_go_both_ways_over_tcp(void **state)
{
	struct side s = { .loop = loop_for_test(), .at_once = 100 };
	struct iovec v[] = { { "GET / HTTP/1.1\r\n", 16 }, { "", 0 }, { "\r\n", 2 } };
	struct peer p;

	(void)state;
	peer_bind(&p, s.loop, "127.0.0.1");
	p.answer = "hello";
	peer_listen(&p, peer_answers);
	side_open(&s, "127.0.0.1", p.port);
	UNTIL(s.loop, s.opened);
	assert_int_equal(stream_write(s.stream, v, 3), 18);
	UNTIL(s.loop, s.in.n == 5);
	assert_memory_equal(s.in.p, "hello", 5);
	peer_half_close(p.sides);
	UNTIL(s.loop, s.ended);
	side_close(&s);
	UNTIL(s.loop, p.ended);
	peer_close(&p);
	loop_free(s.loop);
}

static void names_and_ipv6_and_unix_sockets_are_reached(void **state)
{
	struct side s = { .loop = loop_for_test() }, six = { .loop = s.loop }, unix_side = { .loop = s.loop };
	struct peer p, p6, pu;
	char path[64], address[80];

	(void)state;
	snprintf(path, sizeof(path), "/tmp/bridge-test-%d.sock", getpid());
	snprintf(address, sizeof(address), "unix:%s", path);
	peer_bind(&p, s.loop, "127.0.0.1");
	peer_bind(&p6, s.loop, "::1");
	peer_bind_unix(&pu, s.loop, path);
	peer_listen(&p, peer_ignores);
	peer_listen(&p6, peer_ignores);
	peer_listen(&pu, peer_ignores);
	side_open(&s, "localhost", p.port);
	side_open(&six, "[::1]", p6.port);
	side_open_tls(&unix_side, address, NULL, 20000);
	UNTIL(s.loop, s.opened && six.opened && unix_side.opened);
	side_close(&s);
	side_close(&six);
	side_close(&unix_side);
	peer_close(&p);
	peer_close(&p6);
	peer_close(&pu);
	loop_free(s.loop);
}

static void what_cannot_be_reached_fails_with_address_and_reason(void **state)
{
	struct side refused = { .loop = loop_for_test() }, missing = { .loop = refused.loop }, unknown = { .loop = refused.loop };
	struct peer p;
	unsigned fds;

	(void)state;
	peer_bind(&p, refused.loop, "127.0.0.1");
	fds = open_fds();
	side_open(&refused, "127.0.0.1", p.port);
	side_open_tls(&missing, "unix:/tmp/bridge-test-no-such-socket", NULL, 20000);
	side_open_tls(&unknown, "no-such-host.invalid:80", NULL, 20000);
	UNTIL(refused.loop, refused.failed && missing.failed && unknown.failed);
	assert_non_null(strstr(refused.why, "127.0.0.1:"));
	assert_non_null(strstr(refused.why, "Connection refused"));
	assert_string_equal(missing.why, "unix:/tmp/bridge-test-no-such-socket: No such file or directory");
	assert_non_null(strstr(unknown.why, "no-such-host.invalid:80: "));
	assert_int_equal(refused.opened + missing.opened + unknown.opened, 0);
	assert_int_equal(open_fds(), fds);
	peer_close(&p);
	loop_free(refused.loop);
}

/* A queue of one that is full already: further connections hang, as at a host that is not there. */
static void a_connection_that_hangs_fails_in_its_time(void **state)
{
	struct side s[3] = { { .loop = loop_for_test() } };
	struct peer p;
	unsigned failed = 0;
	char address[64];

	(void)state;
	peer_bind(&p, s[0].loop, "127.0.0.1");
	assert_int_equal(listen(p.fd, 0), 0);
	snprintf(address, sizeof(address), "127.0.0.1:%u", p.port);
	for (int i = 0; i < 3; i++) {
		s[i].loop = s[0].loop;
		side_open_tls(&s[i], address, NULL, 50);
	}
	for (int i = 0; i < 3; i++)
		UNTIL(s[0].loop, s[i].opened || s[i].failed);
	for (int i = 0; i < 3; i++) {
		failed += s[i].failed;
		if (s[i].failed)
			assert_non_null(strstr(s[i].why, "no connection in time"));
		side_close(&s[i]);
	}
	assert_true(failed >= 1);
	peer_close(&p);
	loop_free(s[0].loop);
}

static void a_stream_can_be_closed_at_any_moment(void **state)
{
	struct side s = { .loop = loop_for_test(), .close_when_called = true };
	struct peer p;
	unsigned fds;

	(void)state;
	peer_bind(&p, s.loop, "127.0.0.1");
	p.answer = "x";
	peer_listen(&p, peer_answers);
	fds = open_fds();
	side_open(&s, "127.0.0.1", p.port);
	side_close(&s);
	side_open(&s, "localhost", p.port);
	side_close(&s);
	side_open(&s, "127.0.0.1", p.port);
	UNTIL(s.loop, s.opened);
	assert_null(s.stream);
	stream_close(NULL);
	UNTIL(s.loop, p.ended == p.accepted && p.accepted);
	assert_int_equal(open_fds(), fds);
	peer_close(&p);
	loop_free(s.loop);
}

static void side_drains(struct peer_side *s)
{
	buf_clear(&s->in);
}

static void a_peer_that_does_not_read_makes_the_writer_wait(void **state)
{
	struct side s = { .loop = loop_for_test() };
	struct peer p;
	size_t size = 64 << 20, sent = 0;
	char *bytes = mem_new(size);
	ssize_t n;

	(void)state;
	peer_bind(&p, s.loop, "127.0.0.1");
	peer_listen(&p, NULL);
	side_open(&s, "127.0.0.1", p.port);
	UNTIL(s.loop, s.opened && p.accepted);
	while ((n = stream_write(s.stream, &(struct iovec){ bytes + sent, size - sent }, 1)) > 0)
		sent += (size_t)n;
	assert_int_equal(errno, EAGAIN);
	assert_true(sent < size);
	loop_moment(s.loop);
	assert_int_equal(s.writable, 0);
	p.script = side_drains;
	watch_want(p.sides->watch, WATCH_READ);
	UNTIL(s.loop, s.writable);
	assert_true(stream_write(s.stream, &(struct iovec){ bytes + sent, size - sent }, 1) > 0);
	side_close(&s);
	peer_close(&p);
	free(bytes);
	loop_free(s.loop);
}

static void reading_can_be_put_off_and_on(void **state)
{
	struct side s = { .loop = loop_for_test(), .at_once = 1 };
	struct peer p;

	(void)state;
	peer_bind(&p, s.loop, "127.0.0.1");
	peer_listen(&p, peer_ignores);
	side_open(&s, "127.0.0.1", p.port);
	UNTIL(s.loop, s.opened && p.accepted);
	stream_want_read(s.stream, false);
	peer_say(p.sides, "abc");
	loop_moment(s.loop);
	loop_moment(s.loop);
	assert_int_equal(s.readable, 0);
	stream_want_read(s.stream, true);
	UNTIL(s.loop, s.in.n == 3);
	peer_reset(p.sides);
	UNTIL(s.loop, s.broken);
	side_close(&s);
	peer_close(&p);
	loop_free(s.loop);
}

/* --- TLS --- */

struct tls_case {
	const char *names, *host;
	bool skip, no_ca, asks_certificate, gives_certificate;
	const char *why; /* NULL: it works */
};

static void tls_case_run(const struct tls_case *c)
{
	struct tls_files files;
	struct tls_peer p = { .files = &files, .answer = "pong", .answer_n = 4, .asks_certificate = c->asks_certificate };
	struct side s = { .loop = loop_for_test(), .at_once = 100 };
	struct tls *tls;
	struct error e;
	char address[128];

	tls_files_make(&files, c->names);
	tls_peer_open(&p);
	tls = tls_new(&(struct tls_options){ .ca_file = c->no_ca ? NULL : files.certificate, .skip_verify = c->skip,
			  .cert_file = c->gives_certificate ? files.certificate : NULL,
			  .key_file = c->gives_certificate ? files.key : NULL }, &e);
	assert_non_null(tls);
	snprintf(address, sizeof(address), "https://%s:%u", c->host, p.port);
	side_open_tls(&s, address, tls, 20000);
	UNTIL(s.loop, s.opened || s.failed);
	if (c->why)
		assert_non_null(strstr(s.why, c->why));
	else
		assert_string_equal(s.why, "");
	/* with TLS 1.3 a client learns only after the handshake that its certificate was not good enough */
	if (s.opened) {
		stream_write(s.stream, &(struct iovec){ "ping\r\n\r\n", 8 }, 1);
		UNTIL(s.loop, s.in.n == 4 || s.broken || s.ended);
		assert_int_equal(s.in.n == 4, !c->asks_certificate || c->gives_certificate);
	}
	side_close(&s);
	loop_free(s.loop);
	tls_peer_close(&p);
	if (!c->why && s.in.n) {
		assert_string_equal(p.alpn, "http/1.1");
		assert_string_equal(p.sni, strcmp(c->host, "localhost") == 0 ? "localhost" : "");
	}
	tls_free(tls);
	tls_files_remove(&files);
}

static void certificates_are_verified_with_their_names(void **state)
{
	static const struct tls_case cases[] = {
		{ .names = "DNS:localhost", .host = "localhost" },
		{ .names = "IP:127.0.0.1", .host = "127.0.0.1" },
		{ .names = "DNS:other.example", .host = "localhost", .why = "the certificate is not accepted: hostname mismatch" },
		{ .names = "DNS:localhost", .host = "127.0.0.1", .why = "the certificate is not accepted: IP address mismatch" },
		{ .names = "DNS:localhost", .host = "localhost", .no_ca = true, .why = "the certificate is not accepted: self" },
		{ .names = "DNS:other.example", .host = "localhost", .no_ca = true, .skip = true },
		{ .names = "DNS:localhost", .host = "localhost", .asks_certificate = true, .gives_certificate = true },
		{ .names = "DNS:localhost", .host = "localhost", .asks_certificate = true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		tls_case_run(&cases[i]);
}

static void peer_speaks_plainly(struct peer_side *s)
{
	peer_say(s, "HTTP/1.1 400 Bad Request\r\n\r\n");
}

static void a_peer_that_speaks_no_tls_fails_the_handshake(void **state)
{
	struct side s = { .loop = loop_for_test() }, silent = { .loop = s.loop };
	struct tls *tls;
	struct error e;
	struct peer p, p2;
	char address[64];

	(void)state;
	tls = tls_new(&(struct tls_options){ .skip_verify = true }, &e);
	loop_moment(s.loop);
	peer_bind(&p, s.loop, "127.0.0.1");
	peer_listen(&p, peer_speaks_plainly);
	peer_bind(&p2, s.loop, "127.0.0.1");
	peer_listen(&p2, peer_ignores);
	snprintf(address, sizeof(address), "https://127.0.0.1:%u", p.port);
	side_open_tls(&s, address, tls, 20000);
	snprintf(address, sizeof(address), "https://127.0.0.1:%u", p2.port);
	side_open_tls(&silent, address, tls, 200);
	UNTIL(s.loop, s.failed && silent.failed);
	assert_non_null(strstr(s.why, "TLS handshake: "));
	assert_non_null(strstr(silent.why, "no TLS handshake in time"));
	peer_close(&p);
	peer_close(&p2);
	tls_free(tls);
	loop_free(s.loop);
}

/* Whole records are decrypted at once while the test takes a few bytes an event: the rest must not wait for the socket. */
static void what_tls_has_decrypted_does_not_get_stuck(void **state)
{
	enum { N = 60000 };
	struct tls_files files;
	struct tls_peer p = { .files = &files, .answer_n = N };
	struct side s = { .loop = loop_for_test(), .at_once = 700 };
	struct tls *tls;
	struct error e;
	char address[64], *answer = mem_new(N);

	(void)state;
	for (int i = 0; i < N; i++)
		answer[i] = (char)(i * 31 >> 3);
	p.answer = answer;
	tls_files_make(&files, "IP:127.0.0.1");
	tls_peer_open(&p);
	tls = tls_new(&(struct tls_options){ .ca_file = files.certificate }, &e);
	snprintf(address, sizeof(address), "https://127.0.0.1:%u", p.port);
	side_open_tls(&s, address, tls, 20000);
	UNTIL(s.loop, s.opened);
	assert_int_equal(stream_write(s.stream, &(struct iovec){ "ping\r\n\r\n", 8 }, 1), 8);
	UNTIL(s.loop, s.in.n > 1000);
	stream_want_read(s.stream, false);
	s.readable = 0;
	loop_moment(s.loop);
	loop_moment(s.loop);
	assert_int_equal(s.readable, 0);
	stream_want_read(s.stream, true);
	UNTIL(s.loop, s.in.n >= N);
	assert_int_equal(s.in.n, N);
	assert_memory_equal(s.in.p, answer, N);
	side_close(&s);
	tls_peer_close(&p);
	tls_free(tls);
	tls_files_remove(&files);
	free(answer);
	loop_free(s.loop);
}

static void faults_in_tls_files_are_said(void **state)
{
	struct tls_files files;
	struct error e;

	(void)state;
	tls_files_make(&files, "DNS:localhost");
	assert_null(tls_new(&(struct tls_options){ .ca_file = "/no/such/file" }, &e));
	assert_int_equal(e.code, ERR_CONFIG);
	assert_non_null(strstr(e.text, "/no/such/file"));
	assert_null(tls_new(&(struct tls_options){ .cert_file = files.certificate }, &e));
	assert_non_null(strstr(e.text, "both files"));
	assert_null(tls_new(&(struct tls_options){ .cert_file = files.certificate, .key_file = files.certificate }, &e));
	assert_non_null(strstr(e.text, "key file"));
	assert_null(tls_new(&(struct tls_options){ .cert_file = files.key, .key_file = files.key }, &e));
	assert_non_null(strstr(e.text, "certificate file"));
	tls_files_remove(&files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_taken_apart),
		cmocka_unit_test(an_address_that_is_none_is_refused_with_what_was_expected),
		cmocka_unit_test(bytes_go_both_ways_over_tcp),
		cmocka_unit_test(names_and_ipv6_and_unix_sockets_are_reached),
		cmocka_unit_test(what_cannot_be_reached_fails_with_address_and_reason),
		cmocka_unit_test(a_connection_that_hangs_fails_in_its_time),
		cmocka_unit_test(a_stream_can_be_closed_at_any_moment),
		cmocka_unit_test(a_peer_that_does_not_read_makes_the_writer_wait),
		cmocka_unit_test(reading_can_be_put_off_and_on),
		cmocka_unit_test(certificates_are_verified_with_their_names),
		cmocka_unit_test(a_peer_that_speaks_no_tls_fails_the_handshake),
		cmocka_unit_test(what_tls_has_decrypted_does_not_get_stuck),
		cmocka_unit_test(faults_in_tls_files_are_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
