/* Redis streams against a scripted server: what is asked in which order, acknowledged when, kept alive, taken over. */
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
static const struct subscription sub_s = { .component = "c", .topic = "s", .group = "g" },
				 sub_t = { .component = "c", .topic = "t", .group = "g" };
static const struct subscription *const both[] = { &sub_s, &sub_t };

/* The times are short: a story of seconds in a fraction of one. */
static void scene_open(const char *const *more)
{
	const char *settings[40] = { "redisHost", server.host, "consumerName", "me", "processingTimeout", "60ms",
		"redeliverInterval", "1h", "readTimeout", "2s" };
	unsigned n = 10;

	loop = loop_for_test();
	redis_peer_open(&server, loop);
	while (more && *more)
		settings[n++] = *more++;
	any_core_open(loop, &redis_class, settings);
}

static void subscribe(unsigned n)
{
	struct error err;

	UNTIL(loop, any_core.n_up > 0);
	assert_int_equal(redis_class.subscribe(any_core.connector, both, n, &err), 0);
}

static void scene_close(void)
{
	any_core_close();
	redis_peer_close(&server);
	loop_free(loop);
}

#define READ_S "XREADGROUP GROUP g me COUNT 100 BLOCK 2000 STREAMS s >"
#define ENTRY(id, data) "*2\r\n$3\r\n" id "\r\n*2\r\n$4\r\ndata\r\n$1\r\n" data "\r\n"
#define OF_S "*1\r\n*2\r\n$1\r\ns\r\n"

static void the_group_is_made_then_ours_come_then_what_is_stale_then_what_is_new(void **state)
{
	const char *order[] = { "XGROUP CREATE s g 0 MKSTREAM\n", "XPENDING s g 0-0 + 256 me\n",
		"XPENDING s g IDLE 60 0-0 + 256\n", READ_S };
	const char *at;

	(void)state;
	scene_open(NULL);
	subscribe(1);
	UNTIL(loop, redis_peer_was_told(&server, READ_S) && redis_peer_was_told(&server, order[2]));
	buf_add(&server.told, "", 1);
	server.told.n--;
	at = strstr(server.told.p, order[0]);
	assert_non_null(at);
	assert_true(strstr(at, order[1]) && strstr(at, order[1]) < strstr(at, order[2]));
	assert_true(strstr(at, order[1]) < strstr(at, order[3]));
	scene_close();
}

static void an_entry_is_acknowledged_when_it_is_settled_and_not_before(void **state)
{
	(void)state;
	scene_open(NULL);
	subscribe(1);
	UNTIL(loop, server.reader);
	redis_peer_answer(&server, OF_S "*2\r\n" ENTRY("1-0", "a") ENTRY("2-0", "b"));
	UNTIL(loop, any_core.n_events == 2 && server.reader);
	assert_string_equal(any_core.events[0].headers, "__topic=s;__id=1-0;__deliveryCount=1;");
	assert_true(slice_is(any_core.events[0].event.id, "s/1-0"));
	assert_false(any_core.events[0].again);
	assert_false(redis_peer_was_told(&server, "XACK"));
	any_settle(1);
	UNTIL(loop, redis_peer_was_told(&server, "XACK s g 2-0\n"));
	assert_false(redis_peer_was_told(&server, "XACK s g 1-0"));
	any_settle(0);
	UNTIL(loop, redis_peer_was_told(&server, "XACK s g 1-0\n") && any_core.n_commits == 2);
	scene_close();
}

static void what_has_no_credit_is_kept_and_nothing_more_is_read(void **state)
{
	(void)state;
	scene_open(NULL);
	any_core.credit = 1;
	subscribe(1);
	UNTIL(loop, server.reader);
	redis_peer_answer(&server, OF_S "*3\r\n" ENTRY("1-0", "a") ENTRY("2-0", "b") ENTRY("3-0", "c"));
	UNTIL(loop, any_core.n_waits == 1);
	for (unsigned i = 0; i < 20; i++)
		loop_moment(loop);
	assert_null(server.reader);
	any_settle(0);
	any_core.credit = 10;
	redis_class.resume(any_core.connector);
	assert_int_equal(any_core.n_events, 3);
	assert_true(slice_is(any_core.events[2].event.data, "c"));
	UNTIL(loop, server.reader);
	scene_close();
}

static void nothing_is_read_while_there_is_no_function(void **state)
{
	(void)state;
	scene_open(NULL);
	any_core.credit = 0;
	subscribe(1);
	UNTIL(loop, redis_peer_was_told(&server, "XPENDING s g IDLE"));
	for (unsigned i = 0; i < 20; i++)
		loop_moment(loop);
	assert_false(redis_peer_was_told(&server, "XREADGROUP"));
	any_core.credit = 10;
	UNTIL(loop, server.reader);
	assert_true(redis_peer_was_told(&server, "XREADGROUP GROUP g me COUNT 10 "));
	scene_close();
}

