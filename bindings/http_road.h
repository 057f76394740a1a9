/* What both HTTP bindings stand on: options, the connection pool, and what all their calls have in common. */
#ifndef BINDINGS_HTTP_ROAD_H
#define BINDINGS_HTTP_ROAD_H
#include "bindings/http_client.h"
#include "bridge/binding.h"
#include "bridge/config/process.h"
#include "bridge/log.h"

struct http_road_options {
	const char	*address;
	int64_t		 concurrency;
	int64_t		 options_timeout_ms;
	int		 format;		/* enum plain_format */
	const char	*ca_file, *cert_file, *key_file;
	bool		 skip_verify;
	const char	*app_token;		/* header dapr-api-token of every call; NULL: none */
};

/* What the function said of a delivery.  `why`: a constant, NULL: "status N".  `pause`: Retry-After is heeded. */
struct opinion { enum verdict verdict; bool pause; const char *why; };
typedef struct opinion http_judge(const struct subscription *, const struct http_answer *);

struct http_road {
	struct binding	 base;			/* first: the core's view */
	struct http_road_options options;	/* filled by option_parse(http_road_rows, road, …) */
	http_judge	*judge;			/* set before http_road_open() */

	struct address	 address;
	struct tls	*tls;
	struct http_client *client;
	struct buf	 common;		/* header lines equal in all calls */
	struct http_trip *spare;
	struct log_repeat odd_names;
};

extern const struct option http_road_rows[];	/* offsets in struct http_road */

/* Opens the pool, and tells binding_capacity() whenever the function can or cannot be reached. */
int http_road_open(struct http_road *, struct error *);
void http_road_close(struct http_road *);	/* nothing is in flight */

/* A call whose head has its request line and common header lines.  NULL: all connections are busy. */
struct http_call *http_road_call(struct http_road *, const char *method, struct slice path);
#endif
