/* A connection to Redis against a scripted server: greeting, order of replies, what is lost and what never left. */
/* links: peer.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "bridge/error.h"
#include "bridge/stream.h"
#include "connectors/redis_link.h"
#include "tests/unit/peer.h"

/* One link, its server and all it told. */
struct scene {
	struct loop *loop;
	struct peer peer;
	struct redis_link *link;
	unsigned opened, ended, pushed;
	struct error why;
	struct buf told; /* one word per reply: "PONG,3,nil,…" */
	unsigned n_told;
	bool close_in_reply, close_in_end;
	struct redis_memory *kept;
	const struct redis_reply *kept_reply;
	bool keep;
};

static void tell(struct scene *s, const struct redis_reply *r)
{
	switch (r->kind) {
	case REDIS_NIL: buf_text(&s->told, "nil"); break;
	case REDIS_STATUS:
	case REDIS_TEXT: buf_slice(&s->told, r->text); break;
	case REDIS_ERROR:
		buf_text(&s->told, "-");
		buf_slice(&s->told, r->text);
		break;
	case REDIS_INTEGER: buf_printf(&s->told, "%lld", (long long)r->number); break;
	case REDIS_ARRAY:
		buf_text(&s->told, "[");
		for (unsigned i = 0; i < r->n; i++)
			tell(s, &r->items[i]);
		buf_text(&s->told, "]");
		return;
	case REDIS_LOST: buf_text(&s->told, "LOST"); break;
	case REDIS_UNSENT: buf_text(&s->told, "UNSENT"); break;
	}
	buf_text(&s->told, ",");
}

static void replied(void *arg, const struct redis_reply *r)
{
	struct scene *s = arg;

	tell(s, r);
	s->n_told++;
	if (s->keep) {
		s->kept = redis_link_hold(s->link);
		s->kept_reply = r;
		s->keep = false;
	}
	if (s->close_in_reply) {
		struct redis_link *l = s->link;

		s->link = NULL;
		redis_link_close(l);
	}
}

static void opened(void *arg)
{
	((struct scene *)arg)->opened++;
}

static void ended(void *arg, const struct error *e)
{
	struct scene *s = arg;

	s->ended++;
	s->why = *e;
	if (s->close_in_end) {
		redis_link_close(s->link);
		s->link = NULL;
	}
}

static void pushed(void *arg, const struct redis_reply *r)
{
	struct scene *s = arg;

	s->pushed++;
	tell(s, r);
}

static const struct redis_link_events events = { .opened = opened, .ended = ended };
static const struct redis_link_events listening = { .opened = opened, .ended = ended, .pushed = pushed };

static void scene_open(struct scene *s, void (*script)(struct peer_side *), const struct redis_link_options *wanted)
{
	struct redis_link_options o = wanted ? *wanted : (struct redis_link_options){ 0 };
	struct address a;
	struct error e;
	char text[40];

	s->loop = loop_for_test();
	peer_bind(&s->peer, s->loop, "127.0.0.1");
	peer_listen(&s->peer, script);
	snprintf(text, sizeof(text), "127.0.0.1:%u", s->peer.port);
	assert_int_equal(address_parse(&a, text, &e), 0);
	o.address = &a;
	o.dial_ms = o.dial_ms ? o.dial_ms : 5000;
	o.read_ms = o.read_ms ? o.read_ms : 5000;
	o.max_reply = o.max_reply ? o.max_reply : 1 << 20;
	s->link = redis_link_open(s->loop, &o, s->pushed == 77 ? &listening : &events, s);
	s->pushed = 0;
	address_free(&a);
}

static void scene_close(struct scene *s)
{
	redis_link_close(s->link);
	redis_memory_release(s->kept);
	peer_close(&s->peer);
	buf_free(&s->told);
	loop_free(s->loop);
}

static void ask_words(struct scene *s, unsigned n, const char *const *words)
{
	redis_link_begin(s->link, n);
	for (unsigned i = 0; i < n; i++)
		redis_link_text(s->link, words[i]);
	redis_link_end(s->link, replied, s);
}

