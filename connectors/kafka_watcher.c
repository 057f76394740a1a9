/* Lag from outside any group, on a thread of its own: asks for commits and ends, and waits at the ends meanwhile. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "connectors/kafka_watch.h"

enum {
	EVERY_MS = 5000, /* a refresh; what was asked three of them ago is old */
	KICKS = 3,
	KICK_MS = 30
};

int64_t kafka_watcher_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool kafka_watcher_stops(const struct kafka_watcher *w)
{
	return atomic_load(&w->watch->stop);
}

int kafka_watcher_fail(struct kafka_watcher *w, const char *what, rd_kafka_resp_err_t code)
{
	snprintf(w->why, sizeof(w->why), "%s: %s", what, rd_kafka_err2str(code));
	return -1;
}

void kafka_part_disarm(struct kafka_watcher *w, struct kafka_part *p)
{
	if (p->armed)
		rd_kafka_consume_stop(w->topics[p->topic].handle, p->number);
	p->armed = false;
}

/* --- what it comes to --- */

static struct kafka_seen *sight_grow(struct kafka_sight *s)
{
	if ((s->n & (s->n - 1)) == 0)
		s->seen = mem_grow(s->seen, (s->n ? 2 * (size_t)s->n : 1) * sizeof(*s->seen));
	return &s->seen[s->n++];
}

static void sight_add(struct kafka_sight *s, const struct kafka_watcher *w, unsigned target, unsigned part)
{
	const rd_kafka_topic_partition_t *committed = &w->commits->elems[part];
	struct kafka_part *p = &w->parts[part];
	struct kafka_seen *seen = sight_grow(s);
	int64_t done = p->start, ahead = 0;

	*seen = (struct kafka_seen){ .target = target, .topic = p->topic, .partition = p->number };
	seen->known = p->known && committed->err == RD_KAFKA_RESP_ERR_NO_ERROR;
	if (!seen->known)
		return;
	if (committed->offset >= 0) {
		const struct slice note = { committed->metadata, committed->metadata_size };

		ahead = (int64_t)note_count(note, (uint64_t)committed->offset);
		done = committed->offset > p->start ? committed->offset : p->start;
	} else if (w->targets->newest) {
		seen->unbegun = true;
		done = p->end;
	}
	seen->unacked = p->end - done > ahead ? p->end - done - ahead : 0;
	seen->done = (uint64_t)(done + ahead);
	p->idle = p->idle || seen->unacked == 0;
}

static void sight_of_target(struct kafka_sight *s, const struct kafka_watcher *w, unsigned target)
{
	char *why = s->why[target];

	if (w->wants[target].n == 0)
		snprintf(why, sizeof(s->why[0]), "no topic matches");
	for (unsigned i = 0; i < w->wants[target].n; i++) {
		const struct kafka_topic *topic = &w->topics[w->wants[target].topics[i]];

		if (topic->n == 0)
			snprintf(why, sizeof(s->why[0]), "topic %.100s does not exist", topic->name);
		for (unsigned p = topic->first; p < topic->first + topic->n; p++)
			sight_add(s, w, target, p);
	}
}

static void watcher_tell(struct kafka_watcher *w)
{
	struct kafka_sight *s = mem_new(sizeof(*s)), *before;

	s->version = w->targets->version;
	s->why = mem_new((w->targets->n + 1) * sizeof(*s->why));
	s->n_topics = w->n_topics;
	s->topics = mem_new((w->n_topics + 1) * sizeof(*s->topics));
	for (unsigned i = 0; i < w->n_topics; i++)
		s->topics[i] = mem_text(w->topics[i].name);
	for (unsigned i = 0; i < w->n_parts; i++)
		w->parts[i].idle = false;
	for (unsigned i = 0; i < w->targets->n; i++)
		if (*w->why)
			snprintf(s->why[i], sizeof(s->why[0]), "%s", w->why);
		else
			sight_of_target(s, w, i);
	pthread_mutex_lock(&w->watch->lock);
	before = w->watch->sight;
	w->watch->sight = s;
	pthread_mutex_unlock(&w->watch->lock);
	kafka_sight_free(before);
	wake(w->watch->client.wake);
}

/* --- edges --- */

