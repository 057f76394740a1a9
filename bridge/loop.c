/* The loop's turns, its time, timers and deferred work.  Sockets, names, wakes and signals are in loop_io.c. */
#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <uv.h>
#include "bridge/bytes.h"
#include "bridge/error.h"
#include "bridge/log.h"
#include "bridge/loop.h"
#include "bridge/loop_held.h"
#include "bridge/timer_heap.h"

struct later_list {
	struct later *first, **end;
};

struct loop {
	uv_loop_t uv;
	uv_timer_t alarm; /* always set, so that libuv never finds itself without work */
	int64_t alarm_at;
	int64_t now, wall;
	bool ticked, stopped;
	struct timer_heap timers;
	struct later_list deferred, running;
	struct loop_held held;
};

enum { ALARM_AT_LEAST_EVERY_MS = 3600 * 1000 };

struct uv_loop_s *loop_uv(struct loop *l)
{
	return &l->uv;
}

struct loop_held *loop_held(struct loop *l)
{
	return &l->held;
}

/* --- time --- */

static int64_t loop_clock_wall(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void loop_tick(struct loop *l)
{
	if (l->ticked)
		return;
	l->ticked = true;
	l->now = (int64_t)uv_now(&l->uv);
	l->wall = loop_clock_wall();
}

int64_t loop_now(const struct loop *l)
{
	return l->now;
}

int64_t loop_wall(const struct loop *l)
{
	return l->wall;
}

/* --- timers --- */

void timer_set(struct loop *l, struct timer *t, int64_t after_ms, void (*fn)(void *), void *arg)
{
	t->fn = fn;
	t->arg = arg;
	t->function = log_function_now();
	timer_heap_set(&l->timers, t, l->now + (after_ms > 0 ? after_ms : 0));
}

void timer_stop(struct loop *l, struct timer *t)
{
	timer_heap_stop(&l->timers, t);
}

static void loop_fire_timers(struct loop *l)
{
	uint64_t before = l->timers.settings;
	struct timer *t;

	while ((t = timer_heap_take(&l->timers, l->now, before))) {
		log_function(t->function);
		t->fn(t->arg);
	}
}

/* Due before libuv began to wait: then it must not wait. */
static void loop_alarm_rings(uv_timer_t *alarm)
{
	struct loop *l = alarm->data;

	l->alarm_at = INT64_MAX;
	uv_stop(&l->uv);
}

/* An alarm that is too early costs one empty turn: it is not set anew when the first timer is stopped or moved back. */
static void loop_set_alarm(struct loop *l)
{
	int64_t now = (int64_t)uv_now(&l->uv), at = timer_heap_next(&l->timers);

	if (at > now + ALARM_AT_LEAST_EVERY_MS)
		at = now + ALARM_AT_LEAST_EVERY_MS;
	if (l->alarm_at <= at)
		return;
	l->alarm_at = at;
	uv_timer_start(&l->alarm, loop_alarm_rings, at > now ? (uint64_t)(at - now) : 0, 0);
}

/* --- deferred work --- */

static void later_list_init(struct later_list *list)
{
	list->first = NULL;
	list->end = &list->first;
}

static void later_list_remove(struct later_list *list, struct later *w)
{
	*w->prev = w->next;
	if (w->next)
		w->next->prev = w->prev;
	else if (list->end == &w->next)
		list->end = w->prev;
	w->next = NULL;
	w->prev = NULL;
}

void loop_defer(struct loop *l, struct later *w)
{
	if (w->prev)
		return;
	w->function = log_function_now();
	w->next = NULL;
	w->prev = l->deferred.end;
	*w->prev = w;
	l->deferred.end = &w->next;
}

void loop_undefer(struct loop *l, struct later *w)
{
	if (w->prev)
		later_list_remove(l->deferred.end == &w->next ? &l->deferred : &l->running, w);
}

/* Only what is there now: what is deferred meanwhile waits for the next turn. */
static void loop_run_deferred(struct loop *l)
{
	struct later *w;

	if (!l->deferred.first)
		return;
	l->running = l->deferred;
	l->running.first->prev = &l->running.first;
	later_list_init(&l->deferred);
	while ((w = l->running.first)) {
		later_list_remove(&l->running, w);
		log_function(w->function);
		w->fn(w->arg);
	}
}

/* --- turns --- */

static void loop_turn(struct loop *l)
{
	loop_set_alarm(l);
	l->ticked = false;
	uv_run(&l->uv, l->deferred.first ? UV_RUN_NOWAIT : UV_RUN_ONCE);
	loop_tick(l);
	loop_fire_timers(l);
	loop_run_deferred(l);
	log_function(NULL);
}

void loop_run(struct loop *l)
{
	uv_update_time(&l->uv);
	while (!l->stopped)
		loop_turn(l);
	l->stopped = false;
}

void loop_stop(struct loop *l)
{
	l->stopped = true;
}

struct loop *loop_new(struct error *e)
{
	struct loop *l = mem_new(sizeof(*l));
	int rc = uv_loop_init(&l->uv);

	if (rc) {
		free(l);
		error_set(e, ERR_IO, "event loop: %s: more file descriptors or memory are needed", uv_strerror(rc));
		return NULL;
	}
	/* A peer that went away is an errno of write(), not the end of the process. */
	signal(SIGPIPE, SIG_IGN);
	uv_timer_init(&l->uv, &l->alarm);
	l->alarm.data = l;
	l->alarm_at = INT64_MAX;
	later_list_init(&l->deferred);
	later_list_init(&l->running);
	loop_tick(l);
	return l;
}

static void loop_log_left(const struct loop *l)
{
	unsigned resolves = l->held.resolves ? 1 : 0, laters = l->deferred.first ? 1 : 0;

	if (l->timers.n + l->held.watches + l->held.wakes + resolves + laters == 0)
		return;
	log_warn("bridge.loop", "at the end the loop still holds %u timers, %u watches, %u wakes%s%s", l->timers.n,
	    l->held.watches, l->held.wakes, resolves ? ", lookups" : "", laters ? ", deferred work" : "");
}

void loop_free(struct loop *l)
{
	loop_log_left(l);
	timer_heap_free(&l->timers);
	uv_close((uv_handle_t *)&l->alarm, NULL);
	loop_close_io(l);
	free(l);
}
