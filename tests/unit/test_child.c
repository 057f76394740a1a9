/* A command beside the bridge: its lines, its environment, its signals, its exit code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bridge/bytes.h"
#include "bridge/child.h"
#include "bridge/error.h"
#include "bridge/loop.h"

struct ran {
	struct loop *loop;
	struct child *child;
	int code;
	struct timer timer;
	int fd; /* 1 or 2: what is captured */
	char text[65536];
};

static void ended(void *arg, int code)
{
	struct ran *r = arg;

	assert_false(child_runs(r->child));
	r->code = code;
	loop_stop(r->loop);
}

static void signalled(void *arg)
{
	struct ran *r = arg;

	child_signal(r->child, SIGTERM);
}

/* Runs a shell's words to their end; what it wrote to `fd` is in r->text. */
static void run_shell(struct ran *r, int fd, const char *words, bool signal_it)
{
	char *argv[] = { "/bin/sh", "-c", (char *)(uintptr_t)words, NULL };
	char *environment[] = { "APP_PORT=8080", "PATH=/usr/bin:/bin", NULL };
	const struct child_options options = { .argv = argv, .name = "fn", .environment = environment };
	struct error e = { ERR_NONE, "" };
	FILE *to = tmpfile();
	int kept = dup(fd);
	size_t n;

	*r = (struct ran){ .code = -1, .fd = fd };
	fflush(NULL);
	assert_true(dup2(fileno(to), fd) >= 0);
	r->loop = loop_new(&e);
	r->child = child_start(r->loop, &options, ended, r, &e);
	assert_non_null(r->child);
	if (signal_it)
		timer_set(r->loop, &r->timer, 0, signalled, r);
	loop_run(r->loop);
	child_free(r->child);
	loop_free(r->loop);
	dup2(kept, fd);
	close(kept);
	rewind(to);
	n = fread(r->text, 1, sizeof(r->text) - 1, to);
	r->text[n] = '\0';
	fclose(to);
}

static void each_line_has_the_name_before_it(void **state)
{
	static struct ran r;

	(void)state;
	run_shell(&r, STDOUT_FILENO, "echo one; printf 'two\\n\\nthree'", false);
	assert_string_equal(r.text, "fn | one\nfn | two\nfn | \nfn | three\n");
	assert_int_equal(r.code, 0);
	run_shell(&r, STDERR_FILENO, "echo oops >&2", false);
	assert_string_equal(r.text, "fn | oops\n");
}

static void a_line_without_end_is_passed_on_in_pieces(void **state)
{
	static struct ran r;

	(void)state;
	run_shell(&r, STDOUT_FILENO, "head -c 40000 /dev/zero | tr '\\0' x", false);
	assert_true(strlen(r.text) > 40000);
	assert_memory_equal(r.text, "fn | xxxx", 9);
	assert_true(strchr(r.text, '\n') - r.text < 25000);
}

static void it_ends_with_its_exit_code_or_its_signal(void **state)
{
	static struct ran r;

	(void)state;
	run_shell(&r, STDOUT_FILENO, "exit 7", false);
	assert_int_equal(r.code, 7);
	run_shell(&r, STDOUT_FILENO, "kill -9 $$", false);
	assert_int_equal(r.code, 128 + 9);
}

static void it_sees_our_variables_over_its_own_and_no_input(void **state)
{
	static struct ran r;

	(void)state;
	setenv("APP_PORT", "1", 1);
	setenv("OTHER", "kept", 1);
	run_shell(&r, STDOUT_FILENO, "echo $APP_PORT $OTHER; cat", false);
	assert_string_equal(r.text, "fn | 8080 kept\n");
}

static void a_broken_pipe_ends_it_as_anywhere_else(void **state)
{
	static struct ran r;

	(void)state;
	run_shell(&r, STDOUT_FILENO, "grep SigIgn /proc/self/status", false);
	assert_non_null(strchr(r.text, ':'));
	assert_false(strtoull(strchr(r.text, ':') + 1, NULL, 16) & 1ull << (SIGPIPE - 1));
}

static void a_signal_reaches_the_whole_group(void **state)
{
	static struct ran r;

	(void)state;
	run_shell(&r, STDOUT_FILENO, "sleep 60 & sleep 60", true);
	assert_int_equal(r.code, 128 + SIGTERM);
}

static void what_cannot_be_started_is_said(void **state)
{
	char *argv[] = { "/nowhere/function", NULL }, *environment[] = { NULL };
	const struct child_options options = { .argv = argv, .name = "fn", .environment = environment };
	struct error e = { ERR_NONE, "" };
	struct loop *loop = loop_new(&e);

	(void)state;
	assert_null(child_start(loop, &options, ended, NULL, &e));
	assert_string_equal(e.text, "/nowhere/function: cannot be started: No such file or directory");
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_line_has_the_name_before_it),
		cmocka_unit_test(a_line_without_end_is_passed_on_in_pieces),
		cmocka_unit_test(it_ends_with_its_exit_code_or_its_signal),
		cmocka_unit_test(it_sees_our_variables_over_its_own_and_no_input),
		cmocka_unit_test(a_broken_pipe_ends_it_as_anywhere_else),
		cmocka_unit_test(a_signal_reaches_the_whole_group),
		cmocka_unit_test(what_cannot_be_started_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
