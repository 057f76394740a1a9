/* The actions of a story, a line each. */
/*
 *	connector NAME prefix|any|none [of FUNCTION]	buffer EVENTS [BYTES]	timeout MS
 *	subscription CONNECTOR TOPIC ROUTE [order none|key|partition] [attempts N] [age MS] [inflight N]
 *		[park TOPIC [at CONNECTOR]] [answers TOPIC [in CONNECTOR]] [rate N] [exhausted hold|drop|park] [probe]
 *	begin					capacity N [of FUNCTION]	wants ROUTE...
 *	CONNECTOR opens WINDOW [partition N] [from N] [note TEXT|note of WINDOW]
 *	CONNECTOR offers WINDOW TOKEN... [key K] [again] [reply TOPIC] [expires MS] [delayed MS] [size BYTES]
 *		[for nobody] [is taken|wait|held|gone]
 *	function settles ID done|retry|unsent|unsure|drop|reject [after MS] [answers TEXT [STATUS]]	adaptive
 *	CONNECTOR answers ID done|retry|unsure|reject
 *	CONNECTOR revokes WINDOW within MS	CONNECTOR loses WINDOW		CONNECTOR down	CONNECTOR up
 *	CONNECTOR reconnects WINDOW
 *	WINDOW of CONNECTOR has note TEXT|no note	WINDOW of CONNECTOR is empty|not empty
 *	after MS				drain within MS			metric NAME [of ROUTE] is N
 *	CONNECTOR renews within MS		live ... (live.c)
 *	CONNECTOR lags N [settled N] [done N]|lags unknown	metric NAME is absent	chance from SEED runs N
 *
 * Without a word there is one function, "f".  An event's id is its window's name and its token: "p0/5".
 */
#include "tests/stories/chance.h"
#include "tests/stories/story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/error.h"
#include "bridge/note.h"

bool fail(struct story *s, const char *what, const char *more)
{
	if (!s->failed)
		printf("%s:%u: \"%s\": %s%s\n", s->file, s->line, s->title, what, more ? more : "");
	s->failed = true;
	return false;
}

static char *next(struct words *w)
{
	return w->at < w->n ? w->w[w->at++] : (char *)"";
}

static bool next_is(struct words *w, const char *word)
{
	if (w->at == w->n || strcmp(w->w[w->at], word))
		return false;
	w->at++;
	return true;
}

static struct connector *connector_named(struct story *s, const char *name)
{
	for (unsigned i = 0; i < s->n_connectors; i++)
		if (!strcmp(s->connectors[i].name, name))
			return s->connectors[i].connector;
	return NULL;
}

static void story_subscribe(struct story *s, struct words *w)
{
	struct policy *p = &s->subs[s->n_subs].policy;

	*p = (struct policy){ .order = ORDER_PARTITION, .retry_initial_ms = 100, .retry_max_ms = 60000 };
	snprintf(s->subs[s->n_subs].connector, 32, "%s", next(w));
	snprintf(s->subs[s->n_subs].topic, 32, "%s", next(w));
	snprintf(s->subs[s->n_subs].route, 32, "%s", next(w));
	while (w->at < w->n) {
		if (next_is(w, "order"))
			p->order = next_is(w, "none") ? ORDER_NONE
			    : next_is(w, "key")	      ? ORDER_KEY
						      : (w->at++, ORDER_PARTITION);
		else if (next_is(w, "attempts"))
			p->retry_attempts = atoi(next(w));
		else if (next_is(w, "age"))
			p->retry_max_age_ms = atoi(next(w));
		else if (next_is(w, "inflight"))
			p->max_in_flight = atoi(next(w));
		else if (next_is(w, "park"))
			p->dead_letter_topic = mem_text(next(w));
		else if (next_is(w, "at"))
			p->dead_letter_component = mem_text(next(w));
		else if (next_is(w, "answers"))
			p->response_topic = mem_text(next(w));
		else if (next_is(w, "in"))
			p->response_component = mem_text(next(w));
		else if (next_is(w, "rate"))
			p->max_per_second = atoi(next(w));
		else if (next_is(w, "exhausted"))
			p->on_exhausted = next_is(w, "hold") ? EXHAUSTED_HOLD
			    : next_is(w, "drop")	     ? EXHAUSTED_DROP
							     : (w->at++, EXHAUSTED_PARK);
		else if (next_is(w, "probe"))
			s->subs[s->n_subs].probe = s->asks = true;
		else
			fail(s, "subscription does not know ", next(w));
	}
	s->n_subs++;
}

