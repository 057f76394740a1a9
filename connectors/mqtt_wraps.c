/* Calls inside Paho's static library that end here instead (MQTT_WRAPS in the Makefile): what they say is kept here. */
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include "connectors/mqtt.h"

/*
 * Paho 1.3 acknowledges a QoS 1 event the moment its callback returns, whatever that returns, reads whatever comes, and
 * tells no reason below 0x80.  Of its inside is relied upon: the functions below; that all of it runs under
 * mqttasync_mutex; that a PUBLISH is handled in one call, in which callback and PUBACK follow each other; that the
 * callback follows the handling of a PUBACK on the same thread; that networkHandles begins with its socket.
 *
 * Its calls carry nothing of ours.  So this file, alone, has variables of its own: what its receiving thread is at, and
 * the links by their sockets.
 */
enum { COMPLETE = 0, BROKEN = -1, LOG_ERRORS = 5, LOOK_MS = 2, SOCKETS_MAX = 1024 };

struct ack_packet {
	unsigned char header;
	int id;
	unsigned char reason;
	int version;
};

int __wrap_MQTTPacket_send_puback(int version, int id, void *net, const char *client_id);
int __real_MQTTProtocol_handlePublishes(void *packet, int socket);
int __wrap_MQTTProtocol_handlePublishes(void *packet, int socket);
int __real_MQTTProtocol_handlePubacks(void *packet, int socket, void *publication);
int __wrap_MQTTProtocol_handlePubacks(void *packet, int socket, void *publication);
int __real_MQTTProtocol_handlePingresps(void *packet, int socket);
int __wrap_MQTTProtocol_handlePingresps(void *packet, int socket);
int __real_MQTTProtocol_startPublish(void *client, void *publish, int qos, int retained, void **message);
int __wrap_MQTTProtocol_startPublish(void *client, void *publish, int qos, int retained, void **message);
int __real_poll(struct pollfd *, nfds_t, int timeout);
int __wrap_poll(struct pollfd *, nfds_t, int timeout);
void *__wrap_mymalloc(const char *file, int line, size_t);
void *__wrap_myrealloc(const char *file, int line, void *, size_t);
void __wrap_myfree(const char *file, int line, void *);
void __wrap_StackTrace_entry(const char *name, int line, int level);
void __wrap_StackTrace_exit(const char *name, int line, void *result, int level);
void __wrap_Log(int level, int number, const char *format, ...);

static _Thread_local struct mqtt_link *receiving; /* whose message is handled */
static _Thread_local int heard_reason; /* of the PUBACK that is handled */
static pthread_mutex_t links_lock = PTHREAD_MUTEX_INITIALIZER;
static struct mqtt_link *links;

void mqtt_receiving(struct mqtt_link *l)
{
	receiving = l;
}

int mqtt_heard_reason(void)
{
	return heard_reason;
}

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

/* Instead of the PUBACK: learns the connection, and writes what was acknowledged meanwhile. */
int __wrap_MQTTPacket_send_puback(int version, int id, void *net, const char *client_id)
{
	struct mqtt_link *l = receiving;

	(void)version;
	(void)id;
	(void)client_id;
	if (l == NULL)
		return COMPLETE; /* kept in the library's own queue for a while: it is ours to send all the same */
	mqtt_acks_learn(&l->acks, net);
	atomic_store(&l->socket, *(int *)net);
	return COMPLETE;
}

/* A connection whose acknowledgements could not be written is given up: the session stays at the broker. */
int __wrap_MQTTProtocol_handlePublishes(void *packet, int socket)
{
	struct mqtt_link *l;
	int rc;

	receiving = NULL;
	rc = __real_MQTTProtocol_handlePublishes(packet, socket);
	l = receiving;
	receiving = NULL;
	if (l == NULL || rc == BROKEN)
		return rc;
	return atomic_load(&l->socket) == socket ? rc : BROKEN;
}

/* The broker has read all that was written before its question. */
int __wrap_MQTTProtocol_handlePingresps(void *packet, int socket)
{
	pthread_mutex_lock(&links_lock);
	for (struct mqtt_link *l = links; l; l = l->next_flow)
		if (atomic_load(&l->socket) == socket)
			mqtt_link_tell(l, (struct mqtt_report){ .news = MQTT_PONG });
	pthread_mutex_unlock(&links_lock);
	return __real_MQTTProtocol_handlePingresps(packet, socket);
}

/* That nobody subscribes (0x10) is no failure to the library. */
int __wrap_MQTTProtocol_handlePubacks(void *packet, int socket, void *publication)
{
	const struct ack_packet *ack = packet;

	heard_reason = ack->version >= MQTTVERSION_5 ? ack->reason : 0;
	return __real_MQTTProtocol_handlePubacks(packet, socket, publication);
}

/*
 * A write that fails at once makes the library (1.3.12) free a payload that its list of unconfirmed messages frees
 * again with the connection; its own book of memory hides that.  So the failure is not told: the message stays
 * unconfirmed, and the broken socket is found by the thread that reads it.
 */
int __wrap_MQTTProtocol_startPublish(void *client, void *publish, int qos, int retained, void **message)
{
	int rc = __real_MQTTProtocol_startPublish(client, publish, qos, retained, message);

	return qos > 0 && rc == BROKEN ? COMPLETE : rc;
}

/*
 * Back-pressure.  poll() is how the library learns that a socket can be read: one that shall wait is hidden from it,
 * and TCP holds the broker back.  Held longer than the keep-alive allows, the library gives the connection up; the
 * session keeps what was not acknowledged.
 */
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

/* Tracing and the library's book of its memory cost more than its work: 25 against 11 microseconds an event. */
void *__wrap_mymalloc(const char *file, int line, size_t size)
{
	(void)file;
	(void)line;
	return malloc(size);
}

void *__wrap_myrealloc(const char *file, int line, void *p, size_t size)
{
	(void)file;
	(void)line;
	return realloc(p, size);
}

void __wrap_myfree(const char *file, int line, void *p)
{
	(void)file;
	(void)line;
	free(p);
}

void __wrap_StackTrace_entry(const char *name, int line, int level)
{
	(void)name;
	(void)line;
	(void)level;
}

void __wrap_StackTrace_exit(const char *name, int line, void *result, int level)
{
	(void)name;
	(void)line;
	(void)result;
	(void)level;
}

void __wrap_Log(int level, int number, const char *format, ...)
{
	char text[200];
	va_list args;

	(void)number;
	if (level < LOG_ERRORS || format == NULL || !log_enabled(LOG_DEBUG))
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_debug(MQTT_SCOPE, "paho: %s", text);
}
