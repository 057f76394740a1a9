/* What the user wrote, read and checked: resources, flags, findings.  No broker, no loop: pure. */
#ifndef BRIDGE_CONFIG_CONFIG_H
#define BRIDGE_CONFIG_CONFIG_H
#include "bridge/config/process.h"
#include "bridge/policy.h"
#include "bridge/parts.h"

struct place { const char *file; unsigned line, column; };

/* Where a value is kept.  name NULL: no secret; env NULL: no variable; both NULL: the value stands there. */
struct secret_ref { const char *name, *key, *env; };

struct component_config {
	const char	*name, *type;		/* type as written, lower case */
	/* NULL: a category we load and list but do not run (state.*, lock.*, …) */
	const struct part *part;
	bool		 ignore_errors;
	int64_t		 init_timeout_ms;
	const char	*secret_store;		/* auth.secretStore; NULL: absent */
	/* spec.metadata, references looked up, templates filled in ({uuid} {podName} {namespace} {appID}) */
	struct setting	*settings;
	const struct secret_ref *refs;		/* one a setting, used where that is `referred`; NULL: no settings */
	unsigned	 n_settings;
	struct place	 place;
};

/* An entry of what is to be read: a Subscription, or an input binding made of its component. */
struct subscription_config {
	const char	*name;
	unsigned	 component;		/* index, in the function's */
	/* pub/sub: the topic; binding: the component's `topics` row as written, NULL if the class has none */
	const char	*topic;
	const char	*route;			/* "/orders": always with the slash */
	const char	*dead_letter_topic;	/* NULL: none */
	bool		 probe;			/* binding without `direction`: ask the app with OPTIONS first */
	struct setting	*settings;		/* a Subscription's metadata */
	unsigned	 n_settings;
	struct policy	 policy;
	bool		 raw;			/* rawPayload */
	struct place	 place;
};

enum severity { FINDING_NOTE, FINDING_WARNING, FINDING_ERROR };
struct finding { enum severity severity; struct place place; char *text; };

/* One function, and its own instance of every resource that is for it. */
struct function_config {
	struct function_rows rows;
	struct place	 place;			/* of its Bridge document; file NULL: there is none */
	struct component_config *components;
	unsigned	 n_components;
	struct subscription_config *subscriptions;
	unsigned	 n_subscriptions;
};

struct config {
	struct process	 process;
	struct function_config *functions;
	unsigned	 n_functions;		/* at least one */
	struct finding	*findings;		/* in order of file and line */
	unsigned	 n_findings, n_errors;
	bool		 has_secrets;		/* something in it must not be seen in a core file */
	const char	**secret_dirs;		/* where files are that secrets were read from, each once */
	unsigned	 n_secret_dirs;
	struct arena	*arena;			/* owns every text above */
};

/* What the command line said. */
struct command {
	enum verb {
		COMMAND_RUN, COMMAND_CHECK, COMMAND_SEND, COMMAND_TAIL, COMMAND_TOP, COMMAND_SCALER, COMMAND_VERSION,
		COMMAND_HELP
	} verb;
	bool		 print;			/* check --print */
	const char	**words;		/* behind the verb, as they stand */
	unsigned	 n_words;
	const char	*source;		/* a source's URL; NULL: none */
	const char	*route;			/* run: of the function's URL; NULL: none */
	const char	*component, *topic;	/* send, tail: with source NULL; NULL: not said */
	const char	*data, *file;		/* send: both NULL: standard input, a line an event */
	const char	*key;			/* send: NULL: none */
	const char	**headers;		/* send: "name=value" */
	unsigned	 n_headers;
	int64_t		 count;			/* tail: events until it ends; 0: without end */
	const char	*admin;			/* top: host:port */
	bool		 once;			/* top */
	char		**child;		/* run: the command behind --, NULL at its end; NULL: none */
	/* --config FILE|DIR, repeatable: may hold any kind; $VAR is not expanded */
	const char	**config_paths;
	unsigned	 n_config_paths;
	const char	**resource_paths;	/* --resources-path, --components-path */
	unsigned	 n_resource_paths;
	struct setting	*settings;		/* rows of kind Bridge given by flags; they win over files */
	unsigned	 n_settings;
	const char	**ignored;		/* daprd flags known and without effect here: one debug line each */
	unsigned	 n_ignored;
	struct arena	*arena;
};

/* -1: an unknown flag or a bad value, with a suggestion. */
int command_parse(struct command *, int argc, char **argv, struct error *);
void command_free(struct command *);
extern const char exceptions_text[];	/* from at least once, in two lines */
void command_help(void);			/* to stdout */

/* Reads everything that was named.  Always fills the config with what could be understood; faults are findings. */
struct config *config_load(const struct command *);
void config_free(struct config *);
/* consumer group, else the app id */
const char *config_group(const struct function_config *, const struct component_config *);
void config_print(const struct config *);	/* effective settings as YAML, to stdout; no secrets */
/* "bindings.yaml:12:16: …", errors and warnings; notes only when asked.  To stderr. */
void config_print_findings(const struct config *, bool notes);
/* "3 errors, 1 warning" or "ok: 2 components, 3 subscriptions", with their number before if there are several
 * functions.  To stderr. */
void config_print_summary(const struct config *);
/* For each subscription what is read, where it goes, in which order, when it is done, where it parks; function by
 * function, if there are several.  To stderr. */
void config_print_subscriptions(const struct config *);
#endif
