/* The rows every component and subscription may have, and how Dapr's own retry rows fold into them. */
#include "bridge/policy.h"
#include <stdlib.h>
#include <string.h>
#include "bridge/bytes.h"
#include "bridge/error.h"

enum { CONSTANT, EXPONENTIAL };
enum { DAY_MS = 24 * 3600 * 1000 };
enum { ATTEMPTS_MAX = 1000000000 };

const struct option policy_options[] = { WORD("order", struct policy, order, NULL, 0,
					     "which events wait for each other; default of the connector",
					     .words = "partition key none", .group = "Order and load"),
	INT("maxInFlight", struct policy, max_in_flight, "0", 0,
	    "deliveries at once of this subscription; 0: as the endpoint allows", .max = 1000000),
	INT("maxPerSecond", struct policy, max_per_second, "0", 0,
	    "deliveries begun in a second, retries included; 0: as many as may be", .max = 1000000),
	MS("deliveryTimeout", struct policy, timeout_ms, "0s", 0, "time for one delivery; 0: the function's",
	    .max = DAY_MS),
	INT("retryMaxAttempts", struct policy, retry_attempts, "0", 0, "attempts in all; 0: without limit",
	    .group = "Retries and dead letters", .max = ATTEMPTS_MAX),
	MS("retryMaxAge", struct policy, retry_max_age_ms, "0s", 0, "no attempt after that time; 0: without limit",
	    .max = (int64_t)3650 * DAY_MS),
	MS("retryInitialInterval", struct policy, retry_initial_ms, "100ms", 0,
	    "pause after the first failure, before jitter", .min = 1, .max = DAY_MS),
	MS("retryMaxInterval", struct policy, retry_max_ms, "60s", 0, "longest pause, before jitter", .min = 1,
	    .max = DAY_MS),
	WORD("onExhausted", struct policy, on_exhausted, "default", 0,
	    "what becomes of an event whose attempts are spent; default: park if there is a place, else hold",
	    .words = "default park hold drop"),
	STR("deadLetterTopic", struct policy, dead_letter_topic, NULL, 0, "where events are parked"),
	STR("deadLetterComponent", struct policy, dead_letter_component, NULL, 0,
	    "component they are parked in; default: the same"),
	STR("responseTopic", struct policy, response_topic, NULL, 0,
	    "where what the function answers is published, confirmed, before the event is acknowledged"),
	STR("responseComponent", struct policy, response_component, NULL, 0,
	    "component it is published in; default: the same"),
	BOOL("consumeRetryEnabled", struct policy, consume_retry, "true", 0,
	    "written false: one attempt, then the event is dropped",
	    .group = "Dapr's words for retries, folded into those above"),
	WORD("backOffPolicy", struct policy, back_off_policy, "constant", 0, "how pauses grow",
	    .words = "constant exponential"),
	MS("backOffDuration", struct policy, back_off_duration_ms, "5s", OPT_BARE_MS, "pause of the constant policy",
	    .max = DAY_MS),
	MS("backOffInitialInterval", struct policy, back_off_initial_ms, "500ms", OPT_BARE_MS,
	    "first pause of the exponential policy", .max = DAY_MS),
	MS("backOffMaxInterval", struct policy, back_off_max_ms, "60s", OPT_BARE_MS,
	    "longest pause of the exponential policy", .max = DAY_MS),
	MS("backOffMaxElapsedTime", struct policy, back_off_max_elapsed_ms, "15m", OPT_BARE_MS,
	    "no attempt after that time; 0: without limit", .max = (int64_t)3650 * DAY_MS),
	INT("backOffMaxRetries", struct policy, back_off_max_retries, "-1", 0,
	    "attempts after the first; -1: without limit", .min = -1, .max = ATTEMPTS_MAX - 1),
	OPT_END };

struct written {
	uint64_t bits;
};

static bool written_has(struct written w, const char *name)
{
	return w.bits >> (option_find(policy_options, name) - policy_options) & 1;
}

static void policy_fold_limits(struct policy *p, struct written w)
{
	bool attempts = written_has(w, "retryMaxAttempts"), age = written_has(w, "retryMaxAge");
	bool once = written_has(w, "consumeRetryEnabled") && !p->consume_retry;

	p->retry_written = attempts || age || once;
	if (written_has(w, "backOffMaxRetries") && p->back_off_max_retries >= 0) {
		p->retry_written = true;
		if (!attempts)
			p->retry_attempts = p->back_off_max_retries + 1;
	}
	if (written_has(w, "backOffMaxElapsedTime") && p->back_off_max_elapsed_ms > 0) {
		p->retry_written = true;
		if (!age)
			p->retry_max_age_ms = p->back_off_max_elapsed_ms;
	}
	if (once && !attempts)
		p->retry_attempts = 1;
}

