/* Writing to Redis against a scripted server: the commands, what each reply means, requests around a connection. */
/* links: peer.c redis_peer.c fake_any_core.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "connectors/connectors.h"
#include "tests/unit/fake_any_core.h"
#include "tests/unit/redis_peer.h"

static struct loop *loop;
static struct redis_peer server;

/* One request with one item, and its answer. */
struct asking {
	struct request request;
	struct event event;
	const struct event *events[1];
	struct header metadata[4];
	unsigned answered;
	enum verdict verdict;
	char why[200], data[100];
	bool has_data;
};

static void answered(struct request *r, unsigned i, enum verdict verdict, const struct answer *answer, const char *why)
{
	struct asking *a = r->asker;

	(void)i;
	a->answered++;
	a->verdict = verdict;
	snprintf(a->why, sizeof(a->why), "%s", why ? why : "");
	a->has_data = answer != NULL;
	if (answer)
		snprintf(a->data, sizeof(a->data), "%.*s", (int)answer->data.n, answer->data.p);
}

/* metadata: "name", "value", …, NULL */
static void ask_for(struct asking *a, const char *operation, const char *topic, const char *const *metadata)
{
	*a = (struct asking){ .request = { .operation = slice_text(operation),
				  .topic = slice_text(topic),
				  .n = 1,
				  .answered = answered } };
	a->event.data = SLICE("payload");
	a->events[0] = &a->event;
	a->request.events = a->events;
	a->request.metadata = a->metadata;
	a->request.asker = a;
	for (; metadata && metadata[0]; metadata += 2)
		a->metadata[a->request.n_metadata++] =
		    (struct header){ slice_text(metadata[0]), slice_text(metadata[1]) };
	redis_class.send(any_core.connector, &a->request);
}

#define ASK(a, operation, topic, ...) ask_for(a, operation, topic, (const char *const[]){ __VA_ARGS__, NULL })

static void scene_open(const char *row, const char *value)
{
	loop = loop_for_test();
	redis_peer_open(&server, loop);
	any_core_open(loop, &redis_class, (const char *const[]){ "redisHost", server.host, row, value, NULL });
}

static void scene_close(void)
{
	any_core_close();
	redis_peer_close(&server);
	loop_free(loop);
}

static void publishing_writes_daprs_two_fields(void **state)
{
	struct asking a;

	(void)state;
	scene_open("maxLenApprox", "500");
	UNTIL(loop, any_core.n_up);
	redis_peer_rule(&server, "XADD", "$3\r\n1-0\r\n", 0);
	ASK(&a, "publish", "s", "ten\"ant", "bl\xc3\xbc");
	UNTIL(loop, a.answered);
	assert_int_equal(a.verdict, DONE);
	assert_true(redis_peer_was_told(
	    &server, "XADD s MAXLEN ~ 500 * data payload metadata {\"ten\\\"ant\":\"bl\xc3\xbc\"}\n"));
	ask_for(&a, "publish", "s", NULL);
	UNTIL(loop, a.answered);
	assert_true(redis_peer_was_told(&server, "XADD s MAXLEN ~ 500 * data payload\n"));
	scene_close();
}

static void operations_on_keys_are_daprs(void **state)
{
	struct asking a;

	(void)state;
	scene_open("redisDB", "0");
	UNTIL(loop, any_core.n_up);
	ASK(&a, "create", NULL, "key", "k", "ttlInSeconds", "7");
	UNTIL(loop, a.answered);
	assert_true(redis_peer_was_told(&server, "SET k payload EX 7\n") && !a.has_data);
	redis_peer_rule(&server, "GET k", "$2\r\nhi\r\n", 1);
	ASK(&a, "get", NULL, "key", "k");
	UNTIL(loop, a.answered);
	assert_string_equal(a.data, "hi");
	redis_peer_rule(&server, "GETDEL k", "$-1\r\n", 1);
	ASK(&a, "get", NULL, "key", "k", "delete", "true");
	UNTIL(loop, a.answered);
	assert_true(a.verdict == DONE && a.has_data && *a.data == '\0');
	redis_peer_rule(&server, "DEL k", ":1\r\n", 1);
	ASK(&a, "delete", NULL, "key", "k");
	UNTIL(loop, a.answered);
	assert_int_equal(a.verdict, DONE);
	redis_peer_rule(&server, "INCR n", ":42\r\n", 1);
	ASK(&a, "increment", NULL, "key", "n", "ttl", "9");
	UNTIL(loop, a.answered && redis_peer_was_told(&server, "EXPIRE n 9\n"));
	assert_string_equal(a.data, "42");
	scene_close();
}

