/* YAML text as a bounded tree: libyaml's events, our bounds, our words for what is wrong. */
#include "bridge/config/yaml.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

struct frame {
	struct node *node;
	struct item **tail;
	struct item *open;
	size_t nodes, bytes;
};
struct anchor {
	const char *name;
	struct node *node;
};

struct reader {
	yaml_parser_t parser;
	struct arena *arena;
	struct fault *fault;
	struct document *first, **tail, *document;
	struct flaw **flaw_tail;
	struct frame stack[YAML_DEPTH_MAX];
	unsigned depth;
	struct anchor anchors[YAML_ANCHORS_MAX];
	unsigned n_anchors;
	size_t nodes, bytes;
	bool done;
};

#define reader_fail(r, mark, ...) \
	((r)->fault->line = (unsigned)(mark).line + 1, (r)->fault->column = (unsigned)(mark).column + 1, \
	    error_set(&(r)->fault->error, ERR_CONFIG, __VA_ARGS__))

const char *node_kind_name(const struct node *n)
{
	switch (n->kind) {
	case NODE_LIST: return "a list";
	case NODE_MAP: return "a map";
	case NODE_TEXT: break;
	}
	return n->null ? "nothing" : "a text";
}

const struct item *node_item(const struct node *map, const char *key)
{
	const struct item *found = NULL;

	if (map && map->kind == NODE_MAP)
		for (const struct item *i = map->items; i; i = i->next)
			if (!strcasecmp(i->key, key))
				found = i;
	return found;
}

static int reader_weigh(struct reader *r, size_t nodes, size_t bytes, yaml_mark_t mark)
{
	r->nodes += nodes;
	r->bytes += bytes;
	if (r->nodes > YAML_NODES_MAX)
		return reader_fail(
		    r, mark, "too much in one file, expected at most %d values with aliases followed", YAML_NODES_MAX);
	if (r->bytes > YAML_BYTES_MAX)
		return reader_fail(
		    r, mark, "too much in one file, expected at most %d bytes with aliases followed", YAML_BYTES_MAX);
	return 0;
}

static struct node *reader_node(struct reader *r, enum node_kind kind, yaml_mark_t mark)
{
	struct node *n = arena_alloc(r->arena, sizeof(*n));

	n->kind = kind;
	n->line = (unsigned)mark.line + 1;
	n->column = (unsigned)mark.column + 1;
	return n;
}

static struct item *frame_item(struct reader *r, struct frame *f, yaml_mark_t mark)
{
	struct item *i = arena_alloc(r->arena, sizeof(*i));

	i->line = (unsigned)mark.line + 1;
	i->column = (unsigned)mark.column + 1;
	*f->tail = i;
	f->tail = &i->next;
	f->node->n++;
	return i;
}

static void reader_flaw(struct reader *r, int kind, const struct item *item, const struct item *before)
{
	struct flaw *f = arena_alloc(r->arena, sizeof(*f));

	f->kind = kind;
	f->item = item;
	f->before = before;
	*r->flaw_tail = f;
	r->flaw_tail = &f->next;
}

/* Puts a finished or just begun node where it belongs: document, list, map key or map value. */
static int reader_place(struct reader *r, struct node *n, bool plain, yaml_mark_t mark)
{
	struct frame *f;

	if (r->depth == 0) {
		r->document->root = n;
		return 0;
	}
	f = &r->stack[r->depth - 1];
	if (f->node->kind == NODE_LIST) {
		frame_item(r, f, mark)->node = n;
	} else if (f->open) {
		f->open->node = n;
		f->open = NULL;
	} else if (n->kind != NODE_TEXT) {
		return reader_fail(r, mark, "%s as a key, expected a text", node_kind_name(n));
	} else {
		f->open = frame_item(r, f, mark);
		f->open->key = n->text;
		if (plain && !strcmp(n->text, "<<"))
			reader_flaw(r, FLAW_MERGE, f->open, NULL);
	}
	return 0;
}

