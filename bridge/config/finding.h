/* What was found wrong or worth a word while reading the configuration. */
#ifndef BRIDGE_CONFIG_FINDING_H
#define BRIDGE_CONFIG_FINDING_H
#include "bridge/config/config.h"

struct error;

enum { FINDINGS_MAX = 1000 };	/* kept; errors beyond are still counted, and one line says so */

/* "what, what was expected"; control bytes are shown as \xNN.  place.file NULL: the command line. */
void finding_add(struct config *, enum severity, struct place, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* An error of option_parse() or policy_read() whose text begins with the place of one of the n settings: that becomes
 * the finding's.  False: it does not, and nothing was added. */
bool finding_add_error(struct config *, enum severity, const struct error *, const struct setting *, unsigned n);
struct place setting_place(const struct setting *);
const char *place_text(struct config *, struct place);	/* "bindings.yaml:12:16", "the command line" */
void findings_sort(struct config *);
#endif
