/* YAML text as a bounded tree that knows where everything stood. */
#ifndef BRIDGE_CONFIG_YAML_H
#define BRIDGE_CONFIG_YAML_H
#include <stdbool.h>
#include <stddef.h>
#include "bridge/error.h"
#include "bridge/config/arena.h"

/* Bounds of one text: beyond them it is a fault.  Nodes and bytes count after aliases are followed. */
enum {
	YAML_TEXT_MAX = 1024 * 1024, YAML_DEPTH_MAX = 64, YAML_NODES_MAX = 100000, YAML_BYTES_MAX = 4 * 1024 * 1024,
	YAML_ANCHORS_MAX = 256, YAML_TAGS_MAX = 256
};

enum node_kind { NODE_TEXT, NODE_LIST, NODE_MAP };

/* Scalars stay text, whatever they look like.  An alias is the node itself once more: shared, never changed. */
struct node {
	enum node_kind	 kind;
	bool		 null;		/* a text that is nothing, ~ or null, unquoted */
	unsigned	 line, column;	/* from 1 */
	const char	*text;		/* NODE_TEXT: never NULL, without NUL bytes inside */
	struct item	*items;		/* in order */
	unsigned	 n;		/* of items */
	size_t		 nodes, bytes;	/* weight of the whole subtree; 0: not finished */
};

struct item {
	const char	*key;		/* NODE_LIST: NULL */
	unsigned	 line, column;	/* of the key */
	struct node	*node;
	struct item	*next;
};

/* What is readable but not right; how bad it is depends on the document's kind. */
struct flaw {
	enum { FLAW_DUPLICATE, FLAW_MERGE } kind;
	const struct item *item;
	const struct item *before;	/* FLAW_DUPLICATE: the one of the same name it hides */
	struct flaw	*next;
};

struct document {
	struct node	*root;
	struct flaw	*flaws;		/* in order of the ends of their maps */
	struct document	*next;
};

struct fault { unsigned line, column; struct error error; };

/* All documents of a text; those before a fault too.  NULL: none.  No fault: fault_r->error.code is ERR_NONE. */
struct document *document_parse(struct arena *, const char *text, size_t n, struct fault *fault_r);

/* By key, without regard to case, the last of equal ones; NULL: not there, or `map` is no map. */
const struct item *node_item(const struct node *map, const char *key);
const char *node_kind_name(const struct node *);	/* "a text", "a list", "a map", "nothing" */
#endif
