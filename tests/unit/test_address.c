/* Tests of addresses as people write them: what they mean, and what is said of those that mean nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "bridge/bytes.h"
#include "bridge/error.h"
#include "bridge/stream.h"

static void an_address_is_taken_apart(void **state)
{
	/* clang-format off */
	static const struct { const char *text, *host, *port, *path, *prefix; bool tls; const char *header; } cases[] = {
		{ "127.0.0.1:8080", "127.0.0.1", "8080", NULL, "", false, "127.0.0.1:8080" },
		{ "function:80", "function", "80", NULL, "", false, "function" },
		{ "a.b-c_d:00443", "a.b-c_d", "443", NULL, "", false, "a.b-c_d:443" },
		{ "[::1]:8080", "::1", "8080", NULL, "", false, "[::1]:8080" },
		{ "[fe80::1%eth0]:80", "fe80::1%eth0", "80", NULL, "", false, "[fe80::1]" },
		{ "unix:/run/f.sock", NULL, NULL, "/run/f.sock", "", false, "localhost" },
		{ "unix:///run/f.sock", NULL, NULL, "/run/f.sock", "", false, "localhost" },
		{ "http://f", "f", "80", NULL, "", false, "f" },
		{ "http://f/", "f", "80", NULL, "", false, "f" },
		{ "HTTP://f:81/fn/x/", "f", "81", NULL, "/fn/x", false, "f:81" },
		{ "https://f", "f", "443", NULL, "", true, "f" },
		{ "https://[::1]:8443/fn", "::1", "8443", NULL, "/fn", true, "[::1]:8443" },
		{ "https://[::1]", "::1", "443", NULL, "", true, "[::1]" },
	};
	/* clang-format on */
	struct address a, copy;
	struct error e;
	char header[300];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (address_parse(&a, cases[i].text, &e) < 0)
			fail_msg("%s", e.text);
		address_copy(&copy, &a);
		address_free(&a);
		assert_true(slice_equal(slice_text(copy.host), slice_text(cases[i].host)));
		assert_true(slice_equal(slice_text(copy.port), slice_text(cases[i].port)));
		assert_true(slice_equal(slice_text(copy.path), slice_text(cases[i].path)));
		assert_string_equal(copy.prefix, cases[i].prefix);
		assert_int_equal(copy.tls, cases[i].tls);
		assert_true(slice_equal(slice_text(copy.alpn), slice_text(cases[i].tls ? "http/1.1" : NULL)));
		assert_int_equal(address_host_header(&copy, header, sizeof(header)), strlen(cases[i].header));
		assert_string_equal(header, cases[i].header);
		address_free(&copy);
	}
}

/* A socket's path has room for 107 bytes. */
static const char too_long[] = "unix:/0123456789012345678901234567890123456789012345678901234567890123456789"
			       "01234567890123456789012345678901234567890";

static void an_address_that_is_none_is_refused_with_what_was_expected(void **state)
{
	static const char *const cases[] = {
		"",
		":80",
		"f",
		"f:",
		"f:0",
		"f:65536",
		"f:8o",
		"f:80:80",
		"f f:80",
		"::1:80",
		"[::1",
		"[::1]",
		"[::1]80",
		"[]:80",
		"[::g z]:80",
		"[%eth0]:80",
		"[%:]:80",
		"[f]:80",
		"unix:",
		"unix:run/f",
		"http://",
		"http://:80",
		"http://f:80x/",
		"http://f/a b",
		"http://f/?q",
		"http://f/#x",
		"http://f?q",
		"http://u:p@f/",
		"tcp://f:80",
		"f\x01:80",
		too_long,
	};
	struct address a;
	struct error e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		memset(&e, 0, sizeof(e));
		if (address_parse(&a, cases[i], &e) == 0)
			fail_msg("taken: %s", cases[i]);
		assert_int_equal(e.code, ERR_CONFIG);
		assert_true(strlen(e.text) > 10);
		assert_null(a.host);
	}
}

static void a_password_is_not_repeated_in_the_fault(void **state)
{
	static const char *const cases[] = { "http://u:pass@f/", "redis://u:pass@f:80", "u:pass@f:80",
		"http://u:pa/ss@f:80", "unix:u:pass@f" };
	struct address a;
	struct error e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(address_parse(&a, cases[i], &e), -1);
		assert_null(strstr(e.text, "u:pa"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_taken_apart),
		cmocka_unit_test(an_address_that_is_none_is_refused_with_what_was_expected),
		cmocka_unit_test(a_password_is_not_repeated_in_the_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
