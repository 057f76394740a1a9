/* Colours for people: only on a terminal, and not where NO_COLOR says so. */
#include "bridge/paint.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool paint_wanted(int fd)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fd) && !(no_color && *no_color) && term && *term && strcmp(term, "dumb") != 0;
}

const char *paint(bool on, enum paint p)
{
	static const char *const codes[] = { [PAINT_STRONG] = "\x1b[1m",
		[PAINT_FAINT] = "\x1b[2m",
		[PAINT_RED] = "\x1b[31m",
		[PAINT_YELLOW] = "\x1b[33m",
		[PAINT_END] = "\x1b[0m" };

	return on ? codes[p] : "";
}
