/* Topics inside this process (pubsub.in-memory): the smallest connector with both halves, to begin another from. */
#include <stdlib.h>
#include <string.h>
#include "bridge/bytes.h"
#include "bridge/loop.h"
#include "bridge/option.h"
#include "connectors/connectors.h"

/* An event the core had no credit for, copied with all it points to. */
struct message {
	struct message *next;
	struct event event;
	struct header headers[]; /* then the bytes */
};

struct topic {
	struct topic *next;
	char *name;
	const struct subscription **subs;
	unsigned n_subs;
	struct window *window; /* NULL: nothing was offered yet */
	struct message *first, **end; /* what waits, in order */
	int64_t waiting;
	uint64_t published; /* number of the last event: its token */
};

struct memory {
	struct connector base;
	int64_t max_queue;
	struct topic *topics;
	const struct subscription **watched;
	unsigned n_watched;
	struct timer tell;
};

enum { TELL_MS = 5000 };

static const struct option memory_options[] = { INT("maxQueue", struct memory, max_queue, "1000", 0,
						    "events that may wait in a topic before publishing is refused",
						    .min = 1, .max = 1000000),
	OPT_END };

static struct memory *memory_of(struct connector *c)
{
	return (struct memory *)c;
}

static struct slice slice_move(char **at, struct slice s)
{
	struct slice copy = { s.p ? *at : NULL, s.n };

	if (s.p && s.n)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return copy;
}

static struct message *message_new(const struct event *e)
{
	size_t bytes = e->id.n + e->key.n + e->type.n + e->subject.n + e->content_type.n + e->data.n + e->topic.n;
	struct message *m;
	char *at;

	for (unsigned i = 0; i < e->n_headers; i++)
		bytes += e->headers[i].name.n + e->headers[i].value.n;
	m = mem_new(sizeof(*m) + e->n_headers * sizeof(m->headers[0]) + bytes);
	at = (char *)&m->headers[e->n_headers];
	m->event = *e;
	m->event.id = slice_move(&at, e->id);
	m->event.key = slice_move(&at, e->key);
	m->event.type = slice_move(&at, e->type);
	m->event.subject = slice_move(&at, e->subject);
	m->event.content_type = slice_move(&at, e->content_type);
	m->event.data = slice_move(&at, e->data);
	m->event.topic = slice_move(&at, e->topic);
	for (unsigned i = 0; i < e->n_headers; i++) {
		m->headers[i].name = slice_move(&at, e->headers[i].name);
		m->headers[i].value = slice_move(&at, e->headers[i].value);
	}
	m->event.headers = m->headers;
	return m;
}

static void message_free(struct topic *t)
{
	struct message *m = t->first;

	t->first = m->next;
	if (t->first == NULL)
		t->end = &t->first;
	t->waiting--;
	free(m);
}

static struct topic *topic_find(struct memory *m, struct slice name)
{
	for (struct topic *t = m->topics; t; t = t->next)
		if (slice_is(name, t->name))
			return t;
	return NULL;
}

static struct topic *topic_make(struct memory *m, const char *name)
{
	struct topic *t = topic_find(m, slice_text(name));

	if (t)
		return t;
	t = mem_new(sizeof(*t));
	t->name = mem_text(name);
	t->end = &t->first;
	t->next = m->topics;
	m->topics = t;
	return t;
}

static enum offered topic_offer(struct memory *m, struct topic *t, const struct event *e)
{
	if (t->window == NULL)
		t->window = window_open(&m->base, t->name, 0, ACK_ANY, 0, (struct slice){ NULL, 0 });
	return offer(t->window, e, t->subs, t->n_subs);
}

/* What waits goes first, so order is kept; what is refused as gone has nowhere else to be. */
static enum offered topic_flush(struct memory *m, struct topic *t)
{
	while (t->first) {
		enum offered offered = topic_offer(m, t, &t->first->event);

		if (offered == OFFER_WAIT || offered == OFFER_HELD)
			return offered;
		message_free(t);
	}
	return OFFER_TAKEN;
}

static int memory_subscribe(struct connector *c, const struct subscription *const *subs, unsigned n, struct error *err)
{
	struct memory *m = memory_of(c);

	(void)err;
	for (struct topic *t = m->topics; t; t = t->next)
		t->n_subs = 0;
	for (unsigned i = 0; i < n; i++) {
		struct topic *t = topic_make(m, subs[i]->topic);

		t->subs = mem_grow(t->subs, (t->n_subs + 1) * sizeof(*t->subs));
		t->subs[t->n_subs++] = subs[i];
	}
	return 0;
}