/* Where somebody has nothing to do, the first event that comes is to be told at once: it is waited for at the end. */
static void watcher_arm(struct kafka_watcher *w)
{
	for (unsigned i = 0; i < w->n_parts; i++) {
		struct kafka_part *p = &w->parts[i];
		bool want = w->targets->edges && p->known && p->idle && !*w->why;

		if (!want) {
			kafka_part_disarm(w, p);
		} else if (!p->armed) {
			p->armed = rd_kafka_consume_start_queue(
				       w->topics[p->topic].handle, p->number, p->end, w->watch->edges) == 0;
			w->kicks = KICKS;
		}
	}
}

/* The library's fetching thread may sleep for a second before it sees a partition it is to fetch; a question wakes it,
 * whose answer nobody waits for. */
static void watcher_kick(struct kafka_watcher *w)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);

	w->kicks--;
	for (unsigned i = 0; i < w->n_parts; i++)
		if (w->parts[i].armed)
			rd_kafka_topic_partition_list_add(list, w->topics[w->parts[i].topic].name, w->parts[i].number)
			    ->offset = RD_KAFKA_OFFSET_END;
	rd_kafka_offsets_for_times(w->rk, list, 0);
	rd_kafka_topic_partition_list_destroy(list);
}

static bool edge_take(struct kafka_watcher *w, rd_kafka_message_t *m)
{
	const struct kafka_topic *t = m->rkt ? kafka_watcher_topic(w, rd_kafka_topic_name(m->rkt)) : NULL;
	bool ours = t && m->err == RD_KAFKA_RESP_ERR_NO_ERROR && (unsigned)m->partition < t->n;
	struct kafka_part *p = ours ? &w->parts[t->first + (unsigned)m->partition] : NULL;
	int64_t offset = m->offset;

	rd_kafka_message_destroy(m);
	if (!p || offset < p->end)
		return false;
	p->end = offset + 1;
	kafka_part_disarm(w, p);
	return true;
}

static bool watcher_has_news(const struct kafka_watcher *w)
{
	bool news;

	pthread_mutex_lock(&w->watch->lock);
	news = w->watch->targets != NULL;
	pthread_mutex_unlock(&w->watch->lock);
	return news || kafka_watcher_stops(w);
}

static void watcher_wait(struct kafka_watcher *w)
{
	int64_t until = kafka_watcher_now() + EVERY_MS, left;

	while (!watcher_has_news(w) && (left = until - kafka_watcher_now()) > 0) {
		int64_t most = w->kicks ? KICK_MS : left;
		rd_kafka_message_t *m = rd_kafka_consume_queue(w->watch->edges, (int)(most < left ? most : left));
		bool edge = false;

		if (w->kicks)
			watcher_kick(w);
		for (; m; m = rd_kafka_consume_queue(w->watch->edges, 0))
			edge = edge_take(w, m) || edge;
		if (edge)
			watcher_tell(w);
	}
}

/* --- the thread --- */

static void watcher_take_targets(struct kafka_watcher *w)
{
	struct kafka_targets *t;

	pthread_mutex_lock(&w->watch->lock);
	t = w->watch->targets;
	w->watch->targets = NULL;
	pthread_mutex_unlock(&w->watch->lock);
	if (!t)
		return;
	kafka_watcher_topics_free(w);
	kafka_targets_free(w->targets);
	w->targets = t;
	w->topics_at = -1;
}

/* Commits before ends: between the two, lag can only seem larger. */
static void watcher_round(struct kafka_watcher *w)
{
	w->why[0] = '\0';
	if (kafka_watcher_topics(w) == 0 && kafka_watcher_commits(w) == 0 && kafka_watcher_offsets(w, true) == 0)
		kafka_watcher_offsets(w, false);
	watcher_tell(w);
	watcher_arm(w);
}

void *kafka_watcher_run(void *arg)
{
	struct kafka_watch *watch = arg;
	struct kafka_watcher w = { .watch = watch, .rk = watch->client.rk, .topics_at = -1 };

	while (!kafka_watcher_stops(&w)) {
		watcher_take_targets(&w);
		if (w.targets)
			watcher_round(&w);
		watcher_wait(&w);
	}
	kafka_watcher_topics_free(&w);
	kafka_watcher_commits_free(&w);
	kafka_targets_free(w.targets);
	pthread_mutex_lock(&watch->lock); /* whoever woke us for the end is through with it */
	rd_kafka_queue_destroy(watch->edges);
	pthread_mutex_unlock(&watch->lock);
	return NULL;
}
