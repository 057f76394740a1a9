/* Tests of the live view's HTTP side: who gets the page, who is refused, and how its streams begin and end. */
/* links: client.c peer.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "bridge/error.h"
#include "bridge/function.h"
#include "bridge/http_server.h"
#include "bridge/live.h"
#include "tests/unit/client.h"

static const struct connector_class source_class = { .name = "quiet", .size = sizeof(struct connector) };
static const struct binding_class road_class = { .name = "road", .size = sizeof(struct binding) };

struct ground {
	struct loop *loop;
	struct http_server *server;
	struct live *live;
	struct function *functions[2];
	struct policy policy;
	unsigned passed_on; /* requests that were not the live view's */
};

static void ground_handle(void *arg, const struct http_request *q, struct http_response *r)
{
	struct ground *g = arg;

	if (live_handle(g->live, q, r))
		return;
	g->passed_on++;
	r->status = 200;
	r->content_type = "text/plain";
	buf_text(&r->body, "metrics\n");
}

static struct function *function_made(struct ground *g, const char *name)
{
	struct function *f =
	    function_new(g->loop, &(struct function_options){ .name = name, .buffer_events = 8, .buffer_bytes = 1024 });
	struct connector *c = function_component(f, &source_class, "orders");

	function_binding(f, &road_class);
	function_subscribe(f, c,
	    &(struct subscription_options){
		.topic = "<script>\"\\\xff\n", .group = "g", .path = "/orders", .policy = &g->policy });
	return f;
}

static void ground_open(struct ground *g, const char *listen)
{
	struct error e;

	*g = (struct ground){ .loop = loop_for_test() };
	g->functions[0] = function_made(g, "shop");
	g->functions[1] = function_made(g, "</title>");
	g->live = live_new(g->loop, listen, g->functions, 2);
	g->server = http_server_open(g->loop, "127.0.0.1", 0, ground_handle, g, &e);
	assert_non_null(g->server);
}

static void ground_close(struct ground *g)
{
	http_server_close(g->server);
	live_free(g->live);
	function_free(g->functions[0]);
	function_free(g->functions[1]);
	loop_free(g->loop);
}

static void ask_for(struct ground *g, struct client *c, const char *path, const char *headers)
{
	struct buf request = { 0 };

	client_open(c, g->loop, "127.0.0.1", http_server_port(g->server));
	buf_printf(&request, "GET %s HTTP/1.1\r\n%s\r\n", path, headers);
	client_send(c, request.p, request.n);
	buf_free(&request);
}

/* One request whose answer holds `text`. */
static void expect(struct ground *g, const char *path, const char *headers, const char *text)
{
	struct client c;

	ask_for(g, &c, path, headers);
	client_waits_for(&c, text);
	client_close(&c);
}

static void browsers_get_the_page_and_others_what_was_there_before(void **state)
{
	struct ground g;

	(void)state;
	ground_open(&g, "127.0.0.1");
	expect(&g, "/", "Host: localhost\r\nAccept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\r\n",
	    "<!doctype html>");
	expect(&g, "/", "Host: localhost\r\nAccept: application/xml, Text/HTML ;q=0.5\r\n", "<!doctype html>");
	assert_int_equal(g.passed_on, 0);
	expect(&g, "/", "Host: localhost\r\n", "metrics");
	expect(&g, "/", "Host: localhost\r\nAccept: */*\r\n", "metrics");
	expect(&g, "/", "Host: localhost\r\nAccept: text/plain;version=0.0.4;q=0.5,*/*;q=0.1\r\n", "metrics");
	expect(&g, "/", "Host: localhost\r\nAccept: text/htmlx\r\n", "metrics");
	expect(&g, "/metrics", "Host: localhost\r\nAccept: text/html\r\n", "metrics");
	expect(&g, "/live/live.html", "Host: localhost\r\n", "metrics");
	assert_int_equal(g.passed_on, 6);
	ground_close(&g);
}

