/* The cast of a story: connectors and a binding that say what is asked of them and do what they are told. */
#include "tests/stories/cast.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/error.h"

enum { MANY = 4096 };

struct script script;

struct cast {
	struct connector base;
	struct {
		struct window *window;
		char name[32];
	} windows[MANY];
	unsigned n_windows;
	struct request *requests[MANY];
	unsigned n_requests;
	const struct subscription *subs[MANY];
	unsigned n_subs;
};

struct road {
	struct binding base;
	struct delivery *deliveries[MANY];
	unsigned n;
};

void say(const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	buf_text(&script.said, line);
	buf_add(&script.said, "\n", 1);
}

static const char *cast_name_of(struct cast *c, struct window *w)
{
	for (unsigned i = 0; i < c->n_windows; i++)
		if (c->windows[i].window == w)
			return c->windows[i].name;
	return "?";
}

struct window *cast_window(struct connector *connector, const char *name)
{
	struct cast *c = (struct cast *)connector;

	for (unsigned i = c->n_windows; i-- > 0;)
		if (!strcmp(c->windows[i].name, name))
			return c->windows[i].window;
	return NULL;
}

void cast_open(struct connector *connector, const char *name, uint32_t partition, uint64_t start, struct slice note)
{
	struct cast *c = (struct cast *)connector;
	enum ack_rule rule = connector->class->commit ? ACK_PREFIX : connector->class->ack ? ACK_ANY : ACK_NONE;

	c->windows[c->n_windows].window = window_open(connector, name, partition, rule, start, note);
	snprintf(c->windows[c->n_windows++].name, sizeof(c->windows[0].name), "%s", name);
}

void cast_forget_window(struct connector *connector, struct window *w)
{
	struct cast *c = (struct cast *)connector;

	for (unsigned i = 0; i < c->n_windows; i++)
		if (c->windows[i].window == w)
			c->windows[i] = c->windows[--c->n_windows];
}

const struct subscription *cast_subscription(struct connector *connector, unsigned i, unsigned *n_r)
{
	struct cast *c = (struct cast *)connector;

	*n_r = c->n_subs;
	return i < c->n_subs ? c->subs[i] : NULL;
}

static int cast_open_up(struct connector *c, struct error *err)
{
	(void)err;
	connector_up(c);
	return 0;
}

static int cast_subscribe(
    struct connector *connector, const struct subscription *const *subs, unsigned n, struct error *err)
{
	struct cast *c = (struct cast *)connector;

	(void)err;
	memcpy(c->subs, subs, n * sizeof(*subs));
	c->n_subs = n;
	say("%s subscribes %u", connector->name, n);
	return 0;
}

static void cast_resume(struct connector *c)
{
	say("%s resumes", c->name);
}

static void cast_hold(struct connector *c, struct window *w, bool on)
{
	say("%s %s %s", c->name, on ? "holds" : "goes on with", cast_name_of((struct cast *)c, w));
}

static void cast_ack(struct connector *c, struct window *w, const struct event *const *events, unsigned n)
{
	struct buf line = { 0 };

	for (unsigned i = 0; i < n; i++)
		buf_printf(&line, " %.*s", (int)events[i]->id.n, events[i]->id.p);
	say("%s acks %s%.*s", c->name, cast_name_of((struct cast *)c, w), (int)line.n, line.p);
	buf_free(&line);
}

static void cast_commit(struct connector *c, struct window *w, const struct token *tokens, unsigned n)
{
	if (n)
		say("%s commits %s through %llu", c->name, cast_name_of((struct cast *)c, w),
		    (unsigned long long)tokens[n - 1].w[0]);
	else
		say("%s notes %s", c->name, cast_name_of((struct cast *)c, w));
}

static void cast_stop(struct connector *c)
{
	say("%s stops", c->name);
}

static void cast_drain(struct connector *c)
{
	say("%s drains", c->name);
	connector_drained(c);
}

static void cast_close(struct connector *c)
{
	say("%s closes", c->name);
	connector_closed(c);
}

void cast_fill(void *arg, struct connector *c)
{
	(void)arg;
	say("%s is filled anew", c->name);
}

void cast_released(struct connector *c, struct window *w)
{
	say("%s released %s", c->name, cast_name_of((struct cast *)c, w));
	cast_forget_window(c, w);
}

