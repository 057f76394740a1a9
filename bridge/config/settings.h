/* Settings against option tables: every fault, not only the first. */
#ifndef BRIDGE_CONFIG_SETTINGS_H
#define BRIDGE_CONFIG_SETTINGS_H
#include "bridge/config/finding.h"

struct table { const struct option *rows; size_t size; };	/* of the struct the rows are for; rows NULL: no table */

/*
 * Findings for values that cannot be read (of `severity`), names no table has (warnings), names given twice (warnings), and
 * required rows that are missing (of `severity`, at `whole`).  `of`: what the settings belong to, "pubsub.kafka".  Faults.
 */
struct checked { enum severity severity; const char *of; struct place whole; const char *const *others; };	/* others: more known names */
unsigned settings_check(struct config *, const struct checked *, const struct table *, unsigned n_tables, struct setting *, unsigned n);

/* The struct as far as it can be read: defaults, and the settings that are right. */
void settings_fill(const struct option *rows, void *at, const struct setting *, unsigned n);
const struct setting *settings_last(const struct setting *, unsigned n, const struct option *row);	/* NULL: none, or it is empty */
const char *settings_value(const struct setting *, unsigned n, const char *name);	/* the last of that name; NULL: none, or it is empty */
#endif
