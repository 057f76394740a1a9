/* What Bridge documents and flags say, decided: the process, its functions, and that they get along. */
#include <arpa/inet.h>
#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "bridge/bytes.h"
#include "bridge/error.h"
#include "bridge/config/parse.h"
#include "bridge/config/settings.h"
#include "bridge/stream.h"

enum { APP_ID_MAX = 128, VALUE_MAX = 4200 };

/* One function being decided. */
struct deciding {
	struct resources *all;
	const struct command *command;
	const struct process_document *document;
	struct function_config *function;
};

struct process_document *process_document_add(struct resources *all, struct place place)
{
	struct process_document *d;

	if (all->n_documents == FUNCTIONS_MAX) {
		finding_add(all->config, FINDING_ERROR, place, "too many functions, expected at most %d in a process",
		    FUNCTIONS_MAX);
		return NULL;
	}
	d = arena_alloc(all->config->arena, sizeof(*d));
	d->place = place;
	*all->last_document = d;
	all->last_document = &d->next;
	all->n_documents++;
	return d;
}

static bool flag_says(const struct command *command, const char *row)
{
	for (unsigned i = 0; i < command->n_settings; i++)
		if (!strcasecmp(command->settings[i].name, row))
			return true;
	return false;
}

static const struct setting *document_setting(const struct process_document *d, const char *row)
{
	return settings_last(d->settings, d->n_settings, process_row(row));
}

/* Where that row was written; of one that was not, the document. */
static struct place document_place(const struct process_document *d, const char *row)
{
	const struct setting *s = document_setting(d, row);

	return s ? setting_place(s) : d->place;
}

static struct place deciding_place(const struct deciding *d, const char *row)
{
	if (flag_says(d->command, row))
		return (struct place){ 0 };
	return document_place(d->document, row);
}

/* Where that row of the process was written; of one that was not, the first document. */
static struct place process_place(const struct resources *all, const struct command *command, const char *row)
{
	assert(all->documents);
	if (flag_says(command, row))
		return (struct place){ 0 };
	for (const struct process_document *d = all->documents; d; d = d->next)
		if (document_setting(d, row))
			return document_place(d, row);
	return all->documents->place;
}

/* --- one function --- */

static void check_app_id(const struct deciding *d)
{
	struct config *c = d->all->config;
	struct function_rows *rows = &d->function->rows;
	struct place place = deciding_place(d, "metadata.name");
	bool errand = d->command->verb == COMMAND_SEND || d->command->verb == COMMAND_TAIL;

	if (!rows->app_id && d->all->n_documents > 1) {
		finding_add(c, FINDING_ERROR, place,
		    "no metadata.name, expected one: it tells %u functions apart, and is the app id",
		    d->all->n_documents);
	} else if (!rows->app_id && c->n_errors == 0 && !errand) { /* else it may stand in what could not be read */
		finding_add(c, FINDING_WARNING, place,
		    "no app id, expected metadata.name of kind Bridge or --app-id: "
		    "\"bridge\" is used, also as consumer group");
	} else if (rows->app_id && strlen(rows->app_id) > APP_ID_MAX) {
		finding_add(c, FINDING_ERROR, place, "app id of %zu bytes, expected at most %d", strlen(rows->app_id),
		    APP_ID_MAX);
		rows->app_id = NULL;
	}
	if (!rows->app_id)
		rows->app_id = "bridge";
	for (const char *p = rows->app_id; *p; p++)
		if (iscntrl((unsigned char)*p)) {
			finding_add(c, FINDING_ERROR, place, "app id with a control character, expected a plain name");
			return;
		}
}

static void check_listen(struct config *c, struct place place, const char *row, const char *listen)
{
	struct in6_addr any;

	if (listen && inet_pton(AF_INET, listen, &any) != 1 && inet_pton(AF_INET6, listen, &any) != 1)
		finding_add(c, FINDING_ERROR, place,
		    "%s: \"%.60s\" is not an IP address, expected such as 127.0.0.1, 0.0.0.0 or ::1", row, listen);
}

