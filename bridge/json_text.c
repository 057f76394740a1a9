/* The inside of JSON strings: reading escapes, writing text as a string. */
#include "bridge/json_text.h"
#include <string.h>
#include <strings.h>
#include "bridge/json_scan.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int json_hex_four(const char *p)
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

/* Behind the four digits of \u: the whole character, with the second half of a pair if there is one. */
static unsigned code_whole(const char **p, const char *end, unsigned code)
{
	int low;

	if (code < 0xd800 || code > 0xdfff)
		return code;
	low = code < 0xdc00 && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u' ? json_hex_four(*p + 2) : -1;
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
		code = p[1] == 'u' ? (unsigned)json_hex_four(p + 2) : (unsigned char)(found ? to[found - from] : p[1]);
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
		code = json_hex_four(*p);
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
