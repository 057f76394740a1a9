/* Tests of TLS on streams: who is believed, what is said of faults, and that no decrypted byte is forgotten. */
/* links: peer.c side.c tls_peer.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "bridge/error.h"
#include "tests/unit/peer.h"
#include "tests/unit/side.h"
#include "tests/unit/tls_peer.h"

struct tls_case {
	const char *names, *host;
	bool skip, no_ca, asks_certificate, gives_certificate;
	const char *why; /* NULL: it works */
};

static void tls_case_run(const struct tls_case *c)
{
	struct tls_files files;
	struct tls_peer p = {
		.files = &files, .answer = "pong", .answer_n = 4, .asks_certificate = c->asks_certificate
	};
	struct side s = { .loop = loop_for_test(), .at_once = 100 };
	struct tls *tls;
	struct error e;
	char address[128];
	bool spoken;

	tls_files_make(&files, c->names);
	tls_peer_open(&p);
	tls = tls_new(&(struct tls_options){ .ca_file = c->no_ca ? NULL : files.certificate,
			  .skip_verify = c->skip,
			  .cert_file = c->gives_certificate ? files.certificate : NULL,
			  .key_file = c->gives_certificate ? files.key : NULL },
	    &e);
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
	spoken = s.in.n == 4;
	side_close(&s);
	loop_free(s.loop);
	tls_peer_close(&p);
	if (spoken) {
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
		{ .names = "DNS:other.example",
		    .host = "localhost",
		    .why = "the certificate is not accepted: hostname mismatch" },
		{ .names = "DNS:localhost",
		    .host = "127.0.0.1",
		    .why = "the certificate is not accepted: IP address mismatch" },
		{ .names = "DNS:localhost",
		    .host = "localhost",
		    .no_ca = true,
		    .why = "the certificate is not accepted: self" },
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

/* Whole records are decrypted at once, the test takes a few bytes an event: the rest must not wait for the socket. */
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
	s.pause_at = N - 8000; /* the last record is decrypted by then, the socket is empty */
	UNTIL(s.loop, !s.pause_at);
	s.readable = 0;
	loop_moment(s.loop);
	loop_moment(s.loop);
	assert_int_equal(s.readable, 0);
	assert_true(s.in.n < N);
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
	assert_null(
	    tls_new(&(struct tls_options){ .cert_file = files.certificate, .key_file = files.certificate }, &e));
	assert_non_null(strstr(e.text, "key file"));
	assert_null(tls_new(&(struct tls_options){ .cert_file = files.key, .key_file = files.key }, &e));
	assert_non_null(strstr(e.text, "certificate file"));
	tls_files_remove(&files);
}

static void faults_in_pem_texts_are_said(void **state)
{
	static const char none[] = "-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----\n";
	struct error e;

	(void)state;
	assert_null(tls_new(&(struct tls_options){ .ca_text = "/a/path" }, &e));
	assert_non_null(strstr(e.text, "the CA's certificate cannot be read"));
	assert_null(tls_new(&(struct tls_options){ .skip_verify = true, .key_text = none }, &e));
	assert_non_null(strstr(e.text, "both texts"));
	assert_null(tls_new(&(struct tls_options){ .skip_verify = true, .cert_text = none, .key_text = none }, &e));
	assert_non_null(strstr(e.text, "the client certificate cannot be read"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificates_are_verified_with_their_names),
		cmocka_unit_test(a_peer_that_speaks_no_tls_fails_the_handshake),
		cmocka_unit_test(what_tls_has_decrypted_does_not_get_stuck),
		cmocka_unit_test(faults_in_tls_files_are_said),
		cmocka_unit_test(faults_in_pem_texts_are_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
