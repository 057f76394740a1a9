/* The loop of the stories: the same contract as bridge/loop.h, but time passes by decree. */
#ifndef STORIES_STORY_LOOP_H
#define STORIES_STORY_LOOP_H
#include "bridge/loop.h"

struct loop *story_loop_new(void);
void story_loop_free(struct loop *);
void story_loop_settle(struct loop *);			/* turns until nothing is deferred or due */
void story_loop_pass(struct loop *, int64_t ms);	/* timers fire in their order, each followed by a turn */
#endif
