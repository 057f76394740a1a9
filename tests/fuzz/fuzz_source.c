/* A source in one line: refused with a word and without its password, or exactly the settings that stand in it. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "bridge/config/parse.h"
#include "bridge/config/source.h"
#include "tests/fuzz/fuzz.h"

enum { PARTS_MAX = 500 };

/* The line taken apart once more, by other means. */
struct written {
	char *names[PARTS_MAX], *values[PARTS_MAX];
	unsigned n;
	bool odd; /* something in it stands for nothing */
};

static char *decoded(struct written *w, struct slice s)
{
	char *text = mem_new(s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		char pair[3] = { 0 };

		text[n++] = s.p[i];
		if (s.p[i] != '%')
			continue;
		memcpy(pair, s.p + i + 1, s.n - i - 1 < 2 ? s.n - i - 1 : 2);
		w->odd |= !isxdigit((unsigned char)pair[0]) || !isxdigit((unsigned char)pair[1]);
		text[n - 1] = (char)strtoul(pair, NULL, 16);
		w->odd |= text[n - 1] == '\0';
		i += 2;
	}
	return text;
}

static void want(struct written *w, struct slice name, struct slice value)
{
	assert(w->n < PARTS_MAX);
	w->names[w->n] = decoded(w, name);
	w->values[w->n++] = decoded(w, value);
}

static struct slice cut(struct slice *rest, const char *at)
{
	size_t n = 0;

	while (n < rest->n && !strchr(at, rest->p[n]))
		n++;
	*rest = (struct slice){ rest->p + n, rest->n - n };
	return (struct slice){ rest->p - n, n };
}

static bool drop(struct slice *rest, char c)
{
	bool there = rest->n && *rest->p == c;

	*rest = (struct slice){ rest->p + there, rest->n - there };
	return there;
}

static struct slice text(const char *p)
{
	return (struct slice){ p, strlen(p) };
}

static void want_all(struct written *w, const struct command *c)
{
	struct slice rest = text(strstr(c->source, "://") + 3), host = cut(&rest, "/?#"), path = { "", 0 };

	if (drop(&rest, '/'))
		path = cut(&rest, "?#");
	drop(&rest, '?');
	while (rest.n && w->n < PARTS_MAX - 4) {
		struct slice row = cut(&rest, "&"), name = cut(&row, "=");

		if (drop(&row, '=') || name.n)
			want(w, name, row);
		drop(&rest, '&');
	}
	want(w, text("brokers"), host);
	if (path.n)
		want(w, text("topics"), path);
	want(w, text("direction"), text(c->verb == COMMAND_CHECK ? "input" : "output"));
	if (c->route) {
		want(w, text("route"), text(""));
		free(w->values[w->n - 1]);
		w->values[w->n - 1] = mem_text(c->route);
	}
}

static void written_free(struct written *w)
{
	for (unsigned i = 0; i < w->n; i++) {
		free(w->names[i]);
		free(w->values[i]);
	}
}

/* It was taken: what runs is what was written, no more, no less, in its order. */
static void check_taken(const struct config *c, const struct command *command)
{
	const struct component_config *k = c->functions->components;
	struct written w = { 0 };

	assert(c->functions->n_components == 1 && *k->name && k->part && strcmp(k->type, "bindings.kafka") == 0);
	assert(c->functions->n_subscriptions == (command->verb == COMMAND_CHECK));
	assert(command->verb != COMMAND_CHECK || *c->functions->subscriptions[0].route == '/');
	want_all(&w, command);
	assert(!w.odd && w.n == k->n_settings);
	for (unsigned i = 0; i < w.n; i++) {
		assert(strcmp(w.names[i], k->settings[i].name) == 0);
		assert(strchr(w.values[i], '{') || strcmp(w.values[i], k->settings[i].value) == 0);
	}
	written_free(&w);
}

static void check_refused(const struct config *c, const char *url)
{
	const char *host = strstr(url, "://"), *said = NULL;

	for (unsigned i = 0; i < c->n_findings; i++) {
		if (c->findings[i].severity == FINDING_ERROR && !said)
			said = c->findings[i].text;
		for (const char *p = c->findings[i].text; *p; p++)
			assert((unsigned char)*p >= ' ' && *p != 0x7f);
	}
	assert(said && *said);
	if (host && strncasecmp(url, "kafka://", 8) == 0 && memchr(host + 3, '@', strcspn(host + 3, "/?#")))
		assert(strstr(said, "no name or password stands in a URL") || strstr(said, "must be written %25"));
}

/* Lines: "check" or else "send", a route (empty: none), the URL. */
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct slice rest = { (const char *)p, n }, verb = input_line(&rest);
	char *route = mem_slice(input_line(&rest)), *url = mem_slice(rest);
	struct command command = { .verb = slice_is(verb, "check") ? COMMAND_CHECK : COMMAND_SEND };
	struct setting app = { .name = "metadata.name", .value = "shop" };
	struct config *c;

	command.source = url;
	command.route = *route ? route : NULL;
	command.settings = &app;
	command.n_settings = 1;
	c = config_load(&command);
	if (c->n_errors == 0)
		check_taken(c, &command);
	else
		check_refused(c, url);
	config_free(c);
	free(route);
	free(url);
	return 0;
}
