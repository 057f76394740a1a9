/* The loop's ways in from outside: sockets, wakes of other threads, names and signals, each on a handle of libuv. */
#include <assert.h>
#include <netdb.h>
#include <stdlib.h>
#include <uv.h>
#include "bridge/bytes.h"
#include "bridge/error.h"
#include "bridge/log.h"
#include "bridge/loop.h"
#include "bridge/loop_held.h"

/* The handle comes first in each of these, so that closing it can free them all alike. */
struct watch {
	uv_poll_t handle;
	struct loop *loop;
	unsigned want;
	void (*fn)(void *, unsigned);
	void *arg;
	const char *function;
};

struct wake {
	uv_async_t handle;
	struct loop *loop;
	void (*fn)(void *);
	void *arg;
	const char *function;
};

struct signal {
	uv_signal_t handle;
	struct loop *loop;
	void (*fn)(void *, int);
	void *arg;
};

struct path_watch {
	uv_fs_event_t handle;
	struct loop *loop;
	void (*fn)(void *);
	void *arg;
};

struct resolve {
	uv_getaddrinfo_t request;
	struct loop *loop;
	struct later refused;
	struct resolve *next, **prev;
	int status;
	void (*fn)(void *, const struct addrinfo *, const char *);
	void *arg;
	const char *function;
};

static void handle_free(uv_handle_t *handle)
{
	free(handle);
}

/* --- sockets --- */

static void watch_ready(uv_poll_t *handle, int status, int events)
{
	struct watch *w = (struct watch *)handle;
	unsigned ready = 0, want = w->want;

	loop_tick(w->loop);
	if (status < 0)
		ready = WATCH_READ | WATCH_WRITE;
	if (events & UV_READABLE)
		ready |= WATCH_READ;
	if (events & UV_WRITABLE)
		ready |= WATCH_WRITE;
	/* libuv stops watching a socket with an error; level-triggered means it is said again until it is dealt with */
	if (status < 0) {
		w->want = 0;
		watch_want(w, want);
	}
	log_function(w->function);
	w->fn(w->arg, ready);
}

struct watch *watch_new(struct loop *l, int fd, void (*fn)(void *, unsigned), void *arg)
{
	struct watch *w = mem_new(sizeof(*w));
	int rc = uv_poll_init(loop_uv(l), &w->handle, fd);

	assert(rc == 0);
	(void)rc;
	w->loop = l;
	w->fn = fn;
	w->arg = arg;
	w->function = log_function_now();
	loop_held(l)->watches++;
	return w;
}

void watch_want(struct watch *w, unsigned bits)
{
	int events = (bits & WATCH_READ ? UV_READABLE : 0) | (bits & WATCH_WRITE ? UV_WRITABLE : 0);

	if (bits == w->want)
		return;
	w->want = bits;
	if (bits)
		uv_poll_start(&w->handle, events, watch_ready);
	else
		uv_poll_stop(&w->handle);
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	loop_held(w->loop)->watches--;
	uv_close((uv_handle_t *)&w->handle, handle_free);
}

/* --- wakes --- */

static void wake_rings(uv_async_t *handle)
{
	struct wake *w = (struct wake *)handle;

	loop_tick(w->loop);
	log_function(w->function);
	w->fn(w->arg);
}

struct wake *wake_new(struct loop *l, void (*fn)(void *), void *arg)
{
	struct wake *w = mem_new(sizeof(*w));
	int rc = uv_async_init(loop_uv(l), &w->handle, wake_rings);

	assert(rc == 0);
	(void)rc;
	w->loop = l;
	w->fn = fn;
	w->arg = arg;
	w->function = log_function_now();
	loop_held(l)->wakes++;
	return w;
}

void wake(struct wake *w)
{
	uv_async_send(&w->handle);
}

void wake_free(struct wake *w)
{
	loop_held(w->loop)->wakes--;
	uv_close((uv_handle_t *)&w->handle, handle_free);
}

/* --- names --- */

static void resolve_unlink(struct resolve *r)
{
	*r->prev = r->next;
	if (r->next)
		r->next->prev = r->prev;
}

