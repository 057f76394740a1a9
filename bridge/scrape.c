/* The /metrics page of a running bridge: fetched by one blocking call, parsed into a row for each subscription. */
#include "bridge/scrape.h"
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include "bridge/endpoint.h"
#include "bridge/error.h"
#include "bridge/http1.h"
#include "bridge/stream.h"

enum { WAIT_S = 3, PAGE_MAX = 64 << 20, PIECE = 65536 };

const char *const scraped_names[N_SCRAPED] = { "delivered", "inflight", "retries", "held", "parked", "lag" };

static const char *const metric_names[N_SCRAPED] = { "bridge_subscription_delivered_total",
	"bridge_subscription_inflight", "bridge_subscription_retries_total", "bridge_subscription_held",
	"bridge_subscription_parked_total", "bridge_partition_lag" };

/* --- fetching --- */

static int scrape_connect(const struct address *a, struct error *err)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	const struct timeval wait = { .tv_sec = WAIT_S };
	struct addrinfo *list = NULL;
	int rc = getaddrinfo(a->host, a->port, &hints, &list), fd = -1, fault = 0;

	if (rc != 0)
		return error_set(err, ERR_IO, "%s: %s", a->host, gai_strerror(rc));
	for (const struct addrinfo *at = list; at && fd < 0; at = at->ai_next) {
		fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			break;
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
		if (connect(fd, at->ai_addr, at->ai_addrlen) == 0)
			break;
		fault = errno == EINPROGRESS ? ETIMEDOUT : errno;
		close(fd);
		fd = -1;
	}
	freeaddrinfo(list);
	return fd >= 0 ? fd : error_set(err, ERR_IO, "%s", strerror(fault ? fault : errno));
}

