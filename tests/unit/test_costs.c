/* What an event may cost on the loop thread: counted in allocations and system calls, never in time. */
/* links: counted_calls.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "bindings/bindings.h"
#include "bridge/connector.h"
#include "bridge/error.h"
#include "bridge/function.h"
#include "bridge/loop.h"
#include "bridge/option.h"
#include "tests/unit/counted_calls.h"

enum { WARM = 2000, EVENTS = 10000, CONNECTIONS = 64 };

/* --- the function: answers 200 to whatever comes; on a thread whose calls are not counted --- */

struct answerer {
	pthread_t thread;
	struct pollfd fds[CONNECTIONS + 8]; /* the first listens */
	unsigned n;
	char address[32];
};

static void answerer_accept(struct answerer *a)
{
	int one = 1, fd = accept(a->fds[0].fd, NULL, NULL);

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	a->fds[a->n++] = (struct pollfd){ .fd = fd, .events = POLLIN };
}

/* A request comes in one piece: it is small, and was written by one call. */
static void answerer_answer(struct pollfd *p)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	char in[4096];

	if (read(p->fd, in, sizeof(in)) <= 0) {
		close(p->fd);
		p->fd = -1;
	} else if (write(p->fd, answer, sizeof(answer) - 1) < 0) {
		abort();
	}
}

static void *answerer_run(void *arg)
{
	struct answerer *a = arg;

	while (poll(a->fds, a->n, -1) > 0 && !(a->fds[0].revents & (POLLHUP | POLLERR))) {
		unsigned n = a->n;

		for (unsigned i = 1; i < n; i++)
			if (a->fds[i].revents)
				answerer_answer(&a->fds[i]);
		if (a->fds[0].revents)
			answerer_accept(a);
	}
	for (unsigned i = 1; i < a->n; i++)
		if (a->fds[i].fd >= 0)
			close(a->fds[i].fd);
	return NULL;
}

static void answerer_start(struct answerer *a)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 128), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	snprintf(a->address, sizeof(a->address), "127.0.0.1:%d", ntohs(at.sin_port));
	a->fds[0] = (struct pollfd){ .fd = fd, .events = POLLIN };
	a->n = 1;
	assert_int_equal(pthread_create(&a->thread, NULL, answerer_run, a), 0);
}

static void answerer_stop(struct answerer *a)
{
	shutdown(a->fds[0].fd, SHUT_RDWR);
	pthread_join(a->thread, NULL);
	close(a->fds[0].fd);
}

/* --- the source: offers as Kafka's does, as long as there is credit --- */

struct tap {
	struct connector base;
	struct window *windows[4];
	const struct subscription *subscription;
	uint64_t offered, committed, wanted;
};

static void tap_offer(struct tap *t)
{
	const struct header headers[] = {
		{ SLICE("__key"), SLICE("key-1234") },
		{ SLICE("__offset"), SLICE("123456") },
		{ SLICE("__topic"), SLICE("orders") },
		{ SLICE("__timestamp"), SLICE("1700000000000") },
		{ SLICE("__partition"), SLICE("3") },
	};
	struct event e = { .id = SLICE("orders/3/123456"),
		.key = SLICE("key-1234"),
		.topic = SLICE("orders"),
		.data = SLICE("{\"id\": 123456, \"customer\": \"somebody\", \"amount\": 17}"),
		.headers = headers,
		.n_headers = 5 };

	for (; t->offered < t->wanted; t->offered++) {
		e.token.w[0] = t->offered / 4;
		if (offer(t->windows[t->offered % 4], &e, &t->subscription, 1) != OFFER_TAKEN)
			break;
	}
}

static int tap_subscribe(struct connector *c, const struct subscription *const *subs, unsigned n, struct error *err)
{
	struct tap *t = (struct tap *)c;

	(void)err;
	assert_int_equal(n, 1);
	t->subscription = subs[0];
	for (uint32_t i = 0; i < 4; i++)
		t->windows[i] = window_open(c, "orders", i, ACK_PREFIX, 0, (struct slice){ 0 });
	tap_offer(t);
	return 0;
}

