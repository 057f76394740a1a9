/* Membership: partitions come with what was committed for them and go after what was settled is committed. */
#include <assert.h>
#include <string.h>
#include "connectors/kafka.h"

enum {
	READ_TRIES = 3,
	READ_PAUSE_MS = 500,
	COMMIT_WAIT_MS = 5000, /* for the last commit of partitions that go */
	NAMED_MAX = 16 /* partitions named in a log line */
};

bool kafka_group_cooperative(const struct kafka_reader *r)
{
	const char *protocol = rd_kafka_rebalance_protocol(r->client.rk);

	return protocol && strcmp(protocol, "COOPERATIVE") == 0;
}

static void group_complain(struct kafka_reader *r, const char *what, const char *why)
{
	log_fault(&r->errors, loop_now(r->client.kafka->base.loop), LOG_WARN, KAFKA_SCOPE, "%s: %s: %s",
	    r->client.kafka->base.name, what, why);
}

static void group_check(struct kafka_reader *r, const char *what, rd_kafka_error_t *failed)
{
	if (failed == NULL)
		return;
	group_complain(r, what, rd_kafka_error_string(failed));
	rd_kafka_error_destroy(failed);
}

static void group_assign(struct kafka_reader *r, const rd_kafka_topic_partition_list_t *partitions)
{
	rd_kafka_resp_err_t code;

	if (kafka_group_cooperative(r)) {
		group_check(r, "partitions cannot be assigned", rd_kafka_incremental_assign(r->client.rk, partitions));
		return;
	}
	code = rd_kafka_assign(r->client.rk, partitions);
	if (code)
		group_complain(r, "partitions cannot be assigned", rd_kafka_err2str(code));
}

static void group_unassign(struct kafka_reader *r, const rd_kafka_topic_partition_list_t *partitions)
{
	rd_kafka_resp_err_t code;

	if (kafka_group_cooperative(r)) {
		group_check(
		    r, "partitions cannot be given back", rd_kafka_incremental_unassign(r->client.rk, partitions));
		return;
	}
	code = rd_kafka_assign(r->client.rk, NULL);
	if (code)
		group_complain(r, "partitions cannot be given back", rd_kafka_err2str(code));
}

/* Closing: whatever comes is granted, nothing is read of it any more. */
static void group_answer(struct kafka_reader *r, bool assign, const rd_kafka_topic_partition_list_t *partitions)
{
	if (assign) {
		group_assign(r, partitions);
		r->assigned_once = true;
	} else {
		group_unassign(r, partitions);
	}
}

/* Inside the library's poll: only noted down.  It waits until it is told that the change is made, and goes on with
 * its heartbeats meanwhile; only when the partitions are lost already it may come with the next change before. */
void kafka_group_changed(
    rd_kafka_t *rk, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *partitions, void *reader)
{
	struct kafka_reader *r = reader;
	struct kafka_rebalance *op;

	if (r->client.kafka->closing) {
		group_answer(r, code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS, partitions);
		return;
	}
	op = mem_new(sizeof(*op));
	op->partitions = rd_kafka_topic_partition_list_copy(partitions);
	op->assign = code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
	op->lost = !op->assign && (rd_kafka_assignment_lost(rk) || code != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS);
	*r->rebalance_end = op;
	r->rebalance_end = &op->next;
}

static void group_pop(struct kafka_reader *r)
{
	struct kafka_rebalance *op = r->rebalance;

	r->rebalance = op->next;
	if (r->rebalance == NULL)
		r->rebalance_end = &r->rebalance;
	rd_kafka_topic_partition_list_destroy(op->partitions);
	free(op);
}

void kafka_group_end(struct kafka_reader *r)
{
	while (r->rebalance) {
		group_answer(r, r->rebalance->assign, r->rebalance->partitions);
		group_pop(r);
	}
}

void kafka_group_forget(struct kafka_reader *r)
{
	while (r->rebalance)
		group_pop(r);
}

static void group_say(const struct kafka_reader *r, const struct kafka_rebalance *op, const char *what)
{
	struct buf names = { 0 };

	for (int i = 0; i < op->partitions->cnt && i < NAMED_MAX; i++)
		buf_printf(&names, " %s/%d", op->partitions->elems[i].topic, op->partitions->elems[i].partition);
	if (op->partitions->cnt > NAMED_MAX)
		buf_text(&names, " ...");
	log_info(KAFKA_SCOPE, "%s: %d partitions %s%s%.*s", r->client.kafka->base.name, op->partitions->cnt, what,
	    names.n ? ":" : "", (int)names.n, names.p ? names.p : "");
	buf_free(&names);
}

