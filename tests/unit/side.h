/* Our side of one stream, as tests watch it: what it was told, and the bytes that came. */
#ifndef TESTS_UNIT_SIDE_H
#define TESTS_UNIT_SIDE_H
#include "bridge/bytes.h"
#include "bridge/stream.h"

struct side {
	struct loop *loop;
	struct stream *stream;
	unsigned opened, failed, readable, writable;
	char why[256];
	struct buf in;
	size_t at_once;	/* bytes read per event; 0: none */
	size_t pause_at;	/* when so much came, reading is put off, once; 0: never */
	bool ended, broken, close_when_called;	/* the last: stream_close() inside each event */
};

void side_open_tls(struct side *, const char *address, struct tls *, int64_t timeout_ms);
void side_open(struct side *, const char *host, unsigned port);
void side_close(struct side *);
#endif
