/* Components: from the document to a checked entry of the config. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "bridge/bytes.h"
#include "bridge/error.h"
#include "bridge/config/parse.h"
#include "bridge/config/settings.h"
#include "bridge/config/suggest.h"
#include "bridge/config/template.h"

enum { SETTINGS_MAX = 1000, INIT_TIMEOUT_MS = 5000 };

const char *const runtime_names[] = { "direction", "route", "consumerID", "publishingScopes", "subscriptionScopes",
	"allowedTopics", "protectedTopics", "rawPayload", NULL };

/* Categories that load and are listed, but nothing of them runs here. */
static const char *const listed_categories[] = { "state", "lock", "configuration", "secretstores", "crypto",
	"nameresolution", "middleware", "conversation", "workflowbackend", NULL };
static const char *const own_categories[] = { "bindings", "pubsub", NULL };

static const struct option head_rows[] = { BOOL("ignoreErrors", struct resource, ignore_errors, "false", 0,
					       "go on without the component when it fails"),
	MS("initTimeout", struct resource, init_timeout_ms, "5s", 0, "time to start"), OPT_END };

static void component_head(struct reading *r, struct resource *c, const struct node *spec)
{
	for (const struct option *o = head_rows; o->name; o++) {
		const struct item *i = node_item(spec, o->name);
		const char *value = reading_text(r, spec, o->name);
		struct error e;

		if (option_read(o, c, value ? value : "", &e))
			finding_add(r->config, o->type == OPT_BOOL ? FINDING_ERROR : FINDING_WARNING,
			    reading_place(r, i->node->line, i->node->column), "%s: %s", o->name, e.text);
	}
}

static void component_reference(struct reading *r, const struct node *n, const char *name, struct secret_ref *ref_r)
{
	static const char *const keys[] = { "name", "key", NULL };
	const struct node *secret = reading_map(r, n, "secretKeyRef");
	const char *key;

	reading_known(r, secret, "a secretKeyRef", keys, FINDING_WARNING);
	ref_r->env = reading_text(r, n, "envRef");
	if (!secret)
		return;
	ref_r->name = reading_text(r, secret, "name");
	key = reading_text(r, secret, "key");
	ref_r->key = key && *key ? key : ref_r->name;
	if (ref_r->name && *ref_r->name)
		return;
	ref_r->name = NULL;
	finding_add(r->config, FINDING_ERROR, reading_place(r, secret->line, secret->column),
	    "%.60s: secretKeyRef without a name, expected {name: SECRET, key: KEY}", name);
}

static void component_setting(struct reading *r, struct resource *c, const struct node *n)
{
	static const char *const keys[] = { "name", "value", "secretKeyRef", "envRef", NULL };
	struct place place = reading_place(r, n->line, n->column);
	const struct item *name = node_item(n, "name"), *value = node_item(n, "value");
	const struct item *secret = node_item(n, "secretKeyRef"), *env = node_item(n, "envRef");
	struct setting s = { 0 };

	if (n->kind != NODE_MAP || !name || name->node->kind != NODE_TEXT || !*name->node->text) {
		finding_add(r->config, FINDING_ERROR, place, "metadata: %s, expected a map with name and value",
		    n->kind == NODE_MAP ? "an entry without a name" : node_kind_name(n));
		return;
	}
	reading_known(r, n, "a metadata entry", keys, FINDING_WARNING);
	if (value && value->node->kind != NODE_TEXT) {
		finding_add(r->config, FINDING_ERROR, reading_place(r, value->node->line, value->node->column),
		    "%.60s: %s, expected a text", name->node->text, node_kind_name(value->node));
		return;
	}
	s = reading_setting(r, name->node->text, value ? value->node : name->node);
	if (!value)
		s.value = "";
	if (!*s.value && (secret || env)) {
		s.value = NULL;
		s.line = secret ? secret->line : env->line;
		s.column = secret ? secret->column : env->column;
		component_reference(r, n, s.name, &c->refs[c->n_settings]);
	}
	c->settings[c->n_settings++] = s;
}

static void component_settings(struct reading *r, struct resource *c, const struct node *spec)
{
	const struct node *list = reading_list(r, spec, "metadata");

	if (!list)
		return;
	if (list->n > SETTINGS_MAX) {
		finding_add(r->config, FINDING_ERROR, reading_place(r, list->line, list->column),
		    "metadata: %u entries, expected at most %d", list->n, SETTINGS_MAX);
		c->state = RESOURCE_FAULTY;
		return;
	}
	c->settings = arena_alloc(r->config->arena, list->n * sizeof(*c->settings));
	c->refs = arena_alloc(r->config->arena, list->n * sizeof(*c->refs));
	for (const struct item *i = list->items; i; i = i->next)
		component_setting(r, c, i->node);
}

