/* Stands in for the pool of connections and the loop's clock: the test sees each request and plays the function. */
#include "tests/unit/fake_client.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct fake_client fake_client;
static struct timer *timers[64];

enum { CALLS = sizeof fake_client.calls / sizeof *fake_client.calls, TIMERS = sizeof timers / sizeof *timers };

void fake_client_reset(void)
{
	fake_client = (struct fake_client){ .now = 1000, .wall = 1700000000000 };
	memset(timers, 0, sizeof timers);
}

struct http_client *http_client_open(struct loop *loop, const struct http_client_options *options)
{
	(void)loop;
	fake_client.options = *options;
	return (struct http_client *)&fake_client;
}

void http_client_close(struct http_client *c)
{
	assert(c == (struct http_client *)&fake_client);
	for (unsigned i = 0; i < CALLS; i++)
		assert(!fake_client.calls[i].used);
}

struct http_call *http_call_new(struct http_client *c)
{
	assert(c == (struct http_client *)&fake_client);
	for (unsigned i = 0; i < CALLS && !fake_client.busy; i++)
		if (!fake_client.calls[i].used) {
			fake_client.calls[i].used = true;
			fake_client.n_new++;
			return &fake_client.calls[i].call;
		}
	return NULL;
}

static void call_end(struct fake_call *f)
{
	free(f->request);
	buf_free(&f->call.head);
	*f = (struct fake_call){ 0 };
}

void http_call_send(struct http_call *call)
{
	struct fake_call *f = (struct fake_call *)call;
	struct buf request = { 0 };

	assert(f->used && !f->sent);
	buf_add(&request, call->head.p, call->head.n);
	buf_text(&request, "\r\n");
	buf_slice(&request, call->body);
	buf_add(&request, "", 1);
	f->sent = true;
	f->request = request.p;
	fake_client.n_sent++;
}

void http_call_cancel(struct http_call *call)
{
	assert(((struct fake_call *)call)->used);
	fake_client.n_cancelled++;
	call_end((struct fake_call *)call);
}

struct fake_call *fake_call(const char *request_begin)
{
	for (unsigned i = 0; i < CALLS; i++)
		if (fake_client.calls[i].sent &&
		    strncmp(fake_client.calls[i].request, request_begin, strlen(request_begin)) == 0)
			return &fake_client.calls[i];
	assert(!"no such call is under way");
	return NULL;
}

void fake_answer(struct fake_call *f, int status, const char *headers, const char *body)
{
	struct header list[8];
	struct http_answer answer = { .status = status, .headers = list, .body = slice_text(body) };

	for (const char *end; *headers; headers = end + 1, answer.n_headers++) {
		const char *colon = strchr(headers, ':');

		end = strchr(headers, '\n');
		assert(colon && end && colon < end && answer.n_headers < 8);
		list[answer.n_headers].name = (struct slice){ headers, (size_t)(colon - headers) };
		list[answer.n_headers].value = (struct slice){ colon + 2, (size_t)(end - colon) - 2 };
	}
	answer.cut = answer.body.n >= fake_client.options.keep_body;
	f->call.done(&f->call, HTTP_ANSWERED, &answer, NULL);
	call_end(f);
}

void fake_end(struct fake_call *f, enum http_outcome outcome, const char *why)
{
	f->call.done(&f->call, outcome, NULL, why);
	call_end(f);
}

int64_t loop_now(const struct loop *loop)
{
	(void)loop;
	return fake_client.now;
}

int64_t loop_wall(const struct loop *loop)
{
	(void)loop;
	return fake_client.wall;
}

void timer_stop(struct loop *loop, struct timer *t)
{
	(void)loop;
	for (unsigned i = 0; i < TIMERS; i++)
		if (timers[i] == t)
			timers[i] = NULL;
}

void timer_set(struct loop *loop, struct timer *t, int64_t after_ms, void (*fn)(void *), void *arg)
{
	unsigned i = 0;

	timer_stop(loop, t);
	while (timers[i])
		assert(++i < TIMERS);
	t->at = fake_client.now + after_ms;
	t->fn = fn;
	t->arg = arg;
	timers[i] = t;
}

static struct timer *timer_due(void)
{
	struct timer *due = NULL;

	for (unsigned i = 0; i < TIMERS; i++)
		if (timers[i] && timers[i]->at <= fake_client.now && (!due || timers[i]->at < due->at))
			due = timers[i];
	return due;
}

void fake_time(int64_t ms)
{
	struct timer *t;

	fake_client.now += ms;
	fake_client.wall += ms;
	while ((t = timer_due())) {
		timer_stop(NULL, t);
		t->fn(t->arg);
	}
}