struct offering {
	struct event event;
	const char *window;
	const char *expected;
	bool nobody;
};

static void story_offer_one(struct story *s, struct connector *c, struct offering *o, const char *token)
{
	static char payload[PAYLOAD_MAX];
	static const char *const names[] = { "taken", "wait", "held", "gone" };
	const struct subscription *subs[SUBS];
	char id[64];
	unsigned n = 0;
	struct window *w = cast_window(c, o->window);
	enum offered got;

	if (!w) {
		fail(s, "no such window: ", o->window);
		return;
	}
	snprintf(id, sizeof(id), "%s/%s", o->window, token);
	o->event.id = slice_text(id);
	o->event.token.w[0] = strtoull(token, NULL, 10);
	o->event.data.p = payload;
	for (unsigned i = 0, all = 1; i < all; i++)
		subs[i] = cast_subscription(c, i, &all), n = all;
	got = offer(w, &o->event, subs, o->nobody ? 0 : n);
	if (strcmp(names[got], o->expected)) {
		char text[128];

		snprintf(text, sizeof(text), "%s is %s, not %s", id, names[got], o->expected);
		fail(s, text, NULL);
	}
}

static void story_offer(struct story *s, struct connector *c, struct words *w)
{
	struct offering o = { .window = next(w), .expected = "taken" };
	char *tokens[WORDS];
	unsigned n = 0;

	while (w->at < w->n && strspn(w->w[w->at], "0123456789"))
		tokens[n++] = next(w);
	while (w->at < w->n) {
		if (next_is(w, "key"))
			o.event.key = slice_text(next(w));
		else if (next_is(w, "again"))
			o.event.again = true;
		else if (next_is(w, "reply"))
			o.event.reply_to = slice_text(next(w));
		else if (next_is(w, "expires"))
			o.event.expires_ms = loop_wall(s->loop) + atoi(next(w));
		else if (next_is(w, "delayed"))
			o.event.not_before_ms = loop_wall(s->loop) + atoi(next(w));
		else if (next_is(w, "size"))
			o.event.data.n = (size_t)atoi(next(w));
		else if (next_is(w, "for"))
			o.nobody = next_is(w, "nobody");
		else if (next_is(w, "is"))
			o.expected = next(w);
		else
			fail(s, "offers does not know ", next(w));
	}
	for (unsigned i = 0; i < n; i++)
		story_offer_one(s, c, &o, tokens[i]);
}

static enum verdict verdict_named(struct story *s, const char *word)
{
	static const char *const names[] = { "done", "retry", "unsent", "unsure", "drop", "reject" };

	for (unsigned i = 0; i < 6; i++)
		if (!strcmp(names[i], word))
			return (enum verdict)i;
	fail(s, "no such verdict: ", word);
	return DONE;
}

static void story_settle(struct story *s, struct words *w)
{
	static const struct header type = { SLICE("Content-Type"), SLICE("text/plain") };
	char *id = next(w);
	struct delivery *d = story_delivery(s, id);
	enum verdict verdict = verdict_named(s, next(w));
	int64_t after = next_is(w, "after") ? atoi(next(w)) : 0;
	struct answer answer = { .status = 200, .headers = &type, .n_headers = 1 };
	bool answers = next_is(w, "answers");

	if (answers) {
		answer.data = slice_text(next(w));
		answer.status = w->at < w->n ? atoi(next(w)) : 200;
	}
	if (!d)
		fail(s, "the function does not have ", id);
	else
		settle(d, 0, verdict, answers ? &answer : NULL, after, verdict == DONE ? NULL : "because");
}

static void story_open_window(struct story *s, struct connector *c, struct words *w)
{
	char *name = next(w), note[4096] = "";
	uint32_t partition = 0;
	uint64_t from = 0;
	size_t n = 0;

	while (w->at < w->n) {
		if (next_is(w, "partition")) {
			partition = (uint32_t)atoi(next(w));
		} else if (next_is(w, "from")) {
			from = strtoull(next(w), NULL, 10);
		} else if (next_is(w, "note")) {
			if (next_is(w, "of"))
				n = window_note(cast_window(c, next(w)), note, sizeof(note));
			else
				n = (size_t)snprintf(note, sizeof(note), "%s", next(w));
		} else {
			fail(s, "opens does not know ", next(w));
		}
	}
	cast_open(c, name, partition, from, (struct slice){ note, n });
}

