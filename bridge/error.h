/* An error on its way up: a code for the program, a text for people; the caller's, nothing to free. */
#ifndef BRIDGE_ERROR_H
#define BRIDGE_ERROR_H

enum err {
	ERR_NONE,
	ERR_CONFIG,	/* what somebody wrote cannot be used as it stands */
	ERR_IO,
	ERR_TIMEOUT,
	ERR_PROTOCOL,	/* the other side broke its protocol */
	ERR_DENIED,
	ERR_LIMIT,	/* one of our own bounds */
	ERR_BUG
};

struct error {
	enum err code;
	char	 text[256];
};

/* Always returns -1, so that a failing function ends in one line.  Cut off at the end, never overflowing. */
int error_set(struct error *, enum err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts "fmt: " in front on the way up: `source orders: kafka: no such topic`.  Returns -1. */
int error_wrap(struct error *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#endif
