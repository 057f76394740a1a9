/* A Redis of a few commands on the test's own loop. */
#include "tests/unit/fake_redis.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct fake_redis *fake; /* the script of a peer knows its peer alone */

/* --- keys --- */

static struct fake_key *key_find(const char *name)
{
	for (struct fake_key *k = fake->keys; k; k = k->next)
		if (strcmp(k->name, name) == 0)
			return k;
	return NULL;
}

static enum fake_type key_type(const char *name)
{
	struct fake_key *k = key_find(name);

	return k ? k->type : FAKE_NONE;
}

struct fake_key *fake_key(struct fake_redis *f, const char *name)
{
	struct fake_key *k = key_find(name);

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

static void key_insert(struct fake_key *k, unsigned at, char *value)
{
	k->items = mem_grow(k->items, (k->n + 1) * sizeof(*k->items));
	memmove(&k->items[at + 1], &k->items[at], (k->n - at) * sizeof(*k->items));
	k->items[at] = value;
	k->n++;
}

static char *key_remove(struct fake_key *k, unsigned at)
{
	char *value = k->items[at];

	k->n--;
	memmove(&k->items[at], &k->items[at + 1], (k->n - at) * sizeof(*k->items));
	if (k->n == 0)
		fake_delete(fake, k->name);
	return value;
}

unsigned fake_length(struct fake_redis *f, const char *name)
{
	struct fake_key *k = key_find(name);

	(void)f;
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

static void do_set(struct fake_words *c, struct buf *b)
{
	bool renew = strcmp(c->w[c->n - 1], "XX") == 0;
	struct fake_key *k;

	if (renew && !key_find(c->w[1])) {
		buf_text(b, "$-1\r\n");
		return;
	}
	fake_delete(fake, c->w[1]);
	k = fake_key(fake, c->w[1]);
	k->type = FAKE_STRING;
	key_insert(k, 0, mem_text(c->w[2]));
	buf_text(b, "+OK\r\n");
}

static void do_hset(struct fake_words *c, struct buf *b)
{
	struct fake_key *k = fake_key(fake, c->w[1]);
	int at;

	k->type = FAKE_HASH;
	at = hash_field(k, c->w[2]);
	if (at >= 0) {
		free(k->items[at + 1]);
		k->items[at + 1] = mem_text(c->w[3]);
	} else {
		key_insert(k, k->n, mem_text(c->w[2]));
		key_insert(k, k->n, mem_text(c->w[3]));
	}
	buf_printf(b, ":%d\r\n", at < 0);
}

static void do_hget(struct fake_words *c, struct buf *b)
{
	struct fake_key *k = key_find(c->w[1]);
	int at = hash_field(k, c->w[2]);

	if (at < 0)
		buf_text(b, "$-1\r\n");
	else
		say_text(b, k->items[at + 1]);
}

static void do_hdel(struct fake_words *c, struct buf *b)
{
	unsigned n = 0;

	for (unsigned i = 2; i < c->n; i++) {
		struct fake_key *k = key_find(c->w[1]);
		int at = hash_field(k, c->w[i]);

		if (at < 0)
			continue;
		free(key_remove(k, (unsigned)at + 1));
		free(key_remove(k, (unsigned)at));
		n++;
	}
	buf_printf(b, ":%u\r\n", n);
}

static void do_hgetall(struct fake_words *c, struct buf *b)
{
	struct fake_key *k = key_find(c->w[1]);

	buf_printf(b, "*%u\r\n", k ? k->n : 0);
	for (unsigned i = 0; k && i < k->n; i++)
		say_text(b, k->items[i]);
}

static void do_hkeys(struct fake_words *c, struct buf *b)
{
	struct fake_key *k = key_find(c->w[1]);

	buf_printf(b, "*%u\r\n", k ? k->n / 2 : 0);
	for (unsigned i = 0; k && i < k->n; i += 2)
		say_text(b, k->items[i]);
}

static void do_type(struct fake_words *c, struct buf *b)
{
	static const char *const names[] = { "none", "string", "list", "hash" };

	buf_printf(b, "+%s\r\n", names[key_type(c->w[1])]);
}

static void do_exists(struct fake_words *c, struct buf *b)
{
	buf_printf(b, ":%d\r\n", key_find(c->w[1]) != NULL);
}

static void do_del(struct fake_words *c, struct buf *b)
{
	do_exists(c, b);
	fake_delete(fake, c->w[1]);
}

static void do_rename(struct fake_words *c, struct buf *b)
{
	struct fake_key *k = key_find(c->w[1]);

	if (!k) {
		buf_text(b, "-ERR no such key\r\n");
		return;
	}
	fake_delete(fake, c->w[2]);
	free(k->name);
	k->name = mem_text(c->w[2]);
	buf_text(b, "+OK\r\n");
}

static void do_llen(struct fake_words *c, struct buf *b)
{
	enum fake_type t = key_type(c->w[1]);

	if (t != FAKE_NONE && t != FAKE_LIST)
		buf_text(b, wrong_type);
	else
		buf_printf(b, ":%u\r\n", fake_length(fake, c->w[1]));
}

static void do_lset(struct fake_words *c, struct buf *b)
{
	struct fake_key *k = key_find(c->w[1]);
	int at = atoi(c->w[2]);

	if (!k || k->type != FAKE_LIST || -at > (int)k->n) {
		buf_text(b, !k ? "-ERR no such key\r\n" : k->type != FAKE_LIST ? wrong_type : "-ERR index out of range\r\n");
		return;
	}
	at += (int)k->n;
	free(k->items[at]);
	k->items[at] = mem_text(c->w[3]);
	buf_text(b, "+OK\r\n");
}

static void do_lrem(struct fake_words *c, struct buf *b)
{
	struct fake_key *k = key_find(c->w[1]);
	int most = -atoi(c->w[2]), n = 0;

	if (k && k->type != FAKE_LIST) {
		buf_text(b, wrong_type);
		return;
	}
	for (int i = k ? (int)k->n - 1 : -1; i >= 0 && n < most; i--)
		if (strcmp(k->items[i], c->w[3]) == 0) {
			free(key_remove(k, (unsigned)i));
			n++;
		}
	buf_printf(b, ":%d\r\n", n);
}

static void do_lrange(struct fake_words *c, struct buf *b)
{
	struct fake_key *k = key_find(c->w[1]);
	int n = (int)fake_length(fake, c->w[1]), from = atoi(c->w[2]) + n, to = atoi(c->w[3]) + n;

	if (from < 0)
		from = 0;
	buf_printf(b, "*%d\r\n", to >= from ? to - from + 1 : 0);
	for (int i = from; i <= to; i++)
		say_text(b, k->items[i]);
}

/* false: there is nothing to move. */
static bool move(const char *from, const char *to, bool left, struct buf *b)
{
	struct fake_key *k = key_find(from);
	enum fake_type t = key_type(to);
	char *value;

	if ((k && k->type != FAKE_LIST) || (t != FAKE_NONE && t != FAKE_LIST && k)) {
		buf_text(b, wrong_type);
		return true;
	}
	if (!k)
		return false;
	value = key_remove(k, left ? 0 : k->n - 1);
	k = fake_key(fake, to);
	k->type = FAKE_LIST;
	key_insert(k, 0, value);
	say_text(b, value);
	return true;
}

static void do_move(struct fake_words *c, struct buf *b)
{
	if (!move(c->w[1], c->w[2], c->n > 3 && strcmp(c->w[3], "LEFT") == 0, b))
		buf_text(b, "$-1\r\n");
}

static const struct {
	const char *name;
	unsigned words; /* at least */
	void (*run)(struct fake_words *, struct buf *);
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

static void run(struct fake_words *c, struct buf *b)
{
	for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, c->w[0]) == 0 && !(fake->old && commands[i].since_6_2)) {
			if (c->n < commands[i].words)
				fail_msg("%s with %u words", c->w[0], c->n);
			commands[i].run(c, b);
			return;
		}
	buf_printf(b, "-ERR unknown command '%s'\r\n", c->w[0]);
}

/* --- connections --- */

static void words_free(struct fake_words *c)
{
	for (unsigned i = 0; i < c->n; i++)
		free(c->w[i]);
	free(c->w);
	*c = (struct fake_words){ 0 };
}

static struct fake_client *client_of(struct peer_side *side)
{
	struct fake_client *c = fake->clients;

