/* Settings of the process and of its functions: the rows, and Bridge documents flattened into them. */
#include "bridge/config/process.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "bridge/bytes.h"
#include "bridge/config/parse.h"
#include "bridge/config/source.h"
#include "bridge/config/suggest.h"

enum { PATH_MAX_BYTES = 128 };
enum { DAY_MS = 24 * 3600 * 1000 };

const struct option function_row_options[] = { STR("metadata.name", struct function_rows, app_id, NULL, 0,
						   "app id and default consumer group"),
	STR("function.address", struct function_rows, address, NULL, 0,
	    "host:port, unix:/path or http(s)://host:port/prefix of the function"),
	WORD("function.protocol", struct function_rows, protocol, "http", 0,
	    "http: Dapr's app channel; plain: CloudEvents over HTTP", .words = "http plain"),
	WORD("function.format", struct function_rows, format, "binary", 0,
	    "what plain HTTP sends: CloudEvents in that mode, or the raw bytes", .words = "binary structured raw"),
	INT("function.endpointConcurrency", struct function_rows, endpoint_concurrency, "64", 0,
	    "deliveries in flight to the function", .min = 1, .max = 100000),
	BOOL("function.adaptiveConcurrency", struct function_rows, adaptive, "false", 0,
	    "learn from the answers (429, 503, slowness) how many deliveries at once it takes well"),
	MS("function.timeout", struct function_rows, timeout_ms, "60s", 0, "time for one delivery", .min = 1,
	    .max = DAY_MS),
	INT("function.bufferEvents", struct function_rows, buffer_events, "1024", 0, "events held here at most",
	    .min = 1, .max = 10000000),
	BYTES("function.bufferBytes", struct function_rows, buffer_bytes, "16Mi", 0, "bytes held here at most",
	    .min = 1024, .max = 1ll << 40),
	MS("function.bindingOptionsTimeout", struct function_rows, options_timeout_ms, "3s", 0,
	    "time for the app to say whether it wants a binding", .min = 1, .max = DAY_MS),
	STR("function.tokenEnv", struct function_rows, token_env, "APP_API_TOKEN", 0,
	    "environment variable whose value is sent to the function as dapr-api-token"),
	STR("function.tls.ca", struct function_rows, ca_file, NULL, 0,
	    "PEM file: whom to trust; default: the system's"),
	STR("function.tls.cert", struct function_rows, cert_file, NULL, 0, "PEM file: our certificate"),
	STR("function.tls.key", struct function_rows, key_file, NULL, 0, "PEM file: its key"),
	BOOL("function.tls.skipVerify", struct function_rows, skip_verify, "false", 0,
	    "do not verify the function's certificate"),
	INT("dapr.httpPort", struct function_rows, dapr_http_port, "3500", 0, "port of the Dapr HTTP API; 0: off",
	    .max = 65535),
	STR("dapr.listen", struct function_rows, dapr_listen, "127.0.0.1", 0, "address of the Dapr API"), OPT_END };

const struct option process_options[] = { INT("admin.port", struct process, admin_port, "9090", 0,
					      "port of metrics and health; 0: off", .max = 65535),
	STR("admin.listen", struct process, admin_listen, "127.0.0.1", 0, "address of metrics and health"),
	INT("scaler.port", struct process, scaler_port, "0", 0, "port of KEDA's external scaler, such as 9191; 0: off",
	    .max = 65535),
	STR("scaler.listen", struct process, scaler_listen, "127.0.0.1", 0, "address of the scaler"),
	STR("scaler.tls.cert", struct process, scaler_cert, NULL, 0,
	    "PEM file: the scaler's certificate; with it TLS is spoken"),
	STR("scaler.tls.key", struct process, scaler_key, NULL, 0, "PEM file: its key"),
	STR("scaler.tls.clientCa", struct process, scaler_client_ca, NULL, 0,
	    "PEM file: only clients with a certificate of these are let in"),
	STR("scaler.tokenFile", struct process, scaler_token, NULL, 0,
	    "file with the token that /scaler/v1 of the admin port asks for; default: it asks for none"),
	STR("secrets.path", struct process, secrets_path, NULL, 0,
	    "directory of secrets, as Kubernetes mounts them: a directory a secret, a file a key"),
	MS("drainTimeout", struct process, drain_ms, "5s", 0, "time to finish what is in flight when stopping",
	    .max = DAY_MS),
	WORD("log.level", struct process, log_level, "info", 0, "least level that is logged",
	    .words = "debug info warn|warning error fatal"),
	BOOL("log.json", struct process, log_json, "false", 0, "log as JSON"), OPT_END };

/* Designed, and not part of this version: said so instead of "unknown". */
static const char *const later_parts[] = { "http", "store", "triggers", "dapr.grpcPort", NULL };
static const char *const later_protocols[] = { "grpc", "grpcs", "h2c", NULL };

const struct option *process_row(const char *name)
{
	const struct option *row = option_find(process_options, name);

	return row ? row : option_find(function_row_options, name);
}

