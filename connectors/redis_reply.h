/* What a Redis server sends: bytes to replies, each a tree in memory of its own that can be kept. */
#ifndef CONNECTORS_REDIS_REPLY_H
#define CONNECTORS_REDIS_REPLY_H
#include "bridge/event.h"

struct error;

enum redis_kind {
	REDIS_NIL,
	REDIS_STATUS,		/* text: "OK" */
	REDIS_ERROR,		/* text: "WRONGTYPE Operation against a key …" */
	REDIS_INTEGER,
	REDIS_TEXT,
	REDIS_ARRAY,
	/* made by a link, not by a server; text: why */
	REDIS_LOST,		/* the command was sent, at least in part, and its reply will not come */
	REDIS_UNSENT		/* no byte of it left */
};

struct redis_reply {
	enum redis_kind	 kind;
	unsigned	 n;		/* REDIS_ARRAY: items */
	struct redis_reply *items;
	int64_t		 number;	/* REDIS_INTEGER */
	struct slice	 text;		/* without NUL */
};

/* REDIS_ERROR whose text begins with that word: "NOGROUP". */
bool redis_reply_refuses(const struct redis_reply *, const char *word);
bool redis_reply_is_ok(const struct redis_reply *);	/* neither an error nor lost */
/* A value of a flat map (name, value, name …), as XINFO and CONFIG GET give them; NULL: no such name. */
const struct redis_reply *redis_reply_find(const struct redis_reply *map, const char *name);

/* The memory of one reply, counted. */
struct redis_memory;
void redis_memory_release(struct redis_memory *);	/* NULL: nothing */

/*
 * Bytes in, replies out.  Nothing a server sends makes it take more memory than about twice `max_reply`, or more time
 * than in proportion to the bytes.
 */
struct redis_parser;
struct redis_parser *redis_parser_new(size_t max_reply);
void redis_parser_free(struct redis_parser *);
void redis_parser_feed(struct redis_parser *, const void *, size_t);
/* 1: a reply, valid until the next call; 0: it is not whole yet; -1: no RESP, or over a limit: there is no going on. */
int redis_parser_next(struct redis_parser *, const struct redis_reply **reply_r, struct error *);
/* The memory of the last reply: it stays as long as somebody holds it. */
struct redis_memory *redis_parser_hold(struct redis_parser *);
#endif
