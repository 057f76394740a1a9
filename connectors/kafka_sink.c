/* Writing: each item of a request becomes a message, and is answered when its delivery report says what came of it. */
#include <stdio.h>
#include <string.h>
#include "connectors/kafka.h"
#include "connectors/outgoing.h"

enum { PROPERTIES = 8, WHY_MAX = 300 };

/* As far as one message is made. */
struct record {
	struct slice key;
	int32_t partition;
	rd_kafka_headers_t *headers;
};

/* What an error means for whoever asked, when it is certain that nothing was written. */
static enum verdict writer_verdict(rd_kafka_resp_err_t code)
{
	switch (code) {
	case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
	case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
	case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
	case RD_KAFKA_RESP_ERR_INVALID_RECORD:
	case RD_KAFKA_RESP_ERR_INVALID_MSG:
	case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
	case RD_KAFKA_RESP_ERR__INVALID_ARG: return REJECT;
	default: return RETRY;
	}
}

static void writer_why(char why[WHY_MAX], const char *topic, rd_kafka_resp_err_t code)
{
	switch (code) {
	case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
		snprintf(why, WHY_MAX, "topic %s does not exist at the broker: create it", topic);
		break;
	case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
		snprintf(why, WHY_MAX, "topic %s has no such partition", topic);
		break;
	case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
		snprintf(why, WHY_MAX, "topic %s: not confirmed within messageTimeout", topic);
		break;
	case RD_KAFKA_RESP_ERR__QUEUE_FULL:
		snprintf(why, WHY_MAX, "topic %s: too much waits to be written already", topic);
		break;
	default: snprintf(why, WHY_MAX, "topic %s: %s", topic, rd_kafka_err2str(code));
	}
}

void kafka_writer_delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *writer)
{
	struct kafka_writer *w = writer;
	struct outgoing_item *item = m->_private;
	char why[WHY_MAX];

	(void)rk;
	if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
		kafka_client_heard(&w->client);
		outgoing_answer(item, DONE, NULL, NULL);
		return;
	}
	writer_why(why, rd_kafka_topic_name(m->rkt), m->err);
	if (rd_kafka_message_status(m) == RD_KAFKA_MSG_STATUS_NOT_PERSISTED)
		outgoing_answer(item, writer_verdict(m->err), NULL, why);
	else
		outgoing_answer(item, UNSURE, NULL, why);
}

/* The library gave it up, or it is closed: its reports come no more. */
static void writer_bury(struct kafka *k)
{
	struct kafka_writer *w = k->writer;

	k->writer = NULL;
	for (unsigned i = 0; i < KAFKA_TOPIC_HANDLES && w->topics[i].name; i++) {
		free(w->topics[i].name);
		rd_kafka_topic_destroy(w->topics[i].topic);
	}
	while (w->outgoing)
		outgoing_answer_all(w->outgoing, UNSURE, "the client was closed before the broker confirmed it");
	kafka_client_bury(&w->client);
}

void kafka_writer_close(struct kafka *k)
{
	if (k->writer)
		writer_bury(k);
}

static void writer_turn(void *arg)
{
	struct kafka_writer *w = arg;
	struct kafka *k = w->client.kafka;

	if (w->client.buried)
		return;
	rd_kafka_poll(w->client.rk, 0);
	kafka_client_serve(&w->client);
	if (!w->client.fatal)
		return;
	log_warn(
	    KAFKA_SCOPE, "%s: the writing client cannot go on: %s; opening a new one", k->base.name, w->client.reason);
	writer_bury(k);
	kafka_report(k);
}

static struct kafka_writer *writer_open(struct kafka *k, struct error *err)
{
	rd_kafka_conf_t *conf = kafka_conf_writer(k, err);
	struct kafka_writer *w;
	rd_kafka_queue_t *queue;

	if (conf == NULL)
		return NULL;
	w = mem_new(sizeof(*w));
	if (kafka_client_open(&w->client, k, RD_KAFKA_PRODUCER, conf, writer_turn, w, err) < 0) {
		free(w);
		return NULL;
	}
	queue = rd_kafka_queue_get_main(w->client.rk);
	kafka_client_listen(&w->client, queue);
	rd_kafka_queue_destroy(queue);
	k->writer = w;
	return w;
}

/* A handle keeps what is known of its topic; a few are kept, the oldest makes room. */
static rd_kafka_topic_t *writer_topic(struct kafka_writer *w, struct slice name)
{
	struct kafka_topic_handle *h;
	rd_kafka_topic_t *topic;
	char *text;

	for (unsigned i = 0; i < KAFKA_TOPIC_HANDLES && w->topics[i].name; i++)
		if (slice_is(name, w->topics[i].name))
			return w->topics[i].topic;
	text = mem_slice(name);
	topic = rd_kafka_topic_new(w->client.rk, text, NULL);
	if (topic == NULL) {
		free(text);
		return NULL;
	}
	h = &w->topics[w->next_handle];
	w->next_handle = (w->next_handle + 1) % KAFKA_TOPIC_HANDLES;
	if (h->name) {
		free(h->name);
		rd_kafka_topic_destroy(h->topic);
	}
	*h = (struct kafka_topic_handle){ text, topic };
	return topic;
}

