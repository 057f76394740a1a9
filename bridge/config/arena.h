/* Memory that is given back all at once: the texts and arrays of one configuration. */
#ifndef BRIDGE_CONFIG_ARENA_H
#define BRIDGE_CONFIG_ARENA_H
#include <stddef.h>

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *);			/* and all that came from it, wiped; NULL: nothing */
void *arena_alloc(struct arena *, size_t);		/* zeroed, aligned for anything; valid until arena_free() */
char *arena_text(struct arena *, const char *);		/* copy; NULL stays NULL */
char *arena_slice(struct arena *, const char *, size_t);	/* copy, NUL-terminated */
char *arena_printf(struct arena *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#endif
