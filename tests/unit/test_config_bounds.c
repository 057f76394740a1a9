/* Files that cannot be read, too much of anything, any bytes at all: loading ends, in bounded time and memory. */
/* links: fake_parts.c config_files.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "bridge/backoff.h"
#include "bridge/bytes.h"
#include "tests/unit/config_files.h"

static void files_that_cannot_be_read_are_named(void **state)
{
	(void)state;
	load_with((const char *const[]){ "--config=%/nowhere.yaml", NULL });
	assert_found(FINDING_ERROR, "nowhere.yaml:0:0: No such file or directory, expected a YAML file or a directory");
	assert_int_equal(mkfifo(files_path("pipe.yaml"), 0600), 0);
	assert_int_equal(symlink("nowhere", files_path("dangling.yaml")), 0);
	load_with((const char *const[]){ "--config=%", NULL });
	assert_found(FINDING_ERROR, "pipe.yaml:0:0: not a regular file, expected a YAML file");
	assert_found(FINDING_ERROR, "dangling.yaml:0:0: No such file or directory");
	assert_int_equal(mkdir(files_path("d.yaml"), 0700), 0);
	load_with((const char *const[]){ "--config=%", NULL });
	assert_found(FINDING_NOTE, "d.yaml:0:0: a directory in a directory is not read");
	load_with((const char *const[]){ "--config=/dev/zero", NULL });
	assert_found(FINDING_ERROR, "not a regular file");
}

static void a_huge_file_is_refused_without_being_read(void **state)
{
	struct rusage before, after;

	(void)state;
	files_write("big.yaml", "a: b\n");
	assert_int_equal(truncate(files_path("big.yaml"), 100 << 20), 0);
	getrusage(RUSAGE_SELF, &before);
	load_with((const char *const[]){ "--config=%/big.yaml", NULL });
	getrusage(RUSAGE_SELF, &after);
	assert_found(FINDING_ERROR, "big.yaml:0:0: 104857600 bytes, expected at most 1048576 (1 MiB)");
	assert_true(after.ru_maxrss - before.ru_maxrss < 10 << 10);
}

static void broken_yaml_says_where_and_the_other_files_are_read(void **state)
{
	const struct config *c;

	(void)state;
	files_write("a.yaml", "a: [1\nb: 2\n");
	files_write("b.yaml", BRIDGE);
	c = load_with((const char *const[]){ "--config=%", NULL });
	assert_found(FINDING_ERROR, "a.yaml:2:2: not YAML");
	assert_not_found(FINDING_WARNING, ""); /* nothing that only follows from what could not be read */
	assert_string_equal(c->functions->rows.app_id, "shop");
	assert_int_equal(c->n_errors, 1);
}

static void findings_are_bounded_and_errors_counted_all_the_same(void **state)
{
	struct buf b = { 0 };
	const struct config *c;

	(void)state;
	buf_text(&b, "apiVersion: bridge/v1\nkind: Bridge\nspec:\n");
	for (int i = 0; i < 5000; i++)
		buf_printf(&b, "  functio%d: 1\n", i);
	files_write_bytes("a.yaml", b.p, b.n);
	buf_free(&b);
	c = load_with((const char *const[]){ "--config=%/a.yaml", NULL });
	assert_true(c->n_findings <= 1001);
	assert_int_equal(c->n_errors, 5000);
	assert_found(FINDING_ERROR, "more was found from here on than is shown");
}

static void control_bytes_of_a_file_do_not_reach_the_terminal(void **state)
{
	(void)state;
	load("apiVersion: bridge/v1\nkind: Bridge\nspec:\n  \"a\\x1b[2Jb\": 1\n");
	assert_found(FINDING_ERROR, "a\\x1b[2Jb is not a setting");
}

static void sizes_beyond_reason_are_refused(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_text(&b, COMPONENT("c", "pubsub.kafka") BROKERS);
	for (int i = 0; i < 1001; i++)
		buf_text(&b, "  - {name: a, value: b}\n");
	files_write_bytes("a.yaml", b.p, b.n);
	load_with((const char *const[]){ "--config=%/a.yaml", NULL });
	assert_found(FINDING_ERROR, "metadata: 1002 entries, expected at most 1000");
	buf_clear(&b);
	buf_text(&b, COMPONENT("c", "pubsub.kafka") BROKERS "  - {name: url, value: '");
	for (int i = 0; i < 5000; i++)
		buf_text(&b, "{appID}{appID}");
	buf_text(&b, "'}\n---\napiVersion: bridge/v1\nkind: Bridge\nmetadata: {name: a-name-that-is-long}\n");
	files_write_bytes("a.yaml", b.p, b.n);
	load_with((const char *const[]){ "--config=%/a.yaml", NULL });
	assert_found(FINDING_ERROR, "url: too long with its braces, expected at most 65536 bytes");
	buf_clear(&b);
	buf_text(&b, "apiVersion: bridge/v1\nkind: Bridge\nmetadata: {name: ");
	for (int i = 0; i < 200; i++)
		buf_text(&b, "x");
	buf_text(&b, "}\n");
	files_write_bytes("a.yaml", b.p, b.n);
	load_with((const char *const[]){ "--config=%/a.yaml", NULL });
	assert_found(FINDING_ERROR, "a.yaml:3:18: app id of 200 bytes, expected at most 128");
	buf_free(&b);
}

/* A good configuration with random bytes changed or dropped: loading ends and every finding has a text. */
static void whatever_is_changed_loading_ends(void **state)
{
	static const char good[] = BRIDGE COMPONENT("ps", "pubsub.kafka") BROKERS
	    "  - {name: order, value: key}\n"
	    "  - {name: subscriptionScopes, value: 'shop=t;b=c'}\n"
	    "scopes: [shop]\n" SUBSCRIPTION("s", "ps",
		"t") "  deadLetterTopic: d\n"
		     "  metadata: {retryMaxAge: 1h, backOffDuration: 250}\n" COMPONENT("in", "bindings.kafka") BROKERS
	    "  - {name: topics, value: t}\n"
	    "  - {name: direction, value: 'input, output'}\n";
	struct random random = { 7 };

	(void)state;
	for (int round = 0; round < 1000; round++) {
		char text[sizeof(good) + 64];
		size_t n = sizeof(good) - 1;
		const struct config *c;

		memcpy(text, good, n);
		for (unsigned i = 0; i <= round % 6u; i++) {
			size_t at = random_next(&random) % (n - 40), length = random_next(&random) % 12;

			if (random_next(&random) % 2)
				text[at] = (char)random_next(&random);
			else if (n > sizeof(good) / 2)
				memmove(text + at, text + at + length, (n -= length) - at);
		}
		files_write_bytes("a.yaml", text, n);
		c = load_with((const char *const[]){ "--config=%/a.yaml", NULL });
		for (unsigned i = 0; i < c->n_findings; i++)
			assert_true(*c->findings[i].text);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, files_setup, files_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(files_that_cannot_be_read_are_named),
		TEST(a_huge_file_is_refused_without_being_read),
		TEST(broken_yaml_says_where_and_the_other_files_are_read),
		TEST(findings_are_bounded_and_errors_counted_all_the_same),
		TEST(control_bytes_of_a_file_do_not_reach_the_terminal),
		TEST(sizes_beyond_reason_are_refused),
		TEST(whatever_is_changed_loading_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
