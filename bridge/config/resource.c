/* Documents told apart by apiVersion and kind, and the reading of what all kinds share. */
#include "bridge/config/resource.h"
#include <string.h>
#include <strings.h>
#include "bridge/config/suggest.h"

struct kind {
	const char *group, *name;
	void (*read)(struct reading *, const struct node *); /* NULL: not read, `note` says why */
	enum severity severity; /* of the note; of keys given twice */
	const char *note;
};

static const struct kind kinds[] = {
	{ "dapr.io", "Component", component_read, FINDING_WARNING, NULL },
	{ "dapr.io", "Subscription", subscription_read, FINDING_WARNING, NULL },
	{ "bridge", "Bridge", process_read, FINDING_ERROR, NULL },
	{ "dapr.io", "Configuration", NULL, FINDING_WARNING, "has no effect yet" },
	{ "dapr.io", "Resiliency", NULL, FINDING_WARNING,
	    "has no effect yet: retries are set by retryMaxAttempts and its neighbours" },
	{ "dapr.io", "HTTPEndpoint", NULL, FINDING_NOTE, "is ignored: nothing here calls it" },
	{ "core.openfunction.io", "Function", NULL, FINDING_NOTE, "is ignored: it is not part of this version" },
};
enum { N_KINDS = sizeof(kinds) / sizeof(*kinds) };

struct place reading_place(const struct reading *r, unsigned line, unsigned column)
{
	return (struct place){ r->file, line, column };
}

static struct place node_place(const struct reading *r, const struct node *n)
{
	return reading_place(r, n->line, n->column);
}

/* NULL: absent, nothing, or of another kind, which is a finding. */
static const struct node *reading_node(struct reading *r, const struct node *map, const char *key, enum node_kind kind)
{
	static const char *const expected[] = { [NODE_TEXT] = "a text", [NODE_LIST] = "a list", [NODE_MAP] = "a map" };
	const struct item *i = node_item(map, key);

	if (!i || (i->node->kind == NODE_TEXT && i->node->null))
		return NULL;
	if (i->node->kind == kind)
		return i->node;
	finding_add(r->config, FINDING_ERROR, node_place(r, i->node), "%s: %s, expected %s", key,
	    node_kind_name(i->node), expected[kind]);
	return NULL;
}

const char *reading_text(struct reading *r, const struct node *map, const char *key)
{
	const struct node *n = reading_node(r, map, key, NODE_TEXT);

	return n ? arena_text(r->config->arena, n->text) : NULL;
}

const struct node *reading_map(struct reading *r, const struct node *map, const char *key)
{
	return reading_node(r, map, key, NODE_MAP);
}

const struct node *reading_list(struct reading *r, const struct node *map, const char *key)
{
	return reading_node(r, map, key, NODE_LIST);
}

void reading_known(
    struct reading *r, const struct node *map, const char *what, const char *const *keys, enum severity severity)
{
	for (const struct item *i = map ? map->items : NULL; i; i = i->next) {
		struct suggest s;
		unsigned k;

		for (k = 0; keys[k] && strcasecmp(keys[k], i->key) != 0; k++)
			;
		if (keys[k])
			continue;
		suggest_begin(&s, i->key);
		for (k = 0; keys[k]; k++)
			suggest_offer(&s, keys[k]);
		finding_add(r->config, severity, reading_place(r, i->line, i->column), "%.60s: not a key of %s%s%s",
		    i->key, what, severity == FINDING_WARNING ? ", ignored" : "", suggest_text(&s));
	}
}

const char **reading_names(struct reading *r, const struct node *map, const char *key, unsigned *n_r)
{
	const struct node *list = reading_list(r, map, key);
	const char **names;

	*n_r = 0;
	if (!list)
		return NULL;
	names = arena_alloc(r->config->arena, list->n * sizeof(*names));
	for (const struct item *i = list->items; i; i = i->next) {
		if (i->node->kind == NODE_TEXT)
			names[(*n_r)++] = arena_text(r->config->arena, i->node->text);
		else
			finding_add(r->config, FINDING_ERROR, node_place(r, i->node),
			    "%s: %s in the list, expected texts", key, node_kind_name(i->node));
	}
	return names;
}

struct setting reading_setting(const struct reading *r, const char *name, const struct node *value)
{
	return (struct setting){ .name = arena_text(r->config->arena, name),
		.value = value->null ? "" : arena_text(r->config->arena, value->text),
		.file = r->file,
		.line = value->line,
		.column = value->column };
}

struct resource *resources_add(struct resources *all, int kind, struct place place)
{
	unsigned *count = kind == RESOURCE_COMPONENT ? &all->n_components : &all->n_subscriptions;
	struct resource *res;

