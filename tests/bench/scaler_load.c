/* Asks a scaler's GetMetrics as fast as it answers, so many at once: requests a second and latency. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <nghttp2/nghttp2.h>
#include "tests/bench/bench.h"

/*
 * Usage: scaler_load --port N [--functions N] [--streams N] [--seconds N]
 * Functions are named "f0", "f1" …, or "bench" if there is one.  Last line: {"requests":…,"seconds":…,"p50_ms":…}.
 */
enum { SAMPLES = 1 << 22, BODY_MAX = 128 };

struct load {
	nghttp2_session *session;
	long port, functions, streams, seconds;
	int64_t until;
	unsigned long asked, answered, failed;
	float *samples;
};

struct call {
	int64_t began;
	size_t n, sent;
	char body[BODY_MAX];
};

static void call_fill(struct call *c, const struct load *l, unsigned long number)
{
	char name[20];
	size_t length;
	char *p = c->body + 5;

	snprintf(name, sizeof(name), l->functions == 1 ? "bench" : "f%lu", number % (unsigned long)l->functions);
	length = strlen(name);
	p += sprintf(p, "%c%c%c%cso%c%c%c%cfunction%c%c%s", 0x0a, (int)(4 + 2 + 2 + 8 + 2 + length), 0x0a, 2, 0x1a,
	    (int)(2 + 8 + 2 + length), 0x0a, 8, 0x12, (int)length, name);
	p += sprintf(p, "%c%cbacklog", 0x12, 7);
	c->n = (size_t)(p - c->body);
	memset(c->body, 0, 5);
	c->body[4] = (char)(c->n - 5);
	c->sent = 0;
}

static ssize_t call_read(nghttp2_session *session, int32_t id, uint8_t *to, size_t n, uint32_t *flags,
    nghttp2_data_source *source, void *arg)
{
	struct call *c = source->ptr;

	(void)session;
	(void)id;
	(void)arg;
	if (n > c->n - c->sent)
		n = c->n - c->sent;
	memcpy(to, c->body + c->sent, n);
	c->sent += n;
	if (c->sent == c->n)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

#define NV(name, value) \
	{ \
		(uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value), sizeof(name) - 1, sizeof(value) - 1, \
		    NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE \
	}

static void call_start(struct load *l, struct call *c)
{
	static const nghttp2_nv head[] = { NV(":method", "POST"), NV(":scheme", "http"),
		NV(":path", "/externalscaler.ExternalScaler/GetMetrics"), NV(":authority", "bridge"),
		NV("content-type", "application/grpc"), NV("te", "trailers"), NV("user-agent", "load") };
	nghttp2_data_provider provider = { .source.ptr = c, .read_callback = call_read };

	call_fill(c, l, l->asked++);
	c->began = clock_ns();
	if (nghttp2_submit_request(l->session, NULL, head, 7, &provider, c) < 0)
		die("a request could not be made");
}

static int load_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_n,
    const uint8_t *value, size_t value_n, uint8_t flags, void *arg)
{
	struct load *l = arg;

	(void)session;
	(void)frame;
	(void)flags;
	if (name_n == 11 && !memcmp(name, "grpc-status", 11) && (value_n != 1 || *value != '0'))
		l->failed++;
	return 0;
}

static int load_closed(nghttp2_session *session, int32_t id, uint32_t code, void *arg)
{
	struct load *l = arg;
	struct call *c = nghttp2_session_get_stream_user_data(session, id);
	int64_t now = clock_ns();

	if (code)
		die("a stream was reset with %u", code);
	if (l->answered < SAMPLES)
		l->samples[l->answered] = (float)(now - c->began) / 1e6F;
	l->answered++;
	if (now < l->until)
		call_start(l, c);
	return 0;
}

static int load_connect(long port)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		die("port %ld: %s", port, strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static void load_run(struct load *l, int fd)
{
	static uint8_t room[1 << 16], out[1 << 18];
	const uint8_t *bytes;
	ssize_t n;

	while (l->answered < l->asked) {
		size_t size = 0;

		while (size < sizeof(out) - 20000 && (n = nghttp2_session_mem_send(l->session, &bytes)) > 0) {
			memcpy(out + size, bytes, (size_t)n);
			size += (size_t)n;
		}
		for (size_t sent = 0; sent < size; sent += (size_t)n)
			if ((n = send(fd, out + sent, size - sent, MSG_NOSIGNAL)) <= 0)
				die("send: %s", strerror(errno));
		n = recv(fd, room, sizeof(room), 0);
		if (n <= 0 || nghttp2_session_mem_recv(l->session, room, (size_t)n) != n)
			die("the connection ended");
	}
}

static int sample_compare(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	struct load l = { .functions = 1, .streams = 64, .seconds = 5 };
	const struct flag flags[] = { { "--port", NULL, &l.port, 1, 65535 },
		{ "--functions", NULL, &l.functions, 1, 100000 }, { "--streams", NULL, &l.streams, 1, 10000 },
		{ "--seconds", NULL, &l.seconds, 1, 3600 }, { 0 } };
	nghttp2_session_callbacks *callbacks;
	struct call *calls;
	int64_t began;
	unsigned long n;

	flags_parse(flags, argc, argv);
	l.samples = calloc(SAMPLES, sizeof(*l.samples));
	calls = calloc((size_t)l.streams, sizeof(*calls));
	nghttp2_session_callbacks_new(&callbacks);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, load_header);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, load_closed);
	if (!l.samples || !calls || nghttp2_session_client_new(&l.session, callbacks, &l) != 0)
		die("out of memory");
	nghttp2_submit_settings(l.session, NGHTTP2_FLAG_NONE, NULL, 0);
	began = clock_ns();
	l.until = began + l.seconds * 1000000000;
	for (long i = 0; i < l.streams; i++)
		call_start(&l, &calls[i]);
	load_run(&l, load_connect(l.port));
	n = l.answered < SAMPLES ? l.answered : SAMPLES;
	qsort(l.samples, n, sizeof(*l.samples), sample_compare);
	printf("{\"requests\":%lu,\"failed\":%lu,\"seconds\":%.3f,\"p50_ms\":%.3f,\"p99_ms\":%.3f}\n", l.answered,
	    l.failed, (double)(clock_ns() - began) / 1e9, l.samples[n / 2], l.samples[n * 99 / 100]);
	return 0;
}
