/* An errand of the command line: one component of a configuration, alone. */
#include "bridge/errand.h"
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include "bridge/error.h"
#include "bridge/log.h"
#include "bridge/loop.h"
#include "bridge/version.h"
#include "bridge/config/settings.h"
#include "bridge/config/suggest.h"

enum { BUFFER_EVENTS = 1024, BUFFER_BYTES = 64 << 20, TIMEOUT_MS = 60000, DRAIN_MS = 5000 };

/* The first that has it: its settings speak of it, as {appID} does. */
static const struct function_config *function_with(const struct config *config, const char *component,
    struct suggest *near, const struct component_config **component_r)
{
	for (unsigned f = 0; f < config->n_functions; f++)
		for (unsigned i = 0; i < config->functions[f].n_components; i++) {
			const struct component_config *c = &config->functions[f].components[i];

			if (c->part && !strcmp(c->name, component)) {
				*component_r = c;
				return &config->functions[f];
			}
			suggest_offer(near, c->name);
		}
	return NULL;
}

static const struct function_config *function_named(const struct config *config, const struct command *command,
    const struct component_config **component_r, struct error *err)
{
	const struct function_config *found = config->functions;
	struct suggest near;

	if (command->source) { /* the last that was read */
		*component_r = &found->components[found->n_components - 1];
		return found;
	}
	suggest_begin(&near, command->component);
	found = function_with(config, command->component, &near, component_r);
	if (!found)
		error_set(err, ERR_CONFIG, "no component \"%.60s\"%s", command->component,
		    *suggest_text(&near) ? near.text : ", expected the name of one in those files");
	return found;
}

static const char *component_topic(const struct component_config *c)
{
	for (const struct option *o = c->part->class->options; o && o->name; o++) {
		const struct setting *s = o->flags & OPT_URL_PATH ? settings_last(c->settings, c->n_settings, o) : NULL;

		if (s)
			return s->value;
	}
	return NULL;
}

/* Standard output belongs to the events alone. */
static FILE *output_take(void)
{
	int fd = dup(STDOUT_FILENO);

	dup2(STDERR_FILENO, STDOUT_FILENO);
	return fd < 0 ? NULL : fdopen(fd, "w");
}

int errand_open(struct errand *e, const struct config *config, const struct command *command, struct error *err)
{
	struct function_options options = { .buffer_events = BUFFER_EVENTS,
		.buffer_bytes = BUFFER_BYTES,
		.timeout_ms = TIMEOUT_MS,
		.seed = (uint64_t)getpid() };
	const struct component_config *c = NULL;
	const struct function_config *f = function_named(config, command, &c, err);
	enum log_level level = (enum log_level)config->process.log_level;

	*e = (struct errand){ .component = c };
	if (!f)
		return -1;
	options.name = f->rows.app_id;
	e->topic = command->topic ? command->topic : component_topic(c);
	e->out = output_take();
	if (!e->out)
		return error_set(err, ERR_IO, "standard output is closed");
	log_setup(level == LOG_INFO ? LOG_WARN : level, config->process.log_json, f->rows.app_id, BRIDGE_VERSION);
	e->loop = loop_new(err);
	if (!e->loop)
		return -1;
	e->function = function_new(e->loop, &options);
	e->connector = function_component(e->function, c->part->class, c->name);
	return c->part->class->options
	    ? option_parse(c->part->class->options, e->connector, c->settings, c->n_settings, NULL, err)
	    : 0;
}

static void errand_drained(void *arg)
{
	struct errand *e = arg;

	loop_stop(e->loop);
}

void errand_end(struct errand *e, int code)
{
	if (e->code == -1)
		e->code = code;
	function_drain(e->function, DRAIN_MS, errand_drained, e);
}

int errand_run(struct errand *e)
{
	struct error err = { ERR_NONE, "" };

	e->code = -1;
	if (function_start(e->function, &err) == -1) {
		fprintf(stderr, "bridge: %s\n", err.text);
		return 1;
	}
	loop_run(e->loop);
	return e->code;
}

void errand_close(struct errand *e)
{
	function_free(e->function);
	loop_free(e->loop);
	fclose(e->out);
}
