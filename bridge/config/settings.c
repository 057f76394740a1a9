/* Settings against option tables: every fault, not only the first. */
#include "bridge/config/settings.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "bridge/bytes.h"
#include "bridge/error.h"
#include "bridge/config/suggest.h"

const struct setting *settings_last(const struct setting *s, unsigned n, const struct option *row)
{
	const struct option one[] = { *row, OPT_END };

	for (unsigned i = n; i > 0; i--)
		if (option_find(one, s[i - 1].name))
			return *s[i - 1].value ? &s[i - 1] : NULL;
	return NULL;
}

const char *settings_value(const struct setting *s, unsigned n, const char *name)
{
	for (unsigned i = n; i > 0; i--)
		if (!strcasecmp(s[i - 1].name, name))
			return *s[i - 1].value ? s[i - 1].value : NULL;
	return NULL;
}

void settings_fill(const struct option *rows, void *at, const struct setting *s, unsigned n)
{
	struct error e;

	for (const struct option *o = rows; o && o->name; o++)
		option_read(o, at, "", &e);
	for (unsigned i = 0; i < n; i++) {
		const struct option *o = option_find(rows, s[i].name);

		if (o)
			option_read(o, at, s[i].value, &e);
	}
}

static bool setting_among(const struct setting *s, const char *const *names)
{
	for (; names && *names; names++)
		if (!strcasecmp(*names, s->name))
			return true;
	return false;
}

static void setting_unknown(
    struct config *c, const struct checked *k, const struct table *tables, unsigned n, const struct setting *s)
{
	struct suggest near;

	suggest_begin(&near, s->name);
	for (unsigned t = 0; t < n; t++)
		for (const struct option *o = tables[t].rows; o && o->name; o++)
			suggest_offer(&near, o->name);
	for (const char *const *name = k->others; name && *name; name++)
		suggest_offer(&near, *name);
	finding_add(c, k->strict ? FINDING_ERROR : FINDING_WARNING, setting_place(s), "%.60s: not known to %s%s%s",
	    s->name, k->of, k->strict ? "" : ", ignored",
	    *suggest_text(&near) || !k->strict ? near.text : "; `bridge help` with its name lists what is");
}

/* In all tables that have it: a name may mean something to more than one.  True: some table has it. */
static bool setting_check(struct config *c, const struct checked *k, const struct table *tables, unsigned n,
    const struct setting *s, unsigned *faults)
{
	bool known = setting_among(s, k->others), faulty = false;

	for (unsigned t = 0; t < n; t++) {
		const struct option *o = option_find(tables[t].rows, s->name);
		struct option row;
		void *scratch;
		struct error e;

		if (!o)
			continue;
		known = true;
		row = option_for(o, s);
		scratch = mem_new(tables[t].size);
		if (option_read(&row, scratch, s->value, &e) && !faulty) {
			finding_add(c, k->severity, setting_place(s), "%s: %s", s->name, e.text);
			faulty = true;
			++*faults;
		}
		free(scratch);
	}
	return known;
}

static void setting_twice(struct config *c, const struct setting *settings, unsigned i)
{
	for (unsigned j = 0; j < i; j++)
		if (!strcasecmp(settings[j].name, settings[i].name)) {
			finding_add(c, FINDING_WARNING, setting_place(&settings[i]),
			    "%.60s is given twice, first in line %u: the last one counts", settings[i].name,
			    settings[j].line);
			return;
		}
}

unsigned settings_check(struct config *c, const struct checked *k, const struct table *tables, unsigned n_tables,
    struct setting *settings, unsigned n)
{
	unsigned faults = 0;

	for (unsigned i = 0; i < n; i++) {
		setting_twice(c, settings, i);
		settings[i].used = setting_check(c, k, tables, n_tables, &settings[i], &faults);
		if (!settings[i].used)
			setting_unknown(c, k, tables, n_tables, &settings[i]);
	}
	for (unsigned t = 0; t < n_tables; t++)
		for (const struct option *o = tables[t].rows; o && o->name; o++)
			if (o->flags & OPT_REQUIRED && !settings_last(settings, n, o)) {
				finding_add(c, k->severity, k->whole, "%s: %s is missing, expected the %s", k->of,
				    o->name, o->help);
				faults++;
			}
	return faults;
}

bool settings_show(struct buf *out, const char *text)
{
	const char *host = strstr(text, "://");
	size_t n = host ? strcspn(host + 3, "/") : 0;
	const char *at = host ? memrchr(host + 3, '@', n) : NULL;
	const char *colon = at ? memchr(host + 3, ':', (size_t)(at - host - 3)) : NULL;

	if (!colon) {
		buf_text(out, text);
		return false;
	}
	buf_add(out, text, (size_t)(colon + 1 - text));
	buf_text(out, "<secret>");
	buf_text(out, at);
	return true;
}
