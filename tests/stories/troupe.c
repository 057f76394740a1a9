/* The functions of a story: one, "f", or several that share a loop; begun, drained and looked at together. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/error.h"
#include "tests/stories/story.h"

unsigned story_function(struct story *s, const char *name)
{
	for (unsigned i = 0; i < s->n_functions; i++)
		if (!strcmp(s->functions[i].name, name))
			return i;
	if (s->n_functions == FUNCTIONS) {
		fail(s, "too many functions: ", name);
		return 0;
	}
	snprintf(s->functions[s->n_functions].name, sizeof(s->functions[0].name), "%s", name);
	return s->n_functions++;
}

static struct story_connector *story_connector(struct story *s, const char *name)
{
	for (unsigned i = 0; i < s->n_connectors; i++)
		if (!strcmp(s->connectors[i].name, name))
			return &s->connectors[i];
	fail(s, "no such connector: ", name);
	return &s->connectors[0];
}

static void function_subscribe_all(struct story *s, unsigned function)
{
	for (unsigned i = 0; i < s->n_subs; i++) {
		struct story_connector *c = story_connector(s, s->subs[i].connector);
		struct subscription_options o = { .topic = s->subs[i].topic,
			.group = "f",
			.path = s->subs[i].route,
			.block = BLOCK_PUBSUB,
			.probe = s->subs[i].probe,
			.policy = &s->subs[i].policy };

		if (c->function == function)
			function_subscribe(s->functions[function].function, c->connector, &o);
	}
}

static void function_begin(struct story *s, unsigned i)
{
	struct error err = { ERR_NONE, "" };
	struct function *f;

	s->options.name = s->functions[i].name;
	f = s->functions[i].function = function_new(s->loop, &s->options);
	s->functions[i].binding = function_binding(f, s->asks ? &cast_binding_asks : &cast_binding);
	for (unsigned c = 0; c < s->n_connectors; c++)
		if (s->connectors[c].function == i)
			s->connectors[c].connector =
			    function_component(f, s->connectors[c].class, s->connectors[c].name);
	function_subscribe_all(s, i);
	if (function_start(f, &err) == -1)
		fail(s, "start: ", err.text);
}

void story_begin(struct story *s)
{
	story_function(s, "f");
	for (unsigned i = 0; i < s->n_functions; i++)
		function_begin(s, i);
	s->begun = true;
}

struct delivery *story_delivery(struct story *s, const char *id)
{
	struct delivery *d = NULL;

	for (unsigned i = 0; i < s->n_functions && !d; i++)
		d = cast_delivery(s->functions[i].binding, id, true);
	return d;
}

void story_metrics(struct story *s, struct buf *out)
{
	struct function *list[FUNCTIONS];

	for (unsigned i = 0; i < s->n_functions; i++)
		list[i] = s->functions[i].function;
	metrics_print(list, s->n_functions, out);
}

static void story_one_drained(void *arg)
{
	struct story *s = arg;

	if (++s->n_drained == s->n_functions)
		say("drained");
}

void story_drain(struct story *s, int64_t ms)
{
	for (unsigned i = 0; i < s->n_functions; i++)
		function_drain(s->functions[i].function, ms, story_one_drained, s);
}

bool story_drained(const struct story *s)
{
	return s->n_drained == s->n_functions;
}

void story_free(struct story *s)
{
	for (unsigned i = 0; i < s->n_functions; i++)
		function_free(s->functions[i].function);
}