static void story_look(struct story *s, struct words *w)
{
	char *name = w->w[0], note[4096], runs[4096] = "";
	struct connector *c;
	struct window *window;

	w->at = 2;
	c = connector_named(s, next(w));
	window = c ? cast_window(c, name) : NULL;
	if (!window) {
		fail(s, "no such window: ", name);
	} else if (next_is(w, "is")) {
		bool not = next_is(w, "not");

		if (window_empty(window) == not )
			fail(s, "window_empty says otherwise", NULL);
	} else {
		struct note_run *list;
		size_t n = window_note(window, note, sizeof(note)), at = 0;
		unsigned n_runs = 0;

		w->at++;
		if (n && note_read((struct slice){ note, n }, strtoull(note + 9, NULL, 10), &list, &n_runs) == 0) {
			for (unsigned i = 0; i < n_runs; i++)
				at += (size_t)snprintf(runs + at, sizeof(runs) - at, "%s%llu-%llu", i ? "," : "",
				    (unsigned long long)list[i].from, (unsigned long long)list[i].to - 1);
			free(list);
		}
		if (next_is(w, "no") ? n != 0 : (w->at++, strcmp(runs, w->w[w->n - 1])) != 0)
			fail(s, "the note says ", runs);
	}
}

/* Sum of the samples of that name, of one route or all; false: there is none. */
static bool metric_sum(struct story *s, const char *name, const char *route, long long *sum_r)
{
	struct buf text = { 0 };
	char *line, *save, labelled[64];
	size_t n = strlen(name);
	bool any = false;

	*sum_r = 0;
	snprintf(labelled, sizeof(labelled), "route=\"%s\"", route);
	story_metrics(s, &text);
	buf_add(&text, "", 1);
	for (line = strtok_r(text.p, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (!strncmp(line, name, n) && (line[n] == '{' || line[n] == ' ') &&
		    (!*route || strstr(line, labelled))) {
			*sum_r += atoll(strrchr(line, ' ') + 1);
			any = true;
		}
	buf_free(&text);
	return any;
}

void story_metric(struct story *s, struct words *w)
{
	char *name = next(w), *route = next_is(w, "of") ? next(w) : (char *)"", message[128];
	long long sum, expected;
	bool any = metric_sum(s, name, route, &sum);

	next_is(w, "is");
	if (next_is(w, "absent")) {
		if (any)
			fail(s, "is there: ", name);
		return;
	}
	expected = atoll(next(w));
	snprintf(message, sizeof(message), "%s is %lld, not %lld", name, sum, expected);
	if (!any || sum != expected)
		fail(s, any ? message : "no such metric: ", any ? NULL : name);
}

static void connector_act(struct story *s, struct connector *c, struct words *w)
{
	char *verb = next(w);

	if (!strcmp(verb, "opens")) {
		story_open_window(s, c, w);
	} else if (!strcmp(verb, "offers")) {
		story_offer(s, c, w);
	} else if (!strcmp(verb, "answers")) {
		char *id = next(w);
		struct request *r = cast_request(c, id, true);
		enum verdict verdict = verdict_named(s, next(w));

		if (r)
			answer_request(r, 0, verdict, NULL, verdict == DONE ? NULL : "no room");
		else
			fail(s, "was not asked to keep ", id);
	} else if (!strcmp(verb, "revokes") || !strcmp(verb, "loses") || !strcmp(verb, "reconnects")) {
		char *name = next(w);
		struct window *window = cast_window(c, name);

		if (!window)
			fail(s, "no such window: ", name);
		else if (!strcmp(verb, "revokes"))
			next_is(w, "within"), window_revoke(window, loop_now(s->loop) + atoi(next(w)), cast_released);
		else if (!strcmp(verb, "reconnects"))
			window_again(window);
		else
			cast_forget_window(c, window), window_lost(window);
	} else if (!strcmp(verb, "down")) {
		connector_down(c, &(struct error){ ERR_IO, "no broker" });
	} else if (!strcmp(verb, "lags")) {
		struct lag lag = { .known = !next_is(w, "unknown") };
		unsigned n;

		lag.unacked = lag.known ? atoi(next(w)) : 0;
		lag.settled = next_is(w, "settled") ? atoi(next(w)) : 0;
		lag.done = next_is(w, "done") ? strtoull(next(w), NULL, 10) : 0;
		lag_report(c, cast_subscription(c, 0, &n), 0, lag);
	} else if (!strcmp(verb, "up")) {
		connector_up(c);
	} else if (!strcmp(verb, "renews")) {
		next_is(w, "within");
		function_renew(
		    s->functions[0].function, c, &(struct renew_options){ .ms = atoi(next(w)), .fill = cast_fill });
	} else {
		fail(s, "a connector cannot do that: ", verb);
	}
}

/* Runs in which nothing came twice, nobody died and nothing was parked would prove nothing. */
static void story_chance(struct story *s, struct words *w)
{
	struct chance_sum sum = { 0 };
	uint64_t seed, end;

	next_is(w, "from");
	seed = strtoull(next(w), NULL, 10);
	next_is(w, "runs");
	end = seed + strtoull(next(w), NULL, 10);
	for (; seed < end; seed++) {
		if (s->verbose)
			printf("chance from %llu\n", (unsigned long long)seed);
		chance_run(seed, &sum);
	}
	printf("chance: %llu deliveries, %llu of finished events, %llu deaths, %llu parked\n",
	    (unsigned long long)sum.deliveries, (unsigned long long)sum.again, (unsigned long long)sum.deaths,
	    (unsigned long long)sum.parked);
	if (!sum.again || !sum.deaths || !sum.parked)
		fail(s, "the dice never hit", NULL);
}

void story_act(struct story *s, struct words *w)
{
	struct connector *c;
	char *verb = next(w);

	if (!strcmp(verb, "connector")) {
		unsigned i = s->n_connectors++;

		snprintf(s->connectors[i].name, 32, "%s", next(w));
		s->connectors[i].class = next_is(w, "any") ? &cast_any
		    : next_is(w, "none")		   ? &cast_none
							   : (w->at++, &cast_prefix);
		s->connectors[i].function = story_function(s, next_is(w, "of") ? next(w) : "f");
	} else if (!strcmp(verb, "buffer")) {
		s->options.buffer_events = (unsigned)atoi(next(w));
		s->options.buffer_bytes = w->at < w->n ? (size_t)atoi(next(w)) : s->options.buffer_bytes;
	} else if (!strcmp(verb, "adaptive")) {
		s->options.adaptive = true;
	} else if (!strcmp(verb, "timeout")) {
		s->options.timeout_ms = atoi(next(w));
	} else if (!strcmp(verb, "subscription")) {
		story_subscribe(s, w);
	} else if (!strcmp(verb, "begin")) {
		story_begin(s);
	} else if (!strcmp(verb, "capacity")) {
		unsigned n = (unsigned)atoi(next(w));

		binding_capacity(s->functions[story_function(s, next_is(w, "of") ? next(w) : "f")].binding, n);
	} else if (!strcmp(verb, "wants")) {
		binding_discovered(
		    s->functions[0].binding, NULL, 0, (const char *const *)&w->w[1], w->n - 1, &(struct error){ 0 });
	} else if (!strcmp(verb, "function")) {
		w->at++;
		story_settle(s, w);
	} else if (!strcmp(verb, "after")) {
		story_loop_pass(s->loop, atoi(next(w)));
	} else if (!strcmp(verb, "drain")) {
		w->at++;
		story_drain(s, atoi(next(w)));
	} else if (!strcmp(verb, "chance")) {
		story_chance(s, w);
	} else if (!strcmp(verb, "live")) {
		story_live(s, w);
	} else if (!strcmp(verb, "metric")) {
		story_metric(s, w);
	} else if ((c = connector_named(s, verb))) {
		connector_act(s, c, w);
	} else if (w->n > 2 && !strcmp(w->w[1], "of")) {
		story_look(s, w);
	} else {
		fail(s, "not an action: ", verb);
	}
	story_loop_settle(s->loop);
}