static void resolve_answered(uv_getaddrinfo_t *request, int status, struct addrinfo *list)
{
	struct resolve *r = (struct resolve *)request;

	loop_held(r->loop)->lookups--;
	if (r->fn) {
		loop_tick(r->loop);
		resolve_unlink(r);
		log_function(r->function);
		r->fn(r->arg, status ? NULL : list, status ? uv_strerror(status) : NULL);
	}
	uv_freeaddrinfo(list);
	free(r);
}

static void resolve_refused(void *arg)
{
	struct resolve *r = arg;

	resolve_unlink(r);
	r->fn(r->arg, NULL, uv_strerror(r->status));
	free(r);
}

struct resolve *resolve_start(struct loop *l, const char *host, const char *port,
    void (*fn)(void *, const struct addrinfo *, const char *), void *arg)
{
	struct resolve *r = mem_new(sizeof(*r)), **first = &loop_held(l)->resolves;
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };

	r->loop = l;
	r->fn = fn;
	r->arg = arg;
	r->function = log_function_now();
	r->next = *first;
	r->prev = first;
	*first = r;
	if (r->next)
		r->next->prev = &r->next;
	r->status = uv_getaddrinfo(loop_uv(l), &r->request, resolve_answered, host, port, &hints);
	loop_held(l)->lookups += r->status == 0;
	if (r->status) {
		r->refused = (struct later){ .fn = resolve_refused, .arg = r };
		loop_defer(l, &r->refused);
	}
	return r;
}

bool loop_is_looking_up(struct loop *l)
{
	return loop_held(l)->lookups > 0;
}

void resolve_cancel(struct resolve *r)
{
	if (!r)
		return;
	resolve_unlink(r);
	if (r->status) {
		loop_undefer(r->loop, &r->refused);
		free(r);
		return;
	}
	/* On its thread already it cannot be called back: resolve_answered() frees it when it is through. */
	r->fn = NULL;
	uv_cancel((uv_req_t *)&r->request);
}

/* --- paths --- */

static void path_changed(uv_fs_event_t *handle, const char *name, int events, int status)
{
	struct path_watch *w = (struct path_watch *)handle;

	(void)name;
	(void)events;
	(void)status;
	loop_tick(w->loop);
	w->fn(w->arg);
}

struct path_watch *path_watch_new(struct loop *l, const char *path, void (*fn)(void *), void *arg, struct error *err)
{
	struct path_watch *w = mem_new(sizeof(*w));
	int rc = uv_fs_event_init(loop_uv(l), &w->handle);

	assert(rc == 0);
	w->loop = l;
	w->fn = fn;
	w->arg = arg;
	rc = uv_fs_event_start(&w->handle, path_changed, path, 0);
	if (rc == 0)
		return w;
	error_set(err, ERR_IO, "%s cannot be watched: %s", path, uv_strerror(rc));
	uv_close((uv_handle_t *)&w->handle, handle_free);
	return NULL;
}

void path_watch_free(struct path_watch *w)
{
	if (w)
		uv_close((uv_handle_t *)&w->handle, handle_free);
}

/* --- signals --- */

static void signal_came(uv_signal_t *handle, int signo)
{
	struct signal *s = (struct signal *)handle;

	loop_tick(s->loop);
	log_function(NULL);
	s->fn(s->arg, signo);
}

void loop_on_signal(struct loop *l, int signo, void (*fn)(void *, int signo), void *arg)
{
	struct signal *s = mem_new(sizeof(*s));
	int rc;

	s->loop = l;
	s->fn = fn;
	s->arg = arg;
	uv_signal_init(loop_uv(l), &s->handle);
	rc = uv_signal_start(&s->handle, signal_came, signo);
	assert(rc == 0);
	(void)rc;
}

/* --- the end --- */

static void handle_close(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, handle_free);
}

void loop_close_io(struct loop *l)
{
	int rc;

	while (loop_held(l)->resolves)
		resolve_cancel(loop_held(l)->resolves);
	uv_walk(loop_uv(l), handle_close, NULL);
	uv_run(loop_uv(l), UV_RUN_DEFAULT);
	rc = uv_loop_close(loop_uv(l));
	assert(rc == 0);
	(void)rc;
}
