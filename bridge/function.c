/* One function: what hangs on it, its turn at the end of a loop turn, discovery and readiness. */
#include "bridge/function.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/core.h"

enum { PACE_FIRST = 4, KEEP_BYTES = 4 << 20 }; /* free event memory that is kept for the next ones */

static void function_turn(void *arg);

struct function *function_new(struct loop *loop, const struct function_options *options)
{
	struct function *f = mem_new(sizeof(*f));

	f->loop = loop;
	f->options = *options;
	f->options.name = mem_text(options->name);
	f->random.s = options->seed;
	f->pool.keep_max = options->buffer_bytes < KEEP_BYTES ? options->buffer_bytes : KEEP_BYTES;
	f->turn = (struct later){ .fn = function_turn, .arg = f };
	lane_init(f);
	return f;
}

void function_touch(struct function *f)
{
	loop_defer(f->loop, &f->turn);
}

struct binding *function_binding(struct function *f, const struct binding_class *class)
{
	struct bound *b = mem_new(offsetof(struct bound, binding) + class->size);

	assert(!f->bound && class->size >= sizeof(struct binding));
	b->function = f;
	b->binding = (struct binding){ .class = class, .loop = f->loop, .function = f, .name = f->options.name };
	pace_begin(&b->pace, f->options.adaptive, PACE_FIRST);
	f->bound = b;
	return &b->binding;
}

struct connector *function_component(struct function *f, const struct connector_class *class, const char *name)
{
	struct component *c = mem_new(offsetof(struct component, connector) + class->size);
	struct component **at = &f->components;

	assert(class->size >= sizeof(struct connector));
	c->function = f;
	c->name = mem_text(name);
	c->connector = (struct connector){ .class = class, .loop = f->loop, .name = c->name };
	while (*at)
		at = &(*at)->next;
	*at = c;
	return &c->connector;
}

void function_subscribe(struct function *f, struct connector *connector, const struct subscription_options *o)
{
	struct sub *s = mem_new(sizeof(*s)), **at = &f->subs;

	assert(f->state == FUNCTION_NEW);
	s->function = f;
	s->component = component_of(connector);
	s->public = (struct subscription){ .component = s->component->name,
		.topic = mem_text(o->topic),
		.group = mem_text(o->group),
		.options = o->options,
		.block = o->block,
		.raw = o->raw,
		.peek = o->peek };
	s->policy = o->policy;
	s->order = (enum order)o->policy->order;
	s->max_in_flight = (unsigned)o->policy->max_in_flight;
	s->backoff = (struct backoff){ o->policy->retry_initial_ms, o->policy->retry_max_ms };
	s->route = (struct route){ f->bound ? &f->bound->binding : NULL, mem_text(o->path) };
	s->name = mem_text(o->name ? o->name : s->component->name);
	s->lag.idle = true;
	s->next_watched = s->component->watched;
	s->component->watched = s;
	s->probe = o->probe;
	while (*at)
		at = &(*at)->next;
	*at = s;
}

static int function_open(struct function *f, struct error *err)
{
	for (struct component *c = f->components; c; c = c->next) {
		if (!c->connector.class->open)
			connector_up(&c->connector);
		else if (c->connector.class->open(&c->connector, err) == -1)
			return error_wrap(err, "component %s", c->name);
	}
	if (f->bound && f->bound->binding.class->open(&f->bound->binding, err) == -1)
		return error_wrap(err, "function %s", f->options.name);
	function_touch(f);
	return 0;
}

int function_start(struct function *f, struct error *err)
{
	const char *before = log_function(f->options.name);
	int rc;

	f->state = FUNCTION_RUNNING;
	rc = function_open(f, err);
	log_function(before);
	return rc;
}

void binding_capacity(struct binding *binding, unsigned total)
{
	struct bound *b = bound_of(binding);

	if (!b->capacity && total) {
		log_info("bridge.function", "function %s: reachable", b->function->options.name);
		b->discover_owed = !b->discovered;
	} else if (b->capacity && !total) {
		log_warn("bridge.function", "function %s: not reachable; nothing more is read until it is",
		    b->function->options.name);
	}
	b->capacity = total;
	function_touch(b->function);
}

