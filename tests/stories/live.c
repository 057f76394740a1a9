/* What a story says of the live view's snapshots. */
/*
 *	live looks		live NAME is VALUE	live NAME of WHAT is VALUE
 *
 * The value is JSON as it stands, of the first member of that name; of WHAT: behind a member called so.
 */
#include "tests/stories/story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/json_scan.h"
#include "bridge/snapshot.h"

static const char *member(const char *text, const char *name)
{
	char quoted[64];
	const char *found;

	snprintf(quoted, sizeof(quoted), "\"%s\":", name);
	found = strstr(text, quoted);
	return found ? found + strlen(quoted) : NULL;
}

static size_t value_length(const char *value)
{
	unsigned depth = 0;
	size_t n = 0;

	for (; value[n]; n++) {
		if (depth == 0 && strchr(",}]", value[n]) && n)
			break;
		depth += value[n] == '[' || value[n] == '{';
		depth -= value[n] == ']' || value[n] == '}';
		if (depth == 0 && (value[n] == ']' || value[n] == '}'))
			return n + 1;
	}
	return n;
}

static void live_compare(struct story *s, const char *text, const struct words *w)
{
	bool narrowed = w->n > 5 && !strcmp(w->w[2], "of");
	const char *from = narrowed ? member(text, w->w[3]) : text, *value;
	char expected[256] = "", said[256];
	size_t n = 0;

	for (unsigned i = narrowed ? 5 : 3; i < w->n; i++)
		n += (size_t)snprintf(expected + n, sizeof(expected) - n, "%s%s", n ? " " : "", w->w[i]);
	value = from ? member(from, w->w[1]) : NULL;
	n = value ? value_length(value) : 0;
	snprintf(said, sizeof(said), "%s is %.*s", w->w[1], (int)n, value ? value : "");
	if (!value || strlen(expected) != n || memcmp(expected, value, n) != 0)
		fail(s, value ? "the live view says: " : "the live view does not tell ", value ? said : w->w[1]);
}

void story_live(struct story *s, struct words *w)
{
	struct buf text = { 0 };
	const char *why = "";

	if (!strcmp(w->w[1], "looks")) {
		function_sample(s->functions[0].function, SUBS);
		return;
	}
	function_snapshot(s->functions[0].function, true, &text);
	if (json_scan((struct slice){ text.p, text.n }, NULL, 0, &why) != JSON_OBJECT)
		fail(s, "the snapshot is not JSON: ", why);
	buf_add(&text, "", 1);
	live_compare(s, text.p, w);
	buf_free(&text);
}
