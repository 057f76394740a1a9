/* Log lines in daprd's form, to standard output: one line a fact, repeated faults summed up, never a secret. */
#ifndef BRIDGE_LOG_H
#define BRIDGE_LOG_H
#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_FATAL };

/* Once at start, before threads; the texts are kept.  Any thread may log afterwards: a line is one write(). */
void log_setup(enum log_level, bool as_json, const char *app_id, const char *version);
/* Whose lines this thread logs from now on: an app id that stays, NULL: the process's.  What it was before. */
const char *log_function(const char *app_id);
const char *log_function_now(void);
int log_level_parse(const char *word);	/* debug info warn|warning error fatal; -1: none of them */
bool log_enabled(enum log_level);

/* scope: "bridge.kafka".  Text form: time="…Z" level=info msg="…" app_id=… instance=… scope=… type=log ver=… */
void log_at(enum log_level, const char *scope, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
#define log_debug(...) (log_enabled(LOG_DEBUG) ? log_at(LOG_DEBUG, __VA_ARGS__) : (void)0)
#define log_info(...)  log_at(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)

/*
 * A fault that may come a thousand times a second.  What is the same as the line before is counted; of what differs,
 * eight lines are said in ten seconds and the rest is counted.  The next line tells it: "… (4,711 more in 10 s)".
 * Two faults are the same when their keys are; without a key when their texts are.  `now` in ms; zeroed to begin with.
 */
struct log_repeat { int64_t since; uint64_t more, same; unsigned lines; };
void log_fault(struct log_repeat *, int64_t now, enum log_level, const char *scope, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
void log_fault_keyed(struct log_repeat *, int64_t now, const char *key, enum log_level, const char *scope,
    const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));
#endif
