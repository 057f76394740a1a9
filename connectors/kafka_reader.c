/* The reading half's client: from the first subscription until it has left the group. */
#include <stdio.h>
#include <string.h>
#include "connectors/kafka.h"

enum {
	CLOSE_MS = 3500, /* to leave the group; then it ends without */
	CLOSE_LOOK_MS = 50
};

static void reader_bury(struct kafka *k)
{
	struct kafka_reader *r = k->reader;

	k->reader = NULL;
	timer_stop(k->base.loop, &r->tick);
	timer_stop(k->base.loop, &r->kick);
	loop_undefer(k->base.loop, &r->more);
	kafka_source_purge(r, NULL);
	kafka_group_forget(r);
	if (r->due)
		rd_kafka_topic_partition_list_destroy(r->due);
	rd_kafka_queue_destroy(r->data);
	if (r->closing)
		rd_kafka_queue_destroy(r->closing);
	free(r->headers);
	free(r->topics);
	buf_free(&r->text);
	kafka_client_bury(&r->client);
}

/* The library gave the client up for good.  What is in flight goes on; its events come again to the next client. */
static void reader_fatal(struct kafka_reader *r)
{
	struct kafka *k = r->client.kafka;
	struct error err;

	error_set(&err, ERR_IO, "the client cannot go on: %s; opening a new one", r->client.reason);
	for (unsigned i = 0; i < k->n_partitions; i++)
		if (k->partitions[i]->assigned)
			kafka_partition_lost(k->partitions[i]);
	reader_bury(k);
	k->fatal_at = loop_now(k->base.loop);
	k->told = KAFKA_DOWN;
	connector_down(&k->base, &err);
}

static void reader_close_step(struct kafka_reader *r)
{
	struct kafka *k = r->client.kafka;

	rd_kafka_queue_poll_callback(r->closing, 0);
	if (rd_kafka_consumer_closed(r->client.rk) || loop_now(k->base.loop) >= r->close_deadline) {
		reader_bury(k);
		return;
	}
	kafka_client_serve(&r->client);
}

static void reader_close_begin(struct kafka_reader *r)
{
	rd_kafka_error_t *failed;

	r->closing = rd_kafka_queue_new(r->client.rk);
	kafka_client_listen(&r->client, r->closing);
	failed = rd_kafka_consumer_close_queue(r->client.rk, r->closing);
	if (failed) {
		rd_kafka_error_destroy(failed);
		reader_bury(r->client.kafka);
		return;
	}
	reader_close_step(r);
}

/*
 * This version of the library aborts the process when a cooperative member is closed before its first assignment.
 * So that is waited for; when it does not come in time, the client is left as it is: the process is about to end.
 */
static bool reader_may_close(const struct kafka_reader *r)
{
	return r->assigned_once || r->client.kafka->rows.strategy < KAFKA_STICKY || r->topics == NULL;
}

static void reader_abandon(struct kafka_reader *r)
{
	struct kafka *k = r->client.kafka;
	rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(r->client.rk);

	log_info(KAFKA_SCOPE, "%s: ends without leaving the group: it was never let in", k->base.name);
	timer_stop(k->base.loop, &r->tick);
	timer_stop(k->base.loop, &r->kick);
	timer_stop(k->base.loop, &r->client.probe);
	loop_undefer(k->base.loop, &r->more);
	rd_kafka_queue_cb_event_enable(queue, NULL, NULL);
	rd_kafka_queue_destroy(queue);
	rd_kafka_queue_cb_event_enable(r->data, NULL, NULL);
	rd_kafka_queue_cb_event_enable(r->client.events, NULL, NULL);
	wake_free(r->client.wake);
	r->client.buried = true;
	kafka_token_end(r->client.token);
	k->reader = NULL;
}

static void reader_serve(struct kafka_reader *r)
{
	rd_kafka_message_t *m;

	while ((m = rd_kafka_consumer_poll(r->client.rk, 0)) != NULL) {
		if (m->err == RD_KAFKA_RESP_ERR__FATAL)
			kafka_client_fatal(&r->client);
		else if (m->err)
			kafka_source_error(r, m);
		else
			kafka_source_stray(r, m);
		rd_kafka_message_destroy(m);
	}
	kafka_client_serve(&r->client);
}

static void reader_turn(void *arg)
{
	struct kafka_reader *r = arg;
	struct kafka *k = r->client.kafka;

	if (r->client.buried)
		return;
	if (r->closing) {
		reader_close_step(r);
		return;
	}
	reader_serve(r);
	if (r->client.fatal) {
		reader_fatal(r);
		return;
	}
	kafka_group_step(r);
	if (k->closing && reader_may_close(r))
		reader_close_begin(r);
	else
		kafka_source_pull(r);
}

