/* From the command line to the finished config: files, documents, scopes, components, subscriptions. */
#include "bridge/config/config.h"
#include <stdlib.h>
#include <string.h>
#include "bridge/bytes.h"
#include "bridge/error.h"
#include "bridge/config/files.h"
#include "bridge/config/parse.h"
#include "bridge/config/source.h"

struct resource *resources_find(const struct resources *all, int kind, const char *name)
{
	struct resource *elsewhere = NULL;

	for (struct resource *r = all->first; r; r = r->next) {
		if ((int)r->kind != kind || strcmp(r->name, name) != 0)
			continue;
		if (r->state != RESOURCE_ELSEWHERE)
			return r;
		elsewhere = r;
	}
	return elsewhere;
}

/* The tree lives only while its file is read: what is needed of it was copied. */
static void config_take_file(void *arg, const char *path, const char *text, size_t n)
{
	struct resources *all = arg;
	struct arena *tree = arena_new();
	struct fault fault;

	for (const struct document *d = document_parse(tree, text, n, &fault); d; d = d->next)
		resource_read(all, path, d);
	if (fault.error.code)
		finding_add(all->config, FINDING_ERROR, (struct place){ path, fault.line, fault.column }, "%s",
		    fault.error.text);
	arena_free(tree);
}

static void config_read(struct resources *all, const struct command *command)
{
	struct files *files = files_new(all->config, config_take_file, all);

	for (unsigned i = 0; i < command->n_config_paths; i++)
		files_read(files, command->config_paths[i]);
	for (unsigned i = 0; i < command->n_resource_paths; i++)
		files_read(files, command->resource_paths[i]);
	files_free(files);
}

/* As Dapr: the namespace is looked at before names that are taken twice, scopes after. */
static void config_filter_namespace(struct resources *all)
{
	const char *namespace = getenv("NAMESPACE");

	for (struct resource *r = all->first; r && namespace && *namespace; r = r->next)
		if (r->namespace && *r->namespace && strcmp(r->namespace, namespace) != 0) {
			r->state = RESOURCE_ELSEWHERE;
			finding_add(all->config, FINDING_NOTE, r->place,
			    "\"%.60s\" is ignored: namespace \"%.60s\", not \"%.60s\"", r->name, r->namespace,
			    namespace);
		}
}

static int resource_compare(const void *a, const void *b)
{
	const struct resource *x = *(struct resource *const *)a, *y = *(struct resource *const *)b;
	int c = (x->kind > y->kind) - (x->kind < y->kind);

	if (c == 0)
		c = strcmp(x->name, y->name);
	return c ? c : (x->order > y->order) - (x->order < y->order);
}

static void resource_twice(struct resources *all, const struct resource *first, struct resource *again)
{
	const char *kind = again->kind == RESOURCE_COMPONENT ? "component" : "subscription";

	finding_add(all->config, FINDING_ERROR, again->place,
	    "%s \"%.60s\" (%.60s/%.20s) is there twice, first at %s (%.60s/%.20s), expected different names", kind,
	    again->name, again->type ? again->type : again->topic,
	    again->type ? again->version ? again->version : "v1" : again->pubsub, place_text(all->config, first->place),
	    first->type ? first->type : first->topic,
	    first->type ? first->version ? first->version : "v1" : first->pubsub);
	again->state = RESOURCE_FAULTY;
}

static void config_filter_names(struct resources *all)
{
	unsigned n = 0, order = 0, max = all->n_components + all->n_subscriptions;
	struct resource **sorted = mem_new(max * sizeof(*sorted)), *first = NULL;

	for (struct resource *r = all->first; r; r = r->next) {
		r->order = order++;
		if (r->state == RESOURCE_READ)
			sorted[n++] = r;
	}
	if (n > 1)
		qsort(sorted, n, sizeof(*sorted), resource_compare);
	for (unsigned i = 0; i < n; i++) {
		if (first && first->kind == sorted[i]->kind && !strcmp(first->name, sorted[i]->name))
			resource_twice(all, first, sorted[i]);
		else
			first = sorted[i];
	}
	free(sorted);
}

static void config_filter_scopes(struct resources *all)
{
	const char *app_id = all->config->process.app_id;

	for (struct resource *r = all->first; r; r = r->next) {
		bool listed = r->n_scopes == 0;

		for (unsigned i = 0; i < r->n_scopes; i++)
			listed = listed || !strcmp(r->scopes[i], app_id);
		if (listed || r->state == RESOURCE_ELSEWHERE)
			continue;
		r->state = RESOURCE_ELSEWHERE;
		finding_add(all->config, FINDING_NOTE, r->place,
		    "\"%.60s\" is ignored: its scopes do not name app \"%.60s\"", r->name, app_id);
	}
}

static void config_settle(struct resources *all)
{
	struct config *c = all->config;

	c->components = arena_alloc(c->arena, (all->n_components + 1) * sizeof(*c->components));
	c->subscriptions =
	    arena_alloc(c->arena, (all->n_components + all->n_subscriptions + 1) * sizeof(*c->subscriptions));
	for (struct resource *r = all->first; r; r = r->next) /* the others may refer to them */
		if (r->kind == RESOURCE_COMPONENT && r->state == RESOURCE_READ && secret_store_known(r->type))
			component_settle(all, r);
	for (struct resource *r = all->first; r; r = r->next)
		if (r->kind == RESOURCE_COMPONENT && r->state == RESOURCE_READ)
			component_settle(all, r);
	for (struct resource *r = all->first; r; r = r->next)
		if (r->kind == RESOURCE_COMPONENT && r->state == RESOURCE_TAKEN)
			subscription_of_binding(all, r);
	for (struct resource *r = all->first; r; r = r->next)
		if (r->kind == RESOURCE_SUBSCRIPTION && r->state == RESOURCE_READ)
			subscription_settle(all, r);
}

static void config_check_function(struct resources *all, const struct command *command)
{
	struct config *c = all->config;

	if (!c->process.address && c->n_subscriptions > 0 && c->n_errors == 0 && command->verb != COMMAND_SEND &&
	    command->verb != COMMAND_TAIL)
		finding_add(c, FINDING_WARNING, all->bridge,
		    "no function to deliver to, expected function.address or --app-port: nothing is read");
}

struct config *config_load(const struct command *command)
{
	struct config *c = mem_new(sizeof(*c));
	struct resources all = { .config = c };

	all.last = &all.first;
	c->arena = arena_new();
	config_read(&all, command);
	source_of_command(&all, command);
	process_settle(&all, command);
	config_filter_namespace(&all);
	config_filter_names(&all);
	config_filter_scopes(&all);
	config_settle(&all);
	config_check_function(&all, command);
	findings_sort(c);
	free(all.process);
	return c;
}

void config_free(struct config *c)
{
	if (!c)
		return;
	free(c->findings);
	free(c->secret_dirs);
	arena_free(c->arena);
	free(c);
}