static int scrape_exchange(int fd, const char *host, struct buf *page, struct error *err)
{
	struct buf request = { 0 };
	ssize_t n;

	buf_printf(&request, "GET /metrics HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host);
	n = send(fd, request.p, request.n, MSG_NOSIGNAL);
	buf_free(&request);
	if (n < 0)
		return error_set(err, ERR_IO, "%s", strerror(errno));
	while ((n = recv(fd, buf_room(page, PIECE), PIECE, 0)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set(
			    err, ERR_IO, "%s", errno == EAGAIN ? "no whole answer within 3 s" : strerror(errno));
		page->n += (size_t)n;
		if (page->n > PAGE_MAX)
			return error_set(err, ERR_LIMIT, "the page is larger than 64 MiB");
	}
	return 0;
}

static int scrape_body(const struct buf *page, struct buf *text, struct error *err)
{
	struct http1_head head;
	struct http1_body body;
	const char *why = "it ends early";
	ssize_t n = http1_head(&head, false, page->p, page->n, &why);
	size_t at = n > 0 ? (size_t)n : 0;

	if (n <= 0)
		return error_set(err, ERR_PROTOCOL, "the answer is not HTTP: %s", why);
	if (head.status != 200)
		return error_set(
		    err, ERR_PROTOCOL, "status %d for /metrics, expected 200: is that its admin port?", head.status);
	http1_body_begin(&body, &head, false);
	while (at < page->n && !http1_body_done(&body)) {
		struct slice data;

		n = http1_body_feed(&body, page->p + at, page->n - at, &data, &why);
		if (n <= 0)
			break;
		buf_slice(text, data);
		at += (size_t)n;
	}
	return 0;
}

int scrape_get(const char *address, struct buf *text, struct error *err)
{
	struct address a;
	struct buf page = { 0 };
	int fd, rc;

	if (address_parse(&a, address, err) < 0)
		return -1;
	if (a.tls || a.path) {
		address_free(&a);
		return error_set(err, ERR_CONFIG, "%s: expected host:port", address);
	}
	fd = scrape_connect(&a, err);
	rc = fd < 0 ? -1 : scrape_exchange(fd, a.host, &page, err);
	if (fd >= 0)
		close(fd);
	if (rc == 0)
		rc = scrape_body(&page, text, err);
	buf_free(&page);
	address_free(&a);
	return rc < 0 ? error_wrap(err, "no bridge answers at %s", address) : 0;
}

/* --- parsing --- */

struct labels {
	char *function, *component, *topic, *route;
};

static void labels_free(struct labels *l)
{
	free(l->function);
	free(l->component);
	free(l->topic);
	free(l->route);
}

static char **labels_place(struct labels *l, struct slice name)
{
	return slice_is(name, "function") ? &l->function
	    : slice_is(name, "component") ? &l->component
	    : slice_is(name, "topic")	  ? &l->topic
	    : slice_is(name, "route")	  ? &l->route
					  : NULL;
}

/* The value behind name=" up to the closing quote, without its escapes. */
static char *label_value(const char **at)
{
	struct buf value = { 0 };
	const char *p = *at;
	char *text;

	for (; *p && *p != '"' && *p != '\n'; p++) {
		bool escaped = *p == '\\' && p[1];

		p += escaped;
		buf_add(&value, escaped && *p == 'n' ? "\n" : p, 1);
	}
	*at = p + (*p == '"');
	text = mem_slice((struct slice){ value.p ? value.p : "", value.n });
	buf_free(&value);
	return text;
}

/* From behind the brace to behind its end. */
static const char *labels_read(const char *p, struct labels *l)
{
	while (*p && *p != '}' && *p != '\n') {
		size_t n = strcspn(p, "=\n}");
		char **kept = labels_place(l, (struct slice){ p, n }), *value;

		if (p[n] != '=' || p[n + 1] != '"')
			return p + n;
		p += n + 2;
		value = label_value(&p);
		if (kept) {
			free(*kept);
			*kept = value;
		} else {
			free(value);
		}
		p += *p == ',';
	}
	return p + (*p == '}');
}

static struct scraped_row *scrape_row(struct scrape *s, struct labels *l)
{
	struct scraped_row like = { l->function, l->component, l->topic, l->route, { 0 }, false };
	const struct scraped_row *found = scrape_find(s, &like);

	if (found) {
		labels_free(l);
		return &s->rows[found - s->rows];
	}
	s->rows = mem_grow(s->rows, (s->n + 1) * sizeof(*s->rows));
	s->rows[s->n] = like;
	return &s->rows[s->n++];
}

static void scrape_line(struct scrape *s, const char *line)
{
	size_t n = strcspn(line, "{ \n");
	struct labels l = { NULL, NULL, NULL, NULL };
	const char *after = line[n] == '{' ? labels_read(line + n + 1, &l) : line + n;
	int64_t value = strtoll(after, NULL, 10);

	if (slice_is((struct slice){ line, n }, "bridge_function_ready")) {
		s->functions++;
		s->ready += value == 1;
	}
	for (unsigned i = 0; i < N_SCRAPED && l.function && l.component && l.topic && l.route; i++) {
		struct scraped_row *row;

		if (!slice_is((struct slice){ line, n }, metric_names[i]))
			continue;
		row = scrape_row(s, &l);
		row->value[i] += value;
		row->lag_known = row->lag_known || i == SCRAPED_LAG;
		return;
	}
	labels_free(&l);
}

void scrape_parse(struct scrape *s, struct slice text)
{
	char *copy = mem_slice(text);

	for (char *line = copy, *end; *line; line = end) {
		end = line + strcspn(line, "\n");
		end += *end == '\n';
		if (*line != '#')
			scrape_line(s, line);
	}
	free(copy);
}

const struct scraped_row *scrape_find(const struct scrape *s, const struct scraped_row *like)
{
	for (unsigned i = 0; i < s->n; i++)
		if (!strcmp(s->rows[i].function, like->function) && !strcmp(s->rows[i].component, like->component) &&
		    !strcmp(s->rows[i].topic, like->topic) && !strcmp(s->rows[i].route, like->route))
			return &s->rows[i];
	return NULL;
}

void scrape_free(struct scrape *s)
{
	for (unsigned i = 0; i < s->n; i++) {
		free(s->rows[i].function);
		free(s->rows[i].component);
		free(s->rows[i].topic);
		free(s->rows[i].route);
	}
	free(s->rows);
	*s = (struct scrape){ 0 };
}
