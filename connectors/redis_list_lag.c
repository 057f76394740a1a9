/* Lag of a Redis list: what waits in it, and what all its consumers have in work, in one look. */
#include <string.h>
#include "connectors/redis_lists.h"

static void lag_tell(struct redis_list *l, struct lag lag)
{
	for (unsigned i = 0; i < l->n_subs; i++)
		lag_report(&l->redis->base, l->subs[i], 0, lag);
}

static void lag_refused(struct redis_list *l, const struct redis_reply *reply)
{
	struct redis *r = l->redis;

	lag_tell(l, (struct lag){ .known = false });
	if (!list_over(l, reply))
		log_fault(&r->faults, loop_now(r->base.loop), LOG_WARN, REDIS_SCOPE, "%s: lag of list %s: %.*s",
		    r->base.name, l->key, (int)reply->text.n, reply->text.p);
}

static void lag_counted(void *arg, const struct redis_reply *reply)
{
	struct redis_list *l = arg;
	struct lag lag = { .known = true };

	l->lag_asking = false;
	if (reply->kind != REDIS_ARRAY) {
		lag_refused(l, reply);
		return;
	}
	for (unsigned i = 0; i < reply->n; i++) {
		lag.known &= i > 0 || reply->items[i].kind == REDIS_INTEGER;
		if (reply->items[i].kind == REDIS_INTEGER) /* not a list any more: taken over meanwhile */
			lag.unacked += reply->items[i].number;
	}
	for (const struct redis_unit *u = l->units; u; u = u->next)
		lag.settled += u->n_settled;
	if (lag.settled > lag.unacked)
		lag.settled = lag.unacked;
	lag_tell(l, lag);
}

static void lag_units(void *arg, const struct redis_reply *reply)
{
	struct redis_list *l = arg;
	struct redis_link *link = l->redis->link;

	if (reply->kind != REDIS_ARRAY) {
		l->lag_asking = false;
		lag_refused(l, reply);
		return;
	}
	redis_link_begin(link, 1);
	redis_link_text(link, "MULTI");
	redis_link_end(link, redis_reply_ignored, NULL);
	redis_link_begin(link, 2);
	redis_link_text(link, "LLEN");
	redis_link_word(link, l->name);
	redis_link_end(link, redis_reply_ignored, NULL);
	for (unsigned i = 0; i < reply->n; i++) {
		struct slice field = reply->items[i].text;
		char id[UNIT_MAX];

		if (field.n < 3 || field.n - 2 >= sizeof(id) || memcmp(field.p, "u:", 2) != 0)
			continue;
		memcpy(id, field.p + 2, field.n - 2);
		id[field.n - 2] = '\0';
		redis_link_begin(link, 2);
		redis_link_text(link, "LLEN");
		list_key_word(link, l, id);
		redis_link_end(link, redis_reply_ignored, NULL);
	}
	redis_link_begin(link, 1);
	redis_link_text(link, "EXEC");
	redis_link_end(link, lag_counted, l);
}

void list_lag_ask(struct redis_list *l)
{
	struct redis_link *link = l->redis->link;

	if (l->lag_asking)
		return;
	l->lag_asking = true;
	redis_link_begin(link, 2);
	redis_link_text(link, "HKEYS");
	list_key_word(link, l, NULL);
	redis_link_end(link, lag_units, l);
}
