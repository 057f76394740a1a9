/* Notes: what was written is read back whole; what is read is in order and can be written again. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "bridge/connector.h"
#include "bridge/note.h"
#include "tests/fuzz/fuzz.h"

enum { NOTE_MAX = 4096 };

/* Writes the runs and reads them back: the same ones, or as many of the first as have room. */
static void check_written(const struct note_run *runs, unsigned n, uint64_t start)
{
	unsigned char bytes[NOTE_MAX * 3 / 4];
	char text[NOTE_MAX];
	struct note_writer w;
	struct note_run *back;
	unsigned n_back;
	size_t size;

	note_begin(&w, text, sizeof(text), bytes, start);
	for (unsigned i = 0; i < n; i++)
		note_add(&w, runs[i].from, runs[i].to);
	size = note_end(&w);
	assert(size > 0 && size <= sizeof(text));
	for (size_t i = 0; i < size; i++)
		assert(text[i] >= ' ' && text[i] <= '~');
	assert(note_read((struct slice){ text, size }, start, &back, &n_back) == 0);
	assert(w.full ? n_back < n : n_back == n);
	assert(memcmp(back, runs, n_back * sizeof(*back)) == 0);
	free(back);
}

static void check_read(struct slice note, uint64_t start)
{
	struct note_run *runs;
	uint64_t sum = 0, at = start;
	unsigned n;

	if (note_read(note, start, &runs, &n) == -1) {
		assert(!runs && n == 0 && note_count(note, start) == 0);
		return;
	}
	assert(n > 0);
	for (unsigned i = 0; i < n; i++) {
		assert(runs[i].from >= at && runs[i].to > runs[i].from);
		sum += runs[i].to - runs[i].from;
		at = runs[i].to;
	}
	assert(note_count(note, start) == sum);
	check_written(runs, n, start);
	free(runs);
}

/* One byte that is another one: nothing is read. */
static void check_damaged(char *note, size_t n, uint64_t start)
{
	struct random r = input_random((struct slice){ note, n });
	struct note_run *runs;
	unsigned count;

	for (size_t i = 0; i < n; i += 1 + n / 64) {
		char was = note[i];

		note[i] ^= 1 << random_next(&r) % 7;
		assert(note_read((struct slice){ note, n }, start, &runs, &count) == -1);
		note[i] = was;
	}
}

/* The fuzzer does not guess checksums: the input is a note without one. */
static void check_signed(struct slice text, uint64_t start)
{
	struct buf note = { 0 };
	char *exact;

	buf_slice(&note, text);
	buf_printf(&note, " %08" PRIx32, (uint32_t)slice_hash(text));
	exact = mem_grow(NULL, note.n);
	memcpy(exact, note.p, note.n);
	check_read((struct slice){ exact, note.n }, start);
	check_damaged(exact, note.n, start);
	free(exact);
	buf_free(&note);
}

/* The same bytes as runs: two or three of each say gap and length. */
static void check_made(const uint8_t *p, size_t n, uint64_t start)
{
	struct note_run *runs = mem_new((n / 4 + 1) * sizeof(*runs));
	uint64_t at = start;
	unsigned count = 0;

	for (; n >= 4; p += 4, n -= 4) {
		uint64_t gap = (uint64_t)p[0] << p[1] % 57, length = 1 + ((uint64_t)p[2] << p[3] % 57);

		if (gap > UINT64_MAX - at || length > UINT64_MAX - at - gap)
			break;
		runs[count].from = at + gap;
		at = runs[count++].to = at + gap + length;
	}
	if (count)
		check_written(runs, count, start);
	free(runs);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct slice text = { (const char *)p, n }, digits = { text.p, 0 };
	uint64_t start = 0;

	if (n > 9)
		digits = (struct slice){ text.p + 9, 0 };
	while (digits.p + digits.n < text.p + n && digits.p[digits.n] >= '0' && digits.p[digits.n] <= '9')
		digits.n++;
	slice_uint(digits, &start);
	check_read(text, start);
	check_signed(text, start);
	check_made(p, n, start);
	return 0;
}
