/* One HTTP client against one scripted peer on a loop, and what became of its calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "bridge/error.h"
#include "tests/unit/caller.h"

static void caller_reach(void *arg, bool yes)
{
	struct caller *c = arg;
	size_t n = strlen(c->reach);

	assert_true(n < sizeof(c->reach) - 1);
	c->reach[n] = yes ? '+' : '-';
}

void caller_open(struct caller *c, unsigned connections)
{
	struct error e;
	char address[64];

	*c = (struct caller){ .loop = loop_for_test() };
	peer_bind(&c->peer, c->loop, "127.0.0.1");
	snprintf(address, sizeof(address), "127.0.0.1:%u", c->peer.port);
	c->options = (struct http_client_options){ .connections = connections,
		.connect_ms = 20000,
		.max_head = 4096,
		.max_body = 1 << 20,
		.keep_body = 1 << 16,
		.reachable = caller_reach,
		.arg = c };
	assert_int_equal(address_parse(&c->options.address, address, &e), 0);
}

void caller_connect(struct caller *c)
{
	c->client = http_client_open(c->loop, &c->options);
}

void caller_listen(struct caller *c, void (*script)(struct peer_side *))
{
	peer_listen(&c->peer, script);
}

void caller_serve(struct caller *c, unsigned connections, const char *answer)
{
	caller_open(c, connections);
	c->peer.answer = answer;
	caller_listen(c, peer_answers);
	caller_connect(c);
}

void caller_close(struct caller *c)
{
	if (c->client)
		http_client_close(c->client);
	peer_close(&c->peer);
	address_free(&c->options.address);
	loop_free(c->loop);
}

static void trip_done(
    struct http_call *call, enum http_outcome outcome, const struct http_answer *answer, const char *why)
{
	struct trip *t = call->arg;

	assert_int_equal(t->done++, 0);
	assert_int_equal(outcome == HTTP_ANSWERED, answer != NULL);
	assert_int_equal(outcome == HTTP_ANSWERED, why == NULL);
	t->outcome = outcome;
	snprintf(t->why, sizeof(t->why), "%s", why ? why : "");
	/* first whatever else happens inside, then the answer must still be there */
	if (t->then)
		t->then(t);
	if (!answer)
		return;
	t->status = answer->status;
	t->cut = answer->cut;
	buf_clear(&t->body);
	buf_slice(&t->body, answer->body);
	for (unsigned i = 0; i < answer->n_headers; i++)
		if (slice_is_nocase(answer->headers[i].name, "content-type"))
			buf_slice(&t->type, answer->headers[i].value);
}

void trip_send(struct caller *c, struct trip *t, const char *request_line, struct slice body)
{
	t->caller = c;
	t->call = http_call_new(c->client);
	assert_non_null(t->call);
	assert_int_equal(t->call->head.n, 0);
	buf_printf(&t->call->head, "%s\r\nHost: test\r\n", request_line);
	t->call->body = body;
	t->call->done = trip_done;
	t->call->arg = t;
	http_call_send(t->call);
}

void trip_get(struct caller *c, struct trip *t)
{
	trip_send(c, t, "POST / HTTP/1.1", SLICE("ping"));
}

void trip_wait(struct caller *c, struct trip *t)
{
	UNTIL(c->loop, t->done);
}

void trip_clear(struct trip *t)
{
	buf_free(&t->body);
	buf_free(&t->type);
	*t = (struct trip){ 0 };
}

void trip_expect_answer(struct caller *c, int status, const char *body)
{
	struct trip t = { 0 };

	trip_get(c, &t);
	trip_wait(c, &t);
	if (t.outcome != HTTP_ANSWERED)
		fail_msg("not answered: %s", t.why);
	assert_int_equal(t.status, status);
	assert_int_equal(t.body.n, strlen(body));
	if (t.body.n)
		assert_memory_equal(t.body.p, body, t.body.n);
	trip_clear(&t);
}

void trip_expect(struct caller *c, enum http_outcome outcome, const char *why)
{
	struct trip t = { 0 };

	trip_get(c, &t);
	trip_wait(c, &t);
	assert_int_equal(t.outcome, outcome);
	if (!strstr(t.why, why))
		fail_msg("expected \"%s\" in \"%s\"", why, t.why);
	trip_clear(&t);
}
