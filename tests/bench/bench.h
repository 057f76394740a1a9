/* What the programs of the benchmark share: arguments, clocks, and where an HTTP message ends. */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

_Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* "--name VALUE"; exactly one of text and number is set.  The last row has no name. */
struct flag {
	const char *name;
	const char **text;
	long *number, min, max;
};
void flags_parse(const struct flag *, int argc, char **argv);	/* dies of what it does not know */

int64_t clock_ns(void);		/* monotonic */
int64_t clock_wall_ns(void);

/* Events begin with the time they were made (nanoseconds, 19 digits), a blank, their partition (5 digits), a blank. */
enum { STAMP_DIGITS = 19, PARTITION_DIGITS = 5, EVENT_HEAD = STAMP_DIGITS + 1 + PARTITION_DIGITS + 1 };

struct message { const char *body; size_t body_n, size; };	/* size: head and body */
/* 1: the whole message is in p[0..n); 0: not yet, message_r->size is known once its head is there (else 0). */
int message_whole(const char *p, size_t n, struct message *message_r);
#endif
