/* A client of the HTTP/2 server under test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <errno.h>
#include <cmocka.h>
#include "tests/unit/h2_client.h"

static int client_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_n,
    const uint8_t *value, size_t value_n, uint8_t flags, void *arg)
{
	struct h2_answer *a = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	static const struct {
		const char *name;
		size_t offset, size;
	} kept[] = { { ":status", offsetof(struct h2_answer, status), 8 },
		{ "grpc-status", offsetof(struct h2_answer, grpc_status), 8 },
		{ "grpc-message", offsetof(struct h2_answer, grpc_message), 300 },
		{ "content-type", offsetof(struct h2_answer, type), 64 } };

	(void)flags;
	(void)arg;
	for (unsigned i = 0; a && i < 4; i++)
		if (strlen(kept[i].name) == name_n && !memcmp(kept[i].name, name, name_n))
			snprintf((char *)a + kept[i].offset, kept[i].size, "%.*s", (int)value_n, (const char *)value);
	return 0;
}

static int client_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct h2_client *c = arg;
	struct h2_answer *a = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	if (a && frame->hd.type == NGHTTP2_HEADERS)
		a->heads++;
	c->goaway = c->goaway || frame->hd.type == NGHTTP2_GOAWAY;
	return 0;
}

static int client_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t n, void *arg)
{
	struct h2_answer *a = nghttp2_session_get_stream_user_data(session, id);

	(void)flags;
	(void)arg;
	if (a)
		buf_add(&a->data, data, n);
	return 0;
}

static int client_closed(nghttp2_session *session, int32_t id, uint32_t code, void *arg)
{
	struct h2_answer *a = nghttp2_session_get_stream_user_data(session, id);

	(void)arg;
	if (a) {
		a->closed = true;
		a->reset = code;
	}
	return 0;
}

void h2_client_open(struct h2_client *c, struct loop *loop, unsigned port)
{
	nghttp2_session_callbacks *callbacks;

	*c = (struct h2_client){ 0 };
	client_open(&c->tcp, loop, "127.0.0.1", port);
	nghttp2_session_callbacks_new(&callbacks);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, client_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, client_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, client_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, client_closed);
	nghttp2_session_client_new(&c->session, callbacks, c);
	nghttp2_session_callbacks_del(callbacks);
	nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, NULL, 0);
}

void h2_client_close(struct h2_client *c)
{
	nghttp2_session_del(c->session);
	client_close(&c->tcp);
}

void h2_client_turn(struct h2_client *c)
{
	const uint8_t *bytes;
	ssize_t n;
	char room[65536];

	while (!c->tcp.ended && (n = nghttp2_session_mem_send(c->session, &bytes)) > 0)
		client_send(&c->tcp, (const char *)bytes, (size_t)n);
	loop_moment(c->tcp.loop);
	while ((n = recv(c->tcp.fd, room, sizeof(room), MSG_DONTWAIT)) > 0)
		assert_int_equal(nghttp2_session_mem_recv(c->session, (const uint8_t *)room, (size_t)n), n);
	if (n == 0 || errno != EAGAIN)
		c->tcp.ended = true;
}

static ssize_t body_read(nghttp2_session *session, int32_t id, uint8_t *to, size_t n, uint32_t *flags,
    nghttp2_data_source *source, void *arg)
{
	struct slice *left = source->ptr;

	(void)session;
	(void)id;
	(void)arg;
	if (!left)
		return NGHTTP2_ERR_DEFERRED;
	if (n > left->n)
		n = left->n;
	if (n)
		memcpy(to, left->p, n);
	left->p += n;
	left->n -= n;
	if (left->n == 0) {
		*flags |= NGHTTP2_DATA_FLAG_EOF;
		free(left);
	}
	return (ssize_t)n;
}

static nghttp2_nv nv(const char *name, const char *value)
{
	return (nghttp2_nv){ (uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name), strlen(value), 0 };
}

void h2_ask(
    struct h2_client *c, struct h2_answer *a, const char *path, const struct slice *body, const char *const *extra)
{
	nghttp2_nv list[32] = { nv(":method", "POST"), nv(":scheme", "http"), nv(":path", path),
		nv(":authority", "bridge"), nv("content-type", "application/grpc"), nv("te", "trailers") };
	nghttp2_data_provider provider = { .read_callback = body_read };
	unsigned n = 6;

	for (; extra && *extra; extra += 2) {
		unsigned at = n;

		for (unsigned i = 0; i < n; i++)
			if (!strcmp((const char *)list[i].name, extra[0]))
				at = i;
		list[at] = nv(extra[0], extra[1]);
		n += at == n;
	}
	*a = (struct h2_answer){ 0 };
	if (body) {
		provider.source.ptr = mem_new(sizeof(*body));
		*(struct slice *)provider.source.ptr = *body;
	}
	a->id = nghttp2_submit_request(c->session, NULL, list, n, &provider, a);
	assert_true(a->id > 0);
}

void h2_waits(struct h2_client *c, const struct h2_answer *a)
{
	while (!a->closed) {
		if (c->tcp.ended)
			fail_msg("the connection ended, the stream was not answered");
		h2_client_turn(c);
	}
}

void h2_waits_for_data(struct h2_client *c, const struct h2_answer *a, size_t n)
{
	while (a->data.n < n) {
		if (c->tcp.ended || a->closed)
			fail_msg("%zu bytes came, %zu were expected", a->data.n, n);
		h2_client_turn(c);
	}
}

void h2_answer_free(struct h2_answer *a)
{
	buf_free(&a->data);
}
