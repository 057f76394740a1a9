/* The metadata of one KEDA trigger: which backlog it speaks of, and how it becomes a number of replicas. */
#ifndef BRIDGE_TRIGGER_H
#define BRIDGE_TRIGGER_H
#include "bridge/bytes.h"
#include "bridge/lag.h"
#include "bridge/option.h"

enum { TRIGGER_SPANS = 64 };

struct trigger {
	const char	*function;	/* NULL: the only one there is */
	const char	*subscription;	/* NULL: all of the function's */
	const char	*target_text, *activation_text, *partitions;
	bool		 count_inflight, limit_lagging, even;
	int64_t		 stale_ms;
	double		 target, activation;
	struct lag_span	 spans[TRIGGER_SPANS];
	unsigned	 n_spans;
};

extern const struct option trigger_options[];

/* Fills the zeroed one; its texts are those of the settings.  A key of ours may end in FromEnv, as KEDA leaves it; of
 * others only those that look like a slip are faults.  -1: "key: what, what was expected". */
int trigger_read(struct trigger *, struct setting *, unsigned n, struct error *);
void trigger_copy(struct trigger *, const struct trigger *from);	/* with texts of its own */
void trigger_free(struct trigger *);					/* a copy */

struct lag_query trigger_query(const struct trigger *);	/* as long as the trigger */
double trigger_value(const struct trigger *, const struct lag_view *);	/* what KEDA divides by the target */
bool trigger_active(const struct trigger *, const struct lag_view *);	/* more than zero replicas are needed */
#endif