static void check_function(const struct deciding *d)
{
	struct config *c = d->all->config;
	const struct function_rows *rows = &d->function->rows;
	const struct setting *token = document_setting(d->document, "function.tokenEnv");
	struct address address = { 0 };
	struct error e;

	check_app_id(d);
	if (rows->address && address_parse(&address, rows->address, &e))
		finding_add(c, FINDING_ERROR, deciding_place(d, "function.address"), "function.address: %s", e.text);
	else if (rows->address)
		address_free(&address);
	check_listen(c, deciding_place(d, "dapr.listen"), "dapr.listen", rows->dapr_listen);
	if (!rows->cert_file != !rows->key_file)
		finding_add(c, FINDING_ERROR,
		    deciding_place(d, rows->cert_file ? "function.tls.cert" : "function.tls.key"),
		    "function.tls.%s without function.tls.%s, expected both or none", rows->cert_file ? "cert" : "key",
		    rows->cert_file ? "key" : "cert");
	if (token && strcmp(rows->token_env, process_row("function.tokenEnv")->def) != 0 && !getenv(rows->token_env))
		finding_add(c, FINDING_ERROR, setting_place(token),
		    "function.tokenEnv: environment variable %.60s is not set, expected the function's token in it",
		    rows->token_env);
}

/* --- functions beside each other --- */

static void check_names(struct resources *all, const struct process_document *d, unsigned i)
{
	struct config *c = all->config;
	const struct process_document *other = all->documents;

	for (unsigned j = 0; j < i; j++, other = other->next)
		if (!strcmp(c->functions[i].rows.app_id, c->functions[j].rows.app_id) &&
		    document_setting(d, "metadata.name")) {
			finding_add(c, FINDING_ERROR, document_place(d, "metadata.name"),
			    "a second function \"%.60s\", the first is at %s, expected different names: "
			    "each is an app id and a consumer group",
			    c->functions[i].rows.app_id, place_text(c, document_place(other, "metadata.name")));
			return;
		}
}

/* A port somebody listens on, and who said so. */
struct port {
	int64_t number;
	const char *listen, *row;
	struct place place;
};

static bool listens_everywhere(const char *listen)
{
	return !strcmp(listen, "0.0.0.0") || !strcmp(listen, "::");
}

static bool ports_clash(const struct port *a, const struct port *b)
{
	return a->number && a->number == b->number &&
	    (!strcmp(a->listen, b->listen) || listens_everywhere(a->listen) || listens_everywhere(b->listen));
}

static void port_add(struct config *c, struct port *ports, unsigned *n, struct port port)
{
	for (unsigned j = 0; j < *n; j++)
		if (ports_clash(&ports[j], &port)) {
			finding_add(c, FINDING_ERROR, port.place,
			    "%s: %lld is used already, by %s at %s, expected another, or 0: off", port.row,
			    (long long)port.number, ports[j].row, place_text(c, ports[j].place));
			break;
		}
	ports[(*n)++] = port;
}

static void check_ports(struct resources *all, const struct command *command)
{
	struct config *c = all->config;
	struct port *ports = mem_new((c->n_functions + 2) * sizeof(*ports));
	struct function_config *f = c->functions;
	unsigned n = 0;

	port_add(c, ports, &n,
	    (struct port){ c->process.admin_port, c->process.admin_listen, "admin.port",
		process_place(all, command, "admin.port") });
	port_add(c, ports, &n,
	    (struct port){ c->process.scaler_port, c->process.scaler_listen, "scaler.port",
		process_place(all, command, "scaler.port") });
	for (const struct process_document *d = all->documents; d; d = d->next, f++) {
		const struct deciding deciding = { all, command, d, f };

		port_add(c, ports, &n,
		    (struct port){ f->rows.dapr_http_port, f->rows.dapr_listen, "dapr.httpPort",
			deciding_place(&deciding, "dapr.httpPort") });
	}
	free(ports);
}

/* --- the process --- */

static void setting_text(const struct option *row, const struct setting *s, char *text, size_t size)
{
	struct process scratch = { 0 };
	struct error e;

	*text = '\0';
	if (option_read(row, &scratch, s->value, &e) == 0)
		option_print(row, &scratch, text, size);
}

/* What is the process's may be said once, or several times alike. */
static void check_agreement(struct resources *all, const struct option *row)
{
	const struct setting *first = NULL;
	char one[VALUE_MAX], other[VALUE_MAX];

	for (const struct process_document *d = all->documents; d; d = d->next) {
		const struct setting *s = document_setting(d, row->name);

		if (!s)
			continue;
		setting_text(row, s, other, sizeof(other));
		if (!first) {
			first = s;
			memcpy(one, other, sizeof(one));
		} else if (strcmp(one, other) != 0) {
			finding_add(all->config, FINDING_ERROR, setting_place(s),
			    "%s: %.60s here, %.60s at %s; it is the process's, expected in one document, or alike in "
			    "all",
			    row->name, other, one, place_text(all->config, setting_place(first)));
		}
	}
}

