/* PUBACKs: kept back when the library would send them, written in batches when the core acknowledges. */
#include <string.h>
#include "connectors/mqtt.h"

/* Of the library's inside: what mqtt_wraps.c says of it, and these. */
enum { COMPLETE = 0, INTERRUPTED = -22, PUBACK = 0x40, PINGREQ = 0xc0 };

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
	a->pings = 0;
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
	size_t n = 4 * (size_t)a->n + 2 * (size_t)a->pings;
	char *head, *p;
	int rc;

	if (n == 0 || a->net == NULL || *(int *)a->net != a->fd || !Socket_noPendingWrites(a->fd))
		return;
	head = p = mem_new(n);
	for (unsigned i = 0; i < a->n; i++, p += 4)
		memcpy(p, (unsigned char[]){ PUBACK, 2, a->ids[i] >> 8, a->ids[i] & 255 }, 4);
	for (unsigned i = 0; i < a->pings; i++, p += 2)
		memcpy(p, (unsigned char[]){ PINGREQ, 0 }, 2);
	rc = WebSocket_putdatas(a->net, &head, &n, &none);
	if (rc != INTERRUPTED) /* else the library writes the rest and frees it */
		free(head);
	if (rc == COMPLETE || rc == INTERRUPTED)
		a->written += a->n;
	a->n = a->pings = 0; /* a broken connection is noticed by the library; the broker brings them again */
}

bool mqtt_acks_push(struct mqtt_acks *a)
{
	bool done;

	if (pthread_mutex_trylock(mqttasync_mutex) != 0)
		return false;
	pthread_mutex_lock(&a->lock);
	acks_write(a);
	done = a->n == 0 && a->pings == 0;
	pthread_mutex_unlock(&a->lock);
	pthread_mutex_unlock(mqttasync_mutex);
	return done;
}

void mqtt_acks_ask(struct mqtt_acks *a, unsigned pings)
{
	pthread_mutex_lock(&a->lock);
	a->pings = pings;
	pthread_mutex_unlock(&a->lock);
}

uint64_t mqtt_acks_written(struct mqtt_acks *a)
{
	uint64_t n;

	pthread_mutex_lock(&a->lock);
	n = a->written;
	pthread_mutex_unlock(&a->lock);
	return n;
}

void mqtt_acks_learn(struct mqtt_acks *a, void *net)
{
	pthread_mutex_lock(&a->lock);
	a->net = net;
	a->fd = *(int *)net;
	acks_write(a);
	pthread_mutex_unlock(&a->lock);
}
