/* Prints docs/bridge.bash: completion of words, flags, their values and rows, from the tables the program reads. */
#include <stdio.h>
#include <string.h>
#include "bridge/config/config.h"
#include "bridge/config/flag.h"
#include "bridge/parts.h"
#include "bridge/policy.h"

static void flag_list_print(int verb)
{
	for (const struct flag *f = flags; f->name; f++)
		if (f->help && (!flag_of_verb(f) || f->verb == verb))
			printf(" --%s", f->name);
}

static void help_words_print(void)
{
	const struct part *p;

	printf("function policy process");
	for (unsigned i = 0; (p = part_at(i)); i++) {
		bool seen = false;

		for (unsigned j = 0; j < i; j++)
			seen = seen || part_at(j)->class == p->class;
		printf(" %s", p->type);
		if (!seen)
			printf(" %s", p->class->name);
	}
}

/* Flags whose value is a word of a row. */
static void words_print(void)
{
	for (const struct flag *f = flags; f->name; f++) {
		const struct option *o = f->row ? process_row(f->row) : NULL;

		if (!o || o->type != OPT_WORD)
			continue;
		printf("\t--%s)\n\t\tmapfile -t COMPREPLY < <(compgen -W \"", f->name);
		for (const char *p = o->words; *p; p++)
			putchar(*p == '|' ? ' ' : *p);
		printf("\" -- \"$word\")\n\t\treturn\n\t\t;;\n");
	}
}

int main(void)
{
	printf("# Completion of bridge for bash.  Made by `make docs` from the tables the program itself reads.\n"
	       "_bridge() {\n\tlocal word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} verb=run w\n"
	       "\tfor w in \"${COMP_WORDS[@]:1:COMP_CWORD - 1}\"; do\n\t\tcase $w in\n\t\t");
	for (const struct verb_row *v = verbs; v->name; v++)
		printf("%s%s", v == verbs ? "" : " | ", v->name);
	printf(") verb=$w && break ;;\n\t\tesac\n\tdone\n\tcase $before in\n"
	       "\t--config | --resources-path | --file)\n\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
	       "\t\treturn\n\t\t;;\n\t--app-protocol)\n"
	       "\t\tmapfile -t COMPREPLY < <(compgen -W \"http https plain\" -- \"$word\")\n\t\treturn\n\t\t;;\n");
	words_print();
	printf("\thelp)\n\t\tmapfile -t COMPREPLY < <(compgen -W \"");
	help_words_print();
	printf("\" -- \"$word\")\n\t\treturn\n\t\t;;\n\tesac\n\tif [[ $word == -* ]]; then\n\t\tcase $verb in\n");
	for (const struct verb_row *v = verbs; v->name; v++) {
		printf("\t\t%s) w=\"", v->name);
		flag_list_print(v->verb);
		printf("\" ;;\n");
	}
	printf("\t\tesac\n\t\tmapfile -t COMPREPLY < <(compgen -W \"$w\" -- \"$word\")\n"
	       "\telif ((COMP_CWORD == 1)); then\n\t\tmapfile -t COMPREPLY < <(compgen -W \"");
	for (const struct verb_row *v = verbs; v->name; v++)
		printf("%s%s", v == verbs ? "" : " ", v->name);
	printf("\" -- \"$word\")\n\tfi\n}\ncomplete -o default -F _bridge bridge\n");
	return 0;
}
