/* A gRPC server: framing, deadlines, statuses. */
#include "bridge/grpc_inside.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bridge/error.h"

enum { PREFIX = 5, REQUEST_MS = 30 * 1000, WHY_MAX = 1024 };

struct grpc_call {
	struct grpc_server *server;
	struct h2_stream *stream;
	const struct grpc_method *method;
	void *service; /* what the method is called with */
	bool seen; /* by called(): gone() is owed */
	bool answering, ended;
	struct timer deadline;
	struct buf in;
	void *mine;
};

/* --- answers --- */

static void call_head(struct grpc_call *call)
{
	static const struct header head[] = { { { ":status", 7 }, { "200", 3 } },
		{ { "content-type", 12 }, { "application/grpc", 16 } } };

	if (!call->answering)
		h2_stream_head(call->stream, head, 2, false);
	call->answering = true;
}

void grpc_send(struct grpc_call *call, const ProtobufCMessage *message)
{
	size_t n = protobuf_c_message_get_packed_size(message);
	uint8_t room[256], *bytes = room;

	if (call->ended)
		return;
	if (n + PREFIX > sizeof(room))
		bytes = mem_new(n + PREFIX);
	call_head(call);
	bytes[0] = 0;
	for (int i = 0; i < 4; i++)
		bytes[1 + i] = (uint8_t)(n >> (24 - 8 * i));
	protobuf_c_message_pack(message, bytes + PREFIX);
	h2_stream_write(call->stream, (struct slice){ (const char *)bytes, n + PREFIX });
	if (bytes != room)
		free(bytes);
}

size_t grpc_unsent(const struct grpc_call *call)
{
	return h2_stream_unsent(call->stream);
}

/* Printable ASCII as it is, the rest and the percent sign in hex. */
static void why_encode(struct buf *b, const char *why)
{
	for (size_t i = 0; i < WHY_MAX && why[i]; i++)
		if ((unsigned char)why[i] < ' ' || (unsigned char)why[i] > '~' || why[i] == '%')
			buf_printf(b, "%%%02X", (unsigned char)why[i]);
		else
			buf_add(b, &why[i], 1);
}

void grpc_end(struct grpc_call *call, enum grpc_code code, const char *why)
{
	struct buf text = { 0 };
	char number[4];
	struct header headers[4] = { { SLICE(":status"), SLICE("200") },
		{ SLICE("content-type"), SLICE("application/grpc") } };
	unsigned n = 2;

	if (call->ended)
		return;
	call->ended = true;
	timer_stop(call->server->loop, &call->deadline);
	snprintf(number, sizeof(number), "%d", (int)code);
	headers[n++] = (struct header){ SLICE("grpc-status"), slice_text(number) };
	if (why) {
		why_encode(&text, why);
		headers[n++] = (struct header){ SLICE("grpc-message"), { text.p, text.n } };
	}
	if (call->answering)
		h2_stream_end(call->stream, headers + 2, n - 2);
	else
		h2_stream_head(call->stream, headers, n, true);
	buf_free(&text);
}

void grpc_keep(struct grpc_call *call, void *mine)
{
	call->mine = mine;
}

void *grpc_kept(const struct grpc_call *call)
{
	return call->mine;
}

/* --- requests --- */

static const struct grpc_method *method_find(const struct grpc_method *methods, struct slice path)
{
	for (const struct grpc_method *m = methods; m->path; m++)
		if (slice_is(path, m->path))
			return m;
	return NULL;
}

static void call_too_late(void *arg)
{
	grpc_end(arg, GRPC_DEADLINE_EXCEEDED, "the deadline that came with the call has passed");
}

