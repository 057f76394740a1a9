/* The bare limit for Redis streams: the same codec, HTTP/1.1 over epoll, no policy. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include "bridge/bytes.h"
#include "bridge/error.h"
#include "connectors/redis_reply.h"
#include "tests/bench/bench.h"
#include "tests/bench/sides.h"

/*
 * Usage: limit_redis --redis PORT --topic STREAM --group NAME --port N [--connections N]
 * Batches of a hundred, read by one connection while the one before is with the function; each event's field is POSTed
 * in place; what a turn has finished is acknowledged in one command of a second connection.
 */
enum { BATCH = 100, EVENTS = 512, MOST = 1 << 26, BATCHES = 4 };

/* Replies that are in use: the reply's memory goes when the last of its events is done. */
struct batch {
	struct redis_memory *memory;
	const struct redis_reply *entries;
	unsigned n, at, left;
};

struct limit {
	long redis, connections;
	const char *topic, *group;
	int epoll, reader, acker;
	struct sides sides;
	struct redis_parser *parser, *acks;
	struct batch batches[BATCHES];
	struct buf ack;
	unsigned acked;
	bool reading;
};

static int redis_connect(const struct limit *l)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)l->redis) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		die("port %ld: %s", l->redis, strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static void say(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(fd, p, n, 0);

		if (sent < 0 && errno != EAGAIN)
			die("Redis is gone: %s", strerror(errno));
		if (sent > 0) {
			p += sent;
			n -= (size_t)sent;
		}
	}
}

static void read_ask(struct limit *l)
{
	struct buf b = { 0 };

	buf_printf(&b,
	    "*11\r\n$10\r\nXREADGROUP\r\n$5\r\nGROUP\r\n$%zu\r\n%s\r\n$1\r\nc\r\n$5\r\nCOUNT\r\n$3\r\n%d\r\n"
	    "$5\r\nBLOCK\r\n$4\r\n1000\r\n$7\r\nSTREAMS\r\n$%zu\r\n%s\r\n$1\r\n>\r\n",
	    strlen(l->group), l->group, BATCH, strlen(l->topic), l->topic);
	say(l->reader, b.p, b.n);
	buf_free(&b);
	l->reading = true;
}

static void group_make(struct limit *l)
{
	struct buf b = { 0 };
	char in[200];

	buf_printf(&b,
	    "*6\r\n$6\r\nXGROUP\r\n$6\r\nCREATE\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n$1\r\n0\r\n$8\r\nMKSTREAM\r\n",
	    strlen(l->topic), l->topic, strlen(l->group), l->group);
	say(l->acker, b.p, b.n);
	if (recv(l->acker, in, sizeof(in), 0) <= 0 || in[0] != '+')
		die("no group %s of %s", l->group, l->topic);
	buf_free(&b);
}

static void event_done(void *limit, void *event)
{
	struct limit *l = limit;
	const struct redis_reply *entry = event;
	struct slice id = entry->items[0].text;

	buf_printf(&l->ack, "$%zu\r\n%.*s\r\n", id.n, (int)id.n, id.p);
	l->acked++;
	for (unsigned i = 0; i < BATCHES; i++) {
		struct batch *b = &l->batches[i];

		if (b->memory && entry >= b->entries && entry < b->entries + b->n && --b->left == 0) {
			redis_memory_release(b->memory);
			b->memory = NULL;
		}
	}
}

static void acks_send(struct limit *l)
{
	struct buf b = { 0 };

	if (!l->acked)
		return;
	buf_printf(&b, "*%u\r\n$4\r\nXACK\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n", 3 + l->acked, strlen(l->topic), l->topic,
	    strlen(l->group), l->group);
	buf_add(&b, l->ack.p, l->ack.n);
	say(l->acker, b.p, b.n);
	buf_free(&b);
	buf_clear(&l->ack);
	l->acked = 0;
}

static void batch_take(struct limit *l, const struct redis_reply *reply)
{
	const struct redis_reply *stream = reply->items;

	l->reading = false;
	if (reply->kind == REDIS_NIL)
		return;
	if (reply->kind != REDIS_ARRAY)
		die("no entries: %.*s", (int)reply->text.n, reply->text.p);
	for (unsigned i = 0; i < BATCHES; i++)
		if (!l->batches[i].memory) {
			l->batches[i] = (struct batch){ .memory = redis_parser_hold(l->parser),
				.entries = stream->items[1].items,
				.n = stream->items[1].n,
				.left = stream->items[1].n };
			return;
		}
	die("more batches than %d", BATCHES);
}

static void redis_readable(struct limit *l, int fd, struct redis_parser *p)
{
	const struct redis_reply *reply;
	char in[1 << 16];
	ssize_t n = recv(fd, in, sizeof(in), MSG_DONTWAIT);
	struct error e;

	if (n == 0)
		die("Redis is gone");
	if (n < 0)
		return;
	redis_parser_feed(p, in, (size_t)n);
	while (redis_parser_next(p, &reply, &e) == 1)
		if (fd == l->reader)
			batch_take(l, reply);
}

static void limit_pull(struct limit *l)
{
	unsigned used = 0;

	for (unsigned i = 0; i < BATCHES; i++) {
		struct batch *b = &l->batches[i];

		for (; b->memory && b->at < b->n && l->sides.idle; b->at++) {
			const struct redis_reply *data = &b->entries[b->at].items[1].items[1];

			sides_send(&l->sides, (void *)(uintptr_t)&b->entries[b->at], data->text.p, data->text.n);
		}
		used += b->memory != NULL;
	}
	if (!l->reading && used < BATCHES - 1)
		read_ask(l);
}

static void limit_turn(struct limit *l)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(l->epoll, events, EVENTS, 1000);

	for (int i = 0; i < n; i++)
		if (events[i].data.ptr == l->parser)
			redis_readable(l, l->reader, l->parser);
		else if (events[i].data.ptr == l->acks)
			redis_readable(l, l->acker, l->acks);
		else
			side_readable(&l->sides, events[i].data.ptr);
	limit_pull(l);
	acks_send(l);
}

static void watch_redis(struct limit *l, int fd, struct redis_parser *p)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = p };

	epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e);
}

int main(int argc, char **argv)
{
	static struct limit l = { .connections = 64 };
	const struct flag flags[] = {
		{ "--redis", NULL, &l.redis, 1, 65535 },
		{ "--topic", &l.topic, NULL, 0, 0 },
		{ "--group", &l.group, NULL, 0, 0 },
		{ "--port", NULL, &l.sides.port, 1, 65535 },
		{ "--connections", NULL, &l.connections, 1, 1024 },
		{ NULL, NULL, NULL, 0, 0 },
	};

	flags_parse(flags, argc, argv);
	if (!l.redis || !l.topic || !l.group || !l.sides.port)
		die("limit_redis: --redis, --topic, --group and --port are needed");
	signal(SIGPIPE, SIG_IGN);
	l.epoll = epoll_create1(EPOLL_CLOEXEC);
	l.sides.done = event_done;
	l.sides.arg = &l;
	sides_connect(&l.sides, l.epoll, l.connections);
	l.parser = redis_parser_new(MOST);
	l.acks = redis_parser_new(MOST);
	l.reader = redis_connect(&l);
	l.acker = redis_connect(&l);
	group_make(&l);
	watch_redis(&l, l.reader, l.parser);
	watch_redis(&l, l.acker, l.acks);
	read_ask(&l);
	for (;;)
		limit_turn(&l);
}
