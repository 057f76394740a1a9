/* The flags of the command line, and the help made of them. */
#include "bridge/config/flag.h"
#include <stdio.h>
#include <string.h>
#include "bridge/config/config.h"

#define VALUE(n, a, s, h, ...) \
	{ \
		.name = n, .act = a, .takes_value = true, .shape = s, .help = h, __VA_ARGS__ \
	}
#define SWITCH(n, a, h, ...) \
	{ \
		.name = n, .act = a, .help = h, __VA_ARGS__ \
	}
#define IGNORED(n) VALUE(n, FLAG_IGNORED, NULL, NULL)
#define IGNORED_SWITCH(n) SWITCH(n, FLAG_IGNORED, NULL)

const struct flag flags[] = { VALUE("config", FLAG_CONFIG, "FILE|DIR",
				  "a YAML file, or every *.yaml and *.yml of a directory; repeatable",
				  .group = "What to read"),
	VALUE("resources-path", FLAG_RESOURCES, "DIR", "the same, in daprd's words; repeatable"),
	VALUE("components-path", FLAG_RESOURCES, "DIR", NULL),

	VALUE("app-id", FLAG_ROW, "NAME", "name of the function, default consumer group, what scopes name",
	    .row = "metadata.name", .group = "The function"),
	VALUE("app-port", FLAG_PORT, "N", "port it listens on"),
	VALUE("app-channel-address", FLAG_CHANNEL, "HOST", "where it is (127.0.0.1)"),
	VALUE("app-protocol", FLAG_PROTOCOL, "WORD", "http, https, or plain: CloudEvents over HTTP (http)"),
	VALUE("app-max-concurrency", FLAG_CONCURRENCY, "N", "deliveries in flight (64)"),
	VALUE("app-binding-options-timeout", FLAG_ROW, "TIME", "for it to say whether it wants a binding (3s)",
	    .row = "function.bindingOptionsTimeout"),
	SWITCH("app-ssl", FLAG_TLS, NULL),

	VALUE("dapr-http-port", FLAG_ROW, "N", "port of the Dapr API (3500); 0: off", .row = "dapr.httpPort",
	    .group = "The process"),
	VALUE("dapr-listen-addresses", FLAG_LISTEN, "ADDRESS", "where it listens (127.0.0.1)"),
	VALUE("metrics-port", FLAG_ROW, "N", "port of metrics and health (9090); 0: off", .row = "admin.port"),
	VALUE("metrics-listen-address", FLAG_ROW, "ADDRESS", "where they listen (127.0.0.1)", .row = "admin.listen"),
	SWITCH("enable-metrics", FLAG_METRICS, "=false: no metrics and health"),
	VALUE("dapr-graceful-shutdown-seconds", FLAG_ROW, "N", "to finish what is in flight when stopping (5)",
	    .row = "drainTimeout"),
	VALUE("log-level", FLAG_ROW, "WORD", "debug, info, warn, error or fatal (info)", .row = "log.level"),
	SWITCH("log-as-json", FLAG_ROW, "log as JSON", .row = "log.json"),

	SWITCH("print", FLAG_PRINT, "with check: the effective configuration, without secrets", .verb = COMMAND_CHECK,
	    .group = "Of one word"),
	VALUE("key", FLAG_KEY, "KEY", "with send: key of the event", .verb = COMMAND_SEND),
	VALUE("header", FLAG_HEADER, "NAME=VALUE", "with send: a header of it; repeatable", .verb = COMMAND_SEND),
	VALUE("file", FLAG_FILE, "FILE", "with send: the whole file as one event", .verb = COMMAND_SEND),
	VALUE("count", FLAG_COUNT, "N", "with tail: ends after so many events", .verb = COMMAND_TAIL),
	VALUE("admin", FLAG_ADMIN, "HOST:PORT", "with top: where metrics are (127.0.0.1:9090)", .verb = COMMAND_TOP),
	SWITCH("once", FLAG_ONCE, "with top: one look, then end", .verb = COMMAND_TOP),
	SWITCH("version", FLAG_VERB, "print the version", .verb = COMMAND_VERSION, .group = "Other"),
	SWITCH("help", FLAG_VERB, "print this", .verb = COMMAND_HELP),
	SWITCH("h", FLAG_VERB, NULL, .verb = COMMAND_HELP),
	SWITCH("build-info", FLAG_VERB, NULL, .verb = COMMAND_VERSION), SWITCH("wait", FLAG_LATER, NULL),

	IGNORED("dapr-grpc-port"), IGNORED("dapr-public-port"), IGNORED("dapr-public-listen-address"),
	IGNORED("dapr-internal-grpc-port"), IGNORED("dapr-internal-grpc-listen-address"), IGNORED("unix-domain-socket"),
	IGNORED("mode"), IGNORED_SWITCH("enable-app-health-check"), IGNORED("app-health-check-path"),
	IGNORED("app-health-probe-interval"), IGNORED("app-health-probe-timeout"), IGNORED("app-health-threshold"),
	IGNORED("max-body-size"), IGNORED("read-buffer-size"), IGNORED("dapr-http-max-request-size"),
	IGNORED("dapr-http-read-buffer-size"), IGNORED("dapr-block-shutdown-duration"), IGNORED("log-file"),
	IGNORED_SWITCH("enable-api-logging"), IGNORED("profile-port"), IGNORED_SWITCH("enable-profiling"),
	IGNORED("disable-init-endpoints"), IGNORED("hot-reload-reconcile-interval"), IGNORED("allowed-origins"),
	IGNORED("placement-host-address"), IGNORED("scheduler-host-address"), IGNORED("scheduler-job-streams"),
	IGNORED("sentry-address"), IGNORED_SWITCH("enable-mtls"), IGNORED("control-plane-address"),
	IGNORED("control-plane-namespace"), IGNORED("control-plane-trust-domain"), IGNORED("trust-anchors-file"),
	IGNORED("sentry-request-jwt-audiences"), IGNORED("actors-service"), IGNORED("reminders-service"),
	IGNORED("kubeconfig"), { .name = NULL } };

