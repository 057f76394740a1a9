/* The connection pool of an HTTP binding: its options, what its calls have in common, whether the function is there. */
#include "bindings/http_road.h"
#include <stdlib.h>
#include "bindings/http_trip.h"
#include "bridge/error.h"
#include "bridge/http1.h"

enum {
	CONCURRENCY_OPEN = 1024,
	CONNECT_MS = 5000,
	IDLE_MS = 60000,
	HEAD_MAX = 64 * 1024,
	BODY_MAX = 16 * 1024 * 1024,
	BODY_KEPT = 64 * 1024,
	SPARE_CONNECTIONS = 2, /* for questions while all others are with deliveries */
};

/* clang-format off */
#define ROAD(type, name, field, ...) type(name, struct http_road, options.field, __VA_ARGS__)
const struct option http_road_rows[] = {
	ROAD(STR, "address", address, NULL, OPT_REQUIRED | OPT_PLACE,
	    "where the function listens: host:port, unix:/path, http://… or https://…"),
	ROAD(INT, "endpointConcurrency", concurrency, "64", 0,
	    "deliveries in flight at once; -1 or 0: 1024, as in Dapr", .min = -1, .max = 65536),
	ROAD(MS, "bindingOptionsTimeout", options_timeout_ms, "3s", 0,
	    "how long the function may take to say whether it wants an input binding", .min = 1, .max = 3600000),
	ROAD(WORD, "format", format, "binary", 0, "what plain HTTP sends", .words = "binary structured raw"),
	ROAD(STR, "tls.ca", ca_file, NULL, 0, "PEM file of the authorities to trust; the system's if not given"),
	ROAD(STR, "tls.cert", cert_file, NULL, 0, "PEM file of our own certificate"),
	ROAD(STR, "tls.key", key_file, NULL, 0, "PEM file of its key"),
	ROAD(BOOL, "tls.skipVerify", skip_verify, "false", 0, "take any certificate"),
	ROAD(STR, "appToken", app_token, NULL, OPT_SECRET, "sent as header dapr-api-token with every call"),
	OPT_END
};
/* clang-format on */

static void road_reachable(void *arg, bool reachable)
{
	struct http_road *road = arg;

	binding_capacity(&road->base, reachable ? (unsigned)road->options.concurrency : 0);
}

static int road_common(struct http_road *road, struct error *err)
{
	char host[512];
	size_t n = address_host_header(&road->address, host, sizeof host);

	http1_add_header(&road->common, SLICE("Host"), (struct slice){ host, n });
	http1_add_header(&road->common, SLICE("User-Agent"), SLICE("bridge"));
	if (!road->options.app_token || !*road->options.app_token)
		return 0;
	if (!http1_add_header(&road->common, SLICE("dapr-api-token"), slice_text(road->options.app_token)))
		return error_set(
		    err, ERR_CONFIG, "appToken: holds a control byte, expected text that may stand in a header");
	return 0;
}

static int road_tls(struct http_road *road, struct error *err)
{
	const struct http_road_options *o = &road->options;
	const struct tls_options tls = {
		.ca_file = o->ca_file, .cert_file = o->cert_file, .key_file = o->key_file, .skip_verify = o->skip_verify
	};

	if (!road->address.tls)
		return 0;
	road->tls = tls_new(&tls, err);
	return road->tls ? 0 : error_wrap(err, "tls");
}

static void road_free(struct http_road *road)
{
	tls_free(road->tls);
	address_free(&road->address);
	buf_free(&road->common);
	while (road->spare) {
		struct http_trip *trip = road->spare;

		road->spare = trip->next;
		http_trip_free(trip);
	}
}

int http_road_open(struct http_road *road, struct error *err)
{
	struct http_client_options client = {
		.connect_ms = CONNECT_MS,
		.idle_ms = IDLE_MS,
		.max_head = HEAD_MAX,
		.max_body = BODY_MAX,
		.keep_body = BODY_KEPT,
		.reachable = road_reachable,
		.arg = road,
	};

	if (road->options.concurrency < 1)
		road->options.concurrency = CONCURRENCY_OPEN;
	if (address_parse(&road->address, road->options.address, err) < 0)
		return error_wrap(err, "address");
	if (road_common(road, err) < 0 || road_tls(road, err) < 0) {
		road_free(road);
		return -1;
	}
	client.connections = (unsigned)road->options.concurrency + SPARE_CONNECTIONS;
	client.address = road->address;
	client.tls = road->tls;
	road->client = http_client_open(road->base.loop, &client);
	return 0;
}

void http_road_close(struct http_road *road)
{
	http_client_close(road->client);
	road_free(road);
}

static bool may_stand_in_target(unsigned char c)
{
	return c > 0x20 && c < 0x7f && c != '#';
}

/* What may not stand in a request line is percent-encoded; a path lacks its slash or it does not. */
static void add_target(struct buf *head, struct slice path)
{
	if (!path.n || path.p[0] != '/')
		buf_add(head, "/", 1);
	for (size_t i = 0, plain = 0; i < path.n; i = plain + 1) {
		for (plain = i; plain < path.n && may_stand_in_target((unsigned char)path.p[plain]);)
			plain++;
		buf_add(head, &path.p[i], plain - i);
		if (plain < path.n)
			buf_printf(head, "%%%02X", (unsigned char)path.p[plain]);
	}
}

struct http_call *http_road_call(struct http_road *road, const char *method, struct slice path)
{
	struct http_call *call = http_call_new(road->client);
	struct slice prefix = slice_text(road->address.prefix);

	if (!call)
		return NULL;
	while (prefix.n && prefix.p[prefix.n - 1] == '/')
		prefix.n--;
	buf_text(&call->head, method);
	buf_text(&call->head, " ");
	if (prefix.n)
		add_target(&call->head, prefix);
	add_target(&call->head, path);
	buf_text(&call->head, " HTTP/1.1\r\n");
	buf_add(&call->head, road->common.p, road->common.n);
	return call;
}
