/* Subscriptions: from the document, or from an input binding's component, to a checked entry of the config. */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "bridge/error.h"
#include "bridge/config/parse.h"
#include "bridge/config/settings.h"
#include "bridge/config/suggest.h"

enum { SETTINGS_MAX = 1000 };
enum direction { DIRECTION_OUTPUT, DIRECTION_PROBE, DIRECTION_INPUT, DIRECTION_WRONG };

static const char *slashed(struct arena *a, const char *route)
{
	return *route == '/' ? route : arena_printf(a, "/%s", route);
}

static const char *subscription_rules(struct reading *r, const struct node *routes)
{
	static const char *const keys[] = { "match", "path", NULL };
	const struct node *rules = reading_list(r, routes, "rules");

	for (const struct item *i = rules ? rules->items : NULL; i; i = i->next) {
		const char *match = reading_text(r, i->node, "match"), *path = reading_text(r, i->node, "path");

		reading_known(r, i->node->kind == NODE_MAP ? i->node : NULL, "a rule", keys, FINDING_WARNING);
		if (match && *match) {
			finding_add(r->config, FINDING_ERROR, reading_place(r, i->node->line, i->node->column),
			    "routes.rules with a match are not part of this version, expected routes.default alone");
			r->resource->state = RESOURCE_FAULTY;
		} else if (path && *path) {
			return path;
		}
	}
	return NULL;
}

static const char *subscription_route(struct reading *r, const struct node *spec, bool v1)
{
	static const char *const keys[] = { "rules", "default", NULL };
	const struct node *routes;
	const char *route;

	if (v1)
		return reading_text(r, spec, "route");
	routes = reading_map(r, spec, "routes");
	reading_known(r, routes, "routes", keys, FINDING_WARNING);
	route = subscription_rules(r, routes);
	return route ? route : reading_text(r, routes, "default");
}

static void subscription_bulk(struct reading *r, const struct node *spec)
{
	const struct node *bulk = reading_map(r, spec, "bulkSubscribe");
	const char *enabled = reading_text(r, bulk, "enabled");
	const struct item *i = node_item(spec, "bulkSubscribe");

	if (enabled && !strcasecmp(enabled, "true"))
		finding_add(r->config, FINDING_WARNING, reading_place(r, i->line, i->column),
		    "bulkSubscribe is not part of this version: events are delivered one by one");
}

/* The metadata map, and deadLetterTopic as one more row of it. */
static void subscription_settings(struct reading *r, struct resource *s, const struct node *spec)
{
	const struct node *map = reading_map(r, spec, "metadata");
	const struct item *dead = node_item(spec, "deadLetterTopic");

	if (map && map->n > SETTINGS_MAX) {
		finding_add(r->config, FINDING_ERROR, reading_place(r, map->line, map->column),
		    "metadata: %u entries, expected at most %d", map->n, SETTINGS_MAX);
		s->state = RESOURCE_FAULTY;
		return;
	}
	s->settings = arena_alloc(r->config->arena, ((map ? map->n : 0) + 1) * sizeof(*s->settings));
	for (const struct item *i = map ? map->items : NULL; i; i = i->next) {
		if (i->node->kind == NODE_TEXT)
			s->settings[s->n_settings++] = reading_setting(r, i->key, i->node);
		else
			finding_add(r->config, FINDING_ERROR, reading_place(r, i->node->line, i->node->column),
			    "%.60s: %s, expected a text", i->key, node_kind_name(i->node));
	}
	if (reading_text(r, spec, "deadLetterTopic"))
		s->settings[s->n_settings++] = reading_setting(r, "deadLetterTopic", dead->node);
}

