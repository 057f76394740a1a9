/* The words behind the verb: `run SOURCE FUNCTION`, `send COMPONENT|URL [TOPIC] [DATA]` and the like. */
#include "bridge/config/words.h"
#include <string.h>
#include "bridge/error.h"
#include "bridge/config/arena.h"

static bool is_url(const char *word)
{
	return strstr(word, "://") != NULL;
}

static bool command_says(const struct command *c, const char *row)
{
	for (unsigned i = 0; i < c->n_settings; i++)
		if (!strcmp(c->settings[i].name, row))
			return true;
	return false;
}

static int words_too_many(const struct command *c, unsigned most, const char *expected, struct error *e)
{
	return c->n_words <= most
	    ? 0
	    : error_set(e, ERR_CONFIG, "unknown word \"%.60s\", expected %s", c->words[most], expected);
}

/* http://host:port/route: the route is ours, the rest is the address. */
static int words_function(struct command *c, const char *word, struct error *e)
{
	const char *scheme = strstr(word, "://"), *slash = strchr(scheme ? scheme + 3 : word, '/');
	bool unix_socket = !strncmp(word, "unix:", 5);
	const char *address = word;

	if (scheme && !unix_socket && strncmp(word, "http://", 7) != 0 && strncmp(word, "https://", 8) != 0)
		return error_set(e, ERR_CONFIG,
		    "%.60s: not a function, expected http://host:port/route, https://… or unix:/path", word);
	if (command_says(c, "function.address"))
		return error_set(
		    e, ERR_CONFIG, "%.60s: --app-port names the function already, expected one of both", word);
	if (slash && !unix_socket) {
		if (strpbrk(slash, "?# "))
			return error_set(e, ERR_CONFIG, "%.60s: expected a plain path, without ?, # and blanks", word);
		c->route = arena_text(c->arena, slash);
		address = arena_slice(c->arena, word, (size_t)(slash - word));
	}
	c->settings[c->n_settings++] = (struct setting){ .name = "function.address", .value = address };
	return 0;
}

static int words_run(struct command *c, struct error *e)
{
	if (c->n_words == 0)
		return 0;
	if (words_too_many(c, 2, "SOURCE FUNCTION and flags", e))
		return -1;
	if (!is_url(c->words[0]))
		return error_set(e, ERR_CONFIG,
		    "unknown word \"%.60s\", expected flags, or a source such as kafka://127.0.0.1:9092/orders",
		    c->words[0]);
	c->source = c->words[0];
	if (c->n_words == 2)
		return words_function(c, c->words[1], e);
	if (c->n_config_paths + c->n_resource_paths == 0 && !command_says(c, "function.address"))
		return error_set(e, ERR_CONFIG,
		    "a source without a function, expected a second word such as http://127.0.0.1:8080/orders");
	return 0;
}

static int words_target(struct command *c, struct error *e)
{
	const char *verb = c->verb == COMMAND_SEND ? "send" : "tail";

	if (c->n_words == 0)
		return error_set(e, ERR_CONFIG,
		    "%s what? expected the name of a component, or a URL: bridge %s kafka://127.0.0.1:9092/orders",
		    verb, verb);
	if (is_url(c->words[0])) {
		c->source = c->words[0];
		return 0;
	}
	c->component = c->words[0];
	if (c->n_config_paths + c->n_resource_paths == 0)
		return error_set(e, ERR_CONFIG,
		    "component \"%.60s\" stands in no file, expected --config FILE, or a URL", c->component);
	return 0;
}

/* The last word is the data, unless a file is; before it may stand a topic. */
static int words_send(struct command *c, struct error *e)
{
	unsigned topics = c->n_words - 1;

	if (!c->file && c->n_words > 1) {
		c->data = strcmp(c->words[c->n_words - 1], "-") ? c->words[c->n_words - 1] : NULL;
		topics--;
	}
	if (topics > 1)
		return error_set(e, ERR_CONFIG, "unknown word \"%.60s\", expected [TOPIC] %s", c->words[2],
		    c->file ? "when there is --file" : "DATA (in quotes, if it has blanks)");
	c->topic = topics ? c->words[1] : NULL;
	return 0;
}

int command_words(struct command *c, struct error *e)
{
	switch (c->verb) {
	case COMMAND_RUN:
	case COMMAND_CHECK: return words_run(c, e);
	case COMMAND_SEND: return words_target(c, e) ? -1 : words_send(c, e);
	case COMMAND_TAIL:
		if (words_target(c, e) || words_too_many(c, 2, "COMPONENT|URL [TOPIC]", e))
			return -1;
		c->topic = c->n_words == 2 ? c->words[1] : NULL;
		return 0;
	case COMMAND_TOP: return words_too_many(c, 0, "flags only", e);
	case COMMAND_SCALER:
		if (words_too_many(c, 0, "flags only", e))
			return -1;
		return c->n_config_paths
		    ? 0
		    : error_set(
			  e, ERR_CONFIG, "scaler of what? expected --config DIR: a file or a folder for each function");
	case COMMAND_HELP: return words_too_many(c, 1, "one word", e);
	case COMMAND_VERSION: return words_too_many(c, 0, "nothing", e);
	}
	return 0;
}
