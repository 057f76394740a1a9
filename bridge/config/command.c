/* The command line: our few words, and daprd's flags as they stand. */
#include <stdio.h>
#include <string.h>
#include "bridge/bytes.h"
#include "bridge/error.h"
#include "bridge/config/arena.h"
#include "bridge/config/config.h"
#include "bridge/config/flag.h"
#include "bridge/config/suggest.h"
#include "bridge/config/words.h"

enum { ARGUMENTS_MAX = 1000 };

/* What several flags say together is put together when all were read. */
struct parsing {
	struct command *command;
	union {
		struct process process;
		struct function_rows function;
	} scratch;
	const char *port, *channel, *protocol;
	const struct flag **of_verb; /* flags that go with one verb */
	unsigned n_of_verb;
	bool metrics_off, verb_given;
	struct error *error;
};

static int command_set(struct parsing *p, const char *row, const char *value, const char *flag)
{
	struct command *c = p->command;
	const struct option *o = process_row(row);

	if (option_read(o, &p->scratch, value, p->error))
		return error_wrap(p->error, "--%s", flag);
	c->settings[c->n_settings++] = (struct setting){ .name = o->name, .value = arena_text(c->arena, value) };
	return 0;
}

static void command_ignore(struct parsing *p, const char *text)
{
	p->command->ignored[p->command->n_ignored++] = text;
}

/* daprd takes a list; one address is listened on here: the first that is IPv4, else the first. */
static int command_listen(struct parsing *p, const char *value)
{
	const char *chosen = value;
	size_t n;

	for (const char *at = value; *at; at += n + (at[n] == ',')) {
		n = strcspn(at, ",");
		if (!memchr(at, ':', n)) {
			chosen = at;
			break;
		}
	}
	n = strcspn(chosen, ",");
	if (n != strlen(value))
		command_ignore(p,
		    arena_printf(p->command->arena, "--dapr-listen-addresses %s: only %.*s is listened on", value,
			(int)n, chosen));
	if (n > 2 && chosen[0] == '[' && chosen[n - 1] == ']') {
		chosen++;
		n -= 2;
	}
	return n ? command_set(p, "dapr.listen", arena_slice(p->command->arena, chosen, n), "dapr-listen-addresses")
		 : 0;
}

static int command_concurrency(struct parsing *p, const char *value)
{
	const struct option any = INT("n", struct function_rows, endpoint_concurrency, NULL, 0, "");
	struct function_rows scratch = { 0 };

	if (option_read(&any, &scratch, value, p->error))
		return error_wrap(p->error, "--app-max-concurrency");
	return scratch.endpoint_concurrency <= 0
	    ? 0
	    : command_set(p, "function.endpointConcurrency", value, "app-max-concurrency");
}

static int command_protocol(struct parsing *p, const char *value)
{
	static const char *const later[] = { "grpc", "grpcs", "h2c", NULL };

	for (const char *const *word = later; *word; word++)
		if (!strcmp(*word, value))
			return error_set(p->error, ERR_CONFIG,
			    "--app-protocol: %s is not part of this version, expected http, https or plain", value);
	if (!strcmp(value, "plain"))
		return command_set(p, "function.protocol", value, "app-protocol");
	if (*value && strcmp(value, "http") != 0 && strcmp(value, "https") != 0)
		return error_set(p->error, ERR_CONFIG,
		    "--app-protocol: \"%.60s\" is not a protocol, expected http, https or plain", value);
	p->protocol = value;
	return 0;
}

static int command_bool(struct parsing *p, const struct flag *f, const char *value, bool *value_r)
{
	const struct option row = BOOL("on", struct process, log_json, NULL, 0, "");
	struct process scratch = { 0 };

	if (option_read(&row, &scratch, value ? value : "true", p->error))
		return error_wrap(p->error, "--%s", f->name);
	*value_r = scratch.log_json;
	return 0;
}

static int command_switch(struct parsing *p, const struct flag *f, const char *value)
{
	struct command *c = p->command;
	bool on = false;

	if (command_bool(p, f, value, &on))
		return -1;
	switch (f->act) {
	case FLAG_ROW: return command_set(p, f->row, on ? "true" : "false", f->name);
	case FLAG_METRICS: p->metrics_off = !on; return 0;
	case FLAG_TLS:
		if (on)
			p->protocol = "https";
		return 0;
	case FLAG_PRINT: c->print = on; return 0;
	case FLAG_ONCE: c->once = on; return 0;
	case FLAG_VERB:
		c->verb = on ? (unsigned)f->verb : c->verb;
		p->verb_given = p->verb_given || on;
		return 0;
	case FLAG_LATER:
		return on ? error_set(p->error, ERR_CONFIG,
				"--%s is not part of this version, expected it to be left out", f->name)
			  : 0;
	case FLAG_IGNORED: command_ignore(p, arena_printf(c->arena, "--%s", f->name)); return 0;
	case FLAG_PORT:
	case FLAG_CHANNEL:
	case FLAG_PROTOCOL:
	case FLAG_CONCURRENCY:
	case FLAG_LISTEN:
	case FLAG_CONFIG:
	case FLAG_RESOURCES:
	case FLAG_ADMIN:
	case FLAG_KEY:
	case FLAG_HEADER:
	case FLAG_FILE:
	case FLAG_COUNT: break;
	}
	return error_set(p->error, ERR_BUG, "--%s is no switch", f->name);
}

