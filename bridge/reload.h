/* Secrets that are rotated while the process runs: read again, and handed to the components they belong to. */
#ifndef BRIDGE_RELOAD_H
#define BRIDGE_RELOAD_H
#include "bridge/config/config.h"

struct connector;
struct loop;
struct reload;

struct reload_options {
	const struct command	*command;	/* what is read again: the same files */
	const struct config	*config;	/* as it runs */
	/* `name` is to be ended and opened anew on an instance that fill(fill_arg, instance) reads its rows into */
	void	(*renew)(void *arg, const char *name, void (*fill)(void *, struct connector *), void *fill_arg);
	void	*arg;
};

/*
 * Looks whenever something changes in a directory that secrets came from, once it has been quiet for a moment.  What
 * cannot be read, or has findings, is logged and changes nothing.  Only secrets are applied: for everything else that
 * was changed in the files the log says that a restart applies it.  All texts of the options stay the caller's.
 */
struct reload *reload_new(struct loop *, const struct reload_options *);
void reload_now(struct reload *);	/* SIGHUP */
void reload_free(struct reload *);	/* after the components that were renewed; NULL: nothing */
#endif