static void settings_add(struct setting *to, unsigned *n, struct resources *all, const struct setting *from, unsigned m)
{
	for (unsigned i = 0; i < m; i++) {
		to[*n] = from[i];
		to[(*n)++].value = arena_text(all->config->arena, from[i].value);
	}
}

/* What of the process was said anywhere; flags last, since they win. */
static void process_fill(struct resources *all, const struct command *command)
{
	unsigned max = command->n_settings, n = 0;
	struct setting *settings;

	for (const struct process_document *d = all->documents; d; d = d->next)
		max += d->n_settings;
	settings = mem_new(max * sizeof(*settings));
	for (const struct process_document *d = all->documents; d; d = d->next)
		settings_add(settings, &n, all, d->settings, d->n_settings);
	settings_add(settings, &n, all, command->settings, command->n_settings);
	settings_fill(process_options, &all->config->process, settings, n);
	free(settings);
}

static void function_fill(const struct deciding *d)
{
	const struct process_document *from = d->document;
	const struct command *command = d->command;
	unsigned n = 0, flags = d->all->n_documents == 1 ? command->n_settings : 0;
	struct setting *settings = mem_new((from->n_settings + flags) * sizeof(*settings));

	settings_add(settings, &n, d->all, from->settings, from->n_settings);
	settings_add(settings, &n, d->all, command->settings, flags);
	settings_fill(function_row_options, &d->function->rows, settings, n);
	d->function->place = from->place;
	free(settings);
}

/* Flags are daprd's, which has one function: of several they would not say which one. */
static void check_flags(struct resources *all, const struct command *command)
{
	const struct process_document *first = all->documents;

	if (all->n_documents == 1)
		return;
	for (unsigned i = 0; i < command->n_settings; i++)
		if (option_find(function_row_options, command->settings[i].name))
			finding_add(all->config, FINDING_ERROR, (struct place){ 0 },
			    "a flag or a word sets %s, and there are %u functions (%s, %s%s), expected it in their "
			    "documents",
			    command->settings[i].name, all->n_documents, place_text(all->config, first->place),
			    place_text(all->config, first->next->place), all->n_documents > 2 ? ", …" : "");
	if (command->child)
		finding_add(all->config, FINDING_ERROR, (struct place){ 0 },
		    "-- COMMAND is the program of one function, and there are %u, expected one kind: Bridge document",
		    all->n_documents);
}

static void check_scaler(struct resources *all, const struct command *command)
{
	struct config *c = all->config;
	const struct process *p = &c->process;

	check_listen(c, process_place(all, command, "scaler.listen"), "scaler.listen", p->scaler_listen);
	if (!p->scaler_cert != !p->scaler_key)
		finding_add(c, FINDING_ERROR,
		    process_place(all, command, p->scaler_cert ? "scaler.tls.cert" : "scaler.tls.key"),
		    "scaler.tls.%s without scaler.tls.%s, expected both or none", p->scaler_cert ? "cert" : "key",
		    p->scaler_cert ? "key" : "cert");
	if (p->scaler_client_ca && !p->scaler_cert)
		finding_add(c, FINDING_ERROR, process_place(all, command, "scaler.tls.clientCa"),
		    "scaler.tls.clientCa without scaler.tls.cert, expected a certificate: only TLS can ask for one");
}

void process_settle(struct resources *all, const struct command *command)
{
	const struct table tables[] = { { function_row_options, sizeof(struct function_rows) },
		{ process_options, sizeof(struct process) } };
	struct config *c = all->config;
	unsigned i = 0;

	if (!all->documents)
		process_document_add(all, (struct place){ 0 });
	c->functions = arena_alloc(c->arena, all->n_documents * sizeof(*c->functions));
	c->n_functions = all->n_documents;
	for (struct process_document *d = all->documents; d; d = d->next) {
		const struct checked checked = { FINDING_ERROR, "kind Bridge", d->place, NULL, false };

		settings_check(c, &checked, tables, 2, d->settings, d->n_settings);
	}
	for (const struct process_document *d = all->documents; d; d = d->next, i++) {
		const struct deciding deciding = { all, command, d, &c->functions[i] };

		function_fill(&deciding);
		check_function(&deciding);
		check_names(all, d, i);
	}
	for (const struct option *row = process_options; row->name; row++)
		check_agreement(all, row);
	process_fill(all, command);
	check_flags(all, command);
	check_ports(all, command);
	check_listen(c, process_place(all, command, "admin.listen"), "admin.listen", c->process.admin_listen);
	check_scaler(all, command);
}