static void record_header(const struct kafka *k, struct record *m, struct header h)
{
	char *name;

	if (h.name.n >= 2 && memcmp(h.name.p, "__", 2) == 0)
		return;
	name = mem_slice(h.name);
	if (!k->excludes || regexec(&k->exclude, name, 0, NULL, 0) != 0)
		rd_kafka_header_add(
		    m->headers, name, (ssize_t)h.name.n, h.value.p ? h.value.p : "", (ssize_t)h.value.n);
	free(name);
}

static bool headers_have(const struct header *headers, unsigned n, const char *name)
{
	for (unsigned i = 0; i < n; i++)
		if (slice_is_nocase(headers[i].name, name))
			return true;
	return false;
}

static void record_headers(const struct kafka *k, struct record *m, const struct request *r, const struct event *e)
{
	m->headers = rd_kafka_headers_new(e->n_headers + r->n_metadata + 1);
	for (unsigned i = 0; i < e->n_headers; i++)
		record_header(k, m, e->headers[i]);
	for (unsigned i = 0; i < r->n_metadata; i++)
		record_header(k, m, r->metadata[i]);
	if (e->content_type.p && !headers_have(e->headers, e->n_headers, "content-type") &&
	    !headers_have(r->metadata, r->n_metadata, "content-type"))
		record_header(k, m, (struct header){ SLICE("content-type"), e->content_type });
}

/* NULL: fine; else what is wrong with it. */
static const char *record_address(struct record *m, const struct request *r, const struct event *e)
{
	struct slice number = request_metadata(r, "partitionNumber");
	uint64_t partition;

	m->key = e->key;
	if (m->key.p == NULL)
		m->key = request_metadata(r, "partitionKey");
	if (m->key.p == NULL)
		m->key = request_metadata(r, "__key");
	m->partition = RD_KAFKA_PARTITION_UA;
	if (number.p == NULL)
		return NULL;
	if (!slice_uint(number, &partition) || partition > INT32_MAX)
		return "partitionNumber: a number of a partition was expected";
	m->partition = (int32_t)partition;
	return NULL;
}

static void writer_send(struct kafka_writer *w, rd_kafka_topic_t *topic, const struct record *m, const struct event *e,
    struct outgoing_item *item)
{
	char why[WHY_MAX];
	rd_kafka_vu_t parts[PROPERTIES];
	rd_kafka_error_t *failed;
	size_t n = 0;

	parts[n++] = (rd_kafka_vu_t){ .vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = topic };
	parts[n++] = (rd_kafka_vu_t){ .vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = m->partition };
	parts[n++] =
	    (rd_kafka_vu_t){ .vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = { (void *)(uintptr_t)e->data.p, e->data.n } };
	parts[n++] = (rd_kafka_vu_t){ .vtype = RD_KAFKA_VTYPE_KEY, .u.mem = { (void *)(uintptr_t)m->key.p, m->key.n } };
	parts[n++] = (rd_kafka_vu_t){ .vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY };
	parts[n++] = (rd_kafka_vu_t){ .vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = item };
	parts[n++] = (rd_kafka_vu_t){ .vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = m->headers };
	failed = rd_kafka_produceva(w->client.rk, parts, n);
	if (failed == NULL)
		return;
	rd_kafka_headers_destroy(m->headers); /* ours again when it was not taken */
	writer_why(why, rd_kafka_topic_name(topic), rd_kafka_error_code(failed));
	outgoing_answer(item,
	    m->partition >= 0 && rd_kafka_error_code(failed) == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION
		? REJECT
		: writer_verdict(rd_kafka_error_code(failed)),
	    NULL, why);
	rd_kafka_error_destroy(failed);
}

void kafka_send(struct connector *c, struct request *r)
{
	struct kafka *k = kafka_of(c);
	struct slice name = r->topic.n ? r->topic : slice_text(k->rows.publish_topic);
	struct error err = { .code = ERR_NONE };
	rd_kafka_topic_t *topic;
	struct outgoing *o;
	unsigned n = r->n;

	r->mine = NULL;
	if (!slice_is(r->operation, "create") && !slice_is(r->operation, "publish")) {
		request_refuse(r, REJECT, "no such operation; supported operations: create, publish");
		return;
	}
	if (name.n == 0) {
		request_refuse(r, REJECT, "no topic: the request names none and publishTopic is not set");
		return;
	}
	if (k->writer == NULL && writer_open(k, &err) == NULL) {
		request_refuse(r, RETRY, err.text);
		return;
	}
	topic = writer_topic(k->writer, name);
	if (topic == NULL) {
		request_refuse(r, REJECT, "the topic's name is not one a broker takes");
		return;
	}
	o = outgoing_new(&k->writer->outgoing, r);
	for (unsigned i = 0; i < n; i++) {
		struct record m;
		const char *wrong = record_address(&m, r, r->events[i]);

		if (wrong) {
			outgoing_answer(&o->items[i], REJECT, NULL, wrong);
			continue;
		}
		record_headers(k, &m, r, r->events[i]);
		writer_send(k->writer, topic, &m, r->events[i], &o->items[i]);
	}
}

void kafka_forget(struct connector *c, struct request *r)
{
	(void)c;
	outgoing_forget(r);
}