static int command_count(struct parsing *p, const char *value)
{
	const struct option row = INT("n", struct command, count, NULL, 0, "", .min = 1, .max = INT64_MAX);

	return option_read(&row, p->command, value, p->error) ? error_wrap(p->error, "--count") : 0;
}

static int command_header(struct parsing *p, const char *value)
{
	struct command *c = p->command;

	if (*value == '=' || !strchr(value, '='))
		return error_set(p->error, ERR_CONFIG, "--header: \"%.60s\", expected NAME=VALUE", value);
	c->headers[c->n_headers++] = arena_text(c->arena, value);
	return 0;
}

static int command_value(struct parsing *p, const struct flag *f, const char *value)
{
	struct command *c = p->command;

	switch (f->act) {
	case FLAG_ROW: return command_set(p, f->row, value, f->name);
	case FLAG_PORT: p->port = value; return 0;
	case FLAG_CHANNEL: p->channel = value; return 0;
	case FLAG_PROTOCOL: return command_protocol(p, value);
	case FLAG_CONCURRENCY: return command_concurrency(p, value);
	case FLAG_LISTEN: return command_listen(p, value);
	case FLAG_CONFIG:
		c->config_paths[c->n_config_paths++] = arena_text(c->arena, value);
		return *value ? 0
			      : error_set(p->error, ERR_CONFIG, "--%s: empty, expected a file or a directory", f->name);
	case FLAG_RESOURCES:
		c->resource_paths[c->n_resource_paths++] = arena_text(c->arena, value);
		return *value ? 0 : error_set(p->error, ERR_CONFIG, "--%s: empty, expected a directory", f->name);
	case FLAG_IGNORED: command_ignore(p, arena_printf(c->arena, "--%s %s", f->name, value)); return 0;
	case FLAG_ADMIN: c->admin = arena_text(c->arena, value); return 0;
	case FLAG_KEY: c->key = arena_text(c->arena, value); return 0;
	case FLAG_HEADER: return command_header(p, value);
	case FLAG_FILE: c->file = arena_text(c->arena, value); return 0;
	case FLAG_COUNT: return command_count(p, value);
	case FLAG_METRICS:
	case FLAG_TLS:
	case FLAG_PRINT:
	case FLAG_ONCE:
	case FLAG_VERB:
	case FLAG_LATER: break;
	}
	return error_set(p->error, ERR_BUG, "--%s takes no value", f->name);
}

static int command_unknown(struct parsing *p, const char *name, size_t n)
{
	char word[64];
	struct suggest s;
	const char *text;

	snprintf(word, sizeof(word), "%.*s", (int)n, name);
	suggest_begin(&s, word);
	for (const struct flag *f = flags; f->name; f++)
		suggest_offer(&s, f->name);
	text = suggest_text(&s);
	return error_set(p->error, ERR_CONFIG, "unknown flag --%s%s", word,
	    *text ? text : ", expected one of those `bridge help` names");
}

/* One flag, and its value if that is the next argument.  Arguments taken; -1: error. */
static int command_flag(struct parsing *p, const char *argument, const char *next)
{
	const char *name = argument + (argument[1] == '-' ? 2 : 1), *equals = strchr(name, '=');
	size_t n = equals ? (size_t)(equals - name) : strlen(name);
	const struct flag *f = flag_find(name, n);

	if (!f)
		return command_unknown(p, name, n);
	if (flag_of_verb(f))
		p->of_verb[p->n_of_verb++] = f;
	if (!f->takes_value)
		return command_switch(p, f, equals ? equals + 1 : NULL) ? -1 : 1;
	if (equals)
		return command_value(p, f, equals + 1) ? -1 : 1;
	if (!next)
		return error_set(p->error, ERR_CONFIG, "--%s: no value, expected one: --%s=%s", f->name, f->name,
		    f->shape ? f->shape : "VALUE");
	return command_value(p, f, next) ? -1 : 2;
}

