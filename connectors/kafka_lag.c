/* Lag: of what is assigned here as the broker says with every fetch, or when asked; of the rest as watched. */
#include <string.h>
#include "connectors/kafka_watch.h"

enum { ASK_EVERY_MS = 5000 };

/* Lag of one subscription as it is put together: partitions of one number are one, whatever their topics. */
struct lag_sum {
	struct lag lag;
	bool any;
};
struct lag_sums {
	struct lag_sum *list;
	int32_t n;
	bool unbegun; /* something is to begin, and was counted */
};

static struct lag lag_of(const struct kafka_reader *r, const struct kafka_partition *p)
{
	int64_t low = -1, high = -1, done = p->committed >= 0 ? p->committed : p->position, ahead;
	struct lag lag = { .known = false };

	if (r->client.down)
		return lag;
	if (rd_kafka_get_watermark_offsets(r->client.rk, p->name, p->number, &low, &high) != RD_KAFKA_RESP_ERR_NO_ERROR)
		low = high = -1;
	if (p->end > high)
		high = p->end;
	if (p->end_asked > high)
		high = p->end_asked;
	if (done < 0)
		done = p->start;
	if (high < 0 || done < 0)
		return lag;
	if (done < low)
		done = low;
	lag.unacked = high > done ? high - done : 0;
	lag.settled = p->position > done ? p->position - done : 0;
	ahead = p->window ? (int64_t)window_ahead(p->window) : 0;
	lag.unacked -= ahead < lag.unacked - lag.settled ? ahead : lag.unacked - lag.settled;
	lag.done = (uint64_t)(done + lag.settled + ahead);
	lag.known = true;
	return lag;
}

static void sums_add(struct lag_sums *s, int32_t number, struct lag lag)
{
	struct lag_sum *at;

	if (!s->list || number >= s->n) {
		s->list = mem_grow(s->list, (size_t)(number + 1) * sizeof(*s->list));
		memset(&s->list[s->n], 0, (size_t)(number + 1 - s->n) * sizeof(*s->list));
		s->n = number + 1;
	}
	at = &s->list[number];
	at->lag.unacked += lag.unacked;
	at->lag.settled += lag.settled;
	at->lag.done += lag.done;
	at->lag.known = lag.known && (at->lag.known || !at->any);
	at->any = true;
}

static struct lag lag_seen(const struct kafka *k, const struct kafka_seen *seen, struct lag_sums *sums)
{
	struct lag lag = { .unacked = seen->unacked, .done = seen->done, .known = seen->known };

	if (seen->unbegun && !sums->unbegun && k->rows.lag_without_commit == KAFKA_LAG_ONE) {
		lag.unacked = 1;
		sums->unbegun = true;
	}
	return lag;
}

/* What is read here is known better here, once it is. */
static bool lag_is_local(const struct kafka *k, const char *topic, int32_t number)
{
	const struct kafka_partition *p = k->reader ? kafka_partition_find(k, topic, number) : NULL;

	return p && p->assigned && lag_of(k->reader, p).known;
}

static void sums_of_others(struct lag_sums *sums, const struct kafka *k, unsigned target)
{
	const struct kafka_sight *s = kafka_watch_sight(k);
	unsigned low = 0, high = s ? s->n : 0;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (s->seen[middle].target < target)
			low = middle + 1;
		else
			high = middle;
	}
	for (; s && low < s->n && s->seen[low].target == target; low++)
		if (!lag_is_local(k, s->topics[s->seen[low].topic], s->seen[low].partition))
			sums_add(sums, s->seen[low].partition, lag_seen(k, &s->seen[low], sums));
}

/* What was told before and is not there any more is forgotten; `failed`: it may be, but nothing is known of it. */
static void lag_tell_sums(struct kafka *k, struct kafka_wish *wish, const struct lag_sums *sums, bool failed)
{
	int32_t most = sums->n > wish->n_told ? sums->n : wish->n_told;

	if (most > wish->n_told) {
		wish->told = mem_grow(wish->told, (size_t)most * sizeof(*wish->told));
		memset(wish->told + wish->n_told, 0, (size_t)(most - wish->n_told) * sizeof(*wish->told));
		wish->n_told = most;
	}
	for (int32_t i = 0; i < most; i++) {
		bool any = i < sums->n && sums->list[i].any;

		if (any)
			lag_report(&k->base, wish->subscription, (uint32_t)i, sums->list[i].lag);
		else if (wish->told[i] && failed)
			lag_report(&k->base, wish->subscription, (uint32_t)i, (struct lag){ .known = false });
		else if (wish->told[i])
			lag_forget(&k->base, wish->subscription, (uint32_t)i);
		wish->told[i] = any || (wish->told[i] && failed);
	}
}