static int reader_anchor(struct reader *r, const yaml_char_t *name, struct node *n, yaml_mark_t mark)
{
	unsigned i;

	if (!name)
		return 0;
	for (i = 0; i < r->n_anchors && strcmp(r->anchors[i].name, (const char *)name) != 0; i++)
		;
	if (i == YAML_ANCHORS_MAX)
		return reader_fail(r, mark, "too many anchors, expected at most %d in a document", YAML_ANCHORS_MAX);
	if (i == r->n_anchors)
		r->anchors[r->n_anchors++].name = arena_text(r->arena, (const char *)name);
	r->anchors[i].node = n;
	return 0;
}

static bool scalar_is_null(const char *text, size_t n)
{
	return n == 0 || (n == 1 && *text == '~') || (n == 4 && !strcasecmp(text, "null"));
}

static int reader_scalar(struct reader *r, const yaml_event_t *e)
{
	const char *text = (const char *)e->data.scalar.value;
	size_t len = e->data.scalar.length;
	bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	struct node *n;

	if (memchr(text, '\0', len))
		return reader_fail(r, e->start_mark, "a NUL byte in a text, expected none");
	if (reader_weigh(r, 1, len, e->start_mark))
		return -1;
	n = reader_node(r, NODE_TEXT, e->start_mark);
	n->text = arena_slice(r->arena, text, len);
	n->null = plain && scalar_is_null(text, len);
	n->nodes = 1;
	n->bytes = len;
	return reader_anchor(r, e->data.scalar.anchor, n, e->start_mark) || reader_place(r, n, plain, e->start_mark)
	    ? -1
	    : 0;
}

static int reader_alias(struct reader *r, const yaml_event_t *e)
{
	const char *name = (const char *)e->data.alias.anchor;
	struct node *n = NULL;

	for (unsigned i = 0; i < r->n_anchors; i++)
		if (!strcmp(r->anchors[i].name, name))
			n = r->anchors[i].node;
	if (!n)
		return reader_fail(
		    r, e->start_mark, "alias *%.60s: no such anchor, expected an &%.60s before it", name, name);
	if (n->nodes == 0)
		return reader_fail(
		    r, e->start_mark, "alias *%.60s stands inside its own anchor, expected one that is finished", name);
	return reader_weigh(r, n->nodes, n->bytes, e->start_mark) || reader_place(r, n, false, e->start_mark) ? -1 : 0;
}

static int reader_open(struct reader *r, enum node_kind kind, const yaml_char_t *anchor, yaml_mark_t mark)
{
	struct frame *f = &r->stack[r->depth];
	struct node *n;

	if (r->depth == YAML_DEPTH_MAX)
		return reader_fail(r, mark, "nested too deeply, expected at most %d levels", YAML_DEPTH_MAX);
	*f = (struct frame){ .nodes = r->nodes, .bytes = r->bytes };
	if (reader_weigh(r, 1, 0, mark))
		return -1;
	n = reader_node(r, kind, mark);
	if (reader_anchor(r, anchor, n, mark) || reader_place(r, n, false, mark))
		return -1;
	f->node = n;
	f->tail = &n->items;
	r->depth++;
	return 0;
}

static int item_compare(const void *a, const void *b)
{
	const struct item *x = *(struct item *const *)a, *y = *(struct item *const *)b;
	int c = strcasecmp(x->key, y->key);

	if (c == 0)
		c = x->line != y->line ? (x->line > y->line) - (x->line < y->line)
				       : (x->column > y->column) - (x->column < y->column);
	return c;
}

static void reader_duplicates(struct reader *r, const struct node *map)
{
	const struct item **sorted = arena_alloc(r->arena, map->n * sizeof(*sorted));
	unsigned n = 0;

	for (const struct item *i = map->items; i; i = i->next)
		sorted[n++] = i;
	qsort(sorted, n, sizeof(*sorted), item_compare);
	for (unsigned i = 1; i < n; i++)
		if (!strcasecmp(sorted[i - 1]->key, sorted[i]->key))
			reader_flaw(r, FLAW_DUPLICATE, sorted[i], sorted[i - 1]);
}

static void reader_close(struct reader *r)
{
	struct frame *f = &r->stack[--r->depth];

	f->node->nodes = r->nodes - f->nodes;
	f->node->bytes = r->bytes - f->bytes;
	if (f->node->kind == NODE_MAP && f->node->n > 1)
		reader_duplicates(r, f->node);
}

