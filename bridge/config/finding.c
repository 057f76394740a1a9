/* Findings: kept within bounds, in order, printed one a line. */
#include "bridge/config/finding.h"
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bridge/bytes.h"
#include "bridge/error.h"
#include "bridge/config/arena.h"

enum { FINDING_TEXT_MAX = 512 };

static char *finding_text(struct arena *a, const char *raw)
{
	char shown[FINDING_TEXT_MAX * 4 + 1];
	size_t n = 0;

	for (; *raw; raw++)
		n += (size_t)snprintf(
		    shown + n, sizeof(shown) - n, iscntrl((unsigned char)*raw) ? "\\x%02x" : "%c", (unsigned char)*raw);
	return arena_slice(a, shown, n);
}

static void finding_keep(struct config *c, enum severity severity, struct place place, char *text)
{
	c->findings = mem_grow(c->findings, (c->n_findings + 1) * sizeof(*c->findings));
	c->findings[c->n_findings++] = (struct finding){ severity, place, text };
}

/* What is read for several functions is found several times. */
static bool finding_known(const struct config *c, enum severity severity, struct place place, const char *text)
{
	for (unsigned i = c->n_findings; i-- > 0;) {
		const struct finding *f = &c->findings[i];

		if (f->place.line == place.line && f->place.column == place.column && f->severity == severity &&
		    f->place.file == place.file && !strcmp(f->text, text))
			return true;
	}
	return false;
}

void finding_add(struct config *c, enum severity severity, struct place place, const char *fmt, ...)
{
	char text[FINDING_TEXT_MAX], *shown;
	va_list ap;

	if (c->n_findings > FINDINGS_MAX) {
		c->n_errors += severity == FINDING_ERROR;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	shown = finding_text(c->arena, text);
	if (c->n_functions > 1 && finding_known(c, severity, place, shown))
		return;
	c->n_errors += severity == FINDING_ERROR;
	if (c->n_findings == FINDINGS_MAX)
		finding_keep(c, severity, place, arena_text(c->arena, "more was found from here on than is shown"));
	if (c->n_findings < FINDINGS_MAX)
		finding_keep(c, severity, place, shown);
}

struct place setting_place(const struct setting *s)
{
	return (struct place){ s->file, s->line, s->column };
}

const char *place_text(struct config *c, struct place place)
{
	return place.file ? arena_printf(c->arena, "%s:%u:%u", place.file, place.line, place.column)
			  : "the command line";
}

bool finding_add_error(
    struct config *c, enum severity severity, const struct error *e, const struct setting *s, unsigned n)
{
	char prefix[sizeof(e->text)];

	for (unsigned i = 0; i < n; i++) {
		if (!s[i].file)
			continue;
		snprintf(prefix, sizeof(prefix), "%s:%u:%u: ", s[i].file, s[i].line, s[i].column);
		if (!strncmp(e->text, prefix, strlen(prefix))) {
			finding_add(c, severity, setting_place(&s[i]), "%s", e->text + strlen(prefix));
			return true;
		}
	}
	return false;
}

static int finding_compare(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;
	int c = strcmp(x->place.file ? x->place.file : "", y->place.file ? y->place.file : "");

	if (c == 0)
		c = (x->place.line > y->place.line) - (x->place.line < y->place.line);
	if (c == 0)
		c = (x->place.column > y->place.column) - (x->place.column < y->place.column);
	return c ? c : strcmp(x->text, y->text);
}

void findings_sort(struct config *c)
{
	if (c->n_findings > 1)
		qsort(c->findings, c->n_findings, sizeof(*c->findings), finding_compare);
}

void config_print_findings(const struct config *c, bool notes)
{
	static const char *const words[] = {
		[FINDING_NOTE] = "note: ", [FINDING_WARNING] = "warning: ", [FINDING_ERROR] = ""
	};

	for (unsigned i = 0; i < c->n_findings; i++) {
		const struct finding *f = &c->findings[i];

		if (f->severity == FINDING_NOTE && !notes)
			continue;
		if (!f->place.file)
			fprintf(stderr, "command line: ");
		else if (f->place.line == 0)
			fprintf(stderr, "%s: ", f->place.file);
		else
			fprintf(stderr, "%s:%u:%u: ", f->place.file, f->place.line, f->place.column);
		fprintf(stderr, "%s%s\n", words[f->severity], f->text);
	}
}
