/* Replies of Redis: hiredis reads the protocol, its objects are built here into one piece of memory per reply. */
#include "connectors/redis_reply.h"
#include <stdlib.h>
#include <string.h>
#include <hiredis/read.h>
#include "bridge/bytes.h"
#include "bridge/error.h"

enum {
	CHUNK = 64 << 10, /* what a reply begins with */
	CHUNK_MAX = 1 << 20, /* what is kept for the next one at most */
	LINE_MAX_BYTES = 64 << 10, /* everything but a bulk string is a line; Redis itself allows 64 KiB */
	DEPTH_MAX = 7, /* of hiredis before 1.1; later ones know no bound */
	LENGTH_MAX = 32 /* digits of a length, with room */
};

struct chunk {
	struct chunk *next;
	size_t used, size;
	char bytes[];
};

struct redis_memory {
	unsigned held;
	struct chunk *chunks; /* the one that is filled first */
	size_t used; /* of all of them */
};

struct redis_parser {
	redisReader *reader;
	struct redis_memory *memory;
	size_t max_reply;
	bool delivered; /* what is in memory was given out */
	bool over; /* refused as too large */
	bool deep; /* refused as nested too deeply */
};

/* --- memory --- */

static struct redis_memory *memory_new(size_t first)
{
	struct redis_memory *m = mem_new(sizeof(*m));

	m->held = 1;
	m->chunks = mem_grow(NULL, sizeof(*m->chunks) + first);
	*m->chunks = (struct chunk){ .size = first };
	return m;
}

void redis_memory_release(struct redis_memory *m)
{
	if (!m || --m->held > 0)
		return;
	while (m->chunks) {
		struct chunk *c = m->chunks;

		m->chunks = c->next;
		free(c);
	}
	free(m);
}

/* For the next reply: the same piece again if one was enough and nobody holds it, else one of the size it took. */
static void memory_renew(struct redis_parser *p)
{
	struct redis_memory *m = p->memory;
	size_t wanted = m->used < CHUNK ? CHUNK : m->used > CHUNK_MAX ? CHUNK_MAX : m->used;

	if (m->held == 1 && !m->chunks->next && m->chunks->size <= CHUNK_MAX) {
		m->chunks->used = m->used = 0;
		return;
	}
	redis_memory_release(m);
	p->memory = memory_new(wanted);
}

/* NULL: the reply is too large. */
static void *memory_take(struct redis_parser *p, size_t n, size_t align)
{
	struct redis_memory *m = p->memory;
	struct chunk *c = m->chunks;
	size_t at = (c->used + align - 1) / align * align;

	if (n > p->max_reply || m->used + n > p->max_reply) {
		p->over = true;
		return NULL;
	}
	m->used += n;
	if (at + n > c->size) {
		size_t size = n > CHUNK ? n : c->size < CHUNK_MAX ? c->size * 2 : c->size;

		c = mem_grow(NULL, sizeof(*c) + (size > n ? size : n));
		*c = (struct chunk){ .next = m->chunks, .size = size > n ? size : n };
		m->chunks = c;
		at = 0;
	}
	c->used = at + n;
	return c->bytes + at;
}

/* --- what hiredis calls: NULL makes it give up --- */

static struct redis_reply *reply_at(const redisReadTask *task, enum redis_kind kind)
{
	struct redis_parser *p = task->privdata;
	struct redis_reply *r;

	if (task->parent)
		r = &((struct redis_reply *)task->parent->obj)->items[task->idx];
	else
		r = memory_take(p, sizeof(*r), sizeof(void *));
	if (r)
		*r = (struct redis_reply){ .kind = kind };
	return r;
}

static void *create_text(const redisReadTask *task, char *text, size_t n)
{
	enum redis_kind kind = task->type == REDIS_REPLY_ERROR ? REDIS_ERROR
	    : task->type == REDIS_REPLY_STATUS		       ? REDIS_STATUS
							       : REDIS_TEXT;
	struct redis_reply *r = reply_at(task, kind);
	char *copy = r ? memory_take(task->privdata, n, 1) : NULL;

	if (!copy)
		return NULL;
	memcpy(copy, text, n);
	r->text = (struct slice){ copy, n };
	return r;
}

#ifdef REDIS_REPLY_DOUBLE /* hiredis 1.0 and later */
static void *create_array(const redisReadTask *task, size_t n)
#else
static void *create_array(const redisReadTask *task, int n)
#endif
{
	struct redis_parser *p = task->privdata;
	struct redis_reply *r = reply_at(task, REDIS_ARRAY);
	size_t bytes = (size_t)n * sizeof(*r);
	unsigned depth = 0;

	for (const redisReadTask *above = task; above && depth <= DEPTH_MAX; above = above->parent)
		depth++;
	p->deep = depth > DEPTH_MAX;
	if (!r || p->deep)
		return NULL;
	r->items = memory_take(task->privdata, bytes, sizeof(void *));
	if (!r->items)
		return NULL;
	memset(r->items, 0, bytes);
	r->n = (unsigned)n;
	return r;
}

