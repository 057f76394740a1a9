/* Log lines in daprd's form, to standard output: one line a fact, repeated faults summed up. */
#include "bridge/log.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>
#include "bridge/bytes.h"

enum { MESSAGE_MAX = 4096, REPEAT_MS = 10000, REPEAT_LINES = 8, COUNT_ROOM = 64 };

/* The log's own, set once: the only globals of the program. */
static enum log_level log_level = LOG_INFO;
static bool log_as_json;
static const char *log_app_id = "", *log_version = "";
static char log_instance[256];
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local const char *log_whose;

void log_setup(enum log_level level, bool as_json, const char *app_id, const char *version)
{
	log_level = level;
	log_as_json = as_json;
	log_app_id = app_id;
	log_version = version;
	if (gethostname(log_instance, sizeof log_instance - 1) < 0)
		log_instance[0] = 0;
}

const char *log_function(const char *app_id)
{
	const char *before = log_whose;

	log_whose = app_id;
	return before;
}

const char *log_function_now(void)
{
	return log_whose;
}

int log_level_parse(const char *word)
{
	static const struct {
		const char *word;
		enum log_level level;
	} words[] = {
		{ "debug", LOG_DEBUG },
		{ "info", LOG_INFO },
		{ "warn", LOG_WARN },
		{ "warning", LOG_WARN },
		{ "error", LOG_ERROR },
		{ "fatal", LOG_FATAL },
	};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcasecmp(word, words[i].word) == 0)
			return (int)words[i].level;
	return -1;
}

bool log_enabled(enum log_level level)
{
	return level >= log_level;
}

static const char *level_word(enum log_level level)
{
	switch (level) {
	case LOG_DEBUG: return "debug";
	case LOG_INFO: return "info";
	case LOG_WARN: return "warning";
	case LOG_ERROR: return "error";
	case LOG_FATAL: return "fatal";
	}
	return "unknown";
}

/* Length of the character at p, 0: not UTF-8 (overlong forms, surrogates, past U+10FFFF included). */
static size_t utf8_char(const unsigned char *p, size_t n, unsigned *code_r)
{
	static const unsigned smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = p[0] < 0x80 ? 1 : p[0] >> 5 == 6 ? 2 : p[0] >> 4 == 14 ? 3 : p[0] >> 3 == 30 ? 4 : 0;
	unsigned code = len == 1 ? p[0] : p[0] & (0x7fU >> len);

	if (len == 0 || len > n)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		code = code << 6 | (p[i] & 0x3fU);
	}
	if (code < smallest[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	*code_r = code;
	return len;
}

static bool splits_lines(unsigned code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029;
}

static void add_escaped(struct buf *line, unsigned code)
{
	static const char named[][2] = { { '"', '"' }, { '\\', '\\' }, { '\n', 'n' }, { '\r', 'r' }, { '\t', 't' } };

	for (size_t i = 0; i < sizeof named / sizeof named[0]; i++)
		if (code == (unsigned)named[i][0]) {
			buf_add(line, (char[]){ '\\', named[i][1] }, 2);
			return;
		}
	if (code < 0x80 && !log_as_json)
		buf_printf(line, "\\x%02x", code);
	else
		buf_printf(line, "\\u%04x", code);
}

static void add_quoted(struct buf *line, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t n = strlen(text), len;
	unsigned code = 0;

	buf_add(line, "\"", 1);
	for (; n > 0; p += len, n -= len) {
		len = utf8_char(p, n, &code);
		if (len == 0) {
			len = 1;
			if (log_as_json)
				buf_text(line, "\\ufffd");
			else
				buf_printf(line, "\\x%02x", p[0]);
		} else if (code == '"' || code == '\\' || splits_lines(code)) {
			add_escaped(line, code);
		} else {
			buf_add(line, p, len);
		}
	}
	buf_add(line, "\"", 1);
}

static bool is_plain(const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._/@^+";

	return text[strspn(text, plain)] == 0;
}

static void add_field(struct buf *line, const char *name, const char *value)
{
	if (log_as_json)
		buf_printf(line, "%s\"%s\":", line->n ? "," : "{", name);
	else
		buf_printf(line, "%s%s=", line->n ? " " : "", name);
	if (!log_as_json && is_plain(value))
		buf_text(line, value);
	else
		add_quoted(line, value);
}

static void add_time(struct buf *line)
{
	char text[64];
	struct timespec now;
	struct tm utc;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text + n, sizeof text - n, ".%06ldZ", now.tv_nsec / 1000);
	add_field(line, "time", text);
}

