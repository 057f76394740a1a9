/* Stands in for the core: remembers what a binding told it. */
#include "tests/unit/fake_core.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bridge/bytes.h"
#include "bridge/error.h"
#include "bridge/option.h"

struct fake_core fake_core;

void fake_core_reset(void)
{
	fake_core = (struct fake_core){ 0 };
}

static void told(void)
{
	if (fake_core.told)
		fake_core.told();
}

void settle(struct delivery *d, unsigned item, enum verdict verdict, const struct answer *answer,
    int64_t retry_after_ms, const char *why)
{
	struct fake_settled *s = &fake_core.settled[fake_core.n_settled++];

	assert(fake_core.n_settled <= sizeof fake_core.settled / sizeof *fake_core.settled);
	*s = (struct fake_settled){ d, item, verdict, answer ? answer->status : 0, retry_after_ms, "" };
	snprintf(s->why, sizeof s->why, "%s", why ? why : "");
	told();
}

void binding_capacity(struct binding *b, unsigned total)
{
	(void)b;
	fake_core.capacity = total;
	fake_core.n_capacity++;
	told();
}

int binding_discovered(struct binding *b, const struct wanted *wanted, unsigned n, const char *const *inputs,
    unsigned n_inputs, struct error *err)
{
	(void)b;
	(void)wanted;
	(void)err;
	assert(n == 0);
	fake_core.n_discovered++;
	fake_core.discovered[0] = '\0';
	for (unsigned i = 0; i < n_inputs; i++) {
		size_t at = strlen(fake_core.discovered);

		snprintf(fake_core.discovered + at, sizeof fake_core.discovered - at, "%s%s", i ? " " : "", inputs[i]);
	}
	told();
	return 0;
}

struct binding *fake_core_open(const struct binding_class *class, struct loop *loop, const char *const *settings)
{
	struct binding *b = mem_new(class->size);
	struct setting list[16];
	struct error err = { 0 };
	unsigned n = 0;

	*b = (struct binding){ .class = class, .loop = loop };
	for (; settings[2 * n]; n++)
		list[n] = (struct setting){ .name = settings[2 * n], .value = settings[2 * n + 1] };
	if (option_parse(class->options, b, list, n, NULL, &err) < 0 || class->open(b, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
	return b;
}

void fake_core_close(struct binding *b)
{
	b->class->close(b);
	free(b);
}

const char *fake_core_settled(const struct delivery *d)
{
	static const char *const verdicts[] = { "DONE", "RETRY", "UNSENT", "UNSURE", "DROP", "REJECT" };
	static char text[256];
	const struct fake_settled *s = &fake_core.settled[0];

	if (fake_core.n_settled != 1)
		return fake_core.n_settled ? "settled more than once" : "not settled";
	assert(s->delivery == d && s->item == 0);
	snprintf(text, sizeof text, "%s %s", verdicts[s->verdict], s->why);
	fake_core.n_settled = 0;
	return text;
}