/* Until the rest of the group was seen nothing is told: a part of it would pass for the whole. */
static void lag_tell_one(struct kafka *k, struct kafka_wish *wish, unsigned target)
{
	const struct kafka_reader *r = k->reader;
	const struct kafka_sight *sight = kafka_watch_sight(k);
	bool watched = k->n_watched > 0, failed = sight && *sight->why[target];
	struct lag_sums sums = { .list = NULL };

	if (watched && !sight)
		return;
	for (unsigned i = 0; r && i < k->n_partitions; i++) {
		const struct kafka_partition *p = k->partitions[i];
		struct lag lag;

		if (!p->assigned || !kafka_wish_wants(wish, p->name))
			continue;
		lag = lag_of(r, p);
		if (lag.known || !watched)
			sums_add(&sums, p->number, lag);
	}
	if (watched && !failed)
		sums_of_others(&sums, k, target);
	lag_tell_sums(k, wish, &sums, failed);
	free(sums.list);
}

/* What is paused is not fetched, nor is anything while the library's queue is full: nobody says how it has grown. */
static bool lag_wants_end(const struct kafka_reader *r, const struct kafka_partition *p)
{
	return p->held || r->waiting;
}

/* Where does reading begin?  As long as nothing was read of it only the broker can say. */
static bool lag_wants_start(const struct kafka_partition *p)
{
	return p->position < 0 && (p->start == RD_KAFKA_OFFSET_BEGINNING || p->start == RD_KAFKA_OFFSET_END);
}

static rd_kafka_topic_partition_list_t *lag_question(const struct kafka_reader *r, enum kafka_question question)
{
	const struct kafka *k = r->client.kafka;
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);

	for (unsigned i = 0; i < k->n_partitions; i++) {
		const struct kafka_partition *p = k->partitions[i];

		if (p->assigned && (question == ASK_START ? lag_wants_start(p) : lag_wants_end(r, p)))
			rd_kafka_topic_partition_list_add(list, p->name, p->number)->offset =
			    question == ASK_START ? p->start : RD_KAFKA_OFFSET_END;
	}
	return list;
}

static void lag_ask_for(struct kafka_reader *r, enum kafka_question question, int64_t *asked)
{
	int64_t now = loop_now(r->client.kafka->base.loop);
	rd_kafka_topic_partition_list_t *list;

	if (now - *asked < ASK_EVERY_MS || r->client.helper || r->rebalance || r->draining)
		return;
	list = lag_question(r, question);
	if (list->cnt && kafka_ask(r, question, list))
		*asked = now;
	rd_kafka_topic_partition_list_destroy(list);
}

void kafka_lag_ask(struct kafka_reader *r)
{
	lag_ask_for(r, ASK_END, &r->ends_asked);
	lag_ask_for(r, ASK_START, &r->starts_asked);
}

void kafka_lag_asked(struct kafka *k, const struct kafka_asking *a)
{
	if (a->code != RD_KAFKA_RESP_ERR_NO_ERROR)
		return;
	for (int i = 0; i < a->partitions->cnt; i++) {
		const rd_kafka_topic_partition_t *at = &a->partitions->elems[i];
		struct kafka_partition *p = kafka_partition_find(k, at->topic, at->partition);

		if (p == NULL || !p->assigned || at->err != RD_KAFKA_RESP_ERR_NO_ERROR || at->offset < 0)
			continue;
		if (a->question == ASK_START)
			p->start = at->offset;
		else
			p->end_asked = at->offset;
	}
}

void kafka_lag_tell(struct kafka *k)
{
	unsigned n = k->n_wishes;
	struct kafka_wish *wishes = k->watch ? kafka_watch_wishes(k, &n) : k->wishes;

	if (k->reader)
		kafka_lag_ask(k->reader);
	for (unsigned i = 0; i < n; i++)
		lag_tell_one(k, &wishes[i], i);
}
