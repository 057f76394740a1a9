/* A client of a server under test: a plain socket that takes its turns with the test's loop. */
#ifndef TESTS_UNIT_CLIENT_H
#define TESTS_UNIT_CLIENT_H
#include "tests/unit/peer.h"

struct client { struct loop *loop; int fd; struct buf in; bool ended; };	/* in: all that came, NUL after it */

void client_open(struct client *, struct loop *, const char *host, unsigned port);
void client_send(struct client *, const char *, size_t);
void client_say(struct client *, const char *text);
void client_waits_for(struct client *, const char *text);	/* anywhere in what came */
void client_waits_for_the_end(struct client *);
void client_close(struct client *);
#endif
