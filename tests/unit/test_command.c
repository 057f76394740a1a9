/* The command line: words, forms of flags, daprd's flags, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "bridge/error.h"
#include "bridge/config/config.h"

#define LINE(...) ((char *[]){ "bridge", __VA_ARGS__, NULL })

static int parse(struct command *c, char **argv, struct error *e)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	return command_parse(c, argc, argv, e);
}

static struct command command_of(char **argv)
{
	struct error e = { ERR_NONE, "" };
	struct command c;

	if (parse(&c, argv, &e))
		fail_msg("%s", e.text);
	return c;
}

static void assert_refused(char **argv, const char *expected)
{
	struct error e = { ERR_NONE, "" };
	struct command c;

	assert_int_equal(parse(&c, argv, &e), -1);
	if (!strstr(e.text, expected))
		fail_msg("\"%s\" does not say \"%s\"", e.text, expected);
}

/* The value a row has from the command line; NULL: none. */
static const char *value_of(const struct command *c, const char *row)
{
	const char *value = NULL;

	for (unsigned i = 0; i < c->n_settings; i++)
		if (!strcmp(c->settings[i].name, row))
			value = c->settings[i].value;
	return value;
}

static void assert_value(char **argv, const char *row, const char *expected)
{
	struct command c = command_of(argv);
	const char *value = value_of(&c, row);

	if (!expected)
		assert_null(value);
	else if (!value || strcmp(value, expected) != 0)
		fail_msg("%s is \"%s\", expected \"%s\"", row, value ? value : "nothing", expected);
	command_free(&c);
}

static void assert_verb(char **argv, int verb)
{
	struct command c = command_of(argv);

	assert_int_equal(c.verb, verb);
	command_free(&c);
}

static void words_say_what_to_do_and_flags_alone_run(void **state)
{
	(void)state;
	assert_verb(LINE("--config", "a.yaml"), COMMAND_RUN);
	assert_verb(LINE("run", "--config", "a.yaml"), COMMAND_RUN);
	assert_verb(LINE("--config", "a.yaml", "check"), COMMAND_CHECK);
	assert_verb(LINE("top"), COMMAND_TOP);
	assert_verb(LINE("scaler", "--config", "dir"), COMMAND_SCALER);
	assert_verb(LINE("version"), COMMAND_VERSION);
	assert_verb(LINE("--version"), COMMAND_VERSION);
	assert_verb(LINE("-version"), COMMAND_VERSION);
	assert_verb(LINE("help"), COMMAND_HELP);
	assert_verb(LINE("--help"), COMMAND_HELP);
	assert_verb(LINE("-h"), COMMAND_HELP);
	assert_verb((char *[]){ "bridge", NULL }, COMMAND_HELP);
}

static void a_flag_has_four_forms(void **state)
{
	(void)state;
	assert_value(LINE("--app-id=shop"), "metadata.name", "shop");
	assert_value(LINE("--app-id", "shop"), "metadata.name", "shop");
	assert_value(LINE("-app-id=shop"), "metadata.name", "shop");
	assert_value(LINE("-app-id", "shop"), "metadata.name", "shop");
	assert_value(LINE("--app-id=a=b"), "metadata.name", "a=b");
	assert_value(LINE("--app-id", "a", "--app-id", "b"), "metadata.name", "b");
}

static void a_switch_is_bare_or_says_true_or_false(void **state)
{
	(void)state;
	assert_value(LINE("--log-as-json"), "log.json", "true");
	assert_value(LINE("--log-as-json=true"), "log.json", "true");
	assert_value(LINE("--log-as-json=false"), "log.json", "false");
	assert_refused(
	    LINE("--log-as-json=perhaps"), "--log-as-json: \"perhaps\" is neither yes nor no, expected true or false");
	assert_refused(LINE("--log-as-json", "true"), "unknown word \"true\"");
}

static void paths_may_be_given_many_times(void **state)
{
	struct command c =
	    command_of(LINE("--config", "a.yaml", "--resources-path=r1", "--components-path", "r2", "--config=b"));

	(void)state;
	assert_int_equal(c.n_config_paths, 2);
	assert_string_equal(c.config_paths[0], "a.yaml");
	assert_string_equal(c.config_paths[1], "b");
	assert_int_equal(c.n_resource_paths, 2);
	assert_string_equal(c.resource_paths[1], "r2");
	command_free(&c);
	assert_refused(LINE("--config="), "--config: empty");
	assert_refused(LINE("--config"), "--config: no value, expected one: --config=FILE|DIR");
}

