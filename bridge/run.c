/* The running process: what the configuration asks for, put together, until a signal ends it. */
#include "bridge/run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "bridge/assemble.h"
#include "bridge/child.h"
#include "bridge/error.h"
#include "bridge/http_server.h"
#include "bridge/live.h"
#include "bridge/log.h"
#include "bridge/reload.h"
#include "bridge/stream.h"
#include "bridge/version.h"

enum { CHILD_PATIENCE_MS = 2000 };

struct process_run {
	struct loop *loop;
	struct function *function;
	struct http_server *admin, *dapr;
	struct live *live; /* NULL: no admin port */
	struct reload *reload;
	const struct process *options;
	bool draining, drained;
	struct child *child; /* NULL: none was asked for */
	int stop_signal; /* what the child is told when all is drained */
	int code; /* of the child */
	struct timer patience;
};

static void respond(struct http_response *r, int status, const char *text)
{
	r->status = status;
	r->content_type = "text/plain; charset=utf-8";
	buf_text(&r->body, text);
}

static void respond_health(struct process_run *run, struct http_response *r)
{
	struct buf why = { 0 };

	if (function_ready(run->function, &why))
		respond(r, 200, "ready\n");
	else
		respond(r, 503, "not ready\n");
	buf_slice(&r->body, (struct slice){ why.p, why.n });
	buf_free(&why);
}

static void admin_handle(void *arg, const struct http_request *q, struct http_response *r)
{
	struct process_run *run = arg;

	if (!slice_is(q->method, "GET") && !slice_is(q->method, "HEAD")) {
		respond(r, 405, "only GET and HEAD\n");
	} else if (live_handle(run->live, q, r)) {
		return;
	} else if (slice_is(q->path, "/metrics") || slice_is(q->path, "/")) {
		r->status = 200;
		r->content_type = "text/plain; version=0.0.4; charset=utf-8";
		function_metrics(run->function, &r->body);
	} else if (slice_is(q->path, "/healthz")) {
		respond(r, 200, "ok\n");
	} else if (slice_is(q->path, "/readyz")) {
		respond_health(run, r);
	} else {
		respond(r, 404, "there are /metrics, /healthz, /readyz, and / for browsers\n");
	}
}

