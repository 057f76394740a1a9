/* The running process: what the configuration asks for, put together, until a signal ends it. */
#include "bridge/run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "bridge/child.h"
#include "bridge/error.h"
#include "bridge/functions.h"
#include "bridge/http_server.h"
#include "bridge/live.h"
#include "bridge/log.h"
#include "bridge/reload.h"
#include "bridge/scaler.h"
#include "bridge/stream.h"
#include "bridge/version.h"

enum { CHILD_PATIENCE_MS = 2000 };

struct process_run {
	struct loop *loop;
	struct functions *functions;
	struct http_server *admin;
	struct live *live; /* NULL: no admin port */
	struct scaler *scaler; /* NULL: off */
	struct reload *reload;
	const struct process *options;
	const struct function_rows *first; /* of the only function, when there is a child */
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
	struct buf lines = { 0 };

	if (functions_ready(run->functions, &lines))
		respond(r, 200, "ready\n");
	else
		respond(r, 503, "not ready\n");
	buf_slice(&r->body, (struct slice){ lines.p, lines.n });
	buf_free(&lines);
}

static void admin_handle(void *arg, const struct http_request *q, struct http_response *r)
{
	struct process_run *run = arg;

	if (!slice_is(q->method, "GET") && !slice_is(q->method, "HEAD")) {
		respond(r, 405, "only GET and HEAD\n");
	} else if (run->scaler && scaler_handle(run->scaler, q, r)) {
		return;
	} else if (live_handle(run->live, q, r)) {
		return;
	} else if (slice_is(q->path, "/metrics") || slice_is(q->path, "/")) {
		r->status = 200;
		r->content_type = "text/plain; version=0.0.4; charset=utf-8";
		functions_metrics(run->functions, &r->body);
	} else if (slice_is(q->path, "/healthz")) {
		respond(r, 200, "ok\n");
	} else if (slice_is(q->path, "/readyz")) {
		respond_health(run, r);
	} else {
		respond(r, 404,
		    "there are /metrics, /healthz, /readyz, / for browsers and, with scaler.port, /scaler/v1\n");
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
		if (run->scaler)
			scaler_leave(run->scaler);
		functions_drain(run->functions, run->options->drain_ms, run_drained, run);
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
	if (run->scaler)
		scaler_leave(run->scaler);
	log_info("bridge.run", "%s: shutting down", strsignal(signo));
	functions_drain(run->functions, run->options->drain_ms, run_drained, run);
}

static void run_hangup(void *arg, int signo)
{
	struct process_run *run = arg;

	if (run->child)
		child_signal(run->child, signo);
	if (!run->draining)
		reload_now(run->reload);
}

static void run_live(struct process_run *run)
{
	unsigned n;
	struct function *const *list = functions_list(run->functions, &n);

	run->live = live_new(run->loop, run->options->admin_listen, list, n);
}

static int run_scaler(struct process_run *run, struct error *err)
{
	const struct process *p = run->options;
	const struct scaler_options o = { .listen = p->scaler_listen,
		.port = (unsigned)p->scaler_port,
		.cert_file = p->scaler_cert,
		.key_file = p->scaler_key,
		.client_ca_file = p->scaler_client_ca,
		.token_file = p->scaler_token };
	struct function *const *list;
	unsigned n;

	list = functions_list(run->functions, &n);
	run->scaler = scaler_new(run->loop);
	for (unsigned i = 0; i < n; i++)
		scaler_add(run->scaler, list[i]);
	return scaler_open(run->scaler, &o, err);
}

static int run_open(struct process_run *run, struct config *config, struct error *err)
{
	const struct process *p = run->options;

	run->functions = functions_open(run->loop, config, err);
	if (!run->functions)
		return -1;
	if (p->admin_port &&
	    !(run->admin =
		    http_server_open(run->loop, p->admin_listen, (unsigned)p->admin_port, admin_handle, run, err)))
		return error_wrap(err, "admin.port");
	if (run->admin)
		run_live(run);
	if (p->scaler_port && run_scaler(run, err) == -1)
		return -1;
	return functions_start(run->functions, err);
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
static void environment_fill(struct environment *e, const struct function_rows *p, int64_t admin_port)
{
	struct address address = { 0 };
	struct error err;

	environment_add(e, "APP_ID", p->app_id);
	environment_add(e, "APP_PROTOCOL", p->protocol == PROTOCOL_PLAIN ? "plain" : "http");
	environment_add_port(e, "DAPR_HTTP_PORT", "", p->dapr_http_port);
	environment_add_port(e, "DAPR_HTTP_ENDPOINT", "http://127.0.0.1:", p->dapr_http_port);
	environment_add_port(e, "DAPR_METRICS_PORT", "", admin_port);
	if (p->address && address_parse(&address, p->address, &err) == 0 && address.port) {
		environment_add(e, "APP_PORT", address.port);
		environment_add(e, "PORT", address.port);
	}
	address_free(&address);
}

static int run_child(struct process_run *run, char **argv, struct error *err)
{
	const char *app_id = run->first->app_id, *slash = strrchr(argv[0], '/');
	const char *name = strcmp(app_id, "bridge") != 0 ? app_id : slash ? slash + 1 : argv[0];
	struct environment environment = { .n = 0 };
	const struct child_options options = { .argv = argv, .name = name, .environment = environment.list };

	environment_fill(&environment, run->first, run->options->admin_port);
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
	scaler_free(run->scaler);
	functions_free(run->functions);
	reload_free(run->reload);
	loop_free(run->loop);
}

static bool run_has_tokens(const struct config *config)
{
	for (unsigned i = 0; i < config->n_functions; i++) {
		const char *token = getenv(config->functions[i].rows.token_env);

		if (token && *token)
			return true;
	}
	return false;
}

/* A core file or a debugger would show them. */
static void run_protect(const struct config *config)
{
	if ((config->has_secrets || run_has_tokens(config)) && prctl(PR_SET_DUMPABLE, 0) == -1)
		log_warn("bridge.run", "secrets may get into a core file: %s", strerror(errno));
}

static void run_say(const struct config *config)
{
	unsigned components = 0, subscriptions = 0;

	for (unsigned i = 0; i < config->n_functions; i++) {
		const struct function_config *f = &config->functions[i];

		components += f->n_components;
		subscriptions += f->n_subscriptions;
		if (!f->rows.address && f->n_subscriptions)
			log_warn("bridge.run",
			    "no address of function %s: nothing is read for it (set function.address or --app-port)",
			    f->rows.app_id);
	}
	log_info("bridge.run", "bridge %s started: %u functions, %u components, %u subscriptions", BRIDGE_VERSION,
	    config->n_functions, components, subscriptions);
}

int run(struct config *config, const struct command *command)
{
	struct process_run run = {
		.options = &config->process, .first = &config->functions->rows, .stop_signal = SIGTERM
	};
	struct error err = { ERR_NONE, "" };

	log_setup((enum log_level)config->process.log_level, config->process.log_json,
	    config->n_functions == 1 ? run.first->app_id : "bridge", BRIDGE_VERSION);
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
	run.reload = reload_new(run.loop, command, config, run.functions);
	loop_on_signal(run.loop, SIGTERM, run_signal, &run);
	loop_on_signal(run.loop, SIGINT, run_signal, &run);
	loop_on_signal(run.loop, SIGHUP, run_hangup, &run);
	run_say(config);
	loop_run(run.loop);
	log_info("bridge.run", "ended");
	if (loop_is_looking_up(run.loop))
		_exit(run.code); /* all is confirmed and closed; a name server that does not answer shall not hold us */
	run_close(&run);
	return run.code;
}
