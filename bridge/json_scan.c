/* A JSON scanner that keeps one bit per level of nesting and remembers where the wanted members stand. */
#include "bridge/json_scan.h"
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

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int hex_four(const char *p)
{
	int value = 0;

	for (int i = 0; i < 4; i++) {
		int digit = hex_digit(p[i]);

		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	return value;
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
		if (hex_four(s->p + 2) < 0)
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

/* Behind the four digits of \u: the whole character, with the second half of a pair if there is one. */
static unsigned code_whole(const char **p, const char *end, unsigned code)
{
	int low;

	if (code < 0xd800 || code > 0xdfff)
		return code;
	low = code < 0xdc00 && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u' ? hex_four(*p + 2) : -1;
	if (low < 0xdc00 || low > 0xdfff)
		return 0xfffd;
	*p += 6;
	return 0x10000 + ((code - 0xd800) << 10) + ((unsigned)low - 0xdc00);
}

static void code_add(struct buf *b, unsigned code)
{
	char utf8[4];
	size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	for (size_t i = n; i-- > 1; code >>= 6)
		utf8[i] = (char)(0x80 | (code & 0x3f));
	utf8[0] = (char)(lead[n] | code);
	buf_add(b, utf8, n);
}

void json_add_text(struct buf *b, struct slice escaped)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";

	for (const char *p = escaped.p, *end = p + escaped.n; p < end;) {
		const char *found;
		unsigned code;

		if (*p != '\\') {
			buf_add(b, p++, 1);
			continue;
		}
		found = p[1] == 'u' ? NULL : strchr(from, p[1]);
		code = p[1] == 'u' ? (unsigned)hex_four(p + 2) : (unsigned char)(found ? to[found - from] : p[1]);
		p += p[1] == 'u' ? 6 : 2;
		code_add(b, code_whole(&p, end, code));
	}
}

/* The next character of a string that was scanned; one that is not ASCII is told as 0x80. */
static unsigned char string_next(const char **p)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	unsigned char c = (unsigned char)*(*p)++;
	const char *found;
	int code;

	if (c != '\\')
		return c;
	c = (unsigned char)*(*p)++;
	if (c == 'u') {
		code = hex_four(*p);
		*p += 4;
		return code < 0x80 ? (unsigned char)code : 0x80;
	}
	found = strchr(from, c);
	return found ? (unsigned char)to[found - from] : c;
}

bool json_string_is(struct slice escaped, const char *text, bool any_case)
{
	const char *p = escaped.p, *end = p + escaped.n;

	for (; p < end && *text; text++) {
		char c = (char)string_next(&p);

		if (c != *text && !(any_case && strncasecmp(&c, text, 1) == 0))
			return false;
	}
	return p == end && !*text;
}

/* Length of the UTF-8 sequence at the start of p[0..n), 0: none. */
static size_t utf8_length(const unsigned char *p, size_t n)
{
	size_t length = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
	unsigned char low = 0x80, high = 0xbf;

	if (length > n)
		return 0;
	/* No longer form than needed, no surrogates, nothing above U+10FFFF. */
	if (p[0] == 0xe0)
		low = 0xa0;
	if (p[0] == 0xed)
		high = 0x9f;
	if (p[0] == 0xf0)
		low = 0x90;
	if (p[0] == 0xf4)
		high = 0x8f;
	for (size_t i = 1; i < length; i++, low = 0x80, high = 0xbf)
		if (p[i] < low || p[i] > high)
			return 0;
	return length;
}

bool utf8_ok(struct slice s)
{
	for (size_t i = 0, n; i < s.n; i += n)
		if (!(n = utf8_length((const unsigned char *)s.p + i, s.n - i)))
			return false;
	return true;
}

void json_add_string(struct buf *b, struct slice s)
{
	const unsigned char *p = (const unsigned char *)s.p;

	buf_add(b, "\"", 1);
	for (size_t i = 0, n; i < s.n; i += n ? n : 1) {
		n = utf8_length(p + i, s.n - i);
		if (n == 0)
			buf_text(b, "\\ufffd");
		else if (p[i] < 0x20 || p[i] == 0x7f)
			buf_printf(b, "\\u%04x", p[i]);
		else if (p[i] == '"' || p[i] == '\\')
			buf_printf(b, "\\%c", p[i]);
		else
			buf_add(b, p + i, n);
	}
	buf_add(b, "\"", 1);
}
