/* Our side of one stream, as tests watch it: what it was told, and the bytes that came. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include "bridge/error.h"
#include "tests/unit/side.h"

static void side_maybe_close(struct side *s)
{
	if (!s->close_when_called)
		return;
	stream_close(s->stream);
	s->stream = NULL;
}

static void side_opened(void *arg)
{
	struct side *s = arg;

	s->opened++;
	side_maybe_close(s);
}

static void side_readable(void *arg)
{
	struct side *s = arg;
	ssize_t n;

	s->readable++;
	if (s->at_once) {
		n = stream_read(s->stream, buf_room(&s->in, s->at_once), s->at_once);
		if (n > 0)
			s->in.n += (size_t)n;
		if (s->pause_at && s->in.n >= s->pause_at) {
			s->pause_at = 0;
			stream_want_read(s->stream, false);
		}
		if (n == 0 || (n < 0 && errno != EAGAIN)) {
			s->ended = n == 0;
			s->broken = n < 0;
			stream_want_read(s->stream, false);
		}
	}
	side_maybe_close(s);
}

static void side_writable(void *arg)
{
	struct side *s = arg;

	s->writable++;
	side_maybe_close(s);
}

static void side_failed(void *arg, const char *why)
{
	struct side *s = arg;

	s->failed++;
	stream_close(s->stream);
	s->stream = NULL;
	snprintf(s->why, sizeof(s->why), "%s", why);
}

static const struct stream_events side_events = { side_opened, side_readable, side_writable, side_failed };

void side_open_tls(struct side *s, const char *address, struct tls *tls, int64_t timeout_ms)
{
	struct address a;
	struct error e;

	if (address_parse(&a, address, &e) < 0)
		fail_msg("%s", e.text);
	s->stream = stream_open(s->loop, &a, tls, timeout_ms, &side_events, s);
	address_free(&a);
	assert_int_equal(s->opened + s->failed, 0);
}

void side_open(struct side *s, const char *host, unsigned port)
{
	char address[128];

	snprintf(address, sizeof(address), "%s:%u", host, port);
	side_open_tls(s, address, NULL, 20000);
}

void side_close(struct side *s)
{
	stream_close(s->stream);
	buf_free(&s->in);
	s->stream = NULL;
}
