/* The functions of a process: put together, each with its API port; started, looked at and drained as one. */
#include "bridge/functions.h"

#include <stdlib.h>

#include "bridge/assemble.h"
#include "bridge/error.h"
#include "bridge/http_server.h"
#include "bridge/log.h"

struct functions {
	struct function **list;
	struct http_server **dapr; /* of each; NULL: it has no port */
	unsigned n, drained;
	void (*done)(void *);
	void *arg;
};

/* What daprd answers there while it starts: 500, and from the moment everything works 204. */
static void dapr_handle(void *arg, const struct http_request *q, struct http_response *r)
{
	const struct function *f = arg;

	if (slice_is(q->path, "/v1.0/healthz/outbound")) {
		r->status = 204;
	} else if (slice_is(q->path, "/v1.0/healthz")) {
		r->status = 204;
		if (!function_was_ready(f)) {
			r->status = 500;
			r->content_type = "application/json";
			buf_text(
			    &r->body, "{\"errorCode\":\"ERR_HEALTH_NOT_READY\",\"message\":\"dapr is not ready\"}");
		}
	} else {
		r->status = 404;
		r->content_type = "application/json";
		buf_text(&r->body,
		    "{\"errorCode\":\"ERR_NOT_FOUND\",\"message\":\"this version serves /v1.0/healthz only\"}");
	}
}

static int functions_add(struct functions *all, struct loop *loop, struct function_config *config, struct error *err)
{
	const struct function_rows *rows = &config->rows;
	struct function *f = assemble(loop, config, err);
	struct http_server *dapr = NULL;

	if (!f)
		return -1;
	all->list[all->n] = f;
	if (rows->dapr_http_port &&
	    !(dapr = http_server_open(loop, rows->dapr_listen, (unsigned)rows->dapr_http_port, dapr_handle, f, err)))
		return error_wrap(err, "dapr.httpPort");
	all->dapr[all->n++] = dapr;
	return 0;
}

struct functions *functions_open(struct loop *loop, struct config *config, struct error *err)
{
	struct functions *all = mem_new(sizeof(*all));
	int rc = 0;

	all->list = mem_new(config->n_functions * sizeof(struct function *));
	all->dapr = mem_new(config->n_functions * sizeof(struct http_server *));
	for (unsigned i = 0; rc == 0 && i < config->n_functions; i++) {
		const char *before = log_function(config->functions[i].rows.app_id);

		rc = functions_add(all, loop, &config->functions[i], err);
		if (rc == -1 && config->n_functions > 1)
			error_wrap(err, "function %s", config->functions[i].rows.app_id);
		log_function(before);
	}
	return rc == 0 ? all : NULL;
}

int functions_start(struct functions *all, struct error *err)
{
	for (unsigned i = 0; i < all->n; i++)
		if (function_start(all->list[i], err) == -1)
			return -1;
	return 0;
}

static void functions_one_drained(void *arg)
{
	struct functions *all = arg;

	if (++all->drained == all->n)
		all->done(all->arg);
}

void functions_drain(struct functions *all, int64_t ms, void (*drained)(void *arg), void *arg)
{
	all->done = drained;
	all->arg = arg;
	for (unsigned i = 0; i < all->n; i++)
		function_drain(all->list[i], ms, functions_one_drained, all);
}

void functions_renew(struct functions *all, unsigned n, const char *name, const struct renew_options *options)
{
	struct connector *c = function_component_named(all->list[n], name);

	if (c)
		function_renew(all->list[n], c, options);
}

void functions_free(struct functions *all)
{
	if (!all)
		return;
	for (unsigned i = 0; i < all->n; i++) {
		http_server_close(all->dapr[i]);
		function_free(all->list[i]);
	}
	free(all->list);
	free(all->dapr);
	free(all);
}

struct function *const *functions_list(const struct functions *all, unsigned *n_r)
{
	*n_r = all->n;
	return all->list;
}

bool functions_ready(const struct functions *all, struct buf *text)
{
	bool ready = true;

	for (unsigned i = 0; i < all->n; i++) {
		struct buf why = { 0 };
		bool one = function_ready(all->list[i], &why);

		buf_printf(text, "function %s: %s", function_name(all->list[i]), one ? "ready" : "not ready: ");
		buf_slice(text, (struct slice){ why.p, why.n });
		buf_text(text, "\n");
		buf_free(&why);
		ready = ready && one;
	}
	return ready;
}

void functions_metrics(struct functions *all, struct buf *out)
{
	metrics_print(all->list, all->n, out);
}