/* What daprd answers there while it starts: 500, and from the moment everything works 204. */
static void dapr_handle(void *arg, const struct http_request *q, struct http_response *r)
{
	struct process_run *run = arg;

	if (slice_is(q->path, "/v1.0/healthz/outbound")) {
		r->status = 204;
	} else if (slice_is(q->path, "/v1.0/healthz")) {
		r->status = 204;
		if (!function_was_ready(run->function)) {
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

static int64_t run_patience(const struct process_run *run)
{
	return run->options->drain_ms > CHILD_PATIENCE_MS ? run->options->drain_ms : CHILD_PATIENCE_MS;
}

static void run_child_kill(void *arg)
{
	struct process_run *run = arg;

	log_warn("bridge.run", "the function still runs %lld ms after it was asked to end: killed",
	    (long long)run_patience(run));
	child_signal(run->child, SIGKILL);
}

/* Only now the child: what was in flight needed it. */
static void run_drained(void *arg)
{
	struct process_run *run = arg;

	run->drained = true;
	if (run->live)
		live_end(run->live);
	if (!child_runs(run->child)) {
		loop_stop(run->loop);
		return;
	}
	child_signal(run->child, run->stop_signal);
	timer_set(run->loop, &run->patience, run_patience(run), run_child_kill, run);
}

static void run_child_ended(void *arg, int code)
{
	struct process_run *run = arg;

	run->code = code;
	timer_stop(run->loop, &run->patience);
	if (run->drained) {
		loop_stop(run->loop);
	} else if (!run->draining) {
		log_info("bridge.run", "the function ended with %d: shutting down", code);
		run->draining = true;
		function_drain(run->function, run->options->drain_ms, run_drained, run);
	}
}

static void run_signal(void *arg, int signo)
{
	struct process_run *run = arg;

	if (run->draining) {
		log_warn("bridge.run", "a second signal (%s): ends at once; what is in flight will come again",
		    strsignal(signo));
		child_signal(run->child, SIGKILL);
		_exit(1);
	}
	run->draining = true;
	run->stop_signal = signo;
	log_info("bridge.run", "%s: shutting down", strsignal(signo));
	function_drain(run->function, run->options->drain_ms, run_drained, run);
}

static void run_hangup(void *arg, int signo)
{
	struct process_run *run = arg;

	if (run->child)
		child_signal(run->child, signo);
	if (!run->draining)
		reload_now(run->reload);
}

static void run_renew(void *arg, const char *name, void (*fill)(void *, struct connector *), void *fill_arg)
{
	struct process_run *run = arg;
	struct connector *c = function_component_named(run->function, name);

	if (c)
		function_renew(run->function, c, run->options->drain_ms, fill, fill_arg);
}

static int run_open(struct process_run *run, struct config *config, struct error *err)
{
	const struct process *p = run->options;

	run->function = assemble(run->loop, config, err);
	if (!run->function)
		return -1;
	if (p->admin_port &&
	    !(run->admin =
		    http_server_open(run->loop, p->admin_listen, (unsigned)p->admin_port, admin_handle, run, err)))
		return error_wrap(err, "admin.port");
	if (run->admin)
		run->live = live_new(run->loop, p->admin_listen, &run->function, 1);
	if (p->dapr_http_port &&
	    !(run->dapr =
		    http_server_open(run->loop, p->dapr_listen, (unsigned)p->dapr_http_port, dapr_handle, run, err)))
		return error_wrap(err, "dapr.httpPort");
	return function_start(run->function, err);
}

struct environment {
	char *list[10]; /* NULL at the end */
	unsigned n;
};

static void environment_add(struct environment *e, const char *name, const char *value)
{
	struct buf line = { 0 };

	buf_printf(&line, "%s=%s", name, value);
	e->list[e->n++] = mem_slice((struct slice){ line.p, line.n });
	buf_free(&line);
}

static void environment_add_port(struct environment *e, const char *name, const char *before, int64_t port)
{
	char value[64];

	snprintf(value, sizeof(value), "%s%lld", before, (long long)port);
	if (port)
		environment_add(e, name, value);
}

/* What `dapr run` tells a function, and PORT for those that know only that. */
static void environment_fill(struct environment *e, const struct process *p)
{
	struct address address = { 0 };
	struct error err;

	environment_add(e, "APP_ID", p->app_id);
	environment_add(e, "APP_PROTOCOL", p->protocol == PROTOCOL_PLAIN ? "plain" : "http");
	environment_add_port(e, "DAPR_HTTP_PORT", "", p->dapr_http_port);
	environment_add_port(e, "DAPR_HTTP_ENDPOINT", "http://127.0.0.1:", p->dapr_http_port);
	environment_add_port(e, "DAPR_METRICS_PORT", "", p->admin_port);
	if (p->address && address_parse(&address, p->address, &err) == 0 && address.port) {
		environment_add(e, "APP_PORT", address.port);
		environment_add(e, "PORT", address.port);
	}
	address_free(&address);
}

static int run_child(struct process_run *run, char **argv, struct error *err)
{
	const char *app_id = run->options->app_id, *slash = strrchr(argv[0], '/');
	const char *name = strcmp(app_id, "bridge") != 0 ? app_id : slash ? slash + 1 : argv[0];
	struct environment environment = { .n = 0 };
	const struct child_options options = { .argv = argv, .name = name, .environment = environment.list };

	environment_fill(&environment, run->options);
	run->child = child_start(run->loop, &options, run_child_ended, run, err);
	for (unsigned i = 0; i < environment.n; i++)
		free(environment.list[i]);
	return run->child ? 0 : -1;
}

static void run_close(struct process_run *run)
{
	child_free(run->child);
	http_server_close(run->admin);
	live_free(run->live);
	http_server_close(run->dapr);
	function_free(run->function);
	reload_free(run->reload);
	loop_free(run->loop);
}

/* A core file or a debugger would show them. */
static void run_protect(const struct config *config)
{
	const char *token = getenv("APP_API_TOKEN");

	if ((config->has_secrets || (token && *token)) && prctl(PR_SET_DUMPABLE, 0) == -1)
		log_warn("bridge.run", "secrets may get into a core file: %s", strerror(errno));
}

int run(struct config *config, const struct command *command)
{
	struct process_run run = { .options = &config->process, .stop_signal = SIGTERM };
	struct error err = { ERR_NONE, "" };

	log_setup((enum log_level)config->process.log_level, config->process.log_json, config->process.app_id,
	    BRIDGE_VERSION);
	for (unsigned i = 0; i < command->n_ignored; i++)
		log_debug("bridge.run", "flag --%s has no effect here", command->ignored[i]);
	run_protect(config);
	signal(SIGPIPE, SIG_IGN);
	run.loop = loop_new(&err);
	if (!run.loop || run_open(&run, config, &err) == -1 ||
	    (command->child && run_child(&run, command->child, &err) == -1)) {
		log_at(LOG_FATAL, "bridge.run", "%s", err.text);
		return 1; /* connectors may be half open: the process ends, nothing was read */
	}
	run.reload = reload_new(run.loop, &(struct reload_options){ command, config, run_renew, &run });
	loop_on_signal(run.loop, SIGTERM, run_signal, &run);
	loop_on_signal(run.loop, SIGINT, run_signal, &run);
	loop_on_signal(run.loop, SIGHUP, run_hangup, &run);
	log_info("bridge.run", "bridge %s started: %u components, %u subscriptions", BRIDGE_VERSION,
	    config->n_components, config->n_subscriptions);
	if (!config->process.address && config->n_subscriptions)
		log_warn("bridge.run", "no function address: nothing is read (set function.address or --app-port)");
	loop_run(run.loop);
	log_info("bridge.run", "ended");
	if (loop_is_looking_up(run.loop))
		_exit(run.code); /* all is confirmed and closed; a name server that does not answer shall not hold us */
	run_close(&run);
	return run.code;
}
