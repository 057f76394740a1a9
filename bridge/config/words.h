/* What the words behind the verb mean: sources, functions, components, topics, data. */
#ifndef BRIDGE_CONFIG_WORDS_H
#define BRIDGE_CONFIG_WORDS_H
#include "bridge/config/config.h"

/* Fills source, route, component, topic and data of the command, and the function's address into its settings: room
 * for one more must be there.  -1: what was expected. */
int command_words(struct command *, struct error *);
#endif
