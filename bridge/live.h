/* The live view: one page for browsers on the admin port, and the stream of snapshots it draws. */
#ifndef BRIDGE_LIVE_H
#define BRIDGE_LIVE_H
#include <stdbool.h>

struct function;
struct http_request;
struct http_response;
struct live;
struct loop;

/*
 * Looks at the functions once a second from here on; they stay the caller's and outlive it.  `listen`: the address the
 * port is opened at; on a loopback address only requests to it or to localhost are served, because a name of somebody
 * else's that points here would let their page read what this one shows.
 */
struct live *live_new(struct loop *, const char *listen, struct function *const *, unsigned n);
/*
 * GET of "/" by who accepts text/html, of the page's files, and of /live/events: server-sent events, the first with
 * the history of every lag, one a second.  16 at once; one more is told so.  false: not for it, nothing was done.
 */
bool live_handle(struct live *, const struct http_request *, struct http_response *);
void live_end(struct live *);	/* a last snapshot, and the streams end; further ones are refused */
void live_free(struct live *);	/* after its http_server was closed; NULL: nothing */
#endif
