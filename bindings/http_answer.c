/* Reading an answer: its head, what of its body is kept, and where it ends. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "bindings/http_pool.h"

enum { INTERIM_MAX = 16, ROOM_FOR_HEAD = 4096, ROOM_FOR_BODY = 16 * 1024 };

void answer_begin(struct connection *k)
{
	buf_clear(&k->in);
	k->has_head = false;
	k->interim = 0;
	k->head_n = k->kept = 0;
	k->payload = 0;
}

static enum reading answer_lost(struct connection *k, const char *what, const char *detail)
{
	char why[200];

	snprintf(why, sizeof(why), "%s%s%s", what, *detail ? ": " : "", detail);
	connection_lost(k, why);
	return READING_OVER;
}

/* The headers lie in `in`, which may have moved since they were found: they are found again. */
static enum reading answer_over(struct connection *k, bool head_is_fresh, bool keep)
{
	struct http1_head *head = &k->client->head;
	struct http_answer answer;
	const char *why;

	if (!head_is_fresh)
		http1_head(head, false, k->in.p, k->head_n, &why);
	answer = (struct http_answer){
		.status = head->status,
		.headers = head->headers,
		.n_headers = head->n_headers,
		.body = { k->in.p + k->head_n, k->kept },
		.cut = k->payload > k->kept,
	};
	connection_answered(k, &answer, keep && k->keep_alive);
	return READING_OVER;
}

static void answer_keep(struct connection *k, struct slice data)
{
	size_t room = k->client->options.keep_body - k->kept;
	size_t n = data.n < room ? data.n : room;
	char *end = k->in.p + k->head_n + k->kept;

	if (n && end != data.p)
		memmove(end, data.p, n);
	k->kept += n;
	k->payload += data.n;
}

/* Behind the head: payload moves together, framing and what is too much falls out. */
static enum reading answer_body(struct connection *k, bool head_is_fresh)
{
	const char *p = k->in.p + k->head_n + k->kept, *end = k->in.p + k->in.n, *why;
	struct slice data;

	while (p < end && !http1_body_done(&k->body)) {
		ssize_t used = http1_body_feed(&k->body, p, (size_t)(end - p), &data, &why);

		if (used < 0)
			return answer_lost(k, "the answer's body is broken", why);
		p += used;
		answer_keep(k, data);
		if (k->payload > k->client->options.max_body)
			return answer_lost(k, "the answer's body is larger than allowed", "");
	}
	if (http1_body_done(&k->body))
		return answer_over(k, head_is_fresh, p == end);
	k->in.n = k->head_n + k->kept;
	return READING_MORE;
}

static enum reading answer_head_found(struct connection *k, size_t head_n)
{
	const struct http1_head *head = &k->client->head;

	k->has_head = true;
	k->head_n = head_n;
	k->keep_alive = head->keep_alive;
	http1_body_begin(&k->body, head, k->call->head_only);
	if (k->body.framing == HTTP1_LENGTH && k->body.left > k->client->options.max_body)
		return answer_lost(k, "the answer's body is larger than allowed", "");
	/* refused already: the rest of the request is for nobody */
	if (head->status >= 300 && !connection_sent_all(k))
		k->stop_writing = true;
	return answer_body(k, true);
}

/* READING_MORE: it was passed over. */
static enum reading answer_interim(struct connection *k, size_t head_n)
{
	if (k->client->head.status == 101)
		return answer_lost(k, "the other side switched protocols without being asked", "");
	if (++k->interim > INTERIM_MAX)
		return answer_lost(k, "1xx answers without end", "");
	k->in.n -= head_n;
	memmove(k->in.p, k->in.p + head_n, k->in.n);
	return READING_MORE;
}

static enum reading answer_head(struct connection *k)
{
	size_t max = k->client->options.max_head;
	const char *why;
	ssize_t n;

	for (;;) {
		n = http1_head(&k->client->head, false, k->in.p, k->in.n, &why);
		if (n < 0)
			return answer_lost(k, "the answer is not HTTP/1.x as it should be", why);
		if ((size_t)n > max || (n == 0 && k->in.n > max))
			return answer_lost(k, "the answer's head is larger than allowed", "");
		if (n == 0)
			return READING_MORE;
		if (k->client->head.status >= 200)
			return answer_head_found(k, (size_t)n);
		if (answer_interim(k, (size_t)n) == READING_OVER)
			return READING_OVER;
	}
}

static enum reading answer_ended(struct connection *k)
{
	if (k->has_head && k->body.framing == HTTP1_UNTIL_CLOSE)
		return answer_over(k, false, false);
	return answer_lost(k, "the connection was closed before the end of the answer", "");
}

enum reading answer_read(struct connection *k)
{
	char *room = buf_room(&k->in, k->has_head ? ROOM_FOR_BODY : ROOM_FOR_HEAD);
	ssize_t n = stream_read(k->stream, room, k->in.cap - k->in.n);
	bool begins = k->in.n == 0;

	if (n < 0 && errno == EAGAIN)
		return READING_WAITS;
	if (n < 0)
		return answer_lost(k, "the connection broke before the end of the answer", strerror(errno));
	if (n == 0)
		return answer_ended(k);
	k->in.n += (size_t)n;
	if (k->has_head)
		return answer_body(k, false);
	/* a head that drips in is looked at again only where a line may have ended */
	if (!begins && !memchr(room, '\n', (size_t)n) && k->in.n <= k->client->options.max_head)
		return READING_MORE;
	return answer_head(k);
}
