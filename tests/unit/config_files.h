/* For configuration tests: files in a directory of their own, loaded, and what was found. */
#ifndef TESTS_UNIT_CONFIG_FILES_H
#define TESTS_UNIT_CONFIG_FILES_H
#include "bridge/config/config.h"

/* Documents to put together; type and name as YAML.  COMPONENT ends where its metadata or other keys of spec follow. */
#define BRIDGE \
	"apiVersion: bridge/v1\nkind: Bridge\nmetadata: {name: shop}\n" \
	"spec: {function: {address: 127.0.0.1:8080}}\n---\n"
#define COMPONENT(name, type) \
	"---\napiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: " name "}\nspec:\n" \
	"  type: " type "\n  version: v1\n"
#define BROKERS "  metadata:\n  - {name: brokers, value: 'b:1'}\n"
#define SUBSCRIPTION(name, pubsub, topic) \
	"---\napiVersion: dapr.io/v2alpha1\nkind: Subscription\nmetadata: {name: " name "}\nspec:\n" \
	"  pubsubname: " pubsub "\n  topic: " topic "\n  routes: {default: /" topic "}\n"

/* cmocka setup and teardown: a directory, the config loaded last.  NAMESPACE and POD_NAME leave the environment. */
int files_setup(void **state);
int files_teardown(void **state);

const char *files_path(const char *name);	/* valid until the next call */
void files_write(const char *name, const char *text);
void files_write_bytes(const char *name, const char *p, size_t n);
/* Loads with these arguments, NULL at the end, "%" for the directory; freed by the next load or the teardown. */
const struct config *load_with(const char *const *arguments);
const struct config *load(const char *text);	/* one file, "a.yaml" */

/* One finding of that severity whose "file:line:column: text", file without its directory, contains `expected`. */
void assert_found(enum severity, const char *expected);
void assert_not_found(enum severity, const char *text);	/* in none of that severity */
void assert_clean(void);				/* no error, no warning */
#endif
