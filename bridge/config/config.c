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

static void function_filter_names(struct resources *all)
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

static bool resource_is_for(const struct resource *r, const struct process_document *d, const char *app_id)
{
	if (r->owner)
		return r->owner == d;
	for (unsigned i = 0; i < r->n_scopes; i++)
		if (!strcmp(r->scopes[i], app_id))
			return true;
	return r->n_scopes == 0;
}

static void function_filter_scopes(struct resources *all, const struct process_document *d)
{
	const char *app_id = all->function->rows.app_id;

	for (struct resource *r = all->first; r; r = r->next) {
		if (r->state == RESOURCE_ELSEWHERE || resource_is_for(r, d, app_id))
			continue;
		r->state = RESOURCE_ELSEWHERE;
		if (!r->owner)
			finding_add(all->config, FINDING_NOTE, r->place,
			    "\"%.60s\" is ignored: its scopes do not name app \"%.60s\"", r->name, app_id);
	}
}

/* Values are filled in for each function anew, so each has its own. */
static void function_take(struct resources *all)
{
	struct arena *a = all->config->arena;

	for (struct resource *r = all->first; r; r = r->next) {
		struct setting *settings;

		if (r->state == RESOURCE_ELSEWHERE || all->config->n_functions == 1)
			continue;
		settings = arena_alloc(a, (r->n_settings + 1) * sizeof(*settings));
		if (r->n_settings)
			memcpy(settings, r->settings, r->n_settings * sizeof(*settings));
		r->settings = settings;
	}
}

static void function_settle(struct resources *all)
{
	struct function_config *f = all->function;
	struct arena *a = all->config->arena;

	f->components = arena_alloc(a, (all->n_components + 1) * sizeof(*f->components));
	f->subscriptions = arena_alloc(a, (all->n_components + all->n_subscriptions + 1) * sizeof(*f->subscriptions));
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

/* What is for that function, by its states; the counts are of those. */
static struct resource *function_copies(const struct resources *all, struct resources *own)
{
	unsigned n = 0, max = all->n_components + all->n_subscriptions;
	struct resource *copies = mem_new(max * sizeof(*copies));

	own->first = NULL;
	own->last = &own->first;
	for (const struct resource *r = all->first; r; r = r->next) {
		copies[n] = *r;
		copies[n].next = NULL;
		*own->last = &copies[n];
		own->last = &copies[n++].next;
	}
	return copies;
}

static unsigned function_count(struct resources *all)
{
	all->n_components = all->n_subscriptions = 0;
	for (const struct resource *r = all->first; r; r = r->next)
		if (r->state != RESOURCE_ELSEWHERE) {
			all->n_components += r->kind == RESOURCE_COMPONENT;
			all->n_subscriptions += r->kind == RESOURCE_SUBSCRIPTION;
		}
	return all->n_components + all->n_subscriptions;
}

/* As Dapr, names are looked at before scopes where there is one function; several may each have one of that name. */
static void config_settle(struct resources *all)
{
	struct config *c = all->config;
	const struct process_document *d = all->documents;
	unsigned instances = 0;

	for (unsigned i = 0; i < c->n_functions; i++, d = d->next) {
		struct resources own = *all;
		struct resource *copies = function_copies(all, &own);

		own.function = &c->functions[i];
		if (c->n_functions == 1)
			function_filter_names(&own);
		function_filter_scopes(&own, d);
		if (c->n_functions > 1)
			function_filter_names(&own);
		instances += function_count(&own);
		if (instances > INSTANCES_MAX)
			finding_add(c, FINDING_ERROR, own.function->place,
			    "more than %d components and subscriptions in all functions together, expected fewer, or "
			    "scopes",
			    INSTANCES_MAX);
		if (instances <= INSTANCES_MAX) {
			function_take(&own);
			function_settle(&own);
		}
		free(copies);
	}
}

static void config_check_functions(struct resources *all, const struct command *command)
{
	struct config *c = all->config;
	bool errand = command->verb == COMMAND_SEND || command->verb == COMMAND_TAIL || command->verb == COMMAND_SCALER;

	for (unsigned i = 0; i < c->n_functions; i++)
		if (!c->functions[i].rows.address && c->functions[i].n_subscriptions > 0 && c->n_errors == 0 && !errand)
			finding_add(c, FINDING_WARNING, c->functions[i].place,
			    "no function to deliver to, expected function.address or --app-port: nothing is read");
}

struct config *config_load(const struct command *command)
{
	struct config *c = mem_new(sizeof(*c));
	struct resources all = { .config = c };

	all.last = &all.first;
	all.last_document = &all.documents;
	c->arena = arena_new();
	config_read(&all, command);
	source_of_command(&all, command);
	process_settle(&all, command);
	config_filter_namespace(&all);
	config_settle(&all);
	config_check_functions(&all, command);
	findings_sort(c);
	for (struct process_document *d = all.documents; d; d = d->next)
		free(d->settings);
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
