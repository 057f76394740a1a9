/* YAML text: a fault with its place, or trees within their bounds whose weights are what they hold. */
#include <string.h>
#include "bridge/config/yaml.h"
#include "tests/fuzz/fuzz.h"

static void check_node(const struct node *n, unsigned depth)
{
	size_t nodes = 1, bytes = n->text ? strlen(n->text) : 0;
	unsigned items = 0;

	assert(depth <= YAML_DEPTH_MAX && n->line > 0 && n->column > 0);
	assert((n->kind == NODE_TEXT) == (n->text != NULL) && (!n->null || n->kind == NODE_TEXT));
	for (const struct item *i = n->items; i; i = i->next, items++) {
		assert(n->kind != NODE_TEXT && (n->kind == NODE_MAP) == (i->key != NULL) && i->node && i->line > 0);
		if (i->key && n->n < 100)
			assert(node_item(n, i->key));
		check_node(i->node, depth + 1);
		nodes += i->node->nodes + (i->key != NULL);
		bytes += i->node->bytes + (i->key ? strlen(i->key) : 0);
	}
	assert(n->n == items && n->nodes == nodes && n->bytes == bytes);
}

static void check_flaws(const struct document *d)
{
	for (const struct flaw *f = d->flaws; f; f = f->next) {
		assert(f->item && f->item->key);
		assert((f->kind == FLAW_DUPLICATE) == (f->before != NULL));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct arena *arena = arena_new();
	struct fault fault;
	size_t nodes = 0;

	for (const struct document *d = document_parse(arena, (const char *)p, n, &fault); d; d = d->next) {
		if (!d->root)
			continue;
		check_node(d->root, 0);
		check_flaws(d);
		nodes += d->root->nodes;
	}
	assert(nodes <= YAML_NODES_MAX && fault.line > 0 && fault.column > 0);
	assert((fault.error.code == ERR_NONE) == (*fault.error.text == '\0'));
	arena_free(arena);
	return 0;
}
