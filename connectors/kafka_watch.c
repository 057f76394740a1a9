/* Lag from outside any group, the loop's half: what is watched, and what the thread has seen of it. */
#include <assert.h>
#include <string.h>
#include "connectors/kafka_watch.h"

enum { OLD_MS = 15000 };

void kafka_targets_free(struct kafka_targets *t)
{
	if (!t)
		return;
	kafka_wishes_drop(t->wishes, t->n);
	free(t);
}

void kafka_sight_free(struct kafka_sight *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->n_topics; i++)
		free(s->topics[i]);
	free(s->topics);
	free(s->seen);
	free(s->why);
	free(s);
}

/* --- what was seen --- */

/* Looked at by kafka_lag.c; NULL: nothing that still counts. */
const struct kafka_sight *kafka_watch_sight(const struct kafka *k)
{
	const struct kafka_watch *w = k->watch;

	if (!w || !w->current || w->current->version != w->version || loop_now(k->base.loop) - w->seen_at > OLD_MS)
		return NULL;
	return w->current;
}

struct kafka_wish *kafka_watch_wishes(const struct kafka *k, unsigned *n_r)
{
	*n_r = k->watch->n_wishes;
	return k->watch->wishes;
}

static void watch_complain(struct kafka *k, unsigned i, const char *why)
{
	struct kafka_wish *wish = &k->watch->wishes[i];
	struct error err;

	if (*why && (!wish->unseen || strcmp(wish->unseen, why) != 0)) {
		error_set(&err, ERR_IO, "lag is not known: %s", why);
		subscription_down(&k->base, wish->subscription, &err);
	} else if (!*why && wish->unseen) {
		subscription_down(&k->base, wish->subscription, NULL);
	} else {
		return;
	}
	free(wish->unseen);
	wish->unseen = *why ? mem_text(why) : NULL;
}

static void watch_bury(struct kafka_watch *w)
{
	struct kafka *k = w->client.kafka;

	k->watch = NULL;
	pthread_mutex_lock(&w->lock);
	atomic_store(&w->stop, true);
	rd_kafka_queue_yield(w->edges);
	pthread_mutex_unlock(&w->lock);
	kafka_client_bury(&w->client);
}

static void watch_turn(void *arg)
{
	struct kafka_watch *w = arg;
	struct kafka *k = w->client.kafka;
	struct kafka_sight *s;

	if (w->client.buried)
		return;
	rd_kafka_poll(w->client.rk, 0);
	kafka_client_serve(&w->client);
	pthread_mutex_lock(&w->lock);
	s = w->sight;
	w->sight = NULL;
	pthread_mutex_unlock(&w->lock);
	if (!s || s->version != w->version) {
		kafka_sight_free(s);
		return;
	}
	kafka_sight_free(w->current);
	w->current = s;
	w->seen_at = loop_now(k->base.loop);
	for (unsigned i = 0; i < w->n_wishes; i++)
		watch_complain(k, i, s->why[i]);
	kafka_lag_tell(k);
}

/* --- what is watched --- */

static void watch_answered(struct kafka_client *c, rd_kafka_event_t *event)
{
	(void)c;
	(void)event;
}

static void watch_ended(struct kafka_client *c)
{
	struct kafka_watch *w = (struct kafka_watch *)c;

	kafka_targets_free(w->targets);
	kafka_sight_free(w->sight);
	kafka_sight_free(w->current);
	kafka_wishes_drop(w->wishes, w->n_wishes);
	pthread_mutex_destroy(&w->lock);
}

/* The patterns were read once already: they cannot fail. */
static struct kafka_targets *targets_new(const struct kafka *k)
{
	struct kafka_targets *t = mem_new(sizeof(*t));
	struct error err;
	int rc = kafka_wishes_make(k->watched, k->n_watched, &t->wishes, &err);

	assert(rc == 0);
	t->version = k->watch_version;
	t->n = k->n_watched;
	t->edges = k->reader == NULL;
	t->newest = k->rows.initial_offset == KAFKA_NEWEST;
	return t;
}

static void watch_hand_over(struct kafka *k)
{
	struct kafka_watch *w = k->watch;
	struct kafka_targets *t = targets_new(k), *before;

	pthread_mutex_lock(&w->lock);
	before = w->targets;
	w->targets = t;
	pthread_mutex_unlock(&w->lock);
	kafka_targets_free(before);
	rd_kafka_queue_yield(w->edges);
}

void kafka_watch_readers(struct kafka *k)
{
	if (k->watch)
		watch_hand_over(k);
}

static int watch_open(struct kafka *k, struct error *err)
{
	rd_kafka_conf_t *conf = kafka_conf_watch(k, err);
	rd_kafka_queue_t *queue;
	struct kafka_watch *w;

	if (!conf)
		return -1;
	w = mem_new(sizeof(*w));
	if (kafka_client_open(&w->client, k, RD_KAFKA_CONSUMER, conf, watch_turn, w, err) < 0) {
		free(w);
		return -1;
	}
	w->client.answered = watch_answered;
	w->client.ended = watch_ended;
	queue = rd_kafka_queue_get_main(w->client.rk);
	kafka_client_listen(&w->client, queue);
	rd_kafka_queue_destroy(queue);
	w->edges = rd_kafka_queue_new(w->client.rk);
	pthread_mutex_init(&w->lock, NULL);
	if (kafka_wishes_make(k->watched, k->n_watched, &w->wishes, err) < 0)
		goto fail;
	w->n_wishes = k->n_watched;
	if (pthread_create(&w->client.helper_thread, NULL, kafka_watcher_run, w) != 0) {
		error_set(err, ERR_IO, "watching lag: no thread could be started");
		goto fail;
	}
	w->client.helper = true;
	w->version = ++k->watch_version;
	k->watch = w;
	watch_hand_over(k);
	return 0;
fail:
	rd_kafka_queue_destroy(w->edges);
	kafka_client_bury(&w->client);
	return -1;
}

/* The set is another: wishes that stay keep what was said of them. */
static int watch_set(struct kafka *k, struct error *err)
{
	struct kafka_watch *w = k->watch;
	struct kafka_wish *wishes;

	if (kafka_wishes_make(k->watched, k->n_watched, &wishes, err) < 0)
		return -1;
	kafka_wishes_drop(w->wishes, w->n_wishes);
	w->wishes = wishes;
	w->n_wishes = k->n_watched;
	w->version = ++k->watch_version;
	watch_hand_over(k);
	return 0;
}

int kafka_watch(struct connector *c, const struct subscription *const *subs, unsigned n, struct error *err)
{
	struct kafka *k = kafka_of(c);

	for (unsigned i = 1; i < n; i++)
		if (strcmp(subs[i]->group, subs[0]->group) != 0)
			return error_set(err, ERR_BUG, "lag of two groups is watched by two components");
	k->watched = mem_grow(k->watched, (n + 1) * sizeof(*k->watched));
	memcpy(k->watched, subs, n * sizeof(*subs));
	k->n_watched = n;
	return k->watch ? watch_set(k, err) : watch_open(k, err);
}

void kafka_watch_close(struct kafka *k)
{
	if (k->watch)
		watch_bury(k->watch);
	free(k->watched);
	k->watched = NULL;
	k->n_watched = 0;
}
