/* The scaler by itself: a function of each configuration in a directory, watched without being read. */
#include "bridge/outlook.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "bridge/assemble.h"
#include "bridge/error.h"
#include "bridge/http_server.h"
#include "bridge/log.h"
#include "bridge/outlook_files.h"
#include "bridge/scaler.h"
#include "bridge/version.h"

enum { LOOK_MS = 2000, DEFAULT_PORT = 9191 };

/* One configuration and the function made of it. */
struct view {
	struct view *next;
	struct outlook *outlook;
	char *path;
	uint64_t signature; /* of its files, as they were read */
	struct config *config;
	struct function *function; /* NULL: there is nothing to watch */
	struct later bury;
	bool there, drained;
};

struct outlook {
	struct loop *loop;
	const struct command *command;
	struct scaler *scaler;
	struct http_server *admin;
	struct config *config; /* what concerns the process; NULL: nothing was found */
	struct view *views, *leaving;
	struct timer look;
	bool draining;
};

static void view_free(struct view *v)
{
	if (v->function)
		function_free(v->function);
	config_free(v->config);
	free(v->path);
	free(v);
}

static bool outlook_is_drained(const struct outlook *o)
{
	for (const struct view *v = o->leaving; v; v = v->next)
		if (!v->drained)
			return false;
	return true;
}

/* At the end the scaler still knows them: they go after it. */
static void view_bury(void *arg)
{
	struct view *v = arg;
	struct outlook *o = v->outlook;
	struct view **at = &o->leaving;

	v->drained = true;
	if (o->draining) {
		if (outlook_is_drained(o))
			loop_stop(o->loop);
		return;
	}
	while (*at != v)
		at = &(*at)->next;
	*at = v->next;
	view_free(v);
}

/* Still inside the function: it is freed at the end of the turn. */
static void view_drained(void *arg)
{
	struct view *v = arg;

	v->bury = (struct later){ .fn = view_bury, .arg = v };
	loop_defer(v->outlook->loop, &v->bury);
}

static void view_leave(struct outlook *o, struct view *v)
{
	v->next = o->leaving;
	o->leaving = v;
	if (v->function)
		function_drain(v->function, 0, view_drained, v);
	else
		view_drained(v);
}

static void findings_log(const struct config *c, const char *path)
{
	for (unsigned i = 0; i < c->n_findings; i++) {
		const struct finding *f = &c->findings[i];

		if (f->severity == FINDING_ERROR)
			log_warn("bridge.outlook", "%s:%u:%u: %s", f->place.file ? f->place.file : path, f->place.line,
			    f->place.column, f->text);
	}
}

static struct config *config_of(const struct outlook *o, const char *path)
{
	struct command command = *o->command;

	command.config_paths = &path;
	command.n_config_paths = 1;
	return config_load(&command);
}

static struct view *view_new(struct outlook *o, const char *path, uint64_t signature, struct config *config)
{
	struct view *v = mem_new(sizeof(*v));

	v->outlook = o;
	v->path = mem_text(path);
	v->signature = signature;
	v->config = config;
	v->there = true;
	return v;
}

static const char *app_id_of(const struct view *v)
{
	return v->config->functions->rows.app_id;
}

static bool view_has(const struct view *v, const char *app_id)
{
	return v && v->function && !strcmp(app_id_of(v), app_id);
}

/* -1: it stays without a function, and what was before goes on. */
static int view_start(struct outlook *o, struct view *v, const struct view *before)
{
	struct function_config *config = v->config->functions;
	const char *app_id = app_id_of(v);
	struct error err;

	if (v->config->n_functions > 1) {
		log_warn("bridge.outlook",
		    "%s: %u functions, expected one in each file or folder; a process of several "
		    "has the scaler built in: scaler.port",
		    v->path, v->config->n_functions);
		return -1;
	}
	if (config->n_subscriptions == 0)
		return 0;
	if (!view_has(before, app_id) && scaler_has(o->scaler, app_id)) {
		log_warn("bridge.outlook", "%s: function %s stands in another file already, expected one for each",
		    v->path, app_id);
		return -1;
	}
	v->function = assemble_outlook(o->loop, config, &err);
	if (v->function && function_start(v->function, &err) == 0)
		return 0;
	log_warn("bridge.outlook", "%s: %s", v->path, err.text);
	return -1;
}

static void view_swap(struct outlook *o, const struct view *before, const struct view *v)
{
	if (v->function && view_has(before, app_id_of(v))) {
		scaler_replace(o->scaler, before->function, v->function);
		return;
	}
	if (before && before->function)
		scaler_remove(o->scaler, before->function);
	if (v->function)
		scaler_add(o->scaler, v->function);
}

static struct view **view_find(struct outlook *o, const char *path)
{
	struct view **at = &o->views;

	while (*at && strcmp((*at)->path, path) != 0)
		at = &(*at)->next;
	return at;
}

/* What is wrong now leaves what was right before. */
static void view_look(void *arg, const char *path, uint64_t signature)
{
	struct outlook *o = arg;
	struct view **at = view_find(o, path), *before = *at, *v;

	if (before)
		before->there = true;
	if (before && before->signature == signature)
		return;
	if (before)
		before->signature = signature;
	v = view_new(o, path, signature, config_of(o, path));
	findings_log(v->config, path);
	if (v->config->n_errors || view_start(o, v, before) == -1) {
		if (before)
			view_free(v);
		else
			*at = v; /* not looked at again before it is another */
		return;
	}
	view_swap(o, before, v);
	log_info("bridge.outlook", "%s: function %s: %s", path, app_id_of(v),
	    before	      ? "changed"
		: v->function ? "watched"
			      : "nothing to watch");
	v->next = before ? before->next : NULL;
	*at = v;
	if (before)
		view_leave(o, before);
}