static struct kafka_partition *group_partition(const struct kafka_reader *r, const rd_kafka_topic_partition_t *at)
{
	return kafka_partition_find(r->client.kafka, at->topic, at->partition);
}

/* --- partitions that come --- */

static void group_ask(struct kafka_reader *r, struct kafka_rebalance *op)
{
	if (kafka_ask(r, ASK_COMMITTED, op->partitions)) {
		op->tries++;
		op->step = REBALANCE_READING;
	} else if (!r->client.helper) {
		op->tries++;
		op->deadline = loop_now(r->client.kafka->base.loop) + READ_PAUSE_MS;
	} /* else one is under way; it wakes us when it is through */
}

static void group_forward(struct kafka_reader *r, const struct kafka_partition *p)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_get_partition(r->client.rk, p->name, p->number);

	if (queue == NULL)
		return; /* its messages then come as strays and are read again */
	rd_kafka_queue_forward(queue, r->data);
	rd_kafka_queue_destroy(queue);
}

/* Where a partition begins of which nothing is committed.  initialOffset speaks of groups that are new; if there was
 * a commit of its topic the group is not, and the partition is: added to its topic, or made anew with it. */
static int64_t group_beginning(const struct kafka *k, const char *topic)
{
	if (k->rows.initial_offset == KAFKA_OLDEST)
		return RD_KAFKA_OFFSET_BEGINNING;
	for (unsigned i = 0; i < k->n_partitions; i++)
		if (k->partitions[i]->kept && strcmp(k->partitions[i]->name, topic) == 0)
			return RD_KAFKA_OFFSET_BEGINNING;
	return RD_KAFKA_OFFSET_END;
}

/* Without a committed offset the window opens at the first message, or at the end of what there is. */
static void group_take(
    struct kafka_reader *r, rd_kafka_topic_partition_t *at, const rd_kafka_topic_partition_t *committed)
{
	struct kafka *k = r->client.kafka;
	struct kafka_partition *p = kafka_partition_make(k, at->topic, at->partition);
	bool known = committed && committed->err == RD_KAFKA_RESP_ERR_NO_ERROR;

	kafka_partition_lost(p);
	p->assigned = true;
	p->position = p->committed = p->end = -1;
	if (known && committed->offset >= 0) {
		at->offset = committed->offset;
		kafka_partition_open(
		    k, p, committed->offset, (struct slice){ committed->metadata, committed->metadata_size });
		p->committed = committed->offset;
	} else {
		at->offset = known ? group_beginning(k, at->topic) : RD_KAFKA_OFFSET_INVALID;
	}
	p->start = at->offset;
	group_forward(r, p);
	kafka_topic_down(k, p->name, NULL);
}

/* Only now: partitions that come together are no news to each other. */
static void group_note_kept(const struct kafka *k)
{
	for (unsigned i = 0; i < k->n_partitions && !k->peek; i++)
		if (k->partitions[i]->committed >= 0)
			k->partitions[i]->kept = true;
}

/* What a refused commit left undone of partitions that stayed. */
static void group_commit_again(struct kafka *k)
{
	for (unsigned i = 0; i < k->n_partitions; i++) {
		struct kafka_partition *p = k->partitions[i];

		if (p->assigned && !p->sent && p->position >= 0 && p->position != p->committed)
			p->dirty = true;
	}
}

/* `committed` NULL: it could not be read; the library then begins at the committed offsets by itself, and the notes
 * are lost. */
static void group_assigned(struct kafka_reader *r, const rd_kafka_topic_partition_list_t *committed)
{
	struct kafka_rebalance *op = r->rebalance;

	for (int i = 0; i < op->partitions->cnt; i++) {
		rd_kafka_topic_partition_t *at = &op->partitions->elems[i];

		group_take(
		    r, at, committed ? rd_kafka_topic_partition_list_find(committed, at->topic, at->partition) : NULL);
	}
	group_note_kept(r->client.kafka);
	r->last = NULL;
	r->assigned_once = true;
	group_say(r, op, "assigned");
	group_assign(r, op->partitions);
	group_commit_again(r->client.kafka);
	connector_count(&r->client.kafka->base, FACT_REBALANCE);
	kafka_client_heard(&r->client);
	group_pop(r);
}

void kafka_group_committed(struct kafka_reader *r, struct kafka_asking *a)
{
	struct kafka_rebalance *op = r->rebalance;

	if (op == NULL || op->step != REBALANCE_READING)
		return; /* overtaken */
	if (a->code == RD_KAFKA_RESP_ERR_NO_ERROR) {
		group_assigned(r, a->partitions);
		return;
	}
	group_complain(r, "what the group committed cannot be read", rd_kafka_err2str(a->code));
	op->step = REBALANCE_WAITING;
	op->deadline = loop_now(r->client.kafka->base.loop) + READ_PAUSE_MS;
}

