/* Reading: messages from the library's one data queue to the core, as far as it has credit. */
#include <assert.h>
#include <string.h>
#include "connectors/kafka.h"

enum {
	ROUNDS = 4, /* batches in one turn of the loop, which other functions share */
	ROUND_BYTES = 1 << 20, /* likewise; what is copied takes time too */
	KICK_FIRST_MS = 5,
	KICK_LAST_MS = 640,
	KICK_PARTITIONS = 64
};

static void source_batch_free(struct kafka_reader *r)
{
	while (r->batch_at < r->batch_n) {
		rd_kafka_message_t *m = r->batch[r->batch_at++];

		if (m)
			rd_kafka_message_destroy(m);
	}
}

void kafka_source_purge(struct kafka_reader *r, const struct kafka_partition *p)
{
	if (p == NULL) {
		source_batch_free(r);
		return;
	}
	for (unsigned i = r->batch_at; i < r->batch_n; i++) {
		rd_kafka_message_t *m = r->batch[i];

		if (m && m->rkt && m->partition == p->number && strcmp(rd_kafka_topic_name(m->rkt), p->name) == 0) {
			rd_kafka_message_destroy(m);
			r->batch[i] = NULL;
		}
	}
	r->last = NULL;
}

static rd_kafka_topic_partition_list_t *source_list_one(const struct kafka_partition *p)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

	rd_kafka_topic_partition_list_add(list, p->name, p->number)->offset = p->next;
	return list;
}

/* The library drops what it has of a paused partition, and would go on after what it handed out, which may be more
 * than the core took. */
static void source_rewind(struct kafka_reader *r, struct kafka_partition *p)
{
	rd_kafka_topic_partition_list_t *list = source_list_one(p);
	rd_kafka_error_t *failed = rd_kafka_seek_partitions(r->client.rk, list, 0);

	if (failed) {
		log_fault(&r->errors, loop_now(r->client.kafka->base.loop), LOG_WARN, KAFKA_SCOPE,
		    "%s: %s/%d: cannot go back to offset %lld: %s", r->client.kafka->base.name, p->name, p->number,
		    (long long)p->next, rd_kafka_error_string(failed));
		rd_kafka_error_destroy(failed);
	}
	rd_kafka_topic_partition_list_destroy(list);
}

static void source_pause(struct kafka_reader *r, struct kafka_partition *p)
{
	rd_kafka_topic_partition_list_t *list;

	kafka_source_purge(r, p);
	if (p->held)
		return;
	p->held = true;
	list = source_list_one(p);
	rd_kafka_pause_partitions(r->client.rk, list);
	rd_kafka_topic_partition_list_destroy(list);
}

/* Has the broker more of it than was read?  As far as the last answer to a fetch told. */
static bool source_behind(const struct kafka_reader *r, const struct kafka_partition *p)
{
	int64_t low, high;

	if (!p->assigned || p->held || p->window == NULL || p->end == p->next)
		return false;
	return rd_kafka_get_watermark_offsets(r->client.rk, p->name, p->number, &low, &high) ==
	    RD_KAFKA_RESP_ERR_NO_ERROR &&
	    high > p->next;
}

/*
 * When its queue was full, the library's fetching thread sleeps up to a second, whatever we take out meanwhile.  A
 * question sent to the leaders wakes it; nobody waits for the answer.
 */
static void source_kick(void *arg)
{
	struct kafka_reader *r = arg;
	const struct kafka *k = r->client.kafka;
	rd_kafka_topic_partition_list_t *list;

	if (r->waiting || r->stopped || r->closing || rd_kafka_queue_length(r->data) > 0)
		return;
	list = rd_kafka_topic_partition_list_new(KICK_PARTITIONS);
	for (unsigned i = 0; i < k->n_partitions && list->cnt < KICK_PARTITIONS; i++)
		if (source_behind(r, k->partitions[i]))
			rd_kafka_topic_partition_list_add(list, k->partitions[i]->name, k->partitions[i]->number)
			    ->offset = RD_KAFKA_OFFSET_END;
	r->choked = list->cnt > 0;
	if (r->choked) {
		rd_kafka_offsets_for_times(r->client.rk, list, 0);
		r->kick_pause = r->kick_pause < KICK_LAST_MS ? r->kick_pause * 2 : KICK_LAST_MS;
		timer_set(k->base.loop, &r->kick, r->kick_pause, source_kick, r);
	}
	rd_kafka_topic_partition_list_destroy(list);
}

