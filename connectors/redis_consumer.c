/* Consumers of a group: our name, the same after a restart, another one for each process; those that are gone. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "connectors/redis_streams.h"

enum { NAMES_MAX = 1000, NAME_MAX_BYTES = 300 };

/* An abstract socket is a name that only one process can have, and that the kernel takes back however it ends. */
static int slot_take(const struct redis *r, const char *group, const char *name)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct buf text = { 0 };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), n;

	if (fd < 0)
		return -1;
	buf_printf(&text, "%s %d %d %s %s", r->rows.host, (int)r->rows.port, (int)r->rows.database, group, name);
	n = snprintf(at.sun_path + 1, sizeof(at.sun_path) - 1, "bridge/redis/%016llx",
	    (unsigned long long)slice_hash((struct slice){ text.p, text.n }));
	buf_free(&text);
	if (bind(fd, (const struct sockaddr *)&at,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) == 0)
		return fd;
	close(fd);
	return -1;
}

char *consumer_name(const struct redis *r, const char *group, int *slot_r)
{
	char host[NAME_MAX_BYTES] = "bridge", name[NAME_MAX_BYTES + 16];

	*slot_r = -1;
	if (r->rows.consumer && *r->rows.consumer)
		return mem_text(r->rows.consumer);
	if (gethostname(host, sizeof(host) - 1) < 0)
		snprintf(host, sizeof(host), "bridge");
	for (unsigned i = 1; i <= NAMES_MAX && *slot_r < 0; i++) {
		snprintf(name, sizeof(name), i > 1 ? "%s-%u" : "%s", host, i);
		*slot_r = slot_take(r, group, name);
	}
	return mem_text(name);
}

/* In one piece, so that none that is read for meanwhile is taken away with what it has got. */
static const char tidy_script[] =
    "local removed = 0 "
    "for _, row in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do "
    "local c = {} for i = 1, #row, 2 do c[row[i]] = row[i + 1] end "
    "if c.pending == 0 and c.idle > tonumber(ARGV[2]) and c.name ~= ARGV[3] then "
    "redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], c.name) removed = removed + 1 end end "
    "return removed";

static void tidy_answered(void *arg, const struct redis_reply *reply)
{
	struct redis_stream *st = arg;
	const char *name = st->redis->base.name;

	if (reply->kind == REDIS_INTEGER && reply->number > 0)
		log_info(REDIS_SCOPE, "%s: stream %s: %lld consumers that have nothing and are long gone were removed",
		    name, st->key, (long long)reply->number);
	else if (reply->kind == REDIS_ERROR)
		log_debug(REDIS_SCOPE, "%s: stream %s: consumers that are gone stay: EVAL: %.*s", name, st->key,
		    (int)reply->text.n, reply->text.p);
}

void stream_tidy(struct redis_stream *st)
{
	const struct redis *r = st->redis;
	struct redis_link *l = r->link;

	redis_link_begin(l, 7);
	redis_link_text(l, "EVAL");
	redis_link_text(l, tidy_script);
	redis_link_text(l, "1");
	redis_link_word(l, st->name);
	redis_link_text(l, r->streams->group);
	redis_link_number(l, r->rows.expiry_ms);
	redis_link_text(l, r->streams->consumer);
	redis_link_end(l, tidy_answered, st);
}