static void outlook_look(void *arg)
{
	struct outlook *o = arg;

	for (struct view *v = o->views; v; v = v->next)
		v->there = false;
	for (unsigned i = 0; i < o->command->n_config_paths; i++)
		outlook_files(o->command->config_paths[i], view_look, o);
	for (struct view **at = &o->views, *v; (v = *at);) {
		if (v->there) {
			at = &v->next;
			continue;
		}
		*at = v->next;
		log_info("bridge.outlook", "%s: function %s: gone", v->path, app_id_of(v));
		if (v->function)
			scaler_remove(o->scaler, v->function);
		view_leave(o, v);
	}
	timer_set(o->loop, &o->look, LOOK_MS, outlook_look, o);
}

static void outlook_metrics(const struct outlook *o, struct buf *out)
{
	struct function **list;
	unsigned n = 0;

	for (const struct view *v = o->views; v; v = v->next)
		n += v->function != NULL;
	list = mem_new(n * sizeof(struct function *));
	n = 0;
	for (const struct view *v = o->views; v; v = v->next)
		if (v->function)
			list[n++] = v->function;
	metrics_print(list, n, out);
	free(list);
}

static void outlook_handle(void *arg, const struct http_request *q, struct http_response *r)
{
	struct outlook *o = arg;

	if (!slice_is(q->method, "GET")) {
		r->status = 405;
	} else if (slice_is(q->path, "/metrics") || slice_is(q->path, "/")) {
		r->status = 200;
		r->content_type = "text/plain; version=0.0.4; charset=utf-8";
		outlook_metrics(o, &r->body);
	} else if (slice_is(q->path, "/healthz") || slice_is(q->path, "/readyz")) {
		r->status = 200;
		r->content_type = "text/plain; charset=utf-8";
		buf_text(&r->body, "ok\n");
	} else {
		scaler_handle(o->scaler, q, r);
	}
}

static void outlook_signal(void *arg, int signo)
{
	struct outlook *o = arg;

	if (o->draining)
		_Exit(1);
	log_info("bridge.outlook", "%s: shutting down", strsignal(signo));
	o->draining = true;
	timer_stop(o->loop, &o->look);
	scaler_leave(o->scaler);
	while (o->views) {
		struct view *v = o->views;

		o->views = v->next;
		view_leave(o, v);
	}
	if (!o->leaving)
		loop_stop(o->loop);
}

/* What concerns the process stands in the first configuration that says something of the scaler, else in the first. */
static void process_take(void *arg, const char *path, uint64_t signature)
{
	struct outlook *o = arg;
	struct config *c;

	(void)signature;
	if (o->config && o->config->process.scaler_port)
		return;
	c = config_of(o, path);
	if (c->n_errors || (o->config && !c->process.scaler_port)) {
		config_free(c);
		return;
	}
	config_free(o->config);
	o->config = c;
}

static int outlook_open(struct outlook *o, struct error *err)
{
	static const struct process none;
	const struct process *p = o->config ? &o->config->process : &none;
	const struct scaler_options options = { .listen = p->scaler_listen ? p->scaler_listen : "127.0.0.1",
		.port = p->scaler_port ? (unsigned)p->scaler_port : DEFAULT_PORT,
		.cert_file = p->scaler_cert,
		.key_file = p->scaler_key,
		.client_ca_file = p->scaler_client_ca,
		.token_file = p->scaler_token };

	o->loop = loop_new(err);
	if (!o->loop)
		return -1;
	o->scaler = scaler_new(o->loop);
	if (scaler_open(o->scaler, &options, err) == -1)
		return -1;
	if (p->admin_port &&
	    !(o->admin = http_server_open(o->loop, p->admin_listen, (unsigned)p->admin_port, outlook_handle, o, err)))
		return error_wrap(err, "admin.port");
	return 0;
}

int outlook(const struct command *command)
{
	struct outlook o = { .command = command };
	struct error err = { ERR_NONE, "" };

	for (unsigned i = 0; i < command->n_config_paths; i++)
		outlook_files(command->config_paths[i], process_take, &o);
	log_setup(o.config ? (enum log_level)o.config->process.log_level : LOG_INFO,
	    o.config && o.config->process.log_json, "bridge-scaler", BRIDGE_VERSION);
	signal(SIGPIPE, SIG_IGN);
	if (prctl(PR_SET_DUMPABLE, 0) == -1)
		log_warn("bridge.outlook", "secrets may get into a core file");
	if (outlook_open(&o, &err) == -1) {
		log_at(LOG_FATAL, "bridge.outlook", "%s", err.text);
		return 1;
	}
	loop_on_signal(o.loop, SIGTERM, outlook_signal, &o);
	loop_on_signal(o.loop, SIGINT, outlook_signal, &o);
	outlook_look(&o);
	log_info("bridge.outlook", "bridge %s started: scaler only", BRIDGE_VERSION);
	loop_run(o.loop);
	log_info("bridge.outlook", "ended");
	http_server_close(o.admin);
	scaler_free(o.scaler);
	while (o.leaving) {
		struct view *v = o.leaving;

		o.leaving = v->next;
		view_free(v);
	}
	loop_free(o.loop);
	config_free(o.config);
	return 0;
}
