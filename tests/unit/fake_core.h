/* Stands in for the core: remembers what a binding told it. */
#ifndef TESTS_UNIT_FAKE_CORE_H
#define TESTS_UNIT_FAKE_CORE_H
#include "bridge/binding.h"

struct fake_settled {
	struct delivery	*delivery;
	unsigned	 item;
	enum verdict	 verdict;
	int		 status;	/* of the answer; 0: none was given */
	int64_t		 retry_after_ms;
	char		 why[160];
};

struct fake_core {
	struct fake_settled settled[64];
	unsigned	 n_settled;
	unsigned	 capacity, n_capacity;		/* the last told, how often */
	char		 discovered[256];		/* the inputs last told, joined by blanks */
	unsigned	 n_discovered;
	void		(*told)(void);			/* called at the end of each call of a binding; NULL: nothing */
};
extern struct fake_core fake_core;

void fake_core_reset(void);

/* An instance as the core would make it; `settings`: name, value, …, NULL.  The test fails if it cannot be opened. */
struct binding *fake_core_open(const struct binding_class *, struct loop *, const char *const *settings);
void fake_core_close(struct binding *);
/* "VERDICT why" of the only settle() since the last call; its delivery and item are `d` and 0. */
const char *fake_core_settled(const struct delivery *d);
#endif
