/* Slices, a growing buffer, and memory that cannot fail quietly. */
#include "bridge/bytes.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { BUF_FIRST = 64 };

/* Not the log: a log line needs memory itself. */
static _Noreturn void mem_exhausted(size_t n)
{
	char line[96];
	int len = snprintf(line, sizeof line, "bridge: out of memory: %zu bytes were asked for; the process ends\n", n);
	ssize_t written = write(STDERR_FILENO, line, (size_t)len);

	(void)written;
	_exit(1);
}

void *mem_new(size_t n)
{
	void *p = calloc(1, n ? n : 1);

	if (!p)
		mem_exhausted(n);
	return p;
}

void *mem_grow(void *p, size_t n)
{
	void *grown = realloc(p, n ? n : 1);

	if (!grown)
		mem_exhausted(n);
	return grown;
}

char *mem_text(const char *text)
{
	return text ? mem_slice(slice_text(text)) : NULL;
}

char *mem_slice(struct slice s)
{
	char *copy = mem_new(s.n + 1);

	if (s.n)
		memcpy(copy, s.p, s.n);
	return copy;
}

struct slice slice_text(const char *text)
{
	return (struct slice){ text, text ? strlen(text) : 0 };
}

bool slice_is(struct slice s, const char *text)
{
	return slice_equal(s, slice_text(text));
}

bool slice_is_nocase(struct slice s, const char *text)
{
	struct slice other = slice_text(text);

	if (!s.p || !other.p)
		return s.p == other.p;
	return s.n == other.n && strncasecmp(s.p, other.p, s.n) == 0;
}

bool slice_equal(struct slice a, struct slice b)
{
	if (!a.p || !b.p)
		return a.p == b.p;
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

/* Odd multiplier and shift are both reversible, so no step loses what an earlier one brought in. */
static uint64_t hash_step(uint64_t h, uint64_t word)
{
	h = (h ^ word) * 0x9e3779b97f4a7c15ULL;
	return h ^ (h >> 29);
}

uint64_t slice_hash(struct slice s)
{
	uint64_t h = hash_step(0x6272696467650a01ULL, s.n), word;
	size_t at = 0;

	for (; s.n - at >= sizeof word; at += sizeof word) {
		memcpy(&word, s.p + at, sizeof word);
		h = hash_step(h, word);
	}
	if (at < s.n) {
		word = 0;
		memcpy(&word, s.p + at, s.n - at);
		h = hash_step(h, word);
	}
	h = hash_step(h, 0);
	return hash_step(h, h >> 32);
}

/* Where the item at the start of the list ends. */
static const char *list_item_end(const char *p)
{
	int depth = 0;

	for (; *p && (*p != ',' || depth > 0); p++) {
		if (strchr("{[(", *p))
			depth++;
		else if (strchr("}])", *p))
			depth--;
	}
	return p;
}

bool list_next(const char **list, struct slice *item_r)
{
	while (**list) {
		const char *from = *list, *end = list_item_end(from), *to = end;

		*list = end + (*end == ',');
		while (from < to && (*from == ' ' || *from == '\t'))
			from++;
		while (to > from && (to[-1] == ' ' || to[-1] == '\t'))
			to--;
		*item_r = (struct slice){ from, (size_t)(to - from) };
		if (to > from)
			return true;
	}
	return false;
}

bool slice_uint(struct slice s, uint64_t *value_r)
{
	uint64_t value = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned digit = (unsigned char)s.p[i] - (unsigned)'0';

		if (digit > 9 || value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	if (s.n > 0)
		*value_r = value;
	return s.n > 0;
}

static void buf_widen(struct buf *b, size_t n)
{
	size_t need = b->n + n, cap = b->cap ? b->cap : BUF_FIRST;

	if (need < n)
		mem_exhausted(SIZE_MAX);
	while (cap < need)
		cap = cap > SIZE_MAX / 2 ? need : cap * 2;
	b->p = mem_grow(b->p, cap);
	b->cap = cap;
}

char *buf_room(struct buf *b, size_t n)
{
	assert(b->n <= b->cap);
	if (n > b->cap - b->n || !b->p)
		buf_widen(b, n);
	return b->p + b->n;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
	char *room = buf_room(b, n);

	if (n)
		memcpy(room, p, n);
	b->n += n;
}

void buf_slice(struct buf *b, struct slice s)
{
	buf_add(b, s.p, s.n);
}

void buf_text(struct buf *b, const char *text)
{
	buf_slice(b, slice_text(text));
}

void buf_uint(struct buf *b, uint64_t value)
{
	char digits[20];
	size_t at = sizeof digits;

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	buf_add(b, digits + at, sizeof digits - at);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list args, again;
	int len;

	va_start(args, fmt);
	va_copy(again, args);
	len = vsnprintf(NULL, 0, fmt, args);
	assert(len >= 0);
	vsnprintf(buf_room(b, (size_t)len + 1), (size_t)len + 1, fmt, again);
	b->n += (size_t)len;
	va_end(again);
	va_end(args);
}

void buf_base64(struct buf *b, struct slice s)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *in = (const unsigned char *)s.p;
	char *out = buf_room(b, s.n / 3 * 4 + 4);

	for (size_t i = 0; i < s.n; i += 3) {
		unsigned left = s.n - i < 3 ? (unsigned)(s.n - i) : 3;
		unsigned bits = (unsigned)in[i] << 16;

		if (left > 1)
			bits |= (unsigned)in[i + 1] << 8;
		if (left > 2)
			bits |= in[i + 2];
		*out++ = letters[bits >> 18];
		*out++ = letters[bits >> 12 & 63];
		*out++ = left > 1 ? letters[bits >> 6 & 63] : '=';
		*out++ = left > 2 ? letters[bits & 63] : '=';
		b->n += 4;
	}
}

void buf_clear(struct buf *b)
{
	b->n = 0;
}

void buf_free(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ 0 };
}