static void policy_fold_pauses(struct policy *p, struct written w)
{
	bool initial = written_has(w, "retryInitialInterval"), max = written_has(w, "retryMaxInterval");
	bool constant =
	    p->back_off_policy == CONSTANT && (written_has(w, "backOffDuration") || written_has(w, "backOffPolicy"));
	int64_t dapr_initial = constant ? p->back_off_duration_ms : p->back_off_initial_ms;
	int64_t dapr_max = constant ? p->back_off_duration_ms : p->back_off_max_ms;

	if (constant || p->back_off_policy == EXPONENTIAL) {
		if (!initial)
			p->retry_initial_ms = dapr_initial > 0 ? dapr_initial : 1;
		if (!max)
			p->retry_max_ms = dapr_max > 0 ? dapr_max : 1;
	}
	if (p->retry_max_ms < p->retry_initial_ms) {
		if (!max)
			p->retry_max_ms = p->retry_initial_ms;
		else if (!initial)
			p->retry_initial_ms = p->retry_max_ms;
	}
}

static void policy_fold_exhausted(struct policy *p, struct written w)
{
	bool place = p->dead_letter_topic || p->dead_letter_component;

	if (p->on_exhausted == EXHAUSTED_DEFAULT) {
		if (place)
			p->on_exhausted = EXHAUSTED_PARK;
		else
			p->on_exhausted = written_has(w, "consumeRetryEnabled") && !p->consume_retry ? EXHAUSTED_DROP
												     : EXHAUSTED_HOLD;
	}
	if (place && !p->retry_written)
		p->retry_attempts = 1;
}

/* A fault that no single value shows: said at the setting that made it, in option_parse()'s form. */
static int policy_fault(const char *name, struct setting *settings, unsigned n, struct error *error, const char *text)
{
	const struct option one[] = { *option_find(policy_options, name), OPT_END };

	for (unsigned i = n; i > 0; i--) {
		const struct setting *s = &settings[i - 1];

		if (!option_find(one, s->name))
			continue;
		return s->file
		    ? error_set(error, ERR_CONFIG, "%s:%u:%u: %s: %s", s->file, s->line, s->column, s->name, text)
		    : error_set(error, ERR_CONFIG, "%s: %s", s->name, text);
	}
	return error_set(error, ERR_CONFIG, "%s: %s", name, text);
}

static int policy_settle(struct policy *p, struct written w, struct setting *settings, unsigned n, struct error *error)
{
	policy_fold_limits(p, w);
	policy_fold_pauses(p, w);
	policy_fold_exhausted(p, w);
	if (p->on_exhausted == EXHAUSTED_PARK && !p->dead_letter_topic && !p->dead_letter_component)
		return policy_fault("onExhausted", settings, n, error,
		    "park without a place to park, expected deadLetterTopic or deadLetterComponent");
	if (p->retry_max_ms < p->retry_initial_ms)
		return policy_fault("retryMaxInterval", settings, n, error,
		    "shorter than retryInitialInterval, expected at least as long");
	return 0;
}

int policy_read(struct policy *p, const struct connector_class *class, struct setting *component, unsigned n_component,
    struct setting *subscription, unsigned n_subscription, struct error *error)
{
	unsigned n = n_component + n_subscription;
	struct setting *all = mem_new(n * sizeof(*all));
	struct written w = { 0 };
	int failed;

	if (n_component > 0)
		memcpy(all, component, n_component * sizeof(*all));
	if (n_subscription > 0)
		memcpy(all + n_component, subscription, n_subscription * sizeof(*all));
	*p = (struct policy){ 0 };
	failed = option_parse(policy_options, p, all, n, &w.bits, error);
	if (!failed && !written_has(w, "order"))
		p->order = (int)class->order;
	if (!failed)
		failed = policy_settle(p, w, all, n, error);
	for (unsigned i = 0; i < n; i++)
		if (i < n_component)
			component[i].used = all[i].used || component[i].used;
		else
			subscription[i - n_component].used = all[i].used || subscription[i - n_component].used;
	free(all);
	return failed;
}
