/* The cast of a story: connectors and a binding that say what is asked of them and do what they are told. */
#ifndef STORIES_CAST_H
#define STORIES_CAST_H
#include "bridge/bytes.h"
#include "bridge/connector.h"
#include "bridge/binding.h"

/* Every call the core makes becomes a line here, to be expected by the story. */
struct script { struct buf said; size_t heard; };
extern struct script script;
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

extern const struct connector_class cast_prefix, cast_any, cast_none;
extern const struct binding_class cast_binding, cast_binding_asks;

struct window *cast_window(struct connector *, const char *name);	/* the open one of that name; NULL: none */
void cast_open(struct connector *, const char *name, uint32_t partition, uint64_t start, struct slice note);
void cast_forget_window(struct connector *, struct window *);
struct request *cast_request(struct connector *, const char *id, bool take);
struct delivery *cast_delivery(struct binding *, const char *id, bool take);
const struct subscription *cast_subscription(struct connector *, unsigned i, unsigned *n_r);
void cast_fill(void *, struct connector *);
void cast_released(struct connector *, struct window *);
#endif
