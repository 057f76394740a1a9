/* A small Kafka without Java: librdkafka's mock cluster as a process, told on standard input what to do. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

/*
 * Usage: mock_kafka [--topic NAME[:PARTITIONS]]... [--brokers N] [--ledger FILE]
 * First line out: "bootstrap HOST:PORT[,…]".  Then one command a line on standard input:
 *	produce TOPIC COUNT RATE	events {"id":"N",…}, RATE a second, 0: at once; "produced N failed N"
 *	error APIKEY CODE COUNT		the next COUNT requests of that kind get that error (Kafka's numbers)
 *	rtt BROKER MS | down BROKER | up BROKER | leader TOPIC PARTITION BROKER
 * Every other command is answered "ok" or "error WHY".  A confirmed event's id goes to the ledger, one a line.  End of
 * input or SIGTERM ends it.  The cluster keeps the newest 5 MiB of a partition and drops what is older.
 */
struct mock {
	rd_kafka_t *producer;
	rd_kafka_mock_cluster_t *cluster;
	int ledger; /* -1: none */
	uint64_t next, confirmed, failed;
};

struct topic_arg {
	const char *name;
	int partitions;
};

enum { TOPICS_MAX = 16, ERRORS_MAX = 64, LINE_MAX_BYTES = 512, EVENT_MAX = 256 };

struct arguments {
	struct topic_arg topics[TOPICS_MAX];
	unsigned n_topics;
	int brokers;
	const char *ledger;
};