const char exceptions_text[] =
    "At least once has exceptions: onExhausted: drop or consumeRetryEnabled: \"false\" when\n"
    "written, a drop the function asks for, and sources that cannot repeat an event.";

bool flag_of_verb(const struct flag *f)
{
	return f->act >= FLAG_PRINT && f->act <= FLAG_COUNT;
}

const struct verb_row verbs[] = {
	{ "run", COMMAND_RUN, "run [SOURCE FUNCTION] [FLAGS] [-- COMMAND]",
	    "run; COMMAND is the function, started beside" },
	{ "check", COMMAND_CHECK, "check [--print] [SOURCE FUNCTION] [FLAGS]",
	    "what is wrong with a configuration, and what it does" },
	{ "send", COMMAND_SEND, "send COMPONENT|URL [TOPIC] [DATA|--file F|-]",
	    "write events, confirmed; a line of input is an event" },
	{ "tail", COMMAND_TAIL, "tail COMPONENT|URL [TOPIC] [--count N]",
	    "print events as JSON lines, acknowledge none" },
	{ "top", COMMAND_TOP, "top [--admin HOST:PORT] [--once]",
	    "events a second, in flight and lag of a running one" },
	{ "scaler", COMMAND_SCALER, "scaler --config DIR [FLAGS]",
	    "tell KEDA what waits for many functions, reading nothing" },
	{ "help", COMMAND_HELP, "help [kafka|function|policy|process]", "this, or every row of that" },
	{ "version", COMMAND_VERSION, "version", "its number" },
	{ .name = NULL },
};

const struct flag *flag_find(const char *name, size_t n)
{
	for (const struct flag *f = flags; f->name; f++)
		if (strlen(f->name) == n && !memcmp(f->name, name, n))
			return f;
	return NULL;
}

void command_help(void)
{
	puts("bridge carries events from brokers to a function, at least once.\n");
	for (const struct verb_row *v = verbs; v->name; v++) {
		char left[64];

		snprintf(left, sizeof(left), "bridge %s", v->usage);
		printf("  %-52s%s\n", left, v->help);
	}
	puts("\nIn one line: bridge run kafka://127.0.0.1:9092/orders http://127.0.0.1:8080/orders -- ./function\n\n"
	     "Flags are written --name=value or --name value, and win over files.  daprd's are known, all of them.");
	for (const struct flag *f = flags; f->name; f++) {
		char left[64];

		if (f->group)
			printf("\n%s\n", f->group);
		if (!f->help)
			continue;
		snprintf(left, sizeof(left), "--%s%s%s", f->name, f->shape ? " " : "", f->shape ? f->shape : "");
		printf("  %-37s %s\n", left, f->help);
	}
	printf("\n%s\n", exceptions_text);
}
