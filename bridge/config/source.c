/* Sources in one line: a URL taken apart into the settings of the Component it stands for. */
#include "bridge/config/source.h"
#include <ctype.h>
#include <string.h>
#include <strings.h>
#include "bridge/bytes.h"
#include "bridge/error.h"
#include "bridge/config/suggest.h"

enum { ROWS_MAX = 200, WAYS = 5 };

struct source {
	struct config *config;
	struct resource *resource;
	const char *url, *name, *route; /* name NULL: the first of its path; route NULL: as a Component without one */
	struct place place; /* of the URL */
	bool input;
	const struct part *part;
	const struct process_document *owner; /* where it stands; NULL: on the command line */
	bool tls; /* an s behind the scheme */
};

static void source_fault(struct source *s, const char *what)
{
	finding_add(s->config, FINDING_ERROR, s->place, "source of \"%.60s\": %s", s->name ? s->name : "run", what);
	s->resource->state = RESOURCE_FAULTY;
}

static int hex_value(char c)
{
	return !isxdigit((unsigned char)c) ? -1
	    : isdigit((unsigned char)c)	   ? c - '0'
					   : tolower((unsigned char)c) - 'a' + 10;
}

/* A copy without percent signs; NULL: one that stands for nothing. */
static char *percent_decode(struct arena *a, const char *p, size_t n)
{
	char *text = arena_slice(a, p, n), *to = text;

	for (const char *from = text; *from; from++, to++) {
		int high, low;

		*to = *from;
		if (*from != '%')
			continue;
		high = hex_value(from[1]);
		low = high < 0 ? -1 : hex_value(from[2]);
		if (low < 0 || high + low == 0)
			return NULL;
		*to = (char)(high << 4 | low);
		from += 2;
	}
	*to = '\0';
	return text;
}

static bool word_is(const char *word, const char *p, size_t n)
{
	return strlen(word) == n && !strncasecmp(word, p, n);
}

static bool word_among(const char *words, const char *p, size_t n)
{
	for (size_t length; words && *words; words += length + (words[length] == ' ')) {
		length = strcspn(words, " ");
		if (length == n && !strncasecmp(words, p, n))
			return true;
	}
	return false;
}

/* The input binding of that name, if a URL can say where it is; with an s behind it if that is its TLS. */
static const struct part *source_part(const char *scheme, size_t n, bool *tls_r)
{
	const struct part *p;

	for (unsigned i = 0; (p = part_at(i)); i++) {
		const char *name = p->class->name;
		size_t name_n = strlen(name);

		*tls_r = n == name_n + 1 && word_is(name, scheme, name_n) && (scheme[name_n] | 0x20) == 's' &&
		    option_flagged(p->class->options, OPT_URL_TLS);
		if (p->block == BLOCK_BINDING && option_flagged(p->class->options, OPT_URL_HOST) &&
		    (*tls_r || word_is(name, scheme, n) || word_among(p->class->schemes, scheme, n)))
			return p;
	}
	return NULL;
}

static void source_scheme_unknown(struct source *s, size_t n)
{
	const char *scheme = arena_slice(s->config->arena, s->url, n);
	const struct part *p;
	struct suggest near;

	suggest_begin(&near, scheme);
	for (unsigned i = 0; (p = part_at(i)); i++)
		if (p->block == BLOCK_BINDING && option_flagged(p->class->options, OPT_URL_HOST))
			suggest_offer(&near, p->class->name);
	source_fault(s,
	    arena_printf(s->config->arena, "\"%.30s\" is no kind of source%s", scheme,
		*suggest_text(&near) ? near.text : ", expected such as kafka"));
}

static void source_set(struct source *s, const char *name, const char *value)
{
	s->resource->settings[s->resource->n_settings++] = (struct setting){
		.name = name, .value = value, .file = s->place.file, .line = s->place.line, .column = s->place.column
	};
}

static bool said_elsewhere(const struct source *s, const char *name)
{
	const struct option *row = option_find(s->part->class->options, name);

	return (row && row->flags & (OPT_URL_HOST | OPT_URL_PATH | OPT_URL_TLS)) || !strcasecmp(name, "direction") ||
	    !strcasecmp(name, "route");
}

/* row=value&row=value */
static bool source_rows(struct source *s, const char *query)
{
	struct arena *a = s->config->arena;

	for (size_t n; *query; query += n + (query[n] == '&')) {
		const char *equals = (n = strcspn(query, "&")) ? memchr(query, '=', n) : NULL;
		const char *name, *value;

		if (n == 0)
			continue;
		name = percent_decode(a, query, equals ? (size_t)(equals - query) : n);
		value = equals ? percent_decode(a, equals + 1, (size_t)(query + n - equals - 1)) : "";
		if (!equals || !name || !*name || !value) {
			source_fault(s, "behind ? rows are expected: row=value&row=value, with %25 for a percent sign");
			return false;
		}
		if (said_elsewhere(s, name)) {
			source_fault(
			    s, arena_printf(a, "%.60s does not stand behind ?: the rest of the line says it", name));
			return false;
		}
		if (s->resource->n_settings == ROWS_MAX) {
			source_fault(s, arena_printf(a, "more than %d rows", ROWS_MAX));
			return false;
		}
		source_set(s, name, value);
	}
	return true;
}

