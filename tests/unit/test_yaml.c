/* The YAML tree: shape and places, flaws, every bound, and whatever bytes come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "bridge/backoff.h"
#include "bridge/bytes.h"
#include "bridge/config/yaml.h"

static struct arena *arena;

static int open_arena(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int close_arena(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static struct document *parse(const char *text)
{
	struct fault fault;
	struct document *d = document_parse(arena, text, strlen(text), &fault);

	if (fault.error.code)
		fail_msg("%u:%u: %s", fault.line, fault.column, fault.error.text);
	return d;
}

static void assert_fault_bytes(const char *text, size_t n, unsigned line, unsigned column, const char *expected)
{
	struct fault fault;

	document_parse(arena, text, n, &fault);
	if (!fault.error.code)
		fail_msg("no fault, expected \"%s\"", expected);
	if (!strstr(fault.error.text, expected) || fault.line != line || fault.column != column)
		fail_msg("%u:%u: %s, expected %u:%u: %s", fault.line, fault.column, fault.error.text, line, column,
		    expected);
}

static void assert_fault(const char *text, unsigned line, unsigned column, const char *expected)
{
	assert_fault_bytes(text, strlen(text), line, column, expected);
}

static void every_value_knows_its_line_and_column(void **state)
{
	struct document *d = parse("# first\na: x\nlist:\n- b: \"y\"\n  c: {d: z}\n");
	const struct item *i = node_item(d->root, "list");
	const struct node *b, *first;

	(void)state;
	assert_int_equal(d->root->kind, NODE_MAP);
	assert_int_equal(d->root->line, 2);
	assert_int_equal(d->root->n, 2);
	assert_int_equal(i->line, 3);
	assert_int_equal(i->column, 1);
	first = i->node->items->node;
	assert_int_equal(first->line, 4);
	assert_int_equal(first->column, 3);
	b = node_item(first, "b")->node;
	assert_string_equal(b->text, "y");
	assert_int_equal(b->line, 4);
	assert_int_equal(b->column, 6);
	assert_int_equal(node_item(node_item(first, "c")->node, "d")->node->column, 10);
}

static void scalars_stay_text_and_only_unquoted_nothing_is_null(void **state)
{
	struct document *d = parse("{a: 0123, b: true, c: ~, d: , e: null, f: 'null', g: \"\", h: 1.50}");

	(void)state;
	assert_string_equal(node_item(d->root, "a")->node->text, "0123");
	assert_string_equal(node_item(d->root, "b")->node->text, "true");
	assert_string_equal(node_item(d->root, "h")->node->text, "1.50");
	assert_true(node_item(d->root, "c")->node->null && node_item(d->root, "d")->node->null &&
	    node_item(d->root, "e")->node->null);
	assert_false(node_item(d->root, "f")->node->null || node_item(d->root, "g")->node->null);
}

static void keys_are_found_in_any_case_and_the_last_of_equal_ones_counts(void **state)
{
	struct document *d = parse("Kind: a\nother: b\nkind: c\nOTHER: d\nOther: e\n");

	(void)state;
	assert_string_equal(node_item(d->root, "KIND")->node->text, "c");
	assert_null(node_item(d->root, "kin"));
	assert_null(node_item(node_item(d->root, "kind")->node, "x"));
	assert_null(node_item(NULL, "x"));
	assert_int_equal(d->flaws->kind, FLAW_DUPLICATE);
	assert_int_equal(d->flaws->item->line, 3);
	assert_int_equal(d->flaws->before->line, 1);
	assert_int_equal(d->flaws->next->item->line, 4);
	assert_int_equal(d->flaws->next->next->item->line, 5);
	assert_null(d->flaws->next->next->next);
}

static void documents_come_in_order_and_empty_texts_have_none(void **state)
{
	struct document *d = parse("---\na: 1\n---\n---\n[b]\n...\n");

	(void)state;
	assert_int_equal(d->root->kind, NODE_MAP);
	assert_true(d->next->root->null);
	assert_int_equal(d->next->next->root->kind, NODE_LIST);
	assert_null(d->next->next->next);
	assert_null(parse(""));
	assert_null(parse("# only a word\n\n"));
	assert_non_null(parse("\xef\xbb\xbf"
			      "a: 1\n"));
}

static void documents_before_a_fault_are_given(void **state)
{
	const char text[] = "a: 1\n---\nb: [1\n";
	struct fault fault;
	struct document *d = document_parse(arena, text, strlen(text), &fault);

	(void)state;
	assert_int_equal(fault.error.code, ERR_CONFIG);
	assert_string_equal(node_item(d->root, "a")->node->text, "1");
	assert_null(d->next);
}

static void an_alias_is_its_anchor_once_more(void **state)
{
	struct document *d = parse("a: &x {k: v}\nb: *x\nc: &x w\nd: *x\n---\ne: 1\n");

	(void)state;
	assert_string_equal(node_item(node_item(d->root, "b")->node, "k")->node->text, "v");
	assert_string_equal(node_item(d->root, "d")->node->text, "w");
	assert_fault("a: *x\n", 1, 4, "no such anchor");
	assert_fault("a: &x 1\n---\nb: *x\n", 3, 4, "no such anchor");
	assert_fault("a: &x [1, *x]\n", 1, 11, "inside its own anchor");
}

static void merge_keys_are_marked_and_quoted_ones_are_not(void **state)
{
	struct document *d = parse("a: &x {k: v}\nb:\n  <<: *x\n");

	(void)state;
	assert_int_equal(d->flaws->kind, FLAW_MERGE);
	assert_int_equal(d->flaws->item->line, 3);
	assert_null(parse("b: {'<<': 1}\n")->flaws);
}

static void broken_syntax_says_where(void **state)
{
	(void)state;
	assert_fault("a: [1, 2\nb: 3\n", 2, 2, "not YAML");
	assert_fault("a: {b: 1\n\nc\n", 4, 1, "which began at line 1");
	assert_fault("a:\n\t- b\n", 2, 1, "tabs do not indent");
	assert_fault("a: \"x\n", 2, 1, "not YAML");
	assert_fault("a: b: c\n", 1, 5, "not YAML");
	assert_fault("a: 1\n b: 2\n", 2, 3, "not YAML");
	assert_fault("? [a]\n: b\n", 1, 3, "a list as a key, expected a text");
	assert_fault("{{a: 1}: 2}\n", 1, 2, "a map as a key, expected a text");
	assert_fault("%YAML 3.0\n---\na\n", 1, 1, "not YAML");
}

static void bytes_that_are_no_text_say_where(void **state)
{
	(void)state;
	assert_fault("a: 1\nb: \xff\n", 2, 4, "expected UTF-8");
	assert_fault("a: \xc3\n", 1, 5, "expected UTF-8");
	assert_fault("\xed\xa0\x80\n", 1, 1, "expected UTF-8");
	assert_fault("a: \x01\n", 1, 4, "control characters");
	assert_fault_bytes("a: x\0y\n", 7, 1, 5, "control characters");
	assert_fault("a: 1\nb: \"x\\0y\"\n", 2, 4, "NUL byte");
	assert_fault_bytes("\xff\xfe"
			   "a\0:\0",
	    6, 1, 1, "expected UTF-8");
}

static void nesting_is_bounded(void **state)
{
	char deep[YAML_DEPTH_MAX * 2 + 3];
	size_t n = 200000;
	char *deeper = malloc(n);

	(void)state;
	memset(deep, '[', YAML_DEPTH_MAX);
	memset(deep + YAML_DEPTH_MAX, ']', YAML_DEPTH_MAX);
	deep[YAML_DEPTH_MAX * 2] = '\0';
	assert_non_null(parse(deep));
	memset(deeper, '[', n);
	assert_fault_bytes(deeper, n, 1, YAML_DEPTH_MAX + 1, "nested too deeply, expected at most 64");
	for (size_t i = 0; i < n; i++)
		deeper[i] = "- "[i % 2];
	assert_fault_bytes(deeper, n, 1, YAML_DEPTH_MAX * 2 + 1, "nested too deeply");
	free(deeper);
}

static void an_alias_bomb_stops_at_the_bound(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_text(&b, "a: &a [x, x, x, x, x, x, x, x, x, x]\n");
	for (char c = 'b'; c < 'k'; c++) {
		buf_printf(&b, "%c: &%c [", c, c);
		for (int i = 0; i < 10; i++)
			buf_printf(&b, "*%c,", c - 1);
		buf_text(&b, "]\n");
	}
	assert_fault_bytes(b.p, b.n, 5, 29, "at most 100000 values with aliases followed");
	buf_clear(&b);
	buf_text(&b, "a: &a \""); /* few nodes, many bytes */
	for (int i = 0; i < 100000; i++)
		buf_text(&b, "0123456789");
	buf_text(&b, "\"\nb: [*a, *a,\n*a, *a, *a]\n");
	assert_fault_bytes(b.p, b.n, 3, 5, "at most 4194304 bytes with aliases followed");
	buf_free(&b);
}