static void what_is_missing_is_said(void **state)
{
	struct asking a;

	(void)state;
	scene_open("redisDB", "0");
	UNTIL(loop, any_core.n_up);
	ask_for(&a, "get", NULL, NULL);
	assert_true(a.verdict == REJECT && strstr(a.why, "key"));
	ask_for(&a, "create", NULL, NULL);
	assert_true(a.verdict == REJECT && strstr(a.why, "key"));
	ask_for(&a, "publish", NULL, NULL);
	assert_true(a.verdict == REJECT && strstr(a.why, "topic"));
	ask_for(&a, "list", NULL, NULL);
	assert_true(a.verdict == REJECT && strstr(a.why, "supported operations"));
	ASK(&a, "create", NULL, "key", "k", "ttlInSeconds", "soon");
	assert_true(a.verdict == REJECT && strstr(a.why, "ttlInSeconds"));
	scene_close();
}

static void errors_that_may_pass_are_tried_again_and_others_never(void **state)
{
	static const struct {
		const char *reply;
		enum verdict verdict;
	} cases[] = { { "-OOM command not allowed\r\n", RETRY }, { "-READONLY You can't write\r\n", RETRY },
		{ "-LOADING Redis is loading\r\n", RETRY }, { "-BUSY Redis is busy\r\n", RETRY },
		{ "-CLUSTERDOWN The cluster is down\r\n", RETRY }, { "-MISCONF cannot persist\r\n", RETRY },
		{ "-NOPERM no permissions\r\n", RETRY }, { "-WRONGTYPE Operation against a key\r\n", REJECT },
		{ "-ERR value is not an integer\r\n", REJECT }, { "-BUSYKEY x\r\n", REJECT } };
	struct asking a;

	(void)state;
	scene_open("redisDB", "0");
	UNTIL(loop, any_core.n_up);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		redis_peer_rule(&server, "INCR", cases[i].reply, 1);
		ASK(&a, "increment", NULL, "key", "k");
		UNTIL(loop, a.answered);
		assert_int_equal(a.verdict, cases[i].verdict);
		assert_int_equal(strncmp(a.why, cases[i].reply + 1, 5), 0);
	}
	scene_close();
}

static void what_was_sent_on_a_lost_connection_is_unsure(void **state)
{
	struct asking a;

	(void)state;
	scene_open("redisDB", "0");
	UNTIL(loop, any_core.n_up);
	redis_peer_rule(&server, "INCR", NULL, 1);
	ASK(&a, "increment", NULL, "key", "k");
	UNTIL(loop, server.reader);
	assert_int_equal(a.answered, 0);
	peer_reset(server.reader);
	UNTIL(loop, a.answered);
	assert_int_equal(a.verdict, UNSURE);
	ASK(&a, "increment", NULL, "key", "k");
	assert_true(a.answered == 1 && a.verdict == RETRY); /* there is no connection, and none on its way */
	scene_close();
}

static void requests_wait_for_the_connection_and_are_told_if_there_comes_none(void **state)
{
	struct asking a, forgotten;

	(void)state;
	scene_open("redisDB", "0");
	ASK(&a, "increment", NULL, "key", "k");
	ASK(&forgotten, "delete", NULL, "key", "forgotten");
	assert_int_equal(a.answered, 0);
	redis_class.forget(any_core.connector, &forgotten.request);
	redis_peer_rule(&server, "INCR", ":1\r\n", 1);
	UNTIL(loop, a.answered);
	assert_int_equal(a.verdict, DONE);
	assert_false(redis_peer_was_told(&server, "DEL"));
	assert_int_equal(forgotten.answered, 0);
	scene_close();
	scene_open("redisDB", "0");
	ASK(&a, "increment", NULL, "key", "k");
	peer_stop_listening(&server.peer);
	UNTIL(loop, a.answered);
	assert_int_equal(a.verdict, RETRY);
	assert_non_null(strstr(a.why, "refused"));
	scene_close();
}

static void an_answer_to_a_forgotten_request_goes_nowhere(void **state)
{
	struct asking a;

	(void)state;
	scene_open("redisDB", "0");
	UNTIL(loop, any_core.n_up);
	redis_peer_rule(&server, "INCR", NULL, 1);
	ASK(&a, "increment", NULL, "key", "k");
	UNTIL(loop, server.reader);
	redis_class.forget(any_core.connector, &a.request);
	redis_peer_answer(&server, ":1\r\n");
	for (unsigned i = 0; i < 10; i++)
		loop_moment(loop);
	assert_int_equal(a.answered, 0);
	scene_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(publishing_writes_daprs_two_fields),
		cmocka_unit_test(operations_on_keys_are_daprs),
		cmocka_unit_test(what_is_missing_is_said),
		cmocka_unit_test(errors_that_may_pass_are_tried_again_and_others_never),
		cmocka_unit_test(what_was_sent_on_a_lost_connection_is_unsure),
		cmocka_unit_test(requests_wait_for_the_connection_and_are_told_if_there_comes_none),
		cmocka_unit_test(an_answer_to_a_forgotten_request_goes_nowhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
