/* The keys and commands of the fake Redis; whoever asks for another one fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/unit/fake_redis.h"

/* --- keys --- */

static struct fake_key *key_find(const struct fake_redis *f, const char *name)
{
	for (struct fake_key *k = f->keys; k; k = k->next)
		if (strcmp(k->name, name) == 0)
			return k;
	return NULL;
}

enum fake_type fake_type_of(const struct fake_redis *f, const char *name)
{
	struct fake_key *k = key_find(f, name);

	return k ? k->type : FAKE_NONE;
}

struct fake_key *fake_key(struct fake_redis *f, const char *name)
{
	struct fake_key *k = key_find(f, name);

	if (k)
		return k;
	k = mem_new(sizeof(*k));
	k->name = mem_text(name);
	k->next = f->keys;
	f->keys = k;
	return k;
}

void fake_delete(struct fake_redis *f, const char *name)
{
	for (struct fake_key **at = &f->keys; *at; at = &(*at)->next) {
		struct fake_key *k = *at;

		if (strcmp(k->name, name) != 0)
			continue;
		*at = k->next;
		for (unsigned i = 0; i < k->n; i++)
			free(k->items[i]);
		free(k->items);
		free(k->name);
		free(k);
		return;
	}
}

void fake_insert(struct fake_key *k, unsigned at, char *value)
{
	k->items = mem_grow(k->items, (k->n + 1) * sizeof(*k->items));
	memmove(&k->items[at + 1], &k->items[at], (k->n - at) * sizeof(*k->items));
	k->items[at] = value;
	k->n++;
}

static char *key_remove(struct fake_redis *f, struct fake_key *k, unsigned at)
{
	char *value = k->items[at];

	k->n--;
	memmove(&k->items[at], &k->items[at + 1], (k->n - at) * sizeof(*k->items));
	if (k->n == 0)
		fake_delete(f, k->name);
	return value;
}

unsigned fake_length(struct fake_redis *f, const char *name)
{
	struct fake_key *k = key_find(f, name);

	return k && k->type == FAKE_LIST ? k->n : 0;
}

static int hash_field(const struct fake_key *k, const char *field)
{
	for (unsigned i = 0; k && i < k->n; i += 2)
		if (strcmp(k->items[i], field) == 0)
			return (int)i;
	return -1;
}

/* --- commands: each appends its reply --- */

static const char wrong_type[] = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";

static void say_text(struct buf *b, const char *text)
{
	buf_printf(b, "$%zu\r\n%s\r\n", strlen(text), text);
}

static void do_set(struct fake_redis *f, struct fake_words *c, struct buf *b)
{
	bool renew = strcmp(c->w[c->n - 1], "XX") == 0;
	struct fake_key *k;

	if (renew && !key_find(f, c->w[1])) {
		buf_text(b, "$-1\r\n");
		return;
	}
	fake_delete(f, c->w[1]);
	k = fake_key(f, c->w[1]);
	k->type = FAKE_STRING;
	fake_insert(k, 0, mem_text(c->w[2]));
	buf_text(b, "+OK\r\n");
}

static void do_hset(struct fake_redis *f, struct fake_words *c, struct buf *b)
{
	struct fake_key *k = fake_key(f, c->w[1]);
	int at;

	k->type = FAKE_HASH;
	at = hash_field(k, c->w[2]);
	if (at >= 0) {
		free(k->items[at + 1]);
		k->items[at + 1] = mem_text(c->w[3]);
	} else {
		fake_insert(k, k->n, mem_text(c->w[2]));
		fake_insert(k, k->n, mem_text(c->w[3]));
	}
	buf_printf(b, ":%d\r\n", at < 0);
}

static void do_hget(struct fake_redis *f, struct fake_words *c, struct buf *b)
{
	struct fake_key *k = key_find(f, c->w[1]);
	int at = hash_field(k, c->w[2]);

	if (at < 0)
		buf_text(b, "$-1\r\n");
	else
		say_text(b, k->items[at + 1]);
}

static void do_hdel(struct fake_redis *f, struct fake_words *c, struct buf *b)
{
	unsigned n = 0;

	for (unsigned i = 2; i < c->n; i++) {
		struct fake_key *k = key_find(f, c->w[1]);
		int at = hash_field(k, c->w[i]);

		if (at < 0)
			continue;
		free(key_remove(f, k, (unsigned)at + 1));
		free(key_remove(f, k, (unsigned)at));
		n++;
	}
	buf_printf(b, ":%u\r\n", n);
}

static void do_hgetall(struct fake_redis *f, struct fake_words *c, struct buf *b)
{
	struct fake_key *k = key_find(f, c->w[1]);

	buf_printf(b, "*%u\r\n", k ? k->n : 0);
	for (unsigned i = 0; k && i < k->n; i++)
		say_text(b, k->items[i]);
}

static void do_hkeys(struct fake_redis *f, struct fake_words *c, struct buf *b)
{
	struct fake_key *k = key_find(f, c->w[1]);

	buf_printf(b, "*%u\r\n", k ? k->n / 2 : 0);
	for (unsigned i = 0; k && i < k->n; i += 2)
		say_text(b, k->items[i]);
}

static void do_type(struct fake_redis *f, struct fake_words *c, struct buf *b)
{
	static const char *const names[] = { "none", "string", "list", "hash" };

	buf_printf(b, "+%s\r\n", names[fake_type_of(f, c->w[1])]);
}

