/* Tests of the loop's ways in: sockets, wakes of threads, names, signals; nothing is called after it was given back. */
/* links: peer.c */
#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "bridge/error.h"
#include "bridge/log.h"
#include "tests/unit/peer.h"

/* --- sockets --- */

struct pair {
	struct loop *loop;
	int fds[2];
	struct watch *watch;
	unsigned ready, calls;
	bool free_inside;
};

static void pair_ready(void *arg, unsigned ready)
{
	struct pair *p = arg;

	p->ready = ready;
	p->calls++;
	if (p->free_inside) {
		watch_free(p->watch);
		p->watch = NULL;
	}
	loop_stop(p->loop);
}

static void pair_open(struct pair *p)
{
	*p = (struct pair){ .loop = loop_for_test() };
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, p->fds), 0);
	p->watch = watch_new(p->loop, p->fds[0], pair_ready, p);
}

static void pair_close(struct pair *p)
{
	watch_free(p->watch);
	close(p->fds[0]);
	if (p->fds[1] >= 0)
		close(p->fds[1]);
	loop_free(p->loop);
}

static void a_watch_tells_what_is_wanted_until_it_is_dealt_with(void **state)
{
	struct pair p;
	char c;

	(void)state;
	pair_open(&p);
	watch_want(p.watch, WATCH_WRITE);
	loop_run(p.loop);
	assert_int_equal(p.ready, WATCH_WRITE);
	watch_want(p.watch, WATCH_READ);
	assert_int_equal(write(p.fds[1], "x", 1), 1);
	loop_run(p.loop);
	loop_run(p.loop);
	assert_int_equal(p.ready, WATCH_READ);
	assert_int_equal(p.calls, 3);
	assert_int_equal(read(p.fds[0], &c, 1), 1);
	loop_moment(p.loop);
	assert_int_equal(p.calls, 3);
	assert_int_equal(write(p.fds[1], "x", 1), 1);
	watch_want(p.watch, 0);
	loop_moment(p.loop);
	assert_int_equal(p.calls, 3);
	pair_close(&p);
}

static void a_watch_may_be_freed_inside_its_function(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p);
	p.free_inside = true;
	watch_want(p.watch, WATCH_READ | WATCH_WRITE);
	assert_int_equal(write(p.fds[1], "x", 1), 1);
	loop_run(p.loop);
	loop_moment(p.loop);
	assert_int_equal(p.calls, 1);
	pair_close(&p);
}

static void the_end_of_the_other_side_is_readable(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p);
	watch_want(p.watch, WATCH_READ);
	close(p.fds[1]);
	p.fds[1] = -1;
	loop_run(p.loop);
	loop_run(p.loop);
	assert_true(p.ready & WATCH_READ);
	assert_int_equal(p.calls, 2);
	pair_close(&p);
}

static void side_resets(struct peer_side *s)
{
	peer_reset(s);
}

