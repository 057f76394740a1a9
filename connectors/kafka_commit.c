/* Committing: at most once a second, one in flight, each offset with the note on what is settled beyond it. */
#include <assert.h>
#include <string.h>
#include "connectors/kafka.h"

enum { RETRY_MS = 250, NOTES_OFF_MS = 600000 };

bool kafka_commit_owed(const struct kafka_partition *p)
{
	return p->assigned && (p->dirty || p->sent);
}

/* When all that was offered is acknowledged, what lies between and the end the broker told is no event. */
void kafka_commit_advance(struct kafka_partition *p)
{
	if (p->window == NULL || p->end <= p->position || !window_empty(p->window))
		return;
	p->position = p->end;
	p->dirty = true;
}

void kafka_commit(struct connector *c, struct window *w, const struct token *tokens, unsigned n)
{
	struct kafka_partition *p = kafka_partition_of(kafka_of(c), w);

	if (p == NULL)
		return;
	if (n > 0)
		p->position = (int64_t)tokens[n - 1].w[0] + 1;
	p->dirty = true;
}

static void commit_note(const struct kafka_reader *r, const struct kafka_partition *p, rd_kafka_topic_partition_t *at)
{
	char note[KAFKA_NOTE_MAX];
	size_t n = 0;

	if (loop_now(r->client.kafka->base.loop) < r->notes_off_until)
		return;
	if (p->window)
		n = window_note(p->window, note, sizeof(note));
	else if (p->last_note)
		n = strlen(strcpy(note, p->last_note));
	if (n == 0)
		return;
	at->metadata = mem_slice((struct slice){ note, n });
	at->metadata_size = n;
}

static void commit_gather(struct kafka_reader *r, rd_kafka_topic_partition_list_t *list)
{
	const struct kafka *k = r->client.kafka;

	for (unsigned i = 0; i < k->n_partitions; i++) {
		struct kafka_partition *p = k->partitions[i];
		rd_kafka_topic_partition_t *at;

		if (!p->assigned)
			continue;
		kafka_commit_advance(p);
		if (k->peek) {
			p->committed = p->position;
			p->dirty = false;
		}
		if (!p->dirty || p->position < 0)
			continue;
		at = rd_kafka_topic_partition_list_add(list, p->name, p->number);
		at->offset = p->position;
		commit_note(r, p, at);
		p->dirty = false;
		p->sent = true;
	}
}

/* What of one partition's commit?  Refused because the group went on without us: the partition is lost or will be,
 * and if not, the next assignment says so and it is committed then. */
static void commit_settle(struct kafka_reader *r, struct kafka_partition *p, int64_t offset, rd_kafka_resp_err_t code)
{
	p->sent = false;
	switch (code) {
	case RD_KAFKA_RESP_ERR_NO_ERROR:
		p->committed = offset;
		p->kept = true;
		return;
	case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
	case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
	case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
	case RD_KAFKA_RESP_ERR__FENCED:
	case RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST:
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED: return;
	case RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE:
		r->notes_off_until = loop_now(r->client.kafka->base.loop) + NOTES_OFF_MS;
		p->dirty = true;
		return;
	default: p->dirty = true;
	}
}

static void commit_result(struct kafka_reader *r, const rd_kafka_topic_partition_list_t *list, rd_kafka_resp_err_t code)
{
	struct kafka *k = r->client.kafka;
	rd_kafka_resp_err_t failed = RD_KAFKA_RESP_ERR_NO_ERROR;
	int64_t now = loop_now(k->base.loop);

	for (int i = 0; i < list->cnt; i++) {
		const rd_kafka_topic_partition_t *at = &list->elems[i];
		struct kafka_partition *p = kafka_partition_find(k, at->topic, at->partition);
		rd_kafka_resp_err_t own = at->err ? at->err : code;

		if (own)
			failed = own;
		if (p && p->sent)
			commit_settle(r, p, at->offset, own);
	}
	connector_count(&k->base, failed ? FACT_COMMIT_FAILED : FACT_COMMIT);
	if (failed == RD_KAFKA_RESP_ERR_NO_ERROR) {
		kafka_client_heard(&r->client);
		return;
	}
	log_fault(&r->commits, now, LOG_WARN, KAFKA_SCOPE, "%s: a commit was not taken: %s", k->base.name,
	    rd_kafka_err2str(failed));
	r->commit_after = now + RETRY_MS;
}

/* Idle partitions are asked for too, now and then: they send no commit that would be looked at before. */
static rd_kafka_topic_partition_list_t *commit_question(struct kafka_reader *r)
{
	const struct kafka *k = r->client.kafka;
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
	bool all = loop_now(k->base.loop) - r->kept_asked >= k->rows.metadata_ms;

	if (all)
		r->kept_asked = loop_now(k->base.loop);
	for (unsigned i = 0; i < k->n_partitions; i++) {
		const struct kafka_partition *p = k->partitions[i];

		if (p->assigned && !k->peek && (p->sent || (all && p->committed >= 0)))
			rd_kafka_topic_partition_list_add(list, p->name, p->number);
	}
	return list;
}