static void told_is(struct scene *s, const char *text)
{
	buf_add(&s->told, "", 1);
	s->told.n--;
	assert_string_equal(s->told.p, text);
}

/* --- scripts --- */

static bool came(struct peer_side *side, const char *text)
{
	size_t n = strlen(text);

	if (side->in.n < n || memcmp(side->in.p, text, n) != 0)
		return false;
	memmove(side->in.p, side->in.p + n, side->in.n - n);
	side->in.n -= n;
	return true;
}

static const char ping[] = "*1\r\n$4\r\nPING\r\n";

/* PONG to the greeting; behind it peer->answer to whatever comes. */
static void server(struct peer_side *side)
{
	while (came(side, ping))
		peer_say(side, "+PONG\r\n");
	if (side->in.n && side->peer->answer) {
		peer_send(side, side->peer->answer, side->peer->answer_n);
		side->in.n = 0;
	}
}

static void login_server(struct peer_side *side)
{
	if (came(side,
		"*3\r\n$4\r\nAUTH\r\n$4\r\nanna\r\n$3\r\npw \r\n*2\r\n$6\r\nSELECT\r\n$1\r\n7\r\n*1\r\n$4\r\nPING\r\n"))
		peer_say(side, "+OK\r\n+OK\r\n+PONG\r\n");
}

static void refusing_server(struct peer_side *side)
{
	if (side->in.n)
		peer_say(side, "-WRONGPASS invalid username-password pair\r\n-NOAUTH Authentication required.\r\n");
	side->in.n = 0;
}

static void answers(struct scene *s, const char *text)
{
	s->peer.answer = text;
	s->peer.answer_n = strlen(text);
}

/* --- tests --- */

static void it_logs_in_chooses_its_database_and_is_open_once_the_server_answers(void **state)
{
	struct scene s = { 0 };
	struct redis_link_options o = { .user = "anna", .password = "pw ", .database = 7 };

	(void)state;
	scene_open(&s, login_server, &o);
	assert_false(redis_link_is_open(s.link));
	UNTIL(s.loop, s.opened);
	assert_true(redis_link_is_open(s.link));
	scene_close(&s);
}

static void a_refused_login_ends_it_with_the_servers_words(void **state)
{
	struct scene s = { .close_in_end = true };
	struct redis_link_options o = { .password = "wrong" };

	(void)state;
	scene_open(&s, refusing_server, &o);
	UNTIL(s.loop, s.ended);
	assert_int_equal(s.why.code, ERR_DENIED);
	assert_non_null(strstr(s.why.text, "WRONGPASS invalid"));
	assert_non_null(strstr(s.why.text, "127.0.0.1:"));
	assert_int_equal(s.opened, 0);
	scene_close(&s);
}

static void nobody_there_is_said(void **state)
{
	struct scene s = { 0 };

	(void)state;
	scene_open(&s, server, NULL);
	peer_stop_listening(&s.peer);
	UNTIL(s.loop, s.ended);
	assert_non_null(strstr(s.why.text, "refused"));
	scene_close(&s);
}

static void replies_come_in_the_order_of_the_commands_and_what_is_held_stays(void **state)
{
	struct scene s = { .keep = true };

	(void)state;
	scene_open(&s, server, NULL);
	UNTIL(s.loop, s.opened);
	answers(&s, "*2\r\n$3\r\none\r\n*1\r\n$-1\r\n:7\r\n-ERR no\r\n$2\r\n\r\n\r\n");
	ask_words(&s, 2, (const char *const[]){ "GET", "a" });
	ask_words(&s, 1, (const char *const[]){ "INCR" });
	ask_words(&s, 1, (const char *const[]){ "X" });
	ask_words(&s, 1, (const char *const[]){ "Y" });
	UNTIL(s.loop, s.n_told == 4);
	told_is(&s, "[one,[nil,]]7,-ERR no,\r\n,");
	assert_true(slice_is(s.kept_reply->items[0].text, "one"));
	assert_int_equal(s.kept_reply->items[1].items[0].kind, REDIS_NIL);
	scene_close(&s);
}

