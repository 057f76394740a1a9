/* What the programs of the benchmark share. */
#include "tests/bench/bench.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("bench: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

static void flag_take(const struct flag *f, const char *value)
{
	char *end;

	if (f->text) {
		*f->text = value;
		return;
	}
	errno = 0;
	*f->number = strtol(value, &end, 10);
	if (errno || end == value || *end || *f->number < f->min || *f->number > f->max)
		die("%s: expected a number from %ld to %ld, got %s", f->name, f->min, f->max, value);
}

void flags_parse(const struct flag *flags, int argc, char **argv)
{
	for (int i = 1; i < argc; i += 2) {
		const struct flag *f = flags;

		while (f->name && strcmp(f->name, argv[i]) != 0)
			f++;
		if (!f->name)
			die("%s: no such argument", argv[i]);
		if (i + 1 == argc)
			die("%s: expected a value", argv[i]);
		flag_take(f, argv[i + 1]);
	}
}

static int64_t clock_read(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t clock_ns(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

int64_t clock_wall_ns(void)
{
	return clock_read(CLOCK_REALTIME);
}

/* Enough for the two ends here, which write this header themselves: 0 without it. */
static size_t content_length(const char *p, const char *end)
{
	static const char name[] = "\r\nContent-Length:";

	for (; p + sizeof(name) < end; p++) {
		p = memchr(p, '\r', (size_t)(end - p));
		if (!p || p + sizeof(name) >= end)
			break;
		if (strncasecmp(p, name, sizeof(name) - 1) == 0)
			return strtoul(p + sizeof(name) - 1, NULL, 10);
	}
	return 0;
}

int message_whole(const char *p, size_t n, struct message *message_r)
{
	const char *end = n ? memmem(p, n, "\r\n\r\n", 4) : NULL;

	*message_r = (struct message){ 0 };
	if (!end)
		return 0;
	message_r->body = end + 4;
	message_r->body_n = content_length(p, end + 4);
	message_r->size = (size_t)(end + 4 - p) + message_r->body_n;
	return message_r->size <= n;
}
