/* The live view: one page for browsers on the admin port, and the stream of snapshots it draws. */
#include "bridge/live.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/function.h"
#include "bridge/history.h"
#include "bridge/http_server.h"
#include "bridge/json_scan.h"
#include "bridge/loop.h"
#include "bridge/snapshot.h"
#include "bridge/version.h"
#include "bridge/web.h"

enum {
	VIEWERS_MAX = 16,
	SHOWN_MAX = 128, /* subscriptions: what they cost is bounded, and a page of more is read by nobody */
};

struct viewer {
	struct http_stream stream; /* first, so that it is the viewer */
	struct live *live;
	struct viewer *next, **previous;
};

struct live {
	struct loop *loop;
	struct function **functions;
	unsigned n_functions;
	bool only_local, ended;
	int64_t started, started_wall;
	struct timer tick;
	struct viewer *viewers;
	unsigned n_viewers;
};

/* --- once a second --- */

static void live_print(const struct live *l, bool history, struct buf *out)
{
	buf_printf(out, "event: snapshot\ndata: {\"version\":\"%s\",\"time\":%lld,\"started\":%lld", BRIDGE_VERSION,
	    (long long)loop_wall(l->loop), (long long)l->started_wall);
	buf_printf(
	    out, ",\"uptime_ms\":%lld,\"step_ms\":%d", (long long)(loop_now(l->loop) - l->started), HISTORY_STEP_MS);
	buf_printf(out, ",\"ended\":%s,\"functions\":[", l->ended ? "true" : "false");
	for (unsigned i = 0; i < l->n_functions; i++) {
		buf_text(out, i ? "," : "");
		function_snapshot(l->functions[i], history, out);
	}
	buf_text(out, "]}\n\n");
}

static void live_sample(struct live *l)
{
	unsigned room = SHOWN_MAX;

	for (unsigned i = 0; i < l->n_functions; i++)
		room -= function_sample(l->functions[i], room);
}

static void live_tell(struct live *l)
{
	struct buf text = { 0 };

	if (!l->viewers)
		return;
	live_print(l, false, &text);
	for (struct viewer *v = l->viewers; v; v = v->next)
		http_stream_write(&v->stream, (struct slice){ text.p, text.n });
	buf_free(&text);
}

static void live_tick(void *arg)
{
	struct live *l = arg;
	int64_t now = loop_now(l->loop);

	timer_set(l->loop, &l->tick, HISTORY_STEP_MS - now % HISTORY_STEP_MS, live_tick, l);
	live_sample(l);
	live_tell(l);
}

/* --- who may look --- */

static bool is_loopback(const char *address)
{
	return !strncmp(address, "127.", 4) || !strcmp(address, "::1");
}

/* An address, or a name that no name server answers for. */
static bool host_is_local(struct slice host)
{
	static const char suffix[] = ".localhost";
	const char *colon;
	struct in_addr address;
	bool local;
	char *name;

	if (!host.p)
		return false;
	if (host.n && host.p[0] == '[')
		return true;
	colon = memrchr(host.p, ':', host.n);
	if (colon)
		host.n = (size_t)(colon - host.p);
	name = mem_slice(host);
	local = inet_pton(AF_INET, name, &address) == 1 || slice_is_nocase(host, "localhost") ||
	    (host.n > strlen(suffix) && !strcasecmp(name + host.n - strlen(suffix), suffix));
	free(name);
	return local;
}

/* Another site's page, which could not read the answer but take the places of those who can. */
static bool is_foreign(const struct http_request *q)
{
	struct slice site = http_request_header(q, "sec-fetch-site"), origin = http_request_header(q, "origin"),
		     host = http_request_header(q, "host");
	const char *slashes = origin.p ? memmem(origin.p, origin.n, "://", 3) : NULL;

	if (site.p && !slice_is(site, "same-origin") && !slice_is(site, "none"))
		return true;
	if (!origin.p)
		return false;
	return !slashes ||
	    !slice_equal((struct slice){ slashes + 3, (size_t)(origin.p + origin.n - slashes - 3) }, host);
}

static bool accepts_html(const struct http_request *q)
{
	char *accept = mem_slice(http_request_header(q, "accept"));
	const char *list = accept;
	struct slice item;
	bool found = false;

	while (!found && list_next(&list, &item)) {
		size_t n = strcspn(item.p, "; \t,");

		found = slice_is_nocase((struct slice){ item.p, n < item.n ? n : item.n }, "text/html");
	}
	free(accept);
	return found;
}