void subscription_read(struct reading *r, const struct node *root)
{
	static const char *const keys[] = { "apiVersion", "kind", "metadata", "spec", "scopes", NULL };
	static const char *const v1_keys[] = { "topic", "pubsubname", "route", "metadata", "deadLetterTopic",
		"bulkSubscribe", NULL };
	static const char *const v2_keys[] = { "topic", "pubsubname", "routes", "metadata", "deadLetterTopic",
		"bulkSubscribe", NULL };
	struct resource *s = reading_resource(r, root, RESOURCE_SUBSCRIPTION);
	const struct node *spec = reading_map(r, root, "spec");
	const struct item *pubsub = node_item(spec, "pubsubname");
	bool v1 = strstr(node_item(root, "apiVersion")->node->text, "/v1") != NULL;

	if (!s)
		return;
	reading_known(r, root, "kind Subscription", keys, FINDING_WARNING);
	reading_known(r, spec, v1 ? "a v1alpha1 Subscription's spec" : "a v2alpha1 Subscription's spec",
	    v1 ? v1_keys : v2_keys, FINDING_WARNING);
	s->pubsub = reading_text(r, spec, "pubsubname");
	s->pubsub_place = pubsub ? reading_place(r, pubsub->node->line, pubsub->node->column) : s->place;
	s->topic = reading_text(r, spec, "topic");
	s->route = subscription_route(r, spec, v1);
	subscription_settings(r, s, spec);
	subscription_bulk(r, spec);
	if ((!s->pubsub || !s->topic || !*s->topic) && s->state == RESOURCE_READ) {
		finding_add(r->config, FINDING_ERROR, s->place,
		    "subscription \"%.60s\": no spec.%s, expected the name of the %s", s->name,
		    s->pubsub ? "topic" : "pubsubname", s->pubsub ? "topic" : "component");
		s->state = RESOURCE_FAULTY;
	}
}

/* From here on: what was read is decided. */

static bool list_has(const char *list, size_t length, const char *word)
{
	const char *end = list + length;

	while (list < end) {
		const char *comma = memchr(list, ',', (size_t)(end - list)), *stop = comma ? comma : end;
		size_t n;

		while (list < stop && *list == ' ')
			list++;
		for (n = (size_t)(stop - list); n > 0 && list[n - 1] == ' '; n--)
			;
		if (n == strlen(word) && !memcmp(list, word, n))
			return true;
		list = stop + 1;
	}
	return false;
}

/* "app1=t1,t2;app2=": the topics of one app.  NULL: the app is not named. */
static const char *scope_of(const char *scopes, const char *app_id, size_t *length_r)
{
	while (scopes && *scopes) {
		size_t n = strcspn(scopes, ";"), equals = strcspn(scopes, "=;"), from = strspn(scopes, " "),
		       to = equals;

		while (to > from && scopes[to - 1] == ' ')
			to--;
		if (equals < n && to - from == strlen(app_id) && !memcmp(scopes + from, app_id, to - from)) {
			*length_r = n - equals - 1;
			return scopes + equals + 1;
		}
		scopes += n + (scopes[n] == ';');
	}
	return NULL;
}

bool subscription_allowed(const struct component_config *c, const char *app_id, const char *topic)
{
	const char *allowed = settings_value(c->settings, c->n_settings, "allowedTopics");
	const char *protected_ = settings_value(c->settings, c->n_settings, "protectedTopics");
	size_t n = 0;
	const char *scope = scope_of(settings_value(c->settings, c->n_settings, "subscriptionScopes"), app_id, &n);

	if (allowed && !list_has(allowed, strlen(allowed), topic))
		return false;
	if (scope)
		return list_has(scope, n, topic);
	return !protected_ || !list_has(protected_, strlen(protected_), topic);
}

static void suggest_components(const struct resources *all, struct suggest *s)
{
	for (const struct resource *c = all->first; c; c = c->next)
		if (c->kind == RESOURCE_COMPONENT && c->state != RESOURCE_ELSEWHERE)
			suggest_offer(s, c->name);
}

static const struct setting *setting_named(
    const struct subscription_config *s, const struct component_config *c, const char *row)
{
	const struct option one[] = { *option_find(policy_options, row), OPT_END };
	const struct setting *found = settings_last(s->settings, s->n_settings, one);

	return found ? found : settings_last(c->settings, c->n_settings, one);
}

/* Where events are handed to must be there, and must be able to take them. */
static void subscription_check_place(struct resources *all, const struct subscription_config *s, const char *name,
    const char *topic, const char *const rows[2])
{
	const struct component_config *own = &all->function->components[s->component], *to = own;
	const char *row = rows[name ? 0 : 1];
	const struct setting *said = setting_named(s, own, row);
	struct place place = said ? setting_place(said) : s->place;
	const struct resource *found = name ? resources_find(all, RESOURCE_COMPONENT, name) : NULL;
	struct suggest near;

	if (!name && !topic)
		return;
	if (name && (!found || found->state == RESOURCE_ELSEWHERE)) {
		suggest_begin(&near, name);
		suggest_components(all, &near);
		finding_add(all->config, FINDING_ERROR, place, "%s: no component \"%.60s\"%s%s", row, name,
		    found ? " for this app" : "",
		    *suggest_text(&near) ? near.text : ", expected the name of one that is loaded");
		return;
	}
	if (found && found->state != RESOURCE_TAKEN)
		return;
	if (found)
		to = &all->function->components[found->index];
	if (!to->part || !to->part->class->send)
		finding_add(all->config, FINDING_ERROR, place,
		    "%s: component \"%.60s\" of type %.60s cannot be written to, expected one that can", row, to->name,
		    to->type);
}

