/* The note on events completed ahead of the prefix: printable, versioned, checksummed, made for one start. */
#include "bridge/note.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/connector.h"

static const char note_magic[] = "bridge/1 ";
static const char base64url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

enum { NOTE_FRAME = sizeof(note_magic) + 20 + 1 + 1 + 8, VARINT_MAX = 10 };

void note_begin(struct note_writer *w, char *buf, size_t size, unsigned char *bytes, uint64_t start)
{
	*w = (struct note_writer){ .buf = buf, .size = size, .start = start, .at = start, .bytes = bytes };
	w->cap = size > NOTE_FRAME ? (size - NOTE_FRAME) / 4 * 3 : 0;
}

static size_t varint_put(unsigned char *to, uint64_t v)
{
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		to[n++] = (unsigned char)(v | 0x80);
	to[n++] = (unsigned char)v;
	return n;
}

void note_add(struct note_writer *w, uint64_t from, uint64_t to)
{
	unsigned char pair[2 * VARINT_MAX];
	size_t n;

	if (w->full || from < w->at || to <= from)
		return;
	n = varint_put(pair, from - w->at);
	n += varint_put(pair + n, to - from);
	if (w->n + n > w->cap) {
		w->full = true; /* nothing further out either: a gap would be read as unfinished anyway */
		return;
	}
	memcpy(w->bytes + w->n, pair, n);
	w->n += n;
	w->at = to;
}

static size_t base64url_put(char *to, const unsigned char *p, size_t n)
{
	size_t out = 0;
	uint32_t acc = 0;
	unsigned bits = 0;

	for (size_t i = 0; i < n; i++) {
		acc = acc << 8 | p[i];
		for (bits += 8; bits >= 6; bits -= 6)
			to[out++] = base64url[acc >> (bits - 6) & 63];
	}
	if (bits)
		to[out++] = base64url[acc << (6 - bits) & 63];
	return out;
}

static uint32_t note_checksum(const char *p, size_t n)
{
	return (uint32_t)slice_hash((struct slice){ p, n });
}

size_t note_end(struct note_writer *w)
{
	size_t n;

	if (!w->n)
		return 0;
	n = (size_t)snprintf(w->buf, w->size, "%s%llu ", note_magic, (unsigned long long)w->start);
	n += base64url_put(w->buf + n, w->bytes, w->n);
	n += (size_t)snprintf(w->buf + n, w->size - n, " %08x", note_checksum(w->buf, n));
	return n;
}

/* Cuts the next word, ended by a blank or the end, off the front. */
static struct slice word_cut(struct slice *rest)
{
	const char *end = rest->n ? memchr(rest->p, ' ', rest->n) : NULL;
	struct slice word = { rest->p, end ? (size_t)(end - rest->p) : rest->n };
	size_t step = word.n + (end != NULL);

	rest->p += step;
	rest->n -= step;
	return word;
}

static int base64url_get(struct slice text, unsigned char *to, size_t *n_r)
{
	uint32_t acc = 0;
	unsigned bits = 0;
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++) {
		const char *at = text.p[i] ? strchr(base64url, text.p[i]) : NULL;

		if (!at)
			return -1;
		acc = acc << 6 | (uint32_t)(at - base64url);
		if ((bits += 6) >= 8)
			to[n++] = (unsigned char)(acc >> (bits -= 8));
	}
	*n_r = n;
	return 0;
}

static int varint_get(const unsigned char *p, size_t n, size_t *at, uint64_t *v_r)
{
	uint64_t v = 0;

	for (unsigned shift = 0; *at < n && shift < 64; shift += 7) {
		unsigned char byte = p[(*at)++];

		if (shift == 63 && byte > 1)
			return -1;
		v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*v_r = v;
			return 0;
		}
	}
	return -1;
}

static int runs_read(const unsigned char *p, size_t n, uint64_t start, struct note_run *runs, unsigned *n_r)
{
	uint64_t pos = start, gap, length;
	size_t at = 0;

	*n_r = 0;
	while (at < n) {
		if (varint_get(p, n, &at, &gap) == -1 || varint_get(p, n, &at, &length) == -1)
			return -1;
		if (!length || gap > UINT64_MAX - pos || length > UINT64_MAX - pos - gap)
			return -1;
		runs[*n_r] = (struct note_run){ pos + gap, pos + gap + length };
		pos = runs[(*n_r)++].to;
	}
	return *n_r ? 0 : -1;
}

int note_read(struct slice note, uint64_t start, struct note_run **runs_r, unsigned *n_r)
{
	size_t magic = sizeof(note_magic) - 1, n;
	struct slice rest = note, start_text, packed;
	unsigned char *bytes;
	char sum[9];
	uint64_t made_for;
	int rc = -1;

	*runs_r = NULL;
	*n_r = 0;
	if (note.n <= magic || note.n > 4096 || memcmp(note.p, note_magic, magic) != 0)
		return -1;
	rest = (struct slice){ note.p + magic, note.n - magic };
	start_text = word_cut(&rest);
	packed = word_cut(&rest);
	if (rest.n != 8 || !packed.n || !slice_uint(start_text, &made_for) || made_for != start)
		return -1;
	snprintf(sum, sizeof(sum), "%08x", note_checksum(note.p, (size_t)(packed.p + packed.n - note.p)));
	if (memcmp(sum, rest.p, 8) != 0)
		return -1;
	bytes = mem_new(packed.n);
	*runs_r = mem_new((packed.n / 2 + 1) * sizeof(**runs_r));
	if (base64url_get(packed, bytes, &n) == 0)
		rc = runs_read(bytes, n, start, *runs_r, n_r);
	free(bytes);
	if (rc == -1) {
		free(*runs_r);
		*runs_r = NULL;
		*n_r = 0;
	}
	return rc;
}

uint64_t note_count(struct slice note, uint64_t start)
{
	struct note_run *runs;
	uint64_t sum = 0;
	unsigned n;

	if (note_read(note, start, &runs, &n) == -1)
		return 0;
	for (unsigned i = 0; i < n; i++)
		sum += runs[i].to - runs[i].from;
	free(runs);
	return sum;
}
