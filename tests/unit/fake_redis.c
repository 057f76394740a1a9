/* A Redis of a few commands on the test's own loop: its connections, transactions, waiting clients and faults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/unit/fake_redis.h"

/* --- connections --- */

static void words_free(struct fake_words *c)
{
	for (unsigned i = 0; i < c->n; i++)
		free(c->w[i]);
	free(c->w);
	*c = (struct fake_words){ 0 };
}

static struct fake_redis *fake_of(const struct peer_side *side)
{
	return (struct fake_redis *)side->peer; /* its first member */
}

static struct fake_client *client_of(struct peer_side *side)
{
	struct fake_redis *fake = fake_of(side);
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

static void transaction_end(struct fake_redis *fake, struct fake_client *c, struct buf *b)
{
	if (c->broken)
		buf_text(b, "-EXECABORT Transaction discarded because of previous errors.\r\n");
	else
		buf_printf(b, "*%u\r\n", c->n_queue);
	for (unsigned i = 0; i < c->n_queue; i++) {
		if (!c->broken)
			fake_run(fake, &c->queue[i], b);
		words_free(&c->queue[i]);
	}
	free(c->queue);
	c->queue = NULL;
	c->n_queue = 0;
	c->transaction = c->broken = false;
}

static void serve(struct fake_client *c, struct fake_words *words, struct buf *b)
{
	struct fake_redis *fake = fake_of(c->side);
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
		transaction_end(fake, c, b);
	} else if (c->transaction) {
		c->queue = mem_grow(c->queue, (c->n_queue + 1) * sizeof(*c->queue));
		c->queue[c->n_queue++] = *words;
		*words = (struct fake_words){ 0 };
		buf_text(b, "+QUEUED\r\n");
	} else if (words->w[0][0] == 'B' && !(fake->old && strcmp(words->w[0], "BLMOVE") == 0) &&
	    fake_type_of(fake, words->w[1]) == FAKE_NONE) {
		c->blocked_from = mem_text(words->w[1]);
		c->blocked_to = mem_text(words->w[2]);
	} else {
		fake_run(fake, words, b);
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

static void command_log(struct fake_redis *fake, const struct fake_words *c)
{
	for (unsigned i = 0; i < c->n; i++)
		buf_printf(&fake->log, "%s%s", i ? " " : "", c->w[i]);
	buf_text(&fake->log, "\n");
}

static void serve_waiting(struct fake_redis *fake)
{
	for (struct fake_client *c = fake->clients; c; c = c->next) {
		struct buf b = { 0 };

		if (c->blocked_from && !c->side->closed && fake_type_of(fake, c->blocked_from) == FAKE_LIST &&
		    fake_move(fake, c->blocked_from, c->blocked_to, false, &b)) {
			client_unblock(c);
			peer_send(c->side, b.p, b.n);
		}
		buf_free(&b);
	}
}

/* Replies go out together, as Redis sends them. */
static void script(struct peer_side *side)
{
	struct fake_redis *fake = fake_of(side);
	struct fake_client *c = client_of(side);
	struct fake_words words;
	struct buf b = { 0 };
	bool cut = false;

	while (!cut && !side->closed && !side->end_when_sent && !c->blocked_from && command_take(&side->in, &words)) {
		bool counted = strcmp(words.w[0], "PING") != 0;
		size_t before = b.n;

		command_log(fake, &words);
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
	fake_insert(k, 0, mem_text(value));
	serve_waiting(f);
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
}
