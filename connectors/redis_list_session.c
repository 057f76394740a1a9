/* A session at a Redis list: its keys, its sign of life, and taking over what is left of sessions that ended. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "connectors/redis_lists.h"

enum { FENCE_S = 86400 };

/* --- keys and words --- */

void list_key_word(struct redis_link *link, const struct redis_list *l, const char *suffix)
{
	struct buf *text = &l->redis->lists->text;

	buf_clear(text);
	buf_slice(text, l->name);
	buf_text(text, ":bridge");
	if (suffix) {
		buf_text(text, ":");
		buf_text(text, suffix);
	}
	redis_link_word(link, (struct slice){ text->p, text->n });
}

void list_field_word(struct redis_link *link, char kind, const char *id)
{
	char text[UNIT_MAX + 2];

	snprintf(text, sizeof(text), "%c:%s", kind, id);
	redis_link_text(link, text);
}

void list_queued(void *arg, const struct redis_reply *reply)
{
	struct redis_list *l = arg;
	struct redis *r = l->redis;

	if (reply->kind == REDIS_ERROR && !list_over(l, reply))
		log_fault(&r->faults, loop_now(r->base.loop), LOG_WARN, REDIS_SCOPE, "%s: list %s: %.*s", r->base.name,
		    l->key, (int)reply->text.n, reply->text.p);
}

static void command(struct redis_list *l, unsigned words, const char *name, const char *suffix)
{
	struct redis_link *link = l->redis->link;

	redis_link_begin(link, words);
	redis_link_text(link, name);
	list_key_word(link, l, suffix);
}

static void command_alone(struct redis_list *l, const char *name)
{
	redis_link_begin(l->redis->link, 1);
	redis_link_text(l->redis->link, name);
}

/* "ORIGIN DELIVERIES CONSUMER" */
static void register_unit(struct redis_list *l, const char *id, const char *origin, unsigned deliveries)
{
	struct redis_link *link = l->redis->link;
	struct buf value = { 0 };

	command(l, 4, "HSET", NULL);
	list_field_word(link, 'u', id);
	buf_printf(&value, "%s %u %s", origin, deliveries, l->redis->lists->consumer);
	redis_link_word(link, (struct slice){ value.p, value.n });
	buf_free(&value);
}

/* --- taking over --- */

struct adoption {
	struct redis_list *list;
	struct redis_unit *unit; /* ours, of an earlier session; NULL: somebody else's */
	char from[UNIT_MAX], to[UNIT_MAX], origin[UNIT_MAX];
	unsigned deliveries;
};

static void adopt_own(struct redis_unit *);

/* What the transaction answers, in its order. */
enum { WAS_TYPE, WAS_VERSION, RENAMED, FENCED, REGISTERED, UNREGISTERED, LENGTH, ADOPTION_ANSWERS };

/* The list was not there: what was written for it is taken back, with a fence that was renamed. */
static void adoption_undo(const struct adoption *a, bool fence, bool versions)
{
	struct redis_list *l = a->list;
	struct redis_link *link = l->redis->link;

	command(l, versions ? 4 : 3, "HDEL", NULL);
	list_field_word(link, 'u', a->to);
	if (versions)
		list_field_word(link, 'v', a->origin);
	redis_link_end(link, redis_reply_ignored, NULL);
	if (!fence)
		return;
	command(l, 2, "DEL", a->to);
	redis_link_end(link, redis_reply_ignored, NULL);
}

static void adoption_failed(const struct adoption *a, const struct redis_reply *answers)
{
	struct redis_list *l = a->list;
	bool fence = slice_is(answers[WAS_TYPE].text, "string"), again = a->unit && *a->unit->perhaps;

	adoption_undo(a, fence, !fence && !again);
	if (!a->unit)
		return;
	if (again) { /* the connection ended before that name was given: it still has the one before */
		*a->unit->perhaps = '\0';
		adopt_own(a->unit);
		return;
	}
	if (fence)
		l->stolen = true;
	else if (a->unit->n && answers[UNREGISTERED].number == 0)
		log_warn(REDIS_SCOPE,
		    "%s: list %s: the server has lost what is in work here: %u entries are delivered all the same",
		    l->redis->base.name, l->key, a->unit->n);
	unit_free(a->unit);
}

/* The round that was under way when the connection ended was done, or not at all: its version tells. */
static void unit_resolve(struct redis_unit *u, uint64_t version, uint64_t length)
{
	if (u->round && version == u->version + 1) {
		unit_round_done(u);
	} else if (version == u->version) {
		unit_round_undone(u);
	} else {
		u->version = version;
		unit_forget(u);
	}
	while (u->n > length) { /* a replica took over that had not heard of the newest */
		u->n--;
		u->n_settled -= u->work[u->n].settled;
	}
	u->unread = (int64_t)length - u->n;
}

