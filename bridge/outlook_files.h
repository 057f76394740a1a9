/* The configurations a directory holds, one a file or a folder, and whether they are still the same. */
#ifndef BRIDGE_OUTLOOK_FILES_H
#define BRIDGE_OUTLOOK_FILES_H
#include <stdint.h>

/* A file is one; of a directory each *.yaml, *.yml and each folder, sorted by name, hidden ones left out.  The
 * signature differs when anything in it was written anew or put in place of another. */
typedef void outlook_fn(void *arg, const char *path, uint64_t signature);
void outlook_files(const char *path, outlook_fn *, void *arg);
#endif
