/* Secrets that are rotated while the process runs: read again, and handed to the components they belong to. */
#ifndef BRIDGE_RELOAD_H
#define BRIDGE_RELOAD_H
#include "bridge/config/config.h"

struct functions;
struct loop;
struct reload;

/*
 * Looks whenever something changes in a directory that secrets came from, once it has been quiet for a moment: the
 * files of the command are read again, and the components whose secrets differ are renewed.  What cannot be read, or
 * has findings, is logged and changes nothing.  Only secrets are applied: for everything else that was changed in
 * the files the log says that a restart applies it.  Command, config (as it runs) and functions stay the caller's.
 */
struct reload *reload_new(struct loop *, const struct command *, const struct config *, struct functions *);
void reload_now(struct reload *);	/* SIGHUP */
void reload_free(struct reload *);	/* after the functions: it owns texts of what was renewed; NULL: nothing */
#endif
