/* Replies of a Redis server: whole or in pieces the same, memory within bounds; entries and ids are read or refused. */
#include <stdlib.h>
#include "bridge/error.h"
#include "connectors/redis_streams.h"
#include "tests/fuzz/fuzz.h"

enum { MOST = 1 << 20, DEPTH = 10 };

/* Every text is in memory that may be read; what a tree says of itself holds. */
static uint64_t walk(const struct redis_reply *r, unsigned depth)
{
	uint64_t sum = r->kind * 31 + r->n + (uint64_t)r->number;

	assert(depth < DEPTH && r->kind <= REDIS_ARRAY);
	assert(r->n == 0 || r->kind == REDIS_ARRAY);
	for (size_t i = 0; i < r->text.n; i++)
		sum = sum * 33 + (unsigned char)r->text.p[i];
	for (unsigned i = 0; i < r->n; i++)
		sum = sum * 37 + walk(&r->items[i], depth + 1);
	return sum;
}

static void check_id(struct slice text)
{
	struct stream_id id, again;
	char printed[STREAM_ID_MAX];

	if (!stream_id_read(text, &id))
		return;
	assert(stream_id_read((struct slice){ printed, stream_id_print(id, printed) }, &again));
	assert(stream_id_compare(id, again) == 0);
	if (id.ms != UINT64_MAX || id.seq != UINT64_MAX)
		assert(stream_id_compare(stream_id_after(id), id) > 0);
}

/* Whatever is in the reply, taken for an entry of a stream. */
static void check_entry(struct redis_stream *st, const struct redis_reply *r)
{
	struct event e;

	check_id(r->text);
	if (stream_entry(st, r, 1, &e) == ENTRY_EVENT) {
		uint64_t sum = 0;

		for (unsigned i = 0; i < e.n_headers; i++)
			for (size_t k = 0; k < e.headers[i].value.n; k++)
				sum += (unsigned char)e.headers[i].value.p[k];
		assert(e.id.n > 0 && e.n_headers >= 3 && sum > 0);
	}
	for (unsigned i = 0; i < r->n; i++)
		check_entry(st, &r->items[i]);
}

/* The sums of all replies; fed in pieces as `pieces` says, NULL: at once. */
static uint64_t check_fed(struct slice bytes, struct random *pieces, struct redis_stream *st)
{
	struct redis_parser *p = redis_parser_new(MOST);
	const struct redis_reply *reply;
	struct error e;
	uint64_t sum = 0;
	int rc = 0;

	while (bytes.n && rc == 0) {
		size_t n = pieces ? input_piece(pieces, bytes.n) : bytes.n;

		redis_parser_feed(p, bytes.p, n);
		bytes = (struct slice){ bytes.p + n, bytes.n - n };
		while ((rc = redis_parser_next(p, &reply, &e)) == 1) {
			sum = sum * 41 + walk(reply, 0);
			if (st)
				check_entry(st, reply);
		}
		assert(rc == 0 || *e.text);
	}
	redis_parser_free(p);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct slice bytes = { (const char *)p, n };
	struct random pieces = input_random(bytes);
	struct redis redis = { .rows = { .payload_field = "data" } };
	struct redis_streams streams = { .redis = &redis };
	struct redis_stream st = { .redis = &redis, .name = SLICE("s") };

	redis.streams = &streams;
	assert(check_fed(bytes, NULL, &st) == check_fed(bytes, &pieces, NULL));
	free(streams.headers);
	buf_free(&streams.text);
	buf_free(&streams.json);
	return 0;
}