static void nodes_and_bytes_and_anchors_are_bounded(void **state)
{
	struct buf b = { 0 };
	struct fault fault;

	(void)state;
	for (int i = 0; i < 150000; i++)
		buf_text(&b, "- a\n");
	assert_fault_bytes(b.p, b.n, YAML_NODES_MAX, 3, "at most 100000 values");
	while (b.n <= YAML_TEXT_MAX)
		buf_text(&b, "# much text that is only a comment\n");
	assert_null(document_parse(arena, b.p, b.n, &fault));
	assert_int_equal(fault.error.code, ERR_LIMIT);
	buf_clear(&b);
	for (int i = 0; i <= YAML_ANCHORS_MAX; i++)
		buf_printf(&b, "- &a%d x\n", i);
	assert_fault_bytes(b.p, b.n, YAML_ANCHORS_MAX + 1, 3, "too many anchors");
	buf_clear(&b);
	for (int i = 0; i <= YAML_TAGS_MAX; i++)
		buf_printf(&b, "%%TAG !t%d! x\n", i);
	buf_text(&b, "--- a\n");
	assert_fault_bytes(b.p, b.n, 1, 1, "too many %TAG lines, expected at most 256");
	buf_free(&b);
}

static void many_keys_are_compared_in_bounded_time(void **state)
{
	struct buf b = { 0 };
	struct document *d;
	struct fault fault;
	unsigned flaws = 0;

	(void)state;
	for (int i = 0; i < 49000; i++)
		buf_printf(&b, "k%d: v\n", i % 48990);
	d = document_parse(arena, b.p, b.n, &fault);
	assert_int_equal(fault.error.code, ERR_NONE);
	for (const struct flaw *f = d->flaws; f; f = f->next)
		flaws++;
	assert_int_equal(flaws, 10);
	buf_free(&b);
}

