/* A listening TCP socket on the loop: accepts, and does not spin when the process has no descriptor left. */
#ifndef BRIDGE_LISTENER_H
#define BRIDGE_LISTENER_H
#include "bridge/loop.h"

struct error;
struct listener;

/* `address`: one IP address; port 0: the kernel chooses.  accepted() owns the fd: non-blocking, without Nagle's delay.
 * It does not close the listener. */
struct listener *listener_open(struct loop *, const char *address, unsigned port,
    void (*accepted)(void *arg, int fd), void *arg, struct error *);
unsigned listener_port(const struct listener *);
void listener_close(struct listener *);		/* what was accepted stays; NULL: nothing */
#endif