static void source_kick_soon(struct kafka_reader *r)
{
	if (!r->kick.heap_index)
		timer_set(r->client.kafka->base.loop, &r->kick, r->kick_pause, source_kick, r);
}

/* More than a good part of the library's queue since it was last seen empty: it may have been full. */
static void source_measure(struct kafka_reader *r)
{
	for (unsigned i = 0; i < r->batch_n; i++)
		r->pulled += r->batch[i]->len;
	if (r->pulled >= r->client.kafka->rows.prefetch_bytes / 4)
		r->choked = true;
	r->kick_pause = KICK_FIRST_MS;
	kafka_client_heard(&r->client);
}

void kafka_source_unpause(struct kafka_reader *r, struct kafka_partition *p)
{
	rd_kafka_topic_partition_list_t *list;

	if (!p->held)
		return;
	p->held = false;
	list = source_list_one(p);
	rd_kafka_resume_partitions(r->client.rk, list);
	rd_kafka_topic_partition_list_destroy(list);
}

void kafka_hold(struct connector *c, struct window *w, bool on)
{
	struct kafka *k = kafka_of(c);
	struct kafka_partition *p = kafka_partition_of(k, w);

	if (p == NULL || k->reader == NULL)
		return;
	if (on) {
		source_pause(k->reader, p);
		return;
	}
	if (!p->held)
		return;
	source_rewind(k->reader, p);
	kafka_source_unpause(k->reader, p);
	k->reader->choked = true;
	source_kick_soon(k->reader);
}

/* The same numbers are other events from now on. */
static void source_forget(struct kafka_partition *p)
{
	kafka_partition_lost(p);
	p->assigned = true;
	p->high = 0;
	p->end = p->position = p->committed = -1; /* they speak of another log */
}

/* Offsets only rise while a partition is ours.  If not, they were reset at the broker, or the topic was made anew. */
static void source_restart(struct kafka *k, struct kafka_partition *p, int64_t offset)
{
	if (p->window && offset < p->next) {
		log_warn(KAFKA_SCOPE,
		    "%s: %s/%d: offset %lld where %lld was expected: the topic was made anew or lost its end",
		    k->base.name, p->name, p->number, (long long)offset, (long long)p->next);
		source_forget(p);
	}
	if (p->window == NULL) {
		kafka_partition_open(k, p, offset, (struct slice){ NULL, 0 });
		p->dirty =
		    true; /* before its first event is acknowledged a restart would begin at initialOffset again */
	}
}

void kafka_source_anew(struct kafka_reader *r, struct kafka_partition *p)
{
	bool revoking = p->revoking;

	log_warn(KAFKA_SCOPE,
	    "%s: %s/%d: the commit the broker had is gone: the topic was made anew; it is read from its beginning",
	    r->client.kafka->base.name, p->name, p->number);
	kafka_source_purge(r, p);
	kafka_source_unpause(r, p);
	source_forget(p);
	p->revoking = revoking;
	p->position = 0; /* committed, so that the next owner does not begin at its end */
	p->dirty = true;
	if (revoking)
		return;
	kafka_partition_open(r->client.kafka, p, 0, (struct slice){ NULL, 0 });
	source_rewind(r, p);
}

static struct kafka_partition *source_partition(struct kafka_reader *r, const rd_kafka_message_t *m)
{
	if (r->last && r->last_topic == m->rkt && r->last->number == m->partition)
		return r->last;
	r->last = kafka_partition_find(r->client.kafka, rd_kafka_topic_name(m->rkt), m->partition);
	r->last_topic = m->rkt;
	return r->last;
}

