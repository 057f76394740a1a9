/* A second opinion on JSON and UTF-8, by recursion and without the tricks of the code under test. */
#include <string.h>
#include "tests/fuzz/fuzz.h"

struct check {
	const unsigned char *p, *end;
	unsigned depth; /* levels that may still be opened */
	struct slice name; /* members of the outermost object that have it are counted */
	unsigned level, count;
};

static bool check_value(struct check *);

static bool check_char(struct check *c, char wanted)
{
	if (c->p == c->end || *c->p != (unsigned char)wanted)
		return false;
	c->p++;
	return true;
}

static void check_blanks(struct check *c)
{
	while (c->p < c->end && strchr(" \t\r\n", *c->p) && *c->p)
		c->p++;
}

static unsigned check_any(struct check *c, const char *chars)
{
	unsigned n = 0;

	for (; c->p < c->end && *c->p && strchr(chars, *c->p); c->p++)
		n++;
	return n;
}

static bool check_word(struct check *c, const char *word)
{
	for (; *word; word++)
		if (!check_char(c, *word))
			return false;
	return true;
}

static bool check_string(struct check *c)
{
	if (!check_char(c, '"'))
		return false;
	while (c->p < c->end && *c->p != '"') {
		unsigned char byte = *c->p++;

		if (byte < 0x20)
			return false;
		if (byte != '\\')
			continue;
		if (check_char(c, 'u')) {
			for (int i = 0; i < 4; i++)
				if (c->p == c->end || !*c->p || !strchr("0123456789abcdefABCDEF", *c->p++))
					return false;
		} else if (c->p == c->end || !*c->p || !strchr("\"\\/bfnrt", *c->p++)) {
			return false;
		}
	}
	return check_char(c, '"');
}

static bool check_number(struct check *c)
{
	static const char digits[] = "0123456789";

	check_char(c, '-');
	if (!check_char(c, '0') && !check_any(c, digits))
		return false;
	if (check_char(c, '.') && !check_any(c, digits))
		return false;
	if (check_char(c, 'e') || check_char(c, 'E')) {
		if (!check_char(c, '+'))
			check_char(c, '-');
		return check_any(c, digits) > 0;
	}
	return true;
}

static bool check_member(struct check *c)
{
	const char *name;

	check_blanks(c);
	name = (const char *)c->p + 1;
	if (!check_string(c))
		return false;
	if (c->level == 1 && slice_equal(c->name, (struct slice){ name, (size_t)((const char *)c->p - name) - 1 }))
		c->count++;
	check_blanks(c);
	return check_char(c, ':') && check_value(c);
}

static bool check_list(struct check *c, char end, bool (*one)(struct check *))
{
	if (c->level == c->depth)
		return false;
	c->level++;
	c->p++;
	check_blanks(c);
	if (!check_char(c, end)) {
		do {
			if (!one(c))
				return false;
			check_blanks(c);
		} while (check_char(c, ','));
		if (!check_char(c, end))
			return false;
	}
	c->level--;
	return true;
}

static bool check_value(struct check *c)
{
	check_blanks(c);
	if (c->p == c->end)
		return false;
	switch (*c->p) {
	case '{': return check_list(c, '}', check_member);
	case '[': return check_list(c, ']', check_value);
	case '"': return check_string(c);
	case 't': return check_word(c, "true");
	case 'f': return check_word(c, "false");
	case 'n': return check_word(c, "null");
	default: return check_number(c);
	}
}

static bool check_whole(struct check *c, struct slice text)
{
	c->p = (const unsigned char *)(text.n ? text.p : "");
	c->end = c->p + text.n;
	if (!check_value(c))
		return false;
	check_blanks(c);
	return c->p == c->end;
}

bool json_is_valid(struct slice text, unsigned depth)
{
	struct check c = { .depth = depth };

	return check_whole(&c, text);
}

unsigned json_count(struct slice object, struct slice name)
{
	struct check c = { .depth = 1000, .name = name };
	bool valid = check_whole(&c, object);

	assert(valid);
	return c.count;
}

bool utf8_is_valid(struct slice s)
{
	for (size_t i = 0; i < s.n;) {
		unsigned char first = (unsigned char)s.p[i];
		unsigned more = first < 0x80 ? 0 : first < 0xc0 ? 9 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
		uint32_t code = first & (more ? 0x3fu >> more : 0x7fu);
		static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };

		if (first >= 0xf8 || more > 3 || more >= s.n - i)
			return false;
		for (unsigned k = 1; k <= more; k++) {
			if (((unsigned char)s.p[i + k] & 0xc0) != 0x80)
				return false;
			code = code << 6 | ((unsigned char)s.p[i + k] & 0x3fu);
		}
		if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
			return false;
		i += more + 1;
	}
	return true;
}
