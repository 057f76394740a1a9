/* `bridge tail`: a function that prints what it is given, behind a subscription that acknowledges nothing. */
#include "bridge/tail.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include "bridge/errand.h"
#include "bridge/error.h"
#include "bridge/json_scan.h"
#include "bridge/loop.h"

enum { CAPACITY = 1024 };

struct tail {
	struct errand errand;
	struct policy policy;
	struct later flush;
	int64_t left; /* -1: without end */
	bool over, stopping;
};

struct tail_binding {
	struct binding base;
	struct tail *tail;
};

/* --- one event as a line --- */

static void add_name(struct buf *b, struct slice name)
{
	buf_text(b, b->p[b->n - 1] == '{' ? "" : ",");
	json_add_string(b, name);
	buf_text(b, ":");
}

static void add_text(struct buf *b, const char *name, struct slice value)
{
	add_name(b, slice_text(name));
	if (value.p)
		json_add_string(b, value);
	else
		buf_text(b, "null");
}

static bool header_is_notice(const struct header *h)
{
	return h->name.n > 2 && !memcmp(h->name.p, "__", 2);
}

/* The connector's own: where it stood. */
static void add_notices(struct buf *b, const struct event *e)
{
	uint64_t number;

	for (unsigned i = 0; i < e->n_headers; i++) {
		const struct header *h = &e->headers[i];

		if (!header_is_notice(h) || slice_is(h->name, "__key") || slice_is(h->name, "__topic"))
			continue;
		add_name(b, (struct slice){ h->name.p + 2, h->name.n - 2 });
		if (slice_uint(h->value, &number))
			buf_uint(b, number);
		else
			json_add_string(b, h->value);
	}
}

static void add_headers(struct buf *b, const struct event *e)
{
	add_name(b, SLICE("headers"));
	buf_text(b, "{");
	for (unsigned i = 0; i < e->n_headers; i++)
		if (!header_is_notice(&e->headers[i])) {
			add_name(b, e->headers[i].name);
			json_add_string(b, e->headers[i].value);
		}
	buf_text(b, "}");
}

static void add_data(struct buf *b, struct slice data)
{
	const char *why;
	size_t begin;

	if (data.p && !utf8_ok(data)) {
		add_name(b, SLICE("data_base64"));
		buf_text(b, "\"");
		buf_base64(b, data);
		buf_text(b, "\"");
		return;
	}
	if (!data.p || json_scan(data, NULL, 0, &why) == JSON_NONE) {
		add_text(b, "data", data);
		return;
	}
	add_name(b, SLICE("data"));
	begin = b->n;
	buf_slice(b, data);
	for (size_t i = begin; i < b->n; i++) /* no line ends inside strings of JSON: these are blanks between */
		if (b->p[i] == '\n' || b->p[i] == '\r')
			b->p[i] = ' ';
}

void tail_render(struct buf *b, const struct event *e)
{
	buf_text(b, "{");
	add_text(b, "topic", e->topic);
	add_notices(b, e);
	add_text(b, "key", e->key);
	add_headers(b, e);
	add_data(b, e->data);
	buf_text(b, "}\n");
}

/* --- the function that takes them --- */

static int tail_open(struct binding *b, struct error *err)
{
	(void)err;
	binding_capacity(b, CAPACITY);
	return 0;
}

static void tail_print(struct tail *t, const struct event *e)
{
	struct buf line = { 0 };

	tail_render(&line, e);
	fwrite(line.p, 1, line.n, t->errand.out);
	buf_free(&line);
	loop_defer(t->errand.loop, &t->flush);
	if (t->left > 0 && --t->left == 0)
		t->over = true;
}

static void tail_send(struct binding *b, struct delivery *d)
{
	struct tail *t = ((struct tail_binding *)b)->tail;

	for (unsigned i = 0, n = d->n; i < n; i++) {
		if (!t->over)
			tail_print(t, d->events[i]);
		settle(d, i, DONE, NULL, 0, NULL);
	}
}

static void tail_cancel(struct binding *b, struct delivery *d)
{
	(void)b;
	(void)d;
}

static void tail_close(struct binding *b)
{
	(void)b;
}

static const struct binding_class tail_class = {
	.name = "tail",
	.summary = "Prints events",
	.size = sizeof(struct tail_binding),
	.open = tail_open,
	.send = tail_send,
	.cancel = tail_cancel,
	.close = tail_close,
};

static void tail_flush(void *arg)
{
	struct tail *t = arg;

	if (fflush(t->errand.out) == EOF)
		t->over = true; /* nobody reads any more */
	if (t->over)
		errand_end(&t->errand, 0);
}

static void tail_signal(void *arg, int signo)
{
	struct tail *t = arg;

	(void)signo;
	if (t->stopping)
		_exit(1);
	t->over = t->stopping = true;
	errand_end(&t->errand, 0);
}

/* --- its subscriptions --- */

static int tail_subscribe(struct tail *t, struct error *err)
{
	const struct component_config *c = t->errand.component;
	const struct connector_class *class = c->part->class;
	const char *list = t->errand.topic;
	char group[48];
	unsigned long long random = 0;
	struct subscription_options o = {
		.group = group, .path = "/", .block = c->part->block, .raw = true, .peek = true
	};
	struct slice item;

	if (!class->subscribe)
		return error_set(err, ERR_CONFIG, "component \"%.60s\" cannot be read", c->name);
	if (!list)
		return error_set(
		    err, ERR_CONFIG, "no topic, expected one behind the component: bridge tail %.60s TOPIC", c->name);
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return error_set(err, ERR_IO, "no random number for a group's name");
	if (policy_read(&t->policy, class, NULL, 0, NULL, 0, err) == -1)
		return -1;
	snprintf(group, sizeof(group), "bridge-tail-%016llx", random);
	o.policy = &t->policy;
	while (list_next(&list, &item)) {
		char *topic = mem_slice(item);

		o.topic = topic;
		if (class->subscription_options) {
			o.options = mem_new(class->subscription_size);
			if (option_parse(class->subscription_options, o.options, NULL, 0, NULL, err) == -1) {
				free(topic);
				return -1;
			}
		}
		function_subscribe(t->errand.function, t->errand.connector, &o);
		free(topic);
	}
	return 0;
}

int tail_events(const struct config *config, const struct command *command)
{
	struct tail t = { .left = command->count ? command->count : -1 };
	struct error err = { ERR_NONE, "" };
	int code;

	if (errand_open(&t.errand, config, command, &err) == 0) {
		((struct tail_binding *)function_binding(t.errand.function, &tail_class))->tail = &t;
		t.flush = (struct later){ .fn = tail_flush, .arg = &t };
		loop_on_signal(t.errand.loop, SIGINT, tail_signal, &t);
		loop_on_signal(t.errand.loop, SIGTERM, tail_signal, &t);
	}
	if (err.code || tail_subscribe(&t, &err) == -1) {
		fprintf(stderr, "bridge: %s\n", err.text);
		return 1;
	}
	code = errand_run(&t.errand);
	errand_close(&t.errand);
	return code;
}
