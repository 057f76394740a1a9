/* links: peer.c */
/* Tests of the loop: the order of timers, what a turn is, and that nothing is called after it was given back. */
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "bridge/timer_heap.h"
#include "tests/unit/peer.h"

/* --- the heap --- */

static uint64_t random_state = 1;

static unsigned random_below(unsigned n)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(random_state >> 33) % n;
}

static void timers_come_out_by_time_and_then_in_order_of_setting(void **state)
{
	static const int at[] = { 5, 3, 5, 1, 3, 5, 1, 9 }, expected[] = { 3, 6, 1, 4, 0, 2, 5, 7 };
	struct timer timers[8] = { 0 };
	struct timer_heap h = { 0 };

	(void)state;
	assert_true(timer_heap_next(&h) == INT64_MAX);
	for (int i = 0; i < 8; i++)
		timer_heap_set(&h, &timers[i], at[i]);
	assert_int_equal(timer_heap_next(&h), 1);
	for (int i = 0; i < 8; i++)
		assert_ptr_equal(timer_heap_take(&h, 9, UINT64_MAX), &timers[expected[i]]);
	assert_null(timer_heap_take(&h, 9, UINT64_MAX));
	timer_heap_free(&h);
}

static void only_what_is_due_and_was_set_before_is_taken(void **state)
{
	struct timer a = { 0 }, b = { 0 };
	struct timer_heap h = { 0 };
	uint64_t before;

	(void)state;
	timer_heap_set(&h, &a, 10);
	before = h.settings;
	timer_heap_set(&h, &b, 10);
	assert_null(timer_heap_take(&h, 9, UINT64_MAX));
	assert_ptr_equal(timer_heap_take(&h, 10, before), &a);
	assert_null(timer_heap_take(&h, 10, before));
	timer_heap_set(&h, &a, 10);
	assert_ptr_equal(timer_heap_take(&h, 10, UINT64_MAX), &b);
	assert_ptr_equal(timer_heap_take(&h, 10, UINT64_MAX), &a);
	timer_heap_free(&h);
}

static void a_heap_of_thousands_keeps_the_order_through_moves_and_stops(void **state)
{
	enum { N = 3000 };
	struct timer *timers = calloc(N, sizeof(*timers)), *t;
	struct timer_heap h = { 0 };
	int64_t last = 0;
	unsigned set = 0, taken = 0;

	(void)state;
	for (int i = 0; i < 4 * N; i++) {
		if (random_below(4))
			timer_heap_set(&h, &timers[random_below(N)], random_below(1000));
		else
			timer_heap_stop(&h, &timers[random_below(N)]);
	}
	for (int i = 0; i < N; i++)
		set += timers[i].heap_index != 0;
	while ((t = timer_heap_take(&h, INT64_MAX, UINT64_MAX))) {
		assert_true(t->at >= last);
		assert_int_equal(t->heap_index, 0);
		last = t->at;
		taken++;
	}
	assert_int_equal(taken, set);
	timer_heap_free(&h);
	free(timers);
}

/* --- turns --- */

struct story {
	struct loop *loop;
	char said[32];
	size_t n;
	struct timer timer, other;
	struct later a, b;
	int64_t now;
};

static void say(struct story *s, char c)
{
	assert_true(s->n < sizeof(s->said) - 1);
	s->said[s->n++] = c;
}

static void say_a(void *arg)
{
	say(arg, 'a');
}

static void say_b(void *arg)
{
	say(arg, 'b');
}

static void say_t(void *arg)
{
	say(arg, 't');
}

static void say_and_stop(void *arg)
{
	struct story *s = arg;

	say(s, '.');
	loop_stop(s->loop);
}

static void again_at_once(void *arg)
{
	struct story *s = arg;

	say(s, 't');
	if (s->n < 3)
		timer_set(s->loop, &s->timer, 0, again_at_once, s);
	else
		loop_stop(s->loop);
	loop_defer(s->loop, &s->a);
}

static void a_timer_set_for_now_by_itself_leaves_room_for_the_rest_of_the_turn(void **state)
{
	struct story s = { .loop = loop_for_test(), .a = { .fn = say_a, .arg = &s } };

	(void)state;
	timer_set(s.loop, &s.timer, 0, again_at_once, &s);
	loop_run(s.loop);
	assert_string_equal(s.said, "tata");
	loop_free(s.loop);
}

static void a_defers_itself_and_b(void *arg)
{
	struct story *s = arg;

	say(s, 'a');
	if (s->n < 5) {
		loop_defer(s->loop, &s->a);
		loop_defer(s->loop, &s->a);
		loop_defer(s->loop, &s->b);
	} else {
		loop_stop(s->loop);
	}
}

static void what_is_deferred_meanwhile_waits_for_the_next_turn(void **state)
{
	struct story s = { .loop = loop_for_test(), .a = { .fn = a_defers_itself_and_b, .arg = &s },
		.b = { .fn = say_b, .arg = &s } };

	(void)state;
	loop_defer(s.loop, &s.a);
	timer_set(s.loop, &s.timer, 0, say_t, &s);
	loop_run(s.loop);
	assert_string_equal(s.said, "taaba");
	loop_free(s.loop);
}

static void a_takes_b_back(void *arg)
{
	struct story *s = arg;

	say(s, 'a');
	loop_undefer(s->loop, &s->b);
	loop_undefer(s->loop, &s->a);
	loop_stop(s->loop);
}

