/* What the Kafka connector knows of each partition, and who wants the topic it belongs to. */
#include <assert.h>
#include <string.h>
#include "connectors/kafka.h"

static int partition_compare(const struct kafka_partition *p, const char *topic, int32_t number)
{
	int order = strcmp(p->name, topic);

	return order != 0 ? order : (p->number > number) - (p->number < number);
}

/* Index of the first that is not before (topic, number). */
static unsigned partition_place(const struct kafka *k, const char *topic, int32_t number)
{
	unsigned low = 0, high = k->n_partitions;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (partition_compare(k->partitions[middle], topic, number) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct kafka_partition *kafka_partition_find(const struct kafka *k, const char *topic, int32_t number)
{
	unsigned i = partition_place(k, topic, number);

	if (i < k->n_partitions && partition_compare(k->partitions[i], topic, number) == 0)
		return k->partitions[i];
	return NULL;
}

static void partition_match(const struct kafka *k, struct kafka_partition *p)
{
	p->subs = mem_grow(p->subs, (k->n_wishes + 1) * sizeof(*p->subs));
	p->n_subs = 0;
	for (unsigned i = 0; i < k->n_wishes; i++)
		if (kafka_wish_wants(&k->wishes[i], p->name))
			p->subs[p->n_subs++] = k->wishes[i].subscription;
}

struct kafka_partition *kafka_partition_make(struct kafka *k, const char *topic, int32_t number)
{
	struct kafka_partition *p = kafka_partition_find(k, topic, number);
	struct buf prefix = { 0 };
	unsigned at;

	if (p)
		return p;
	p = mem_new(sizeof(*p));
	buf_printf(&prefix, "%s/%d/", topic, number);
	p->prefix = mem_slice((struct slice){ prefix.p, prefix.n });
	p->topic = (struct slice){ p->prefix, strlen(topic) };
	p->number_text = (struct slice){ p->prefix + p->topic.n + 1, prefix.n - p->topic.n - 2 };
	p->name = mem_text(topic);
	p->number = number;
	p->end = p->end_asked = p->position = p->committed = -1;
	p->start = RD_KAFKA_OFFSET_INVALID;
	buf_free(&prefix);
	partition_match(k, p);
	at = partition_place(k, topic, number);
	k->partitions = mem_grow(k->partitions, (k->n_partitions + 1) * sizeof(struct kafka_partition *));
	memmove(&k->partitions[at + 1], &k->partitions[at], (k->n_partitions - at) * sizeof(struct kafka_partition *));
	k->partitions[at] = p;
	k->n_partitions++;
	return p;
}

struct kafka_partition *kafka_partition_of(const struct kafka *k, const struct window *w)
{
	for (unsigned i = 0; i < k->n_partitions; i++)
		if (k->partitions[i]->window == w)
			return k->partitions[i];
	return NULL;
}

void kafka_partition_open(struct kafka *k, struct kafka_partition *p, int64_t start, struct slice note)
{
	assert(p->window == NULL);
	p->window = window_open(&k->base, p->name, (uint32_t)p->number, ACK_PREFIX, (uint64_t)start, note);
	p->next = p->position = start;
}

/* Below `high` an event may be running still, or be known as settled: the core is told when one is brought again. */
void kafka_partition_drop(struct kafka_partition *p)
{
	if (p->next > p->high)
		p->high = p->next;
	p->window = NULL;
}

void kafka_partition_lost(struct kafka_partition *p)
{
	if (p->window)
		window_lost(p->window);
	kafka_partition_drop(p);
	free(p->last_note);
	p->last_note = NULL;
	p->assigned = p->revoking = p->held = p->dirty = p->sent = false;
	p->end_asked = -1;
}

void kafka_partitions_free(struct kafka *k)
{
	for (unsigned i = 0; i < k->n_partitions; i++) {
		struct kafka_partition *p = k->partitions[i];

		free(p->prefix);
		free(p->name);
		free(p->subs);
		free(p->last_note);
		free(p);
	}
	free(k->partitions);
	k->partitions = NULL;
	k->n_partitions = 0;
}

bool kafka_wish_wants(const struct kafka_wish *w, const char *topic)
{
	for (unsigned i = 0; i < w->n_patterns; i++) {
		const struct kafka_pattern *p = &w->patterns[i];

		if (p->is_regex ? regexec(&p->regex, topic, 0, NULL, 0) == 0 : strcmp(p->text, topic) == 0)
			return true;
	}
	return false;
}

static int wish_add(struct kafka_wish *w, struct slice text, struct error *err)
{
	struct kafka_pattern *p;
	char why[120];
	int rc;

	w->patterns = mem_grow(w->patterns, (w->n_patterns + 1) * sizeof(*p));
	p = &w->patterns[w->n_patterns++];
	p->text = mem_slice(text);
	p->is_regex = false;
	if (*p->text != '^')
		return 0;
	rc = regcomp(&p->regex, p->text, REG_EXTENDED | REG_NOSUB);
	if (rc != 0) {
		regerror(rc, &p->regex, why, sizeof(why));
		return error_set(err, ERR_CONFIG,
		    "topics: \"%s\": %s; a POSIX extended regular expression was expected after ^", p->text, why);
	}
	p->is_regex = true;
	return 0;
}

static int wish_parse(struct kafka_wish *w, const char *list, struct error *err)
{
	struct slice item;

	while (list_next(&list, &item))
		if (wish_add(w, item, err) < 0)
			return -1;
	if (w->n_patterns == 0)
		return error_set(err, ERR_CONFIG, "topics: no topic to read; a comma list of names was expected");
	return 0;
}

void kafka_wish_free(struct kafka_wish *w)
{
	for (unsigned i = 0; i < w->n_patterns; i++) {
		if (w->patterns[i].is_regex)
			regfree(&w->patterns[i].regex);
		free(w->patterns[i].text);
	}
	free(w->patterns);
	free(w->down_topic);
	free(w->unseen);
	free(w->told);
}

int kafka_wish_make(struct kafka_wish *w, const struct subscription *s, struct error *err)
{
	w->subscription = s;
	return wish_parse(w, s->topic ? s->topic : "", err);
}

void kafka_wishes_drop(struct kafka_wish *wishes, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		kafka_wish_free(&wishes[i]);
	free(wishes);
}

void kafka_wishes_free(struct kafka *k)
{
	kafka_wishes_drop(k->wishes, k->n_wishes);
	k->wishes = NULL;
	k->n_wishes = 0;
}

int kafka_wishes_make(
    const struct subscription *const *subs, unsigned n, struct kafka_wish **wishes_r, struct error *err)
{
	struct kafka_wish *wishes = mem_new((n + 1) * sizeof(*wishes));

	for (unsigned i = 0; i < n; i++)
		if (kafka_wish_make(&wishes[i], subs[i], err) < 0) {
			kafka_wishes_drop(wishes, i + 1);
			return -1;
		}
	*wishes_r = wishes;
	return 0;
}

int kafka_wishes_set(struct kafka *k, const struct subscription *const *subs, unsigned n, struct error *err)
{
	struct kafka_wish *wishes;

	if (kafka_wishes_make(subs, n, &wishes, err) < 0)
		return -1;
	for (unsigned i = 0; i < n; i++)
		for (unsigned j = 0; j < k->n_wishes; j++)
			if (k->wishes[j].subscription == subs[i])
				wishes[i].down_topic = mem_text(k->wishes[j].down_topic);
	kafka_wishes_free(k);
	k->wishes = wishes;
	k->n_wishes = n;
	for (unsigned i = 0; i < k->n_partitions; i++)
		partition_match(k, k->partitions[i]);
	return 0;
}

void kafka_topic_down(struct kafka *k, const char *topic, const char *why)
{
	struct error err;

	for (unsigned i = 0; i < k->n_wishes; i++) {
		struct kafka_wish *w = &k->wishes[i];

		if (why && w->down_topic == NULL && kafka_wish_wants(w, topic)) {
			w->down_topic = mem_text(topic);
			error_set(&err, ERR_IO, "topic %s: %s", topic, why);
			subscription_down(&k->base, w->subscription, &err);
		} else if (why == NULL && w->down_topic && strcmp(w->down_topic, topic) == 0) {
			free(w->down_topic);
			w->down_topic = NULL;
			subscription_down(&k->base, w->subscription, NULL);
		}
	}
}