/* --- answering --- */

static void refuse(struct http_response *r, int status, const char *text)
{
	r->status = status;
	r->content_type = "text/plain; charset=utf-8";
	buf_text(&r->headers, "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n");
	buf_text(&r->body, text);
}

static void file_answer(const struct web_file *file, const struct http_request *q, struct http_response *r)
{
	struct slice data = { file->begin, (size_t)(file->end - file->begin) };
	struct slice known = http_request_header(q, "if-none-match");
	struct buf tag = { 0 };

	buf_printf(&tag, "\"%016llx\"", (unsigned long long)slice_hash(data));
	r->status = known.p && memmem(known.p, known.n, tag.p, tag.n) ? 304 : 200;
	r->content_type = file->type;
	buf_printf(&r->headers, "ETag: %.*s\r\nCache-Control: no-cache\r\n", (int)tag.n, tag.p);
	buf_text(&r->headers,
	    "Vary: Accept\r\n"
	    "X-Content-Type-Options: nosniff\r\n"
	    "Referrer-Policy: no-referrer\r\n"
	    "Cross-Origin-Resource-Policy: same-origin\r\n"
	    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
	    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n");
	if (r->status == 200)
		buf_slice(&r->body, data);
	buf_free(&tag);
}

static void viewer_closed(struct http_stream *stream)
{
	struct viewer *v = (struct viewer *)stream;

	v->live->n_viewers--;
	*v->previous = v->next;
	if (v->next)
		v->next->previous = v->previous;
	free(v);
}

static void viewer_open(struct live *l, struct http_response *r)
{
	struct viewer *v = mem_new(sizeof(*v));

	v->stream.closed = viewer_closed;
	v->live = l;
	v->next = l->viewers;
	v->previous = &l->viewers;
	if (v->next)
		v->next->previous = &v->next;
	l->viewers = v;
	l->n_viewers++;
	r->status = 200;
	r->content_type = "text/event-stream";
	buf_text(
	    &r->headers, "Cache-Control: no-store\r\nX-Accel-Buffering: no\r\nX-Content-Type-Options: nosniff\r\n");
	buf_text(&r->body, "retry: 1000\n\n");
	live_print(l, true, &r->body);
	r->stream = &v->stream;
}

static void events_answer(struct live *l, const struct http_request *q, struct http_response *r)
{
	if (is_foreign(q))
		refuse(r, 403, "the live view is not for pages of other sites\n");
	else if (l->ended)
		refuse(r, 503, "bridge is ending\n");
	else if (l->n_viewers >= VIEWERS_MAX)
		refuse(r, 503, "16 live views are open already: close one\n");
	else
		viewer_open(l, r);
}

bool live_handle(struct live *l, const struct http_request *q, struct http_response *r)
{
	bool events = slice_is(q->path, "/live/events");
	const struct web_file *file = web_file_find(q->path);

	if (!events && (!file || (slice_is(q->path, "/") && !accepts_html(q))))
		return false;
	if (l->only_local && !host_is_local(http_request_header(q, "host")))
		refuse(r, 403,
		    "this port listens on the loopback address only: open it as localhost or 127.0.0.1, "
		    "or set admin.listen\n");
	else if (events)
		events_answer(l, q, r);
	else
		file_answer(file, q, r);
	return true;
}

/* --- life --- */

struct live *live_new(struct loop *loop, const char *listen, struct function *const *functions, unsigned n)
{
	struct live *l = mem_new(sizeof(*l));

	l->loop = loop;
	l->only_local = is_loopback(listen);
	l->functions = mem_new(n * sizeof(struct function *));
	memcpy(l->functions, functions, n * sizeof(struct function *));
	l->n_functions = n;
	l->started = loop_now(loop);
	l->started_wall = loop_wall(loop);
	live_tick(l);
	return l;
}

void live_end(struct live *l)
{
	l->ended = true;
	live_tell(l);
	while (l->viewers) {
		struct viewer *v = l->viewers;

		http_stream_end(&v->stream);
		viewer_closed(&v->stream);
	}
}

void live_free(struct live *l)
{
	if (!l)
		return;
	timer_stop(l->loop, &l->tick);
	free(l->functions);
	free(l);
}
