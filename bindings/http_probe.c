/* The questions of a discovery, each with its own call, time limit and backoff. */
#include "bindings/http_probe.h"
#include <stdio.h>
#include <stdlib.h>
#include "bridge/error.h"
#include "bridge/log.h"
#include "bridge/loop.h"

struct http_probe {
	struct http_probes *all;
	char *route;
	struct http_call *call; /* NULL: none under way */
	struct timer timer; /* the call's limit, or the pause before the next */
	unsigned failures;
	bool tried, wanted;
};

enum probe_answer { PROBE_WANTED, PROBE_REFUSED, PROBE_LATER };

struct probe_rule {
	int first, last;
	enum probe_answer answer;
};

/* clang-format off */
static const struct probe_rule probe_rules[] = {
	{ 200, 299, PROBE_WANTED },
	{ 405, 405, PROBE_WANTED },	/* the path exists, the method does not */
	{ 408, 408, PROBE_LATER },
	{ 429, 429, PROBE_LATER },
	{ 502, 504, PROBE_LATER },	/* something in front of a function that is not there yet */
};
/* clang-format on */

static const struct backoff probe_backoff = { .initial_ms = 200, .max_ms = 10000 };

static enum probe_answer probe_answer(int status)
{
	for (size_t i = 0; i < sizeof probe_rules / sizeof *probe_rules; i++)
		if (status >= probe_rules[i].first && status <= probe_rules[i].last)
			return probe_rules[i].answer;
	return PROBE_REFUSED;
}

static void probes_report(struct http_probes *all)
{
	const char **wanted = mem_new(all->n * sizeof *wanted);
	struct error err = { 0 };
	unsigned n = 0;
	bool tried = true;

	for (unsigned i = 0; i < all->n; i++) {
		tried = tried && all->list[i].tried;
		if (all->list[i].wanted)
			wanted[n++] = all->list[i].route;
	}
	if (tried && binding_discovered(&all->road->base, NULL, 0, wanted, n, &err) < 0)
		log_error("bridge.binding", "what the function wants cannot be had: %s", err.text);
	free(wanted);
}

static void probe_ask(void *arg);

/* The probe was tried once more.  Only what changes the answer to the core is reported to it. */
static void probe_tried(struct http_probe *p, bool wanted)
{
	bool news = !p->tried || wanted;

	timer_stop(p->all->road->base.loop, &p->timer);
	p->call = NULL;
	p->tried = true;
	p->wanted = wanted;
	if (news)
		probes_report(p->all);
}

static void probe_later(struct http_probe *p, const char *why)
{
	struct http_probes *all = p->all;
	int64_t pause = backoff_ms(&probe_backoff, ++p->failures, &all->random);

	if (p->failures == 1)
		log_warn("bridge.binding", "OPTIONS %s to the function: %s; it is asked again until it answers",
		    p->route, why);
	probe_tried(p, false);
	timer_set(all->road->base.loop, &p->timer, pause, probe_ask, p);
}

static void probe_done(
    struct http_call *call, enum http_outcome outcome, const struct http_answer *answer, const char *why)
{
	struct http_probe *p = call->arg;
	char status[32];

	if (outcome != HTTP_ANSWERED) {
		probe_later(p, why);
		return;
	}
	switch (probe_answer(answer->status)) {
	case PROBE_WANTED: probe_tried(p, true); break;
	case PROBE_REFUSED:
		log_warn("bridge.binding",
		    "the function does not want input binding %s: OPTIONS was answered with status %d, "
		    "expected 2xx or 405; `direction: input` in the component asks no more",
		    p->route, answer->status);
		probe_tried(p, false);
		break;
	case PROBE_LATER:
		snprintf(status, sizeof status, "status %d", answer->status);
		probe_later(p, status);
		break;
	}
}

static void probe_expired(void *arg)
{
	struct http_probe *p = arg;

	http_call_cancel(p->call);
	probe_later(p, "no answer within bindingOptionsTimeout");
}

static void probe_ask(void *arg)
{
	struct http_probe *p = arg;
	struct http_road *road = p->all->road;
	struct http_call *call = http_road_call(road, "OPTIONS", slice_text(p->route));

	if (!call) {
		probe_later(p, "all connections are busy");
		return;
	}
	p->call = call;
	call->done = probe_done;
	call->arg = p;
	timer_set(road->base.loop, &p->timer, road->options.options_timeout_ms, probe_expired, p);
	http_call_send(call);
}

void http_probes_init(struct http_probes *all, struct http_road *road)
{
	*all = (struct http_probes){ .road = road };
	all->random.s = (uint64_t)loop_wall(road->base.loop);
}

void http_probes_stop(struct http_probes *all)
{
	for (unsigned i = 0; i < all->n; i++) {
		struct http_probe *p = &all->list[i];

		timer_stop(all->road->base.loop, &p->timer);
		if (p->call)
			http_call_cancel(p->call);
		free(p->route);
	}
	free(all->list);
	all->list = NULL;
	all->n = 0;
}

void http_probes_start(struct http_probes *all, const char *const *routes, unsigned n)
{
	http_probes_stop(all);
	all->list = mem_new(n * sizeof *all->list);
	all->n = n;
	for (unsigned i = 0; i < n; i++) {
		all->list[i].all = all;
		all->list[i].route = mem_text(routes[i]);
	}
	if (n == 0)
		probes_report(all);
	for (unsigned i = 0; i < n; i++)
		probe_ask(&all->list[i]);
}
