/* Values of options: refused in words without secrets, or within bounds and printed as a text that reads the same. */
#include <stdlib.h>
#include <string.h>
#include "bridge/error.h"
#include "bridge/option.h"
#include "tests/fuzz/fuzz.h"

struct values {
	const char *text, *secret;
	int64_t whole, any_whole, time, any_time, bare_time, size, any_size;
	bool yes;
	int word, level;
};

static const struct option rows[] = { STR("text", struct values, text, "none", 0, "text"),
	STR("secret", struct values, secret, NULL, OPT_SECRET, "secret"),
	INT("whole", struct values, whole, "5", 0, "number", .min = -10, .max = 1000),
	INT("anyWhole", struct values, any_whole, NULL, OPT_SECRET, "number"),
	MS("time", struct values, time, "1m30s", 0, "time", .min = 1, .max = 24 * 3600 * 1000),
	MS("anyTime", struct values, any_time, NULL, 0, "time", .alias = "otherTime someTime"),
	MS("bareTime", struct values, bare_time, "500", OPT_BARE_MS, "time", .min = -1000, .max = 1000000),
	BYTES("size", struct values, size, "16Mi", 0, "size", .min = 1024, .max = 1ll << 40),
	BYTES("anySize", struct values, any_size, NULL, 0, "size"),
	BOOL("yes", struct values, yes, "true", 0, "switch"),
	WORD("word", struct values, word, "key", 0, "word", .words = "partition key none"),
	WORD("level", struct values, level, "warning", 0, "level", .words = "debug warn|warning error"), OPT_END };

static int64_t number(const struct option *o, const struct values *v)
{
	return *(const int64_t *)((const char *)v + o->offset);
}

static void check_read(const struct option *o, const struct values *v)
{
	char printed[256], again[256];
	struct values back = { 0 };
	struct error e = { 0 };

	if ((o->min || o->max) && o->type != OPT_WORD)
		assert(number(o, v) >= o->min && number(o, v) <= o->max);
	option_print(o, v, printed, sizeof(printed));
	if (o->flags & OPT_SECRET) {
		assert(!*printed || strcmp(printed, "<secret>") == 0);
		return;
	}
	assert(option_read(o, &back, printed, &e) == 0);
	option_print(o, &back, again, sizeof(again));
	assert(strcmp(printed, again) == 0);
	if (o->type == OPT_INT || o->type == OPT_MS || o->type == OPT_BYTES)
		assert(number(o, v) == number(o, &back));
}

static void check_refused(const struct option *o, const char *value, const struct error *e)
{
	assert(e->code == ERR_CONFIG && *e->text && o->type != OPT_STR);
	for (const char *p = e->text; *p; p++)
		assert((unsigned char)*p >= ' ' && *p != 0x7f);
	if (o->flags & OPT_SECRET && strlen(value) > 8)
		assert(!strstr(e->text, value));
}

/* The first line is a name, which may be one of the rows', the second its value. */
static void check_parse(const char *name, const char *value)
{
	struct setting settings[] = { { .name = "whole", .value = "7" },
		{ .name = name, .value = value, .file = "f" } };
	struct values v = { 0 };
	struct error e = { 0 };
	uint64_t written = 0;

	if (option_parse(rows, &v, settings, 2, &written, &e)) {
		assert(strncmp(e.text, "f:0:0: ", 7) == 0 && option_find(rows, name));
		return;
	}
	assert(settings[0].used && settings[1].used == (option_find(rows, name) != NULL));
	assert(v.any_time == 0 || written);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct slice rest = { (const char *)p, n };
	char *name = mem_slice(input_line(&rest)), *value = mem_slice(rest);

	for (const struct option *o = rows; o->name; o++) {
		struct values v = { 0 };
		struct error e = { 0 };

		if (option_read(o, &v, value, &e) == 0)
			check_read(o, &v);
		else
			check_refused(o, value, &e);
	}
	check_parse(name, value);
	free(name);
	free(value);
	return 0;
}
