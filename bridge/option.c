/* Typed option rows: text into fields, fields into text. */
#include "bridge/option.h"
#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "bridge/error.h"

enum { QUOTE_MAX = 60 };

struct unit {
	const char *name;
	uint64_t size;
};

static const struct unit durations[] = { /* in nanoseconds */
	{ "ns", 1 }, { "us", 1000 }, { "µs", 1000 }, { "μs", 1000 }, { "ms", 1000000 }, { "s", 1000000000 },
	{ "m", 60000000000 }, { "h", 3600000000000 }, { NULL, 0 }
};
static const struct unit quantities[] = { { "", 1 }, { "Ki", 1ull << 10 }, { "Mi", 1ull << 20 }, { "Gi", 1ull << 30 },
	{ "Ti", 1ull << 40 }, { "k", 1000 }, { "M", 1000000 }, { "G", 1000000000 }, { "T", 1000000000000 },
	{ NULL, 0 } };

static bool option_list_has(const char *list, char separator, const char *word, size_t n)
{
	for (const char *p = list; p && *p;) {
		size_t len = strcspn(p, (char[]){ separator, ' ', '\0' });

		if (len == n && !strncasecmp(p, word, n))
			return true;
		p += len;
		if (*p != separator)
			break;
		p++;
	}
	return false;
}

static bool option_named(const struct option *o, const char *name)
{
	return !strcasecmp(o->name, name) || option_list_has(o->alias, ' ', name, strlen(name));
}

const struct option *option_flagged(const struct option *rows, unsigned flag)
{
	for (; rows && rows->name; rows++)
		if (rows->flags & flag)
			return rows;
	return NULL;
}

const struct option *option_find(const struct option *rows, const char *name)
{
	for (; rows && rows->name; rows++)
		if (option_named(rows, name))
			return rows;
	return NULL;
}

/* For error texts: short, printable, and never a secret. */
static const char *option_quote(const struct option *o, const char *value, char buf[QUOTE_MAX + 8])
{
	size_t n = strlen(value), keep = n > QUOTE_MAX ? QUOTE_MAX : n;

	if (o->flags & OPT_SECRET)
		return "the value";
	while (keep < n && keep > 0 && ((unsigned char)value[keep] & 0xc0) == 0x80)
		keep--;
	snprintf(buf, QUOTE_MAX + 8, "\"%.*s%s\"", (int)keep, value, keep < n ? "…" : "");
	for (char *p = buf; *p; p++)
		if (iscntrl((unsigned char)*p))
			*p = '?';
	return buf;
}

/* Digits, perhaps with a fraction of which six places count: whole + fraction / 1,000,000. */
struct decimal {
	uint64_t whole, millionths;
	bool point;
};

static bool decimal_read(const char **text, struct decimal *d)
{
	const char *p = *text;
	uint64_t place = 100000;

	*d = (struct decimal){ 0 };
	if (!isdigit((unsigned char)*p))
		return false;
	for (; isdigit((unsigned char)*p); p++)
		if (__builtin_mul_overflow(d->whole, 10u, &d->whole) ||
		    __builtin_add_overflow(d->whole, (uint64_t)(*p - '0'), &d->whole))
			return false;
	if (*p == '.') {
		d->point = true;
		for (p++; isdigit((unsigned char)*p); p++, place /= 10)
			d->millionths += (uint64_t)(*p - '0') * place;
	}
	*text = p;
	return true;
}

static bool decimal_scale(const struct decimal *d, uint64_t unit, uint64_t *sum)
{
	uint64_t whole;

	return !__builtin_mul_overflow(d->whole, unit, &whole) && !__builtin_add_overflow(*sum, whole, sum) &&
	    !__builtin_add_overflow(*sum, d->millionths * unit / 1000000, sum);
}

/* The longest unit that stands at p; NULL: none. */
static const struct unit *unit_at(const struct unit *units, const char *p)
{
	const struct unit *best = NULL;

	for (; units->name; units++)
		if (!strncmp(p, units->name, strlen(units->name)) &&
		    (!best || strlen(units->name) > strlen(best->name)))
			best = units;
	return best;
}

static bool number_sign(const char **p)
{
	bool negative = **p == '-';

	if (**p == '-' || **p == '+')
		++*p;
	return negative;
}

static bool number_finish(uint64_t value, uint64_t most, bool negative, int64_t *value_r)
{
	if (value > most)
		return false;
	*value_r = negative ? -(int64_t)value : (int64_t)value;
	return true;
}