static void adoption_done(const struct adoption *a, const struct redis_reply *answers)
{
	struct redis_list *l = a->list;
	struct redis_unit *u = a->unit;
	uint64_t version = 0;

	if (answers[WAS_VERSION].kind == REDIS_TEXT)
		slice_uint(answers[WAS_VERSION].text, &version);
	if (!u) {
		u = unit_new(l, a->to, a->origin, a->deliveries);
		u->version = version;
		log_info(REDIS_SCOPE, "%s: list %s: took over %lld entries of a session that ended (%s)",
		    l->redis->base.name, l->key, (long long)answers[LENGTH].number, a->from);
	}
	snprintf(u->id, sizeof(u->id), "%s", a->to);
	*u->perhaps = '\0';
	u->ours = true;
	unit_resolve(u, version, answers[LENGTH].number > 0 ? (uint64_t)answers[LENGTH].number : 0);
}

static void session_ready(struct redis_list *l)
{
	if (l->step == LIST_BEGINNING && l->looked && l->adopting == 0)
		list_began(l);
}

static void adoption_answered(void *arg, const struct redis_reply *reply)
{
	struct adoption *a = arg;
	struct redis_list *l = a->list;

	l->adopting--;
	if (reply->kind == REDIS_LOST && a->unit)
		snprintf(a->unit->perhaps, sizeof(a->unit->perhaps), "%s", a->to);
	if (reply->kind == REDIS_ARRAY && reply->n == ADOPTION_ANSWERS) {
		if (slice_is(reply->items[WAS_TYPE].text, "list"))
			adoption_done(a, reply->items);
		else
			adoption_failed(a, reply->items);
		session_ready(l);
		list_go_on(l);
		lists_drained(l->redis->lists);
	} else if (!list_over(l, reply)) {
		list_refused(l, "what was in work before cannot be taken over", reply);
	}
	free(a);
}

static void adopt_write(const struct adoption *a)
{
	struct redis_list *l = a->list;
	struct redis_link *link = l->redis->link;

	command_alone(l, "MULTI");
	redis_link_end(link, list_queued, l);
	command(l, 2, "TYPE", a->from);
	redis_link_end(link, list_queued, l);
	command(l, 3, "HGET", NULL);
	list_field_word(link, 'v', a->origin);
	redis_link_end(link, list_queued, l);
	command(l, 3, "RENAME", a->from);
	list_key_word(link, l, a->to);
	redis_link_end(link, list_queued, l);
	command(l, 5, "SET", a->from);
	redis_link_text(link, "taken over");
	redis_link_text(link, "EX");
	redis_link_number(link, FENCE_S);
	redis_link_end(link, list_queued, l);
	register_unit(l, a->to, a->origin, a->deliveries);
	redis_link_end(link, list_queued, l);
	command(l, 3, "HDEL", NULL);
	list_field_word(link, 'u', a->from);
	redis_link_end(link, list_queued, l);
	command(l, 2, "LLEN", a->to);
	redis_link_end(link, list_queued, l);
	command_alone(l, "EXEC");
}

static void adopt(const struct adoption *wanted)
{
	struct redis_list *l = wanted->list;
	struct adoption *a = mem_new(sizeof(*a));

	*a = *wanted;
	unit_name(l, a->to);
	l->adopting++;
	adopt_write(a);
	redis_link_end(l->redis->link, adoption_answered, a);
}

static void adopt_own(struct redis_unit *u)
{
	struct adoption a = { .list = u->list, .unit = u, .deliveries = u->deliveries };

	snprintf(a.from, sizeof(a.from), "%s", *u->perhaps ? u->perhaps : u->id);
	snprintf(a.origin, sizeof(a.origin), "%s", u->origin);
	adopt(&a);
}

/* --- looking for what is left --- */

static void alive_answered(void *arg, const struct redis_reply *reply)
{
	struct adoption *a = arg;

	if (reply->kind == REDIS_INTEGER && reply->number == 0 && a->list->step != LIST_WAITING &&
	    !a->list->redis->stopped)
		adopt(a);
	free(a);
}

static bool text_take(struct slice *text, char *copy, size_t size)
{
	const char *blank = text->n ? memchr(text->p, ' ', text->n) : NULL;
	size_t n = blank ? (size_t)(blank - text->p) : 0;

	if (!blank || n == 0 || n >= size)
		return false;
	memcpy(copy, text->p, n);
	copy[n] = '\0';
	*text = (struct slice){ blank + 1, text->n - n - 1 };
	return true;
}

