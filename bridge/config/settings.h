/* Settings against option tables: every fault, not only the first. */
#ifndef BRIDGE_CONFIG_SETTINGS_H
#define BRIDGE_CONFIG_SETTINGS_H
#include "bridge/bytes.h"
#include "bridge/config/finding.h"

/* size: of the struct the rows are for; rows NULL: no table. */
struct table { const struct option *rows; size_t size; };

struct checked {
	enum severity	 severity;	/* of values that cannot be read and of required rows that are missing */
	const char	*of;		/* what the settings belong to: "pubsub.kafka" */
	struct place	 whole;		/* of all of them: where a missing one is said */
	const char *const *others;	/* names known besides the tables'; NULL at the end, or no list */
	bool		 strict;	/* a name that is not known is an error */
};
/* Findings for what cannot be read, what is missing, and (warnings) names no table has or that are there twice.  Number
 * of faults, warnings not counted. */
unsigned settings_check(struct config *, const struct checked *, const struct table *, unsigned n_tables,
    struct setting *, unsigned n);

/* The struct as far as it can be read: defaults, and the settings that are right. */
void settings_fill(const struct option *rows, void *at, const struct setting *, unsigned n);
/* The last for that row, or of that name.  NULL: none, or it is empty. */
const struct setting *settings_last(const struct setting *, unsigned n, const struct option *row);
/* Appends a value as it may be shown: a password in a URL is a secret, whatever the row says.  true: there was one. */
bool settings_show(struct buf *, const char *text);
const char *settings_value(const struct setting *, unsigned n, const char *name);
#endif
