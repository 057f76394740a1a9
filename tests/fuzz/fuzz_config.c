/* A whole configuration: findings in words; one without errors prints as a text that loads to the same again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "bridge/config/parse.h"
#include "tests/fuzz/fuzz.h"

static struct config *load(struct slice text)
{
	int fd = memfd_create("config", MFD_CLOEXEC);
	char path[64];
	const char *paths[] = { path };
	struct command command = { .verb = COMMAND_CHECK, .config_paths = paths, .n_config_paths = 1 };
	struct config *c;

	assert(fd >= 0 && write(fd, text.p, text.n) == (ssize_t)text.n);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	c = config_load(&command);
	close(fd);
	return c;
}

static void check_findings(const struct config *c)
{
	unsigned errors = 0;

	for (unsigned i = 0; i < c->n_findings; i++) {
		assert(c->findings[i].text && *c->findings[i].text);
		for (const char *p = c->findings[i].text; *p; p++)
			assert((unsigned char)*p >= ' ' && *p != 0x7f);
		errors += c->findings[i].severity == FINDING_ERROR;
	}
	assert(c->n_errors >= errors && (c->n_errors > 0) == (errors > 0));
}

static void check_function(const struct function_config *f)
{
	assert(*f->rows.app_id);
	for (unsigned i = 0; i < f->n_components; i++)
		assert(*f->components[i].name && *f->components[i].type);
	for (unsigned i = 0; i < f->n_subscriptions; i++) {
		const struct subscription_config *s = &f->subscriptions[i];

		assert(s->component < f->n_components && f->components[s->component].part && *s->route == '/');
	}
}

static void check_loaded(const struct config *c)
{
	assert(c->n_functions > 0);
	for (unsigned i = 0; i < c->n_functions; i++)
		check_function(&c->functions[i]);
}

static void check_as_many(const struct config *a, const struct config *b)
{
	assert(a->n_functions == b->n_functions);
	for (unsigned i = 0; i < a->n_functions; i++) {
		assert(a->functions[i].n_components == b->functions[i].n_components);
		assert(a->functions[i].n_subscriptions == b->functions[i].n_subscriptions);
	}
}

/* Placeholders may be filled in anew at every load: {namespace} holds the app id, which may hold one. */
static bool has_placeholder(const char *text)
{
	return strstr(text, "{uuid}") || strstr(text, "{appID}") || strstr(text, "{namespace}") ||
	    strstr(text, "{podName}");
}

static void check_printed(const struct config *c)
{
	struct buf first = { 0 }, second = { 0 };
	struct config *again;

	config_render(c, &first);
	buf_add(&first, "", 1);
	if (c->n_errors == 0 && !has_placeholder(first.p)) {
		again = load((struct slice){ first.p, first.n - 1 });
		assert(again->n_errors == 0);
		check_as_many(again, c);
		config_render(again, &second);
		buf_add(&second, "", 1);
		assert(strcmp(first.p, second.p) == 0);
		config_free(again);
	}
	buf_free(&first);
	buf_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct config *c = load((struct slice){ (const char *)p, n });

	check_findings(c);
	check_loaded(c);
	check_printed(c);
	config_free(c);
	return 0;
}
