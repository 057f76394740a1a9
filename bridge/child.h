/* A command started beside the bridge: its output with a name before each line, its signals, its exit code. */
#ifndef BRIDGE_CHILD_H
#define BRIDGE_CHILD_H
#include <stdbool.h>

struct child;
struct error;
struct loop;

struct child_options {
	char		**argv;		/* looked for in PATH; NULL at the end */
	const char	*name;		/* before each line of its output: "name | " */
	char		**environment;	/* "NAME=value", beside and over our own; NULL at the end */
};

/*
 * In a process group of its own, so that a Ctrl-C meant for all reaches it only by us; standard input is empty; it
 * is told SIGTERM if we die.  ended() once, on the loop thread and never inside this call: with its exit code, or
 * 128 and the signal that ended it.  NULL: it could not be started.  The name must outlive it; the rest is used in
 * this call only.
 */
struct child *child_start(struct loop *, const struct child_options *, void (*ended)(void *arg, int code), void *arg,
    struct error *);
bool child_runs(const struct child *);
void child_signal(struct child *, int signo);	/* to its whole group; ended already: nothing */
void child_free(struct child *);		/* kills what still runs; NULL: nothing */
#endif
