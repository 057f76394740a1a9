/* What a session has in work of a Redis list: where each entry is, rounds of acknowledgements, what is unread. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "connectors/redis_lists.h"

struct redis_unit *unit_new(struct redis_list *l, const char *id, const char *origin, unsigned deliveries)
{
	struct redis_unit *u = mem_new(sizeof(*u)), **end = &l->units;

	u->list = l;
	u->deliveries = deliveries;
	u->number = ++l->redis->lists->numbers;
	snprintf(u->id, sizeof(u->id), "%s", id);
	snprintf(u->origin, sizeof(u->origin), "%s", origin);
	while (*end)
		end = &(*end)->next;
	*end = u;
	return u;
}

void unit_free(struct redis_unit *u)
{
	struct redis_list *l = u->list;
	struct redis_unit **at = &l->units;

	while (*at != u)
		at = &(*at)->next;
	*at = u->next;
	if (l->main == u)
		l->main = NULL;
	free(u->work);
	free(u);
}

void unit_name(struct redis_list *l, char id[UNIT_MAX])
{
	snprintf(id, UNIT_MAX, "%s-%u", l->session, ++l->sessions_units);
}

/* --- entries --- */

void unit_push(struct redis_unit *u, uint64_t seq)
{
	if (u->n == u->cap) {
		u->cap = u->cap ? u->cap * 2 : 64;
		u->work = mem_grow(u->work, u->cap * sizeof(*u->work));
	}
	u->work[u->n++] = (struct work){ .seq = seq };
}

void unit_settle(struct redis_unit *u, uint64_t seq)
{
	unsigned low = 0, high = u->n;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (u->work[middle].seq < seq)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == u->n || u->work[low].seq != seq || u->work[low].settled)
		return;
	u->work[low].settled = true;
	u->n_settled++;
}

void unit_round_done(struct redis_unit *u)
{
	unsigned n = 0;

	for (unsigned i = 0; i < u->n; i++)
		if (!u->work[i].sent)
			u->work[n++] = u->work[i];
	u->n = n;
	u->n_settled -= u->round;
	u->version++;
	u->round = 0;
}

void unit_round_undone(struct redis_unit *u)
{
	for (unsigned i = 0; i < u->n; i++)
		u->work[i].sent = false;
	u->round = 0;
}

void unit_forget(struct redis_unit *u)
{
	u->n = u->n_settled = u->round = 0;
}

/* --- a round of acknowledgements --- */

static void round_refused(struct redis_unit *u, const struct redis_reply *reply)
{
	struct redis_list *l = u->list;
	struct redis *r = l->redis;

	unit_round_undone(u); /* again at the next tick */
	connector_count(&r->base, FACT_COMMIT_FAILED);
	log_fault(&r->faults, loop_now(r->base.loop), LOG_WARN, REDIS_SCOPE,
	    "%s: list %s: %u entries are delivered, but not removed: %.*s", r->base.name, l->key, u->n_settled,
	    (int)reply->text.n, reply->text.p);
}

/* One answer per LSET, then how many LREM found. */
static bool round_is_whole(const struct redis_unit *u, const struct redis_reply *reply)
{
	if (reply->n != u->round + 2)
		return false;
	for (unsigned i = 0; i < reply->n; i++)
		if (!redis_reply_is_ok(&reply->items[i]))
			return false;
	return reply->items[u->round].number == u->round;
}

static void round_answered(void *arg, const struct redis_reply *reply)
{
	struct redis_unit *u = arg;
	struct redis_list *l = u->list;

	if (reply->kind == REDIS_LOST || reply->kind == REDIS_UNSENT)
		return; /* done or not: the next session finds out */
	if (reply->kind != REDIS_ARRAY) {
		if (!list_over(l, reply))
			round_refused(u, reply);
		return;
	}
	if (!round_is_whole(u, reply)) {
		struct error e;

		u->version = UINT64_MAX; /* nothing is known of it any more */
		error_set(&e, ERR_IO, "list %.100s: what is in work here was taken over or changed by others", l->key);
		redis_down(l->redis, &e);
		return;
	}
	connector_count(&l->redis->base, FACT_COMMIT);
	unit_round_done(u);
	unit_end(u);
	lists_drained(l->redis->lists);
	list_go_on(l);
}

