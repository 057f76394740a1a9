/* `bridge help WORD`: every option row of a component, the function, the policy or the process, for a terminal. */
#ifndef BRIDGE_HELP_H
#define BRIDGE_HELP_H

/* To stdout, at most 100 columns.  -1: no such word; said on stderr, with a suggestion. */
int help_print(const char *word);
#endif
