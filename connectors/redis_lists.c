/* Reading Redis lists as reliable queues: which ones, the clock, and what the core calls. */
#include "connectors/redis_lists.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

enum { TICK_MS = 1000, LAG_EVERY_MS = 5000 };

uint64_t lists_random(struct redis_lists *s)
{
	return random_next(&s->random);
}

/* --- one list --- */

void list_down(struct redis_list *l, const char *why)
{
	struct error e;

	if (why)
		l->step = LIST_WAITING;
	if (!why && !l->down)
		return;
	l->down = why != NULL;
	if (why)
		error_set(&e, ERR_IO, "%s", why);
	for (unsigned i = 0; i < l->n_subs; i++)
		subscription_down(&l->redis->base, l->subs[i], why ? &e : NULL);
}

void list_refused(struct redis_list *l, const char *what, const struct redis_reply *reply)
{
	char why[250];

	snprintf(why, sizeof(why), "%s: %.*s", what, (int)reply->text.n, reply->text.p);
	list_down(l, why);
}

bool list_over(struct redis_list *l, const struct redis_reply *reply)
{
	return redis_failed(l->redis, reply);
}

/* What another session has is not ours any more; of what is still ours nobody knows what was offered. */
static void list_stolen(struct redis_list *l)
{
	l->stolen = false;
	log_warn(REDIS_SCOPE,
	    "%s: list %s: others have taken over what was in work here, for want of a sign of life: it is theirs now",
	    l->redis->base.name, l->key);
	list_drop(l);
	if (l->window)
		window_lost(l->window);
	l->window = NULL;
	l->held = false;
	for (struct redis_unit *u = l->units; u; u = u->next) {
		u->unread += u->n;
		unit_forget(u);
	}
}

void list_began(struct redis_list *l)
{
	l->step = LIST_READING;
	list_down(l, NULL);
	if (l->stolen)
		list_stolen(l);
	list_go_on(l);
}

/* Unread ones of what is in work are asked for; false: there are none. */
static bool list_read(struct redis_list *l)
{
	bool some = false;

	for (struct redis_unit *u = l->units; u; u = u->next)
		some |= u->unread > 0 || u->asking;
	for (struct redis_unit *u = l->units; u; u = u->next)
		if (u->asking || unit_read(u))
			return true;
	return some;
}

void list_go_on(struct redis_list *l)
{
	struct redis *r = l->redis;
	bool may = !r->stopped && !r->lists->waiting && !l->held && !l->leaving && l->n_subs > 0 &&
	    l->step == LIST_READING && redis_link_is_open(l->reader);

	if (may && list_offer(l) && !list_read(l) && l->moves == 0)
		list_move(l);
	for (struct redis_unit *u = l->units, *next; u; u = next) {
		next = u->next;
		if (!unit_end(u))
			unit_round(u);
	}
}

/* --- its own link --- */

static void reader_opened(void *arg)
{
	struct redis_list *l = arg;

	redis_report(l->redis);
	list_go_on(l);
}

static void reader_ended(void *arg, const struct error *why)
{
	redis_down(((struct redis_list *)arg)->redis, why);
}

static const struct redis_link_events reader_events = { .opened = reader_opened, .ended = reader_ended };

static void reader_close(struct redis_list *l)
{
	struct redis_link *link = l->reader;

	l->reader = NULL;
	redis_link_close(link);
}

void list_end(struct redis_list *l)
{
	reader_close(l);
	list_drop(l);
	l->step = LIST_WAITING;
	l->main = NULL;
	*l->session = '\0';
	l->beat_sent = 0;
	l->lag_asking = l->suspicious = false;
	for (struct redis_unit *u = l->units; u; u = u->next)
		u->ours = u->asking = false;
}

static void list_connect(struct redis_list *l)
{
	if (!l->reader && l->n_subs > 0)
		l->reader = redis_connect(l->redis, &reader_events, l);
}

/* --- the clock --- */

/* Something of it is with the core, or settled and not known to be removed. */
static bool list_works(const struct redis_list *l)
{
	for (const struct redis_unit *u = l->units; u; u = u->next)
		if (u->n > 0)
			return true;
	return false;
}

