/* Secrets that are rotated while the process runs: read again, and handed to the components they belong to. */
#include "bridge/reload.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/bytes.h"
#include "bridge/config/arena.h"
#include "bridge/error.h"
#include "bridge/log.h"
#include "bridge/loop.h"

enum { QUIET_MS = 300 }; /* a rotation is several changes: all of them first */

/* A component with the settings it runs with, and those it is to be opened anew with. */
struct renewed {
	const struct component_config *component;
	struct arena *arena, *next_arena; /* NULL: the settings are the configuration's own; none on their way */
	struct setting *settings, *next_settings;
};

struct reload {
	struct loop *loop;
	struct reload_options options;
	struct renewed *components; /* as many as the configuration has */
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

struct reload *reload_new(struct loop *loop, const struct reload_options *options)
{
	struct reload *r = mem_new(sizeof(*r));
	const struct config *c = options->config;

	r->loop = loop;
	r->options = *options;
	r->components = mem_new((c->n_components + 1) * sizeof(*r->components));
	for (unsigned i = 0; i < c->n_components; i++) {
		r->components[i].component = &c->components[i];
		r->components[i].settings = c->components[i].settings;
	}
	reload_watch(r, c);
	return r;
}

void reload_free(struct reload *r)
{
	if (!r)
		return;
	timer_stop(r->loop, &r->quiet);
	reload_unwatch(r);
	for (unsigned i = 0; i < r->options.config->n_components; i++) {
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
	arena_free(n->next_arena);
	n->next_arena = arena_new();
	n->next_settings = arena_alloc(n->next_arena, (c->n_settings + 1) * sizeof(*n->next_settings));
	for (unsigned i = 0; i < c->n_settings; i++) {
		n->next_settings[i] = n->component->settings[i];
		n->next_settings[i].value = arena_text(n->next_arena, c->settings[i].value);
	}
	log_info("bridge.reload", "component %s: its secrets changed; it is ended and opened anew", c->name);
	r->options.renew(r->options.arg, c->name, renewed_fill, n);
}

static const struct component_config *component_named(const struct config *c, const char *name)
{
	for (unsigned i = 0; i < c->n_components; i++)
		if (!strcmp(c->components[i].name, name))
			return &c->components[i];
	return NULL;
}

static void reload_apply(struct reload *r, const struct config *fresh)
{
	unsigned rotated = 0, others = fresh->n_components != r->options.config->n_components;

	for (unsigned i = 0; i < r->options.config->n_components; i++) {
		struct renewed *n = &r->components[i];
		const struct component_config *c = component_named(fresh, n->component->name);
		bool changed = false;

		if (!c || !settings_alike(n, c, &changed)) {
			others++;
		} else if (changed && n->component->part) {
			renewed_apply(r, n, c);
			rotated++;
		}
	}
	if (others)
		log_warn("bridge.reload", "more than secrets was changed in the files: a restart applies that");
	if (!rotated)
		log_info("bridge.reload", "secrets were read again: none changed");
}

void reload_now(struct reload *r)
{
	struct config *fresh = config_load(r->options.command);

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
