/* The streams of an HTTP/2 connection: requests as they come in, answers as the peer's window lets them out. */
#include <stdlib.h>
#include <string.h>
#include "bridge/h2_inside.h"

enum { NAMES_MAX = 16 }; /* headers of one answer */

void h2_stream_free(struct h2_stream *s)
{
	struct h2_connection *c = s->connection;

	if (s->begun)
		c->server->service->gone(c->server->arg, s);
	*s->previous = s->next;
	if (s->next)
		s->next->previous = s->previous;
	c->server->n_streams--;
	if (--c->n_streams == 0)
		c->idle_since = loop_now(c->server->loop);
	free(s->trailers);
	buf_free(&s->out);
	free(s);
}

static int h2_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct h2_connection *c = arg;
	struct h2_stream *s;

	if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	if (c->server->n_streams >= H2_STREAMS_ALL) {
		nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_REFUSED_STREAM);
		return 0;
	}
	s = mem_new(sizeof(*s));
	s->connection = c;
	s->id = frame->hd.stream_id;
	s->since = loop_now(c->server->loop);
	s->next = c->streams;
	s->previous = &c->streams;
	if (s->next)
		s->next->previous = &s->next;
	c->streams = s;
	c->n_streams++;
	c->server->n_streams++;
	nghttp2_session_set_stream_user_data(session, s->id, s);
	buf_clear(&c->head.text);
	c->head.n = 0;
	c->head.bytes = 0;
	return 0;
}

static int h2_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_n,
    const uint8_t *value, size_t value_n, uint8_t flags, void *arg)
{
	struct h2_connection *c = arg;
	struct h2_scratch *h = &c->head;

	(void)flags;
	if (frame->headers.cat != NGHTTP2_HCAT_REQUEST ||
	    !nghttp2_session_get_stream_user_data(session, frame->hd.stream_id))
		return 0;
	h->bytes += name_n + value_n + 32;
	if (h->n == H2_HEADERS_MAX || h->bytes > H2_HEAD_BYTES_MAX)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	h->at[h->n].name = h->text.n;
	h->at[h->n].name_n = name_n;
	buf_add(&h->text, name, name_n);
	h->at[h->n].value = h->text.n;
	h->at[h->n++].value_n = value_n;
	buf_add(&h->text, value, value_n);
	return 0;
}

static void h2_begin(struct h2_connection *c, struct h2_stream *s)
{
	const struct h2_scratch *h = &c->head;
	struct header headers[H2_HEADERS_MAX];
	struct h2_head head = { .headers = headers };

	for (unsigned i = 0; i < h->n; i++) {
		struct slice name = { h->text.p + h->at[i].name, h->at[i].name_n };
		struct slice value = { h->text.p + h->at[i].value, h->at[i].value_n };

		if (name.n && *name.p != ':')
			headers[head.n_headers++] = (struct header){ name, value };
		else if (slice_is(name, ":method"))
			head.method = value;
		else if (slice_is(name, ":path"))
			head.path = value;
	}
	s->begun = true;
	c->server->service->begun(c->server->arg, s, &head);
}

static int h2_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct h2_connection *c = arg;
	struct h2_stream *s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	if (!s || (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA))
		return 0;
	if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
		h2_begin(c, s);
	if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM && !s->whole) {
		s->whole = true;
		c->server->service->ended(c->server->arg, s);
	}
	return 0;
}

static int h2_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t n, void *arg)
{
	struct h2_connection *c = arg;
	struct h2_stream *s = nghttp2_session_get_stream_user_data(session, id);

	(void)flags;
	if (s && s->begun)
		c->server->service->body(c->server->arg, s, (struct slice){ (const char *)data, n });
	return 0;
}

static int h2_closed(nghttp2_session *session, int32_t id, uint32_t code, void *arg)
{
	struct h2_stream *s = nghttp2_session_get_stream_user_data(session, id);

	(void)code;
	(void)arg;
	if (s)
		h2_stream_free(s);
	return 0;
}