static void memory_resume(struct connector *c)
{
	struct memory *m = memory_of(c);

	for (struct topic *t = m->topics; t; t = t->next)
		if (topic_flush(m, t) == OFFER_WAIT)
			return;
}

static void memory_hold(struct connector *c, struct window *w, bool on)
{
	struct memory *m = memory_of(c);

	for (struct topic *t = m->topics; t; t = t->next)
		if (t->window == w && !on)
			topic_flush(m, t);
}

static void memory_publish(struct memory *m, struct topic *t, struct request *r, unsigned i)
{
	struct event event = *r->events[i];
	enum offered offered = OFFER_WAIT;

	event.topic = slice_text(t->name);
	event.token = (struct token){ { t->published + 1 } };
	if (t->waiting >= m->max_queue) {
		answer_request(
		    r, i, RETRY, NULL, "the topic's queue is full: its function does not keep up (maxQueue)");
		return;
	}
	t->published++;
	if (t->first == NULL)
		offered = topic_offer(m, t, &event);
	if (offered == OFFER_WAIT || offered == OFFER_HELD) {
		*t->end = message_new(&event);
		t->end = &(*t->end)->next;
		t->waiting++;
	}
	if (offered == OFFER_GONE)
		answer_request(r, i, RETRY, NULL, "the process is ending");
	else
		answer_request(r, i, DONE, NULL, NULL);
}

static void memory_count(void *arg, struct token token, int64_t age_ms)
{
	(void)token;
	(void)age_ms;
	++*(int64_t *)arg;
}

/* Nothing else grows unseen here: what is offered the core counts at once. */
static void memory_tell(void *arg)
{
	struct memory *m = arg;

	for (unsigned i = 0; i < m->n_watched; i++) {
		const struct topic *t = topic_find(m, slice_text(m->watched[i]->topic));
		struct lag lag = { .unacked = t ? t->waiting : 0, .known = true };

		if (t && t->window)
			window_walk(t->window, memory_count, &lag.unacked);
		lag_report(&m->base, m->watched[i], 0, lag);
	}
	timer_set(m->base.loop, &m->tell, TELL_MS, memory_tell, m);
}

static int memory_watch(struct connector *c, const struct subscription *const *subs, unsigned n, struct error *err)
{
	struct memory *m = memory_of(c);

	(void)err;
	m->watched = mem_grow(m->watched, (n + 1) * sizeof(*m->watched));
	memcpy(m->watched, subs, n * sizeof(*subs));
	m->n_watched = n;
	memory_tell(m);
	return 0;
}

/* Without a subscription an event is published to nobody, as with any broker without storage. */
static void memory_send(struct connector *c, struct request *r)
{
	struct memory *m = memory_of(c);
	struct topic *t = topic_find(m, r->topic);
	unsigned n = r->n;

	for (unsigned i = 0; i < n; i++) {
		if (!slice_is(r->operation, "publish"))
			answer_request(r, i, REJECT, NULL, "no such operation; supported operations: publish");
		else if (r->topic.n == 0)
			answer_request(r, i, REJECT, NULL, "no topic: the request names none");
		else if (t == NULL || t->n_subs == 0)
			answer_request(r, i, DONE, NULL, NULL);
		else
			memory_publish(m, t, r, i);
	}
}

/* Every item is answered inside send(). */
static void memory_forget(struct connector *c, struct request *r)
{
	(void)c;
	(void)r;
}

static void memory_close(struct connector *c)
{
	struct memory *m = memory_of(c);

	timer_stop(m->base.loop, &m->tell);
	free(m->watched);
	while (m->topics) {
		struct topic *t = m->topics;

		m->topics = t->next;
		while (t->first)
			message_free(t);
		free(t->subs);
		free(t->name);
		free(t);
	}
	connector_closed(c);
}

const struct connector_class memory_class = {
	.name = "in-memory",
	.summary = "Topics inside this process, for trying things out: nothing outlives it",
	.options = memory_options,
	.size = sizeof(struct memory),
	.close = memory_close,
	.order = ORDER_PARTITION,
	.subscribe = memory_subscribe,
	.resume = memory_resume,
	.hold = memory_hold,
	.watch = memory_watch,
	.send = memory_send,
	.forget = memory_forget,
};
