/* Prints docs/options.md: every option row of the program, from the same tables the parser reads. */
#include <stdio.h>
#include <string.h>
#include "bridge/config/process.h"
#include "bridge/parts.h"
#include "bridge/policy.h"

static const char *type_word(const struct option *row)
{
	switch (row->type) {
	case OPT_STR: return "text";
	case OPT_INT: return "number";
	case OPT_BOOL: return "true, false";
	case OPT_MS: return row->flags & OPT_BARE_MS ? "duration; a bare number: ms" : "duration; a bare number: s";
	case OPT_BYTES: return "bytes: 64Ki, 4Mi";
	case OPT_WORD: return row->words;
	}
	return "";
}

/* A bar would end the cell. */
static void cell_print(const char *text)
{
	for (; *text; text++)
		if (*text == '|')
			fputs("\\|", stdout);
		else
			putchar(*text);
}

static void words_print(const char *words, const char *between)
{
	for (size_t n; *words; words += n + (words[n] == ' ')) {
		n = strcspn(words, " ");
		printf("%s`%.*s`", between, (int)n, words);
		between = ", ";
	}
}

static void row_print(const struct option *row)
{
	printf("| `%s`", row->name);
	if (row->alias)
		words_print(row->alias, ", ");
	printf(" | ");
	if (row->type == OPT_WORD)
		words_print(row->words, "");
	else
		cell_print(type_word(row));
	if (row->flags & OPT_REQUIRED)
		printf(" | required | ");
	else if (row->def)
		printf(" | `%s` | ", row->def);
	else
		printf(" | | ");
	cell_print(row->help);
	printf(" |\n");
}

static void table_print(const char *title, const char *lead, const struct option *rows)
{
	printf("\n## %s\n\n%s\n\n| name | value | default | meaning |\n|---|---|---|---|\n", title, lead);
	for (; rows->name; rows++)
		row_print(rows);
}

static void class_print(const struct connector_class *class, const char *types)
{
	char title[128];

	snprintf(title, sizeof title, "%s: %s", types, class->summary);
	if (class->options)
		table_print(title, "In `spec.metadata` of the Component.", class->options);
	if (class->subscription_options)
		table_print(types, "In the metadata of a Subscription.", class->subscription_options);
}

static void types_add(char *types, size_t size, const char *type)
{
	size_t n = strlen(types);

	snprintf(types + n, size - n, "%s`%s`", n ? ", " : "", type);
}

/* Types that share a class share a table. */
static void parts_print(void)
{
	const struct part *part, *other;

	for (unsigned i = 0; (part = part_at(i)); i++) {
		char types[96] = "";
		bool seen = false;

		for (unsigned j = 0; (other = part_at(j)); j++) {
			seen = seen || (j < i && other->class == part->class);
			if (other->class == part->class)
				types_add(types, sizeof types, other->type);
		}
		if (!seen)
			class_print(part->class, types);
	}
}

static const char lead[] =
    "# Options\n\n"
    "Made by `make docs` from the tables the program itself reads; [configuration.md](configuration.md) explains how\n"
    "they fit together. Names are compared without regard to case; other spellings stand behind a comma.\n"
    "Durations are written `500ms`, `1m30s`.\n";

int main(void)
{
	fputs(lead, stdout);
	table_print("Function",
	    "Paths under `spec` of `apiVersion: bridge/v1`, `kind: Bridge`; `metadata.name` stands beside it. "
	    "A document a function.",
	    function_row_options);
	table_print("Process", "Likewise; of several documents in one, or alike in all.", process_options);
	table_print("Policy", "In the metadata of any source's Component, or of a Subscription, which wins over it.",
	    policy_options);
	parts_print();
	return 0;
}