/* Something is settled, and not known to be removed. */
static bool list_owes(const struct redis_list *l)
{
	for (const struct redis_unit *u = l->units; u; u = u->next)
		if (u->n_settled > 0)
			return true;
	return false;
}

static void list_tick(struct redis_list *l, int64_t now)
{
	struct redis_lists *s = l->redis->lists;

	if (l->step == LIST_WAITING && l->n_subs > 0 && (!l->redis->stopped || list_owes(l))) {
		if (!l->redis->stopped)
			list_connect(l);
		session_begin(l);
	}
	if (!*l->session || l->leaving)
		return;
	if (l->n_subs == 0 && !list_works(l)) { /* nobody here wants it any more: what is unread is for others */
		session_leave(l);
		return;
	}
	if (now >= s->beat_at)
		session_beat(l);
	if (now >= s->scan_at && l->redis->rows.redeliver_ms > 0 && l->step == LIST_READING && !l->redis->stopped)
		session_scan(l);
	if (now >= s->lag_at)
		list_lag_ask(l);
	list_go_on(l);
}

static void next_at(int64_t *at, int64_t now, int64_t every)
{
	if (now >= *at)
		*at = now + every;
}

static void lists_tick(void *arg)
{
	struct redis_lists *s = arg;
	struct redis *r = s->redis;
	int64_t now = loop_now(r->base.loop), beat = r->rows.processing_ms / 3;

	timer_set(r->base.loop, &s->tick, beat < TICK_MS ? beat : TICK_MS, lists_tick, s);
	for (struct redis_list *l = s->list; l && r->up && redis_link_is_open(r->link); l = l->next)
		list_tick(l, now);
	next_at(&s->beat_at, now, beat);
	next_at(&s->scan_at, now, r->rows.redeliver_ms);
	next_at(&s->lag_at, now, LAG_EVERY_MS);
}

/* --- what the core calls --- */

static int lists_make(struct redis *r, struct error *err)
{
	struct redis_lists *s = mem_new(sizeof(*s));

	if (getrandom(&s->random, sizeof(s->random), 0) != sizeof(s->random)) {
		free(s);
		return error_set(err, ERR_IO, "no random bytes from the kernel");
	}
	s->redis = r;
	s->slot = -1;
	s->consumer = consumer_name(r, "lists", &s->slot);
	snprintf(s->tombstone, sizeof(s->tombstone), "bridge done %016llx%016llx", (unsigned long long)lists_random(s),
	    (unsigned long long)lists_random(s));
	r->lists = s;
	lists_tick(s);
	return 0;
}

static void list_wanted(struct redis_lists *s, const struct subscription *sub)
{
	struct redis_list *l = s->list;

	while (l && !slice_equal(l->name, slice_text(sub->topic)))
		l = l->next;
	if (!l) {
		l = mem_new(sizeof(*l));
		l->redis = s->redis;
		l->key = mem_text(sub->topic);
		l->name = slice_text(l->key);
		l->next = s->list;
		s->list = l;
	}
	l->subs = mem_grow(l->subs, (l->n_subs + 1) * sizeof(*l->subs));
	l->subs[l->n_subs++] = sub;
}

static int lists_subscribe(struct redis *r, const struct subscription *const *subs, unsigned n, struct error *err)
{
	if (n > 0 && subs[0]->peek)
		return error_set(err, ERR_CONFIG, "kind: a list cannot be looked at without taking from it");
	if (n > 0 && !r->lists && lists_make(r, err) < 0)
		return -1;
	if (!r->lists)
		return 0;
	for (struct redis_list *l = r->lists->list; l; l = l->next)
		l->n_subs = 0;
	for (unsigned i = 0; i < n; i++)
		list_wanted(r->lists, subs[i]);
	for (struct redis_list *l = r->lists->list; l && r->link; l = l->next) {
		list_connect(l);
		if (l->n_subs == 0) {
			reader_close(l);
			list_drop(l);
		}
		if (l->step == LIST_WAITING && l->n_subs > 0)
			session_begin(l);
		else
			list_go_on(l);
	}
	return 0;
}