static void commands_of_one_turn_leave_together_as_the_protocol_wants_them(void **state)
{
	struct scene s = { 0 };

	(void)state;
	scene_open(&s, server, NULL);
	UNTIL(s.loop, s.opened);
	redis_link_begin(s.link, 3);
	redis_link_text(s.link, "SET");
	redis_link_word(s.link, (struct slice){ "k\0y", 3 });
	redis_link_number(s.link, -5);
	redis_link_end(s.link, replied, &s);
	ask_words(&s, 1, (const char *const[]){ "QUIT" });
	UNTIL(s.loop, s.peer.sides->in.n == 44);
	assert_memory_equal(
	    s.peer.sides->in.p, "*3\r\n$3\r\nSET\r\n$3\r\nk\0y\r\n$2\r\n-5\r\n*1\r\n$4\r\nQUIT\r\n", 44);
	scene_close(&s);
}

static void a_lost_connection_tells_what_was_sent_from_what_never_left(void **state)
{
	struct scene s = { .close_in_end = true };
	struct buf large = { 0 };

	(void)state;
	scene_open(&s, server, NULL);
	UNTIL(s.loop, s.opened);
	ask_words(&s, 1, (const char *const[]){ "FIRST" });
	UNTIL(s.loop, s.peer.sides->in.n > 0);
	s.peer.script = NULL;
	watch_want(s.peer.sides->watch, 0); /* reads no more */
	memset(buf_room(&large, 64 << 20), 'x', 64 << 20);
	redis_link_begin(s.link, 1);
	redis_link_word(s.link, (struct slice){ large.p, 64 << 20 });
	redis_link_end(s.link, replied, &s);
	ask_words(&s, 1, (const char *const[]){ "THIRD" });
	for (size_t before = 0; before != redis_link_unsent(s.link);) { /* as much as the buffers take */
		before = redis_link_unsent(s.link);
		loop_moment(s.loop);
	}
	peer_reset(s.peer.sides);
	UNTIL(s.loop, s.ended);
	told_is(&s, "LOST,LOST,UNSENT,");
	buf_free(&large);
	scene_close(&s);
}

static void closing_tells_whoever_waits(void **state)
{
	struct scene s = { 0 };

	(void)state;
	scene_open(&s, server, NULL);
	UNTIL(s.loop, s.opened);
	ask_words(&s, 1, (const char *const[]){ "A" });
	redis_link_close(s.link);
	s.link = NULL;
	told_is(&s, "UNSENT,");
	assert_int_equal(s.ended, 0);
	scene_close(&s);
}

static void it_may_be_closed_inside_a_reply(void **state)
{
	struct scene s = { .close_in_reply = true };

	(void)state;
	scene_open(&s, server, NULL);
	UNTIL(s.loop, s.opened);
	answers(&s, ":1\r\n:2\r\n");
	ask_words(&s, 1, (const char *const[]){ "A" });
	ask_words(&s, 1, (const char *const[]){ "B" });
	UNTIL(s.loop, s.n_told == 2);
	told_is(&s, "1,LOST,");
	assert_int_equal(s.ended, 0);
	scene_close(&s);
}

static void a_server_that_is_silent_is_given_up(void **state)
{
	struct scene s = { 0 };
	struct redis_link_options o = { .read_ms = 50 };

	(void)state;
	scene_open(&s, server, &o);
	UNTIL(s.loop, s.opened);
	ask_words(&s, 1, (const char *const[]){ "A" });
	UNTIL(s.loop, s.ended);
	assert_int_equal(s.why.code, ERR_TIMEOUT);
	told_is(&s, "LOST,");
	scene_close(&s);
}

