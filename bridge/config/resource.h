/* What stands in the documents, before anything is decided: components, subscriptions, settings of the process. */
#ifndef BRIDGE_CONFIG_RESOURCE_H
#define BRIDGE_CONFIG_RESOURCE_H
#include "bridge/config/finding.h"
#include "bridge/config/yaml.h"

enum {
	RESOURCES_MAX = 10000,		/* of one kind */
	FUNCTIONS_MAX = 1000,
	INSTANCES_MAX = 100000		/* resources of all functions together */
};

/* What one Bridge document says: a function, and perhaps something of the process. */
struct process_document {
	struct place	 place;			/* file NULL: there is none, flags alone speak */
	struct setting	*settings;		/* heap */
	unsigned	 n_settings;
	struct process_document *next;
};

enum resource_state {
	RESOURCE_READ,
	RESOURCE_ELSEWHERE,	/* another namespace, or scoped to other apps: not for us */
	RESOURCE_FAULTY,	/* left out, and what is wrong was said; who refers to it need not say it again */
	RESOURCE_TAKEN		/* `index` tells where */
};

struct resource {
	enum { RESOURCE_COMPONENT, RESOURCE_SUBSCRIPTION } kind;
	enum resource_state state;
	const char	*name, *namespace;
	struct place	 place;			/* of the document */
	unsigned	 order;			/* in the files */
	const char	**scopes;
	unsigned	 n_scopes;
	const struct process_document *owner;	/* the short form in it: for that function alone; NULL: by scopes */
	struct setting	*settings;		/* a Component's value may be NULL: a reference, not looked up yet */
	struct secret_ref *refs;		/* of a Component: one a setting */
	unsigned	 n_settings;
	/* Component */
	const char	*type, *version;	/* as written; NULL: absent */
	struct place	 type_place;
	const char	*secret_store;		/* auth.secretStore; NULL: absent */
	bool		 ignore_errors;
	int64_t		 init_timeout_ms;
	unsigned	 index;			/* in function->components */
	unsigned	 faults;		/* found in its settings */
	bool		 strict;		/* the short form: a name that is not known is an error */
	/* Subscription */
	const char	*pubsub, *topic, *route;
	struct place	 pubsub_place;
	struct resource	*next;
};

/* Of all files; or, while `function` is settled, its own copies, whose states speak of that function. */
struct resources {
	struct config	*config;
	struct function_config *function;
	struct resource	*first, **last;		/* in order of the files */
	unsigned	 n_components, n_subscriptions;
	struct process_document *documents, **last_document;	/* in the same order */
	unsigned	 n_documents;
};

/* One more of that kind, without a name, at the end of the list.  NULL: too many, and a finding says so. */
struct resource *resources_add(struct resources *, int kind, struct place);

/* One document being read. */
struct reading {
	struct resources *all;
	struct config	*config;
	const char	*file;
	struct resource	*resource;
	struct process_document *document;	/* kind Bridge */
};

void resource_read(struct resources *, const char *file, const struct document *);

/* For the readers of one kind. */
struct place reading_place(const struct reading *, unsigned line, unsigned column);
/* The text under `key`; NULL: absent, nothing, or (a finding) not a text.  A copy that lives as long as the config. */
const char *reading_text(struct reading *, const struct node *map, const char *key);
const struct node *reading_map(struct reading *, const struct node *map, const char *key);	/* likewise */
const struct node *reading_list(struct reading *, const struct node *map, const char *key);
/* A finding for each key of `map` that is not among `keys` (NULL at the end). */
void reading_known(struct reading *, const struct node *map, const char *what, const char *const *keys, enum severity);
/* A list of texts. */
const char **reading_names(struct reading *, const struct node *map, const char *key, unsigned *n_r);
/* Name and value are copied. */
struct setting reading_setting(const struct reading *, const char *name, const struct node *value);

/* A resource of that kind with what all have: name, namespace, scopes; at the end of the list.  NULL: too many. */
struct resource *reading_resource(struct reading *, const struct node *root, int kind);

void component_read(struct reading *, const struct node *root);
void subscription_read(struct reading *, const struct node *root);
void process_read(struct reading *, const struct node *root);
#endif
