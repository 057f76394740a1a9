/* An errand of the command line: one component of a configuration, alone, for as long as `send` or `tail` need it. */
#ifndef BRIDGE_ERRAND_H
#define BRIDGE_ERRAND_H
#include <stdio.h>
#include "bridge/config/config.h"
#include "bridge/function.h"

struct errand {
	struct loop	*loop;
	struct function	*function;
	struct connector *connector;
	const struct component_config *component;
	/* said, or the one the component or URL names, perhaps a comma list; NULL: none */
	const char	*topic;
	FILE		*out;		/* standard output; the log goes to standard error meanwhile */
	int		 code;
};

/* Function and component are made, not started.  -1: no such component. */
int errand_open(struct errand *, const struct config *, const struct command *, struct error *);
/* Starts, and runs the loop until errand_end() and what must be finished is.  The code given there; 1: it could not
 * start, which is said. */
int errand_run(struct errand *);
void errand_end(struct errand *, int code);	/* again: nothing; allowed everywhere on the loop */
void errand_close(struct errand *);
#endif
