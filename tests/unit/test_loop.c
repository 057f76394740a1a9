/* Tests of the loop's turns: time, timers, deferred work. */
/* links: peer.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/unit/peer.h"

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
	struct story s = { .loop = loop_for_test(),
		.a = { .fn = a_defers_itself_and_b, .arg = &s },
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
	struct story s = {
		.loop = loop_for_test(), .a = { .fn = a_takes_b_back, .arg = &s }, .b = { .fn = say_b, .arg = &s }
	};
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

/* The clock of this program: when told so, a millisecond passes with each look at it. */
static bool looking_takes_time;

int clock_gettime(clockid_t id, struct timespec *t)
{
	static int64_t looks;
	int rc = (int)syscall(SYS_clock_gettime, id, t);

	looks += looking_takes_time;
	t->tv_sec += looks / 1000;
	t->tv_nsec += looks % 1000 * 1000000;
	if (t->tv_nsec >= 1000000000) {
		t->tv_nsec -= 1000000000;
		t->tv_sec++;
	}
	return rc;
}

static void same_time_as_before(void *arg)
{
	struct story *s = arg;

	assert_int_equal(loop_now(s->loop), s->now);
	say(s, 'a');
	timer_set(s->loop, &s->other, 1, say_and_stop, s);
}

static void rings_first_in_a_turn(void *arg)
{
	struct story *s = arg;

	s->now = loop_now(s->loop);
	timer_set(s->loop, &s->timer, 0, same_time_as_before, s);
	loop_defer(s->loop, &s->a);
}

static void time_stands_still_within_a_turn_and_goes_on_in_the_next(void **state)
{
	struct story s = { .loop = loop_for_test(), .a = { .fn = same_time_as_before, .arg = &s } };
	struct wake *w = wake_new(s.loop, rings_first_in_a_turn, &s);

	(void)state;
	looking_takes_time = true;
	wake(w);
	loop_run(s.loop);
	looking_takes_time = false;
	assert_string_equal(s.said, "aa.");
	assert_true(loop_now(s.loop) > s.now);
	assert_true(loop_wall(s.loop) > 1700000000000);
	wake_free(w);
	loop_free(s.loop);
}

/* A timer that becomes due just before the loop begins to wait must not be slept over. */
static void short_timers_never_make_the_loop_wait_for_ever(void **state)
{
	struct story s = { .loop = loop_for_test() };

	(void)state;
	looking_takes_time = true;
	alarm(60);
	for (int i = 0; i < 300; i++) {
		s.n = 0;
		timer_set(s.loop, &s.timer, i % 3, say_and_stop, &s);
		loop_run(s.loop);
		assert_int_equal(s.n, 1);
	}
	alarm(0);
	looking_takes_time = false;
	loop_free(s.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_timer_set_for_now_by_itself_leaves_room_for_the_rest_of_the_turn),
		cmocka_unit_test(what_is_deferred_meanwhile_waits_for_the_next_turn),
		cmocka_unit_test(deferred_work_can_be_taken_back_in_any_place),
		cmocka_unit_test(a_stopped_timer_does_not_fire_and_a_moved_one_fires_once),
		cmocka_unit_test(stop_before_run_ends_it_at_once),
		cmocka_unit_test(time_stands_still_within_a_turn_and_goes_on_in_the_next),
		cmocka_unit_test(short_timers_never_make_the_loop_wait_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
