/* Lag of the partitions assigned here, from what the broker says with every fetch: no question is asked for it. */
#include "connectors/kafka.h"

static struct lag lag_of(const struct kafka_reader *r, const struct kafka_partition *p)
{
	int64_t low = -1, high = -1, done = p->committed >= 0 ? p->committed : p->position;
	struct lag lag = { .known = false };

	if (rd_kafka_get_watermark_offsets(r->client.rk, p->name, p->number, &low, &high) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return lag;
	if (p->end > high)
		high = p->end;
	if (high < 0 || done < 0)
		return lag;
	if (done < low)
		done = low;
	lag.unacked = high > done ? high - done : 0;
	lag.settled = p->position > done ? p->position - done : 0;
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
		sums[p->number].lag.settled += lag.settled;
		sums[p->number].lag.known = lag.known && (sums[p->number].lag.known || !sums[p->number].any);
		sums[p->number].any = true;
	}
	for (int32_t number = 0; number <= last; number++)
		if (sums[number].any)
			lag_report(&k->base, wish->subscription, (uint32_t)number, sums[number].lag);
	free(sums);
}

void kafka_lag_tell(struct kafka_reader *r)
{
	for (unsigned i = 0; i < r->client.kafka->n_wishes; i++)
		lag_tell_one(r, &r->client.kafka->wishes[i]);
}
