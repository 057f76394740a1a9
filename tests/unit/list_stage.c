/* The stage of tests that read Redis lists. */
#include "tests/unit/list_stage.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "bridge/error.h"
#include "connectors/connectors.h"

/* --- a function that takes what it is told to --- */

struct taker {
	struct binding base;
	struct stage *stage;
};

static unsigned number_of(const struct event *e)
{
	char text[16];

	assert_true(e->data.n < sizeof(text));
	memcpy(text, e->data.p, e->data.n);
	text[e->data.n] = '\0';
	return (unsigned)atoi(text);
}

void stage_take(struct stage *s, struct delivery *d)
{
	unsigned i = number_of(d->events[0]);

	s->running[i] = false;
	s->n_taken += s->taken[i]++ == 0;
	settle(d, 0, DONE, NULL, 0, NULL);
}

static int taker_open(struct binding *b, struct error *err)
{
	(void)err;
	binding_capacity(b, ENTRIES_MAX);
	return 0;
}

static void taker_send(struct binding *b, struct delivery *d)
{
	struct stage *s = ((struct taker *)b)->stage;
	const struct event *e = d->events[0];
	unsigned i = number_of(e);

	s->deliveries++;
	s->subscription = d->subscription;
	s->twice_at_once += s->running[i];
	s->running[i] = true;
	for (unsigned h = 0; h < e->n_headers; h++)
		if (slice_is(e->headers[h].name, "__deliveryCount"))
			snprintf(s->last_count, sizeof(s->last_count), "%.*s", (int)e->headers[h].value.n,
			    e->headers[h].value.p);
	if (s->keep)
		s->open[s->n_open++] = d;
	else
		stage_take(s, d);
}

static void taker_cancel(struct binding *b, struct delivery *d)
{
	struct stage *s = ((struct taker *)b)->stage;

	for (unsigned i = 0; i < s->n_open; i++)
		if (s->open[i] == d)
			s->open[i] = s->open[--s->n_open];
}

static void taker_close(struct binding *b)
{
	(void)b;
}

static const struct binding_class taker_class = {
	.name = "taker",
	.summary = "Takes events",
	.size = sizeof(struct taker),
	.open = taker_open,
	.send = taker_send,
	.cancel = taker_cancel,
	.close = taker_close,
};

void stage_take_open(struct stage *s)
{
	for (unsigned i = 0; i < s->n_open; i++)
		stage_take(s, s->open[i]);
	s->n_open = 0;
	s->keep = false;
}

/* --- the stage --- */

enum { TURNS_MAX = 20000 };

void stage_turn(struct stage *s)
{
	if (++s->turns > TURNS_MAX)
		fail_msg("what the test waits for did not happen");
	loop_moment(s->loop);
	if (s->servers_loop != s->loop)
		loop_moment(s->servers_loop);
}
#define WAIT(stage, condition) \
	while (!(condition)) \
	stage_turn(stage)

void stage_bridge_start(struct stage *s)
{
	const struct function_options o = {
		.name = "shop", .buffer_events = ENTRIES_MAX, .buffer_bytes = 1 << 20, .timeout_ms = 60000, .seed = SEED
	};
	struct subscription_options sub = {
		.topic = "jobs", .group = "g", .path = "/", .block = BLOCK_BINDING, .policy = &s->policy
	};
	struct connector *c;
	struct error e;

	s->drained = false;
	memset(s->running, 0, sizeof(s->running));
	s->n_open = 0;
	s->function = function_new(s->loop, &o);
	((struct taker *)function_binding(s->function, &taker_class))->stage = s;
	c = function_component(s->function, &redis_class, "orders");
	assert_int_equal(option_parse(redis_class.options, c, s->settings, s->n_settings, NULL, &e), 0);
	assert_int_equal(policy_read(&s->policy, &redis_class, NULL, 0, NULL, 0, &e), 0);
	function_subscribe(s->function, c, &sub);
	s->connector = c;
	assert_int_equal(function_start(s->function, &e), 0);
}

void stage_setting(struct stage *s, const char *name, const char *value)
{
	assert_true(s->n_settings < SETTINGS_MAX);
	s->settings[s->n_settings++] = (struct setting){ .name = name, .value = value };
}

void stage_open(struct stage *s)
{
	*s = (struct stage){ .loop = loop_for_test(), .redis = mem_new(sizeof(*s->redis)) };
	s->servers_loop = s->loop;
	fake_redis_open(s->redis, s->servers_loop);
	snprintf(s->address, sizeof(s->address), "127.0.0.1:%u", s->redis->peer.port);
	stage_setting(s, "redisHost", s->address);
	stage_setting(s, "kind", "list");
	stage_setting(s, "consumerName", "anna");
}

static void stage_drained(void *arg)
{
	((struct stage *)arg)->drained = true;
}

void stage_bridge_stop(struct stage *s, int64_t ms)
{
	function_drain(s->function, ms, stage_drained, s);
	WAIT(s, s->drained);
	function_free(s->function);
	s->function = NULL;
}

void stage_close(struct stage *s)
{
	if (s->function)
		stage_bridge_stop(s, 1000);
	fake_redis_close(s->redis);
	free(s->redis);
	if (s->servers_loop != s->loop)
		loop_free(s->servers_loop);
	loop_free(s->loop);
}

void stage_push(struct stage *s, unsigned from, unsigned to)
{
	char text[16];

	for (unsigned i = from; i < to; i++) {
		snprintf(text, sizeof(text), "%u", i);
		fake_push(s->redis, "jobs", text);
	}
}

/* Entries in any list of that server, tombstones too. */
unsigned stage_left(struct stage *s)
{
	unsigned n = 0;

	for (struct fake_key *k = s->redis->keys; k; k = k->next)
		n += k->type == FAKE_LIST ? k->n : 0;
	return n;
}

/* Its keys as another session would leave them. */
void stage_other_left(struct stage *s, const char *consumer, unsigned from, unsigned to)
{
	struct fake_key *k = fake_key(s->redis, "jobs:bridge");
	char text[64];

	for (unsigned i = from; i < to; i++) {
		snprintf(text, sizeof(text), "%u", i);
		fake_push(s->redis, "jobs:bridge:0123456789abcdef-1", text);
	}
	snprintf(text, sizeof(text), "0123456789abcdef-1 0 %s", consumer);
	k->type = FAKE_HASH;
	k->items = mem_grow(k->items, 2 * sizeof(*k->items));
	k->items[0] = mem_text("u:0123456789abcdef-1");
	k->items[1] = mem_text(text);
	k->n = 2;
}
