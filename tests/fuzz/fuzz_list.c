/* list_next(): items are trimmed, not empty, within the text, and joined by commas are the same items again. */
#include <stdlib.h>
#include "tests/fuzz/fuzz.h"

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

/* An item holds a comma only behind a bracket that is still open there, and ends only where none is. */
static void check_commas(struct slice item, char next)
{
	int depth = 0;

	for (size_t i = 0; i < item.n; i++) {
		depth += (item.p[i] == '(' || item.p[i] == '[' || item.p[i] == '{');
		depth -= (item.p[i] == ')' || item.p[i] == ']' || item.p[i] == '}');
		assert(item.p[i] != ',' || depth > 0);
	}
	assert(!next || depth <= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char *text = mem_slice((struct slice){ (const char *)p, n });
	struct slice item, again, whole = slice_text(text);
	struct buf joined = { 0 };
	const char *rest = text, *rest_again;

	while (list_next(&rest, &item)) {
		assert(item.n > 0 && slice_inside(item, whole) && item.p + item.n <= rest);
		assert(!blank(item.p[0]) && !blank(item.p[item.n - 1]));
		check_commas(item, *rest);
		buf_slice(&joined, item);
		buf_text(&joined, ", ");
	}
	assert(rest == text + whole.n);
	buf_add(&joined, "", 1);
	rest = text;
	rest_again = joined.p;
	while (list_next(&rest, &item)) {
		assert(list_next(&rest_again, &again));
		/* brackets that stay open take the comma behind the last item with them */
		assert(slice_equal(item, again) || (!*rest && again.n == item.n + 1));
	}
	assert(!list_next(&rest_again, &again));
	buf_free(&joined);
	free(text);
	return 0;
}
