/* Reads and writes points in time, without locale and without time zones of the machine. */
#include "bridge/time_text.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

/* The rest of a NUL-terminated text and whether all of it was as expected so far. */
struct time_text {
	const char *p;
	bool ok;
};

static void take(struct time_text *t, const char *literal)
{
	size_t n = strlen(literal);

	t->ok = t->ok && strncmp(t->p, literal, n) == 0;
	if (t->ok)
		t->p += n;
}

static int take_digits(struct time_text *t, unsigned n)
{
	int value = 0;

	for (; n > 0 && t->ok; n--) {
		t->ok = *t->p >= '0' && *t->p <= '9';
		if (t->ok)
			value = value * 10 + (*t->p++ - '0');
	}
	return value;
}

static int take_fraction(struct time_text *t)
{
	int ms = 0;

	if (!t->ok || *t->p != '.')
		return 0;
	t->p++;
	for (int scale = 100; t->ok && (scale == 100 || (*t->p >= '0' && *t->p <= '9')); scale /= 10)
		ms += take_digits(t, 1) * scale;
	return ms;
}

static int take_zone(struct time_text *t)
{
	int sign = *t->p == '-' ? -1 : 1, hours, minutes;

	if (*t->p == 'Z') {
		t->p++;
		return 0;
	}
	take(t, sign < 0 ? "-" : "+");
	hours = take_digits(t, 2);
	take(t, ":");
	minutes = take_digits(t, 2);
	t->ok = t->ok && hours < 24 && minutes < 60;
	return sign * (hours * 60 + minutes);
}

static int take_name(struct time_text *t, const char *names)
{
	const char *found;
	char name[4] = { 0 };

	if (t->ok)
		strncpy(name, t->p, 3);
	found = strstr(names, name);
	t->ok = t->ok && strlen(name) == 3 && found && (found - names) % 3 == 0;
	if (!t->ok)
		return 0;
	t->p += 3;
	return (int)(found - names) / 3;
}

static int days_in_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 1 && leap ? 29 : days[month];
}

/* Takes a broken-down time whose parts may be out of range; year in full. */
static bool wall_of(struct tm tm, int year, int64_t *wall_ms_r)
{
	if (tm.tm_mon < 0 || tm.tm_mon > 11 || tm.tm_mday < 1 || tm.tm_mday > days_in_month(year, tm.tm_mon) ||
	    tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
		return false;
	tm.tm_year = year - 1900;
	*wall_ms_r = (int64_t)timegm(&tm) * 1000;
	return true;
}

static bool text_begin(struct time_text *t, struct slice text, char *copy, size_t size)
{
	if (text.n == 0 || text.n >= size || memchr(text.p, '\0', text.n))
		return false;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	*t = (struct time_text){ copy, true };
	return true;
}

bool rfc3339_parse(struct slice text, int64_t *wall_ms_r)
{
	char copy[64];
	struct time_text t;
	struct tm tm = { 0 };
	int year, ms, zone;

	if (!text_begin(&t, text, copy, sizeof copy))
		return false;
	year = take_digits(&t, 4);
	take(&t, "-");
	tm.tm_mon = take_digits(&t, 2) - 1;
	take(&t, "-");
	tm.tm_mday = take_digits(&t, 2);
	take(&t, "T");
	tm.tm_hour = take_digits(&t, 2);
	take(&t, ":");
	tm.tm_min = take_digits(&t, 2);
	take(&t, ":");
	tm.tm_sec = take_digits(&t, 2);
	ms = take_fraction(&t);
	zone = take_zone(&t);
	if (!t.ok || *t.p || !wall_of(tm, year, wall_ms_r))
		return false;
	*wall_ms_r += ms - zone * 60000;
	return true;
}

size_t rfc3339_print(char room[static RFC3339_SIZE], int64_t wall_ms)
{
	const int64_t first = -62167219200000, last = 253402300799999;
	int64_t at = wall_ms < first ? first : wall_ms > last ? last : wall_ms;
	int ms = (int)((at % 1000 + 1000) % 1000);
	time_t seconds = (time_t)((at - ms) / 1000);
	struct tm tm;
	size_t n;

	gmtime_r(&seconds, &tm);
	n = (size_t)snprintf(room, RFC3339_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d", (tm.tm_year + 1900) % 10000,
	    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	if (ms)
		n += (size_t)snprintf(room + n, RFC3339_SIZE - n, ".%03d", ms);
	return n + (size_t)snprintf(room + n, RFC3339_SIZE - n, "Z");
}

bool http_date_parse(struct slice text, int64_t *wall_ms_r)
{
	char copy[32];
	struct time_text t;
	struct tm tm = { 0 };
	int year;

	if (!text_begin(&t, text, copy, sizeof copy))
		return false;
	take_name(&t, "SunMonTueWedThuFriSat");
	take(&t, ", ");
	tm.tm_mday = take_digits(&t, 2);
	take(&t, " ");
	tm.tm_mon = take_name(&t, "JanFebMarAprMayJunJulAugSepOctNovDec");
	take(&t, " ");
	year = take_digits(&t, 4);
	take(&t, " ");
	tm.tm_hour = take_digits(&t, 2);
	take(&t, ":");
	tm.tm_min = take_digits(&t, 2);
	take(&t, ":");
	tm.tm_sec = take_digits(&t, 2);
	take(&t, " GMT");
	return t.ok && !*t.p && wall_of(tm, year, wall_ms_r);
}