static int command_word(struct parsing *p, const char *word)
{
	struct command *c = p->command;
	struct suggest s;
	const char *text;

	for (const struct verb_row *v = verbs; v->name && !p->verb_given; v++)
		if (!strcmp(v->name, word)) {
			c->verb = (enum verb)v->verb;
			p->verb_given = true;
			return 1;
		}
	if (p->verb_given || strstr(word, "://")) {
		c->words[c->n_words++] = arena_text(c->arena, word);
		p->verb_given = true;
		return 1;
	}
	suggest_begin(&s, word);
	for (const struct verb_row *v = verbs; v->name; v++)
		suggest_offer(&s, v->name);
	text = suggest_text(&s);
	return error_set(p->error, ERR_CONFIG, "unknown word \"%.60s\"%s", word,
	    *text ? text : ", expected run, check, send, tail, top, scaler, version or help");
}

static int command_child(struct parsing *p, char **argv, int n)
{
	struct command *c = p->command;

	if (n == 0)
		return error_set(p->error, ERR_CONFIG, "nothing behind --, expected a command: -- python3 function.py");
	c->child = arena_alloc(c->arena, ((size_t)n + 1) * sizeof(*c->child));
	for (int i = 0; i < n; i++)
		c->child[i] = arena_text(c->arena, argv[i]);
	return 0;
}

static int command_of_verb(struct parsing *p)
{
	for (unsigned i = 0; i < p->n_of_verb; i++) {
		const struct flag *f = p->of_verb[i];
		const struct verb_row *v = verbs;

		if (f->verb == (int)p->command->verb)
			continue;
		while (v->verb != f->verb)
			v++;
		return error_set(p->error, ERR_CONFIG, "--%s goes with %s only, expected: bridge %s --%s", f->name,
		    v->name, v->name, f->name);
	}
	if (p->command->child && p->command->verb != COMMAND_RUN)
		return error_set(
		    p->error, ERR_CONFIG, "-- COMMAND goes with run only, expected: bridge run … -- COMMAND");
	return 0;
}

static int command_finish(struct parsing *p)
{
	struct command *c = p->command;
	const char *scheme = p->protocol && !strcmp(p->protocol, "https") ? "https://" : "";
	const struct option port = INT("port", struct function_rows, dapr_http_port, NULL, 0, "", .max = 65535);
	struct function_rows scratch = { 0 };

	if (p->port && *p->port) {
		if (option_read(&port, &scratch, p->port, p->error))
			return error_wrap(p->error, "--app-port");
		if (scratch.dapr_http_port > 0 &&
		    command_set(p, "function.address",
			arena_printf(c->arena,
			    strchr(p->channel, ':') && p->channel[0] != '[' ? "%s[%s]:%s" : "%s%s:%s", scheme,
			    p->channel, p->port),
			"app-port"))
			return -1;
	}
	if (p->metrics_off && command_set(p, "admin.port", "0", "enable-metrics"))
		return -1;
	return command_of_verb(p) ? -1 : command_words(c, p->error);
}

int command_parse(struct command *c, int argc, char **argv, struct error *error)
{
	struct parsing p = { .command = c, .channel = "127.0.0.1", .error = error };
	unsigned max = (unsigned)argc +
	    4; /* nothing below grows by more than one an argument, but for what is put together at the end */
	int taken = 1;

	*c = (struct command){ .verb = argc > 1 ? COMMAND_RUN : COMMAND_HELP, .arena = arena_new() };
	c->config_paths = arena_alloc(c->arena, max * sizeof(*c->config_paths));
	c->resource_paths = arena_alloc(c->arena, max * sizeof(*c->resource_paths));
	c->settings = arena_alloc(c->arena, max * sizeof(*c->settings));
	c->ignored = arena_alloc(c->arena, max * sizeof(*c->ignored));
	c->words = arena_alloc(c->arena, max * sizeof(*c->words));
	c->headers = arena_alloc(c->arena, max * sizeof(*c->headers));
	p.of_verb = arena_alloc(c->arena, max * sizeof(*p.of_verb));
	if (argc > ARGUMENTS_MAX)
		taken = error_set(error, ERR_LIMIT, "%d arguments, expected at most %d", argc, ARGUMENTS_MAX);
	for (int i = 1; i < argc && taken > 0; i += taken) {
		if (!strcmp(argv[i], "--"))
			taken = command_child(&p, argv + i + 1, argc - i - 1) ? -1 : argc - i;
		else if (argv[i][0] == '-' && argv[i][1])
			taken = command_flag(&p, argv[i], i + 1 < argc ? argv[i + 1] : NULL);
		else
			taken = command_word(&p, argv[i]);
	}
	if (taken > 0 && command_finish(&p) == 0)
		return 0;
	command_free(c);
	return -1;
}

void command_free(struct command *c)
{
	arena_free(c->arena);
	*c = (struct command){ 0 };
}
