/* `bridge top`: /metrics of a running bridge once a second, as a table or as JSON lines. */
#include "bridge/top.h"
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "bridge/error.h"
#include "bridge/json_scan.h"
#include "bridge/paint.h"
#include "bridge/scrape.h"
#include "bridge/time_text.h"

struct top {
	const char *address;
	bool live, color;
	struct scrape now, before;
	double seconds; /* between the two; 0: there is no earlier look */
	struct timespec looked;
};

static double time_between(const struct timespec *a, const struct timespec *b)
{
	return (double)(b->tv_sec - a->tv_sec) + (double)(b->tv_nsec - a->tv_nsec) / 1e9;
}

static int top_look(struct top *t, struct error *err)
{
	struct buf text = { 0 };
	struct timespec at;

	if (scrape_get(t->address, &text, err) < 0) {
		buf_free(&text);
		scrape_free(&t->before);
		scrape_free(&t->now);
		t->seconds = 0;
		return -1;
	}
	clock_gettime(CLOCK_MONOTONIC, &at);
	scrape_free(&t->before);
	t->before = t->now;
	t->now = (struct scrape){ 0 };
	t->seconds = t->before.n ? time_between(&t->looked, &at) : 0;
	t->looked = at;
	scrape_parse(&t->now, (struct slice){ text.p, text.n });
	buf_free(&text);
	return 0;
}

/* Events a second; -1: not known yet, or the bridge was started anew. */
static double top_rate(const struct top *t, const struct scraped_row *row)
{
	const struct scraped_row *before = scrape_find(&t->before, row);

	if (!before || t->seconds <= 0 || before->value[SCRAPED_DELIVERED] > row->value[SCRAPED_DELIVERED])
		return -1;
	return (double)(row->value[SCRAPED_DELIVERED] - before->value[SCRAPED_DELIVERED]) / t->seconds;
}

static bool top_ready(const struct top *t)
{
	return t->now.functions > 0 && t->now.ready == t->now.functions;
}

static int top_width(const struct top *t)
{
	return t->now.functions > 1 ? 44 : 28;
}

static void table_row(const struct top *t, const struct scraped_row *row, struct buf *out)
{
	double rate = top_rate(t, row);
	char name[96], rate_text[32] = "-", lag[32] = "unknown";
	bool several = t->now.functions > 1;

	snprintf(name, sizeof(name), "%s%s%s/%s", several ? row->function : "", several ? ": " : "", row->component,
	    row->topic);
	if (rate >= 0)
		snprintf(rate_text, sizeof(rate_text), "%.0f", rate);
	if (row->lag_known)
		snprintf(lag, sizeof(lag), "%" PRId64, row->value[SCRAPED_LAG]);
	buf_printf(out, "%-*.*s %-16.16s %9s %12" PRId64 " %9" PRId64 " %9s %8" PRId64 " %s%6" PRId64 "%s",
	    top_width(t), top_width(t), name, row->route, rate_text, row->value[SCRAPED_DELIVERED],
	    row->value[SCRAPED_INFLIGHT], lag, row->value[SCRAPED_RETRIES],
	    paint(t->color && row->value[SCRAPED_HELD], PAINT_RED), row->value[SCRAPED_HELD],
	    paint(t->color && row->value[SCRAPED_HELD], PAINT_END));
}

static void table_print(const struct top *t, const struct error *fault)
{
	const char *end = t->live ? "\x1b[K\n" : "\n";
	struct buf out = { 0 };

	if (t->live)
		buf_text(&out, "\x1b[H");
	buf_printf(&out, "bridge at %s: %s%s%s%s", t->address,
	    paint(t->color && (fault || !top_ready(t)), PAINT_YELLOW),
	    fault	       ? fault->text
		: top_ready(t) ? "ready"
			       : "not ready (see /readyz)",
	    paint(t->color, PAINT_END), end);
	buf_printf(&out, "%s%-*s %-16s %9s %12s %9s %9s %8s %6s%s%s", paint(t->color, PAINT_STRONG), top_width(t),
	    t->now.functions > 1 ? "function: component/topic" : "component/topic", "route", "events/s", "delivered",
	    "in flight", "lag", "retries", "held", paint(t->color, PAINT_END), end);
	for (unsigned i = 0; i < t->now.n; i++) {
		table_row(t, &t->now.rows[i], &out);
		buf_text(&out, end);
	}
	if (t->live)
		buf_text(&out, "\x1b[J");
	fwrite(out.p, 1, out.n, stdout);
	fflush(stdout);
	buf_free(&out);
}

static void json_member(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, "%s\"%s\":", out->p[out->n - 1] == '{' ? "" : ",", name);
	json_add_string(out, slice_text(value));
}

static void json_row(const struct top *t, const struct scraped_row *row, struct buf *out)
{
	double rate = top_rate(t, row);

	buf_text(out, "{");
	json_member(out, "function", row->function);
	json_member(out, "component", row->component);
	json_member(out, "topic", row->topic);
	json_member(out, "route", row->route);
	if (rate < 0)
		buf_text(out, ",\"events_per_second\":null");
	else
		buf_printf(out, ",\"events_per_second\":%.1f", rate);
	for (unsigned i = 0; i < N_SCRAPED; i++)
		if (i == SCRAPED_LAG && !row->lag_known)
			buf_text(out, ",\"lag\":null");
		else
			buf_printf(out, ",\"%s\":%" PRId64, scraped_names[i], row->value[i]);
	buf_text(out, "}");
}

static void json_print(const struct top *t, const struct error *fault)
{
	struct buf out = { 0 };
	char text[RFC3339_SIZE];

	rfc3339_print(text, (int64_t)time(NULL) * 1000);
	buf_text(&out, "{");
	json_member(&out, "time", text);
	if (fault) {
		json_member(&out, "error", fault->text);
	} else {
		buf_printf(&out, ",\"ready\":%s,\"subscriptions\":[", top_ready(t) ? "true" : "false");
		for (unsigned i = 0; i < t->now.n; i++) {
			buf_text(&out, i ? "," : "");
			json_row(t, &t->now.rows[i], &out);
		}
		buf_text(&out, "]");
	}
	buf_text(&out, "}\n");
	fwrite(out.p, 1, out.n, stdout);
	fflush(stdout);
	buf_free(&out);
}

/* Waits for the next second; true: a signal came instead. */
static bool top_pause(const sigset_t *signals)
{
	const struct timespec second = { .tv_sec = 1 };

	return sigtimedwait(signals, NULL, &second) > 0;
}

int top(const char *address, bool once)
{
	struct top t = { .address = address ? address : "127.0.0.1:9090", .color = paint_wanted(STDOUT_FILENO) };
	bool table = isatty(STDOUT_FILENO), first = true, over = false;
	struct error err = { ERR_NONE, "" };
	sigset_t signals;

	t.live = table && !once;
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL); /* taken between two looks */
	for (; !over; first = false) {
		bool failed = top_look(&t, &err) == -1;

		if (failed && first) {
			fprintf(stderr, "bridge: %s; does it run? --admin says where\n", err.text);
			return 1;
		}
		if (first && t.live)
			fputs("\x1b[H\x1b[2J", stdout);
		(table ? table_print : json_print)(&t, failed ? &err : NULL);
		over = once || top_pause(&signals);
	}
	scrape_free(&t.before);
	scrape_free(&t.now);
	return 0;
}
