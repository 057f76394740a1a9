/* Counts what the calling thread asks of the C library and the kernel; other threads go uncounted. */
#ifndef TESTS_COUNTED_CALLS_H
#define TESTS_COUNTED_CALLS_H

struct calls {
	unsigned allocations;	/* malloc, calloc, realloc; 0 under sanitizers, which have allocators of their own */
	unsigned sends;		/* sendmsg, send, writev */
	unsigned receives;	/* recv, recvmsg, readv */
	unsigned waits;		/* epoll_wait, epoll_pwait */
	unsigned others;	/* read, write, epoll_ctl, socket, close */
};

void calls_count_from_here(void);
struct calls calls_counted(void);
#endif