static void subscription_check_places(struct resources *all, const struct subscription_config *s)
{
	static const char *const dead[] = { "deadLetterComponent", "deadLetterTopic" };
	static const char *const response[] = { "responseComponent", "responseTopic" };
	const struct policy *p = &s->policy;

	subscription_check_place(all, s, p->dead_letter_component, p->dead_letter_topic, dead);
	subscription_check_place(all, s, p->response_component, p->response_topic, response);
}

/* The policy as far as it can be read; `faults`: some row of it was found faulty before. */
static void subscription_policy(struct resources *all, struct subscription_config *s, unsigned faults)
{
	const struct component_config *c = &all->function->components[s->component];
	bool own = s->settings != c->settings;
	struct error e;

	if (faults ||
	    policy_read(
		&s->policy, c->part->class, c->settings, c->n_settings, s->settings, own ? s->n_settings : 0, &e)) {
		if (!faults && !finding_add_error(all->config, FINDING_ERROR, &e, s->settings, s->n_settings) &&
		    !finding_add_error(all->config, FINDING_ERROR, &e, c->settings, c->n_settings))
			finding_add(all->config, FINDING_ERROR, s->place, "%s", e.text);
		settings_fill(policy_options, &s->policy, NULL, 0);
	} else {
		subscription_check_places(all, s);
	}
	s->dead_letter_topic = s->policy.dead_letter_topic;
}

static enum direction component_direction(
    struct resources *all, const struct component_config *c, const struct setting **said_r)
{
	const struct option row[] = { { .name = "direction" }, OPT_END };
	const struct setting *said = *said_r = settings_last(c->settings, c->n_settings, row);
	enum direction d = DIRECTION_OUTPUT;

	if (!said)
		return DIRECTION_PROBE;
	for (const char *p = said->value; *p;) {
		size_t n = strcspn(p, ","), from = strspn(p, " "), to = n;

		while (to > from && p[to - 1] == ' ')
			to--;
		if (to - from == 5 && !strncasecmp(p + from, "input", 5)) {
			d = DIRECTION_INPUT;
		} else if (to - from != 6 || strncasecmp(p + from, "output", 6) != 0) {
			finding_add(all->config, FINDING_ERROR, setting_place(said),
			    "direction: \"%.60s\" is not known, expected \"input\", \"output\" or \"input, output\"",
			    said->value);
			return DIRECTION_WRONG;
		}
		p += n + (p[n] == ',');
	}
	return d;
}

void subscription_of_binding(struct resources *all, const struct resource *res)
{
	const struct component_config *c = &all->function->components[res->index];
	struct subscription_config *s = &all->function->subscriptions[all->function->n_subscriptions];
	const struct setting *said, *topics = NULL;
	const struct option *row;
	enum direction direction;

	if (!c->part || c->part->block != BLOCK_BINDING)
		return;
	direction = component_direction(all, c, &said);
	if (direction == DIRECTION_WRONG || direction == DIRECTION_OUTPUT ||
	    (direction == DIRECTION_PROBE && !c->part->class->subscribe))
		return;
	if (!c->part->class->subscribe) {
		finding_add(all->config, FINDING_ERROR, setting_place(said),
		    "direction: a %s cannot be read, expected output", c->type);
		return;
	}
	row = option_flagged(c->part->class->options, OPT_URL_PATH);
	if (row)
		topics = settings_last(c->settings, c->n_settings, row);
	if (row && !topics) {
		if (direction == DIRECTION_INPUT)
			finding_add(all->config, FINDING_ERROR, setting_place(said),
			    "direction: input without %s, expected the %s", row->name, row->help);
		return;
	}
	*s = (struct subscription_config){ .name = c->name,
		.component = res->index,
		.topic = topics ? topics->value : NULL,
		.probe = direction == DIRECTION_PROBE,
		.settings = c->settings,
		.n_settings = c->n_settings,
		.place = c->place };
	s->route = settings_value(c->settings, c->n_settings, "route");
	s->route = slashed(all->config->arena, s->route ? s->route : c->name);
	all->function->n_subscriptions++;
	subscription_policy(all, s, res->faults);
}