static void request_say(struct connector *c, const char *what, const struct request *r)
{
	const struct event *e = r->events[0];
	struct buf line = { 0 };

	for (unsigned i = 0; i < e->n_headers; i++)
		if (slice_is(e->headers[i].name, "bridge-dead-letter-reason") ||
		    slice_is(e->headers[i].name, "bridge-dead-letter-attempts"))
			buf_printf(&line, " %.*s", (int)e->headers[i].value.n, e->headers[i].value.p);
	if (slice_is(e->content_type, "text/plain"))
		buf_printf(&line, " \"%.*s\"", (int)e->data.n, e->data.p);
	say("%s %s %.*s for %.*s:%.*s", c->name, what, (int)e->id.n, e->id.p, (int)r->topic.n, r->topic.p, (int)line.n,
	    line.p);
	buf_free(&line);
}

static void cast_send(struct connector *connector, struct request *r)
{
	struct cast *c = (struct cast *)connector;

	request_say(connector, "is asked to keep", r);
	c->requests[c->n_requests++] = r;
}

struct request *cast_request(struct connector *connector, const char *id, bool take)
{
	struct cast *c = (struct cast *)connector;

	for (unsigned i = 0; i < c->n_requests; i++)
		if (slice_is(c->requests[i]->events[0]->id, id)) {
			struct request *r = c->requests[i];

			if (take)
				c->requests[i] = c->requests[--c->n_requests];
			return r;
		}
	return NULL;
}

static void cast_forget(struct connector *connector, struct request *r)
{
	say("%s forgets %.*s", connector->name, (int)r->events[0]->id.n, r->events[0]->id.p);
	for (unsigned i = 0; i < ((struct cast *)connector)->n_requests; i++)
		if (((struct cast *)connector)->requests[i] == r)
			((struct cast *)connector)->requests[i--] =
			    ((struct cast *)connector)->requests[--((struct cast *)connector)->n_requests];
}

#define CAST \
	.size = sizeof(struct cast), .open = cast_open_up, .close = cast_close, .order = ORDER_PARTITION, \
	.subscribe = cast_subscribe, .resume = cast_resume, .hold = cast_hold, .stop = cast_stop, .drain = cast_drain, \
	.send = cast_send, .forget = cast_forget
const struct connector_class cast_prefix = { .name = "prefix", .commit = cast_commit, CAST };
const struct connector_class cast_any = { .name = "any", .ack = cast_ack, CAST };
const struct connector_class cast_none = { .name = "none", CAST };

static int road_open(struct binding *b, struct error *err)
{
	(void)b;
	(void)err;
	return 0;
}

static void road_send(struct binding *b, struct delivery *d)
{
	struct road *road = (struct road *)b;

	say("function gets %.*s at %s attempt %u%s", (int)d->events[0]->id.n, d->events[0]->id.p, d->route->path,
	    d->attempt, d->unsure ? " unsure" : "");
	road->deliveries[road->n++] = d;
}

struct delivery *cast_delivery(struct binding *b, const char *id, bool take)
{
	struct road *road = (struct road *)b;

	for (unsigned i = 0; i < road->n; i++)
		if (slice_is(road->deliveries[i]->events[0]->id, id)) {
			struct delivery *d = road->deliveries[i];

			if (take)
				road->deliveries[i] = road->deliveries[--road->n];
			return d;
		}
	return NULL;
}

static void road_cancel(struct binding *b, struct delivery *d)
{
	struct road *road = (struct road *)b;

	say("function loses %.*s", (int)d->events[0]->id.n, d->events[0]->id.p);
	for (unsigned i = 0; i < road->n; i++)
		if (road->deliveries[i] == d)
			road->deliveries[i--] = road->deliveries[--road->n];
}

static void road_discover(struct binding *b, const char *const *inputs, unsigned n)
{
	(void)b;
	for (unsigned i = 0; i < n; i++)
		say("function is asked for %s", inputs[i]);
}

static void road_close(struct binding *b)
{
	(void)b;
	say("function closes");
}

#define ROAD \
	.size = sizeof(struct road), .open = road_open, .send = road_send, .cancel = road_cancel, .close = road_close
const struct binding_class cast_binding = { .name = "cast", ROAD };
const struct binding_class cast_binding_asks = { .name = "cast-asks", .discover = road_discover, ROAD };