static void a_blocking_command_may_take_as_long_as_it_says(void **state)
{
	struct scene s = { 0 };
	struct redis_link_options o = { .read_ms = 20 };
	int64_t begun;

	(void)state;
	scene_open(&s, server, &o);
	UNTIL(s.loop, s.opened);
	redis_link_begin(s.link, 1);
	redis_link_text(s.link, "BLPOP");
	redis_link_end_blocking(s.link, 200, replied, &s);
	begun = loop_now(s.loop);
	UNTIL(s.loop, s.ended);
	assert_true(loop_now(s.loop) - begun >= 200);
	scene_close(&s);
}

static void a_server_that_never_greets_is_given_up(void **state)
{
	struct scene s = { 0 };
	struct redis_link_options o = { .read_ms = 50 };

	(void)state;
	scene_open(&s, peer_ignores, &o);
	UNTIL(s.loop, s.ended);
	assert_int_equal(s.why.code, ERR_TIMEOUT);
	scene_close(&s);
}

static void a_listening_link_hands_over_everything(void **state)
{
	struct scene s = { .pushed = 77 };

	(void)state;
	scene_open(&s, server, NULL);
	UNTIL(s.loop, s.opened);
	answers(&s, "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n");
	redis_link_begin(s.link, 2);
	redis_link_text(s.link, "SUBSCRIBE");
	redis_link_text(s.link, "c");
	redis_link_end(s.link, NULL, NULL);
	UNTIL(s.loop, s.pushed == 2);
	told_is(&s, "[subscribe,c,1,][message,c,hi,]");
	scene_close(&s);
}

static void hostile(const char *bytes, size_t n, size_t max_reply, const char *expected)
{
	struct scene s = { .close_in_end = true };
	struct redis_link_options o = { .max_reply = max_reply };

	scene_open(&s, server, &o);
	UNTIL(s.loop, s.opened);
	s.peer.answer = bytes;
	s.peer.answer_n = n;
	ask_words(&s, 1, (const char *const[]){ "A" });
	UNTIL(s.loop, s.ended);
	told_is(&s, "LOST,");
	if (!strstr(s.why.text, expected))
		fail_msg("%s: expected %s", s.why.text, expected);
	scene_close(&s);
}

static void what_is_not_redis_ends_it(void **state)
{
	(void)state;
	hostile("HTTP/1.1 200 OK\r\n\r\n", 19, 1 << 20, "not Redis' protocol");
	hostile("*2147483647\r\n", 13, 1 << 20, "maxReplyBytes");
}

static void a_reply_nobody_asked_for_ends_it(void **state)
{
	struct scene s = { 0 };

	(void)state;
	scene_open(&s, server, NULL);
	UNTIL(s.loop, s.opened);
	answers(&s, ":1\r\n:2\r\n");
	ask_words(&s, 1, (const char *const[]){ "A" });
	UNTIL(s.loop, s.ended);
	told_is(&s, "1,");
	assert_non_null(strstr(s.why.text, "nothing that was asked"));
	scene_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_logs_in_chooses_its_database_and_is_open_once_the_server_answers),
		cmocka_unit_test(a_refused_login_ends_it_with_the_servers_words),
		cmocka_unit_test(nobody_there_is_said),
		cmocka_unit_test(replies_come_in_the_order_of_the_commands_and_what_is_held_stays),
		cmocka_unit_test(commands_of_one_turn_leave_together_as_the_protocol_wants_them),
		cmocka_unit_test(a_lost_connection_tells_what_was_sent_from_what_never_left),
		cmocka_unit_test(closing_tells_whoever_waits),
		cmocka_unit_test(it_may_be_closed_inside_a_reply),
		cmocka_unit_test(a_server_that_is_silent_is_given_up),
		cmocka_unit_test(a_blocking_command_may_take_as_long_as_it_says),
		cmocka_unit_test(a_server_that_never_greets_is_given_up),
		cmocka_unit_test(a_listening_link_hands_over_everything),
		cmocka_unit_test(what_is_not_redis_ends_it),
		cmocka_unit_test(a_reply_nobody_asked_for_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