static void a_held_stream_waits_alone_and_a_blocked_read_is_ended_for_it(void **state)
{
	(void)state;
	scene_open(NULL);
	any_core.hold = "s";
	subscribe(1);
	UNTIL(loop, server.reader && redis_peer_was_told(&server, "CLIENT ID"));
	redis_peer_answer(&server, OF_S "*1\r\n" ENTRY("1-0", "a"));
	subscribe(2);
	UNTIL(loop, redis_peer_was_told(&server, "XREADGROUP GROUP g me COUNT 100 BLOCK 2000 STREAMS t >\n"));
	assert_int_equal(any_core.n_events, 0);
	any_core.hold = NULL;
	redis_class.hold(any_core.connector, any_window("s"), false);
	assert_int_equal(any_core.n_events, 1);
	UNTIL(loop, redis_peer_was_told(&server, "CLIENT UNBLOCK 7\n") && server.reader);
	redis_peer_answer(&server, "$-1\r\n");
	UNTIL(loop, redis_peer_was_told(&server, "XREADGROUP GROUP g me COUNT 100 BLOCK 2000 STREAMS t s > >\n"));
	scene_close();
}

static void what_is_in_work_is_kept_alive_and_what_is_new_or_done_is_not(void **state)
{
	(void)state;
	scene_open(NULL);
	subscribe(1);
	UNTIL(loop, server.reader);
	redis_peer_answer(&server, OF_S "*3\r\n" ENTRY("1-0", "a") ENTRY("2-0", "b") ENTRY("3-0", "c"));
	UNTIL(loop, any_core.n_events == 3);
	any_core.events[0].age_ms = any_core.events[2].age_ms = 20; /* a third of processingTimeout */
	any_core.events[1].age_ms = 19;
	any_settle(2);
	UNTIL(loop, redis_peer_was_told(&server, "XCLAIM s g me 0 1-0 JUSTID\n"));
	scene_close();
}

/* XPENDING's rows: id, consumer, idle, deliveries. */
#define ROW(id, idle, deliveries) "*4\r\n$3\r\n" id "\r\n$4\r\ndead\r\n:" idle "\r\n:" deliveries "\r\n"

static void stale_entries_are_taken_over_with_their_count(void **state)
{
	(void)state;
	scene_open(NULL);
	redis_peer_rule(&server, "XPENDING s g IDLE", "*2\r\n" ROW("5-0", "70", "3") ROW("6-0", "80", "1"), 1);
	redis_peer_rule(&server, "XCLAIM s g me 60 5-0 6-0\n", "*2\r\n" ENTRY("5-0", "a") ENTRY("6-0", "b"), 1);
	subscribe(1);
	UNTIL(loop, any_core.n_events == 2);
	assert_int_equal(any_core.events[any_find("a")].event.seen, 3);
	assert_string_equal(any_core.events[any_find("a")].headers, "__topic=s;__id=5-0;__deliveryCount=4;");
	assert_true(any_core.events[0].again);
	scene_close();
}

static void servers_before_6_2_are_asked_without_idle(void **state)
{
	(void)state;
	scene_open(NULL);
	redis_peer_rule(&server, "XPENDING s g IDLE", "-ERR syntax error\r\n", 0);
	redis_peer_rule(&server, "XPENDING s g 0-0 + 256\n", "*2\r\n" ROW("5-0", "10", "1") ROW("6-0", "80", "1"), 1);
	redis_peer_rule(&server, "XCLAIM s g me 60 6-0\n", "*1\r\n" ENTRY("6-0", "b"), 1);
	subscribe(1);
	UNTIL(loop, any_core.n_events == 1);
	assert_false(redis_peer_was_told(&server, "XCLAIM s g me 60 5-0"));
	scene_close();
}

static void a_claimed_entry_that_is_gone_is_acknowledged_and_counted(void **state)
{
	(void)state;
	scene_open(NULL);
	redis_peer_rule(&server, "XPENDING s g IDLE", "*2\r\n" ROW("5-0", "70", "3") ROW("6-0", "80", "1"), 1);
	redis_peer_rule(&server, "XCLAIM s g me 60 5-0 6-0\n", "*1\r\n$-1\r\n", 1); /* 6-0: somebody was quicker */
	redis_peer_rule(&server, "XRANGE s 5-0 5-0", "*0\r\n", 0);
	redis_peer_rule(&server, "XRANGE s 6-0 6-0", "*1\r\n" ENTRY("6-0", "b"), 0);
	subscribe(1);
	UNTIL(loop, redis_peer_was_told(&server, "XACK s g 5-0\n"));
	assert_int_equal(any_core.n_dropped, 1);
	assert_false(redis_peer_was_told(&server, "XACK s g 6-0"));
	scene_close();
}

