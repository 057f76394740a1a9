/* The loop of the stories: the same contract as bridge/loop.h, but time passes by decree. */
#include "tests/stories/story_loop.h"

#include <assert.h>
#include <stdlib.h>

#include "bridge/bytes.h"
#include "bridge/timer_heap.h"

enum { WALL_AHEAD = 1700000000, TURNS_MAX = 100000 };

struct loop {
	int64_t now;
	struct timer_heap timers;
	struct later *first, **last;
};

struct loop *story_loop_new(void)
{
	struct loop *loop = mem_new(sizeof(*loop));

	loop->now = 1000;
	loop->last = &loop->first;
	return loop;
}

void story_loop_free(struct loop *loop)
{
	timer_heap_free(&loop->timers);
	free(loop);
}

int64_t loop_now(const struct loop *loop)
{
	return loop->now;
}

int64_t loop_wall(const struct loop *loop)
{
	return WALL_AHEAD * 1000LL + loop->now;
}

void timer_set(struct loop *loop, struct timer *t, int64_t after_ms, void (*fn)(void *), void *arg)
{
	t->fn = fn;
	t->arg = arg;
	timer_heap_set(&loop->timers, t, loop->now + after_ms);
}

void timer_stop(struct loop *loop, struct timer *t)
{
	timer_heap_stop(&loop->timers, t);
}

void loop_defer(struct loop *loop, struct later *l)
{
	if (l->prev)
		return;
	l->next = NULL;
	l->prev = loop->last;
	*loop->last = l;
	loop->last = &l->next;
}

void loop_undefer(struct loop *loop, struct later *l)
{
	if (!l->prev)
		return;
	*l->prev = l->next;
	if (l->next)
		l->next->prev = l->prev;
	else
		loop->last = l->prev;
	l->prev = NULL;
}

/* One turn: due timers, then what was deferred before it began. */
static bool loop_turn(struct loop *loop)
{
	uint64_t before = loop->timers.settings;
	struct timer *t;
	struct later *end;
	bool any = false;

	while ((t = timer_heap_take(&loop->timers, loop->now, before))) {
		t->fn(t->arg);
		any = true;
	}
	end = loop->first ? (struct later *)((char *)loop->last - offsetof(struct later, next)) : NULL;
	while (end) {
		struct later *l = loop->first;

		loop_undefer(loop, l);
		l->fn(l->arg);
		any = true;
		if (l == end)
			break;
	}
	return any;
}

void story_loop_settle(struct loop *loop)
{
	unsigned turns = 0;

	while (loop_turn(loop)) {
		turns++;
		assert(turns < TURNS_MAX); /* else the story runs in circles */
	}
}

void story_loop_pass(struct loop *loop, int64_t ms)
{
	int64_t end = loop->now + ms;

	for (;;) {
		int64_t next;

		story_loop_settle(loop);
		next = timer_heap_next(&loop->timers);
		if (next > end)
			break;
		if (next > loop->now)
			loop->now = next;
	}
	loop->now = end;
	story_loop_settle(loop);
}