static void files_come_with_their_type_and_a_strict_policy(void **state)
{
	static const struct {
		const char *path, *type, *inside;
	} files[] = {
		{ "/", "text/html; charset=utf-8", "<main id=\"main\"" },
		{ "/live/live.css", "text/css; charset=utf-8", "prefers-color-scheme: dark" },
		{ "/live/live.js", "text/javascript; charset=utf-8", "new EventSource(\"/live/events\")" },
	};
	struct ground g;
	struct client c;

	(void)state;
	ground_open(&g, "127.0.0.1");
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		ask_for(&g, &c, files[i].path, "Host: localhost\r\nAccept: text/html\r\n");
		client_waits_for(&c, files[i].inside);
		assert_non_null(strstr(c.in.p, files[i].type));
		assert_non_null(strstr(c.in.p, "\r\nX-Content-Type-Options: nosniff\r\n"));
		assert_non_null(strstr(c.in.p, "\r\nContent-Security-Policy: default-src 'none'; script-src 'self';"));
		assert_null(strstr(c.in.p, "unsafe"));
		assert_null(strstr(c.in.p, "Access-Control"));
		client_close(&c);
	}
	ground_close(&g);
}

static void a_file_that_is_known_is_not_sent_again(void **state)
{
	struct ground g;
	struct client c;
	char headers[128], *tag;

	(void)state;
	ground_open(&g, "127.0.0.1");
	ask_for(&g, &c, "/live/live.css", "Host: localhost\r\n");
	client_waits_for(&c, "/* The live page");
	tag = strstr(c.in.p, "\r\nETag: \"");
	assert_non_null(tag);
	snprintf(headers, sizeof(headers), "Host: localhost\r\nIf-None-Match: %.18s\r\n", tag + 8);
	client_close(&c);
	ask_for(&g, &c, "/live/live.css", headers);
	client_waits_for(&c, "HTTP/1.1 304 ");
	client_waits_for(&c, "\r\n\r\n");
	assert_null(strstr(c.in.p, "Content-Length"));
	client_close(&c);
	expect(&g, "/live/live.css", "Host: localhost\r\nIf-None-Match: \"0123456789abcdef\"\r\n", "HTTP/1.1 200 ");
	ground_close(&g);
}

/* Somebody's page under a name that points here. */
static void other_names_are_refused_where_only_this_machine_may_ask(void **state)
{
	static const char *const local[] = { "localhost", "localhost:9090", "127.0.0.1:9090", "127.8.8.8", "[::1]:9090",
		"10.1.2.3:80", "shop.localhost:1", "LOCALHOST" };
	static const char *const other[] = { "evil.example", "evil.example:9090", "localhost.evil.example",
		"127.0.0.1.evil.example", "evillocalhost", ".localhost", "" };
	struct ground g;
	char headers[128];

	(void)state;
	ground_open(&g, "127.0.0.1");
	for (size_t i = 0; i < sizeof(local) / sizeof(*local); i++) {
		snprintf(headers, sizeof(headers), "Host: %s\r\n", local[i]);
		expect(&g, "/live/events", headers, "event: snapshot");
	}
	for (size_t i = 0; i < sizeof(other) / sizeof(*other); i++) {
		snprintf(headers, sizeof(headers), "Host: %s\r\nAccept: text/html\r\n", other[i]);
		expect(&g, "/live/events", headers, "HTTP/1.1 403 ");
		expect(&g, "/", headers, "open it as localhost or 127.0.0.1");
	}
	ground_close(&g);
	ground_open(&g, "0.0.0.0");
	expect(&g, "/live/events", "Host: bridge.shop.svc:9090\r\n", "event: snapshot");
	ground_close(&g);
}