static void *create_integer(const redisReadTask *task, long long number)
{
	struct redis_reply *r = reply_at(task, REDIS_INTEGER);

	if (r)
		r->number = number;
	return r;
}

static void *create_nil(const redisReadTask *task)
{
	return reply_at(task, REDIS_NIL);
}

static void free_nothing(void *object)
{
	(void)object;
}

#ifdef REDIS_REPLY_DOUBLE
/* Of the newer protocol, which nobody asked the server for. */
static void *refuse_double(const redisReadTask *task, double value, char *text, size_t n)
{
	(void)task;
	(void)value;
	(void)text;
	(void)n;
	return NULL;
}

static void *refuse_bool(const redisReadTask *task, int value)
{
	(void)task;
	(void)value;
	return NULL;
}
#endif

static const redisReplyObjectFunctions functions = {
	.createString = create_text,
	.createArray = create_array,
	.createInteger = create_integer,
	.createNil = create_nil,
	.freeObject = free_nothing,
#ifdef REDIS_REPLY_DOUBLE
	.createDouble = refuse_double,
	.createBool = refuse_bool,
#endif
};

/* --- the parser --- */

struct redis_parser *redis_parser_new(size_t max_reply)
{
	struct redis_parser *p = mem_new(sizeof(*p));

	p->max_reply = max_reply;
	p->memory = memory_new(CHUNK);
	p->reader = redisReaderCreateWithFunctions((redisReplyObjectFunctions *)(uintptr_t)&functions);
	if (!p->reader)
		abort();
	p->reader->privdata = p;
	p->reader->maxbuf = CHUNK_MAX;
	return p;
}

void redis_parser_free(struct redis_parser *p)
{
	redisReaderFree(p->reader);
	redis_memory_release(p->memory);
	free(p);
}

void redis_parser_feed(struct redis_parser *p, const void *bytes, size_t n)
{
	redisReaderFeed(p->reader, bytes, n); /* what fails here is said by redis_parser_next() */
}

static int reader_type(const redisReader *r)
{
#ifdef REDIS_REPLY_DOUBLE
	return r->ridx >= 0 ? r->task[r->ridx]->type : -1;
#else
	return r->ridx >= 0 ? r->rstack[r->ridx].type : -1;
#endif
}

/* What has come of an item that is not whole: only a bulk string may be long, and its length stands at its head. */
static bool parser_may_wait(const struct redis_parser *p)
{
	const redisReader *r = p->reader;
	size_t waiting = r->len - r->pos;

	if (waiting <= LINE_MAX_BYTES)
		return true;
	if (waiting > p->max_reply)
		return false;
	return reader_type(r) == REDIS_REPLY_STRING && memchr(r->buf + r->pos, '\n', LENGTH_MAX) != NULL;
}

static int parser_too_large(const struct redis_parser *p, struct error *e)
{
	return error_set(e, ERR_LIMIT, "the server sends a reply of more than %zu bytes (maxReplyBytes)", p->max_reply);
}

int redis_parser_next(struct redis_parser *p, const struct redis_reply **reply_r, struct error *e)
{
	void *reply = NULL;

	if (p->delivered)
		memory_renew(p);
	p->delivered = false;
	if (redisReaderGetReply(p->reader, &reply) != REDIS_OK) {
		if (p->over)
			return parser_too_large(p, e);
		return error_set(
		    e, ERR_PROTOCOL, "what the server sends is not Redis' protocol: %.100s", p->reader->errstr);
	}
	if (reply) {
		p->delivered = true;
		*reply_r = reply;
		return 1;
	}
	if (parser_may_wait(p))
		return 0;
	if (p->reader->len - p->reader->pos > p->max_reply)
		return parser_too_large(p, e);
	return error_set(e, ERR_PROTOCOL, "what the server sends is not Redis' protocol: a line without an end");
}

struct redis_memory *redis_parser_hold(struct redis_parser *p)
{
	p->memory->held++;
	return p->memory;
}

/* --- replies --- */

bool redis_reply_refuses(const struct redis_reply *r, const char *word)
{
	size_t n = strlen(word);

	return r->kind == REDIS_ERROR && r->text.n >= n && memcmp(r->text.p, word, n) == 0 &&
	    (r->text.n == n || r->text.p[n] == ' ');
}

bool redis_reply_is_ok(const struct redis_reply *r)
{
	return r->kind != REDIS_ERROR && r->kind != REDIS_LOST && r->kind != REDIS_UNSENT;
}

const struct redis_reply *redis_reply_find(const struct redis_reply *map, const char *name)
{
	for (unsigned i = 0; map->kind == REDIS_ARRAY && i + 1 < map->n; i += 2)
		if (slice_is(map->items[i].text, name))
			return &map->items[i + 1];
	return NULL;
}
