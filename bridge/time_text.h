/* Points in time as text: RFC 3339 in envelopes, the date of HTTP in Retry-After. */
#ifndef BRIDGE_TIME_TEXT_H
#define BRIDGE_TIME_TEXT_H
#include "bridge/bytes.h"

/* "2026-01-31T23:59:59.5+02:00"; a leap second counts as the start of the next. */
bool rfc3339_parse(struct slice, int64_t *wall_ms_r);
enum { RFC3339_SIZE = 32 };
/* UTC, milliseconds only if there are any; years 0 to 9999, else the nearest.  Length without NUL. */
size_t rfc3339_print(char room[static RFC3339_SIZE], int64_t wall_ms);
/* "Sun, 06 Nov 1994 08:49:37 GMT": the one form that senders must use. */
bool http_date_parse(struct slice, int64_t *wall_ms_r);
#endif
