/* When the group joins anew: the one moment at which a commit must not be sent. */
#include "connectors/kafka.h"

enum { REQUEST_JOIN = 11, REQUEST_SYNC = 14 };

/*
 * A cooperative member goes on reading while its group joins.  A broker answers the requests of one connection in
 * their order, so a commit sent behind the request to join is looked at when the group has a new generation:
 * refused, and the library (2.0.2) then gives up all partitions of the member.  The library does not say that it
 * joins, but it shows its requests.
 */
static rd_kafka_resp_err_t join_sent(rd_kafka_t *rk, int fd, const char *broker, int32_t id, int16_t key,
    int16_t version, int32_t number, size_t size, void *reader)
{
	struct kafka_reader *r = reader;

	(void)rk, (void)fd, (void)broker, (void)id, (void)version, (void)number, (void)size;
	if (key == REQUEST_JOIN)
		atomic_store(&r->joining, true);
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* An answer to the joining itself that is an error is followed by another try, or by the loss of the partitions. */
static rd_kafka_resp_err_t join_answered(rd_kafka_t *rk, int fd, const char *broker, int32_t id, int16_t key,
    int16_t version, int32_t number, size_t size, int64_t rtt, rd_kafka_resp_err_t code, void *reader)
{
	struct kafka_reader *r = reader;

	(void)rk, (void)fd, (void)broker, (void)id, (void)version, (void)number, (void)size, (void)rtt, (void)code;
	if (key == REQUEST_SYNC)
		atomic_store(&r->joining, false);
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t join_client_new(
    rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *reader, char *why, size_t size)
{
	(void)conf, (void)why, (void)size;
	rd_kafka_interceptor_add_on_request_sent(rk, "bridge", join_sent, reader);
	return rd_kafka_interceptor_add_on_response_received(rk, "bridge", join_answered, reader);
}

void kafka_join_watch(rd_kafka_conf_t *conf, struct kafka_reader *r)
{
	if (r->client.kafka->rows.strategy < KAFKA_STICKY)
		return; /* has no partitions while the group joins */
	r->client.watched = true;
	rd_kafka_conf_interceptor_add_on_new(conf, "bridge", join_client_new, r);
}

bool kafka_join_runs(const struct kafka_reader *r)
{
	return atomic_load(&r->joining);
}
