/* The name of this replica within its group: the same after a restart, another one for each process of a host. */
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
