/* A Redis server by rules; what no rule knows is answered +OK, a blocking read not at all. */
#include "tests/unit/redis_peer.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "bridge/error.h"
#include "connectors/redis_reply.h"

static bool begins_with(const char *line, const char *words)
{
	return strncmp(line, words, strlen(words)) == 0;
}

static struct redis_rule *rule_find(struct redis_peer *p, const char *line)
{
	for (unsigned i = p->n_rules; i-- > 0;)
		if (!p->rules[i].used_up && begins_with(line, p->rules[i].begins))
			return &p->rules[i];
	return NULL;
}

static void command_answer(struct redis_peer *p, struct peer_side *side, const char *line)
{
	struct redis_rule *rule = rule_find(p, line);

	if (!rule) {
		peer_say(side, "+OK\r\n");
		return;
	}
	if (rule->left > 0 && --rule->left == 0)
		rule->used_up = true;
	if (rule->reply)
		peer_say(side, rule->reply);
	else
		p->reader = side;
}

/* Commands are arrays of texts: the same protocol. */
static void redis_script(struct peer_side *side)
{
	struct redis_peer *p = (struct redis_peer *)side->peer;
	struct redis_parser *parser = redis_parser_new(1 << 26);
	const struct redis_reply *command;
	struct error e;
	size_t whole = 0;

	for (size_t n = 1; n <= side->in.n; n++) {
		if (side->in.p[n - 1] != '\n')
			continue;
		redis_parser_feed(parser, side->in.p + whole, n - whole);
		if (redis_parser_next(parser, &command, &e) == 1) {
			struct buf line = { 0 };

			for (unsigned i = 0; i < command->n; i++)
				buf_printf(&line, i ? " %.*s" : "%.*s", (int)command->items[i].text.n,
				    command->items[i].text.p);
			buf_add(&line, "\n", 2);
			if (!begins_with(line.p, "PING"))
				buf_add(&p->told, line.p, line.n - 1);
			command_answer(p, side, line.p);
			buf_free(&line);
			whole = n;
		}
		redis_parser_free(parser);
		parser = redis_parser_new(1 << 26);
	}
	memmove(side->in.p, side->in.p + whole, side->in.n - whole);
	side->in.n -= whole;
	redis_parser_free(parser);
}

void redis_peer_rule(struct redis_peer *p, const char *begins, const char *reply, unsigned left)
{
	assert_true(p->n_rules < 40);
	p->rules[p->n_rules++] = (struct redis_rule){ begins, reply, left, false };
}

void redis_peer_open(struct redis_peer *p, struct loop *loop)
{
	*p = (struct redis_peer){ .n_rules = 0 };
	peer_bind(&p->peer, loop, "127.0.0.1");
	peer_listen(&p->peer, redis_script);
	snprintf(p->host, sizeof(p->host), "127.0.0.1:%u", p->peer.port);
	redis_peer_rule(p, "PING", "+PONG\r\n", 0);
	redis_peer_rule(p, "XREADGROUP", NULL, 0);
	redis_peer_rule(p, "XPENDING", "*0\r\n", 0);
	redis_peer_rule(p, "XACK", ":1\r\n", 0);
	redis_peer_rule(p, "CLIENT ID", ":7\r\n", 0);
	redis_peer_rule(p, "XINFO GROUPS", "*0\r\n", 0);
}

void redis_peer_close(struct redis_peer *p)
{
	peer_close(&p->peer);
	buf_free(&p->told);
}

unsigned redis_peer_count(const struct redis_peer *p, const char *begins)
{
	unsigned n = 0;

	for (size_t at = 0; at < p->told.n;) {
		const char *line = p->told.p + at, *end = memchr(line, '\n', p->told.n - at);
		size_t length = (size_t)(end - line) + 1;

		n += length >= strlen(begins) && memcmp(line, begins, strlen(begins)) == 0;
		at += length;
	}
	return n;
}

bool redis_peer_was_told(const struct redis_peer *p, const char *command)
{
	return redis_peer_count(p, command) > 0;
}

void redis_peer_forget(struct redis_peer *p)
{
	buf_clear(&p->told);
}

void redis_peer_answer(struct redis_peer *p, const char *reply)
{
	assert_non_null(p->reader);
	peer_say(p->reader, reply);
	p->reader = NULL;
}