static void do_exists(struct fake_redis *f, struct fake_words *c, struct buf *b)
{
	buf_printf(b, ":%d\r\n", key_find(f, c->w[1]) != NULL);
}

static void do_del(struct fake_redis *f, struct fake_words *c, struct buf *b)
{
	do_exists(f, c, b);
	fake_delete(f, c->w[1]);
}

static void do_rename(struct fake_redis *f, struct fake_words *c, struct buf *b)
{
	struct fake_key *k = key_find(f, c->w[1]);

	if (!k) {
		buf_text(b, "-ERR no such key\r\n");
		return;
	}
	fake_delete(f, c->w[2]);
	free(k->name);
	k->name = mem_text(c->w[2]);
	buf_text(b, "+OK\r\n");
}

static void do_llen(struct fake_redis *f, struct fake_words *c, struct buf *b)
{
	enum fake_type t = fake_type_of(f, c->w[1]);

	if (t != FAKE_NONE && t != FAKE_LIST)
		buf_text(b, wrong_type);
	else
		buf_printf(b, ":%u\r\n", fake_length(f, c->w[1]));
}

static void do_lset(struct fake_redis *f, struct fake_words *c, struct buf *b)
{
	struct fake_key *k = key_find(f, c->w[1]);
	int at = atoi(c->w[2]);

	if (!k || k->type != FAKE_LIST || -at > (int)k->n) {
		buf_text(b,
		    !k			       ? "-ERR no such key\r\n"
			: k->type != FAKE_LIST ? wrong_type
					       : "-ERR index out of range\r\n");
		return;
	}
	at += (int)k->n;
	free(k->items[at]);
	k->items[at] = mem_text(c->w[3]);
	buf_text(b, "+OK\r\n");
}

static void do_lrem(struct fake_redis *f, struct fake_words *c, struct buf *b)
{
	struct fake_key *k = key_find(f, c->w[1]);
	int most = -atoi(c->w[2]), n = 0;

	if (k && k->type != FAKE_LIST) {
		buf_text(b, wrong_type);
		return;
	}
	for (int i = k ? (int)k->n - 1 : -1; i >= 0 && n < most; i--)
		if (strcmp(k->items[i], c->w[3]) == 0) {
			free(key_remove(f, k, (unsigned)i));
			n++;
		}
	buf_printf(b, ":%d\r\n", n);
}

static void do_lrange(struct fake_redis *f, struct fake_words *c, struct buf *b)
{
	struct fake_key *k = key_find(f, c->w[1]);
	int n = (int)fake_length(f, c->w[1]), from = atoi(c->w[2]) + n, to = atoi(c->w[3]) + n;

	if (from < 0)
		from = 0;
	buf_printf(b, "*%d\r\n", to >= from ? to - from + 1 : 0);
	for (int i = from; i <= to; i++)
		say_text(b, k->items[i]);
}

/* false: there is nothing to move. */
bool fake_move(struct fake_redis *f, const char *from, const char *to, bool left, struct buf *b)
{
	struct fake_key *k = key_find(f, from);
	enum fake_type t = fake_type_of(f, to);
	char *value;

	if ((k && k->type != FAKE_LIST) || (t != FAKE_NONE && t != FAKE_LIST && k)) {
		buf_text(b, wrong_type);
		return true;
	}
	if (!k)
		return false;
	value = key_remove(f, k, left ? 0 : k->n - 1);
	k = fake_key(f, to);
	k->type = FAKE_LIST;
	fake_insert(k, 0, value);
	say_text(b, value);
	return true;
}

static void do_move(struct fake_redis *f, struct fake_words *c, struct buf *b)
{
	if (!fake_move(f, c->w[1], c->w[2], c->n > 3 && strcmp(c->w[3], "LEFT") == 0, b))
		buf_text(b, "$-1\r\n");
}

static const struct {
	const char *name;
	unsigned words; /* at least */
	void (*run)(struct fake_redis *, struct fake_words *, struct buf *);
	bool since_6_2;
} commands[] = {
	{ "SET", 3, do_set, false },
	{ "HSET", 4, do_hset, false },
	{ "HGET", 3, do_hget, false },
	{ "HDEL", 3, do_hdel, false },
	{ "HGETALL", 2, do_hgetall, false },
	{ "HKEYS", 2, do_hkeys, false },
	{ "TYPE", 2, do_type, false },
	{ "EXISTS", 2, do_exists, false },
	{ "DEL", 2, do_del, false },
	{ "RENAME", 3, do_rename, false },
	{ "LLEN", 2, do_llen, false },
	{ "LSET", 4, do_lset, false },
	{ "LREM", 4, do_lrem, false },
	{ "LRANGE", 4, do_lrange, false },
	{ "LMOVE", 5, do_move, true },
	{ "BLMOVE", 6, do_move, true },
	{ "RPOPLPUSH", 3, do_move, false },
	{ "BRPOPLPUSH", 4, do_move, false },
};

void fake_run(struct fake_redis *f, struct fake_words *c, struct buf *b)
{
	for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, c->w[0]) == 0 && !(f->old && commands[i].since_6_2)) {
			if (c->n < commands[i].words)
				fail_msg("%s with %u words", c->w[0], c->n);
			commands[i].run(f, c, b);
			return;
		}
	buf_printf(b, "-ERR unknown command '%s'\r\n", c->w[0]);
}
