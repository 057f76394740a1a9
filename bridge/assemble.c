/* From a checked configuration to a function with its binding, components and subscriptions. */
#include "bridge/assemble.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "bridge/error.h"
#include "bridge/loop.h"

enum { TEXT = 32 };

static int binding_make(struct function *f, const struct function_rows *p, struct error *err)
{
	const struct binding_class *class = binding_class_find(p->protocol == PROTOCOL_PLAIN ? "plain" : "http");
	static const char *const formats[] = { "binary", "structured", "raw" };
	char concurrency[TEXT], timeout[TEXT];
	struct setting settings[] = {
		{ .name = "address", .value = p->address },
		{ .name = "endpointConcurrency", .value = concurrency },
		{ .name = "bindingOptionsTimeout", .value = timeout },
		{ .name = "format", .value = formats[p->format] },
		{ .name = "tls.skipVerify", .value = p->skip_verify ? "true" : "false" },
		{ .name = "tls.ca", .value = p->ca_file },
		{ .name = "tls.cert", .value = p->cert_file },
		{ .name = "tls.key", .value = p->key_file },
		{ .name = "appToken", .value = getenv(p->token_env) },
	};
	unsigned n = 0;

	snprintf(concurrency, sizeof(concurrency), "%lld", (long long)p->endpoint_concurrency);
	snprintf(timeout, sizeof(timeout), "%lldms", (long long)p->options_timeout_ms);
	for (unsigned i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (settings[i].value)
			settings[n++] = settings[i];
	return option_parse(class->options, function_binding(f, class), settings, n, NULL, err);
}

static int components_make(
    struct function *f, struct function_config *config, struct connector **made, struct error *err)
{
	for (unsigned i = 0; i < config->n_components; i++) {
		struct component_config *c = &config->components[i];

		if (!c->part)
			continue;
		made[i] = function_component(f, c->part->class, c->name);
		if (c->part->class->options &&
		    option_parse(c->part->class->options, made[i], c->settings, c->n_settings, NULL, err) == -1)
			return error_wrap(err, "component %s", c->name);
	}
	return 0;
}

static int topic_subscribe(struct function *f, struct connector *connector, struct subscription_options *o,
    struct subscription_config *s, struct error *err)
{
	const struct connector_class *class = connector->class;
	void *options = class->subscription_options ? mem_new(class->subscription_size) : NULL;

	if (options &&
	    option_parse(class->subscription_options, options, s->settings, s->n_settings, NULL, err) == -1) {
		free(options);
		return error_wrap(err, "subscription %s", s->name);
	}
	o->options = options;
	function_subscribe(f, connector, o);
	return 0;
}

/* Where a row of topics is a list, a topic of any subscription is; elsewhere a comma is part of its name. */
static bool topic_next(const struct connector_class *class, const char **list, struct slice *item_r)
{
	const struct option *row = option_flagged(class->options, OPT_URL_PATH);

	if (row && row->flags & OPT_LIST)
		return list_next(list, item_r);
	*item_r = slice_text(*list);
	*list = "";
	return item_r->n > 0;
}

/* A list of topics is as many subscriptions: each has its own numbers. */
static int subscription_make(struct function *f, struct function_config *config, struct subscription_config *s,
    struct connector *connector, struct error *err)
{
	const struct component_config *c = &config->components[s->component];
	const char *list = s->topic ? s->topic : c->name;
	struct slice item;
	struct subscription_options o = {
		.name = s->name,
		.group = config_group(config, c),
		.path = s->route,
		.block = c->part->block,
		.raw = s->raw,
		.probe = s->probe,
		.policy = &s->policy,
	};
	int rc = 0;

	while (rc == 0 && topic_next(c->part->class, &list, &item)) {
		char *topic = mem_slice(item);

		o.topic = topic;
		rc = topic_subscribe(f, connector, &o, s, err);
		free(topic);
	}
	return rc;
}

static int function_fill(struct function *f, struct function_config *config, bool deliver, struct error *err)
{
	struct connector **made = mem_new(config->n_components * sizeof(struct connector *));
	int rc = components_make(f, config, made, err);

	if (rc == 0 && deliver && config->rows.address)
		rc = binding_make(f, &config->rows, err);
	if (config->rows.address || !deliver)
		for (unsigned i = 0; rc == 0 && i < config->n_subscriptions; i++)
			rc = subscription_make(
			    f, config, &config->subscriptions[i], made[config->subscriptions[i].component], err);
	free(made);
	return rc;
}

static struct function *function_make(
    struct loop *loop, struct function_config *config, bool deliver, struct error *err)
{
	const struct function_rows *p = &config->rows;
	struct function_options o = {
		.name = p->app_id,
		.buffer_events = (unsigned)p->buffer_events,
		.buffer_bytes = (size_t)p->buffer_bytes,
		.timeout_ms = p->timeout_ms,
		.adaptive = p->adaptive,
	};
	struct function *f;

	if (getrandom(&o.seed, sizeof(o.seed), 0) != sizeof(o.seed))
		o.seed = (uint64_t)loop_wall(loop);
	f = function_new(loop, &o);
	if (function_fill(f, config, deliver, err) == 0)
		return f;
	function_free(f);
	return NULL;
}

struct function *assemble(struct loop *loop, struct function_config *config, struct error *err)
{
	return function_make(loop, config, true, err);
}

struct function *assemble_outlook(struct loop *loop, struct function_config *config, struct error *err)
{
	return function_make(loop, config, false, err);
}
