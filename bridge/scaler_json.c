/* The scaler's numbers as JSON, for KEDA's metrics-api trigger and for people. */
#include <string.h>
#include "bridge/error.h"
#include "bridge/json_scan.h"
#include "bridge/scaler_inside.h"

enum { NAME_MAX_BYTES = 256 };

static void text_add(struct buf *out, const char *name, const char *text)
{
	buf_printf(out, "\"%s\":", name);
	json_add_string(out, slice_text(text));
}

static void view_add(struct buf *out, const struct lag_view *v)
{
	buf_printf(out,
	    "\"lag\":%lld,\"backlog\":%lld,\"inflight\":%lld,\"active\":%s,\"oldest_ms\":%lld,"
	    "\"arrivals_per_s\":%.1f,\"served_per_s\":%.1f,\"partitions\":%u,\"lagging\":%u,\"age_ms\":%lld",
	    (long long)v->lag, (long long)v->backlog, (long long)v->inflight, v->lag > 0 ? "true" : "false",
	    (long long)v->oldest_ms, v->arrival, v->service, v->partitions, v->lagging, (long long)v->age_ms);
}

struct listing {
	struct buf *out;
	bool any;
};

static void subscription_add(
    void *arg, const char *name, const char *component, const char *topic, const struct lag_view *view, const char *why)
{
	struct listing *l = arg;

	buf_text(l->out, l->any ? ",{" : "{");
	l->any = true;
	text_add(l->out, "name", name);
	buf_text(l->out, ",");
	text_add(l->out, "component", component);
	buf_text(l->out, ",");
	text_add(l->out, "topic", topic);
	buf_text(l->out, ",");
	if (view)
		view_add(l->out, view);
	else
		text_add(l->out, "error", why);
	buf_text(l->out, "}");
}

/* 200 with numbers; 503 with why there are none: KEDA takes any other status than 200 as an error, which it has to
 * be. */
static void function_answer(struct scaled *scaled, const char *subscription, struct http_response *r)
{
	const struct lag_query query = { .subscription = subscription };
	struct listing listing = { &r->body, false };
	struct lag_view view;
	struct error err;
	int rc = function_lag(scaled->function, &query, &view, &err);

	r->status = rc == 0 ? 200 : err.code == ERR_CONFIG ? 404 : 503;
	buf_text(&r->body, "{");
	text_add(&r->body, "function", function_name(scaled->function));
	buf_text(&r->body, ",");
	if (rc == 0)
		view_add(&r->body, &view);
	else
		text_add(&r->body, "error", err.text);
	if (!subscription) {
		buf_text(&r->body, ",\"subscriptions\":[");
		function_lags(scaled->function, subscription_add, &listing);
		buf_text(&r->body, "]");
	}
	buf_text(&r->body, "}\n");
}

static void list_answer(const struct scaler *s, struct http_response *r)
{
	r->status = 200;
	buf_text(&r->body, "{\"functions\":[");
	for (unsigned i = 0; i < s->n_scaled; i++) {
		buf_text(&r->body, i ? "," : "");
		json_add_string(&r->body, slice_text(function_name(s->scaled[i]->function)));
	}
	buf_text(&r->body, "]}\n");
}

static void refuse(struct http_response *r, int status, const char *why)
{
	r->status = status;
	buf_text(&r->body, "{");
	text_add(&r->body, "error", why);
	buf_text(&r->body, "}\n");
}

/* In the same time whatever is sent. */
static bool token_is(const char *token, struct slice sent)
{
	unsigned differs = sent.n != strlen(token);

	for (size_t i = 0; i < sent.n; i++)
		differs |= (unsigned char)sent.p[i] ^ (unsigned char)token[i % (strlen(token) + 1)];
	return !differs;
}

static bool request_may(const struct scaler *s, const struct http_request *q)
{
	static const char bearer[] = "Bearer ";
	size_t n = sizeof(bearer) - 1;

	for (unsigned i = 0; i < q->n_headers && s->token; i++) {
		struct slice name = q->headers[i].name, value = q->headers[i].value;

		if (slice_is_nocase(name, "x-api-key") && token_is(s->token, value))
			return true;
		if (slice_is_nocase(name, "authorization") && value.n > n &&
		    slice_is_nocase((struct slice){ value.p, n }, bearer) &&
		    token_is(s->token, (struct slice){ value.p + n, value.n - n }))
			return true;
	}
	return !s->token;
}

/* "FUNCTION" or "FUNCTION/SUBSCRIPTION"; false: too long. */
static bool path_split(struct slice path, char *function, char *subscription)
{
	const char *slash = memchr(path.p, '/', path.n);
	size_t n = slash ? (size_t)(slash - path.p) : path.n, rest = slash ? path.n - n - 1 : 0;

	if (n >= NAME_MAX_BYTES || rest >= NAME_MAX_BYTES)
		return false;
	memcpy(function, path.p, n);
	function[n] = '\0';
	if (rest)
		memcpy(subscription, slash + 1, rest);
	subscription[rest] = '\0';
	return true;
}

bool scaler_handle(struct scaler *s, const struct http_request *q, struct http_response *r)
{
	static const char root[] = "/scaler/v1";
	size_t n = sizeof(root) - 1;
	char function[NAME_MAX_BYTES], subscription[NAME_MAX_BYTES];
	struct scaled *scaled;
	struct error err;

	if (q->path.n < n || memcmp(q->path.p, root, n) != 0 || (q->path.n > n && q->path.p[n] != '/'))
		return false;
	r->content_type = "application/json";
	if (!request_may(s, q)) {
		refuse(r, 401, "expected the token of scaler.tokenFile as Authorization: Bearer or X-API-KEY");
	} else if (q->path.n <= n + 1) {
		list_answer(s, r);
	} else if (!path_split((struct slice){ q->path.p + n + 1, q->path.n - n - 1 }, function, subscription)) {
		refuse(r, 404, "expected /scaler/v1/FUNCTION or /scaler/v1/FUNCTION/SUBSCRIPTION");
	} else {
		scaled = scaled_find(s, function, &err);
		if (scaled)
			function_answer(scaled, *subscription ? subscription : NULL, r);
		else
			refuse(r, 404, err.text);
	}
	return true;
}