/*
 * All or nothing, and the version tells which: each settled entry is made into a word that is ours alone, then those
 * are removed, searched for from the old end.  So equal entries are never mistaken for each other, and no entry's
 * bytes travel.
 */
void unit_round(struct redis_unit *u)
{
	struct redis_list *l = u->list;
	struct redis_link *link = l->redis->link;
	const char *tombstone = l->redis->lists->tombstone;

	if (!u->ours || u->n_settled == 0 || u->round || u->asking || !redis_link_is_open(link))
		return;
	redis_link_begin(link, 1);
	redis_link_text(link, "MULTI");
	redis_link_end(link, list_queued, l);
	for (unsigned i = 0; i < u->n && u->round < ROUND_MAX; i++) {
		if (!u->work[i].settled)
			continue;
		u->work[i].sent = true;
		u->round++;
		redis_link_begin(link, 4);
		redis_link_text(link, "LSET");
		list_key_word(link, l, u->id);
		redis_link_number(link, -(int64_t)i - 1);
		redis_link_text(link, tombstone);
		redis_link_end(link, list_queued, l);
	}
	redis_link_begin(link, 4);
	redis_link_text(link, "LREM");
	list_key_word(link, l, u->id);
	redis_link_number(link, -(int64_t)u->round);
	redis_link_text(link, tombstone);
	redis_link_end(link, list_queued, l);
	redis_link_begin(link, 4);
	redis_link_text(link, "HSET");
	list_key_word(link, l, NULL);
	list_field_word(link, 'v', u->origin);
	redis_link_number(link, (int64_t)u->version + 1);
	redis_link_end(link, list_queued, l);
	redis_link_begin(link, 1);
	redis_link_text(link, "EXEC");
	redis_link_end(link, round_answered, u);
}

/* --- what is unread --- */

static void read_answered(void *arg, const struct redis_reply *reply)
{
	struct redis_unit *u = arg;
	struct redis_list *l = u->list;

	u->asking = false;
	if (list_over(l, reply) || l->redis->stopped)
		return;
	if (reply->kind != REDIS_ARRAY) {
		redis_refused(l->redis, "LRANGE", reply);
		return;
	}
	u->unread = reply->n > 0 && u->unread > reply->n ? u->unread - reply->n : 0;
	list_take(l, u, l->redis->link, reply->items, reply->n);
	unit_round(u); /* in turn with reading */
	list_go_on(l);
}

bool unit_read(struct redis_unit *u)
{
	struct redis_list *l = u->list;
	struct redis_link *link = l->redis->link;
	int64_t count = redis_room(l->redis, l->window, 1);

	if (u->unread == 0 || !u->ours || u->round || u->asking)
		return false;
	if (count > u->unread)
		count = u->unread;
	u->asking = true;
	redis_link_begin(link, 4);
	redis_link_text(link, "LRANGE");
	list_key_word(link, l, u->id);
	redis_link_number(link, -(int64_t)u->n - count);
	redis_link_number(link, -(int64_t)u->n - 1);
	redis_link_end(link, read_answered, u);
	return true;
}

bool unit_end(struct redis_unit *u)
{
	struct redis_list *l = u->list;
	struct redis_link *link = l->redis->link;

	if (u == l->main || !u->ours || u->n || u->unread || u->asking || l->from == u)
		return false;
	redis_link_begin(link, 4);
	redis_link_text(link, "HDEL");
	list_key_word(link, l, NULL);
	list_field_word(link, 'u', u->id);
	list_field_word(link, 'v', u->origin);
	redis_link_end(link, redis_reply_ignored, NULL);
	unit_free(u);
	return true;
}
