/* Lag of the partitions assigned here, from what the broker says with every fetch; what is not fetched is asked for. */
#include "connectors/kafka.h"

enum { ASK_EVERY_MS = 5000 };

static struct lag lag_of(const struct kafka_reader *r, const struct kafka_partition *p)
{
	int64_t low = -1, high = -1, done = p->committed >= 0 ? p->committed : p->position;
	struct lag lag = { .known = false };

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
	lag.known = true;
	return lag;
}

/* A subscription to several topics has several partitions of one number: reported as one, their sum. */
static void lag_tell_one(struct kafka_reader *r, const struct kafka_wish *wish)
{
	struct kafka *k = r->client.kafka;
	struct {
		struct lag lag;
		bool any;
	} * sums;
	int32_t last = -1;

	for (unsigned i = 0; i < k->n_partitions; i++)
		if (k->partitions[i]->assigned && k->partitions[i]->number > last)
			last = k->partitions[i]->number;
	sums = mem_new((size_t)(last + 1) * sizeof(*sums));
	for (unsigned i = 0; i < k->n_partitions; i++) {
		const struct kafka_partition *p = k->partitions[i];
		struct lag lag;

		if (!p->assigned || !kafka_wish_wants(wish, p->name))
			continue;
		lag = lag_of(r, p);
		sums[p->number].lag.unacked += lag.unacked;
		sums[p->number].lag.settled += lag.settled;
		sums[p->number].lag.known = lag.known && (sums[p->number].lag.known || !sums[p->number].any);
		sums[p->number].any = true;
	}
	for (int32_t number = 0; number <= last; number++)
		if (sums[number].any)
			lag_report(&k->base, wish->subscription, (uint32_t)number, sums[number].lag);
	free(sums);
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

void kafka_lag_tell(struct kafka_reader *r)
{
	kafka_lag_ask(r);
	for (unsigned i = 0; i < r->client.kafka->n_wishes; i++)
		lag_tell_one(r, &r->client.kafka->wishes[i]);
}
