/* Writing: operations on keys, events into streams, lists, channels; answered when a reply says what came of it. */
#include <stdio.h>
#include <string.h>
#include "connectors/outgoing.h"
#include "connectors/redis.h"

enum { WHY_MAX = 300, UNSENT_MAX = 64 << 20 /* bytes of commands that wait for the connection */ };

/* --- what came of it --- */

enum verdict redis_verdict(const struct redis_reply *reply)
{
	/* it may be otherwise in a moment: memory, a replica, a start, a script, rights */
	static const char *const later[] = { "OOM", "READONLY", "LOADING", "BUSY", "CLUSTERDOWN", "MASTERDOWN",
		"TRYAGAIN", "NOREPLICAS", "MISCONF", "NOAUTH", "NOPERM", "WRONGPASS" };

	if (reply->kind == REDIS_LOST)
		return UNSURE;
	if (reply->kind == REDIS_UNSENT)
		return RETRY;
	if (reply->kind != REDIS_ERROR)
		return DONE;
	for (unsigned i = 0; i < sizeof(later) / sizeof(later[0]); i++)
		if (redis_reply_refuses(reply, later[i]))
			return RETRY;
	return REJECT;
}

static void item_answer(struct outgoing_item *item, const struct redis_reply *reply, const struct answer *answer)
{
	enum verdict verdict = redis_verdict(reply);
	char why[WHY_MAX];

	snprintf(why, sizeof(why), "%.*s", (int)reply->text.n, reply->text.p ? reply->text.p : "");
	outgoing_answer(item, verdict, verdict == DONE ? answer : NULL, verdict == DONE ? NULL : why);
}

static void item_written(void *arg, const struct redis_reply *reply)
{
	item_answer(arg, reply, NULL);
}

/* What the function asked for is in the answer; a key that is not there gives an empty one. */
static void item_read(void *arg, const struct redis_reply *reply)
{
	struct answer answer = { .data = { "", 0 } };
	char number[24];

	if (reply->kind == REDIS_TEXT)
		answer.data = reply->text;
	else if (reply->kind == REDIS_INTEGER)
		answer.data = (struct slice){ number,
			(size_t)snprintf(number, sizeof(number), "%lld", (long long)reply->number) };
	item_answer(arg, reply, &answer);
}

/* --- operations: each writes its commands; NULL, or what is wrong with the request --- */

struct operation {
	const char *name;
	const char *(*write)(struct redis *, const struct request *, const struct event *, struct outgoing_item *);
};

static const char no_key[] = "the request's metadata names no key";

/* Dapr's two names for it; 0: none. */
static const char *request_ttl(const struct request *r, uint64_t *ttl_r)
{
	struct slice text = request_metadata(r, "ttlInSeconds");

	*ttl_r = 0;
	if (!text.p)
		text = request_metadata(r, "ttl");
	if (text.n && (!slice_uint(text, ttl_r) || *ttl_r == 0 || *ttl_r > INT64_MAX / 1000))
		return "ttlInSeconds: a number of seconds was expected";
	return NULL;
}

static void key_command(struct redis_link *l, const char *command, struct slice key)
{
	redis_link_begin(l, 2);
	redis_link_text(l, command);
	redis_link_word(l, key);
}

static bool event_is_parked(const struct event *e)
{
	for (unsigned i = 0; i < e->n_headers; i++)
		if (slice_is(e->headers[i].name, "bridge-dead-letter-reason"))
			return true;
	return false;
}

static const char *write_publish(
    struct redis *r, const struct request *request, const struct event *e, struct outgoing_item *item)
{
	const char *topics = r->rows.topics;
	struct slice place = request->topic;

	if (place.n == 0 && !(topics && list_next(&topics, &place)))
		return "no topic: the request names none, and the row topics is not set";
	if (r->reading->keeps_nothing && event_is_parked(e))
		return "a channel keeps nothing: it is no place for dead letters";
	r->reading->publish(r, place, request, e, item_written, item);
	return NULL;
}

void redis_push(struct redis *r, struct slice list, const struct event *e, redis_replied *replied, void *arg)
{
	redis_link_begin(r->link, 3);
	redis_link_text(r->link, r->rows.take_from == REDIS_LEFT ? "RPUSH" : "LPUSH");
	redis_link_word(r->link, list);
	redis_link_word(r->link, e->data);
	redis_link_end(r->link, replied, arg);
}

static const char *write_push(
    struct redis *r, const struct request *request, const struct event *e, struct outgoing_item *item)
{
	struct slice list = request->topic.n ? request->topic : request_metadata(request, "key");

	if (list.n == 0)
		return no_key;
	redis_push(r, list, e, item_written, item);
	return NULL;
}

static const char *write_create(
    struct redis *r, const struct request *request, const struct event *e, struct outgoing_item *item)
{
	struct slice key = request_metadata(request, "key");
	struct redis_link *l = r->link;
	const char *wrong;
	uint64_t ttl;

	if (!key.p)
		return r->rows.topics ? write_publish(r, request, e, item) : no_key;
	wrong = request_ttl(request, &ttl);
	if (wrong)
		return wrong;
	redis_link_begin(l, ttl ? 5 : 3);
	redis_link_text(l, "SET");
	redis_link_word(l, key);
	redis_link_word(l, e->data);
	if (ttl) {
		redis_link_text(l, "EX");
		redis_link_number(l, (int64_t)ttl);
	}
	redis_link_end(l, item_written, item);
	return NULL;
}

static const char *write_get(
    struct redis *r, const struct request *request, const struct event *e, struct outgoing_item *item)
{
	struct slice key = request_metadata(request, "key");

