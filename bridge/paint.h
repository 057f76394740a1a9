/* Colours for people: only on a terminal, and not where NO_COLOR says so. */
#ifndef BRIDGE_PAINT_H
#define BRIDGE_PAINT_H
#include <stdbool.h>

enum paint { PAINT_STRONG, PAINT_FAINT, PAINT_RED, PAINT_YELLOW, PAINT_END };

bool paint_wanted(int fd);	/* a terminal that knows colours, NO_COLOR unset or empty */
const char *paint(bool on, enum paint);	/* the bytes that begin a colour, or end all; off: "" */
#endif