static void tap_resume(struct connector *c)
{
	tap_offer((struct tap *)c);
}

static void tap_commit(struct connector *c, struct window *w, const struct token *tokens, unsigned n)
{
	struct tap *t = (struct tap *)c;

	(void)w;
	(void)tokens;
	t->committed += n;
	if (t->committed == t->wanted)
		loop_stop(c->loop);
}

static void tap_stop(struct connector *c)
{
	(void)c;
}

static void tap_close(struct connector *c)
{
	connector_closed(c);
}

static const struct connector_class tap_class = {
	.name = "tap",
	.size = sizeof(struct tap),
	.order = ORDER_NONE,
	.subscribe = tap_subscribe,
	.resume = tap_resume,
	.commit = tap_commit,
	.stop = tap_stop,
	.close = tap_close,
};

/* --- the whole road from offer() to commit() --- */

struct road {
	struct loop *loop;
	struct answerer answerer;
	struct function *function;
	struct tap *tap;
	struct policy policy;
};

static void drained(void *arg)
{
	loop_stop(arg);
}

static void road_open(struct road *r, enum order order, enum block block)
{
	const struct function_options options = {
		.name = "costs", .buffer_events = 1024, .buffer_bytes = 16 << 20, .timeout_ms = 60000, .seed = 1
	};
	struct setting settings[] = { { .name = "address", .value = r->answerer.address } };
	struct subscription_options subscription = {
		.topic = "orders", .group = "costs", .path = "/orders", .block = block, .policy = &r->policy
	};
	struct error err;

	answerer_start(&r->answerer);
	settings[0].value = r->answerer.address;
	r->policy = (struct policy){ .order = (int)order, .retry_initial_ms = 100, .retry_max_ms = 1000 };
	r->loop = loop_new(&err);
	r->function = function_new(r->loop, &options);
	assert_int_equal(option_parse(http_channel_class.options, function_binding(r->function, &http_channel_class),
			     settings, 1, NULL, &err),
	    0);
	r->tap = (struct tap *)function_component(r->function, &tap_class, "tap");
	function_subscribe(r->function, &r->tap->base, &subscription);
	assert_int_equal(function_start(r->function, &err), 0);
}

static struct calls road_run(struct road *r, uint64_t events)
{
	struct calls calls;

	r->tap->wanted += events;
	calls_count_from_here();
	if (r->tap->subscription)
		tap_offer(r->tap);
	loop_run(r->loop);
	calls = calls_counted();
	assert_int_equal(r->tap->committed, r->tap->wanted);
	return calls;
}

static void road_close(struct road *r)
{
	function_drain(r->function, 1000, drained, r->loop);
	loop_run(r->loop);
	function_free(r->function);
	loop_free(r->loop);
	answerer_stop(&r->answerer);
}

static void check(enum order order, enum block block)
{
	struct road road = { 0 };
	struct calls calls;

	road_open(&road, order, block);
	road_run(&road, WARM);
	calls = road_run(&road, EVENTS);
	road_close(&road);
	print_message("per %d events: %u allocations, %u sent, %u received, %u waits, %u other system calls\n", EVENTS,
	    calls.allocations, calls.sends, calls.receives, calls.waits, calls.others);
	assert_true(calls.allocations <= EVENTS / 100); /* more may be in memory at once than while it got warm */
	assert_int_equal(calls.sends, EVENTS);
	assert_int_equal(calls.receives, EVENTS);
	assert_true(calls.waits <= EVENTS + EVENTS / 10);
	assert_true(calls.others <= EVENTS / 100);
}

static void an_event_costs_one_send_one_receive_and_no_allocation(void **state)
{
	(void)state;
	check(ORDER_NONE, BLOCK_BINDING);
}

static void order_by_key_costs_no_more(void **state)
{
	(void)state;
	check(ORDER_KEY, BLOCK_BINDING);
}

static void order_by_partition_costs_no_more(void **state)
{
	(void)state;
	check(ORDER_PARTITION, BLOCK_BINDING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_costs_one_send_one_receive_and_no_allocation),
		cmocka_unit_test(order_by_key_costs_no_more),
		cmocka_unit_test(order_by_partition_costs_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
