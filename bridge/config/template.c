/* Dapr's placeholders in metadata values, filled in once at start. */
#include "bridge/config/template.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "bridge/bytes.h"

static int template_uuid(struct buf *out, struct error *error)
{
	uint8_t b[16];

	if (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b))
		return error_set(error, ERR_IO, "{uuid}: the kernel gives no random bytes");
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	for (unsigned i = 0; i < sizeof(b); i++)
		buf_printf(out, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", b[i]);
	return 0;
}

/* Bytes of the placeholder that stands at p; 0: none; -1: error. */
static int template_one(struct buf *out, const char *p, const char *app_id, struct error *error)
{
	const char *pod = getenv("POD_NAME"), *namespace = getenv("NAMESPACE");

	if (!strncmp(p, "{uuid}", 6))
		return template_uuid(out, error) ? -1 : 6;
	if (!strncmp(p, "{appID}", 7)) {
		buf_text(out, app_id);
		return 7;
	}
	if (!strncmp(p, "{namespace}", 11)) {
		buf_printf(out, "%s.%s", namespace && *namespace ? namespace : "default", app_id);
		return 11;
	}
	if (strncmp(p, "{podName}", 9) != 0)
		return 0;
	if (!pod || !*pod)
		return error_set(
		    error, ERR_CONFIG, "{podName} is not known, expected it in the environment variable POD_NAME");
	buf_text(out, pod);
	return 9;
}

const char *template_fill(struct arena *a, const char *text, const char *app_id, struct error *error)
{
	const char *filled = NULL, *p = text;
	struct buf out = { 0 };
	int n = 0;

	if (!strchr(text, '{'))
		return text;
	while (*p && n >= 0 && out.n <= TEMPLATE_MAX) {
		n = *p == '{' ? template_one(&out, p, app_id, error) : 0;
		if (n == 0)
			buf_add(&out, p, 1);
		p += n > 0 ? n : 1;
	}
	if (n >= 0 && out.n <= TEMPLATE_MAX)
		filled = arena_slice(a, out.p, out.n);
	else if (n >= 0)
		error_set(error, ERR_LIMIT, "too long with its braces, expected at most %d bytes", TEMPLATE_MAX);
	buf_free(&out);
	return filled;
}
