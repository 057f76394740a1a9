/* Both HTTP bindings over a real connection: what a function reads from its socket, and what its end of it means. */
/* links: fake_core.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "bindings/bindings.h"
#include "bindings/http_road.h"
#include "bridge/error.h"
#include "tests/unit/fake_core.h"

/* A function in a thread: takes one connection after the other, reads what it expects, answers or hangs up. */
struct exchange {
	const char *expect, *answer; /* answer NULL: closes instead */
};

static struct loop *loop;
static struct binding *binding;
static pthread_t thread;
static int listener;
static char address[64];
static const struct exchange *script;
static const char *complaint; /* of the function, read after it has ended */

static bool exchange_reads(int fd, const char *expect)
{
	static char got[4096];
	size_t n = 0, length = strlen(expect);
	ssize_t some = 1;

	while (n < length && some > 0) {
		some = read(fd, got + n, length - n);
		n += some > 0 ? (size_t)some : 0;
	}
	if (n == length && memcmp(got, expect, n) == 0)
		return true;
	fprintf(stderr, "expected: %s\ngot: %.*s\n", expect, (int)n, got);
	complaint = "the function read something else than expected";
	return false;
}

static void *function_run(void *arg)
{
	int fd = accept(listener, NULL, NULL);

	for (const struct exchange *e = script; e->expect; e++) {
		if (!exchange_reads(fd, e->expect))
			break;
		if (e->answer && write(fd, e->answer, strlen(e->answer)) > 0)
			continue;
		close(fd);
		fd = accept(listener, NULL, NULL);
	}
	close(fd);
	return arg;
}

static void stop(void)
{
	loop_stop(loop);
}

static void listen_anywhere(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof at;

	listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &size), 0);
	snprintf(address, sizeof address, "127.0.0.1:%d", ntohs(at.sin_port));
}

static int begin(void **state)
{
	struct error err;

	(void)state;
	fake_core_reset();
	fake_core.told = stop;
	loop = loop_new(&err);
	listen_anywhere();
	complaint = NULL;
	return 0;
}

static int end(void **state)
{
	(void)state;
	fake_core_close(binding);
	close(listener);
	loop_free(loop);
	return 0;
}

static void open_binding(const struct binding_class *class, const struct exchange *exchanges)
{
	const char *settings[] = { "address", address, "endpointConcurrency", "1", NULL };

	script = exchanges;
	if (script) {
		assert_int_equal(listen(listener, 8), 0);
		assert_int_equal(pthread_create(&thread, NULL, function_run, NULL), 0);
	}
	binding = fake_core_open(class, loop, settings);
	loop_run(loop);
}

/* The function ends only when it has accepted once more, or read the end of its connection. */
static void function_join(void)
{
	shutdown(listener, SHUT_RDWR);
	pthread_join(thread, NULL);
	if (complaint)
		fail_msg("%s", complaint);
}

static const char *deliver(enum block block)
{
	struct subscription subscription = { .component = "orders", .topic = "t", .block = block };
	struct route route = { binding, "/orders" };
	struct event event = { .id = SLICE("7"), .topic = SLICE("t"), .data = SLICE("{\"a\":1}") };
	const struct event *events[] = { &event };
	struct delivery delivery = {
		.subscription = &subscription, .route = &route, .events = events, .n = 1, .attempt = 1
	};

	binding->class->send(binding, &delivery);
	while (fake_core.n_settled == 0)
		loop_run(loop);
	return fake_core_settled(&delivery);
}

static char *request(const char *begin, const char *rest)
{
	static char text[4][512];
	static unsigned at;
	char *out = text[at++ % 4];

	snprintf(out, sizeof text[0], "%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bridge\r\n%s", begin, address, rest);
	return out;
}

