/* Secrets that are rotated while the process runs: read again, and handed to the components they belong to. */
#include "bridge/reload.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/bytes.h"
#include "bridge/config/arena.h"
#include "bridge/error.h"
#include "bridge/functions.h"
#include "bridge/log.h"
#include "bridge/loop.h"

enum { QUIET_MS = 300 }; /* a rotation is several changes: all of them first */

/* A component with the settings it runs with, and those it is to be opened anew with. */
struct renewed {
	const struct component_config *component;
	unsigned function;
	struct arena *arena, *next_arena; /* NULL: the settings are the configuration's own; none on their way */
	struct setting *settings, *next_settings;
};

struct reload {
	struct loop *loop;
	const struct command *command;
	const struct config *config;
	struct functions *functions;
	struct renewed *components; /* of all functions */
	unsigned n_components;
	struct path_watch **watches;
	unsigned n_watches;
	struct timer quiet;
};

static void reload_look(void *arg)
{
	reload_now(arg);
}

static void reload_changed(void *arg)
{
	struct reload *r = arg;

	timer_set(r->loop, &r->quiet, QUIET_MS, reload_look, r);
}

static void reload_unwatch(struct reload *r)
{
	while (r->n_watches)
		path_watch_free(r->watches[--r->n_watches]);
}

/* Anew each time: a directory that was replaced is another one. */
static void reload_watch(struct reload *r, const struct config *c)
{
	reload_unwatch(r);
	r->watches = mem_grow(r->watches, (c->n_secret_dirs + 1) * sizeof(*r->watches));
	for (unsigned i = 0; i < c->n_secret_dirs; i++) {
		struct error err = { ERR_NONE, "" };
		struct path_watch *w = path_watch_new(r->loop, c->secret_dirs[i], reload_changed, r, &err);

		if (w)
			r->watches[r->n_watches++] = w;
		else
			log_warn("bridge.reload", "%s; send SIGHUP after a rotation", err.text);
	}
}

static void reload_remember(struct reload *r, unsigned function)
{
	const struct function_config *f = &r->config->functions[function];

	r->components = mem_grow(r->components, (r->n_components + f->n_components + 1) * sizeof(*r->components));
	for (unsigned i = 0; i < f->n_components; i++)
		r->components[r->n_components++] = (struct renewed){
			.component = &f->components[i],
			.function = function,
			.settings = f->components[i].settings,
		};
}

struct reload *reload_new(
    struct loop *loop, const struct command *command, const struct config *config, struct functions *functions)
{
	struct reload *r = mem_new(sizeof(*r));

	r->loop = loop;
	r->command = command;
	r->config = config;
	r->functions = functions;
	for (unsigned i = 0; i < config->n_functions; i++)
		reload_remember(r, i);
	reload_watch(r, config);
	return r;
}

void reload_free(struct reload *r)
{
	if (!r)
		return;
	timer_stop(r->loop, &r->quiet);
	reload_unwatch(r);
	for (unsigned i = 0; i < r->n_components; i++) {
		arena_free(r->components[i].arena);
		arena_free(r->components[i].next_arena);
	}
	free(r->components);
	free(r->watches);
	free(r);
}

static const char *text_or_none(const char *text)
{
	return text ? text : "";
}

/* The same rows, written in the same way: only what they refer to may differ. */
static bool settings_alike(const struct renewed *now, const struct component_config *c, bool *rotated_r)
{
	*rotated_r = false;
	if (now->component->n_settings != c->n_settings || strcmp(now->component->type, c->type) != 0)
		return false;
	for (unsigned i = 0; i < c->n_settings; i++) {
		const struct setting *a = &now->settings[i], *b = &c->settings[i];

		if (strcmp(a->name, b->name) != 0 || a->referred != b->referred)
			return false;
		if (!strcmp(text_or_none(a->value), text_or_none(b->value)))
			continue;
		if (!b->referred)
			return false;
		*rotated_r = true;
	}
	return true;
}

static void renewed_fill(void *arg, struct connector *connector)
{
	struct renewed *n = arg;
	struct error err = { ERR_NONE, "" };

	option_parse(connector->class->options, connector, n->next_settings, n->component->n_settings, NULL, &err);
	arena_free(n->arena);
	n->arena = n->next_arena;
	n->settings = n->next_settings;
	n->next_arena = NULL;
}

static void renewed_apply(struct reload *r, struct renewed *n, const struct component_config *c)
{
	const char *before = log_function(r->config->functions[n->function].rows.app_id);

	arena_free(n->next_arena);
	n->next_arena = arena_new();
	n->next_settings = arena_alloc(n->next_arena, (c->n_settings + 1) * sizeof(*n->next_settings));
	for (unsigned i = 0; i < c->n_settings; i++) {
		n->next_settings[i] = n->component->settings[i];
		n->next_settings[i].value = arena_text(n->next_arena, c->settings[i].value);
	}
	log_info("bridge.reload", "component %s: its secrets changed; it is ended and opened anew", c->name);
	functions_renew(r->functions, n->function, c->name,
	    &(struct renew_options){ r->config->process.drain_ms, renewed_fill, n });
	log_function(before);
}

static const struct component_config *component_named(
    const struct config *c, const char *app_id, const char *name, unsigned *n_r)
{
	for (unsigned i = 0; i < c->n_functions; i++) {
		const struct function_config *f = &c->functions[i];

		*n_r = f->n_components;
		for (unsigned j = 0; j < f->n_components && !strcmp(f->rows.app_id, app_id); j++)
			if (!strcmp(f->components[j].name, name))
				return &f->components[j];
	}
	return NULL;
}

/* What of it differs from what runs; false: more than a secret. */
static bool renewed_look(struct reload *r, struct renewed *n, const struct config *fresh, unsigned *rotated)
{
	const struct function_config *f = &r->config->functions[n->function];
	unsigned components = 0;
	const struct component_config *c = component_named(fresh, f->rows.app_id, n->component->name, &components);
	bool changed = false;

	if (!c || components != f->n_components || !settings_alike(n, c, &changed))
		return false;
	if (changed && n->component->part) {
		renewed_apply(r, n, c);
		++*rotated;
	}
	return true;
}

static void reload_apply(struct reload *r, const struct config *fresh)
{
	unsigned rotated = 0;
	bool alike = fresh->n_functions == r->config->n_functions;

	for (unsigned i = 0; i < r->n_components; i++)
		alike = renewed_look(r, &r->components[i], fresh, &rotated) && alike;
	if (!alike)
		log_warn("bridge.reload", "more than secrets was changed in the files: a restart applies that");
	if (!rotated)
		log_info("bridge.reload", "secrets were read again: none changed");
}

void reload_now(struct reload *r)
{
	struct config *fresh = config_load(r->command);

	for (unsigned i = 0; i < fresh->n_findings; i++) {
		const struct finding *f = &fresh->findings[i];

		if (f->severity == FINDING_ERROR)
			log_error("bridge.reload", "%s:%u:%u: %s; nothing is changed", text_or_none(f->place.file),
			    f->place.line, f->place.column, f->text);
	}
	if (!fresh->n_errors) {
		reload_apply(r, fresh);
		reload_watch(r, fresh);
	}
	config_free(fresh);
}
