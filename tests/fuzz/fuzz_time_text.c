/* Points in time: what was read prints as a text that reads the same; an HTTP date is the date the C library prints. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "bridge/time_text.h"
#include "tests/fuzz/fuzz.h"

static void check_print(int64_t ms)
{
	const int64_t first = -62167219200000, last = 253402300799999;
	char room[RFC3339_SIZE];
	size_t n = rfc3339_print(room, ms);
	int64_t again;

	assert(n == strlen(room));
	assert(rfc3339_parse((struct slice){ room, n }, &again));
	assert(again == (ms < first ? first : ms > last ? last : ms));
}

static void check_http_date(struct slice text, int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	char printed[64];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	/* "Sun, 06 Nov 1994 08:49:37 GMT": the name of the day is not judged, second 60 is the next minute */
	if (strncmp(text.p + 23, "60", 2) == 0)
		return;
	strftime(printed, sizeof(printed), ", %d %b %Y %H:%M:%S GMT", &tm);
	assert(text.n == 29 && (tm.tm_year < -900 || memcmp(text.p + 3, printed, 26) == 0));
}

/* A zone shifts by just what it says. */
static void check_zone(struct slice text, int64_t ms)
{
	char utc[64];
	int hours, minutes;
	int64_t at;

	if (text.p[text.n - 1] == 'Z')
		return;
	memcpy(utc, text.p, text.n - 6);
	utc[text.n - 6] = 'Z';
	assert(rfc3339_parse((struct slice){ utc, text.n - 5 }, &at));
	memcpy(utc, text.p + text.n - 6, 6);
	utc[6] = '\0';
	assert(sscanf(utc + 1, "%2d:%2d", &hours, &minutes) == 2);
	assert(at - ms == (*utc == '-' ? -1 : 1) * (hours * 60 + minutes) * 60000);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct slice text = { (const char *)p, n };
	int64_t ms;

	if (n == sizeof(ms)) {
		memcpy(&ms, p, sizeof(ms));
		check_print(ms);
	}
	if (rfc3339_parse(text, &ms)) {
		check_print(ms);
		check_zone(text, ms);
	}
	if (http_date_parse(text, &ms))
		check_http_date(text, ms);
	return 0;
}
