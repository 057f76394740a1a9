/* Tests of streams: connecting to what is there and what is not, bytes both ways, no descriptor left behind. */
/* links: peer.c side.c */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "bridge/endpoint.h"
#include "bridge/error.h"
#include "tests/unit/peer.h"
#include "tests/unit/side.h"

/* The resolver of this program: a host that is reached at its second address only, and all the real ones. */
int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **list_r)
{
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = NULL;
	int rc;

	*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	if (!host || strcmp(host, "two.test") != 0)
		return real(host, port, hints, list_r);
	if (hints && hints->ai_flags & AI_NUMERICHOST)
		return EAI_NONAME;
	rc = real("127.0.0.2", port, hints, list_r);
	return rc ? rc : real("127.0.0.1", port, hints, &(*list_r)->ai_next);
}

static void an_address_that_fails_is_followed_by_the_next(void **state)
{
	struct side s = { .loop = loop_for_test() }, none = { .loop = s.loop };
	struct peer p;

	(void)state;
	peer_bind(&p, s.loop, "127.0.0.1");
	peer_listen(&p, peer_ignores);
	side_open(&s, "two.test", p.port);
	UNTIL(s.loop, s.opened);
	side_close(&s);
	peer_stop_listening(&p);
	side_open(&none, "two.test", p.port);
	UNTIL(s.loop, none.failed);
	assert_non_null(strstr(none.why, "Connection refused"));
	peer_close(&p);
	loop_free(s.loop);
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

static int socket_value(int fd, int level, int name)
{
	int value = -1;
	socklen_t size = sizeof(value);

	assert_int_equal(getsockopt(fd, level, name, &value, &size), 0);
	return value;
}

static void a_connection_writes_at_once_and_notices_a_dead_peer(void **state)
{
	struct loop *l = loop_for_test();
	struct endpoints to = { 0 };
	struct address a;
	struct error e;
	struct peer p;
	char address[64];
	int fd;

	(void)state;
	peer_bind(&p, l, "127.0.0.1");
	peer_listen(&p, peer_ignores);
	snprintf(address, sizeof(address), "127.0.0.1:%u", p.port);
	assert_int_equal(address_parse(&a, address, &e), 0);
	assert_true(endpoints_from_address(&to, &a));
	fd = endpoint_connect(&to.list[0]);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(socket_value(fd, IPPROTO_TCP, TCP_NODELAY), 1);
	assert_int_equal(socket_value(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	assert_int_equal(socket_value(fd, IPPROTO_TCP, TCP_KEEPIDLE), 30);
	assert_int_equal(socket_value(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 30000);
	close(fd);
	address_free(&a);
	peer_close(&p);
	loop_free(l);
}

static void what_cannot_be_reached_fails_with_address_and_reason(void **state)
{
	struct side refused = { .loop = loop_for_test() }, missing = { .loop = refused.loop },
		    unknown = { .loop = refused.loop };
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

/* The buffers of the kernel take more than that, and TLS would go on as long as they are emptied. */
static void one_call_takes_a_piece_of_what_is_large_and_says_when_to_go_on(void **state)
{
	struct side s = { .loop = loop_for_test() };
	struct peer p;
	size_t size = 64 << 20;
	char *bytes = mem_new(size);
	struct iovec v[] = { { bytes, 1 << 20 }, { bytes, 1 << 19 }, { bytes, size } };
	ssize_t n;

	(void)state;
	peer_bind(&p, s.loop, "127.0.0.1");
	peer_listen(&p, side_drains);
	side_open(&s, "127.0.0.1", p.port);
	UNTIL(s.loop, s.opened && p.accepted);
	n = stream_write(s.stream, v, 3);
	assert_true(n > 0 && n <= 2 << 20);
	UNTIL(s.loop, s.writable);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_go_both_ways_over_tcp),
		cmocka_unit_test(names_and_ipv6_and_unix_sockets_are_reached),
		cmocka_unit_test(a_connection_writes_at_once_and_notices_a_dead_peer),
		cmocka_unit_test(an_address_that_fails_is_followed_by_the_next),
		cmocka_unit_test(what_cannot_be_reached_fails_with_address_and_reason),
		cmocka_unit_test(a_connection_that_hangs_fails_in_its_time),
		cmocka_unit_test(a_stream_can_be_closed_at_any_moment),
		cmocka_unit_test(a_peer_that_does_not_read_makes_the_writer_wait),
		cmocka_unit_test(one_call_takes_a_piece_of_what_is_large_and_says_when_to_go_on),
		cmocka_unit_test(reading_can_be_put_off_and_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
