/* The note survives the way to the broker and back, or counts for nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/backoff.h"
#include "bridge/connector.h"
#include "bridge/note.h"

enum { SIZE = 4096, RUNS = 3000 };

static size_t note_make(char *buf, size_t size, uint64_t start, const struct note_run *runs, unsigned n)
{
	unsigned char packed[SIZE];
	struct note_writer w;

	note_begin(&w, buf, size, packed, start);
	for (unsigned i = 0; i < n; i++)
		note_add(&w, runs[i].from, runs[i].to);
	return note_end(&w);
}

static unsigned runs_random(struct random *r, uint64_t start, struct note_run *runs, unsigned n)
{
	uint64_t at = start;

	for (unsigned i = 0; i < n; i++) {
		runs[i].from = at + 1 + random_next(r) % 5;
		runs[i].to = runs[i].from + 1 + random_next(r) % 300;
		at = runs[i].to;
	}
	return n;
}

static void what_is_written_is_read(void **state)
{
	struct random r = { 1 };
	struct note_run runs[64], *back;
	char buf[SIZE];
	unsigned n;

	(void)state;
	for (unsigned round = 0; round < 500; round++) {
		uint64_t start = random_next(&r) >> (random_next(&r) % 50 + 2), sum = 0;
		unsigned count = runs_random(&r, start, runs, 1 + random_next(&r) % 64);
		size_t size = note_make(buf, sizeof(buf), start, runs, count);

		assert_int_equal(note_read((struct slice){ buf, size }, start, &back, &n), 0);
		assert_int_equal(n, count);
		assert_memory_equal(back, runs, count * sizeof(*runs));
		free(back);
		for (unsigned i = 0; i < count; i++)
			sum += runs[i].to - runs[i].from;
		assert_int_equal(note_count((struct slice){ buf, size }, start), sum);
	}
}

static void it_is_printable_and_fits_and_is_cut_at_the_far_end(void **state)
{
	static struct note_run runs[RUNS];
	struct random r = { 2 };
	struct note_run *back;
	char buf[SIZE + 1];
	unsigned n, count = runs_random(&r, 7, runs, RUNS);
	size_t size;

	(void)state;
	for (size_t room = 0; room <= SIZE; room += 64) {
		memset(buf, '#', sizeof(buf));
		size = note_make(buf, room, 7, runs, count);
		assert_true(size <= room);
		assert_int_equal(buf[room], '#');
		for (size_t i = 0; i < size; i++)
			assert_true(buf[i] >= ' ' && buf[i] < 127);
		if (!size)
			continue;
		assert_int_equal(note_read((struct slice){ buf, size }, 7, &back, &n), 0);
		assert_true(n >= 1 && n < count);
		assert_memory_equal(back, runs, n * sizeof(*runs));
		free(back);
	}
}

static void a_damaged_note_counts_for_nothing(void **state)
{
	const struct note_run runs[] = { { 12, 15 }, { 20, 21 }, { 400, 100000 } };
	struct note_run *back;
	char buf[SIZE];
	unsigned n;
	size_t size = note_make(buf, sizeof(buf), 10, runs, 3);

	(void)state;
	for (size_t i = 0; i < size; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			buf[i] ^= (char)(1 << bit);
			assert_int_equal(note_read((struct slice){ buf, size }, 10, &back, &n), -1);
			assert_null(back);
			buf[i] ^= (char)(1 << bit);
		}
	for (size_t cut = 0; cut < size; cut++)
		assert_int_equal(note_read((struct slice){ buf, cut }, 10, &back, &n), -1);
}

static void a_note_for_another_start_or_of_another_program_counts_for_nothing(void **state)
{
	static const char *const foreign[] = { "", "sarama", "bridge/1", "bridge/1 ", "bridge/1 10", "bridge/1 10  ",
		"bridge/1 10 x 00000000", "bridge/2 10 AgM 00000000", "{\"offset\":10}", "\xff\xfe" };
	const struct note_run run = { 12, 15 };
	struct note_run *back;
	char buf[SIZE];
	unsigned n;
	size_t size = note_make(buf, sizeof(buf), 10, &run, 1);

	(void)state;
	assert_int_equal(note_read((struct slice){ buf, size }, 9, &back, &n), -1);
	assert_int_equal(note_read((struct slice){ buf, size }, 11, &back, &n), -1);
	for (unsigned i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		assert_int_equal(note_read((struct slice){ foreign[i], strlen(foreign[i]) }, 10, &back, &n), -1);
	assert_int_equal(note_count((struct slice){ buf, size }, 11), 0);
}

static void runs_out_of_order_or_empty_are_left_out(void **state)
{
	const struct note_run runs[] = { { 12, 15 }, { 14, 16 }, { 15, 15 }, { 9, 11 }, { 15, 18 } };
	struct note_run *back;
	char buf[SIZE];
	unsigned n;
	size_t size = note_make(buf, sizeof(buf), 10, runs, 5);

	(void)state;
	assert_int_equal(note_read((struct slice){ buf, size }, 10, &back, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(back[1].from, 15);
	assert_int_equal(back[1].to, 18);
	free(back);
	assert_int_equal(note_make(buf, sizeof(buf), 10, NULL, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(it_is_printable_and_fits_and_is_cut_at_the_far_end),
		cmocka_unit_test(a_damaged_note_counts_for_nothing),
		cmocka_unit_test(a_note_for_another_start_or_of_another_program_counts_for_nothing),
		cmocka_unit_test(runs_out_of_order_or_empty_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