void kafka_source_error(struct kafka_reader *r, const rd_kafka_message_t *m)
{
	struct kafka *k = r->client.kafka;
	const char *why = m->payload ? rd_kafka_message_errstr(m) : rd_kafka_err2str(m->err);

	switch (m->err) {
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
		why = "does not exist at the broker; waiting for it to be created";
		break;
	case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
		why = "this process stood still longer than maxPollInterval and left the group; joining again";
		break;
	default: break;
	}
	if (m->rkt)
		kafka_topic_down(k, rd_kafka_topic_name(m->rkt), why);
	log_fault(&r->errors, loop_now(k->base.loop), LOG_WARN, KAFKA_SCOPE, "%s: %s%s%s", k->base.name,
	    m->rkt ? rd_kafka_topic_name(m->rkt) : "", m->rkt ? ": " : "", why);
}

static void source_end(struct kafka_reader *r, struct kafka_partition *p, int64_t end)
{
	source_restart(r->client.kafka, p, end);
	p->end = end;
}

/* false: no credit, the message is to be kept. */
static bool source_offer(struct kafka_reader *r, struct kafka_partition *p, const rd_kafka_message_t *m)
{
	struct event event;

	source_restart(r->client.kafka, p, m->offset);
	kafka_event_make(r, p, m, &event);
	switch (offer(p->window, &event, p->subs, p->n_subs)) {
	case OFFER_TAKEN: p->next = m->offset + 1; return true;
	case OFFER_WAIT: return false;
	case OFFER_HELD: source_pause(r, p); return true;
	case OFFER_GONE: return true;
	}
	return true;
}

static bool source_message(struct kafka_reader *r, const rd_kafka_message_t *m)
{
	struct kafka_partition *p = m->rkt ? source_partition(r, m) : NULL;

	if (p == NULL || !p->assigned || p->revoking || p->held)
		return true;
	if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
		source_end(r, p, m->offset);
	else if (m->err)
		kafka_source_error(r, m);
	else
		return source_offer(r, p, m);
	return true;
}

/* A message on the queue where none should be: it is read again in its place, so that none is passed over. */
void kafka_source_stray(struct kafka_reader *r, const rd_kafka_message_t *m)
{
	struct kafka_partition *p = m->rkt ? source_partition(r, m) : NULL;

	if (p == NULL || !p->assigned || p->revoking)
		return;
	if (p->window == NULL)
		kafka_partition_open(r->client.kafka, p, m->offset, (struct slice){ NULL, 0 });
	kafka_source_purge(r, p);
	source_rewind(r, p);
}

/* False: no credit, or enough for this turn. */
static bool source_batch(struct kafka_reader *r, size_t *left)
{
	while (r->batch_at < r->batch_n) {
		rd_kafka_message_t *m = r->batch[r->batch_at];
		size_t n = m ? m->len : 0;

		if (m && !source_message(r, m)) {
			r->waiting = r->choked = true;
			return false;
		}
		if (r->batch[r->batch_at]) /* a hold drops it with the rest */
			rd_kafka_message_destroy(m);
		r->batch_at++;
		if (n >= *left)
			return false;
		*left -= n;
	}
	return true;
}

void kafka_source_pull(struct kafka_reader *r)
{
	size_t left = ROUND_BYTES;
	ssize_t n;

	if (r->more.prev)
		return; /* it goes on by itself, when others had their turn */
	for (unsigned round = 0; round < ROUNDS; round++) {
		bool all = source_batch(r, &left);

		if (r->waiting || r->stopped || r->closing)
			return;
		if (!all)
			break;
		n = rd_kafka_consume_batch_queue(r->data, 0, r->batch, KAFKA_BATCH);
		if (n <= 0) {
			r->pulled = 0;
			if (r->choked)
				source_kick_soon(r);
			return;
		}
		r->batch_at = 0;
		r->batch_n = (unsigned)n;
		source_measure(r);
	}
	loop_defer(r->client.kafka->base.loop, &r->more);
}

void kafka_resume(struct connector *c)
{
	struct kafka_reader *r = kafka_of(c)->reader;

	if (r == NULL || !r->waiting)
		return;
	r->waiting = false;
	kafka_source_pull(r);
}