	(void)e;
	if (!key.p)
		return no_key;
	key_command(r->link, slice_is_nocase(request_metadata(request, "delete"), "true") ? "GETDEL" : "GET", key);
	redis_link_end(r->link, item_read, item);
	return NULL;
}

static const char *write_delete(
    struct redis *r, const struct request *request, const struct event *e, struct outgoing_item *item)
{
	struct slice key = request_metadata(request, "key");

	(void)e;
	if (!key.p)
		return no_key;
	key_command(r->link, "DEL", key);
	redis_link_end(r->link, item_written, item);
	return NULL;
}

static const char *write_increment(
    struct redis *r, const struct request *request, const struct event *e, struct outgoing_item *item)
{
	struct slice key = request_metadata(request, "key");
	const char *wrong;
	uint64_t ttl;

	(void)e;
	if (!key.p)
		return no_key;
	wrong = request_ttl(request, &ttl);
	if (wrong)
		return wrong;
	key_command(r->link, "INCR", key);
	redis_link_end(r->link, item_read, item);
	if (ttl) {
		redis_link_begin(r->link, 3);
		redis_link_text(r->link, "EXPIRE");
		redis_link_word(r->link, key);
		redis_link_number(r->link, (int64_t)ttl);
		redis_link_end(r->link, redis_reply_ignored, NULL);
	}
	return NULL;
}

static const struct operation operations[] = {
	{ "publish", write_publish },
	{ "push", write_push },
	{ "create", write_create },
	{ "get", write_get },
	{ "delete", write_delete },
	{ "increment", write_increment },
};

/* --- how durable "written" is --- */

static void durability_answered(void *arg, const struct redis_reply *reply)
{
	const struct redis_reply *file = redis_reply_find(reply, "appendonly"),
				 *sync = redis_reply_find(reply, "appendfsync");
	struct redis *r = arg;

	if (reply->kind == REDIS_ERROR)
		log_info(REDIS_SCOPE, "%s: how durable the server writes is not known: CONFIG GET: %.*s", r->base.name,
		    (int)reply->text.n, reply->text.p);
	else if (file && slice_is(file->text, "no"))
		log_warn(REDIS_SCOPE,
		    "%s: the server keeps no append-only file (appendonly no): what is written since its last snapshot "
		    "does not survive its end",
		    r->base.name);
	else if (sync && !slice_is(sync->text, "always"))
		log_warn(REDIS_SCOPE,
		    "%s: the server confirms what is written before it is on disk (appendfsync %.*s): the last of it "
		    "may not survive its end",
		    r->base.name, (int)sync->text.n, sync->text.p);
}

/* Once a connection, before the first thing is written: who only reads need not know. */
static void durability_ask(struct redis *r)
{
	if (r->durability_asked)
		return;
	r->durability_asked = true;
	redis_link_begin(r->link, 3);
	redis_link_text(r->link, "CONFIG");
	redis_link_text(r->link, "GET");
	redis_link_text(r->link, "append*");
	redis_link_end(r->link, durability_answered, r);
}

/* --- what the core calls --- */

static const struct operation *operation_find(struct slice name)
{
	for (unsigned i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		if (slice_is(name, operations[i].name))
			return &operations[i];
	return NULL;
}

static void outgoing_write(struct redis *r, struct outgoing *o)
{
	const struct request *request = o->request;
	const struct operation *operation = operation_find(request->operation);
	unsigned n = o->n;

	o->waits = false;
	for (unsigned i = 0; i < n; i++) {
		struct outgoing_item *item = &o->items[i];
		const char *wrong = operation->write(r, request, request->events[i], item);

		if (wrong)
			outgoing_answer(item, REJECT, NULL, wrong);
	}
}

/* The list has the newest first; NULL: none waits. */
static struct outgoing *outgoing_oldest(const struct redis *r)
{
	struct outgoing *oldest = NULL;

	for (struct outgoing *o = r->outgoing; o; o = o->next)
		if (o->waits)
			oldest = o;
	return oldest;
}

void redis_sink_connected(struct redis *r)
{
	struct outgoing *o;

	r->durability_asked = false;
	while ((o = outgoing_oldest(r)) != NULL) {
		durability_ask(r);
		if (o->request)
			outgoing_write(r, o);
		else
			outgoing_answer_all(o, UNSURE, NULL); /* forgotten: nobody hears it */
	}
}

void redis_sink_failed(struct redis *r, const char *why)
{
	struct outgoing *o;

	while ((o = outgoing_oldest(r)) != NULL)
		outgoing_answer_all(o, RETRY, why);
}

/* What comes while a connection is being opened waits for it. */
void redis_send(struct connector *c, struct request *request)
{
	struct redis *r = redis_of(c);
	struct outgoing *o;

	request->mine = NULL;
	if (!operation_find(request->operation)) {
		request_refuse(request, REJECT,
		    "no such operation; supported operations: publish, push, create, get, delete, increment");
		return;
	}
	if (!r->link && !r->sentinel) {
		request_refuse(request, RETRY, "not connected");
		return;
	}
	if (r->link && redis_link_unsent(r->link) > UNSENT_MAX) {
		request_refuse(request, RETRY, "too much waits to be written already");
		return;
	}
	o = outgoing_new(&r->outgoing, request);
	o->waits = !redis_link_is_open(r->link);
	if (o->waits)
		return;
	durability_ask(r);
	outgoing_write(r, o);
}

void redis_forget(struct connector *c, struct request *r)
{
	(void)c;
	outgoing_forget(r);
}