/* false: links of its own are still to come. */
static bool lists_connected(struct redis *r)
{
	bool all = true;

	if (!r->lists || r->stopped)
		return true;
	for (struct redis_list *l = r->lists->list; l; l = l->next) {
		list_connect(l);
		all &= l->n_subs == 0 || redis_link_is_open(l->reader);
	}
	return all;
}

static void lists_resume(struct redis *r)
{
	if (!r->lists || !r->lists->waiting)
		return;
	r->lists->waiting = false;
	for (struct redis_list *l = r->lists->list; l; l = l->next)
		list_go_on(l);
}

static void lists_hold(struct redis *r, struct window *w, bool on)
{
	for (struct redis_list *l = r->lists->list; l; l = l->next)
		if (l->window == w) {
			l->held = on;
			list_go_on(l);
		}
}

static void lists_ack(struct redis *r, struct window *w, const struct event *const *events, unsigned n)
{
	for (struct redis_list *l = r->lists->list; l; l = l->next) {
		if (l->window != w)
			continue;
		for (unsigned i = 0; i < n; i++)
			for (struct redis_unit *u = l->units; u; u = u->next)
				if (u->number == events[i]->token.w[0])
					unit_settle(u, events[i]->token.w[1]);
		for (struct redis_unit *u = l->units; u; u = u->next)
			unit_round(u);
	}
}

/* What is in work stays known: the next session takes it over as it stands on the server then. */
static void lists_lost(struct redis *r)
{
	if (!r->lists)
		return;
	r->lists->waiting = false;
	for (struct redis_list *l = r->lists->list; l; l = l->next)
		list_end(l);
}

static void lists_stop(struct redis *r)
{
	for (struct redis_list *l = r->lists ? r->lists->list : NULL; l; l = l->next) {
		reader_close(l);
		list_drop(l);
	}
}

void lists_drained(struct redis_lists *s)
{
	bool leaving = false;

	if (!s->drain)
		return;
	for (struct redis_list *l = s->list; l; l = l->next)
		if (list_owes(l))
			return;
	for (struct redis_list *l = s->list; l; l = l->next) {
		if (*l->session && !l->leaving && redis_link_is_open(s->redis->link))
			session_leave(l);
		leaving |= l->leaving;
	}
	if (leaving)
		return;
	s->drain = false;
	connector_drained(&s->redis->base);
}

static void lists_drain(struct redis *r)
{
	if (!r->lists) {
		connector_drained(&r->base);
		return;
	}
	r->lists->drain = true;
	lists_drained(r->lists);
}

/* To the end nothing is taken from. */
static void lists_publish(struct redis *r, struct slice place, const struct request *request, const struct event *e,
    redis_replied *replied, void *arg)
{
	(void)request;
	redis_push(r, place, e, replied, arg);
}

static void list_free(struct redis_list *l)
{
	list_drop(l);
	while (l->units)
		unit_free(l->units);
	free(l->subs);
	free(l->key);
	free(l);
}

static void lists_close(struct redis *r)
{
	struct redis_lists *s = r->lists;

	if (!s)
		return;
	for (struct redis_list *l = s->list; l; l = l->next)
		reader_close(l);
	redis_link_close(r->link);
	r->link = NULL;
	timer_stop(r->base.loop, &s->tick);
	while (s->list) {
		struct redis_list *l = s->list;

		s->list = l->next;
		list_free(l);
	}
	if (s->slot >= 0)
		close(s->slot);
	free(s->consumer);
	buf_free(&s->text);
	free(s);
	r->lists = NULL;
}

const struct redis_reading redis_lists_reading = {
	.connected = lists_connected,
	.subscribe = lists_subscribe,
	.resume = lists_resume,
	.hold = lists_hold,
	.ack = lists_ack,
	.stop = lists_stop,
	.drain = lists_drain,
	.lost = lists_lost,
	.close = lists_close,
	.publish = lists_publish,
};
