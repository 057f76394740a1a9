/* Runs stories: scripts of what the outside does, and of every call the core makes in answer. */
/*
 * run [-v] FILE...: a file holds stories, each begun with `story "what it promises"`.  A line is an action (acts.c) or,
 * begun with "- ", a call that must come next.  Before an action every call made so far must have been expected: so
 * "nothing else happens" is said by saying nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/log.h"
#include "tests/stories/story.h"

static void story_hear(struct story *s, const char *expected)
{
	const char *said = script.said.p ? script.said.p + script.heard : "";
	size_t left = script.said.n - script.heard;
	const char *end = left ? memchr(said, '\n', left) : NULL;
	char text[640];

	if (!end) {
		snprintf(text, sizeof(text), "expected \"%s\", but nothing happened", expected);
		fail(s, text, NULL);
		return;
	}
	script.heard += (size_t)(end - said) + 1;
	if (strlen(expected) != (size_t)(end - said) || memcmp(expected, said, strlen(expected))) {
		snprintf(text, sizeof(text), "expected \"%s\", heard \"%.*s\"", expected, (int)(end - said), said);
		fail(s, text, NULL);
	}
}

static void story_silent(struct story *s)
{
	char text[256];

	if (script.heard == script.said.n)
		return;
	snprintf(
	    text, sizeof(text), "%.*s", (int)strcspn(script.said.p + script.heard, "\n"), script.said.p + script.heard);
	fail(s, "not expected: ", text);
	script.heard = script.said.n;
}

static void story_conserves(struct story *s)
{
	story_metric(
	    s, &(struct words){ .w = { (char *)"bridge_conservation_drift", (char *)"is", (char *)"0" }, .n = 3 });
}

static void story_end_functions(struct story *s)
{
	story_conserves(s);
	if (!story_drained(s)) {
		story_drain(s, 0);
		story_loop_pass(s->loop, 60000);
	}
	if (!story_drained(s)) {
		fail(s, "it does not drain", NULL);
		return;
	}
	story_conserves(s);
	story_free(s);
}

static void story_end(struct story *s)
{
	if (!s->open)
		return;
	story_silent(s);
	if (s->begun)
		story_end_functions(s);
	story_loop_free(s->loop);
	for (unsigned i = 0; i < s->n_subs; i++) {
		free((void *)(uintptr_t)s->subs[i].policy.dead_letter_topic);
		free((void *)(uintptr_t)s->subs[i].policy.dead_letter_component);
		free((void *)(uintptr_t)s->subs[i].policy.response_topic);
		free((void *)(uintptr_t)s->subs[i].policy.response_component);
	}
	s->passed += !s->failed;
	s->bad += s->failed;
	if (s->verbose && !s->failed)
		printf("ok %s\n", s->title);
}

static void story_open(struct story *s, const char *title)
{
	struct story fresh = { .file = s->file,
		.line = s->line,
		.passed = s->passed,
		.bad = s->bad,
		.verbose = s->verbose,
		.open = true };

	*s = fresh;
	snprintf(s->title, sizeof(s->title), "%.*s", (int)strcspn(title + 1, "\""), title + 1);
	s->loop = story_loop_new();
	s->options =
	    (struct function_options){ .buffer_events = 64, .buffer_bytes = 1 << 20, .timeout_ms = 60000, .seed = 1 };
	buf_clear(&script.said);
	script.heard = 0;
}

static void story_line(struct story *s, char *line)
{
	struct words w = { .n = 0 };
	char *save;

	line += strspn(line, " \t");
	line[strcspn(line, "\n")] = '\0';
	if (!*line || *line == '#')
		return;
	if (!strncmp(line, "story ", 6)) {
		story_end(s);
		story_open(s, line + 6);
		return;
	}
	if (s->failed)
		return;
	if (!strncmp(line, "- ", 2)) {
		story_hear(s, line + 2);
		return;
	}
	story_silent(s);
	for (char *word = strtok_r(line, " \t", &save); word && w.n < WORDS; word = strtok_r(NULL, " \t", &save))
		w.w[w.n++] = word;
	story_act(s, &w);
}

static bool story_file(struct story *s, const char *name)
{
	char line[4096];
	FILE *f = fopen(name, "r");

	if (!f) {
		perror(name);
		return false;
	}
	s->file = name;
	for (s->line = 1; fgets(line, sizeof(line), f); s->line++)
		story_line(s, line);
	story_end(s);
	s->open = false;
	fclose(f);
	return true;
}

int main(int argc, char **argv)
{
	struct story s = { .file = "" };

	log_setup(LOG_FATAL, false, "story", "0");
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-v"))
			s.verbose = true;
		else if (!story_file(&s, argv[i]))
			return 2;
	}
	buf_free(&script.said);
	printf("%u passed, %u failed\n", s.passed, s.bad);
	return s.bad || !s.passed;
}
