/* The one list of what this binary is made of. */
#ifndef BRIDGE_PARTS_H
#define BRIDGE_PARTS_H
#include "bridge/binding.h"
#include "bridge/connector.h"

/* Dapr's component type and the class behind it. */
struct part { const char *type; enum block block; const struct connector_class *class; };
const struct part *part_find(const char *type);		/* without regard to case, aliases included; NULL: none */
const struct part *part_at(unsigned i);			/* NULL: past the end */
const struct binding_class *binding_class_find(const char *name);	/* "http", "plain" */
#endif
