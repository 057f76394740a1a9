/* An error on its way up: filled in where it happens, led in by those who pass it on. */
#include "bridge/error.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *err, enum err code, const char *fmt, ...)
{
	char text[sizeof err->text]; /* the arguments may lie in err->text itself */
	va_list args;

	assert(code != ERR_NONE);
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	err->code = code;
	memcpy(err->text, text, sizeof text);
	return -1;
}

int error_wrap(struct error *err, const char *fmt, ...)
{
	char lead[sizeof err->text];
	va_list args;

	va_start(args, fmt);
	vsnprintf(lead, sizeof lead, fmt, args);
	va_end(args);
	return error_set(err, err->code, "%s: %s", lead, err->text);
}