static void reader_document(struct reader *r)
{
	r->document = arena_alloc(r->arena, sizeof(*r->document));
	r->flaw_tail = &r->document->flaws;
	r->n_anchors = 0;
}

static int reader_event(struct reader *r, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT: reader_document(r); return 0;
	case YAML_DOCUMENT_END_EVENT:
		*r->tail = r->document;
		r->tail = &r->document->next;
		return 0;
	case YAML_SCALAR_EVENT: return reader_scalar(r, e);
	case YAML_ALIAS_EVENT: return reader_alias(r, e);
	case YAML_SEQUENCE_START_EVENT: return reader_open(r, NODE_LIST, e->data.sequence_start.anchor, e->start_mark);
	case YAML_MAPPING_START_EVENT: return reader_open(r, NODE_MAP, e->data.mapping_start.anchor, e->start_mark);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT: reader_close(r); return 0;
	case YAML_STREAM_END_EVENT: r->done = true; return 0;
	case YAML_STREAM_START_EVENT:
	case YAML_NO_EVENT: return 0;
	}
	return 0;
}

/* Bytes that are no text have an offset only: line and column are counted again. */
static yaml_mark_t mark_of_offset(const char *text, size_t n, size_t offset)
{
	yaml_mark_t m = { 0 };

	for (size_t i = 0; i < n && i < offset; i++) {
		if (text[i] == '\n') {
			m.line++;
			m.column = 0;
		} else if (((unsigned char)text[i] & 0xc0) != 0x80) {
			m.column++;
		}
	}
	return m;
}

static int reader_broken(struct reader *r, const char *text, size_t n)
{
	const yaml_parser_t *p = &r->parser;
	const char *problem = p->problem ? p->problem : "out of memory";

	if (p->error == YAML_READER_ERROR)
		return reader_fail(
		    r, mark_of_offset(text, n, p->problem_offset), "not a text: %s, expected UTF-8", problem);
	if (strstr(problem, "cannot start any token"))
		return reader_fail(r, p->problem_mark,
		    "not YAML: %s, expected a value (tabs do not indent; a text that begins with @ or ` needs quotes)",
		    problem);
	if (p->context)
		return reader_fail(r, p->problem_mark, "not YAML: %s %s, which began at line %zu", problem, p->context,
		    p->context_mark.line + 1);
	return reader_fail(r, p->problem_mark, "not YAML: %s", problem);
}

/* %TAG lines: libyaml compares each with all before it, and says nothing until it has seen the last of them. */
static unsigned count_tags(const char *text, size_t n)
{
	const char *end = text + n;
	unsigned count = 0;

	for (const char *p = text; p < end && (p = memmem(p, (size_t)(end - p), "%TAG", 4)); p += 4)
		count++;
	return count;
}

struct document *document_parse(struct arena *a, const char *text, size_t n, struct fault *fault_r)
{
	struct reader *r = arena_alloc(a, sizeof(*r));
	int failed = 0;

	*fault_r = (struct fault){ .line = 1, .column = 1 };
	r->arena = a;
	r->fault = fault_r;
	r->tail = &r->first;
	if (n > YAML_TEXT_MAX) {
		error_set(&fault_r->error, ERR_LIMIT, "%zu bytes, expected at most %d", n, YAML_TEXT_MAX);
		return NULL;
	}
	if (count_tags(text, n) > YAML_TAGS_MAX) {
		error_set(&fault_r->error, ERR_LIMIT, "too many %%TAG lines, expected at most %d", YAML_TAGS_MAX);
		return NULL;
	}
	if (!yaml_parser_initialize(&r->parser)) {
		error_set(&fault_r->error, ERR_LIMIT, "no memory to read it");
		return NULL;
	}
	yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r->parser, (const unsigned char *)text, n);
	while (!failed && !r->done) {
		yaml_event_t e;

		if (!yaml_parser_parse(&r->parser, &e)) {
			failed = reader_broken(r, text, n);
		} else {
			failed = reader_event(r, &e);
			yaml_event_delete(&e);
		}
	}
	yaml_parser_delete(&r->parser);
	return r->first;
}