static _Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static _Noreturn void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("mock_kafka: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int number(const char *text, const char *what, int min, int max)
{
	char *end;
	long n;

	errno = 0;
	n = text ? strtol(text, &end, 10) : 0;
	if (!text || errno || end == text || *end || n < min || n > max)
		die("%s: expected a number from %d to %d, got %s", what, min, max, text ? text : "nothing");
	return (int)n;
}

/* --- producing --- */

static void mock_confirmed(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	struct mock *mock = opaque;
	char line[32];
	int n;

	(void)rk;
	if (m->err) {
		mock->failed++;
		return;
	}
	mock->confirmed++;
	if (mock->ledger < 0)
		return;
	n = snprintf(line, sizeof(line), "%zu\n", (size_t)m->_private);
	if (write(mock->ledger, line, n) != n)
		die("the ledger cannot be written: %s", strerror(errno));
}

static void mock_event(struct mock *mock, const char *topic)
{
	uint64_t id = ++mock->next;
	char event[EVENT_MAX], key[24];
	int n = snprintf(event, sizeof(event), "{\"id\":\"%ju\",\"customer\":\"customer-%ju\",\"amount\":%ju}",
	    (uintmax_t)id, (uintmax_t)(id % 1000), (uintmax_t)(id * 7919 % 10000));
	int key_n = snprintf(key, sizeof(key), "customer-%ju", (uintmax_t)(id % 1000));
	rd_kafka_resp_err_t err;

	for (;;) {
		err = rd_kafka_producev(mock->producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_VALUE(event, (size_t)n),
		    RD_KAFKA_V_KEY(key, (size_t)key_n), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
		    RD_KAFKA_V_OPAQUE((void *)(uintptr_t)id), RD_KAFKA_V_END);
		if (err != RD_KAFKA_RESP_ERR__QUEUE_FULL)
			break;
		rd_kafka_poll(mock->producer, 10);
	}
	if (err)
		die("produce to %s: %s", topic, rd_kafka_err2str(err));
}

static void mock_produce(struct mock *mock, const char *topic, int count, int rate)
{
	int64_t start = now_us(), due;
	int sent = 0;

	while (sent < count) {
		due = rate ? (now_us() - start) * rate / 1000000 + 1 : count;
		for (; sent < count && sent < due; sent++)
			mock_event(mock, topic);
		rd_kafka_poll(mock->producer, rate ? 2 : 0);
	}
	rd_kafka_flush(mock->producer, 60000);
	printf("produced %ju failed %ju\n", (uintmax_t)mock->confirmed, (uintmax_t)mock->failed);
}

/* --- commands --- */

static void mock_errors(struct mock *mock, int16_t api, rd_kafka_resp_err_t code, int count)
{
	rd_kafka_resp_err_t codes[ERRORS_MAX];
	int i;

	for (i = 0; i < count; i++)
		codes[i] = code;
	rd_kafka_mock_push_request_errors_array(mock->cluster, api, (size_t)count, codes);
}

static bool mock_hurt(struct mock *mock, char **word)
{
	rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;

	if (!strcmp(word[0], "error"))
		mock_errors(mock, (int16_t)number(word[1], "error APIKEY", 0, 100),
		    number(word[2], "error CODE", -200, 120), number(word[3], "error COUNT", 1, ERRORS_MAX));
	else if (!strcmp(word[0], "rtt"))
		err = rd_kafka_mock_broker_set_rtt(
		    mock->cluster, number(word[1], "rtt BROKER", 1, 100), number(word[2], "rtt MS", 0, 60000));
	else if (!strcmp(word[0], "down"))
		err = rd_kafka_mock_broker_set_down(mock->cluster, number(word[1], "down BROKER", 1, 100));
	else if (!strcmp(word[0], "up"))
		err = rd_kafka_mock_broker_set_up(mock->cluster, number(word[1], "up BROKER", 1, 100));
	else if (!strcmp(word[0], "leader") && word[1])
		err = rd_kafka_mock_partition_set_leader(mock->cluster, word[1],
		    number(word[2], "leader PARTITION", 0, 10000), number(word[3], "leader BROKER", -1, 100));
	else
		return false;
	if (err)
		printf("error %s\n", rd_kafka_err2str(err));
	else
		puts("ok");
	return true;
}

static void mock_command(struct mock *mock, char *line)
{
	char *word[5] = { NULL }, *rest = line;
	unsigned n = 0;

	while (n < 4 && (word[n] = strtok_r(rest, " \t\n", &rest)))
		n++;
	if (n == 0)
		return;
	if (!strcmp(word[0], "produce") && word[1])
		mock_produce(mock, word[1], number(word[2], "produce COUNT", 1, INT32_MAX),
		    number(word[3], "produce RATE", 0, INT32_MAX));
	else if (!mock_hurt(mock, word))
		printf("error no such command: %s; there are produce, error, rtt, down, up, leader\n", word[0]);
}

/* --- life --- */

static void mock_open(struct mock *mock, const struct arguments *args)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[256], brokers[16];
	unsigned i;

	snprintf(brokers, sizeof(brokers), "%d", args->brokers);
	if (rd_kafka_conf_set(conf, "test.mock.num.brokers", brokers, why, sizeof(why)) ||
	    rd_kafka_conf_set(conf, "linger.ms", "50", why, sizeof(why)) ||
	    rd_kafka_conf_set(conf, "log_level", "2", why, sizeof(why)))
		die("%s", why);
	rd_kafka_conf_set_dr_msg_cb(conf, mock_confirmed);
	rd_kafka_conf_set_opaque(conf, mock);
	mock->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	if (!mock->producer)
		die("%s", why);
	mock->cluster = rd_kafka_handle_mock_cluster(mock->producer);
	mock->ledger = args->ledger ? open(args->ledger, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : -1;
	if (args->ledger && mock->ledger < 0)
		die("--ledger %s: %s", args->ledger, strerror(errno));
	for (i = 0; i < args->n_topics; i++)
		if (rd_kafka_mock_topic_create(mock->cluster, args->topics[i].name, args->topics[i].partitions, 1))
			die("--topic %s: it cannot be created", args->topics[i].name);
	printf("bootstrap %s\n", rd_kafka_mock_cluster_bootstraps(mock->cluster));
}

static void arguments_topic(struct arguments *args, char *text)
{
	char *colon = strchr(text, ':');

	if (args->n_topics == TOPICS_MAX)
		die("--topic: at most %d", TOPICS_MAX);
	if (colon)
		*colon++ = '\0';
	args->topics[args->n_topics].name = text;
	args->topics[args->n_topics++].partitions = colon ? number(colon, "--topic NAME:PARTITIONS", 1, 1000) : 4;
}

static void arguments_parse(struct arguments *args, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i += 2) {
		if (i + 1 == argc)
			die("%s: expected a value", argv[i]);
		if (!strcmp(argv[i], "--topic"))
			arguments_topic(args, argv[i + 1]);
		else if (!strcmp(argv[i], "--brokers"))
			args->brokers = number(argv[i + 1], "--brokers", 1, 9);
		else if (!strcmp(argv[i], "--ledger"))
			args->ledger = argv[i + 1];
		else
			die("%s: expected --topic NAME[:PARTITIONS], --brokers N or --ledger FILE", argv[i]);
	}
}

int main(int argc, char **argv)
{
	struct arguments args = { .brokers = 1 };
	struct mock mock = { .ledger = -1 };
	char line[LINE_MAX_BYTES];

	setvbuf(stdout, NULL, _IOLBF, 0);
	arguments_parse(&args, argc, argv);
	mock_open(&mock, &args);
	while (fgets(line, sizeof(line), stdin))
		mock_command(&mock, line);
	rd_kafka_destroy(mock.producer);
	if (mock.ledger >= 0)
		close(mock.ledger);
	return 0;
}
