/* A JSON scanner that keeps one bit per level of nesting and remembers where the wanted members stand. */
#include "bridge/json_scan.h"
#include "bridge/json_text.h"
#include <string.h>
#include <strings.h>

enum json_state {
	STATE_VALUE,
	STATE_FIRST_VALUE, /* or the array ends at once */
	STATE_NAME,
	STATE_FIRST_NAME, /* or the object ends at once */
	STATE_AFTER /* a value is complete */
};

struct json_scan {
	const char *p, *end;
	const char *why;
	uint64_t objects; /* the lowest bit says whether the innermost level is an object */
	unsigned depth;
	enum json_state state;
	bool complete;
	enum json_kind kind; /* of the whole */
	struct json_member *members, *member;
	unsigned n_members;
	const char *value; /* where the value of `member` begins */
};

static bool scan_fault(struct json_scan *s, const char *why)
{
	s->why = why;
	return false;
}

static int scan_peek(struct json_scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
		s->p++;
	return s->p < s->end ? (unsigned char)*s->p : -1;
}

static bool scan_escape(struct json_scan *s)
{
	size_t n = 2;

	if (s->end - s->p < 2)
		return scan_fault(s, "ends inside a string");
	if (s->p[1] == 'u') {
		n = 6;
		if (s->end - s->p < 6)
			return scan_fault(s, "ends inside a string");
		if (json_hex_four(s->p + 2) < 0)
			return scan_fault(s, "\\u in a string is not followed by four hex digits");
	} else if (!s->p[1] || !strchr("\"\\/bfnrt", s->p[1])) {
		return scan_fault(s, "a string holds an unknown escape");
	}
	s->p += n;
	return true;
}

/* Stands on the opening quote, ends behind the closing one. */
static bool scan_string(struct json_scan *s)
{
	s->p++;
	while (s->p < s->end && *s->p != '"') {
		if (*s->p == '\\') {
			if (!scan_escape(s))
				return false;
			continue;
		}
		if ((unsigned char)*s->p < 0x20)
			return scan_fault(s, "a string holds an unescaped control byte");
		s->p++;
	}
	if (s->p == s->end)
		return scan_fault(s, "ends inside a string");
	s->p++;
	return true;
}

static bool scan_digits(struct json_scan *s)
{
	const char *begin = s->p;

	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	return s->p > begin || scan_fault(s, "a number lacks a digit");
}

static bool scan_number(struct json_scan *s)
{
	if (*s->p == '-')
		s->p++;
	if (s->p < s->end && *s->p == '0')
		s->p++;
	else if (!scan_digits(s))
		return false;
	if (s->p < s->end && *s->p == '.') {
		s->p++;
		if (!scan_digits(s))
			return false;
	}
	if (s->p < s->end && (*s->p | 0x20) == 'e') {
		s->p++;
		if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
			s->p++;
		return scan_digits(s);
	}
	return true;
}

static bool scan_word(struct json_scan *s, struct slice word)
{
	if ((size_t)(s->end - s->p) < word.n || memcmp(s->p, word.p, word.n) != 0)
		return scan_fault(s, "a value is none of JSON's");
	s->p += word.n;
	return true;
}

static enum json_kind kind_of(int c)
{
	switch (c) {
	case '{': return JSON_OBJECT;
	case '[': return JSON_ARRAY;
	case '"': return JSON_STRING;
	case 't':
	case 'f': return JSON_BOOL;
	case 'n': return JSON_NULL;
	default: return c == '-' || (c >= '0' && c <= '9') ? JSON_NUMBER : JSON_NONE;
	}
}

/* A value ended: if it is that of a wanted member, this is its text. */
static void scan_ended(struct json_scan *s)
{
	struct json_member *m = s->member;

	s->state = STATE_AFTER;
	if (s->depth != 1 || !m)
		return;
	m->kind = kind_of((unsigned char)*s->value);
	m->text = (struct slice){ s->value, (size_t)(s->p - s->value) };
	if (m->kind == JSON_STRING)
		m->text = (struct slice){ m->text.p + 1, m->text.n - 2 };
	s->member = NULL;
}

static bool scan_open(struct json_scan *s, bool object)
{
	if (s->depth == JSON_DEPTH_MAX)
		return scan_fault(s, "is nested more than 64 deep");
	s->p++;
	s->depth++;
	s->objects = s->objects << 1 | object;
	s->state = object ? STATE_FIRST_NAME : STATE_FIRST_VALUE;
	return true;
}

static bool scan_close(struct json_scan *s)
{
	s->p++;
	s->depth--;
	s->objects >>= 1;
	scan_ended(s);
	return true;
}

