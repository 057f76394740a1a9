/* Connections of a limit program to the function: one event on each at a time, HTTP/1.1, no failure is known. */
#ifndef TESTS_BENCH_SIDES_H
#define TESTS_BENCH_SIDES_H
#include <stddef.h>

struct side {
	int fd;
	void *event;		/* NULL: idle */
	struct side *next_idle;
};

struct sides {
	long port;
	struct side *list, *idle;
	void (*done)(void *arg, void *event);	/* the function took it */
	void *arg;
};

/* Into the epoll, each with its struct side as data. */
void sides_connect(struct sides *, int epoll, long n);
/* POSTs the bytes in place on the first idle one, of which there must be one. */
void sides_send(struct sides *, void *event, const void *p, size_t n);
void side_readable(struct sides *, struct side *);
#endif
