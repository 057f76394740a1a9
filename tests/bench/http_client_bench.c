/* Measures the HTTP client alone: calls a second and CPU a call, against a small epoll server on a thread. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "bindings/http_client.h"
#include "bridge/error.h"

/* --- the server: one read, one write a request, and no parser to speak of --- */

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

struct server {
	int fd, epoll;
	unsigned port;
	pthread_t thread;
};

static void server_add(struct server *s, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

	epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e);
}

/* One request at a time on a connection, small enough to come in one piece. */
static void server_serve(struct server *s, int fd)
{
	char request[65536];
	int on = 1;

	if (fd == s->fd) {
		fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		server_add(s, fd);
		return;
	}
	if (recv(fd, request, sizeof(request), 0) <= 0)
		close(fd);
	else if (send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL) < 0)
		close(fd);
}

static void *server_run(void *arg)
{
	struct server *s = arg;
	struct epoll_event events[256];
	int n;

	while ((n = epoll_wait(s->epoll, events, 256, -1)) >= 0 || errno == EINTR)
		for (int i = 0; i < n; i++)
			server_serve(s, events[i].data.fd);
	return NULL;
}

static void server_open(struct server *s)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(at);

	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (bind(s->fd, (struct sockaddr *)&at, size) < 0 || listen(s->fd, 1024) < 0 ||
	    getsockname(s->fd, (struct sockaddr *)&at, &size) < 0 ||
	    pthread_create(&s->thread, NULL, server_run, s) != 0) {
		perror("bench: server");
		exit(1);
	}
	s->port = ntohs(at.sin_port);
	server_add(s, s->fd);
}

/* --- the client --- */

struct bench {
	struct loop *loop;
	struct http_client *client;
	struct slice body;
	uint64_t left, done, failed;
	unsigned in_flight;
	struct later later;
};

static void bench_done(
    struct http_call *call, enum http_outcome outcome, const struct http_answer *got, const char *why)
{
	struct bench *b = call->arg;

	if (outcome != HTTP_ANSWERED || got->status != 200) {
		fprintf(stderr, "bench: a call failed: %s\n", why ? why : "not 200");
		b->failed++;
	}
	b->done++;
	b->in_flight--;
	loop_defer(b->loop, &b->later);
}

/* As the core does it: at the end of a turn, as many as may be in flight. */
static void bench_send(void *arg)
{
	struct bench *b = arg;
	struct http_call *call;

	while (b->left && (call = http_call_new(b->client))) {
		b->left--;
		b->in_flight++;
		buf_text(&call->head,
		    "POST /orders HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/octet-stream\r\n"
		    "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n");
		call->body = b->body;
		call->done = bench_done;
		call->arg = b;
		http_call_send(call);
	}
	if (!b->left && !b->in_flight)
		loop_stop(b->loop);
}

static double seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void bench_run(struct bench *b, uint64_t calls)
{
	double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_THREAD_CPUTIME_ID);

	b->left = calls;
	b->done = 0;
	loop_defer(b->loop, &b->later);
	loop_run(b->loop);
	wall = seconds(CLOCK_MONOTONIC) - wall;
	cpu = seconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
	printf("%llu calls, %llu failed: %.0f calls/s, %.2f us of this thread's CPU a call\n",
	    (unsigned long long)calls, (unsigned long long)b->failed, (double)calls / wall, cpu * 1e6 / (double)calls);
}

/* http_client_bench [CALLS [CONNECTIONS [BYTES [ADDRESS]]]]; ADDRESS: a server of your own, instead of the thread. */
int main(int argc, char **argv)
{
	uint64_t calls = argc > 1 ? strtoull(argv[1], NULL, 10) : 500000;
	unsigned connections = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 64;
	size_t bytes = argc > 3 ? strtoul(argv[3], NULL, 10) : 256;
	struct http_client_options options = { .connections = connections,
		.connect_ms = 5000,
		.idle_ms = 60000,
		.max_head = 16384,
		.max_body = 1 << 20,
		.keep_body = 1 << 16 };
	struct server server;
	struct bench b = { 0 };
	struct error e;
	char address[64];

	if (argc <= 4)
		server_open(&server);
	snprintf(address, sizeof(address), "127.0.0.1:%u", argc <= 4 ? server.port : 0);
	b.loop = loop_new(&e);
	if (!b.loop || address_parse(&options.address, argc > 4 ? argv[4] : address, &e) < 0) {
		fprintf(stderr, "bench: %s\n", e.text);
		return 1;
	}
	b.body = (struct slice){ mem_new(bytes + 1), bytes };
	b.later = (struct later){ .fn = bench_send, .arg = &b };
	b.client = http_client_open(b.loop, &options);
	for (int i = 0; i < 3; i++)
		bench_run(&b, calls);
	http_client_close(b.client);
	loop_free(b.loop);
	address_free(&options.address);
	free((char *)b.body.p);
	return b.failed > 0;
}