void h2_stream_callbacks(nghttp2_session_callbacks *callbacks)
{
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, h2_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, h2_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, h2_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, h2_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, h2_closed);
}

/* --- answers --- */

static ssize_t h2_read_out(nghttp2_session *session, int32_t id, uint8_t *to, size_t n, uint32_t *flags,
    nghttp2_data_source *source, void *arg)
{
	struct h2_stream *s = source->ptr;
	size_t left = s->out.n - s->sent;

	(void)id;
	(void)arg;
	if (left == 0 && !s->finished)
		return NGHTTP2_ERR_DEFERRED;
	if (n > left)
		n = left;
	if (n)
		memcpy(to, s->out.p + s->sent, n);
	s->sent += n;
	if (s->sent < s->out.n)
		return (ssize_t)n;
	buf_free(&s->out);
	s->sent = 0;
	if (!s->finished)
		return (ssize_t)n;
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (s->n_trailers) {
		*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
		nghttp2_submit_trailer(session, s->id, s->trailers, s->n_trailers);
	}
	return (ssize_t)n;
}

static void nv_fill(nghttp2_nv *nv, const struct header *headers, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		nv[i] = (nghttp2_nv){ (uint8_t *)(uintptr_t)headers[i].name.p, (uint8_t *)(uintptr_t)headers[i].value.p,
			headers[i].name.n, headers[i].value.n, NGHTTP2_NV_FLAG_NONE };
}

void h2_stream_head(struct h2_stream *s, const struct header *headers, unsigned n, bool end)
{
	const nghttp2_data_provider provider = { .source.ptr = s, .read_callback = h2_read_out };
	struct h2_connection *c = s->connection;
	nghttp2_nv nv[NAMES_MAX];

	if (n > NAMES_MAX)
		n = NAMES_MAX;
	nv_fill(nv, headers, n);
	if (nghttp2_submit_response(c->session, s->id, nv, n, end ? NULL : &provider))
		c->failed = true;
	if (end) {
		s->finished = true;
		s->since = loop_now(c->server->loop);
	}
	h2_connection_touch(c);
}

void h2_stream_write(struct h2_stream *s, struct slice bytes)
{
	buf_slice(&s->out, bytes);
	nghttp2_session_resume_data(s->connection->session, s->id);
	h2_connection_touch(s->connection);
}

size_t h2_stream_unsent(const struct h2_stream *s)
{
	return s->out.n - s->sent;
}

void h2_stream_end(struct h2_stream *s, const struct header *trailers, unsigned n)
{
	size_t bytes = 0;
	char *text;

	for (unsigned i = 0; i < n; i++)
		bytes += trailers[i].name.n + trailers[i].value.n;
	s->trailers = mem_new(n * sizeof(*s->trailers) + bytes);
	nv_fill(s->trailers, trailers, n);
	text = (char *)(s->trailers + n);
	for (unsigned i = 0; i < n; i++) {
		memcpy(text, s->trailers[i].name, s->trailers[i].namelen);
		s->trailers[i].name = (uint8_t *)text;
		text += s->trailers[i].namelen;
		memcpy(text, s->trailers[i].value, s->trailers[i].valuelen);
		s->trailers[i].value = (uint8_t *)text;
		text += s->trailers[i].valuelen;
	}
	s->n_trailers = n;
	s->finished = true;
	s->since = loop_now(s->connection->server->loop);
	nghttp2_session_resume_data(s->connection->session, s->id);
	h2_connection_touch(s->connection);
}

void h2_stream_reset(struct h2_stream *s)
{
	nghttp2_submit_rst_stream(s->connection->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_CANCEL);
	h2_connection_touch(s->connection);
}

void h2_stream_keep(struct h2_stream *s, void *mine)
{
	s->mine = mine;
}

void *h2_stream_kept(const struct h2_stream *s)
{
	return s->mine;
}
