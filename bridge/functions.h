/* The functions of a process: put together, each with its API port; started, looked at and drained as one. */
#ifndef BRIDGE_FUNCTIONS_H
#define BRIDGE_FUNCTIONS_H
#include "bridge/config/config.h"
#include "bridge/function.h"

struct functions;

/* Assembled, their ports open, nothing started.  NULL: the fault, and what of them is open stays so: the process ends.
 * The config must outlive them. */
struct functions *functions_open(struct loop *, struct config *, struct error *);
int functions_start(struct functions *, struct error *);	/* -1: an open() failed */
/* All at once, each by itself; drained() when the last one is. */
void functions_drain(struct functions *, int64_t ms, void (*drained)(void *arg), void *arg);
/* As function_renew(), of the component of that name in the n-th function. */
void functions_renew(struct functions *, unsigned n, const char *name, const struct renew_options *);
void functions_free(struct functions *);			/* drained; NULL: nothing */

struct function *const *functions_list(const struct functions *, unsigned *n_r);	/* in the order of the config */
bool functions_ready(const struct functions *, struct buf *);	/* all of them; a line for each is added */
void functions_metrics(struct functions *, struct buf *);	/* Prometheus text of all */
#endif
