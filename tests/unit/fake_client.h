/* Stands in for the pool of connections and the loop's clock: the test sees each request and plays the function. */
#ifndef TESTS_UNIT_FAKE_CLIENT_H
#define TESTS_UNIT_FAKE_CLIENT_H
#include "bindings/http_client.h"

struct fake_call {
	struct http_call call;
	bool		 used, sent;
	char		*request;	/* head and body as they would be on the wire, without Content-Length */
};

struct fake_client {
	struct http_client_options options;
	struct fake_call calls[16];
	unsigned	 n_new, n_sent, n_cancelled;
	unsigned	 busy;		/* 1: http_call_new() has none left */
	int64_t		 now, wall;
};
extern struct fake_client fake_client;

void fake_client_reset(void);
/* The call under way whose request begins so; the test fails if there is none. */
struct fake_call *fake_call(const char *request_begin);
/* Answers the one call under way.  `headers`: "Name: value\n" lines. */
void fake_answer(struct fake_call *, int status, const char *headers, const char *body);
void fake_end(struct fake_call *, enum http_outcome, const char *why);
void fake_time(int64_t ms);	/* moves the clock and calls what is due */
#endif
