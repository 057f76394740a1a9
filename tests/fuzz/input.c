/* A fuzz target's input taken apart: lines, and pieces whose sizes follow from the input itself. */
#include <string.h>
#include "tests/fuzz/fuzz.h"

struct slice input_line(struct slice *rest)
{
	const char *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
	struct slice line = { rest->p, end ? (size_t)(end - rest->p) : rest->n };
	size_t step = line.n + (end != NULL);

	if (step)
		*rest = (struct slice){ rest->p + step, rest->n - step };
	return line;
}

struct random input_random(struct slice input)
{
	return (struct random){ slice_hash(input) };
}

size_t input_piece(struct random *r, size_t n)
{
	uint64_t size = random_next(r);

	size = size % 4 ? size / 4 % 8 : size / 4 % n;
	return size < n ? (size_t)size + 1 : n;
}

bool slice_inside(struct slice s, struct slice whole)
{
	return s.n == 0 || (s.p >= whole.p && s.n <= whole.n && s.p + s.n <= whole.p + whole.n);
}