static bool number_int(const char *p, int64_t *value_r)
{
	bool negative = number_sign(&p);
	struct decimal d;

	return decimal_read(&p, &d) && !d.point && !*p && number_finish(d.whole, INT64_MAX, negative, value_r);
}

/* Go's longest: what is longer would not be read again once printed in hours and minutes. */
static const uint64_t longest_ms = INT64_MAX / 1000000;

static bool number_ms(const char *p, bool bare_ms, int64_t *value_r)
{
	bool negative = number_sign(&p);
	uint64_t ns = 0;
	struct decimal d;

	for (bool first = true; first || *p; first = false) {
		const struct unit *unit;

		if (!decimal_read(&p, &d))
			return false;
		if (!*p && first && !d.point)
			return !__builtin_mul_overflow(d.whole, bare_ms ? 1u : 1000u, &d.whole) &&
			    number_finish(d.whole, longest_ms, negative, value_r);
		unit = unit_at(durations, p);
		if (!unit || !decimal_scale(&d, unit->size, &ns))
			return false;
		p += strlen(unit->name);
	}
	return number_finish(ns / 1000000 + (ns % 1000000 != 0), longest_ms, negative, value_r);
}

static bool number_bytes(const char *p, int64_t *value_r)
{
	bool negative = number_sign(&p);
	const struct unit *unit;
	uint64_t value = 0;
	struct decimal d;

	if (!decimal_read(&p, &d))
		return false;
	unit = unit_at(quantities, p);
	return unit && !p[strlen(unit->name)] && decimal_scale(&d, unit->size, &value) &&
	    number_finish(value, INT64_MAX, negative, value_r);
}

static bool bool_read(const char *value, bool *value_r)
{
	size_t n = strlen(value);

	if (option_list_has("y yes t true on 1", ' ', value, n))
		*value_r = true;
	else if (option_list_has("n no f false off 0", ' ', value, n))
		*value_r = false;
	else
		return false;
	return true;
}

/* Words are separated by spaces; "warn|warning" are spellings of one, the first is printed. */
static const char *words_at(const char *words, int index)
{
	for (; index > 0; index--) {
		words += strcspn(words, " ");
		words += strspn(words, " ");
	}
	return words;
}

static int words_find(const char *words, const char *value)
{
	int i = 0;

	for (const char *p = words; *p; p = words_at(p, 1), i++)
		if (option_list_has(p, '|', value, strlen(value)))
			return i;
	return -1;
}

static void number_print(const struct option *o, int64_t v, char *buf, size_t size)
{
	static const struct {
		int64_t ms;
		const char *name;
	} units[] = { { 3600000, "h" }, { 60000, "m" }, { 1000, "s" }, { 1, "ms" } };
	size_t n = 0;

	if (o->type == OPT_BYTES && v != 0) {
		for (int i = 3; i > 0; i--)
			if (v % (int64_t)quantities[i].size == 0) {
				snprintf(
				    buf, size, "%" PRId64 "%s", v / (int64_t)quantities[i].size, quantities[i].name);
				return;
			}
	} else if (o->type == OPT_MS && v != 0) {
		if (v < 0)
			n += (size_t)snprintf(buf, size, "-");
		for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
			if (v / units[i].ms != 0)
				n += (size_t)snprintf(n < size ? buf + n : NULL, n < size ? size - n : 0,
				    "%" PRIu64 "%s", (uint64_t)(v < 0 ? -(v / units[i].ms) : v / units[i].ms),
				    units[i].name);
			v %= units[i].ms;
		}
		return;
	}
	snprintf(buf, size, "%" PRId64 "%s", v, o->type == OPT_MS ? "s" : "");
}

static int option_bounds(const struct option *o, int64_t v, struct error *error)
{
	char got[64], min[64], max[64];

	if ((o->min == 0 && o->max == 0) || (v >= o->min && v <= o->max))
		return 0;
	number_print(o, v, got, sizeof(got));
	number_print(o, o->min, min, sizeof(min));
	number_print(o, o->max, max, sizeof(max));
	return error_set(error, ERR_CONFIG, "%s is out of range, expected %s to %s", got, min, max);
}

static int option_number(const struct option *o, int64_t *field, const char *value, struct error *error)
{
	static const char *const expected[] = { [OPT_INT] = "not a whole number, expected digits such as 64",
		[OPT_MS] = "not a duration, expected one such as 500ms, 30s or 1m30s",
		[OPT_BYTES] = "not a size, expected one such as 512Ki, 16Mi or 1Gi" };
	char quoted[QUOTE_MAX + 8];
	int64_t v;
	bool ok = o->type == OPT_INT ? number_int(value, &v)
	    : o->type == OPT_BYTES   ? number_bytes(value, &v)
				     : number_ms(value, o->flags & OPT_BARE_MS, &v);

	if (!ok)
		return error_set(error, ERR_CONFIG, "%s is %s", option_quote(o, value, quoted), expected[o->type]);
	if (option_bounds(o, v, error))
		return -1;
	*field = v;
	return 0;
}