/* Random bytes, and a good text with random bytes changed: it ends, in documents or a fault that has a place. */
static void whatever_bytes_come_it_ends(void **state)
{
	static const char good[] =
	    "apiVersion: dapr.io/v1alpha1\nkind: &k Component\nspec: {type: 'x', list: [a, *k, \"b\\u0041\"]}\n"
	    "text: |\n  a\n  b\n? key\n: value\n---\n- !!str 1\n- >-\n  folded\n";
	struct random random = { 42 };

	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct arena *a = arena_new();
		char text[sizeof(good)];
		struct fault fault;

		memcpy(text, good, sizeof(good));
		for (unsigned i = 0; i < 1 + round % 8u; i++)
			text[random_next(&random) % (sizeof(text) - 1)] = (char)random_next(&random);
		if (round % 10 == 0)
			for (size_t i = 0; i < sizeof(text); i++)
				text[i] = (char)random_next(&random);
		document_parse(a, text, sizeof(text) - 1, &fault);
		assert_true(fault.line >= 1 && fault.column >= 1);
		arena_free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_value_knows_its_line_and_column, open_arena, close_arena),
		cmocka_unit_test_setup_teardown(
		    scalars_stay_text_and_only_unquoted_nothing_is_null, open_arena, close_arena),
		cmocka_unit_test_setup_teardown(
		    keys_are_found_in_any_case_and_the_last_of_equal_ones_counts, open_arena, close_arena),
		cmocka_unit_test_setup_teardown(
		    documents_come_in_order_and_empty_texts_have_none, open_arena, close_arena),
		cmocka_unit_test_setup_teardown(documents_before_a_fault_are_given, open_arena, close_arena),
		cmocka_unit_test_setup_teardown(an_alias_is_its_anchor_once_more, open_arena, close_arena),
		cmocka_unit_test_setup_teardown(merge_keys_are_marked_and_quoted_ones_are_not, open_arena, close_arena),
		cmocka_unit_test_setup_teardown(broken_syntax_says_where, open_arena, close_arena),
		cmocka_unit_test_setup_teardown(bytes_that_are_no_text_say_where, open_arena, close_arena),
		cmocka_unit_test_setup_teardown(nesting_is_bounded, open_arena, close_arena),
		cmocka_unit_test_setup_teardown(an_alias_bomb_stops_at_the_bound, open_arena, close_arena),
		cmocka_unit_test_setup_teardown(nodes_and_bytes_and_anchors_are_bounded, open_arena, close_arena),
		cmocka_unit_test_setup_teardown(many_keys_are_compared_in_bounded_time, open_arena, close_arena),
		cmocka_unit_test(whatever_bytes_come_it_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