static bool among(const char *const *words, const char *word)
{
	for (; *words; words++)
		if (!strcasecmp(*words, word))
			return true;
	return false;
}

/* Length of the first `depth` words of a dotted name; all of it if it has fewer. */
static size_t path_length(const char *name, unsigned depth)
{
	size_t n = 0;

	for (; name[n]; n++)
		if (name[n] == '.' && --depth == 0)
			break;
	return n;
}

static const struct option *const tables[] = { function_row_options, process_options };
enum { N_TABLES = sizeof(tables) / sizeof(*tables) };

static bool path_leads_on(const char *path)
{
	size_t n = strlen(path);

	for (unsigned t = 0; t < N_TABLES; t++)
		for (const struct option *o = tables[t]; o->name; o++)
			if (!strncasecmp(o->name, path, n) && o->name[n] == '.')
				return true;
	return false;
}

static void process_unknown(struct reading *r, const char *path, const struct item *at, unsigned depth)
{
	struct suggest s;

	suggest_begin(&s, path);
	if (depth == 1)
		suggest_offer(&s, "bindings");
	for (unsigned t = 0; t < N_TABLES; t++)
		for (const struct option *o = tables[t]; o->name; o++)
			if (strcmp(o->name, "metadata.name") != 0)
				suggest_offer(&s, arena_slice(r->config->arena, o->name, path_length(o->name, depth)));
	finding_add(r->config, FINDING_ERROR, reading_place(r, at->line, at->column),
	    "%s is not a setting of kind Bridge%s", path,
	    *suggest_text(&s) ? s.text : ", expected one of those in deploy/examples/bridge.yaml");
}

static void process_add(struct reading *r, const char *path, const struct node *value)
{
	struct process_document *d = r->document;

	if (!strcasecmp(path, "function.protocol") && among(later_protocols, value->text)) {
		finding_add(r->config, FINDING_ERROR, reading_place(r, value->line, value->column),
		    "%s: %s is not part of this version, expected http or plain", path, value->text);
		return;
	}
	d->settings = mem_grow(d->settings, (d->n_settings + 1) * sizeof(*d->settings));
	d->settings[d->n_settings++] = reading_setting(r, path, value);
}

static void process_flatten(struct reading *r, const struct node *map, const char *prefix, unsigned depth);

static void process_item(struct reading *r, const struct item *i, const char *path, unsigned depth)
{
	const struct option *row = process_row(path);
	struct place place = reading_place(r, i->line, i->column);

	if (among(later_parts, path))
		finding_add(r->config, FINDING_ERROR, place,
		    "%s is not part of this version, expected it to be left out", path);
	else if (!strcasecmp(path, "bindings"))
		sources_read(r, i->node);
	else if (row && i->node->kind != NODE_TEXT)
		finding_add(r->config, FINDING_ERROR, place, "%s: %s, expected a text", path, node_kind_name(i->node));
	else if (row)
		process_add(r, path, i->node);
	else if (!path_leads_on(path))
		process_unknown(r, path, i, depth);
	else if (i->node->kind == NODE_MAP)
		process_flatten(r, i->node, path, depth);
	else if (i->node->kind == NODE_LIST || !i->node->null)
		finding_add(r->config, FINDING_ERROR, reading_place(r, i->node->line, i->node->column),
		    "%s: %s, expected a map", path, node_kind_name(i->node));
}

static void process_flatten(struct reading *r, const struct node *map, const char *prefix, unsigned depth)
{
	for (const struct item *i = map->items; i; i = i->next) {
		char path[PATH_MAX_BYTES];
		int n = snprintf(path, sizeof(path), "%s%s%s", prefix, *prefix ? "." : "", i->key);

		if (n >= (int)sizeof(path) || (depth == 0 && !strncasecmp(path, "metadata", 8)))
			process_unknown(r, path, i, depth + 1);
		else
			process_item(r, i, path, depth + 1);
	}
}

void process_read(struct reading *r, const struct node *root)
{
	static const char *const keys[] = { "apiVersion", "kind", "metadata", "spec", NULL };
	static const char *const metadata_keys[] = { "name", "namespace", "labels", "annotations", NULL };
	const struct node *metadata, *spec;
	const struct item *api = node_item(root, "apiVersion"), *name;

	r->document = process_document_add(r->all, reading_place(r, root->line, root->column));
	if (!r->document)
		return;
	if (strcasecmp(api->node->text, "bridge/v1") != 0)
		finding_add(r->config, FINDING_ERROR, reading_place(r, api->node->line, api->node->column),
		    "apiVersion \"%.60s\" is not known, expected bridge/v1", api->node->text);
	reading_known(r, root, "kind Bridge", keys, FINDING_ERROR);
	metadata = reading_map(r, root, "metadata");
	reading_known(r, metadata, "metadata", metadata_keys, FINDING_ERROR);
	name = node_item(metadata, "name");
	if (name && name->node->kind == NODE_TEXT)
		process_add(r, "metadata.name", name->node);
	spec = reading_map(r, root, "spec");
	if (spec)
		process_flatten(r, spec, "", 0);
}
