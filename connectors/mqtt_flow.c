/* Back-pressure: the socket of a connection that has brought enough is left alone until there is room again. */
#include <poll.h>
#include <time.h>
#include "connectors/mqtt.h"

/*
 * The library reads whatever comes, and has no call to stop it.  Its one way to learn that a socket can be read is
 * poll(), which is replaced at link time (MQTT_WRAPS in the Makefile): sockets that shall wait are hidden from it.
 * TCP then holds the broker back.  Held longer than the keep-alive allows, the library gives the connection up; the
 * session keeps what was not acknowledged.
 */
enum { LOOK_MS = 2, SOCKETS_MAX = 1024 };

int __real_poll(struct pollfd *, nfds_t, int timeout);
int __wrap_poll(struct pollfd *, nfds_t, int timeout);

/* poll() says nothing of ours: the links are found by their sockets. */
static pthread_mutex_t links_lock = PTHREAD_MUTEX_INITIALIZER;
static struct mqtt_link *links;

void mqtt_flow_add(struct mqtt_link *l)
{
	atomic_store(&l->socket, -1);
	pthread_mutex_lock(&links_lock);
	l->next_flow = links;
	links = l;
	pthread_mutex_unlock(&links_lock);
}

void mqtt_flow_remove(struct mqtt_link *l)
{
	struct mqtt_link **at = &links;

	pthread_mutex_lock(&links_lock);
	while (*at != l)
		at = &(*at)->next_flow;
	*at = l->next_flow;
	pthread_mutex_unlock(&links_lock);
}

void mqtt_flow_took(struct mqtt_link *l, size_t bytes)
{
	bytes = atomic_fetch_add(&l->held_bytes, bytes) + bytes;
	if (atomic_fetch_add(&l->held_events, 1) + 1 >= l->most_events || bytes >= l->most_bytes)
		atomic_store(&l->choked, true);
}

void mqtt_flow_gave(struct mqtt_link *l, size_t bytes)
{
	bytes = atomic_fetch_sub(&l->held_bytes, bytes) - bytes;
	if (atomic_fetch_sub(&l->held_events, 1) - 1 <= l->most_events / 2 && bytes <= l->most_bytes / 2)
		atomic_store(&l->choked, false);
}

/* A negative socket is passed over. */
static unsigned flow_hide(struct pollfd *fds, nfds_t n, int hidden[SOCKETS_MAX])
{
	unsigned hides = 0;

	pthread_mutex_lock(&links_lock);
	for (const struct mqtt_link *l = links; l; l = l->next_flow) {
		int socket = atomic_load(&l->choked) ? atomic_load(&l->socket) : -1;

		for (nfds_t i = 0; socket >= 0 && i < n && hides < SOCKETS_MAX; i++)
			if (fds[i].fd == socket && fds[i].events & POLLIN) {
				fds[i].fd = -1 - socket;
				hidden[hides++] = (int)i;
			}
	}
	pthread_mutex_unlock(&links_lock);
	return hides;
}

static void flow_show(struct pollfd *fds, const int *hidden, unsigned hides)
{
	for (unsigned i = 0; i < hides; i++) {
		fds[hidden[i]].fd = -1 - fds[hidden[i]].fd;
		fds[hidden[i]].revents = 0;
	}
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	int hidden[SOCKETS_MAX], ready;
	unsigned hides = flow_hide(fds, n, hidden);
	int64_t until = hides ? now_ms() + timeout : 0;

	if (hides == 0)
		return __real_poll(fds, n, timeout);
	for (;;) {
		ready = __real_poll(fds, n, timeout == 0 ? 0 : LOOK_MS);
		flow_show(fds, hidden, hides);
		if (ready != 0 || (timeout >= 0 && now_ms() >= until))
			return ready;
		hides = flow_hide(fds, n, hidden);
	}
}
