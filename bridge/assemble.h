/* From a checked configuration to a function with its binding, components and subscriptions. */
#ifndef BRIDGE_ASSEMBLE_H
#define BRIDGE_ASSEMBLE_H
#include "bridge/config/config.h"
#include "bridge/function.h"

/* NULL: the fault, with its place.  The config must outlive the function: texts and policies are its own. */
struct function *assemble(struct loop *, struct function_config *, struct error *);
/* Without its binding: nothing is read or delivered, only what waits can be asked. */
struct function *assemble_outlook(struct loop *, struct function_config *, struct error *);
#endif
