/* Files and directories of YAML, each file once, within bounds. */
#ifndef BRIDGE_CONFIG_FILES_H
#define BRIDGE_CONFIG_FILES_H
#include "bridge/config/finding.h"

enum { FILES_MAX = 10000, FILES_BYTES_MAX = 32 * 1024 * 1024 };

struct files;
typedef void files_fn(void *arg, const char *path, const char *text, size_t n);	/* path lives as long as the config */

struct files *files_new(struct config *, files_fn *, void *arg);
void files_free(struct files *);
/* One file, or of a directory every *.yaml and *.yml in it, sorted by name, not those below it or hidden.  What was
 * read before under another name is passed over.  Faults become findings. */
void files_read(struct files *, const char *path);
#endif