/* The component it reads from, if it can be read; else a finding, or nothing when what is wrong with it was said. */
static const struct resource *subscription_component(struct resources *all, const struct resource *s)
{
	const struct resource *found = resources_find(all, RESOURCE_COMPONENT, s->pubsub);
	const struct component_config *c;
	struct suggest near;

	if (!found) {
		suggest_begin(&near, s->pubsub);
		suggest_components(all, &near);
		finding_add(all->config, FINDING_ERROR, s->pubsub_place,
		    "subscription \"%.60s\": no component \"%.60s\"%s", s->name, s->pubsub,
		    *suggest_text(&near) ? near.text : ", expected the name of one that is loaded");
		return NULL;
	}
	if (found->state != RESOURCE_TAKEN) {
		finding_add(all->config, FINDING_WARNING, s->pubsub_place,
		    "subscription \"%.60s\" is left out: component \"%.60s\" is %s", s->name, s->pubsub,
		    found->state == RESOURCE_ELSEWHERE ? "not for this app" : "left out");
		return NULL;
	}
	c = &all->function->components[found->index];
	if (c->part && c->part->block == BLOCK_PUBSUB && c->part->class->subscribe)
		return found;
	finding_add(all->config, FINDING_ERROR, s->pubsub_place,
	    "subscription \"%.60s\": component \"%.60s\" of type %.60s has no topics to read, "
	    "expected a pubsub component",
	    s->name, c->name, c->type);
	return NULL;
}

static bool subscription_wanted(struct resources *all, const struct resource *s, const struct resource *component)
{
	const struct function_config *c = all->function;

	if (!s->route || !*s->route) {
		finding_add(all->config, FINDING_WARNING, s->place,
		    "subscription \"%.60s\" is left out: it has no route, expected such as /orders", s->name);
		return false;
	}
	if (!subscription_allowed(&c->components[component->index], c->rows.app_id, s->topic)) {
		finding_add(all->config, FINDING_WARNING, s->place,
		    "subscription \"%.60s\" is left out: scopes of \"%.60s\" keep app \"%.60s\" from topic \"%.60s\"",
		    s->name, s->pubsub, c->rows.app_id, s->topic);
		return false;
	}
	for (unsigned i = 0; i < c->n_subscriptions; i++) {
		const struct subscription_config *other = &c->subscriptions[i];

		if (other->component != component->index || strcmp(other->topic, s->topic) != 0)
			continue;
		finding_add(all->config, FINDING_WARNING, s->place,
		    "subscription \"%.60s\" is left out: \"%.60s\" (%s) reads that topic already", s->name, other->name,
		    place_text(all->config, other->place));
		return false;
	}
	return true;
}

void subscription_settle(struct resources *all, struct resource *res)
{
	const struct resource *component = subscription_component(all, res);
	struct subscription_config *s = &all->function->subscriptions[all->function->n_subscriptions];
	struct head {
		bool raw;
	} head = { false };
	static const struct option head_rows[] = {
		BOOL("rawPayload", struct head, raw, "false", 0, "the topic holds plain bytes"), OPT_END
	};
	const struct part *part;
	unsigned faults;

	if (!component || !subscription_wanted(all, res, component))
		return;
	part = all->function->components[component->index].part;
	const struct table tables[] = { { part->class->subscription_options, part->class->subscription_size },
		{ policy_options, sizeof(struct policy) }, { head_rows, sizeof(head) } };
	const struct checked checked = { FINDING_ERROR, part->type, res->place, runtime_names, false };

	faults = settings_check(all->config, &checked, tables, 3, res->settings, res->n_settings);
	settings_fill(head_rows, &head, res->settings, res->n_settings);
	*s = (struct subscription_config){ .name = res->name,
		.component = component->index,
		.topic = res->topic,
		.route = slashed(all->config->arena, res->route),
		.settings = res->settings,
		.n_settings = res->n_settings,
		.raw = head.raw,
		.place = res->place };
	all->function->n_subscriptions++;
	subscription_policy(all, s, faults + component->faults);
}
