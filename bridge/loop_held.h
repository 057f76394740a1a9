/* What loop.c and loop_io.c share; nobody else includes it. */
#ifndef BRIDGE_LOOP_HELD_H
#define BRIDGE_LOOP_HELD_H
#include "bridge/loop.h"

struct uv_loop_s;
/* what callers hold of a loop, to be given back */
struct loop_held { unsigned watches, wakes, lookups; struct resolve *resolves; };

struct uv_loop_s *loop_uv(struct loop *);
struct loop_held *loop_held(struct loop *);
/* every way in from libuv calls it first: the first of a turn reads the clock */
void loop_tick(struct loop *);
void loop_close_io(struct loop *);	/* ends what is still held, then turns until libuv has let go of it */
#endif
