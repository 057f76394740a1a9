/* PUBACKs: kept back when the library would send them, written in batches when the core acknowledges. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "connectors/mqtt.h"

/*
 * Paho 1.3 acknowledges a QoS 1 event the moment its callback returns, whatever that returns.  So the static library
 * is linked, and the calls named in the Makefile (MQTT_WRAPS) end here instead.  What of the library's inside is
 * relied upon: the functions below, that all of it runs under mqttasync_mutex, that PUBLISH is handled in one call in
 * which callback and PUBACK follow each other, and that networkHandles begins with its socket.
 */
enum { COMPLETE = 0, BROKEN = -1, INTERRUPTED = -22, LOG_ERRORS = 5, PUBACK = 0x40 };

struct packet_buffers {
	int count;
	char **buffers;
	size_t *lengths;
	int *frees;
	uint8_t mask[4];
};

extern pthread_mutex_t *mqttasync_mutex;
int Socket_noPendingWrites(int socket);
int WebSocket_putdatas(void *net, char **head, size_t *head_n, struct packet_buffers *);

int __wrap_MQTTPacket_send_puback(int version, int id, void *net, const char *client_id);
int __real_MQTTProtocol_handlePublishes(void *packet, int socket);
int __wrap_MQTTProtocol_handlePublishes(void *packet, int socket);
void *__wrap_mymalloc(const char *file, int line, size_t);
void *__wrap_myrealloc(const char *file, int line, void *, size_t);
void __wrap_myfree(const char *file, int line, void *);
void __wrap_StackTrace_entry(const char *name, int line, int level);
void __wrap_StackTrace_exit(const char *name, int line, void *result, int level);
void __wrap_Log(int level, int number, const char *format, ...);

/* The library's calls carry nothing of ours: its receiving thread remembers whose message it handles. */
static _Thread_local struct mqtt_link *receiving;

void mqtt_receiving(struct mqtt_link *l)
{
	receiving = l;
}

void mqtt_acks_init(struct mqtt_acks *a)
{
	pthread_mutex_init(&a->lock, NULL);
}

void mqtt_acks_free(struct mqtt_acks *a)
{
	pthread_mutex_destroy(&a->lock);
	free(a->ids);
}

void mqtt_acks_forget(struct mqtt_acks *a)
{
	pthread_mutex_lock(&a->lock);
	a->net = NULL;
	a->n = 0;
	a->written = 0;
	pthread_mutex_unlock(&a->lock);
}

void mqtt_acks_add(struct mqtt_acks *a, const struct token *tokens, unsigned n)
{
	pthread_mutex_lock(&a->lock);
	if (a->n + n > a->cap) {
		a->cap = 2 * (a->n + n);
		a->ids = mem_grow(a->ids, a->cap * sizeof(*a->ids));
	}
	for (unsigned i = 0; i < n; i++)
		a->ids[a->n++] = (uint16_t)tokens[i].w[0];
	pthread_mutex_unlock(&a->lock);
}

/* With mqttasync_mutex and the lock held. */
static void acks_write(struct mqtt_acks *a)
{
	struct packet_buffers none = { 0 };
	size_t n = 4 * (size_t)a->n;
	char *head, *p;
	int rc;

	if (a->n == 0 || a->net == NULL || *(int *)a->net != a->fd || !Socket_noPendingWrites(a->fd))
		return;
	head = p = mem_new(n);
	for (unsigned i = 0; i < a->n; i++, p += 4)
		memcpy(p, (unsigned char[]){ PUBACK, 2, a->ids[i] >> 8, a->ids[i] & 255 }, 4);
	rc = WebSocket_putdatas(a->net, &head, &n, &none);
	if (rc != INTERRUPTED) /* else the library writes the rest and frees it */
		free(head);
	if (rc == COMPLETE || rc == INTERRUPTED)
		a->written += a->n;
	a->n = 0; /* a broken connection is noticed by the library; the broker brings them again */
}

bool mqtt_acks_push(struct mqtt_acks *a)
{
	bool done;

	if (pthread_mutex_trylock(mqttasync_mutex) != 0)
		return false;
	pthread_mutex_lock(&a->lock);
	acks_write(a);
	done = a->n == 0;
	pthread_mutex_unlock(&a->lock);
	pthread_mutex_unlock(mqttasync_mutex);
	return done;
}

uint64_t mqtt_acks_written(struct mqtt_acks *a)
{
	uint64_t n;

	pthread_mutex_lock(&a->lock);
	n = a->written;
	pthread_mutex_unlock(&a->lock);
	return n;
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
	pthread_mutex_lock(&l->acks.lock);
	l->acks.net = net;
	l->acks.fd = *(int *)net;
	atomic_store(&l->socket, l->acks.fd);
	acks_write(&l->acks);
	pthread_mutex_unlock(&l->acks.lock);
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
	return l->acks.net == NULL ? BROKEN : rc;
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