static void deferred_work_can_be_taken_back_in_any_place(void **state)
{
	struct story s = { .loop = loop_for_test(), .a = { .fn = a_takes_b_back, .arg = &s }, .b = { .fn = say_b, .arg = &s } };
	struct later c = { .fn = say_t, .arg = &s };

	(void)state;
	loop_defer(s.loop, &s.a);
	loop_defer(s.loop, &s.b);
	loop_defer(s.loop, &c);
	loop_run(s.loop);
	assert_string_equal(s.said, "at");
	for (int gone = 0; gone < 3; gone++) {
		struct later *all[] = { &s.b, &c, &s.a };

		s.n = 0;
		memset(s.said, 0, sizeof(s.said));
		s.a.fn = say_and_stop;
		for (int i = 0; i < 3; i++)
			loop_defer(s.loop, all[i]);
		loop_undefer(s.loop, all[gone]);
		loop_undefer(s.loop, all[gone]);
		if (gone == 2)
			loop_defer(s.loop, &s.a);
		loop_run(s.loop);
		assert_string_equal(s.said, gone == 0 ? "t." : gone == 1 ? "b." : "bt.");
	}
	loop_free(s.loop);
}

static void a_stopped_timer_does_not_fire_and_a_moved_one_fires_once(void **state)
{
	struct story s = { .loop = loop_for_test() };
	struct timer end = { 0 };

	(void)state;
	timer_set(s.loop, &s.timer, 1, say_a, &s);
	timer_set(s.loop, &s.other, 1, say_b, &s);
	timer_set(s.loop, &s.other, 3, say_t, &s);
	timer_set(s.loop, &end, 5, say_and_stop, &s);
	timer_stop(s.loop, &s.timer);
	timer_stop(s.loop, &s.timer);
	loop_run(s.loop);
	assert_string_equal(s.said, "t.");
	loop_free(s.loop);
}

static void stop_before_run_ends_it_at_once(void **state)
{
	struct story s = { .loop = loop_for_test() };

	(void)state;
	loop_stop(s.loop);
	loop_run(s.loop);
	timer_set(s.loop, &s.timer, 0, say_and_stop, &s);
	loop_run(s.loop);
	assert_string_equal(s.said, ".");
	loop_free(s.loop);
}

static void waste_time(void *arg)
{
	struct story *s = arg;
	struct timespec now, began;

	s->now = loop_now(s->loop);
	clock_gettime(CLOCK_MONOTONIC, &began);
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while (now.tv_sec == began.tv_sec && now.tv_nsec - began.tv_nsec < 5000000);
	assert_int_equal(loop_now(s->loop), s->now);
	timer_set(s->loop, &s->other, 1, say_and_stop, s);
}

static void time_stands_still_within_a_turn_and_goes_on_in_the_next(void **state)
{
	struct story s = { .loop = loop_for_test() };

	(void)state;
	timer_set(s.loop, &s.timer, 0, waste_time, &s);
	loop_run(s.loop);
	assert_true(loop_now(s.loop) > s.now);
	assert_true(loop_wall(s.loop) > 1700000000000);
	loop_free(s.loop);
}

/* Many short waits: a timer that is due just when the loop begins to wait must not be slept over. */
static void short_timers_never_make_the_loop_wait_for_ever(void **state)
{
	struct story s = { .loop = loop_for_test() };

	(void)state;
	for (int i = 0; i < 300; i++) {
		s.n = 0;
		timer_set(s.loop, &s.timer, i % 3, say_and_stop, &s);
		for (unsigned spin = random_below(200000); spin; spin--)
			__asm__ volatile("");
		loop_run(s.loop);
		assert_int_equal(s.n, 1);
	}
	loop_free(s.loop);
}

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

static void a_loop_is_freed_with_whatever_is_left_on_it(void **state)
{
	struct pair p;
	struct timer timer = { 0 };
	struct later later = { .fn = say_a };
	struct caller c = { 0 };

	(void)state;
	pair_open(&p);
	watch_want(p.watch, WATCH_READ);
	timer_set(p.loop, &timer, 1000, say_a, NULL);
	loop_defer(p.loop, &later);
	wake_new(p.loop, woken, &c);
	loop_free(p.loop);
	close(p.fds[0]);
	close(p.fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_come_out_by_time_and_then_in_order_of_setting),
		cmocka_unit_test(only_what_is_due_and_was_set_before_is_taken),
		cmocka_unit_test(a_heap_of_thousands_keeps_the_order_through_moves_and_stops),
		cmocka_unit_test(a_timer_set_for_now_by_itself_leaves_room_for_the_rest_of_the_turn),
		cmocka_unit_test(what_is_deferred_meanwhile_waits_for_the_next_turn),
		cmocka_unit_test(deferred_work_can_be_taken_back_in_any_place),
		cmocka_unit_test(a_stopped_timer_does_not_fire_and_a_moved_one_fires_once),
		cmocka_unit_test(stop_before_run_ends_it_at_once),
		cmocka_unit_test(time_stands_still_within_a_turn_and_goes_on_in_the_next),
		cmocka_unit_test(short_timers_never_make_the_loop_wait_for_ever),
		cmocka_unit_test(a_watch_tells_what_is_wanted_until_it_is_dealt_with),
		cmocka_unit_test(a_watch_may_be_freed_inside_its_function),
		cmocka_unit_test(the_end_of_the_other_side_is_readable),
		cmocka_unit_test(an_error_of_a_socket_is_told_again_until_it_is_dealt_with),
		cmocka_unit_test(many_wakes_before_a_turn_count_once),
		cmocka_unit_test(a_name_is_looked_up_and_told_once_and_later),
		cmocka_unit_test(a_signal_comes_on_the_loop),
		cmocka_unit_test(a_loop_is_freed_with_whatever_is_left_on_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
