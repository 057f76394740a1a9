/* The version this tree is. */
#ifndef BRIDGE_VERSION_H
#define BRIDGE_VERSION_H
#define BRIDGE_VERSION "0.1.0"
#endif