static void port_address_and_protocol_make_the_functions_address(void **state)
{
	(void)state;
	assert_value(LINE("--app-port", "8080"), "function.address", "127.0.0.1:8080");
	assert_value(LINE("--app-port", "8080", "--app-channel-address", "fn"), "function.address", "fn:8080");
	assert_value(LINE("--app-channel-address=::1", "--app-port=80"), "function.address", "[::1]:80");
	assert_value(
	    LINE("--app-port", "8443", "--app-protocol", "https"), "function.address", "https://127.0.0.1:8443");
	assert_value(LINE("--app-port", "8443", "--app-ssl"), "function.address", "https://127.0.0.1:8443");
	assert_value(LINE("--app-port", "8080", "--app-protocol=http"), "function.address", "127.0.0.1:8080");
	assert_value(LINE("--app-protocol=http"), "function.address", NULL);
	assert_value(LINE("--app-protocol=plain"), "function.protocol", "plain");
	assert_value(LINE("--app-port="), "function.address", NULL);
	assert_refused(LINE("--app-port", "many"), "--app-port: \"many\" is not a whole number");
	assert_refused(LINE("--app-port", "65536"), "--app-port: 65536 is out of range, expected 0 to 65535");
	assert_refused(LINE("--app-protocol", "grpc"),
	    "--app-protocol: grpc is not part of this version, expected http, https or plain");
	assert_refused(LINE("--app-protocol", "h2c"), "not part of this version");
	assert_refused(LINE("--app-protocol", "smtp"), "--app-protocol: \"smtp\" is not a protocol");
}

static void daprds_numbers_become_settings(void **state)
{
	(void)state;
	assert_value(LINE("--app-max-concurrency", "8"), "function.endpointConcurrency", "8");
	assert_value(LINE("--app-max-concurrency", "-1"), "function.endpointConcurrency", NULL);
	assert_value(LINE("--app-max-concurrency=0"), "function.endpointConcurrency", NULL);
	assert_value(LINE("--dapr-http-port", "3501"), "dapr.httpPort", "3501");
	assert_value(LINE("--metrics-port", "9091"), "admin.port", "9091");
	assert_value(LINE("--metrics-listen-address", "0.0.0.0"), "admin.listen", "0.0.0.0");
	assert_value(LINE("--enable-metrics=false", "--metrics-port", "9091"), "admin.port", "0");
	assert_value(LINE("--enable-metrics"), "admin.port", NULL);
	assert_value(LINE("--dapr-graceful-shutdown-seconds", "7"), "drainTimeout", "7");
	assert_value(LINE("--app-binding-options-timeout", "1m"), "function.bindingOptionsTimeout", "1m");
	assert_value(LINE("--log-level", "warning"), "log.level", "warning");
	assert_refused(LINE("--log-level", "loud"),
	    "--log-level: \"loud\" is not a word for this, expected debug, info, warn, error or fatal");
	assert_refused(LINE("--app-max-concurrency", "some"), "--app-max-concurrency");
	assert_refused(LINE("--dapr-http-port", "99999"), "--dapr-http-port: 99999 is out of range");
}

static void of_several_listen_addresses_one_is_listened_on_and_it_is_said(void **state)
{
	struct command c = command_of(LINE("--dapr-listen-addresses=[::1],127.0.0.1"));

	(void)state;
	assert_string_equal(value_of(&c, "dapr.listen"), "127.0.0.1");
	assert_int_equal(c.n_ignored, 1);
	assert_non_null(strstr(c.ignored[0], "only 127.0.0.1"));
	command_free(&c);
	assert_value(LINE("--dapr-listen-addresses", "[::1]"), "dapr.listen", "::1");
	assert_value(LINE("--dapr-listen-addresses", "0.0.0.0"), "dapr.listen", "0.0.0.0");
	assert_value(LINE("--dapr-listen-addresses="), "dapr.listen", NULL);
}