	if (*count == RESOURCES_MAX) {
		finding_add(all->config, FINDING_ERROR, place, "too many resources, expected at most %d of a kind",
		    RESOURCES_MAX);
		return NULL;
	}
	++*count;
	res = arena_alloc(all->config->arena, sizeof(*res));
	res->kind = kind;
	res->name = "";
	res->place = place;
	*all->last = res;
	all->last = &res->next;
	return res;
}

struct resource *reading_resource(struct reading *r, const struct node *root, int kind)
{
	const struct node *metadata = reading_map(r, root, "metadata");
	struct resource *res = r->resource = resources_add(r->all, kind, node_place(r, root));

	if (!res)
		return NULL;
	res->name = reading_text(r, metadata, "name");
	res->namespace = reading_text(r, metadata, "namespace");
	if (!res->name || !*res->name) {
		finding_add(r->config, FINDING_ERROR, res->place, "no metadata.name, expected the name of the %s",
		    kind == RESOURCE_COMPONENT ? "component" : "subscription");
		res->name = "";
		res->state = RESOURCE_FAULTY;
	}
	res->scopes = reading_names(r, root, "scopes", &res->n_scopes);
	return res;
}

static void reading_flaws(struct reading *r, const struct document *d, enum severity duplicates)
{
	for (const struct flaw *f = d->flaws; f; f = f->next) {
		struct place place = reading_place(r, f->item->line, f->item->column);

		switch (f->kind) {
		case FLAW_DUPLICATE:
			finding_add(r->config, duplicates, place, "%.60s is given twice, first in line %u%s",
			    f->item->key, f->before->line,
			    duplicates == FINDING_ERROR ? ", expected once" : ": the last one counts");
			break;
		case FLAW_MERGE:
			finding_add(r->config, FINDING_ERROR, place,
			    "merge keys (<<) are not read, expected the keys themselves");
			break;
		}
	}
}

static bool group_is(const char *api, const char *group)
{
	size_t n = strlen(group);

	return !strncasecmp(api, group, n) && (api[n] == '/' || api[n] == '\0');
}

/* A document that is none of ours: quiet unless it looks as if it was meant to be. */
static void reading_foreign(struct reading *r, const struct node *root, const char *api, const char *kind)
{
	struct place place = node_place(r, root);
	struct suggest s;

	suggest_begin(&s, kind);
	for (unsigned i = 0; i < N_KINDS; i++) {
		if (!strcasecmp(kinds[i].name, kind) && kinds[i].read) {
			finding_add(r->config, FINDING_WARNING, place,
			    "%s of apiVersion \"%.60s\" is ignored, expected %s/v1%s", kinds[i].name, api,
			    kinds[i].group, kinds[i].read == process_read ? "" : "alpha1");
			return;
		}
		if (group_is(api, kinds[i].group))
			suggest_offer(&s, kinds[i].name);
	}
	if (group_is(api, "bridge"))
		finding_add(r->config, FINDING_ERROR, place, "no kind \"%.60s\" in %.60s, expected Bridge%s", kind, api,
		    suggest_text(&s));
	else if (group_is(api, "dapr.io") && *suggest_text(&s))
		finding_add(r->config, FINDING_WARNING, place, "kind \"%.60s\" of %.60s is ignored%s", kind, api,
		    suggest_text(&s));
	else
		finding_add(r->config, FINDING_NOTE, place, "%.60s of %.60s is ignored: it concerns others", kind, api);
}

static void reading_document(struct reading *r, const struct document *d, const char *api, const char *kind)
{
	for (unsigned i = 0; i < N_KINDS; i++) {
		const struct kind *k = &kinds[i];

		if (strcasecmp(k->name, kind) != 0 || !group_is(api, k->group))
			continue;
		if (!k->read) {
			finding_add(r->config, k->severity, node_place(r, d->root), "%s %s", k->name, k->note);
			return;
		}
		reading_flaws(r, d, k->severity);
		k->read(r, d->root);
		return;
	}
	reading_foreign(r, d->root, api, kind);
}

void resource_read(struct resources *all, const char *file, const struct document *d)
{
	struct reading r = { .all = all, .config = all->config, .file = file };
	const struct item *api, *kind;

	if (!d->root || d->root->null)
		return;
	if (d->root->kind != NODE_MAP) {
		finding_add(r.config, FINDING_ERROR, node_place(&r, d->root),
		    "%s, expected a map with apiVersion and kind", node_kind_name(d->root));
		return;
	}
	api = node_item(d->root, "apiVersion");
	kind = node_item(d->root, "kind");
	if (!api || api->node->kind != NODE_TEXT || !kind || kind->node->kind != NODE_TEXT) {
		finding_add(r.config, FINDING_WARNING, node_place(&r, d->root),
		    "no %s, expected such as dapr.io/v1alpha1 and Component: ignored",
		    !api || api->node->kind != NODE_TEXT ? "apiVersion" : "kind");
		return;
	}
	reading_document(&r, d, api->node->text, kind->node->text);
}
