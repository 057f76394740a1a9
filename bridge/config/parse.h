/* The steps between what was read and the finished config; only for the files of this folder. */
#ifndef BRIDGE_CONFIG_PARSE_H
#define BRIDGE_CONFIG_PARSE_H
#include "bridge/config/resource.h"

struct buf;

/* One more Bridge document.  NULL: too many, and a finding says so. */
struct process_document *process_document_add(struct resources *, struct place);
/* From the Bridge documents, then the flags: fills config->process and the rows of config->functions, in that order. */
void process_settle(struct resources *, const struct command *);

/* Values of a component that are kept elsewhere, put into its settings; a secret gets no placeholder filled in.  Number
 * of faults. */
unsigned secrets_resolve(struct resources *, struct resource *);
/* A store whose metadata is read here: secretstores.local.env, secretstores.local.file. */
bool secret_store_known(const char *type);
extern const char *const secret_store_names[];	/* of its metadata; NULL at the end */

/* Into function->components, or left out with a finding.  Names and scopes were looked at before. */
void component_settle(struct resources *, struct resource *);
/* Names Dapr's runtime reads itself: known to every component. */
extern const char *const runtime_names[];

/* An input binding's entry, if the component is one. */
void subscription_of_binding(struct resources *, const struct resource *);
void subscription_settle(struct resources *, struct resource *);
/* May this app read that topic of this component: subscriptionScopes, allowedTopics, protectedTopics. */
bool subscription_allowed(const struct component_config *, const char *app_id, const char *topic);

/* One that is for us, if there is one.  NULL: none of that name. */
struct resource *resources_find(const struct resources *, int kind, const char *name);

/* What config_print_subscriptions() prints. */
void config_describe(const struct config *, bool color, struct buf *);
void config_render(const struct config *, struct buf *);	/* what config_print() prints */
#endif
