/* What the core does with failures, order and load of one subscription: the same rows for every component. */
#ifndef BRIDGE_POLICY_H
#define BRIDGE_POLICY_H
#include "bridge/connector.h"
#include "bridge/option.h"

/* default: park if there is a place, else hold */
enum on_exhausted { EXHAUSTED_DEFAULT, EXHAUSTED_PARK, EXHAUSTED_HOLD, EXHAUSTED_DROP };

struct policy {
	int		 order;			/* enum order; the class's default unless written */
	int64_t		 max_in_flight;		/* deliveries at once of this subscription; 0: as the endpoint allows */
	int64_t		 max_per_second;	/* deliveries begun; 0: as many as may be */
	int64_t		 timeout_ms;		/* of one delivery; 0: the function's */
	int64_t		 retry_attempts;	/* 0: without limit */
	int64_t		 retry_max_age_ms;	/* since the event was taken here; 0: without limit */
	int64_t		 retry_initial_ms, retry_max_ms;
	int		 on_exhausted;
	const char	*dead_letter_topic;	/* NULL: no place */
	const char	*dead_letter_component;	/* NULL: the same component */
	/* any limit was written: with a dead-letter topic and none, the first failure parks */
	const char	*response_topic;	/* what the function answers goes there before the ack; NULL: nowhere */
	const char	*response_component;	/* NULL: the same component */
	bool		 retry_written;
	/* Dapr's own rows, folded into the above by policy_settle() */
	bool		 consume_retry;
	int		 back_off_policy;	/* constant | exponential */
	int64_t		 back_off_duration_ms, back_off_initial_ms, back_off_max_ms;
	int64_t		 back_off_max_elapsed_ms, back_off_max_retries;
};

extern const struct option policy_options[];

/* Reads policy_options from the component's settings, then the subscription's over it, then folds Dapr's rows and
 * the class's default order.  -1 with `file:line:column`. */
int policy_read(struct policy *, const struct connector_class *, struct setting *component, unsigned n_component,
    struct setting *subscription, unsigned n_subscription, struct error *);
#endif