static void an_error_of_a_socket_is_told_again_until_it_is_dealt_with(void **state)
{
	struct pair p = { .loop = loop_for_test(), .fds = { -1, -1 } };
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct peer peer;

	(void)state;
	peer_bind(&peer, p.loop, "127.0.0.1");
	peer_listen(&peer, side_resets);
	at.sin_port = htons((uint16_t)peer.port);
	p.fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(p.fds[0], (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(write(p.fds[0], "x", 1), 1);
	p.watch = watch_new(p.loop, p.fds[0], pair_ready, &p);
	watch_want(p.watch, WATCH_READ);
	UNTIL(p.loop, p.calls >= 3);
	assert_int_equal(p.ready, WATCH_READ | WATCH_WRITE);
	peer_close(&peer);
	pair_close(&p);
}

/* --- threads, names, signals --- */

struct caller {
	struct wake *wake;
	struct loop *loop;
	unsigned calls;
};

static void *wake_many_times(void *arg)
{
	struct caller *c = arg;

	for (int i = 0; i < 1000; i++)
		wake(c->wake);
	return NULL;
}

static void woken(void *arg)
{
	struct caller *c = arg;

	c->calls++;
	loop_stop(c->loop);
}

static void many_wakes_before_a_turn_count_once(void **state)
{
	struct caller c = { .loop = loop_for_test() };
	pthread_t thread;

	(void)state;
	c.wake = wake_new(c.loop, woken, &c);
	assert_int_equal(pthread_create(&thread, NULL, wake_many_times, &c), 0);
	pthread_join(thread, NULL);
	loop_run(c.loop);
	assert_int_equal(c.calls, 1);
	loop_moment(c.loop);
	assert_int_equal(c.calls, 1);
	wake(c.wake);
	wake_free(c.wake);
	loop_moment(c.loop);
	assert_int_equal(c.calls, 1);
	loop_free(c.loop);
}

struct answer {
	unsigned calls;
	bool found;
	char why[64];
};

static void answered(void *arg, const struct addrinfo *list, const char *why)
{
	struct answer *a = arg;

	a->calls++;
	a->found = list != NULL;
	snprintf(a->why, sizeof(a->why), "%s", why ? why : "");
}

static void a_name_is_looked_up_and_told_once_and_later(void **state)
{
	struct loop *l = loop_for_test();
	struct answer good = { 0 }, bad = { 0 }, endless = { 0 }, cancelled = { 0 };
	char name[2000];
	struct resolve *r;

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	resolve_start(l, "localhost", "80", answered, &good);
	resolve_start(l, "127.0.0.1.x y", "80", answered, &bad);
	resolve_start(l, name, "80", answered, &endless);
	r = resolve_start(l, "localhost", "80", answered, &cancelled);
	resolve_cancel(r);
	r = resolve_start(l, name, "80", answered, &cancelled);
	resolve_cancel(r);
	resolve_cancel(NULL);
	assert_int_equal(good.calls + bad.calls + endless.calls, 0);
	UNTIL(l, good.calls && bad.calls && endless.calls);
	assert_true(good.found);
	assert_false(bad.found);
	assert_true(strlen(bad.why) > 0);
	assert_false(endless.found);
	assert_true(strlen(endless.why) > 0);
	assert_int_equal(cancelled.calls, 0);
	resolve_start(l, "localhost", "80", answered, &cancelled);
	loop_free(l);
	assert_int_equal(cancelled.calls, 0);
}

static void signalled(void *arg, int signo)
{
	*(int *)arg = signo;
}

static void a_signal_comes_on_the_loop(void **state)
{
	struct loop *l = loop_for_test();
	int signo = 0;

	(void)state;
	loop_on_signal(l, SIGUSR1, signalled, &signo);
	kill(getpid(), SIGUSR1);
	UNTIL(l, signo);
	assert_int_equal(signo, SIGUSR1);
	loop_free(l);
}

static void never(void *arg)
{
	(void)arg;
	fail();
}

static void a_path_that_changes_is_told_and_one_that_is_not_there_is_refused(void **state)
{
	struct error err = { ERR_NONE, "" };
	struct caller c = { .loop = loop_new(&err) };
	char directory[] = "/tmp/bridge-path-XXXXXX", file[64];
	struct path_watch *w;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(file, sizeof(file), "%s/secret", directory);
	assert_null(path_watch_new(c.loop, file, woken, &c, &err));
	assert_non_null(strstr(err.text, file));
	w = path_watch_new(c.loop, directory, woken, &c, &err);
	assert_non_null(w);
	fclose(fopen(file, "w"));
	loop_run(c.loop);
	assert_true(c.calls > 0);
	path_watch_free(w);
	unlink(file);
	rmdir(directory);
	loop_free(c.loop);
}

static void a_loop_is_freed_with_whatever_is_left_on_it(void **state)
{
	struct pair p;
	struct timer timer = { 0 };
	struct later later = { .fn = never };
	struct caller c = { 0 };

	(void)state;
	pair_open(&p);
	watch_want(p.watch, WATCH_READ);
	timer_set(p.loop, &timer, 1000, never, NULL);
	loop_defer(p.loop, &later);
	wake_new(p.loop, woken, &c);
	loop_free(p.loop);
	close(p.fds[0]);
	close(p.fds[1]);
}

/* --- whose line it would be --- */

struct whose {
	const char *timer, *later, *watch, *wake, *name, *signal;
	struct watch *watching;
	struct loop *loop;
};

static void whose_timer(void *arg)
{
	((struct whose *)arg)->timer = log_function_now();
}

static void whose_later(void *arg)
{
	((struct whose *)arg)->later = log_function_now();
}

static void whose_watch(void *arg, unsigned ready)
{
	struct whose *w = arg;

	(void)ready;
	w->watch = log_function_now();
	watch_want(w->watching, 0);
}

static void whose_wake(void *arg)
{
	((struct whose *)arg)->wake = log_function_now();
}

static void whose_name(void *arg, const struct addrinfo *list, const char *why)
{
	struct whose *w = arg;

	(void)list, (void)why;
	w->name = log_function_now();
	raise(SIGUSR1);
}

static void whose_signal(void *arg, int signo)
{
	struct whose *w = arg;

	(void)signo;
	w->signal = log_function_now();
	loop_stop(w->loop);
}

static void what_is_called_logs_for_the_function_that_set_it_up(void **state)
{
	struct whose w = { .loop = loop_for_test(), .signal = "nobody yet" };
	struct later later = { .fn = whose_later, .arg = &w };
	struct timer timer = { 0 };
	struct wake *woken;
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	loop_on_signal(w.loop, SIGUSR1, whose_signal, &w);
	log_function("a");
	timer_set(w.loop, &timer, 0, whose_timer, &w);
	log_function("b");
	loop_defer(w.loop, &later);
	log_function("c");
	w.watching = watch_new(w.loop, fds[0], whose_watch, &w);
	log_function("d");
	woken = wake_new(w.loop, whose_wake, &w);
	log_function("e");
	assert_non_null(resolve_start(w.loop, "127.0.0.1", "1", whose_name, &w));
	log_function(NULL);
	watch_want(w.watching, WATCH_WRITE);
	wake(woken);
	loop_run(w.loop);
	assert_string_equal(w.timer, "a");
	assert_string_equal(w.later, "b");
	assert_string_equal(w.watch, "c");
	assert_string_equal(w.wake, "d");
	assert_string_equal(w.name, "e");
	assert_null(w.signal);
	assert_null(log_function_now());
	watch_free(w.watching);
	wake_free(woken);
	close(fds[0]);
	close(fds[1]);
	loop_free(w.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_watch_tells_what_is_wanted_until_it_is_dealt_with),
		cmocka_unit_test(a_watch_may_be_freed_inside_its_function),
		cmocka_unit_test(the_end_of_the_other_side_is_readable),
		cmocka_unit_test(an_error_of_a_socket_is_told_again_until_it_is_dealt_with),
		cmocka_unit_test(many_wakes_before_a_turn_count_once),
		cmocka_unit_test(a_name_is_looked_up_and_told_once_and_later),
		cmocka_unit_test(a_signal_comes_on_the_loop),
		cmocka_unit_test(a_path_that_changes_is_told_and_one_that_is_not_there_is_refused),
		cmocka_unit_test(what_is_called_logs_for_the_function_that_set_it_up),
		cmocka_unit_test(a_loop_is_freed_with_whatever_is_left_on_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