static void every_other_flag_of_daprd_is_known_and_collected(void **state)
{
	static char *const with_value[] = { "--dapr-grpc-port", "--dapr-public-port", "--dapr-internal-grpc-port",
		"--unix-domain-socket", "--mode", "--app-health-check-path", "--app-health-probe-interval",
		"--app-health-probe-timeout", "--app-health-threshold", "--max-body-size", "--read-buffer-size",
		"--dapr-http-max-request-size", "--dapr-http-read-buffer-size", "--dapr-block-shutdown-duration",
		"--log-file", "--profile-port", "--disable-init-endpoints", "--hot-reload-reconcile-interval",
		"--allowed-origins", "--placement-host-address", "--scheduler-host-address", "--sentry-address",
		"--control-plane-address", "--control-plane-namespace", "--control-plane-trust-domain",
		"--actors-service" };
	static char *const switches[] = { "--enable-app-health-check", "--enable-api-logging", "--enable-profiling",
		"--enable-mtls" };

	(void)state;
	for (size_t i = 0; i < sizeof(with_value) / sizeof(*with_value); i++) {
		struct command c = command_of(LINE(with_value[i], "0", "--app-id", "shop"));

		assert_int_equal(c.n_ignored, 1);
		assert_memory_equal(c.ignored[0], with_value[i], strlen(with_value[i]));
		assert_string_equal(value_of(&c, "metadata.name"), "shop");
		command_free(&c);
	}
	for (size_t i = 0; i < sizeof(switches) / sizeof(*switches); i++) {
		struct command c = command_of(LINE(switches[i], "--app-id", "shop"));

		assert_int_equal(c.n_ignored, 1);
		assert_string_equal(value_of(&c, "metadata.name"), "shop");
		command_free(&c);
	}
	assert_refused(LINE("--wait"), "--wait is not part of this version");
}

static void what_is_not_known_is_an_error_with_a_suggestion(void **state)
{
	(void)state;
	assert_refused(LINE("--app-prot", "8080"), "unknown flag --app-prot, did you mean \"app-port\"?");
	assert_refused(LINE("--konfig=x"), "did you mean \"config\"?");
	assert_refused(LINE("--something-else-entirely"), "expected one of those `bridge help` names");
	assert_refused(LINE("chekc"), "unknown word \"chekc\", did you mean \"check\"?");
	assert_refused(LINE("check", "run"), "unknown word \"run\"");
	assert_refused(LINE("frobnicate"), "expected run, check, send, tail, top, scaler, version or help");
	assert_refused(LINE("-"), "unknown word \"-\"");
	assert_refused(LINE(""), "unknown word \"\"");
	assert_refused(LINE("--"), "nothing behind --");
	assert_refused(LINE("--="), "unknown flag");
	assert_refused(LINE("---config"), "unknown flag");
}

static void print_goes_with_check_only(void **state)
{
	struct command c = command_of(LINE("check", "--print", "--config", "a"));

	(void)state;
	assert_true(c.print);
	command_free(&c);
	assert_refused(
	    LINE("--config", "a", "--print"), "--print goes with check only, expected: bridge check --print");
}

static void too_many_arguments_are_refused(void **state)
{
	static char *argv[1003];

	(void)state;
	for (int i = 0; i < 1002; i++)
		argv[i] = "--help";
	assert_refused(argv, "1002 arguments, expected at most 1000");
}

static void the_help_fits_a_screen_and_names_what_is_read(void **state)
{
	FILE *to = tmpfile();
	int kept = dup(STDOUT_FILENO);
	char text[8192], *line = text;
	size_t n, lines = 0;

	(void)state;
	fflush(stdout);
	assert_true(dup2(fileno(to), STDOUT_FILENO) >= 0);
	command_help();
	fflush(stdout);
	dup2(kept, STDOUT_FILENO);
	close(kept);
	rewind(to);
	n = fread(text, 1, sizeof(text) - 1, to);
	text[n] = '\0';
	fclose(to);
	assert_non_null(strstr(text, "--config FILE|DIR"));
	assert_non_null(strstr(text, "bridge check [--print]"));
	assert_non_null(strstr(text, "onExhausted: drop"));
	for (char *end; (end = strchr(line, '\n')); line = end + 1, lines++)
		assert_true(end - line <= 110);
	assert_in_range(lines, 20, 55);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_say_what_to_do_and_flags_alone_run),
		cmocka_unit_test(a_flag_has_four_forms),
		cmocka_unit_test(a_switch_is_bare_or_says_true_or_false),
		cmocka_unit_test(paths_may_be_given_many_times),
		cmocka_unit_test(port_address_and_protocol_make_the_functions_address),
		cmocka_unit_test(daprds_numbers_become_settings),
		cmocka_unit_test(of_several_listen_addresses_one_is_listened_on_and_it_is_said),
		cmocka_unit_test(every_other_flag_of_daprd_is_known_and_collected),
		cmocka_unit_test(what_is_not_known_is_an_error_with_a_suggestion),
		cmocka_unit_test(print_goes_with_check_only),
		cmocka_unit_test(too_many_arguments_are_refused),
		cmocka_unit_test(the_help_fits_a_screen_and_names_what_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