static void after_a_loss_what_is_in_work_is_not_read_again_and_open_acks_are_sent_again(void **state)
{
	(void)state;
	scene_open(NULL);
	redis_peer_rule(&server, "XACK", NULL, 1);
	subscribe(1);
	UNTIL(loop, server.reader);
	redis_peer_answer(&server, OF_S "*3\r\n" ENTRY("1-0", "a") ENTRY("2-0", "b") ENTRY("3-0", "c"));
	UNTIL(loop, any_core.n_events == 3);
	any_settle(0);
	UNTIL(loop, redis_peer_was_told(&server, "XACK s g 1-0\n"));
	for (struct peer_side *side = server.peer.sides; side; side = side->next)
		if (!side->closed)
			peer_reset(side);
	UNTIL(loop, any_core.n_down == 1);
	redis_peer_forget(&server);
	redis_peer_rule(&server, "XPENDING s g 0-0 + 256 me",
	    "*3\r\n" ROW("2-0", "1", "1") ROW("3-0", "1", "1") ROW("4-0", "1", "1"), 1);
	redis_peer_rule(&server, "XCLAIM s g me 0 4-0\n", "*1\r\n" ENTRY("4-0", "d"), 1);
	assert_int_equal(redis_class.open(any_core.connector, &(struct error){ ERR_NONE, "" }), 0);
	UNTIL(loop, any_core.n_up == 2);
	subscribe(1);
	UNTIL(loop, any_core.n_events == 4);
	assert_true(redis_peer_was_told(&server, "XACK s g 1-0\n"));
	assert_true(redis_peer_was_told(&server, "XCLAIM s g me 0 4-0\n"));
	assert_true(slice_is(any_core.events[3].event.data, "d"));
	scene_close();
}

static void a_group_that_is_gone_is_made_again_and_what_runs_is_recognised(void **state)
{
	(void)state;
	scene_open(NULL);
	redis_peer_rule(&server, "XINFO STREAM s", "*2\r\n$17\r\nlast-generated-id\r\n$3\r\n2-0\r\n", 0);
	subscribe(1);
	UNTIL(loop, server.reader);
	redis_peer_answer(&server, OF_S "*2\r\n" ENTRY("1-0", "a") ENTRY("2-0", "b"));
	UNTIL(loop, any_core.n_events == 2 && server.reader);
	any_settle(0);
	redis_peer_forget(&server);
	redis_peer_answer(&server, "-NOGROUP No such consumer group\r\n");
	UNTIL(loop, redis_peer_was_told(&server, "XGROUP CREATE s g 0 MKSTREAM\n") && server.reader);
	redis_peer_answer(&server, OF_S "*2\r\n" ENTRY("1-0", "a") ENTRY("2-0", "b"));
	UNTIL(loop, any_core.n_events == 3);
	assert_true(slice_is(any_core.events[2].event.data, "a") && any_core.events[2].again);
	assert_int_equal(any_core.n_lost, 0);
	scene_close();
}

static void a_stream_made_anew_with_old_ids_is_another_one(void **state)
{
	(void)state;
	scene_open(NULL);
	redis_peer_rule(&server, "XINFO STREAM s", "-ERR no such key\r\n", 0);
	subscribe(1);
	UNTIL(loop, server.reader);
	redis_peer_answer(&server, OF_S "*1\r\n" ENTRY("1-0", "a"));
	UNTIL(loop, any_core.n_events == 1 && server.reader);
	redis_peer_answer(&server, "-NOGROUP No such consumer group\r\n");
	UNTIL(loop, redis_peer_was_told(&server, "XINFO STREAM s") && server.reader);
	redis_peer_answer(&server, OF_S "*1\r\n" ENTRY("1-0", "b"));
	UNTIL(loop, any_core.n_events == 2);
	assert_int_equal(any_core.n_lost, 1);
	assert_false(any_core.events[1].again);
	redis_peer_forget(&server);
	any_settle(0); /* of the old one: must not acknowledge the new 1-0 */
	for (unsigned i = 0; i < 20; i++)
		loop_moment(loop);
	assert_false(redis_peer_was_told(&server, "XACK"));
	scene_close();
}

