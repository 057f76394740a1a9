/* References in metadata: each store, what is missing, and that no value is ever seen again. */
/* links: config_files.c fake_parts.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>
#include "bridge/error.h"
#include "bridge/option.h"
#include "bridge/config/parse.h"
#include "bridge/config/secret.h"
#include "tests/unit/config_files.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, files_setup, files_teardown)
#define STORE(type, rows) \
	"---\napiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: vault}\nspec:\n" \
	"  type: secretstores." type "\n  version: v1\n  metadata: [" rows "]\n"
#define PASSWORD(reference, auth) \
	COMPONENT("c", "pubsub.kafka") BROKERS "  - name: saslPassword\n    " reference "\n" auth
#define VAULT "auth: {secretStore: vault}\n"

static const char *value_of(const struct config *c, const char *name)
{
	for (unsigned i = 0; i < c->functions->n_components; i++)
		for (unsigned j = 0; c->functions->components[i].part && j < c->functions->components[i].n_settings;
		     j++)
			if (!strcmp(c->functions->components[i].settings[j].name, name))
				return c->functions->components[i].settings[j].value;
	return NULL;
}

static void assert_nowhere(const struct config *c, const char *secret)
{
	struct buf printed = { 0 };

	config_render(c, &printed);
	buf_add(&printed, "", 1);
	assert_null(strstr(printed.p, secret));
	buf_free(&printed);
	for (int severity = FINDING_NOTE; severity <= FINDING_ERROR; severity++)
		assert_not_found((enum severity)severity, secret);
}

static void assert_printed(const struct config *c, const char *text)
{
	struct buf printed = { 0 };

	config_render(c, &printed);
	buf_add(&printed, "", 1);
	if (!strstr(printed.p, text))
		fail_msg("\"%s\" is not in:\n%s", text, printed.p);
	buf_free(&printed);
}

static int env_setup(void **state)
{
	setenv("BRIDGE_TEST_PASS", "hunter2", 1);
	setenv("DAPR_API_TOKEN", "token1", 1);
	setenv("APP_API_TOKEN", "token2", 1);
	return files_setup(state);
}

static int env_teardown(void **state)
{
	unsetenv("BRIDGE_TEST_PASS");
	unsetenv("DAPR_API_TOKEN");
	unsetenv("APP_API_TOKEN");
	unsetenv("DAPR_ENV_KEYS");
	return files_teardown(state);
}

static void an_environment_variable_is_referred_to(void **state)
{
	const struct config *c = load(BRIDGE PASSWORD("envRef: BRIDGE_TEST_PASS", ""));

	(void)state;
	assert_clean();
	assert_string_equal(value_of(c, "saslPassword"), "hunter2");
	assert_true(c->has_secrets);
	assert_nowhere(c, "hunter2");
	assert_printed(c, "    - name: saslPassword\n      envRef: \"BRIDGE_TEST_PASS\"\n");
}

static void variables_that_are_denied_stay_out(void **state)
{
	(void)state;
	load(PASSWORD("envRef: DAPR_API_TOKEN", ""));
	assert_found(FINDING_ERROR, "a.yaml:11:5: saslPassword: environment variable DAPR_API_TOKEN may not be used");
	load(PASSWORD("envRef: APP_API_TOKEN", ""));
	assert_found(FINDING_ERROR, "environment variable APP_API_TOKEN may not be used");
	load(PASSWORD("envRef: 'a b'", ""));
	assert_found(FINDING_ERROR, "environment variable a b may not be used");
	load(STORE("local.env", "{name: prefix, value: DAPR_}") PASSWORD("secretKeyRef: {name: API_TOKEN}", VAULT));
	assert_found(FINDING_ERROR, "secret store vault: environment variable DAPR_API_TOKEN may not be used");
	setenv("DAPR_ENV_KEYS", "OTHER BRIDGE_TEST_PASS", 1);
	assert_true(secret_env_allowed("BRIDGE_TEST_PASS"));
	assert_true(secret_env_allowed("OTHER"));
	assert_false(secret_env_allowed("BRIDGE_TEST"));
	assert_false(secret_env_allowed("BRIDGE_TEST_PASS2"));
}

static void a_local_env_store_finds_by_prefix_and_name(void **state)
{
	const struct config *c = load(BRIDGE PASSWORD("secretKeyRef: {name: PASS, key: PASS}", VAULT)
		STORE("local.env", "{name: prefix, value: BRIDGE_TEST_}"));

	(void)state;
	assert_clean();
	assert_string_equal(value_of(c, "saslPassword"), "hunter2");
	assert_nowhere(c, "hunter2");
	assert_printed(c, "      secretKeyRef: {name: \"PASS\", key: \"PASS\"}\n");
	assert_printed(c, "auth:\n  secretStore: vault\n");
	assert_printed(c, "    - name: prefix\n      value: \"BRIDGE_TEST_\"\n");
	load(PASSWORD("secretKeyRef: {name: BRIDGE_TEST_PASS, key: other}", VAULT) STORE("local.env", ""));
	assert_found(FINDING_ERROR,
	    "a.yaml:11:5: saslPassword: secret store vault: secret BRIDGE_TEST_PASS of a store local.env");
}

static void what_is_printed_reads_as_the_same_again(void **state)
{
	const struct config *c = load(BRIDGE PASSWORD("secretKeyRef: {name: PASS}", VAULT)
		STORE("local.env", "{name: prefix, value: BRIDGE_TEST_}"));
	struct buf printed = { 0 }, again = { 0 };

	(void)state;
	config_render(c, &printed);
	files_write_bytes("a.yaml", printed.p, printed.n);
	c = load_with((const char *const[]){ "--config", "%/a.yaml", NULL });
	assert_clean();
	assert_string_equal(value_of(c, "saslPassword"), "hunter2");
	config_render(c, &again);
	assert_int_equal(printed.n, again.n);
	assert_memory_equal(printed.p, again.p, again.n);
	buf_free(&printed);
	buf_free(&again);
}

static const struct config *load_store(const char *json, const char *rows, const char *reference)
{
	struct buf text = { 0 };
	const struct config *c;

	files_write("secrets.json", json);
	buf_printf(
	    &text, BRIDGE STORE("local.file", "{name: secretsFile, value: '%s'}%s"), files_path("secrets.json"), rows);
	buf_printf(&text, PASSWORD("secretKeyRef: %s", VAULT), reference);
	buf_add(&text, "", 1);
	c = load(text.p);
	buf_free(&text);
	return c;
}

static void assert_stored(const char *json, const char *rows, const char *reference, const char *value)
{
	const struct config *c = load_store(json, rows, reference);

	assert_clean();
	assert_string_equal(value_of(c, "saslPassword"), value);
	assert_nowhere(c, value);
}

static void a_local_file_store_flattens_names_by_the_separator(void **state)
{
	static const char nested[] =
	    "{\"plain\": \"zq1\", \"a\": {\"b\": {\"c\": \"zq2\"}, \"b:c\": \"zq3\"}, \"n\": 91827}";

	(void)state;
	assert_stored(nested, "", "{name: plain}", "zq1");
	assert_stored(nested, "", "{name: plain, key: plain}", "zq1");
	assert_stored("{\"a\": {\"b\": {\"c\": \"zq2\"}}}", "", "{name: 'a:b:c'}", "zq2");
	assert_stored(nested, ", {name: nestedSeparator, value: .}", "{name: a.b.c}", "zq2");
	assert_stored(nested, "", "{name: n}", "91827");
	assert_stored("{\"x\": \"z\\u00fc\\n\\ud83d\\ude00q\"}", "", "{name: x}", "z\u00fc\n\U0001f600q");
	load_store(nested, "", "{name: a}");
	assert_found(FINDING_ERROR, "secret a, key a: expected a text");
	load_store(nested, "", "{name: missing}");
	assert_found(FINDING_ERROR, "a.yaml:24:5: saslPassword: secret store vault: ");
	assert_found(FINDING_ERROR, "secrets.json: no secret missing with key missing");
	load_store(nested, "", "{name: plain, key: other}");
	assert_found(FINDING_ERROR, "no secret plain with key other");
	load_store("{\"plain\": \"zq1\", ", "", "{name: plain}");
	assert_found(FINDING_ERROR, "secrets.json: not a JSON object");
	load_store("{\"x\": \"a\\u0000b\"}", "", "{name: x}");
	assert_found(FINDING_ERROR, "saslPassword: a secret with a NUL byte");
}

static void a_local_file_store_of_many_values_has_keys(void **state)
{
	static const char json[] = "{\"db\": {\"pass\": \"zq1\", \"in\": {\"ner\": \"zq2\"}}, \"one\": \"zq3\"}";
	static const char many[] = ", {name: multiValued, value: true}";

	(void)state;
	assert_stored(json, many, "{name: db, key: pass}", "zq1");
	assert_stored(json, many, "{name: db, key: 'in:ner'}", "zq2");
	assert_stored(json, many, "{name: one}", "zq3");
	load_store(json, many, "{name: 'db:pass'}");
	assert_found(FINDING_ERROR, "no secret db:pass with key db:pass");
	load_store(json, many, "{name: one, key: pass}");
	assert_found(FINDING_ERROR, "no secret one with key pass");
}

static void a_mounted_directory_is_a_store(void **state)
{
	struct buf bridge = { 0 }, value = { 0 };
	struct secret_ref ref = { .name = "kafka", .key = "pass" };
	struct error e = { ERR_NONE, "" };
	const struct config *c;

	(void)state;
	buf_printf(&bridge,
	    "apiVersion: bridge/v1\nkind: Bridge\nmetadata: {name: shop}\nspec: {secrets: {path: '%s'}}\n",
	    files_path("mounted"));
	buf_text(&bridge, PASSWORD("secretKeyRef: {name: kafka, key: pass}", "auth: {secretStore: kubernetes}\n"));
	buf_add(&bridge, "", 1);
	mkdir(files_path("mounted"), 0700);
	mkdir(files_path("mounted/kafka"), 0700);
	files_write("mounted/kafka/pass", "hunter2 \n");
	c = load(bridge.p);
	assert_string_equal(value_of(c, "saslPassword"), "hunter2 ");
	assert_nowhere(c, "hunter2");
	assert_int_equal(unlink(files_path("mounted/kafka/pass")), 0);
	load(bridge.p);
	assert_found(FINDING_ERROR, "mounted/kafka/pass: No such file or directory");
	ref.key = "../../a.yaml";
	assert_int_equal(secret_of_directory(files_path("mounted"), &ref, &value, &e), -1);
	assert_non_null(strstr(e.text, "expected names without a slash"));
	ref.key = "..";
	assert_int_equal(secret_of_directory(files_path("mounted"), &ref, &value, &e), -1);
	rmdir(files_path("mounted/kafka"));
	buf_free(&bridge);
	buf_free(&value);
}

static void a_store_that_is_not_there_is_named(void **state)
{
	(void)state;
	load(PASSWORD("secretKeyRef: {name: a}", VAULT));
	assert_found(FINDING_ERROR, "saslPassword: there is no component vault");
	load(PASSWORD("secretKeyRef: {name: a}", VAULT) STORE("azure.keyvault", ""));
	assert_found(
	    FINDING_ERROR, "secret store vault is of a type that is not here, expected secretstores.local.env");
	load(PASSWORD("secretKeyRef: {name: a}", VAULT) STORE("local.env", "") "scopes: [other]\n");
	assert_found(FINDING_ERROR, "secret store vault is not for this app");
	load(PASSWORD("secretKeyRef: {key: a}", VAULT));
	assert_found(FINDING_ERROR, "a.yaml:11:19: saslPassword: secretKeyRef without a name");
	load(PASSWORD("secretKeyRef: a", VAULT));
	assert_found(FINDING_ERROR, "secretKeyRef: a text, expected a map");
	load(PASSWORD("secretKeyRef: {name: a}", VAULT)
		STORE("local.file", "{name: secretsFile, secretKeyRef: {name: b}}") VAULT);
	assert_found(FINDING_ERROR, "secret store vault has secrets in its own metadata");
}

/* A value that cannot be read is quoted in its fault; one that was referred to is not, whatever its row says. */
static void a_value_by_reference_is_not_repeated_in_a_fault(void **state)
{
	const struct config *c =
	    load(COMPONENT("c", "pubsub.kafka") BROKERS "  - {name: pollInterval, envRef: BRIDGE_TEST_PASS}\n"
							"  - {name: order, envRef: BRIDGE_TEST_PASS}\n"
							"  - {name: url, envRef: BRIDGE_TEST_PASS}\n"
							"  - {name: direction, envRef: BRIDGE_TEST_PASS}\n");

	(void)state;
	assert_found(FINDING_ERROR, "a.yaml:10:26: pollInterval: the value is not a duration");
	assert_found(FINDING_ERROR, "order: the value is not a word for this");
	assert_nowhere(c, "hunter2");
}