void component_read(struct reading *r, const struct node *root)
{
	static const char *const keys[] = { "apiVersion", "kind", "metadata", "spec", "auth", "scopes", NULL };
	static const char *const spec_keys[] = { "type", "version", "ignoreErrors", "initTimeout", "metadata", NULL };
	static const char *const auth_keys[] = { "secretStore", NULL };
	struct resource *c = reading_resource(r, root, RESOURCE_COMPONENT);
	const struct node *spec = reading_map(r, root, "spec"), *auth = reading_map(r, root, "auth");
	const struct item *type = node_item(spec, "type");

	if (!c)
		return;
	reading_known(r, root, "kind Component", keys, FINDING_WARNING);
	reading_known(r, spec, "a Component's spec", spec_keys, FINDING_WARNING);
	component_head(r, c, spec);
	c->type = reading_text(r, spec, "type");
	c->type_place = type ? reading_place(r, type->node->line, type->node->column) : c->place;
	c->version = reading_text(r, spec, "version");
	component_settings(r, c, spec);
	reading_known(r, auth, "auth", auth_keys, FINDING_WARNING);
	c->secret_store = reading_text(r, auth, "secretStore");
	if (!c->type && c->state == RESOURCE_READ) {
		finding_add(r->config, FINDING_ERROR, c->type_place,
		    "component \"%.60s\": no spec.type, expected such as pubsub.kafka", c->name);
		c->state = RESOURCE_FAULTY;
	}
}

/* From here on: what was read is decided. */

static enum severity component_severity(const struct resource *c)
{
	return c->ignore_errors ? FINDING_WARNING : FINDING_ERROR;
}

static void component_type_unknown(struct resources *all, struct resource *c)
{
	struct buf list = { 0 };
	const struct part *p;
	struct suggest s;

	suggest_begin(&s, c->type);
	for (unsigned i = 0; (p = part_at(i)); i++) {
		suggest_offer(&s, p->type);
		buf_printf(&list, "%s%s", i > 0 ? ", " : "", p->type);
	}
	finding_add(all->config, component_severity(c), c->type_place,
	    "component \"%.60s\": type \"%.60s\" is not part of this version%s "
	    "(expected %.200s)%s",
	    c->name, c->type, suggest_text(&s), list.n ? list.p : "none",
	    c->ignore_errors ? "; left out, as ignoreErrors says" : "");
	buf_free(&list);
}

static bool category_among(const char *type, const char *const *names)
{
	for (; *names; names++) {
		size_t n = strlen(*names);

		if (!strncasecmp(type, *names, n) && type[n] == '.' && type[n + 1])
			return true;
	}
	return false;
}

static void component_category_unknown(struct resources *all, struct resource *c)
{
	char category[64];
	struct suggest s;

	snprintf(category, sizeof(category), "%.*s", (int)strcspn(c->type, "."), c->type);
	suggest_begin(&s, category);
	for (const char *const *name = own_categories; *name; name++)
		suggest_offer(&s, *name);
	for (const char *const *name = listed_categories; *name; name++)
		suggest_offer(&s, *name);
	finding_add(all->config, component_severity(c), c->type_place,
	    "component \"%.60s\": type \"%.60s\" has no category of Dapr's, expected such as pubsub.kafka%s", c->name,
	    c->type, suggest_text(&s));
}

/* True: it may go on; *part_r NULL: a type that is listed only. */
static bool component_part(struct resources *all, struct resource *c, const struct part **part_r)
{
	*part_r = part_find(c->type);
	if (*part_r)
		return true;
	if (secret_store_known(c->type))
		return true;
	if (category_among(c->type, listed_categories)) {
		finding_add(all->config, FINDING_NOTE, c->type_place,
		    "component \"%.60s\" of type %.60s is listed, nothing here uses it", c->name, c->type);
		return true;
	}
	if (category_among(c->type, own_categories))
		component_type_unknown(all, c);
	else
		component_category_unknown(all, c);
	return false;
}

