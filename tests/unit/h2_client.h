/* A client of the HTTP/2 server under test: nghttp2's other side, taking its turns with the loop. */
#ifndef TESTS_UNIT_H2_CLIENT_H
#define TESTS_UNIT_H2_CLIENT_H
#include <nghttp2/nghttp2.h>
#include "tests/unit/client.h"

struct h2_answer {
	int32_t		 id;
	struct buf	 data;
	char		 status[8], grpc_status[8], grpc_message[300], type[64];
	unsigned	 heads;		/* HEADERS frames: 1 with trailers only */
	bool		 closed;
	uint32_t	 reset;		/* code of a reset; 0: none */
};

struct h2_client { struct client tcp; nghttp2_session *session; bool goaway; size_t taken; };

void h2_client_open(struct h2_client *, struct loop *, unsigned port);
void h2_client_close(struct h2_client *);
void h2_client_turn(struct h2_client *);	/* sends what is due, takes what came */
/* A request; `body` NULL: the stream stays half open.  extra: name, value, …, NULL; the answer is the caller's. */
void h2_ask(struct h2_client *, struct h2_answer *, const char *path, const struct slice *body,
    const char *const *extra);
void h2_waits(struct h2_client *, const struct h2_answer *);		/* until it is closed */
void h2_waits_for_data(struct h2_client *, const struct h2_answer *, size_t n);
void h2_answer_free(struct h2_answer *);
#endif