static void sub_want(struct sub *s)
{
	if (s->wanted)
		return;
	s->wanted = true;
	s->component->resubscribe_owed = true;
	log_info("bridge.function", "component %s: %s goes to %s", s->public.component, s->public.topic, s->route.path);
}

static bool path_listed(const char *path, const char *const *inputs, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!strcmp(path, inputs[i]))
			return true;
	return false;
}

int binding_discovered(struct binding *binding, const struct wanted *wanted, unsigned n, const char *const *inputs,
    unsigned n_inputs, struct error *err)
{
	struct bound *b = bound_of(binding);

	(void)wanted;
	if (n)
		return error_set(
		    err, ERR_CONFIG, "subscriptions that the app asks for itself are not part of this version");
	b->discovered = true;
	for (struct sub *s = b->function->subs; s; s = s->next)
		if (!s->probe || path_listed(s->route.path, inputs, n_inputs))
			sub_want(s);
	function_touch(b->function);
	return 0;
}

static void function_discover(struct bound *b)
{
	const char **paths;
	unsigned n = 0, i = 0;

	b->discover_owed = false;
	for (struct sub *s = b->function->subs; s; s = s->next)
		n += s->probe;
	paths = mem_new(n * sizeof(*paths));
	for (struct sub *s = b->function->subs; s; s = s->next)
		if (s->probe)
			paths[i++] = s->route.path;
	if (n && b->binding.class->discover)
		b->binding.class->discover(&b->binding, paths, n);
	if (!n || !b->binding.class->discover)
		binding_discovered(&b->binding, NULL, 0, paths, n, &(struct error){ 0 });
	else /* what needs no asking does not wait for the answer */
		for (struct sub *s = b->function->subs; s; s = s->next)
			if (!s->probe)
				sub_want(s);
	free(paths);
}

static void function_turn(void *arg)
{
	struct function *f = arg;

	if (f->bound && f->bound->discover_owed && f->state == FUNCTION_RUNNING)
		function_discover(f->bound);
	for (struct component *c = f->components; c; c = c->next)
		component_turn(c);
	if (f->bound && f->state < FUNCTION_CLOSING)
		deliver_pump(f->bound);
	window_turn(f);
	lag_turn(f);
	if (!f->was_ready && function_ready(f, NULL)) {
		f->was_ready = true;
		log_info("bridge.function", "function %s: ready", f->options.name);
	}
	drain_step(f);
}

bool function_was_ready(const struct function *f)
{
	return f->was_ready;
}

const char *function_name(const struct function *f)
{
	return f->options.name;
}

static bool ready_not(struct buf *why, const char *component, const char *reason)
{
	if (why && why->n)
		buf_text(why, "; ");
	if (why && component)
		buf_printf(why, "component %s: ", component);
	if (why)
		buf_text(why, reason);
	return false;
}

bool function_ready(const struct function *f, struct buf *why)
{
	bool ready = true;

	if (f->state != FUNCTION_RUNNING)
		ready = ready_not(why, NULL, "not running (starting or draining)");
	if (f->bound && !f->bound->capacity)
		ready = ready_not(why, NULL, "not reachable");
	else if (f->bound && !f->bound->discovered)
		ready = ready_not(why, NULL, "not yet asked what it wants");
	for (struct component *c = f->components; c; c = c->next)
		if (!component_ready(c))
			ready = ready_not(why, c->name,
			    c->up		     ? "not yet subscribed"
				: c->last_error.code ? c->last_error.text
						     : "not yet connected");
	return ready;
}

void function_free(struct function *f)
{
	while (f->subs) {
		struct sub *s = f->subs;

		f->subs = s->next;
		timer_stop(f->loop, &s->rate.timer);
		lag_free(s);
		free(s->name);
		reasons_free(&s->reasons);
		free(s->history);
		free((void *)(uintptr_t)s->public.options);
		free((void *)(uintptr_t)s->public.topic);
		free((void *)(uintptr_t)s->public.group);
		free((void *)(uintptr_t)s->route.path);
		free(s);
	}
	while (f->components) {
		struct component *c = f->components;

		f->components = c->next;
		component_free(c);
	}
	loop_undefer(f->loop, &f->turn);
	timer_stop(f->loop, &f->slow);
	timer_stop(f->loop, &f->deadline);
	free(f->bound);
	pool_free(&f->pool);
	free(f->lanes);
	free((void *)(uintptr_t)f->options.name);
	free(f);
}