static unsigned component_values(struct resources *all, struct resource *c, const struct part *part)
{
	unsigned faults = part || secret_store_known(c->type) ? secrets_resolve(all, c) : 0;

	for (unsigned i = 0; i < c->n_settings; i++) {
		struct setting *s = &c->settings[i];
		struct error e = { ERR_NONE, "" };
		const char *filled = s->value && part && !s->referred
		    ? template_fill(all->config->arena, s->value, all->function->rows.app_id, &e)
		    : s->value;

		if (e.code)
			finding_add(all->config, component_severity(c), setting_place(s), "%.60s: %s", s->name, e.text);
		if (part && part->block == BLOCK_PUBSUB && s->value && strstr(s->value, "{namespace}"))
			finding_add(all->config, FINDING_WARNING, setting_place(s),
			    "%.60s: {namespace} is filled in, but topics get no namespace in front in this version",
			    s->name);
		faults += e.code != ERR_NONE;
		s->value = filled ? filled : "";
	}
	return faults;
}

/* Rows that are fine one by one may not fit together. */
static unsigned component_check_together(
    struct resources *all, const struct resource *c, const struct connector_class *class)
{
	struct connector *scratch;
	struct place place = c->place;
	struct error e = { ERR_NONE, "" };

	if (!class->check)
		return 0;
	scratch = mem_new(class->size);
	settings_fill(class->options, scratch, c->settings, c->n_settings);
	if (class->check(scratch, &e) == -1) {
		for (unsigned i = 0; i < c->n_settings; i++) {
			size_t n = strlen(c->settings[i].name);

			if (!strncasecmp(e.text, c->settings[i].name, n) && e.text[n] == ':')
				place = setting_place(&c->settings[i]);
		}
		finding_add(all->config, component_severity(c), place, "%s", e.text);
	}
	free(scratch);
	return e.code != ERR_NONE;
}

static void component_check_secrets(
    struct resources *all, const struct resource *c, const struct connector_class *class)
{
	for (unsigned i = 0; i < c->n_settings; i++) {
		const struct setting *s = &c->settings[i];
		const struct option *o = option_find(class->options, s->name);

		all->config->has_secrets |= s->referred || (o && o->flags & OPT_SECRET && *s->value);
		if (s->referred && c->refs[i].name && !(o && o->flags & OPT_SECRET))
			finding_add(all->config, FINDING_NOTE, setting_place(s),
			    "%.60s is not a row for secrets: what it holds may be seen in logs and metrics", s->name);
	}
}

static unsigned component_check(struct resources *all, struct resource *c, const struct part *part)
{
	const struct connector_class *class = part->class;
	const struct table tables[] = { { class->options, class->size }, { policy_options, sizeof(struct policy) },
		{ part->block == BLOCK_BINDING ? class->subscription_options : NULL, class->subscription_size } };
	const struct checked checked = { component_severity(c), part->type, c->place, runtime_names, c->strict };
	unsigned faults;

	if (c->version && *c->version && strcasecmp(c->version, "v0") != 0 && strcasecmp(c->version, "v1") != 0)
		finding_add(all->config, FINDING_WARNING, c->type_place,
		    "component \"%.60s\": version %.20s of %s is not known, read as v1", c->name, c->version,
		    part->type);
	component_check_secrets(all, c, class);
	faults = settings_check(all->config, &checked, tables, 3, c->settings, c->n_settings);
	return faults || c->faults ? faults : component_check_together(all, c, class);
}

void component_settle(struct resources *all, struct resource *c)
{
	struct component_config *made = &all->function->components[all->function->n_components];
	const struct part *part;
	char *type;

	if (!component_part(all, c, &part)) {
		c->state = RESOURCE_FAULTY;
		return;
	}
	c->faults = component_values(all, c, part);
	if (part)
		c->faults += component_check(all, c, part);
	if (c->faults && c->ignore_errors) {
		finding_add(all->config, FINDING_WARNING, c->place,
		    "component \"%.60s\" is left out, as ignoreErrors says", c->name);
		c->state = RESOURCE_FAULTY;
		return;
	}
	type = arena_text(all->config->arena, c->type);
	for (char *p = type; *p; p++)
		*p = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
	*made = (struct component_config){ .name = c->name,
		.type = type,
		.part = part,
		.secret_store = c->secret_store,
		.ignore_errors = c->ignore_errors,
		.init_timeout_ms = c->init_timeout_ms > 0 ? c->init_timeout_ms : INIT_TIMEOUT_MS,
		.settings = c->settings,
		.refs = c->refs,
		.n_settings = c->n_settings,
		.place = c->place };
	c->index = all->function->n_components++;
	c->state = RESOURCE_TAKEN;
}