static void drained_is_said_when_the_last_acknowledgement_is_confirmed(void **state)
{
	(void)state;
	scene_open(NULL);
	redis_peer_rule(&server, "XACK", "-BUSY Redis is busy running a script\r\n", 1);
	subscribe(1);
	UNTIL(loop, server.reader);
	redis_peer_answer(&server, OF_S "*1\r\n" ENTRY("1-0", "a"));
	UNTIL(loop, any_core.n_events == 1);
	redis_class.stop(any_core.connector);
	any_settle(0);
	UNTIL(loop, any_core.n_commit_failures == 1);
	redis_class.drain(any_core.connector);
	UNTIL(loop, any_core.n_drained == 1);
	assert_int_equal(redis_peer_count(&server, "XACK s g 1-0\n"), 2);
	assert_int_equal(any_core.n_commits, 1);
	scene_close();
}

/* What was read and not finished: made as old as what others take over, page by page. */
static void at_the_end_what_is_pending_is_handed_over(void **state)
{
	(void)state;
	scene_open(NULL);
	subscribe(1);
	UNTIL(loop, server.reader);
	redis_class.stop(any_core.connector);
	redis_peer_rule(&server, "XPENDING s g 0-0 + 256 me", "*2\r\n" ROW("1-0", "1", "1") ROW("2-0", "1", "1"), 1);
	redis_peer_rule(&server, "XCLAIM s g me 0 1-0 2-0 IDLE 60 JUSTID\n", "*0\r\n", 1);
	redis_class.drain(any_core.connector);
	UNTIL(loop, any_core.n_drained == 1);
	assert_true(redis_peer_was_told(&server, "XCLAIM s g me 0 1-0 2-0 IDLE 60 JUSTID\n"));
	assert_true(redis_peer_was_told(&server, "XPENDING s g 2-1 + 256 me\n"));
	scene_close();
}

#define GROUP(lag) \
	"*1\r\n*8\r\n$4\r\nname\r\n$1\r\ng\r\n$7\r\npending\r\n:4\r\n" \
	"$17\r\nlast-delivered-id\r\n$3\r\n9-9\r\n$3\r\nlag\r\n" lag

/* -1: unknown */
static int64_t lag_told(const char *groups)
{
	int64_t lag;

	scene_open(NULL);
	redis_peer_rule(&server, "XPENDING s g\n", "*4\r\n:4\r\n$3\r\n1-0\r\n$3\r\n4-0\r\n*0\r\n", 0);
	redis_peer_rule(&server, "XRANGE s 9-10 + COUNT", "*2\r\n" ENTRY("9-9", "x") ENTRY("9-9", "x"), 0);
	redis_peer_rule(&server, "XINFO GROUPS s", groups, 0);
	subscribe(1);
	UNTIL(loop, any_core.n_lag == 1);
	lag = any_core.lag.known ? any_core.lag.unacked : -1;
	scene_close();
	return lag;
}

static void lag_is_what_the_server_knows_or_what_is_counted(void **state)
{
	(void)state;
	assert_int_equal(lag_told(GROUP(":38\r\n")), 42);
	assert_int_equal(lag_told(GROUP("$-1\r\n")), 6);
	assert_int_equal(lag_told("-NOPERM no\r\n"), -1);
}

static void an_entry_that_is_none_is_said(void **state)
{
	(void)state;
	scene_open(NULL);
	subscribe(1);
	UNTIL(loop, server.reader);
	redis_peer_answer(&server, OF_S "*1\r\n*2\r\n$3\r\nx-0\r\n:1\r\n");
	UNTIL(loop, any_core.n_down == 1);
	assert_non_null(strstr(any_core.down, "an entry that is none"));
	scene_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_group_is_made_then_ours_come_then_what_is_stale_then_what_is_new),
		cmocka_unit_test(an_entry_is_acknowledged_when_it_is_settled_and_not_before),
		cmocka_unit_test(what_has_no_credit_is_kept_and_nothing_more_is_read),
		cmocka_unit_test(nothing_is_read_while_there_is_no_function),
		cmocka_unit_test(a_held_stream_waits_alone_and_a_blocked_read_is_ended_for_it),
		cmocka_unit_test(what_is_in_work_is_kept_alive_and_what_is_new_or_done_is_not),
		cmocka_unit_test(stale_entries_are_taken_over_with_their_count),
		cmocka_unit_test(servers_before_6_2_are_asked_without_idle),
		cmocka_unit_test(a_claimed_entry_that_is_gone_is_acknowledged_and_counted),
		cmocka_unit_test(after_a_loss_what_is_in_work_is_not_read_again_and_open_acks_are_sent_again),
		cmocka_unit_test(a_group_that_is_gone_is_made_again_and_what_runs_is_recognised),
		cmocka_unit_test(a_stream_made_anew_with_old_ids_is_another_one),
		cmocka_unit_test(drained_is_said_when_the_last_acknowledgement_is_confirmed),
		cmocka_unit_test(at_the_end_what_is_pending_is_handed_over),
		cmocka_unit_test(lag_is_what_the_server_knows_or_what_is_counted),
		cmocka_unit_test(an_entry_that_is_none_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