static bool scan_scalar(struct json_scan *s, enum json_kind kind)
{
	bool ok = false;

	switch (kind) {
	case JSON_STRING: ok = scan_string(s); break;
	case JSON_NUMBER: ok = scan_number(s); break;
	case JSON_NULL: ok = scan_word(s, SLICE("null")); break;
	case JSON_BOOL: ok = scan_word(s, *s->p == 't' ? SLICE("true") : SLICE("false")); break;
	case JSON_NONE:
	case JSON_ARRAY:
	case JSON_OBJECT: return scan_fault(s, "a value is none of JSON's");
	}
	if (ok)
		scan_ended(s);
	return ok;
}

static bool scan_value(struct json_scan *s)
{
	int c = scan_peek(s);
	enum json_kind kind = kind_of(c);

	if (c < 0)
		return scan_fault(s, s->depth ? "ends where a value should stand" : "is empty");
	if (c == ']' && s->state == STATE_FIRST_VALUE)
		return scan_close(s);
	if (s->depth == 0)
		s->kind = kind;
	if (s->depth == 1)
		s->value = s->p;
	if (kind == JSON_OBJECT || kind == JSON_ARRAY)
		return scan_open(s, kind == JSON_OBJECT);
	return scan_scalar(s, kind);
}

static struct json_member *scan_wanted(struct json_scan *s, struct slice name)
{
	for (unsigned i = 0; i < s->n_members; i++)
		if (json_string_is(name, s->members[i].name, s->members[i].any_case))
			return &s->members[i];
	return NULL;
}

static bool scan_name(struct json_scan *s)
{
	int c = scan_peek(s);
	const char *begin = s->p;

	if (c == '}' && s->state == STATE_FIRST_NAME)
		return scan_close(s);
	if (c != '"')
		return scan_fault(s, c < 0 ? "ends inside an object" : "an object's member lacks its name in quotes");
	if (!scan_string(s))
		return false;
	if (s->depth == 1)
		s->member = scan_wanted(s, (struct slice){ begin + 1, (size_t)(s->p - begin) - 2 });
	if (scan_peek(s) != ':')
		return scan_fault(
		    s, s->p == s->end ? "ends inside an object" : "a member's name is not followed by a colon");
	s->p++;
	s->state = STATE_VALUE;
	return true;
}

static bool scan_after(struct json_scan *s)
{
	int c = scan_peek(s);
	bool object = s->objects & 1;

	if (s->depth == 0) {
		s->complete = true;
		return c < 0 || scan_fault(s, "something follows the value");
	}
	if (c == (object ? '}' : ']'))
		return scan_close(s);
	if (c != ',')
		return scan_fault(
		    s, c < 0 ? "ends before it is complete" : "a value is followed by neither comma nor end");
	s->p++;
	s->state = object ? STATE_NAME : STATE_VALUE;
	return true;
}

static bool scan_step(struct json_scan *s)
{
	switch (s->state) {
	case STATE_VALUE:
	case STATE_FIRST_VALUE: return scan_value(s);
	case STATE_NAME:
	case STATE_FIRST_NAME: return scan_name(s);
	case STATE_AFTER: return scan_after(s);
	}
	return scan_fault(s, "a value is none of JSON's");
}

enum json_kind json_scan(struct slice text, struct json_member *members, unsigned n, const char **why)
{
	struct json_scan s = { .members = members, .n_members = n };

	for (unsigned i = 0; i < n; i++) {
		members[i].kind = JSON_NONE;
		members[i].text = (struct slice){ NULL, 0 };
	}
	s.p = text.n ? text.p : "";
	s.end = s.p + text.n;
	while (!s.complete)
		if (!scan_step(&s)) {
			*why = s.why;
			return JSON_NONE;
		}
	return s.kind;
}

bool json_next(struct slice *rest, struct slice *name_r, struct json_member *value_r)
{
	struct json_scan s = { .p = rest->p, .end = rest->p + rest->n };
	const char *begin;

	if (scan_peek(&s) == '{' || scan_peek(&s) == ',')
		s.p++;
	if (scan_peek(&s) != '"')
		return false;
	begin = s.p + 1;
	scan_string(&s);
	*name_r = (struct slice){ begin, (size_t)(s.p - begin) - 1 };
	scan_peek(&s);
	s.p++;
	scan_peek(&s);
	begin = s.p;
	do
		scan_step(&s);
	while (s.depth > 0 || s.state != STATE_AFTER);
	*value_r = (struct json_member){ .kind = s.kind, .text = { begin, (size_t)(s.p - begin) } };
	if (s.kind == JSON_STRING)
		value_r->text = (struct slice){ begin + 1, value_r->text.n - 2 };
	*rest = (struct slice){ s.p, (size_t)(s.end - s.p) };
	return true;
}
