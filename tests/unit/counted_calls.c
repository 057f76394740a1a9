/* Stands before the C library's calls, counts them on one thread, and passes them on. */
#include "tests/unit/counted_calls.h"
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || __has_feature(address_sanitizer) || \
    __has_feature(thread_sanitizer)
#define OWN_ALLOCATOR 1
#endif

static _Thread_local struct calls counted;

void calls_count_from_here(void)
{
	counted = (struct calls){ 0 };
}

struct calls calls_counted(void)
{
	return counted;
}

#ifndef OWN_ALLOCATOR
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);

void *malloc(size_t n)
{
	counted.allocations++;
	return __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	counted.allocations++;
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	counted.allocations++;
	return __libc_realloc(p, n);
}
#endif

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	counted.sends++;
	return syscall(SYS_sendmsg, fd, m, flags);
}

ssize_t send(int fd, const void *p, size_t n, int flags)
{
	counted.sends++;
	return syscall(SYS_sendto, fd, p, n, flags, NULL, 0);
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
	counted.sends++;
	return syscall(SYS_writev, fd, v, n);
}

ssize_t recv(int fd, void *p, size_t n, int flags)
{
	counted.receives++;
	return syscall(SYS_recvfrom, fd, p, n, flags, NULL, NULL);
}

ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
	counted.receives++;
	return syscall(SYS_recvmsg, fd, m, flags);
}

ssize_t readv(int fd, const struct iovec *v, int n)
{
	counted.receives++;
	return syscall(SYS_readv, fd, v, n);
}

int epoll_pwait(int fd, struct epoll_event *events, int n, int ms, const sigset_t *mask)
{
	counted.waits++;
	return (int)syscall(SYS_epoll_pwait, fd, events, n, ms, mask, _NSIG / 8);
}

int epoll_wait(int fd, struct epoll_event *events, int n, int ms)
{
	return epoll_pwait(fd, events, n, ms, NULL);
}

int epoll_ctl(int fd, int op, int target, struct epoll_event *event)
{
	counted.others++;
	return (int)syscall(SYS_epoll_ctl, fd, op, target, event);
}

ssize_t read(int fd, void *p, size_t n)
{
	counted.others++;
	return syscall(SYS_read, fd, p, n);
}

ssize_t write(int fd, const void *p, size_t n)
{
	counted.others++;
	return syscall(SYS_write, fd, p, n);
}

int close(int fd)
{
	counted.others++;
	return (int)syscall(SYS_close, fd);
}