/* The lock keeps the rest of a line that a full pipe took in part together with its beginning. */
static void write_line(const struct buf *line)
{
	struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };

	pthread_mutex_lock(&log_lock);
	for (size_t at = 0; at < line->n;) {
		ssize_t n = write(STDOUT_FILENO, line->p + at, line->n - at);

		if (n >= 0)
			at += (size_t)n;
		else if (errno == EAGAIN)
			ppoll(&out, 1, NULL, NULL); /* poll() is the MQTT library's alone: replaced at link time */
		else if (errno != EINTR)
			break;
	}
	pthread_mutex_unlock(&log_lock);
}

static void log_text(enum log_level level, const char *scope, const char *message)
{
	struct buf line = { 0 };

	add_time(&line);
	add_field(&line, "level", level_word(level));
	add_field(&line, "msg", message);
	add_field(&line, "app_id", log_whose ? log_whose : log_app_id);
	add_field(&line, "instance", log_instance);
	add_field(&line, "scope", scope);
	add_field(&line, "type", "log");
	add_field(&line, "ver", log_version);
	buf_text(&line, log_as_json ? "}\n" : "\n");
	write_line(&line);
	buf_free(&line);
}

void log_at(enum log_level level, const char *scope, const char *fmt, ...)
{
	char message[MESSAGE_MAX];
	int saved = errno;
	va_list args;

	if (!log_enabled(level))
		return;
	va_start(args, fmt);
	vsnprintf(message, sizeof message, fmt, args);
	va_end(args);
	log_text(level, scope, message);
	errno = saved;
}

/* "1,234,567" */
static const char *grouped(uint64_t value, char text[32])
{
	char *p = text + 31;
	unsigned digits = 0;

	*p = 0;
	do {
		if (digits && digits % 3 == 0)
			*--p = ',';
		*--p = (char)('0' + value % 10);
		digits++;
	} while (value /= 10);
	return p;
}

static void fault_print(struct log_repeat *r, int64_t now, enum log_level level, const char *scope, char *message)
{
	char *end = message + strlen(message), count[32];

	if (r->lines == 0 && r->more)
		snprintf(end, MESSAGE_MAX - strlen(message), " (%s more in %lld s)", grouped(r->more, count),
		    (long long)(now - r->since) / 1000);
	if (r->lines == 0) {
		r->since = now;
		r->more = 0;
	}
	r->lines++;
	log_text(level, scope, message);
}

/* Is this one to be said? */
static bool fault_is_news(struct log_repeat *r, int64_t now, uint64_t key)
{
	bool same = r->same == key;

	r->same = key;
	if (now - r->since >= REPEAT_MS)
		r->lines = 0;
	if (r->lines == 0 || (!same && r->lines < REPEAT_LINES))
		return true;
	r->more++;
	return false;
}

static void fault(struct log_repeat *r, int64_t now, const char *key, enum log_level level, const char *scope,
    const char *fmt, va_list args)
{
	char message[MESSAGE_MAX];
	int saved = errno;

	if (!log_enabled(level) || (key && !fault_is_news(r, now, slice_hash(slice_text(key)) | 1)))
		return;
	vsnprintf(message, sizeof message - COUNT_ROOM, fmt, args);
	if (key || fault_is_news(r, now, slice_hash(slice_text(message)) | 1))
		fault_print(r, now, level, scope, message);
	errno = saved;
}

void log_fault(struct log_repeat *r, int64_t now, enum log_level level, const char *scope, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fault(r, now, NULL, level, scope, fmt, args);
	va_end(args);
}

void log_fault_keyed(
    struct log_repeat *r, int64_t now, const char *key, enum log_level level, const char *scope, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fault(r, now, key, level, scope, fmt, args);
	va_end(args);
}
