/* `bridge send`: one event from an argument or a file, or a line of standard input each, as requests to a sink. */
#include "bridge/send.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bridge/errand.h"
#include "bridge/error.h"
#include "bridge/loop.h"
#include "bridge/config/settings.h"

enum { BATCH = 256, PIECE = 65536, EVENT_MAX = 64 << 20, DEADLINE_MS = 60000 };
enum { EXIT_NOT_WRITTEN = 1, EXIT_UNSURE = 3 };

struct send {
	struct errand errand;
	const struct command *command;
	struct later next;
	int fd; /* -1: nothing to read (any more) */
	bool whole; /* the input is one event */
	struct buf input; /* from `at` on not sent yet */
	size_t at;
	struct header *headers;
	struct request request;
	struct event events[BATCH];
	const struct event *list[BATCH];
	unsigned left; /* items of the request not answered */
	uint64_t confirmed;
	int code;
};

static void send_fault(struct send *s, int code, const char *what, const char *why)
{
	if (!s->code)
		fprintf(stderr, "bridge: event %llu %s: %s\n", (unsigned long long)s->confirmed + 1, what, why);
	if (code > s->code)
		s->code = code;
}

/* Until something came, or the end.  Blocks: nothing is in flight meanwhile. */
static void send_read(struct send *s)
{
	ssize_t n;

	if (s->at > 0) {
		memmove(s->input.p, s->input.p + s->at, s->input.n - s->at);
		s->input.n -= s->at;
		s->at = 0;
	}
	do
		n = read(s->fd, buf_room(&s->input, PIECE), PIECE);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		s->input.n += (size_t)n;
		return;
	}
	if (n < 0)
		send_fault(s, EXIT_NOT_WRITTEN, "cannot be read", strerror(errno));
	if (s->fd != STDIN_FILENO)
		close(s->fd);
	s->fd = -1;
}

/* The next event's bytes, if all of it is here. */
static bool send_take(struct send *s, struct slice *data_r)
{
	size_t n = s->input.n - s->at;
	const char *p = n ? s->input.p + s->at : "", *end = n && !s->whole ? memchr(p, '\n', n) : NULL;

	if (!end && (s->fd >= 0 || n == 0))
		return false;
	*data_r = (struct slice){ p, end ? (size_t)(end - p) : n };
	s->at += end ? data_r->n + 1 : n;
	return true;
}

static void send_next(void *arg);

static void send_answered(
    struct request *r, unsigned item, enum verdict verdict, const struct answer *answer, const char *why)
{
	struct send *s = r->asker;

	(void)item;
	(void)answer;
	why = why ? why : "no reason given";
	switch (verdict) {
	case DONE:
		if (!s->code)
			s->confirmed++;
		break;
	case UNSURE: send_fault(s, EXIT_UNSURE, "may be written or not, no confirmation came", why); break;
	case RETRY:
	case UNSENT:
	case DROP:
	case REJECT: send_fault(s, EXIT_NOT_WRITTEN, "is not written", why); break;
	}
	if (--s->left == 0)
		loop_defer(s->errand.loop, &s->next);
}

static void send_ask(struct send *s, unsigned n)
{
	bool binding = s->errand.component->part->block == BLOCK_BINDING;
	struct error err;

	s->request = (struct request){ .operation = binding ? SLICE("create") : SLICE("publish"),
		.topic = slice_text(s->errand.topic),
		.events = s->list,
		.n = n,
		.deadline = loop_now(s->errand.loop) + DEADLINE_MS,
		.answered = send_answered,
		.asker = s };
	s->left = n;
	if (ask(s->errand.function, s->errand.component->name, &s->request, &err) == 0)
		return;
	send_fault(s, EXIT_NOT_WRITTEN, "is not written", err.text);
	errand_end(&s->errand, s->code);
}

static void send_next(void *arg)
{
	struct send *s = arg;
	unsigned n = 0;

	while (!s->code && n == 0) {
		while (n < BATCH && send_take(s, &s->events[n].data))
			n++;
		if (n > 0 || s->fd < 0)
			break;
		send_read(s);
		if (s->input.n - s->at > EVENT_MAX)
			send_fault(s, EXIT_NOT_WRITTEN, "is too large", "expected at most 64 MiB");
	}
	if (n > 0 && !s->code) {
		send_ask(s, n);
		return;
	}
	if (!s->code || s->confirmed > 0)
		fprintf(stderr, "%llu %s confirmed%s%s\n", (unsigned long long)s->confirmed,
		    s->confirmed == 1 ? "event" : "events", s->errand.topic ? " in " : "",
		    s->errand.topic ? s->errand.topic : "");
	errand_end(&s->errand, s->code);
}

static int send_input(struct send *s, struct error *err)
{
	const struct command *c = s->command;

	s->fd = -1;
	s->whole = c->data || c->file;
	if (c->data)
		buf_text(&s->input, c->data);
	else if (!c->file || !strcmp(c->file, "-"))
		s->fd = STDIN_FILENO;
	else if ((s->fd = open(c->file, O_RDONLY | O_CLOEXEC)) < 0)
		return error_set(err, ERR_IO, "--file %s: %s", c->file, strerror(errno));
	return 0;
}

static void send_prepare(struct send *s)
{
	const struct command *c = s->command;

	s->headers = mem_new((c->n_headers + 1) * sizeof(*s->headers));
	for (unsigned i = 0; i < c->n_headers; i++) {
		const char *equals = strchr(c->headers[i], '=');

		s->headers[i].name = (struct slice){ c->headers[i], (size_t)(equals - c->headers[i]) };
		s->headers[i].value = slice_text(equals + 1);
	}
	for (unsigned i = 0; i < BATCH; i++) {
		s->events[i] =
		    (struct event){ .key = slice_text(c->key), .headers = s->headers, .n_headers = c->n_headers };
		s->list[i] = &s->events[i];
	}
	s->next = (struct later){ .fn = send_next, .arg = s };
}

/* What is read from a topic goes back to it, unless the component says where it writes. */
static int send_topic(struct send *s, struct error *err)
{
	const struct component_config *c = s->errand.component;
	const char *list = s->errand.topic;
	struct slice item;

	if (!c->part->class->send)
		return error_set(err, ERR_CONFIG, "component \"%.60s\" cannot be written to", c->name);
	if (s->command->topic)
		return 0;
	if (settings_value(c->settings, c->n_settings, "publishTopic"))
		s->errand.topic = NULL;
	else if (list && list_next(&list, &item) && list_next(&list, &item))
		return error_set(err, ERR_CONFIG, "\"%.60s\" are several topics, expected one", s->errand.topic);
	return 0;
}

int send_events(const struct config *config, const struct command *command)
{
	struct send *s = mem_new(sizeof(*s));
	struct error err = { ERR_NONE, "" };
	int code = EXIT_NOT_WRITTEN;

	s->command = command;
	if (errand_open(&s->errand, config, command, &err) == -1 || send_topic(s, &err) == -1 ||
	    send_input(s, &err) == -1) {
		fprintf(stderr, "bridge: %s\n", err.text);
		return code;
	}
	send_prepare(s);
	loop_defer(s->errand.loop, &s->next);
	code = errand_run(&s->errand);
	errand_close(&s->errand);
	buf_free(&s->input);
	free(s->headers);
	free(s);
	return code;
}