static void pages_of_other_sites_take_nobodys_place(void **state)
{
	struct ground g;

	(void)state;
	ground_open(&g, "127.0.0.1");
	expect(&g, "/live/events", "Host: localhost:9\r\nSec-Fetch-Site: cross-site\r\n", "HTTP/1.1 403 ");
	expect(&g, "/live/events", "Host: localhost:9\r\nSec-Fetch-Site: same-site\r\n", "HTTP/1.1 403 ");
	expect(&g, "/live/events", "Host: localhost:9\r\nOrigin: https://evil.example\r\n", "HTTP/1.1 403 ");
	expect(&g, "/live/events", "Host: localhost:9\r\nOrigin: http://localhost:8\r\n", "HTTP/1.1 403 ");
	expect(&g, "/live/events", "Host: localhost:9\r\nOrigin: null\r\n", "HTTP/1.1 403 ");
	expect(&g, "/live/events", "Host: localhost:9\r\nOrigin: http://localhost:9\r\n", "event: snapshot");
	expect(&g, "/live/events", "Host: localhost:9\r\nSec-Fetch-Site: same-origin\r\n", "event: snapshot");
	expect(&g, "/live/events", "Host: localhost:9\r\nSec-Fetch-Site: none\r\n", "event: snapshot");
	ground_close(&g);
}

static void a_stream_begins_with_the_history_and_goes_on_without(void **state)
{
	struct ground g;
	struct client c;
	char *first, *second;

	(void)state;
	ground_open(&g, "127.0.0.1");
	ask_for(&g, &c, "/live/events", "Host: localhost\r\n");
	client_waits_for(&c, "event: snapshot\ndata: {\"version\":\"");
	assert_non_null(strstr(c.in.p, "\r\nContent-Type: text/event-stream\r\n"));
	client_waits_for(&c, "}]}\n\n\r\n");
	first = strstr(c.in.p, "\"history\":[null]");
	assert_non_null(first);
	assert_non_null(strstr(c.in.p, "\"name\":\"shop\""));
	assert_non_null(strstr(c.in.p, "\"name\":\"</title>\""));
	assert_non_null(strstr(c.in.p, "\"topic\":\"<script>\\\"\\\\\\ufffd\\u000a\""));
	buf_clear(&c.in);
	client_waits_for(&c, "event: snapshot");
	client_waits_for(&c, "}]}\n\n\r\n");
	second = strstr(c.in.p, "\"history\"");
	assert_null(second);
	client_close(&c);
	ground_close(&g);
}

static void the_seventeenth_is_told_that_there_is_no_place(void **state)
{
	struct ground g;
	struct client c[16];

	(void)state;
	ground_open(&g, "127.0.0.1");
	for (int i = 0; i < 16; i++) {
		ask_for(&g, &c[i], "/live/events", "Host: localhost\r\n");
		client_waits_for(&c[i], "event: snapshot");
	}
	expect(&g, "/live/events", "Host: localhost\r\n", "16 live views are open already: close one");
	client_close(&c[7]);
	loop_moment(g.loop);
	loop_moment(g.loop);
	expect(&g, "/live/events", "Host: localhost\r\n", "event: snapshot");
	for (int i = 0; i < 16; i++)
		if (i != 7)
			client_close(&c[i]);
	ground_close(&g);
}

static void at_the_end_viewers_are_told_and_let_go(void **state)
{
	struct ground g;
	struct client c[2];

	(void)state;
	ground_open(&g, "127.0.0.1");
	for (int i = 0; i < 2; i++) {
		ask_for(&g, &c[i], "/live/events", "Host: localhost\r\n");
		client_waits_for(&c[i], "\"ended\":false");
	}
	live_end(g.live);
	for (int i = 0; i < 2; i++) {
		client_waits_for(&c[i], "\"ended\":true");
		client_waits_for(&c[i], "\r\n0\r\n\r\n");
		client_waits_for_the_end(&c[i]);
		client_close(&c[i]);
	}
	expect(&g, "/live/events", "Host: localhost\r\n", "bridge is ending");
	ground_close(&g);
	live_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(browsers_get_the_page_and_others_what_was_there_before),
		cmocka_unit_test(files_come_with_their_type_and_a_strict_policy),
		cmocka_unit_test(a_file_that_is_known_is_not_sent_again),
		cmocka_unit_test(other_names_are_refused_where_only_this_machine_may_ask),
		cmocka_unit_test(pages_of_other_sites_take_nobodys_place),
		cmocka_unit_test(a_stream_begins_with_the_history_and_goes_on_without),
		cmocka_unit_test(the_seventeenth_is_told_that_there_is_no_place),
		cmocka_unit_test(at_the_end_viewers_are_told_and_let_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
