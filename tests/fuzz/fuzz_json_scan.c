/* The JSON scanner agrees with a second opinion, its members are values, its strings are JSON that reads the same. */
#include <stdlib.h>
#include <string.h>
#include "bridge/json_scan.h"
#include "tests/fuzz/fuzz.h"

static void check_member(const struct json_member *m, struct slice whole)
{
	struct buf value = { 0 };

	assert(slice_inside(m->text, whole) && (m->kind == JSON_NONE) == (m->text.p == NULL));
	if (m->kind == JSON_NONE)
		return;
	buf_text(&value, m->kind == JSON_STRING ? "\"" : "");
	buf_slice(&value, m->text);
	buf_text(&value, m->kind == JSON_STRING ? "\"" : "");
	assert(json_is_valid((struct slice){ value.p, value.n }, JSON_DEPTH_MAX));
	assert(value.n > 0 && strchr(m->kind == JSON_STRING ? "\"" : "ntf-0123456789[{", value.p[0]));
	buf_free(&value);
}

static void check_scan(struct slice text)
{
	struct json_member found[] = { { .name = "a" }, { .name = "data", .any_case = true },
		{ .name = "expiration" } };
	const char *why = NULL;
	enum json_kind kind = json_scan(text, found, 3, &why);

	assert((kind != JSON_NONE) == json_is_valid(text, JSON_DEPTH_MAX));
	assert((kind == JSON_NONE) == (why && *why));
	for (unsigned i = 0; i < 3; i++)
		check_member(&found[i], text);
	if (kind != JSON_OBJECT)
		return;
	assert(found[2].kind != JSON_NONE || json_count(text, SLICE("expiration")) == 0);
	if (!memchr(text.p, '\\', text.n))
		assert(found[0].kind == JSON_NONE || json_count(text, SLICE("a")) > 0);
}

static void check_string(struct slice text)
{
	struct buf json = { 0 };
	bool ascii = true;
	char *copy;

	json_add_string(&json, text);
	assert(json_is_valid((struct slice){ json.p, json.n }, 0));
	assert(utf8_is_valid((struct slice){ json.p, json.n }));
	for (size_t i = 0; i < text.n; i++)
		ascii = ascii && text.p[i] > 0;
	if (ascii) {
		copy = mem_slice(text);
		assert(json_string_is((struct slice){ json.p + 1, json.n - 2 }, copy, false));
		assert(json_string_is((struct slice){ json.p + 1, json.n - 2 }, copy, true));
		free(copy);
	}
	buf_free(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct slice text = { (const char *)p, n };

	check_scan(text);
	check_string(text);
	return 0;
}