static int option_word(const struct option *o, int *field, const char *value, struct error *error)
{
	char quoted[QUOTE_MAX + 8], list[128] = "";
	int i = words_find(o->words, value);
	size_t n = 0;

	if (i >= 0) {
		*field = i;
		return 0;
	}
	for (const char *p = o->words; *p && n < sizeof(list); p = words_at(p, 1))
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%.*s",
		    p == o->words	  ? ""
			: *words_at(p, 1) ? ", "
					  : " or ",
		    (int)strcspn(p, "| "), p);
	return error_set(
	    error, ERR_CONFIG, "%s is not a word for this, expected %s", option_quote(o, value, quoted), list);
}

static void option_clear(const struct option *o, void *field)
{
	switch (o->type) {
	case OPT_STR: *(const char **)field = NULL; break;
	case OPT_BOOL: *(bool *)field = false; break;
	case OPT_WORD: *(int *)field = 0; break;
	case OPT_INT:
	case OPT_MS:
	case OPT_BYTES: *(int64_t *)field = 0; break;
	}
}

int option_read(const struct option *o, void *at, const char *value, struct error *error)
{
	void *field = (char *)at + o->offset;
	char quoted[QUOTE_MAX + 8];

	if (!*value) {
		option_clear(o, field);
		if (!o->def || !*o->def)
			return 0;
		value = o->def;
	}
	switch (o->type) {
	case OPT_STR: *(const char **)field = value; return 0;
	case OPT_BOOL:
		if (bool_read(value, field))
			return 0;
		return error_set(error, ERR_CONFIG, "%s is neither yes nor no, expected true or false",
		    option_quote(o, value, quoted));
	case OPT_WORD: return option_word(o, field, value, error);
	case OPT_INT:
	case OPT_MS:
	case OPT_BYTES: return option_number(o, field, value, error);
	}
	return error_set(error, ERR_BUG, "option row %s has no type", o->name);
}

static const struct setting *option_setting(const struct option *o, struct setting *settings, unsigned n)
{
	const struct setting *last = NULL;

	for (unsigned i = 0; i < n; i++)
		if (option_named(o, settings[i].name)) {
			settings[i].used = true;
			last = &settings[i];
		}
	return last;
}

struct option option_for(const struct option *o, const struct setting *s)
{
	struct option row = *o;

	if (s && s->referred)
		row.flags |= OPT_SECRET;
	return row;
}

int option_parse(
    const struct option *rows, void *at, struct setting *settings, unsigned n, uint64_t *written, struct error *error)
{
	for (unsigned i = 0; rows && rows[i].name; i++) {
		const struct option *o = &rows[i];
		const struct setting *s = option_setting(o, settings, n);
		struct option row = option_for(o, s);
		bool wrote = s && *s->value;

		if (!wrote && o->flags & OPT_REQUIRED)
			return error_set(error, ERR_CONFIG, "%s: missing, expected the %s", o->name, o->help);
		if (option_read(&row, at, s ? s->value : "", error)) {
			assert(wrote); /* else the default of our own row is broken */
			return s->file ? error_wrap(error, "%s:%u:%u: %s", s->file, s->line, s->column, s->name)
				       : error_wrap(error, "%s", s->name);
		}
		if (wrote && written)
			written[i / 64] |= 1ull << i % 64;
	}
	return 0;
}

size_t option_print(const struct option *o, const void *at, char *buf, size_t size)
{
	const void *field = (const char *)at + o->offset;
	const char *text = "";
	char number[64];
	int n = -1;

	switch (o->type) {
	case OPT_STR:
		text = *(const char *const *)field;
		if (text && o->flags & OPT_SECRET)
			text = "<secret>";
		break;
	case OPT_BOOL: text = *(const bool *)field ? "true" : "false"; break;
	case OPT_WORD:
		text = words_at(o->words, *(const int *)field);
		n = (int)strcspn(text, "| ");
		break;
	case OPT_INT:
	case OPT_MS:
	case OPT_BYTES:
		number_print(o, *(const int64_t *)field, number, sizeof(number));
		text = o->flags & OPT_SECRET ? "<secret>" : number;
		break;
	}
	n = snprintf(buf, size, "%.*s", n, text ? text : "");
	return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size ? size - 1 : 0;
}
