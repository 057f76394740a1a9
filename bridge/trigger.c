/* The metadata of one KEDA trigger, read and applied. */
#include "bridge/trigger.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "bridge/error.h"
#include "bridge/config/suggest.h"

enum { PARTITION_MAX = 1000000, KEY_MAX = 64 };

const struct option trigger_options[] = { STR("function", struct trigger, function, NULL, 0,
					      "app id of the function; may be left out where there is only one"),
	STR("subscription", struct trigger, subscription, NULL, 0,
	    "counts only this one: the name of a Subscription or of a component; default: all of the function's"),
	STR("targetBacklog", struct trigger, target_text, "10", 0, "events one replica is to have, above 0"),
	STR("activationBacklog", struct trigger, activation_text, "0", 0,
	    "zero replicas until there are more than that"),
	BOOL("countInflight", struct trigger, count_inflight, "true", 0,
	    "what is being delivered counts; false for a ScaledJob with strategy accurate"),
	MS("staleFor", struct trigger, stale_ms, "0", 0,
	    "while lag is unknown, go on with what was known so long ago at most; 0: it is an error at once",
	    .max = 24 * 3600 * 1000),
	STR("partitionLimitation", struct trigger, partitions, NULL, 0, "counts only these partitions: 1-4,8,10-12"),
	BOOL("limitToPartitionsWithLag", struct trigger, limit_lagging, "false", 0,
	    "not more replicas than partitions with lag"),
	BOOL("ensureEvenDistributionOfPartitions", struct trigger, even, "false", 0,
	    "only as many replicas as the number of partitions can be divided by"),
	OPT_END };

/* --- reading --- */

/* What KEDA needs for itself and passes on with the rest. */
static bool key_is_keda(const char *name)
{
	static const char *const words[] = { "scalerAddress", "enableTLS", "unsafeSsl", "caCert", "tlsClientCert",
		"tlsClientKey", "tlsCertFile", "metricType" };

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcasecmp(name, words[i]))
			return true;
	return false;
}

static int key_check(const char *name, struct error *err)
{
	struct suggest s;

	if (key_is_keda(name) || option_find(trigger_options, name))
		return 0;
	suggest_begin(&s, name);
	for (const struct option *o = trigger_options; o->name; o++)
		suggest_offer(&s, o->name);
	if (!*suggest_text(&s))
		return 0;
	return error_set(err, ERR_CONFIG, "%.60s is no key of this scaler%s", name, s.text);
}

static int number_read(const char *key, const char *text, double *value_r, struct error *err)
{
	char *end = NULL;
	double v;

	errno = 0;
	v = strtod(text, &end);
	if (end == text || *end || errno || !isfinite(v) || v < 0 || v > 1e15)
		return error_set(err, ERR_CONFIG, "%s: \"%.40s\", expected a number such as 10 or 2.5", key, text);
	*value_r = v;
	return 0;
}

static const char *blanks_skip(const char *p)
{
	return p + strspn(p, " \t");
}

static const char *partition_read(const char *p, uint32_t *number_r)
{
	size_t digits;

	p = blanks_skip(p);
	digits = strspn(p, "0123456789");
	if (digits == 0 || digits > 6)
		return NULL;
	*number_r = (uint32_t)strtoul(p, NULL, 10);
	return blanks_skip(p + digits);
}

static int spans_read(struct trigger *t, struct error *err)
{
	const char *p = t->partitions;

	while (p && *blanks_skip(p)) {
		struct lag_span span = { 0 };

		p = partition_read(p, &span.from);
		span.to = span.from;
		if (p && *p == '-')
			p = partition_read(p + 1, &span.to);
		if (!p || (*p && *p != ',') || span.to < span.from)
			return error_set(err, ERR_CONFIG,
			    "partitionLimitation: \"%.60s\", expected numbers and ranges such as 1-4,8,10-12",
			    t->partitions);
		if (t->n_spans == TRIGGER_SPANS)
			return error_set(
			    err, ERR_CONFIG, "partitionLimitation: expected at most %d ranges", TRIGGER_SPANS);
		t->spans[t->n_spans++] = span;
		p += *p == ',';
	}
	return 0;
}

int trigger_read(struct trigger *t, struct setting *settings, unsigned n, struct error *err)
{
	char keys[64][KEY_MAX];
	static const char from_env[] = "FromEnv";
	size_t suffix = sizeof(from_env) - 1;

	if (n > sizeof(keys) / sizeof(keys[0]))
		return error_set(err, ERR_LIMIT, "%u keys of metadata, expected at most 64", n);
	for (unsigned i = 0; i < n; i++) {
		size_t length = strlen(settings[i].name);

		if (length > suffix && length < KEY_MAX + suffix &&
		    !strcmp(settings[i].name + length - suffix, from_env)) {
			snprintf(keys[i], KEY_MAX, "%.*s", (int)(length - suffix), settings[i].name);
			settings[i].name = keys[i];
		}
		if (key_check(settings[i].name, err) == -1)
			return -1;
	}
	if (option_parse(trigger_options, t, settings, n, NULL, err) == -1 ||
	    number_read("targetBacklog", t->target_text, &t->target, err) == -1 ||
	    number_read("activationBacklog", t->activation_text, &t->activation, err) == -1 || spans_read(t, err) == -1)
		return -1;
	if (t->target <= 0)
		return error_set(err, ERR_CONFIG, "targetBacklog: %s, expected more than 0", t->target_text);
	if (t->even && t->limit_lagging)
		return error_set(err, ERR_CONFIG,
		    "limitToPartitionsWithLag and ensureEvenDistributionOfPartitions: expected one of them");
	return 0;
}

void trigger_copy(struct trigger *t, const struct trigger *from)
{
	*t = *from;
	t->function = mem_text(from->function);
	t->subscription = mem_text(from->subscription);
	t->target_text = t->activation_text = t->partitions = NULL;
}

void trigger_free(struct trigger *t)
{
	free((void *)(uintptr_t)t->function);
	free((void *)(uintptr_t)t->subscription);
}

/* --- applying --- */

struct lag_query trigger_query(const struct trigger *t)
{
	return (struct lag_query){
		.subscription = t->subscription, .spans = t->spans, .n_spans = t->n_spans, .stale_ms = t->stale_ms
	};
}

/* The least number of replicas that is enough and divides the partitions. */
static double value_even(const struct trigger *t, double value, unsigned partitions)
{
	unsigned factor = 1;

	if (value <= 0 || partitions == 0)
		return value;
	while (factor < partitions && (partitions % factor != 0 || factor * t->target < value))
		factor++;
	return factor * t->target;
}

double trigger_value(const struct trigger *t, const struct lag_view *v)
{
	double value = (double)(t->count_inflight ? v->lag : v->backlog), most = v->lagging * t->target;

	if (t->even)
		value = value_even(t, value, v->partitions);
	return t->limit_lagging && value > most ? most : value;
}

bool trigger_active(const struct trigger *t, const struct lag_view *v)
{
	return (double)v->lag > t->activation;
}
