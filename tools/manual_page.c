/* Prints docs/bridge.1: words, flags and every option row, from the same tables the program itself reads. */
#include <stdio.h>
#include <string.h>
#include "bridge/config/config.h"
#include "bridge/config/flag.h"
#include "bridge/parts.h"
#include "bridge/policy.h"
#include "bridge/version.h"

/* As it stands: no request at the beginning of a line, no escapes, hyphens that can be copied. */
static void text_print(const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", stdout);
	for (; *text; text++)
		if (*text == '\\')
			fputs("\\e", stdout);
		else if (*text == '-')
			fputs("\\-", stdout);
		else
			putchar(*text);
}

static void term_print(const char *name, const char *shape, const char *help)
{
	printf(".TP\n\\fB");
	text_print(name);
	printf("\\fR");
	if (shape && *shape) {
		printf(" \\fI");
		text_print(shape);
		printf("\\fR");
	}
	putchar('\n');
	text_print(help);
	putchar('\n');
}

static void words_print(void)
{
	printf(".SH SYNOPSIS\n");
	for (const struct verb_row *v = verbs; v->name; v++) {
		printf(".br\n\\fBbridge\\fR ");
		text_print(v->usage);
		putchar('\n');
	}
	printf(".SH DESCRIPTION\nbridge reads brokers beside a function, POSTs every event to it, and acknowledges "
	       "an event only when\nthe function said it is done.\n");
	for (const struct verb_row *v = verbs; v->name; v++)
		term_print(v->name, "", v->help);
	printf(".PP\nA source in one line is\n.RS\n.nf\n"
	       "kafka://host:port[,host:port]/topic[,topic]?row=value&row=value\n.fi\n.RE\n"
	       "with the rows below; percent signs encode what has a meaning in it.\n.PP\n");
	text_print(exceptions_text);
	putchar('\n');
}

static void flags_print(void)
{
	printf(".SH FLAGS\nWritten \\-\\-name=value or \\-\\-name value; they win over files.\n");
	for (const struct flag *f = flags; f->name; f++) {
		char name[64];

		snprintf(name, sizeof(name), "--%s", f->name);
		if (f->help)
			term_print(name, f->shape, f->help);
	}
}

static void rows_print(const char *title, const char *where, const struct option *rows)
{
	printf(".SH %s\n", title);
	text_print(where);
	putchar('\n');
	for (; rows->name; rows++) {
		char shape[200];

		snprintf(shape, sizeof(shape), "%s%s%s", rows->words ? rows->words : "",
		    rows->flags & OPT_REQUIRED ? " (required)"
			: rows->def	       ? " = "
					       : "",
		    rows->flags & OPT_REQUIRED || !rows->def ? "" : rows->def);
		term_print(rows->name, shape, rows->help);
	}
}

static void parts_print(void)
{
	const struct part *part;

	for (unsigned i = 0; (part = part_at(i)); i++) {
		bool seen = false;

		for (unsigned j = 0; j < i; j++)
			seen = seen || part_at(j)->class == part->class;
		if (!seen && part->class->options)
			rows_print(part->type, part->class->summary, part->class->options);
	}
}

int main(void)
{
	printf(".\\\" Made by `make docs` from the tables the program itself reads.\n"
	       ".TH BRIDGE 1 \"\" \"bridge " BRIDGE_VERSION "\" \"bridge\"\n"
	       ".SH NAME\nbridge \\- carries events from brokers to functions, at least once\n");
	words_print();
	flags_print();
	printf(".SH EXIT CODES\n0: drained, checked without errors, confirmed; 1: it could not start, or certainly not "
	       "written;\n2: \\fBcheck\\fR found errors; 3: \\fBsend\\fR got no confirmation, the event may be there;\n"
	       "with \\-\\- COMMAND the command's own, 128 and the signal that ended it.\n");
	rows_print("FUNCTION", "Paths under spec of apiVersion bridge/v1, kind Bridge: a document a function.",
	    function_row_options);
	rows_print("PROCESS", "Likewise; of several documents in one, or alike in all.", process_options);
	rows_print("POLICY", "In the metadata of a source's Component, behind the ? of its URL, or of a Subscription.",
	    policy_options);
	parts_print();
	return 0;
}