static void deliveries_share_a_connection_and_are_settled_by_the_answers(void **state)
{
	const struct exchange exchanges[] = {
		{ request("POST /orders", "Content-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}"),
		    "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok" },
		{ request("POST /orders",
		      "Content-Type: application/cloudevents+json\r\nPubsubname: orders\r\n"
		      "Content-Length: 7\r\n\r\n{\"a\":1}"),
		    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11\r\n{\"status\":\"DROP\"}\r\n0\r\n\r\n" },
		{ NULL, NULL },
	};

	(void)state;
	open_binding(&http_channel_class, exchanges);
	assert_int_equal(fake_core.capacity, 1);
	assert_string_equal(deliver(BLOCK_BINDING), "DONE status 201");
	assert_string_equal(deliver(BLOCK_PUBSUB), "DROP the function answered DROP");
	function_join();
}

static void a_plain_delivery_is_a_cloudevent(void **state)
{
	const struct exchange exchanges[] = {
		{ request("POST /orders",
		      "Content-Type: application/octet-stream\r\nce-id: 7\r\nce-source: bridge/orders/t\r\n"
		      "ce-specversion: 1.0\r\nce-type: bridge.event\r\nContent-Length: 7\r\n\r\n{\"a\":1}"),
		    "HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n" },
		{ NULL, NULL },
	};

	(void)state;
	open_binding(&plain_http_class, exchanges);
	assert_string_equal(deliver(BLOCK_BINDING), "RETRY status 503");
	assert_int_equal(fake_core.settled[0].retry_after_ms, 1000);
	function_join();
}

static void discovery_asks_over_the_same_road(void **state)
{
	static const char *const inputs[] = { "/orders" };
	const struct exchange exchanges[] = {
		{ request("OPTIONS /orders", "\r\n"), "HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n" },
		{ NULL, NULL },
	};

	(void)state;
	open_binding(&http_channel_class, exchanges);
	binding->class->discover(binding, inputs, 1);
	while (fake_core.n_discovered == 0)
		loop_run(loop);
	assert_string_equal(fake_core.discovered, "/orders");
	function_join();
}

static void a_function_that_hangs_up_leaves_the_delivery_unsure(void **state)
{
	const char *expected =
	    request("POST /orders", "Content-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}");
	const struct exchange exchanges[] = { { expected, NULL }, { expected, NULL }, { NULL, NULL } };
	const char *settled;

	(void)state;
	open_binding(&http_channel_class, exchanges);
	settled = deliver(BLOCK_BINDING);
	if (strncmp(settled, "UNSURE answer lost: ", 20) != 0)
		fail_msg("%s", settled);
	function_join();
}

static void a_function_that_is_not_there_gives_no_capacity_and_unsent_deliveries(void **state)
{
	const char *settled;

	(void)state;
	open_binding(&http_channel_class, NULL);
	assert_int_equal(fake_core.capacity, 0);
	settled = deliver(BLOCK_BINDING);
	if (strncmp(settled, "UNSENT not sent: ", 17) != 0)
		fail_msg("%s", settled);
}

static void what_cannot_be_opened_says_why(void **state)
{
	struct error err = { 0 };
	struct http_road road = { .options.address = "127.0.0.1:notaport", .options.concurrency = 1 };

	(void)state;
	assert_int_equal(http_road_open(&road, &err), -1);
	assert_non_null(strstr(err.text, "address: "));
	road = (struct http_road){ .options.address = "127.0.0.1:80", .options.app_token = "a\nb" };
	assert_int_equal(http_road_open(&road, &err), -1);
	assert_string_equal(err.text, "appToken: holds a control byte, expected text that may stand in a header");
	road = (struct http_road){ .options.address = "https://127.0.0.1:80", .options.ca_file = "/nowhere.pem" };
	assert_int_equal(http_road_open(&road, &err), -1);
	assert_non_null(strstr(err.text, "/nowhere.pem"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(deliveries_share_a_connection_and_are_settled_by_the_answers),
		TEST(a_plain_delivery_is_a_cloudevent),
		TEST(discovery_asks_over_the_same_road),
		TEST(a_function_that_hangs_up_leaves_the_delivery_unsure),
		TEST(a_function_that_is_not_there_gives_no_capacity_and_unsent_deliveries),
		cmocka_unit_test(what_cannot_be_opened_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