static void commit_put_back(struct kafka *k, const rd_kafka_topic_partition_list_t *list)
{
	for (int i = 0; i < list->cnt; i++) {
		struct kafka_partition *p = kafka_partition_find(k, list->elems[i].topic, list->elems[i].partition);

		if (p == NULL || !p->sent)
			continue;
		p->sent = false;
		p->dirty = true;
	}
}

/*
 * A commit is sent when those before it were seen to be still at the broker.  It drops what a group committed for a
 * topic that is deleted, and nothing else tells a log that was made anew meanwhile from the one before when it is as
 * long as our position: a commit sent blindly would hide it for good, with all that lies below.
 */
void kafka_commit_send(struct kafka_reader *r)
{
	struct kafka *k = r->client.kafka;
	rd_kafka_topic_partition_list_t *list, *question;

	if (r->committing || r->client.helper || loop_now(k->base.loop) < r->commit_after || kafka_join_runs(r))
		return;
	list = rd_kafka_topic_partition_list_new(8);
	commit_gather(r, list);
	question = commit_question(r);
	if (question->cnt > 0 && kafka_ask(r, ASK_KEPT, question)) {
		r->committing = true;
		r->due = list;
	} else {
		commit_put_back(k, list);
		rd_kafka_topic_partition_list_destroy(list);
	}
	rd_kafka_topic_partition_list_destroy(question);
}

static void commit_send_list(struct kafka_reader *r, const rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_resp_err_t code;

	if (kafka_join_runs(r)) {
		commit_put_back(r->client.kafka, list);
		return;
	}
	code = rd_kafka_commit_queue(r->client.rk, list, r->client.events, NULL, NULL);
	if (code)
		commit_result(r, list, code);
	else
		r->committing = true;
}

/* While something of it still runs its window stays; it is asked for again when that is through. */
static void commit_missing(struct kafka_reader *r, struct kafka_partition *p)
{
	if (p->revoking && p->window) {
		p->sent = false;
		p->dirty = true;
		return;
	}
	kafka_source_anew(r, p);
}

/* Takes out of the list what is no more to be sent; what could not be asked for is not sent either. */
static void commit_sift(struct kafka_reader *r, rd_kafka_topic_partition_list_t *due, const struct kafka_asking *a)
{
	rd_kafka_topic_partition_list_t *refused = rd_kafka_topic_partition_list_new(1);

	for (int i = due->cnt - 1; i >= 0; i--) {
		const rd_kafka_topic_partition_t *at = &due->elems[i], *answer;
		const struct kafka_partition *p = kafka_partition_find(r->client.kafka, at->topic, at->partition);

		answer = rd_kafka_topic_partition_list_find(a->partitions, at->topic, at->partition);
		assert(answer);
		if (p && p->sent && (a->code || answer->err)) {
			rd_kafka_topic_partition_t *no =
			    rd_kafka_topic_partition_list_add(refused, at->topic, at->partition);

			no->offset = at->offset;
			no->err = answer->err;
		} else if (p && p->sent) {
			continue;
		}
		rd_kafka_topic_partition_list_del_by_idx(due, i);
	}
	if (refused->cnt > 0)
		commit_result(r, refused, a->code);
	rd_kafka_topic_partition_list_destroy(refused);
}

void kafka_commit_kept(struct kafka_reader *r, const struct kafka_asking *a)
{
	rd_kafka_topic_partition_list_t *due = r->due;

	r->due = NULL;
	r->committing = false;
	for (int i = 0; a->code == RD_KAFKA_RESP_ERR_NO_ERROR && i < a->partitions->cnt; i++) {
		const rd_kafka_topic_partition_t *at = &a->partitions->elems[i];
		struct kafka_partition *p = kafka_partition_find(r->client.kafka, at->topic, at->partition);

		if (p && p->assigned && p->committed >= 0 && at->err == RD_KAFKA_RESP_ERR_NO_ERROR && at->offset < 0)
			commit_missing(r, p);
	}
	commit_sift(r, due, a);
	if (due->cnt > 0)
		commit_send_list(r, due);
	rd_kafka_topic_partition_list_destroy(due);
}

static void commit_drained(struct kafka_reader *r)
{
	const struct kafka *k = r->client.kafka;

	if (r->committing)
		return;
	for (unsigned i = 0; i < k->n_partitions; i++)
		if (kafka_commit_owed(k->partitions[i]))
			return;
	r->draining = false;
	connector_drained(&r->client.kafka->base);
}

void kafka_commit_drain(struct kafka_reader *r)
{
	if (!r->draining)
		return;
	kafka_commit_send(r);
	commit_drained(r);
}

void kafka_commit_answered(struct kafka_reader *r, rd_kafka_event_t *event)
{
	const rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);

	r->committing = false;
	if (list)
		commit_result(r, list, rd_kafka_event_error(event));
	kafka_commit_drain(r);
	kafka_group_step(r);
}

void kafka_drain(struct connector *c)
{
	struct kafka *k = kafka_of(c);
	struct kafka_reader *r = k->reader;

	if (r == NULL) {
		connector_drained(c);
		return;
	}
	r->draining = true;
	for (unsigned i = 0; i < k->n_partitions; i++) {
		struct kafka_partition *p = k->partitions[i];

		if (p->assigned && !p->sent && p->position >= 0 && p->position != p->committed)
			p->dirty = true;
	}
	kafka_commit_drain(r);
}
