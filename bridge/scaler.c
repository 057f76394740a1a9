/* KEDA's external scaler: its five calls, answered from memory. */
#include "bridge/scaler_inside.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bridge/error.h"
#include "bridge/log.h"
#include "bridge/proto/externalscaler.pb-c.h"
#include "bridge/stream.h"

enum { MESSAGE_MAX = 64 * 1024, ENTRIES_MAX = 64, TOKEN_MAX = 4096 };

#define METRIC "backlog"

/* --- which function, by which rules --- */

struct scaled *scaled_find(const struct scaler *s, const char *name, struct error *err)
{
	unsigned low = 0, high = s->n_scaled;

	if (!name && s->n_scaled == 1)
		return s->scaled[0];
	if (!name) {
		error_set(
		    err, ERR_CONFIG, "function: not said, expected the app id of one of %u functions", s->n_scaled);
		return NULL;
	}
	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		int order = strcmp(function_name(s->scaled[middle]->function), name);

		if (order == 0)
			return s->scaled[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	error_set(err, ERR_DENIED, "no function \"%.60s\" here", name);
	return NULL;
}

static enum grpc_code code_of(const struct error *err)
{
	switch (err->code) {
	case ERR_CONFIG:
	case ERR_LIMIT: return GRPC_INVALID_ARGUMENT;
	case ERR_DENIED: return GRPC_NOT_FOUND;
	case ERR_NONE:
	case ERR_IO:
	case ERR_TIMEOUT:
	case ERR_PROTOCOL: return GRPC_UNAVAILABLE;
	case ERR_BUG: break;
	}
	return GRPC_INTERNAL;
}

static void call_fail(struct grpc_call *call, const struct error *err)
{
	grpc_end(call, code_of(err), err->text);
}

/* NULL: the call was refused. */
static struct scaled *ref_read(
    const struct scaler *s, struct grpc_call *call, const Externalscaler__ScaledObjectRef *ref, struct trigger *t)
{
	struct setting settings[ENTRIES_MAX];
	struct scaled *scaled = NULL;
	struct error err = { ERR_NONE, "" };
	size_t n = ref ? ref->n_scalermetadata : 0;

	if (n > ENTRIES_MAX) {
		error_set(&err, ERR_LIMIT, "%zu keys of metadata, expected at most %d", n, ENTRIES_MAX);
		call_fail(call, &err);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		settings[i] =
		    (struct setting){ .name = ref->scalermetadata[i]->key, .value = ref->scalermetadata[i]->value };
	*t = (struct trigger){ 0 };
	if (trigger_read(t, settings, (unsigned)n, &err) == 0)
		scaled = scaled_find(s, t->function, &err);
	if (!scaled)
		call_fail(call, &err);
	return scaled;
}

/* false: unknown, and the call was ended. */
static bool call_lag(struct scaled *scaled, struct grpc_call *call, const struct trigger *t, struct lag_view *view_r)
{
	const struct lag_query query = trigger_query(t);
	struct error err;

	if (function_lag(scaled->function, &query, view_r, &err) == 0)
		return true;
	call_fail(call, &err);
	return false;
}

/* --- the calls --- */

static void spec_send(struct grpc_call *call, const struct trigger *t)
{
	Externalscaler__GetMetricSpecResponse r = EXTERNALSCALER__GET_METRIC_SPEC_RESPONSE__INIT;
	Externalscaler__MetricSpec spec = EXTERNALSCALER__METRIC_SPEC__INIT, *specs[] = { &spec };

	spec.metricname = (char *)METRIC;
	spec.targetsize = (int64_t)ceil(t->target);
	spec.targetsizefloat = t->target;
	r.metricspecs = specs;
	r.n_metricspecs = 1;
	grpc_send(call, &r.base);
}

static void scaler_is_active(void *arg, struct grpc_call *call, const ProtobufCMessage *request)
{
	Externalscaler__IsActiveResponse r = EXTERNALSCALER__IS_ACTIVE_RESPONSE__INIT;
	struct trigger t;
	struct lag_view view;
	struct scaled *scaled = ref_read(arg, call, (const Externalscaler__ScaledObjectRef *)request, &t);

	if (!scaled || !call_lag(scaled, call, &t, &view))
		return;
	r.result = trigger_active(&t, &view);
	grpc_send(call, &r.base);
	grpc_end(call, GRPC_OK, NULL);
}

/* Whatever the brokers do: without it KEDA makes no autoscaler, and drops what is pushed. */
static void scaler_spec(void *arg, struct grpc_call *call, const ProtobufCMessage *request)
{
	struct trigger t;

	if (!ref_read(arg, call, (const Externalscaler__ScaledObjectRef *)request, &t))
		return;
	spec_send(call, &t);
	grpc_end(call, GRPC_OK, NULL);
}

static void scaler_metrics(void *arg, struct grpc_call *call, const ProtobufCMessage *request)
{
	const Externalscaler__GetMetricsRequest *q = (const Externalscaler__GetMetricsRequest *)request;
	Externalscaler__GetMetricsResponse r = EXTERNALSCALER__GET_METRICS_RESPONSE__INIT;
	Externalscaler__MetricValue value = EXTERNALSCALER__METRIC_VALUE__INIT, *values[] = { &value };
	struct trigger t;
	struct lag_view view;
	struct scaled *scaled = ref_read(arg, call, q->scaledobjectref, &t);

	if (!scaled || !call_lag(scaled, call, &t, &view))
		return;
	value.metricname = *q->metricname ? q->metricname : (char *)METRIC;
	value.metricvaluefloat = trigger_value(&t, &view);
	value.metricvalue = (int64_t)ceil(value.metricvaluefloat);
	r.metricvalues = values;
	r.n_metricvalues = 1;
	grpc_send(call, &r.base);
	grpc_end(call, GRPC_OK, NULL);
}

static void stream_begin(struct scaler *s, struct grpc_call *call, const ProtobufCMessage *request, bool specs)
{
	struct trigger t;
	struct scaled *scaled = ref_read(s, call, (const Externalscaler__ScaledObjectRef *)request, &t);
	const struct lag_query query = { .subscription = scaled ? t.subscription : NULL };
	struct lag_view view;
	struct error err = { ERR_NONE, "" };

	if (!scaled)
		return;
	if (function_lag(scaled->function, &query, &view, &err) == -1 && err.code == ERR_CONFIG) {
		call_fail(call, &err);
		return;
	}
	if (s->leaving) {
		grpc_end(call, GRPC_UNAVAILABLE, "this process is about to end");
		return;
	}
	if (specs)
		spec_send(call, &t);
	push_open(scaled, call, &t, specs);
}

static void scaler_stream_active(void *arg, struct grpc_call *call, const ProtobufCMessage *request)
{
	stream_begin(arg, call, request, false);
}

static void scaler_stream_spec(void *arg, struct grpc_call *call, const ProtobufCMessage *request)
{
	stream_begin(arg, call, request, true);
}

#define SERVICE "/externalscaler.ExternalScaler/"
static const struct grpc_method scaler_methods[] = {
	{ SERVICE "GetMetrics", &externalscaler__get_metrics_request__descriptor, scaler_metrics, NULL },
	{ SERVICE "GetMetricSpec", &externalscaler__scaled_object_ref__descriptor, scaler_spec, NULL },
	{ SERVICE "IsActive", &externalscaler__scaled_object_ref__descriptor, scaler_is_active, NULL },
	{ SERVICE "StreamIsActive", &externalscaler__scaled_object_ref__descriptor, scaler_stream_active, push_gone },
	{ SERVICE "StreamMetricSpec", &externalscaler__scaled_object_ref__descriptor, scaler_stream_spec, push_gone },
	{ .path = NULL },
};

/* --- life --- */

struct scaler *scaler_new(struct loop *loop)
{
	struct scaler *s = mem_new(sizeof(*s));

	s->loop = loop;
	return s;
}

void scaler_add(struct scaler *s, struct function *f)
{
	struct scaled *scaled = mem_new(sizeof(*scaled));
	unsigned at = s->n_scaled;

	scaled->scaler = s;
	scaled->function = f;
	s->scaled = mem_grow(s->scaled, (s->n_scaled + 1) * sizeof(struct scaled *));
	for (; at > 0 && strcmp(function_name(s->scaled[at - 1]->function), function_name(f)) > 0; at--)
		s->scaled[at] = s->scaled[at - 1];
	s->scaled[at] = scaled;
	s->n_scaled++;
	function_watch_lag(f, push_changed, scaled);
}

static unsigned scaled_index(const struct scaler *s, const struct function *f)
{
	unsigned i = 0;

	while (s->scaled[i]->function != f)
		i++;
	return i;
}

void scaler_replace(struct scaler *s, struct function *f, struct function *by)
{
	struct scaled *scaled = s->scaled[scaled_index(s, f)];

	function_watch_lag(f, NULL, NULL);
	scaled->function = by;
	function_watch_lag(by, push_changed, scaled);
}

void scaler_remove(struct scaler *s, struct function *f)
{
	unsigned i = scaled_index(s, f);

	function_watch_lag(f, NULL, NULL);
	push_let_go(s->scaled[i]);
	free(s->scaled[i]);
	memmove(&s->scaled[i], &s->scaled[i + 1], (--s->n_scaled - i) * sizeof(struct scaled *));
}

bool scaler_has(const struct scaler *s, const char *name)
{
	struct error err;

	return scaled_find(s, name, &err) != NULL;
}

static int token_read(struct scaler *s, const char *path, struct error *err)
{
	char text[TOKEN_MAX] = "";
	FILE *file = fopen(path, "re");
	size_t n = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

	if (file)
		fclose(file);
	while (n > 0 && strchr("\r\n \t", text[n - 1]))
		text[--n] = '\0';
	if (n == 0)
		return error_set(
		    err, ERR_CONFIG, "scaler.tokenFile %s: expected a readable file with a token in it", path);
	s->token = mem_text(text);
	explicit_bzero(text, sizeof(text));
	return 0;
}

int scaler_open(struct scaler *s, const struct scaler_options *o, struct error *err)
{
	const struct tls_options tls = {
		.ca_file = o->client_ca_file, .cert_file = o->cert_file, .key_file = o->key_file
	};
	struct grpc_options grpc = { .h2 = { .listen = o->listen, .port = o->port }, .message_max = MESSAGE_MAX };

	if (o->token_file && token_read(s, o->token_file, err) == -1)
		return -1;
	if (o->cert_file && !(s->tls = tls_server_new(&tls, "h2", err)))
		return error_wrap(err, "scaler.tls");
	grpc.h2.tls = s->tls;
	s->grpc = grpc_server_open(s->loop, &grpc, scaler_methods, s, err);
	if (!s->grpc)
		return error_wrap(err, "scaler.port");
	log_info("bridge.scaler", "external scaler on port %u%s: %u functions", grpc_server_port(s->grpc),
	    s->tls ? " with TLS" : "", s->n_scaled);
	return 0;
}

unsigned scaler_port(const struct scaler *s)
{
	return grpc_server_port(s->grpc);
}

void scaler_leave(struct scaler *s)
{
	s->leaving = true;
	push_end_all(s);
	grpc_server_leave(s->grpc);
}

void scaler_free(struct scaler *s)
{
	if (!s)
		return;
	grpc_server_close(s->grpc);
	s->grpc = NULL;
	timer_stop(s->loop, &s->again);
	for (unsigned i = 0; i < s->n_scaled; i++) {
		function_watch_lag(s->scaled[i]->function, NULL, NULL);
		free(s->scaled[i]);
	}
	free(s->scaled);
	tls_free(s->tls);
	if (s->token)
		explicit_bzero(s->token, strlen(s->token));
	free(s->token);
	free(s);
}
