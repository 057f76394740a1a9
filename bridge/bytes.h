/* Slices, a growing buffer, and memory that cannot fail quietly. */
#ifndef BRIDGE_BYTES_H
#define BRIDGE_BYTES_H
#include "bridge/event.h"

/* Out of memory ends the process with a line: nothing acknowledged is lost by it.  Sizes from outside are bounded
 * before. */
void *mem_new(size_t);			/* zeroed */
void *mem_grow(void *, size_t);
char *mem_text(const char *);		/* copy; NULL stays NULL */
char *mem_slice(struct slice);		/* copy, NUL-terminated */

#define SLICE(literal) ((struct slice){ (literal), sizeof(literal) - 1 })
struct slice slice_text(const char *);	/* NULL: absent */
bool slice_is(struct slice, const char *);
bool slice_is_nocase(struct slice, const char *);
bool slice_equal(struct slice, struct slice);
uint64_t slice_hash(struct slice);	/* 64 bit, well mixed, same on every run */
/* Cuts the next item off a comma list, without the blanks around it; empty ones are passed over.  A comma in brackets
 * belongs to the item: `^day-[0-9]{2,4}$`.  false: none is left. */
bool list_next(const char **list, struct slice *item_r);
bool slice_uint(struct slice, uint64_t *value_r);	/* digits only, no overflow */

struct buf { char *p; size_t n, cap; };	/* zeroed: empty */
void buf_add(struct buf *, const void *, size_t);
void buf_slice(struct buf *, struct slice);
void buf_text(struct buf *, const char *);
void buf_uint(struct buf *, uint64_t);
void buf_printf(struct buf *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_base64(struct buf *, struct slice);
char *buf_room(struct buf *, size_t);	/* at least that much behind the end; then add to n */
void buf_clear(struct buf *);		/* keeps its memory */
void buf_free(struct buf *);
#endif
