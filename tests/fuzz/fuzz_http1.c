/* HTTP/1.1 heads and bodies: the same verdict in one piece and in many, and a head printed anew reads the same. */
#include <stdlib.h>
#include <string.h>
#include "bridge/http1.h"
#include "tests/fuzz/fuzz.h"

/* From a block that ends where the input does. */
static ssize_t head_read(struct http1_head *h, bool is_request, struct slice s, const char **why)
{
	char *exact = mem_slice(s);
	ssize_t n;

	*why = NULL;
	exact = mem_grow(exact, s.n);
	n = http1_head(h, is_request, exact, s.n, why);
	free(exact);
	assert(n >= -1 && n <= (ssize_t)s.n && (n >= 0) == !*why);
	assert(n >= 0 || !is_request || h->status == 400 || h->status == 431 || h->status == 501 || h->status == 505);
	return n;
}

/* Every beginning says "more", until one says what all longer ones say, in the same words. */
static void check_pieces(bool is_request, struct slice s)
{
	struct random r = input_random(s);
	struct http1_head h, piece;
	const char *why, *why_piece;
	ssize_t whole = head_read(&h, is_request, s, &why);
	bool refused = false;

	for (size_t n = 0; n < s.n;) {
		ssize_t got;

		n += input_piece(&r, s.n - n);
		got = head_read(&piece, is_request, (struct slice){ s.p, n }, &why_piece);
		assert(whole > 0 ? got == ((ssize_t)n < whole ? 0 : whole) : got == 0 || whole == -1);
		assert(!refused || got == -1);
		refused = got == -1;
		assert(!refused || (why_piece == why && piece.status == h.status));
	}
}

static bool same(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static void check_printed(const struct http1_head *h)
{
	struct http1_head again;
	struct buf b = { 0 };
	const char *why;

	if (h->is_request)
		buf_printf(&b, "%.*s %.*s HTTP/1.%d\r\n", (int)h->method.n, h->method.p, (int)h->target.n, h->target.p,
		    h->minor);
	else
		buf_printf(&b, "HTTP/1.%d %d \r\n", h->minor, h->status);
	for (unsigned i = 0; i < h->n_headers; i++)
		assert(http1_add_header(&b, h->headers[i].name, h->headers[i].value));
	buf_text(&b, "\r\n");
	assert(http1_head(&again, h->is_request, b.p, b.n, &why) == (ssize_t)b.n);
	assert(same(again.method, h->method) && same(again.target, h->target) && again.status == h->status);
	assert(again.minor == h->minor && again.keep_alive == h->keep_alive && again.chunked == h->chunked);
	assert(again.content_length == h->content_length && again.n_headers == h->n_headers);
	for (unsigned i = 0; i < h->n_headers; i++)
		assert(same(again.headers[i].name, h->headers[i].name) &&
		    same(again.headers[i].value, h->headers[i].value));
	buf_free(&b);
}

struct body {
	struct buf payload;
	size_t used;
	bool done, broken;
};

/* r NULL: all at once. */
static void body_read(struct body *out, const struct http1_head *h, struct slice s, struct random *r)
{
	struct http1_body body;
	const char *why = NULL;

	http1_body_begin(&body, h, false);
	while (!http1_body_done(&body) && out->used < s.n && !out->broken) {
		size_t piece = r ? input_piece(r, s.n - out->used) : s.n - out->used;
		struct slice data, rest = { s.p + out->used, piece };
		ssize_t used = http1_body_feed(&body, rest.p, rest.n, &data, &why);

		out->broken = used < 0;
		assert(out->broken ? why && *why : used > 0 && used <= (ssize_t)piece && slice_inside(data, rest));
		if (out->broken)
			break;
		buf_slice(&out->payload, data);
		out->used += (size_t)used;
	}
	out->done = http1_body_done(&body);
}

static void check_body(const struct http1_head *h, struct slice s)
{
	struct body whole = { 0 }, pieces = { 0 };
	struct random r = input_random(s);

	body_read(&whole, h, s, NULL);
	body_read(&pieces, h, s, &r);
	assert(
	    whole.done == pieces.done && whole.broken == pieces.broken && (whole.broken || whole.used == pieces.used));
	assert(same(
	    (struct slice){ whole.payload.p, whole.payload.n }, (struct slice){ pieces.payload.p, pieces.payload.n }));
	assert(h->chunked || h->content_length < 0 || whole.payload.n <= (uint64_t)h->content_length);
	assert(!whole.done || h->chunked || h->content_length <= 0 || !h->is_request ||
	    whole.payload.n == (uint64_t)h->content_length);
	buf_free(&whole.payload);
	buf_free(&pieces.payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct slice s = { (const char *)p, n };
	struct http1_head h;
	const char *why;

	for (int is_request = 0; is_request < 2; is_request++) {
		ssize_t whole = http1_head(&h, is_request, s.p, s.n, &why);

		check_pieces(is_request, s);
		if (whole <= 0)
			continue;
		check_printed(&h);
		check_body(&h, (struct slice){ s.p + whole, s.n - (size_t)whole });
	}
	return 0;
}
