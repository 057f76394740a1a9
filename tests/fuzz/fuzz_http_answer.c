/* The HTTP client reading an answer, its stream replaced: in one piece and in many it comes to the same end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "bindings/http_pool.h"
#include "tests/fuzz/fuzz.h"

enum { MAX_HEAD = 1024, MAX_BODY = 4096, KEEP_BODY = 64 };

struct stream {
	struct slice rest;
	struct random *random; /* NULL: all at once */
	bool pause;
};

struct ending {
	struct http_client client;
	struct connection connection;
	struct call call;
	unsigned lost, answered;
	int status;
	unsigned n_headers;
	bool cut, keep;
	struct buf body;
};

/* Now and then nothing comes, at last the end. */
ssize_t stream_read(struct stream *s, void *p, size_t n)
{
	size_t piece = s->rest.n;

	if (s->random && s->rest.n) {
		s->pause = !s->pause && random_next(s->random) % 4 == 0;
		if (s->pause) {
			errno = EAGAIN;
			return -1;
		}
		piece = input_piece(s->random, s->rest.n);
	}
	if (piece > n)
		piece = n;
	if (piece)
		memcpy(p, s->rest.p, piece);
	s->rest = (struct slice){ s->rest.p + piece, s->rest.n - piece };
	return (ssize_t)piece;
}

bool connection_sent_all(const struct connection *k)
{
	(void)k;
	return true;
}

void connection_lost(struct connection *k, const char *why)
{
	struct ending *e = k->client->options.arg;

	assert(why && *why);
	e->lost++;
}

void connection_answered(struct connection *k, const struct http_answer *answer, bool keep)
{
	struct ending *e = k->client->options.arg;

	assert(answer->status >= 200 && answer->status <= 599 && answer->body.n <= KEEP_BODY);
	for (unsigned i = 0; i < answer->n_headers; i++)
		assert(slice_inside(answer->headers[i].value, (struct slice){ k->in.p, k->head_n }) &&
		    slice_inside(answer->headers[i].name, (struct slice){ k->in.p, k->head_n }));
	e->answered++;
	e->status = answer->status;
	e->n_headers = answer->n_headers;
	e->cut = answer->cut;
	e->keep = keep;
	buf_slice(&e->body, answer->body);
}

static void answer_end(struct ending *e, bool head_only, struct slice s, struct random *r)
{
	struct stream stream = { s, r, false };
	struct connection *k = &e->connection;

	*e = (struct ending){ 0 };
	e->client.options = (struct http_client_options){
		.max_head = MAX_HEAD, .max_body = MAX_BODY, .keep_body = KEEP_BODY, .arg = e
	};
	e->call.head_only = head_only;
	k->client = &e->client;
	k->stream = &stream;
	k->call = &e->call;
	answer_begin(k);
	while (answer_read(k) != READING_OVER)
		assert(k->in.n <= MAX_HEAD + MAX_BODY + 64 * 1024);
	assert(e->lost + e->answered == 1);
	buf_free(&k->in);
}

/* A connection on which more came than was asked for is not used again. */
static void check_stray(bool head_only, struct slice s)
{
	struct ending *e = mem_new(sizeof(*e));
	struct buf more = { 0 };

	buf_slice(&more, s);
	buf_text(&more, "x");
	answer_end(e, head_only, (struct slice){ more.p, more.n }, NULL);
	assert(e->answered && !e->keep);
	buf_free(&e->body);
	buf_free(&more);
	free(e);
}

/* The first line: HEAD, or anything else, is what the answer is for. */
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct slice s = { (const char *)p, n }, method = input_line(&s);
	struct ending *whole = mem_new(sizeof(*whole)), *pieces = mem_new(sizeof(*pieces));
	struct random r = input_random(s);

	answer_end(whole, slice_is(method, "HEAD"), s, NULL);
	answer_end(pieces, slice_is(method, "HEAD"), s, &r);
	assert(whole->answered == pieces->answered && whole->status == pieces->status);
	assert(whole->n_headers == pieces->n_headers && whole->cut == pieces->cut);
	assert(slice_equal(
	    (struct slice){ whole->body.p, whole->body.n }, (struct slice){ pieces->body.p, pieces->body.n }));
	if (whole->keep && s.n < 4096)
		check_stray(slice_is(method, "HEAD"), s);
	buf_free(&whole->body);
	buf_free(&pieces->body);
	free(whole);
	free(pieces);
	return 0;
}
