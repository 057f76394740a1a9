/* Watching lag: which topics the targets name, and which partitions they have. */
#include <string.h>
#include "connectors/kafka_watch.h"

struct kafka_topic *kafka_watcher_topic(const struct kafka_watcher *w, const char *name)
{
	unsigned low = 0, high = w->n_topics;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		int order = strcmp(w->topics[middle].name, name);

		if (order == 0)
			return &w->topics[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static int name_compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names the targets speak of: those they spell out, and of all there are those that match a pattern. */
static char **names_wanted(const struct kafka_watcher *w, const struct rd_kafka_metadata *all, unsigned *n_r)
{
	char **names = NULL;
	unsigned n = 0, kept = 0;

	for (unsigned i = 0; i < w->targets->n; i++)
		for (unsigned j = 0; j < w->targets->wishes[i].n_patterns; j++) {
			const struct kafka_pattern *p = &w->targets->wishes[i].patterns[j];

			names = mem_grow(names, (n + 1 + (all ? (size_t)all->topic_cnt : 0)) * sizeof(*names));
			if (!p->is_regex)
				names[n++] = mem_text(p->text);
			for (int t = 0; p->is_regex && all && t < all->topic_cnt; t++)
				if (regexec(&p->regex, all->topics[t].topic, 0, NULL, 0) == 0)
					names[n++] = mem_text(all->topics[t].topic);
		}
	if (n > 1)
		qsort(names, n, sizeof(*names), name_compare);
	for (unsigned i = 0; i < n; i++)
		if (kept && !strcmp(names[kept - 1], names[i]))
			free(names[i]);
		else
			names[kept++] = names[i];
	*n_r = kept;
	return names;
}

static bool targets_have_pattern(const struct kafka_targets *t)
{
	for (unsigned i = 0; i < t->n; i++)
		for (unsigned j = 0; j < t->wishes[i].n_patterns; j++)
			if (t->wishes[i].patterns[j].is_regex)
				return true;
	return false;
}

static int metadata_ask(struct kafka_watcher *w, bool all, const struct rd_kafka_metadata **metadata_r)
{
	rd_kafka_resp_err_t code = rd_kafka_metadata(w->rk, all, NULL, metadata_r, KAFKA_PATIENCE_MS);

	return code == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : kafka_watcher_fail(w, "the topics' partitions", code);
}

static void wants_free(struct kafka_watcher *w)
{
	for (unsigned i = 0; w->wants && w->targets && i < w->targets->n; i++)
		free(w->wants[i].topics);
	free(w->wants);
	w->wants = NULL;
}

static void parts_free(struct kafka_watcher *w)
{
	for (unsigned i = 0; i < w->n_parts; i++)
		kafka_part_disarm(w, &w->parts[i]);
	free(w->parts);
	w->parts = NULL;
	w->n_parts = 0;
}

void kafka_watcher_topics_free(struct kafka_watcher *w)
{
	parts_free(w);
	wants_free(w);
	for (unsigned i = 0; i < w->n_topics; i++) {
		rd_kafka_topic_destroy(w->topics[i].handle);
		free(w->topics[i].name);
	}
	free(w->topics);
	w->topics = NULL;
	w->n_topics = 0;
}

static void wants_make(struct kafka_watcher *w)
{
	w->wants = mem_new((w->targets->n + 1) * sizeof(*w->wants));
	for (unsigned i = 0; i < w->targets->n; i++) {
		const struct kafka_wish *wish = &w->targets->wishes[i];
		bool one = wish->n_patterns == 1 && !wish->patterns[0].is_regex;
		const struct kafka_topic *only = one ? kafka_watcher_topic(w, wish->patterns[0].text) : NULL;

		w->wants[i].topics = mem_new(((one ? 0 : w->n_topics) + 1) * sizeof(unsigned));
		if (only)
			w->wants[i].topics[w->wants[i].n++] = (unsigned)(only - w->topics);
		for (unsigned t = 0; t < w->n_topics && !one; t++)
			if (kafka_wish_wants(wish, w->topics[t].name))
				w->wants[i].topics[w->wants[i].n++] = t;
	}
}

static bool names_are_known(const struct kafka_watcher *w, char **names, unsigned n)
{
	if (n != w->n_topics || !w->wants)
		return false;
	for (unsigned i = 0; i < n; i++)
		if (strcmp(names[i], w->topics[i].name) != 0)
			return false;
	return true;
}

static int topics_name(struct kafka_watcher *w)
{
	const struct rd_kafka_metadata *all = NULL;
	char **names;
	unsigned n;

	if (targets_have_pattern(w->targets) && metadata_ask(w, true, &all) < 0)
		return -1;
	names = names_wanted(w, all, &n);
	if (all)
		rd_kafka_metadata_destroy(all);
	if (names_are_known(w, names, n)) {
		for (unsigned i = 0; i < n; i++)
			free(names[i]);
		free(names);
		return 0;
	}
	kafka_watcher_topics_free(w);
	w->topics = mem_new((n + 1) * sizeof(*w->topics));
	w->n_topics = n;
	for (unsigned i = 0; i < n; i++) {
		w->topics[i].name = names[i];
		w->topics[i].handle = rd_kafka_topic_new(w->rk, names[i], NULL);
	}
	free(names);
	wants_make(w);
	return 0;
}

static void parts_make(struct kafka_watcher *w)
{
	unsigned at = 0;

	parts_free(w);
	for (unsigned i = 0; i < w->n_topics; i++)
		w->n_parts += w->topics[i].n;
	w->parts = mem_new((w->n_parts + 1) * sizeof(*w->parts));
	for (unsigned i = 0; i < w->n_topics; i++) {
		w->topics[i].first = at;
		for (unsigned p = 0; p < w->topics[i].n; p++)
			w->parts[at++] = (struct kafka_part){ .topic = i, .number = (int32_t)p };
	}
}

/* true: another number of partitions. */
static bool topic_count(struct kafka_topic *t, const struct rd_kafka_metadata *metadata)
{
	unsigned before = t->n;

	t->n = 0;
	for (int i = 0; i < metadata->topic_cnt; i++)
		if (metadata->topics[i].err == RD_KAFKA_RESP_ERR_NO_ERROR &&
		    !strcmp(metadata->topics[i].topic, t->name))
			t->n = (unsigned)metadata->topics[i].partition_cnt;
	return t->n != before;
}

int kafka_watcher_topics(struct kafka_watcher *w)
{
	const struct rd_kafka_metadata *metadata;
	int64_t now = kafka_watcher_now();
	bool changed = false;

	if (w->topics_at >= 0 && now - w->topics_at < w->watch->client.kafka->rows.metadata_ms)
		return 0;
	w->topics_at = -1;
	if (topics_name(w) < 0 || metadata_ask(w, false, &metadata) < 0)
		return -1;
	for (unsigned i = 0; i < w->n_topics; i++)
		changed = topic_count(&w->topics[i], metadata) || changed;
	rd_kafka_metadata_destroy(metadata);
	if (changed || !w->parts)
		parts_make(w);
	w->topics_at = now;
	return 0;
}