static void source_name(struct source *s, const char *path)
{
	struct slice first;

	s->resource->name = s->name    ? s->name
	    : list_next(&path, &first) ? arena_slice(s->config->arena, first.p, first.n)
				       : s->part->class->name;
}

/* What the class's name does not say the scheme does. */
static const char *source_host(const struct source *s, const char *host)
{
	size_t n = (size_t)(strstr(s->url, "://") - s->url);

	return s->tls || word_is(s->part->class->name, s->url, n)
	    ? host
	    : arena_printf(s->config->arena, "%.*s://%s", (int)n, s->url, host);
}

static void source_parts(struct source *s, const char *rest)
{
	const struct connector_class *class = s->part->class;
	const struct option *path_row = option_flagged(class->options, OPT_URL_PATH);
	struct arena *a = s->config->arena;
	size_t host_n = strcspn(rest, "/?#"), path_n = rest[host_n] == '/' ? strcspn(rest + host_n + 1, "?#") : 0;
	const char *after = rest + host_n + (rest[host_n] == '/') + path_n;
	const char *host = percent_decode(a, rest, host_n);
	const char *path = percent_decode(a, rest + host_n + (rest[host_n] == '/'), path_n);

	if (!host || !path)
		source_fault(s, "a percent sign must be written %25");
	else if (memchr(rest, '@', host_n))
		source_fault(s, "no name or password stands in a URL, expected them as rows of a Component");
	else if (!*host || *after == '#' || (!*path && s->input))
		source_fault(s,
		    arena_printf(
			a, "expected %s://host:port/%s?row=value", class->name, path_row ? path_row->name : "path"));
	else if (*after != '?' || source_rows(s, after + 1)) {
		source_set(s, option_flagged(class->options, OPT_URL_HOST)->name, source_host(s, host));
		if (s->tls)
			source_set(s, option_flagged(class->options, OPT_URL_TLS)->name, "true");
		if (path_row && *path)
			source_set(s, path_row->name, path);
		source_set(s, "direction", s->input ? "input" : "output");
		if (s->route)
			source_set(s, "route", s->route);
	}
	source_name(s, path ? path : "");
}

static void source_take(struct resources *all, struct source *s, struct place place)
{
	const char *colon = strstr(s->url, "://");
	size_t n = colon ? (size_t)(colon - s->url) : strlen(s->url);

	s->config = all->config;
	s->resource = resources_add(all, RESOURCE_COMPONENT, place);
	if (!s->resource)
		return;
	s->resource->name = s->name ? s->name : "";
	s->resource->owner = s->owner;
	s->part = colon ? source_part(s->url, n, &s->tls) : NULL;
	if (!colon)
		source_fault(s, "expected such as kafka://127.0.0.1:9092/orders");
	else if (!s->part)
		source_scheme_unknown(s, n);
	if (!s->part)
		return;
	s->resource->settings = arena_alloc(s->config->arena, (ROWS_MAX + WAYS) * sizeof(struct setting));
	s->resource->type = s->part->type;
	s->resource->type_place = s->place;
	s->resource->strict = true;
	source_parts(s, colon + 3);
}

static void source_read(struct reading *r, const struct node *n)
{
	static const char *const keys[] = { "name", "from", "to", NULL };
	struct place place = reading_place(r, n->line, n->column);
	const struct item *from = node_item(n, "from");
	struct source s = { .input = true, .owner = r->document };

	if (n->kind != NODE_MAP) {
		finding_add(
		    r->config, FINDING_ERROR, place, "bindings: %s, expected {name, from, to}", node_kind_name(n));
		return;
	}
	reading_known(r, n, "a binding", keys, FINDING_ERROR);
	s.name = reading_text(r, n, "name");
	s.url = reading_text(r, n, "from");
	s.route = reading_text(r, n, "to");
	if (!s.name || !*s.name || !s.url) {
		finding_add(r->config, FINDING_ERROR, place, "a binding without %s",
		    s.url ? "name, expected one" : "from, expected such as kafka://127.0.0.1:9092/orders");
		return;
	}
	s.place = reading_place(r, from->node->line, from->node->column);
	source_take(r->all, &s, place);
}

void sources_read(struct reading *r, const struct node *list)
{
	if (list->kind == NODE_TEXT && list->null)
		return;
	if (list->kind != NODE_LIST) {
		finding_add(r->config, FINDING_ERROR, reading_place(r, list->line, list->column),
		    "bindings: %s, expected a list of {name, from, to}", node_kind_name(list));
		return;
	}
	for (const struct item *i = list->items; i; i = i->next)
		source_read(r, i->node);
}

void source_of_command(struct resources *all, const struct command *command)
{
	struct source s = { .input = command->verb == COMMAND_RUN || command->verb == COMMAND_CHECK };

	if (!command->source)
		return;
	s.url = arena_text(all->config->arena, command->source);
	s.route = arena_text(all->config->arena, command->route);
	source_take(all, &s, (struct place){ 0 });
}