/* A row of the hash: another session's unit?  consumer_r: whose. */
static bool left_read(struct redis_list *l, const struct redis_reply *row, struct adoption *a, struct slice *consumer_r)
{
	struct slice id = row[0].text, value = row[1].text;
	char number[24];
	uint64_t deliveries;

	*a = (struct adoption){ .list = l };
	if (id.n < 3 || id.n - 2 >= sizeof(a->from) || memcmp(id.p, "u:", 2) != 0 ||
	    !text_take(&value, a->origin, sizeof(a->origin)) || !text_take(&value, number, sizeof(number)) ||
	    !slice_uint(slice_text(number), &deliveries) || deliveries >= UINT32_MAX)
		return false;
	memcpy(a->from, id.p + 2, id.n - 2);
	a->deliveries = (unsigned)deliveries + 1;
	*consumer_r = value;
	return strncmp(a->from, l->session, strlen(l->session)) != 0;
}

static void alive_ask(const struct adoption *left)
{
	struct redis_list *l = left->list;
	struct adoption *a = mem_new(sizeof(*a));
	char session[UNIT_MAX];

	*a = *left;
	snprintf(session, sizeof(session), "%.*s", (int)strcspn(a->from, "-"), a->from);
	command(l, 2, "EXISTS", session);
	redis_link_end(l->redis->link, alive_answered, a);
}

/* Whoever had our name was we, before: nobody else can have it now. */
static void left_answered(void *arg, const struct redis_reply *reply)
{
	struct redis_list *l = arg;
	struct adoption a;
	struct slice consumer;

	if (list_over(l, reply) || l->step == LIST_WAITING || l->redis->stopped)
		return;
	if (reply->kind != REDIS_ARRAY) {
		list_refused(l, "what is in work cannot be looked at", reply);
		return;
	}
	for (unsigned i = 0; i + 1 < reply->n; i += 2) {
		if (!left_read(l, &reply->items[i], &a, &consumer))
			continue;
		if (slice_is(consumer, l->redis->lists->consumer))
			adopt(&a);
		else if (l->redis->rows.redeliver_ms > 0)
			alive_ask(&a);
	}
	l->looked = true;
	session_ready(l);
}

void session_scan(struct redis_list *l)
{
	command(l, 2, "HGETALL", NULL);
	redis_link_end(l->redis->link, left_answered, l);
}

/* --- begin, sign of life, end --- */

static void sign_words(struct redis_list *l, bool renew)
{
	struct redis_link *link = l->redis->link;

	command(l, renew ? 6 : 5, "SET", l->session);
	redis_link_text(link, l->redis->lists->consumer);
	redis_link_text(link, "PX");
	redis_link_number(link, l->redis->rows.processing_ms);
	if (renew)
		redis_link_text(link, "XX");
	l->beat_sent = loop_now(l->redis->base.loop);
}

static void begin_answered(void *arg, const struct redis_reply *reply)
{
	struct redis_list *l = arg;

	if (!list_over(l, reply) && l->step == LIST_BEGINNING && !redis_reply_is_ok(reply))
		list_refused(l, "the list cannot be read", reply);
}

static void sign_answered(void *arg, const struct redis_reply *reply)
{
	struct redis_list *l = arg;
	struct error e;

	if (list_over(l, reply))
		return;
	if (reply->kind == REDIS_STATUS) {
		l->beat_at = l->beat_sent;
	} else if (reply->kind == REDIS_NIL) {
		error_set(&e, ERR_TIMEOUT,
		    "list %.100s: no sign of life within processingTimeout: others may take over", l->key);
		redis_down(l->redis, &e);
	}
	l->beat_sent = 0;
}

void session_begin(struct redis_list *l)
{
	struct redis_lists *s = l->redis->lists;
	struct redis_link *link = l->redis->link;
	char id[UNIT_MAX];

	l->step = LIST_BEGINNING;
	l->looked = false;
	if (!*l->session) {
		snprintf(l->session, sizeof(l->session), "%016llx", (unsigned long long)lists_random(s));
		l->sessions_units = 0;
	}
	if (!l->main) {
		unit_name(l, id);
		l->main = unit_new(l, id, id, 0);
	}
	sign_words(l, false);
	l->beat_at = l->beat_sent;
	l->beat_sent = 0;
	redis_link_end(link, begin_answered, l);
	register_unit(l, l->main->id, l->main->origin, 0);
	redis_link_end(link, begin_answered, l);
	l->main->ours = true;
	for (struct redis_unit *u = l->units; u; u = u->next)
		if (!u->ours)
			adopt_own(u);
	session_scan(l);
}

void session_beat(struct redis_list *l)
{
	if (l->beat_sent)
		return;
	sign_words(l, true);
	redis_link_end(l->redis->link, sign_answered, l);
}

static void leave_answered(void *arg, const struct redis_reply *reply)
{
	struct redis_list *l = arg;

	(void)reply;
	l->leaving = false;
	list_end(l);
	lists_drained(l->redis->lists);
}

void session_leave(struct redis_list *l)
{
	l->leaving = true;
	command(l, 2, "DEL", l->session);
	redis_link_end(l->redis->link, leave_answered, l);
}
