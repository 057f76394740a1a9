/* Where secrets are kept: files, the environment, Dapr's local stores. */
#ifndef BRIDGE_CONFIG_SECRET_H
#define BRIDGE_CONFIG_SECRET_H
#include "bridge/bytes.h"
#include "bridge/config/resource.h"

enum { SECRET_FILE_MAX = 1024 * 1024 };	/* bytes of a secret, or of a file of them */

/* All append the value; -1: it is not there, or may not be had.  No error text holds a value. */

/* DIRECTORY/<name>/<key>; one newline at the end does not belong to it. */
int secret_of_directory(const char *directory, const struct secret_ref *, struct buf *value_r, struct error *);

struct secret_file_rules { const char *separator; bool multi_valued; };
/* Dapr's secretstores.local.file: names are flattened by the separator and are their own key; multiValued: the names of
 * the first level, each with keys. */
int secret_of_json(struct slice json, const struct secret_file_rules *, const struct secret_ref *, struct buf *value_r,
    struct error *);

/* Dapr's rules for what configuration may read of the environment. */
bool secret_env_allowed(const char *name);
#endif