/* true: done, false: waits for the answer. */
static bool group_step_assign(struct kafka_reader *r, struct kafka_rebalance *op)
{
	bool overtaken = op->next != NULL;

	if (op->partitions->cnt == 0 || overtaken || (op->step == REBALANCE_WAITING && op->tries >= READ_TRIES)) {
		group_assigned(r, NULL);
		return true;
	}
	if (op->step == REBALANCE_WAITING && loop_now(r->client.kafka->base.loop) >= op->deadline)
		group_ask(r, op);
	return false;
}

/* --- partitions that go --- */

/* The window is valid for the last time: what the last commit says of it is kept. */
static void group_released(struct connector *c, struct window *w)
{
	struct kafka *k = kafka_of(c);
	struct kafka_partition *p = kafka_partition_of(k, w);
	struct kafka_rebalance *op = k->reader ? k->reader->rebalance : NULL;
	char note[KAFKA_NOTE_MAX];
	size_t n;

	assert(p);
	kafka_commit_advance(p);
	n = window_note(w, note, sizeof(note));
	free(p->last_note);
	p->last_note = mem_slice((struct slice){ note, n });
	kafka_partition_drop(p);
	if (op == NULL || op->step != REBALANCE_RELEASING)
		return;
	op->releasing--;
	kafka_group_step(k->reader);
}

static void group_revoke_begin(struct kafka_reader *r, struct kafka_rebalance *op)
{
	struct kafka *k = r->client.kafka;
	int64_t patience = k->rows.max_poll_ms / 4 * 3;

	op->step = REBALANCE_RELEASING;
	op->deadline = loop_now(k->base.loop) + (k->rows.revoke_ms < patience ? k->rows.revoke_ms : patience);
	group_say(r, op, op->lost ? "lost" : "revoked");
	connector_count(&k->base, FACT_REBALANCE);
	for (int i = 0; i < op->partitions->cnt; i++) {
		struct kafka_partition *p = group_partition(r, &op->partitions->elems[i]);

		if (p == NULL || !p->assigned)
			continue;
		p->revoking = true;
		kafka_source_purge(r, p);
		if (p->window && !op->lost) {
			op->releasing++;
			window_revoke(p->window, op->deadline, group_released);
		}
	}
}

static bool group_owes(const struct kafka_reader *r, const struct kafka_rebalance *op)
{
	for (int i = 0; i < op->partitions->cnt; i++) {
		const struct kafka_partition *p = group_partition(r, &op->partitions->elems[i]);

		if (p && kafka_commit_owed(p))
			return true;
	}
	return false;
}

static void group_revoked(struct kafka_reader *r)
{
	struct kafka_rebalance *op = r->rebalance;

	for (int i = 0; i < op->partitions->cnt; i++) {
		struct kafka_partition *p = group_partition(r, &op->partitions->elems[i]);

		if (p == NULL || !p->assigned)
			continue;
		kafka_source_unpause(r, p); /* the library would keep it paused when it comes back */
		kafka_partition_lost(p);
	}
	r->last = NULL;
	group_unassign(r, op->partitions);
	group_pop(r);
}

static bool group_step_revoke(struct kafka_reader *r, struct kafka_rebalance *op)
{
	int64_t now = loop_now(r->client.kafka->base.loop);

	if (op->step == REBALANCE_WAITING)
		group_revoke_begin(r, op);
	if (!op->lost && rd_kafka_assignment_lost(r->client.rk)) {
		op->lost = true;
		op->releasing = 0;
	}
	if (op->step == REBALANCE_RELEASING && op->releasing == 0) {
		op->step = REBALANCE_COMMITTING;
		op->deadline = now + COMMIT_WAIT_MS;
	}
	if (op->step == REBALANCE_COMMITTING && !op->lost && group_owes(r, op) && now < op->deadline)
		kafka_commit_send(r);
	if (op->step != REBALANCE_COMMITTING || (!op->lost && group_owes(r, op) && now < op->deadline))
		return false;
	group_revoked(r);
	return true;
}

void kafka_group_step(struct kafka_reader *r)
{
	kafka_ask_step(r);
	while (r->rebalance) {
		struct kafka_rebalance *op = r->rebalance;

		if (op->assign ? !group_step_assign(r, op) : !group_step_revoke(r, op))
			return;
	}
}