/* "100m": a number of up to eight digits and its unit.  -1: it is none. */
static int64_t timeout_ms(struct slice text)
{
	static const struct {
		char unit;
		int64_t times, over;
	} units[] = { { 'H', 3600000, 1 }, { 'M', 60000, 1 }, { 'S', 1000, 1 }, { 'm', 1, 1 }, { 'u', 1, 1000 },
		{ 'n', 1, 1000000 } };
	uint64_t n;

	if (text.n < 2 || text.n > 9 || !slice_uint((struct slice){ text.p, text.n - 1 }, &n))
		return -1;
	for (unsigned i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (text.p[text.n - 1] == units[i].unit)
			return ((int64_t)n * units[i].times + units[i].over - 1) / units[i].over;
	return -1;
}

static struct slice head_value(const struct h2_head *head, const char *name)
{
	for (unsigned i = 0; i < head->n_headers; i++)
		if (slice_is(head->headers[i].name, name))
			return head->headers[i].value;
	return (struct slice){ 0 };
}

static bool type_is_grpc(struct slice type)
{
	static const char word[] = "application/grpc";
	size_t n = sizeof(word) - 1;

	return type.n >= n && !memcmp(type.p, word, n) && (type.n == n || type.p[n] == '+' || type.p[n] == ';');
}

/* What is no gRPC at all is told so in HTTP. */
static bool grpc_refuses(struct h2_stream *stream, const struct h2_head *head)
{
	bool post = slice_is(head->method, "POST");
	const struct header status = { SLICE(":status"), slice_text(post ? "415" : "405") };

	if (post && type_is_grpc(head_value(head, "content-type")))
		return false;
	h2_stream_head(stream, &status, 1, true);
	return true;
}

static void grpc_begun(void *arg, struct h2_stream *stream, const struct h2_head *head)
{
	struct grpc_server *server = arg;
	struct slice timeout = head_value(head, "grpc-timeout");
	struct grpc_call *call;
	int64_t ms = timeout.p ? timeout_ms(timeout) : 0;

	if (grpc_refuses(stream, head))
		return;
	call = mem_new(sizeof(*call));
	call->server = server;
	call->stream = stream;
	call->service = server->arg;
	h2_stream_keep(stream, call);
	call->method = method_find(server->methods, head->path);
	if (!call->method) {
		call->method = method_find(grpc_health_methods, head->path);
		call->service = server;
	}
	if (!call->method)
		grpc_end(call, GRPC_UNIMPLEMENTED, "there is no such method here");
	else if (ms < 0)
		grpc_end(call, GRPC_INVALID_ARGUMENT, "grpc-timeout: expected a number and one of H M S m u n");
	else if (timeout.p)
		timer_set(server->loop, &call->deadline, ms, call_too_late, call);
}

static void grpc_body(void *arg, struct h2_stream *stream, struct slice piece)
{
	struct grpc_server *server = arg;
	struct grpc_call *call = h2_stream_kept(stream);

	if (!call || call->ended)
		return;
	if (piece.n > server->message_max + PREFIX - call->in.n) {
		buf_free(&call->in);
		grpc_end(call, GRPC_RESOURCE_EXHAUSTED, "the request is larger than is taken here");
		return;
	}
	buf_slice(&call->in, piece);
}

static void call_begin(struct grpc_call *call)
{
	const uint8_t *p = (const uint8_t *)call->in.p;
	size_t n = call->in.n >= PREFIX ? ((size_t)p[1] << 24 | p[2] << 16 | p[3] << 8 | p[4]) : 0;
	ProtobufCMessage *message;

	if (call->in.n < PREFIX || n != call->in.n - PREFIX) {
		grpc_end(call, GRPC_INTERNAL, "expected exactly one whole message");
		return;
	}
	if (p[0] != 0) {
		grpc_end(call, GRPC_UNIMPLEMENTED, "compressed messages are not taken here");
		return;
	}
	message = protobuf_c_message_unpack(call->method->request, NULL, n, p + PREFIX);
	buf_free(&call->in);
	if (!message) {
		grpc_end(call, GRPC_INTERNAL, "the message cannot be read");
		return;
	}
	call->seen = true;
	call->method->called(call->service, call, message);
	protobuf_c_message_free_unpacked(message, NULL);
}

static void grpc_ended(void *arg, struct h2_stream *stream)
{
	struct grpc_call *call = h2_stream_kept(stream);

	(void)arg;
	if (call && !call->ended)
		call_begin(call);
}

static void grpc_gone(void *arg, struct h2_stream *stream)
{
	struct grpc_call *call = h2_stream_kept(stream);

	(void)arg;
	if (!call)
		return;
	timer_stop(call->server->loop, &call->deadline);
	if (call->seen && call->method->gone)
		call->method->gone(call->service, call);
	buf_free(&call->in);
	free(call);
}

static const struct h2_service grpc_service = { grpc_begun, grpc_body, grpc_ended, grpc_gone };

/* --- the server --- */

struct grpc_server *grpc_server_open(
    struct loop *loop, const struct grpc_options *o, const struct grpc_method *methods, void *arg, struct error *err)
{
	struct grpc_server *s = mem_new(sizeof(*s));
	struct h2_options h2 = o->h2;

	s->loop = loop;
	s->methods = methods;
	s->arg = arg;
	s->message_max = o->message_max;
	s->serving = true;
	h2.request_ms = REQUEST_MS;
	s->h2 = h2_server_open(loop, &h2, &grpc_service, s, err);
	if (s->h2)
		return s;
	free(s);
	return NULL;
}

unsigned grpc_server_port(const struct grpc_server *s)
{
	return h2_server_port(s->h2);
}

void grpc_server_leave(struct grpc_server *s)
{
	grpc_server_serving(s, false);
	grpc_health_end(s);
	h2_server_leave(s->h2);
}

void grpc_server_close(struct grpc_server *s)
{
	if (!s)
		return;
	h2_server_close(s->h2);
	free(s);
}