	while (c && c->side != side)
		c = c->next;
	if (c)
		return c;
	c = mem_new(sizeof(*c));
	c->side = side;
	c->next = fake->clients;
	fake->clients = c;
	return c;
}

static void client_unblock(struct fake_client *c)
{
	free(c->blocked_from);
	free(c->blocked_to);
	c->blocked_from = c->blocked_to = NULL;
}

static void transaction_end(struct fake_client *c, struct buf *b)
{
	if (c->broken)
		buf_text(b, "-EXECABORT Transaction discarded because of previous errors.\r\n");
	else
		buf_printf(b, "*%u\r\n", c->n_queue);
	for (unsigned i = 0; i < c->n_queue; i++) {
		if (!c->broken)
			run(&c->queue[i], b);
		words_free(&c->queue[i]);
	}
	free(c->queue);
	c->queue = NULL;
	c->n_queue = 0;
	c->transaction = c->broken = false;
}

static void serve(struct fake_client *c, struct fake_words *words, struct buf *b)
{
	bool refused = fake->refuse && strcmp(fake->refuse, words->w[0]) == 0;

	if (refused) {
		buf_printf(b, "-%s\r\n", fake->refusal);
		c->broken |= c->transaction;
	} else if (strcmp(words->w[0], "PING") == 0) {
		buf_text(b, "+PONG\r\n");
	} else if (strcmp(words->w[0], "MULTI") == 0) {
		c->transaction = true;
		buf_text(b, "+OK\r\n");
	} else if (strcmp(words->w[0], "EXEC") == 0) {
		transaction_end(c, b);
	} else if (c->transaction) {
		c->queue = mem_grow(c->queue, (c->n_queue + 1) * sizeof(*c->queue));
		c->queue[c->n_queue++] = *words;
		*words = (struct fake_words){ 0 };
		buf_text(b, "+QUEUED\r\n");
	} else if (words->w[0][0] == 'B' && !(fake->old && strcmp(words->w[0], "BLMOVE") == 0) &&
	    key_type(words->w[1]) == FAKE_NONE) {
		c->blocked_from = mem_text(words->w[1]);
		c->blocked_to = mem_text(words->w[2]);
	} else {
		run(words, b);
	}
}

/* One whole command off what came; false: there is none. */
static bool command_take(struct buf *in, struct fake_words *c)
{
	const char *at = in->p, *end = in->p + in->n;
	unsigned n = in->n && memchr(in->p, '\n', in->n) ? (unsigned)atoi(at + 1) : 0;

	*c = (struct fake_words){ 0 };
	if (n == 0)
		return false;
	at = (const char *)memchr(at, '\n', in->n) + 1;
	c->w = mem_new(n * sizeof(*c->w));
	while (c->n < n) {
		const char *line = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
		size_t size = line ? (size_t)atoi(at + 1) : 0;

		if (!line || (size_t)(end - line) < size + 3) {
			words_free(c);
			return false;
		}
		c->w[c->n++] = mem_slice((struct slice){ line + 1, size });
		at = line + 1 + size + 2;
	}
	in->n -= (size_t)(at - in->p);
	memmove(in->p, at, in->n);
	return true;
}

static void command_log(const struct fake_words *c)
{
	for (unsigned i = 0; i < c->n; i++)
		buf_printf(&fake->log, "%s%s", i ? " " : "", c->w[i]);
	buf_text(&fake->log, "\n");
}

static void serve_waiting(void)
{
	for (struct fake_client *c = fake->clients; c; c = c->next) {
		struct buf b = { 0 };

		if (c->blocked_from && !c->side->closed && key_find(c->blocked_from) &&
		    move(c->blocked_from, c->blocked_to, false, &b)) {
			client_unblock(c);
			peer_send(c->side, b.p, b.n);
		}
		buf_free(&b);
	}
}

/* Replies go out together, as Redis sends them. */
static void script(struct peer_side *side)
{
	struct fake_client *c = client_of(side);
	struct fake_words words;
	struct buf b = { 0 };
	bool cut = false;

	while (!cut && !side->closed && !side->end_when_sent && !c->blocked_from && command_take(&side->in, &words)) {
		bool counted = strcmp(words.w[0], "PING") != 0;
		size_t before = b.n;

		command_log(&words);
		fake->commands += counted;
		cut = counted && fake->cut_at && fake->commands == fake->cut_at;
		if (!cut || fake->cut == CUT_BEHIND)
			serve(c, &words, &b);
		if (cut)
			b.n = before;
		words_free(&words);
	}
	if (b.n)
		peer_send(side, b.p, b.n);
	if (cut)
		peer_end(side);
	buf_free(&b);
}

void fake_push(struct fake_redis *f, const char *list, const char *value)
{
	struct fake_key *k = fake_key(f, list);

	k->type = FAKE_LIST;
	key_insert(k, 0, mem_text(value));
	serve_waiting();
}

unsigned fake_called(const struct fake_redis *f, const char *begin)
{
	const char *at = f->log.p, *end = f->log.p + f->log.n;
	unsigned n = 0;

	while (at && at < end) {
		n += (size_t)(end - at) >= strlen(begin) && memcmp(at, begin, strlen(begin)) == 0;
		at = (const char *)memchr(at, '\n', (size_t)(end - at)) + 1;
	}
	return n;
}

void fake_disconnect(struct fake_redis *f)
{
	for (struct fake_client *c = f->clients; c; c = c->next)
		if (!c->side->closed)
			peer_reset(c->side);
}

void fake_redis_open(struct fake_redis *f, struct loop *loop)
{
	*f = (struct fake_redis){ 0 };
	fake = f;
	peer_bind(&f->peer, loop, "127.0.0.1");
	peer_listen(&f->peer, script);
}

void fake_redis_close(struct fake_redis *f)
{
	peer_close(&f->peer);
	while (f->keys)
		fake_delete(f, f->keys->name);
	while (f->clients) {
		struct fake_client *c = f->clients;

		f->clients = c->next;
		client_unblock(c);
		c->broken = true;
		for (unsigned i = 0; i < c->n_queue; i++)
			words_free(&c->queue[i]);
		free(c->queue);
		free(c);
	}
	buf_free(&f->log);
	fake = NULL;
}