static void reader_tick(void *arg)
{
	struct kafka_reader *r = arg;
	struct kafka *k = r->client.kafka;
	bool leaving = r->closing || k->closing;

	timer_set(k->base.loop, &r->tick, leaving ? CLOSE_LOOK_MS : KAFKA_TICK_MS, reader_tick, r);
	if (!leaving) {
		kafka_commit_send(r);
		kafka_lag_tell(k);
	} else if (r->closing == NULL && loop_now(k->base.loop) >= r->close_deadline) {
		reader_abandon(r);
		kafka_close_end(k);
		return;
	}
	reader_turn(r);
	if (k->closing)
		kafka_close_end(k);
}

static void reader_more(void *arg)
{
	kafka_source_pull(arg);
}

static void reader_answered(struct kafka_client *c, rd_kafka_event_t *event)
{
	if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_OFFSET_COMMIT)
		kafka_commit_answered((struct kafka_reader *)c, event);
}

static void reader_ended(struct kafka_client *c)
{
	struct kafka_reader *r = (struct kafka_reader *)c;

	if (c->helper)
		rd_kafka_topic_partition_list_destroy(r->asking.partitions);
}

int kafka_reader_open(struct kafka *k, struct error *err)
{
	struct kafka_reader *r;
	rd_kafka_conf_t *conf = kafka_conf_reader(k, err);
	rd_kafka_queue_t *queue;

	if (conf == NULL)
		return -1;
	r = mem_new(sizeof(*r));
	r->client.kafka = k;
	kafka_join_watch(conf, r);
	if (kafka_client_open(&r->client, k, RD_KAFKA_CONSUMER, conf, reader_turn, r, err) < 0) {
		free(r);
		return -1;
	}
	r->client.answered = reader_answered;
	r->client.ended = reader_ended;
	r->rebalance_end = &r->rebalance;
	r->more = (struct later){ .fn = reader_more, .arg = r };
	rd_kafka_poll_set_consumer(r->client.rk);
	queue = rd_kafka_queue_get_consumer(r->client.rk);
	kafka_client_listen(&r->client, queue);
	rd_kafka_queue_destroy(queue);
	r->data = rd_kafka_queue_new(r->client.rk);
	kafka_client_listen(&r->client, r->data);
	timer_set(k->base.loop, &r->tick, KAFKA_TICK_MS, reader_tick, r);
	k->reader = r;
	kafka_client_connect(&r->client);
	return 0;
}

/* Every topic and pattern once, in the order in which they are wanted. */
static rd_kafka_topic_partition_list_t *reader_topics(const struct kafka *k, struct buf *text)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);

	for (unsigned i = 0; i < k->n_wishes; i++)
		for (unsigned j = 0; j < k->wishes[i].n_patterns; j++) {
			const char *name = k->wishes[i].patterns[j].text;

			if (rd_kafka_topic_partition_list_find(list, name, RD_KAFKA_PARTITION_UA))
				continue;
			rd_kafka_topic_partition_list_add(list, name, RD_KAFKA_PARTITION_UA);
			buf_printf(text, "%s%s", text->n ? "," : "", name);
		}
	return list;
}

int kafka_reader_subscribe(struct kafka *k, struct error *err)
{
	struct kafka_reader *r = k->reader;
	struct buf text = { 0 };
	rd_kafka_topic_partition_list_t *list = reader_topics(k, &text);
	char *topics = mem_slice((struct slice){ text.p ? text.p : "", text.n });
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;

	buf_free(&text);
	if (r->topics == NULL || strcmp(r->topics, topics) != 0) {
		code = list->cnt ? rd_kafka_subscribe(r->client.rk, list) : rd_kafka_unsubscribe(r->client.rk);
		if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
			log_info(
			    KAFKA_SCOPE, "%s: group %s reads %s", k->base.name, k->group, *topics ? topics : "nothing");
	}
	rd_kafka_topic_partition_list_destroy(list);
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
		free(r->topics);
		r->topics = topics;
		return 0;
	}
	error_set(err, ERR_CONFIG, "cannot subscribe to %s: %s", topics, rd_kafka_err2str(code));
	free(topics);
	return -1;
}

void kafka_reader_close(struct kafka *k)
{
	struct kafka_reader *r = k->reader;

	if (r == NULL)
		return;
	r->stopped = true;
	r->close_deadline = loop_now(k->base.loop) + CLOSE_MS;
	kafka_source_purge(r, NULL);
	kafka_group_end(r);
	timer_set(k->base.loop, &r->tick, CLOSE_LOOK_MS, reader_tick, r);
	if (reader_may_close(r))
		reader_close_begin(r);
}
