/* The flags of the command line, one row each: the parser and the help come from it. */
#ifndef BRIDGE_CONFIG_FLAG_H
#define BRIDGE_CONFIG_FLAG_H
#include <stdbool.h>
#include <stddef.h>

enum flag_act {
	FLAG_ROW,		/* value of the process row `row` */
	FLAG_PORT, FLAG_CHANNEL, FLAG_PROTOCOL, FLAG_TLS,	/* together: function.address */
	FLAG_CONCURRENCY,	/* <= 0: the default */
	FLAG_LISTEN,		/* of daprd's list, one */
	FLAG_METRICS,		/* false: no admin port */
	FLAG_CONFIG, FLAG_RESOURCES,
	FLAG_PRINT, FLAG_ONCE, FLAG_ADMIN, FLAG_KEY, FLAG_HEADER, FLAG_FILE, FLAG_COUNT,
	FLAG_VERB,
	FLAG_LATER,		/* would change what the process is: refused */
	FLAG_IGNORED		/* daprd's, without effect here */
};

struct flag {
	const char	*name;
	enum flag_act	 act;
	bool		 takes_value;
	const char	*row;
	int		 verb;		/* FLAG_VERB: what it means; PRINT to COUNT: the one it goes with */
	const char	*shape;		/* of the value, in the help: "N" */
	const char	*help;		/* NULL: not in the help */
	const char	*group;		/* of the help, on the first of its rows */
};

/* A word that says what to do, its usage without "bridge", and what that is. */
struct verb_row { const char *name; int verb; const char *usage, *help; };
extern const struct verb_row verbs[];	/* name NULL at the end */

extern const struct flag flags[];	/* name NULL at the end */
bool flag_of_verb(const struct flag *);		/* it goes with one verb only */
const struct flag *flag_find(const char *name, size_t n);	/* without dashes; NULL: none */
#endif
