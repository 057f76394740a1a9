/* A look at a running bridge from outside: its /metrics page fetched and summed up for each subscription. */
#ifndef BRIDGE_SCRAPE_H
#define BRIDGE_SCRAPE_H
#include "bridge/bytes.h"

struct error;

enum scraped {
	SCRAPED_DELIVERED, SCRAPED_INFLIGHT, SCRAPED_RETRIES, SCRAPED_HELD, SCRAPED_PARKED, SCRAPED_LAG, N_SCRAPED
};

struct scraped_row {
	char		*function, *component, *topic, *route;
	int64_t		 value[N_SCRAPED];
	bool		 lag_known;	/* value[SCRAPED_LAG] counts */
};
struct scrape { struct scraped_row *rows; unsigned n, functions, ready; };	/* ready: so many of the functions */

extern const char *const scraped_names[N_SCRAPED];	/* "delivered", … */

/* Blocks, a few seconds at most.  `address`: host:port or http://host:port.  -1: nobody answers, or not as expected. */
int scrape_get(const char *address, struct buf *text, struct error *);
void scrape_parse(struct scrape *, struct slice text);	/* into a zeroed one; lines of other kinds are passed over */
const struct scraped_row *scrape_find(const struct scrape *, const struct scraped_row *like);	/* NULL: none */
void scrape_free(struct scrape *);			/* zeroed again */
#endif
