/* The one event loop: time, timers, work for the end of a turn, wakes from library threads, sockets, names, signals. */
#ifndef BRIDGE_LOOP_H
#define BRIDGE_LOOP_H
#include <stdbool.h>
#include <stdint.h>

/*
 * This is the only header that stands for libuv; nothing else includes uv.h but loop.c and loop_io.c.  Stories link
 * another implementation of the first half, whose clock they move.  Loop thread only, except wake().
 *
 * A turn: wait for events, call watches, wakes and due timers, then everything deferred (what is deferred meanwhile
 * waits for the next turn, which then does not wait).  So deferred work takes turns: what comes again stands behind
 * all others, and the outside is looked at between.
 *
 * What is called goes on logging for the function (log_function()) that set it up.
 */
struct addrinfo;
struct error;
struct loop;
/* zeroed: stopped; set again: moved; fires once */
struct timer { int64_t at; void (*fn)(void *); void *arg; const char *function; unsigned heap_index; };
/* zeroed: not queued */
struct later { void (*fn)(void *); void *arg; const char *function; struct later *next, **prev; };
struct wake;	/* one per library thread that hands over batches */

int64_t loop_now(const struct loop *);	/* milliseconds, fixed for one turn; the story moves it in tests */
int64_t loop_wall(const struct loop *);	/* Unix time in ms: expiry, delays, cron; moved with the other in tests */
void timer_set(struct loop *, struct timer *, int64_t after_ms, void (*fn)(void *), void *arg);
void timer_stop(struct loop *, struct timer *);
/* fn, arg set by the caller; at the end of this turn; queued already: nothing */
void loop_defer(struct loop *, struct later *);
void loop_undefer(struct loop *, struct later *);
struct wake *wake_new(struct loop *, void (*fn)(void *), void *arg);
void wake(struct wake *);		/* the only call allowed from another thread; many before the turn count once */
void wake_free(struct wake *);		/* after the thread has ended; fn is not called any more */

/* From here on not in stories: what touches the outside. */

struct loop *loop_new(struct error *);
void loop_free(struct loop *);		/* after loop_run() returned; logs what is still registered */
void loop_run(struct loop *);		/* until loop_stop() */
void loop_stop(struct loop *);

enum { WATCH_READ = 1, WATCH_WRITE = 2 };
struct watch;
/* Level-triggered; `ready` holds the WATCH bits that are ready (an error on the socket is both).  The fd stays the
 * caller's. */
struct watch *watch_new(struct loop *, int fd, void (*fn)(void *, unsigned ready), void *arg);
void watch_want(struct watch *, unsigned bits);	/* 0: nothing for now; same as before: free of charge */
/* before close(fd); fn is not called any more; allowed inside fn; NULL: nothing */
void watch_free(struct watch *);

struct resolve;
/* getaddrinfo on a thread: SOCK_STREAM, both families.  fn once, never inside this call; list NULL: `why` says it. */
struct resolve *resolve_start(struct loop *, const char *host, const char *port,
    void (*fn)(void *, const struct addrinfo *list, const char *why), void *arg);
/* A lookup is on its thread; loop_free() and the end of the process would wait for it. */
bool loop_is_looking_up(struct loop *);
void resolve_cancel(struct resolve *);	/* before fn was called; fn is not called any more; NULL: nothing */

/* A file or directory (what is in it, not below) that changes: fn at each change, often several times for one. */
struct path_watch;
struct path_watch *path_watch_new(struct loop *, const char *path, void (*fn)(void *), void *arg, struct error *);
void path_watch_free(struct path_watch *);	/* fn is not called any more; NULL: nothing */

void loop_on_signal(struct loop *, int signo, void (*fn)(void *, int signo), void *arg);
#endif
