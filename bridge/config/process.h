/* Settings of the process itself and of its functions: `kind: Bridge`, and the flags that say the same. */
#ifndef BRIDGE_CONFIG_PROCESS_H
#define BRIDGE_CONFIG_PROCESS_H
#include "bridge/option.h"

/* words "http plain"; grpc is refused for now with a word of its own */
enum protocol { PROTOCOL_HTTP, PROTOCOL_PLAIN };
enum plain_format { PLAIN_BINARY, PLAIN_STRUCTURED, PLAIN_RAW };

/*
 * Rows are named by their path under spec ("function.address"), so the YAML tree flattens into settings and one
 * parser serves.  A Bridge document is a function; what is the process's alone stands in one of them, or alike in
 * several.
 */
struct process {
	int64_t		 admin_port;		/* admin.port; 0: off */
	const char	*admin_listen;		/* admin.listen */
	int64_t		 scaler_port;		/* scaler.port; 0: off */
	const char	*scaler_listen;		/* scaler.listen */
	/* scaler.tls.cert, .key, .clientCa: PEM files */
	const char	*scaler_cert, *scaler_key, *scaler_client_ca;
	const char	*scaler_token;		/* scaler.tokenFile: of the JSON form */
	const char	*secrets_path;		/* secrets.path: DIR of DIR/<name>/<key> */
	int64_t		 drain_ms;		/* drainTimeout, --dapr-graceful-shutdown-seconds */
	int		 log_level;		/* log.level: enum log_level */
	bool		 log_json;		/* log.json */
};

struct function_rows {
	const char	*app_id;		/* metadata.name, --app-id */
	const char	*address;		/* function.address; NULL: no function (nothing is subscribed) */
	int		 protocol;		/* function.protocol */
	int		 format;		/* function.format: what plain HTTP sends */
	int64_t		 endpoint_concurrency;	/* function.endpointConcurrency, --app-max-concurrency */
	bool		 adaptive;		/* function.adaptiveConcurrency: learn what it takes well */
	int64_t		 timeout_ms;		/* function.timeout: of one delivery */
	int64_t		 buffer_events, buffer_bytes;	/* function.bufferEvents, function.bufferBytes: the credit */
	int64_t		 options_timeout_ms;	/* function.bindingOptionsTimeout, --app-binding-options-timeout */
	/* function.tokenEnv: variable that holds what is sent as dapr-api-token */
	const char	*token_env;
	const char	*ca_file, *cert_file, *key_file;	/* function.tls.ca, .cert, .key: PEM files */
	bool		 skip_verify;		/* function.tls.skipVerify */
	int64_t		 dapr_http_port;	/* dapr.httpPort; 0: off */
	const char	*dapr_listen;		/* dapr.listen */
};

extern const struct option process_options[], function_row_options[];
/* In either table; NULL: in none. */
const struct option *process_row(const char *name);
#endif