static void a_secret_gets_no_placeholder_filled_in(void **state)
{
	(void)state;
	setenv("BRIDGE_TEST_PASS", "{uuid}{podName}", 1);
	assert_string_equal(
	    value_of(load(PASSWORD("envRef: BRIDGE_TEST_PASS", "")), "saslPassword"), "{uuid}{podName}");
}

static void a_secret_in_a_row_that_is_seen_gets_a_note(void **state)
{
	(void)state;
	load(COMPONENT("c", "pubsub.kafka") BROKERS
	    "  - {name: url, secretKeyRef: {name: BRIDGE_TEST_PASS}}\n" VAULT STORE("local.env", ""));
	assert_found(FINDING_NOTE, "a.yaml:10:17: url is not a row for secrets: what it holds may be seen in logs");
}

static void without_secrets_none_are_held(void **state)
{
	(void)state;
	assert_false(load(COMPONENT("c", "pubsub.kafka") BROKERS)->has_secrets);
	assert_true(load(COMPONENT("c", "pubsub.kafka") BROKERS "  - {name: saslPassword, value: x}\n")->has_secrets);
}

static void option_parse_keeps_what_was_referred_to_out_of_its_faults(void **state)
{
	struct rows {
		int64_t n;
	} rows = { 0 };
	static const struct option options[] = { INT("n", struct rows, n, NULL, 0, "number"), OPT_END };
	struct setting s = { .name = "n", .value = "hunter2", .file = "f", .line = 1, .column = 1, .referred = true };
	struct error e;

	(void)state;
	assert_int_equal(option_parse(options, &rows, &s, 1, NULL, &e), -1);
	assert_null(strstr(e.text, "hunter2"));
}

#define ENV_TEST(f) cmocka_unit_test_setup_teardown(f, env_setup, env_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ENV_TEST(an_environment_variable_is_referred_to),
		ENV_TEST(variables_that_are_denied_stay_out),
		ENV_TEST(a_local_env_store_finds_by_prefix_and_name),
		ENV_TEST(what_is_printed_reads_as_the_same_again),
		TEST(a_local_file_store_flattens_names_by_the_separator),
		TEST(a_local_file_store_of_many_values_has_keys),
		TEST(a_mounted_directory_is_a_store),
		TEST(a_store_that_is_not_there_is_named),
		ENV_TEST(a_value_by_reference_is_not_repeated_in_a_fault),
		ENV_TEST(a_secret_gets_no_placeholder_filled_in),
		ENV_TEST(a_secret_in_a_row_that_is_seen_gets_a_note),
		TEST(without_secrets_none_are_held),
		TEST(option_parse_keeps_what_was_referred_to_out_of_its_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
