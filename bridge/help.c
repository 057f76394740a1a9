/* `bridge help WORD`: option rows as text for a terminal, what must be written first, then group by group. */
#include "bridge/help.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include "bridge/config/config.h"
#include "bridge/config/suggest.h"
#include "bridge/paint.h"
#include "bridge/parts.h"
#include "bridge/policy.h"

enum { COLUMNS = 96, INDENT = 6 };

struct page {
	const char *word;
	const struct option *rows;
	const char *lead;
};

static const struct page pages[] = {
	{ "function", function_row_options,
	    "A function, under spec of a document of kind Bridge (metadata.name stands beside it); several documents\n"
	    "are several functions in one process:" },
	{ "process", process_options,
	    "The process, under spec of kind Bridge; of several documents in one, or alike in all:" },
	{ "policy", policy_options,
	    "What becomes of failures, order and load.  In the metadata of a source's Component, behind the ?\n"
	    "of its URL, or in the metadata of a Subscription, which wins:" },
};
enum { N_PAGES = sizeof(pages) / sizeof(*pages) };

static void wrap_print(const char *text)
{
	size_t at = INDENT;

	printf("%*s", INDENT, "");
	for (size_t n; *text; text += n + (text[n] == ' ')) {
		n = strcspn(text, " ");
		if (at > INDENT && at + 1 + n > COLUMNS) {
			printf("\n%*s", INDENT, "");
			at = INDENT;
		}
		at += (size_t)printf("%s%.*s", at > INDENT ? " " : "", (int)n, text);
	}
	putchar('\n');
}

static void value_print(const struct option *o)
{
	static const char *const shapes[] = { [OPT_STR] = "TEXT",
		[OPT_INT] = "NUMBER",
		[OPT_BOOL] = "true|false",
		[OPT_MS] = "TIME",
		[OPT_BYTES] = "BYTES",
		[OPT_WORD] = "" };

	if (o->type == OPT_WORD) {
		for (const char *p = o->words; *p; p += strcspn(p, " "), p += strspn(p, " "))
			printf("%s%.*s", p == o->words ? "" : "|", (int)strcspn(p, "| "), p);
		return;
	}
	printf("%s", shapes[o->type]);
	if (o->type == OPT_MS && o->flags & OPT_BARE_MS)
		printf(" (a bare number: ms)");
}

static void row_print(const struct option *o, bool color)
{
	printf("  %s%s%s  ", paint(color, PAINT_STRONG), o->name, paint(color, PAINT_END));
	value_print(o);
	if (o->flags & OPT_REQUIRED)
		printf("  %srequired%s", paint(color, PAINT_YELLOW), paint(color, PAINT_END));
	else if (o->def)
		printf("  %sdefault %s%s", paint(color, PAINT_FAINT), o->def, paint(color, PAINT_END));
	putchar('\n');
	wrap_print(o->help);
	if (o->alias) {
		printf("%*salso written: ", INDENT, "");
		puts(o->alias);
	}
}

static bool required_print(const struct option *rows, bool color)
{
	bool any = false;

	for (const struct option *o = rows; o->name; o++) {
		if (!(o->flags & OPT_REQUIRED))
			continue;
		if (!any)
			printf("\n%sRequired%s\n", paint(color, PAINT_STRONG), paint(color, PAINT_END));
		any = true;
		row_print(o, color);
	}
	return any;
}

static void rows_print(const struct option *rows, bool color)
{
	const char *heading = required_print(rows, color) ? "Optional" : NULL;

	if (!heading && !rows->group)
		putchar('\n');
	for (const struct option *o = rows; o->name; o++) {
		if (o->group)
			heading = o->group;
		if (o->flags & OPT_REQUIRED)
			continue;
		if (heading)
			printf("\n%s%s%s\n", paint(color, PAINT_STRONG), heading, paint(color, PAINT_END));
		heading = NULL;
		row_print(o, color);
	}
}

static void url_shape_print(const struct connector_class *class)
{
	const struct option *path = option_flagged(class->options, OPT_URL_PATH);
	bool list = path && path->flags & OPT_LIST;

	printf(";\nor in one line: %s://%s/%s?row=value&row=value", class->name,
	    list ? "host:port[,host:port]" : "host:port",
	    list       ? "topic[,topic]"
		: path ? path->name
		       : "");
}

static void class_print(const struct connector_class *class, bool color)
{
	const struct part *p;

	printf("%s%s%s: %s.\n\nAs a Component of type", paint(color, PAINT_STRONG), class->name,
	    paint(color, PAINT_END), class->summary);
	for (unsigned i = 0, n = 0; (p = part_at(i)); i++)
		if (p->class == class)
			printf("%s %s", n++ ? "," : "", p->type);
	if (option_flagged(class->options, OPT_URL_HOST))
		url_shape_print(class);
	printf(".\n");
	if (class->promise) {
		putchar('\n');
		wrap_print(class->promise);
	}
	if (class->options)
		rows_print(class->options, color);
	if (class->subscription_options) {
		printf("\nIn the metadata of a Subscription\n");
		rows_print(class->subscription_options, color);
	}
	printf("\nOrder, retries and dead letters: bridge help policy.\n\n%s\n", exceptions_text);
}

static const struct connector_class *class_find(const char *word)
{
	const struct part *p = part_find(word);

	for (unsigned i = 0; !p && part_at(i); i++)
		if (!strcasecmp(part_at(i)->class->name, word))
			p = part_at(i);
	return p ? p->class : NULL;
}

static int help_unknown(const char *word)
{
	const struct part *p;
	struct suggest s;

	suggest_begin(&s, word);
	for (unsigned i = 0; i < N_PAGES; i++)
		suggest_offer(&s, pages[i].word);
	for (unsigned i = 0; (p = part_at(i)); i++) {
		suggest_offer(&s, p->class->name);
		suggest_offer(&s, p->type);
	}
	fprintf(stderr, "bridge: no help on \"%.60s\"%s\n", word,
	    *suggest_text(&s) ? s.text : ", expected function, policy, process, or a component such as kafka");
	return -1;
}

int help_print(const char *word)
{
	bool color = paint_wanted(STDOUT_FILENO);
	const struct connector_class *class = class_find(word);

	if (class) {
		class_print(class, color);
		return 0;
	}
	for (unsigned i = 0; i < N_PAGES; i++)
		if (!strcasecmp(pages[i].word, word)) {
			puts(pages[i].lead);
			rows_print(pages[i].rows, color);
			printf("\n%s\n", exceptions_text);
			return 0;
		}
	return help_unknown(word);
}
