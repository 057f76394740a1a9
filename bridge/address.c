/* Addresses as people write them: host:port, [v6]:port, unix:/path, http:// and https:// URLs. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>
#include "bridge/bytes.h"
#include "bridge/error.h"
#include "bridge/stream.h"

static int address_refuse(struct error *e, const char *text, const char *what)
{
	/* what stands before an @ may be a password */
	if (strchr(text, '@'))
		return error_set(e, ERR_CONFIG, "address: %s", what);
	return error_set(e, ERR_CONFIG, "address \"%.100s\": %s", text, what);
}

static bool starts_with(const char *text, const char *word)
{
	return strncasecmp(text, word, strlen(word)) == 0;
}

static bool all_of(struct slice s, const char *others)
{
	for (size_t i = 0; i < s.n; i++)
		if (!isalnum((unsigned char)s.p[i]) && (!s.p[i] || !strchr(others, s.p[i])))
			return false;
	return true;
}

static int address_parse_unix(struct address *a, const char *text, struct error *e)
{
	const char *path = text + strlen("unix:");
	size_t room = sizeof(((struct sockaddr_un *)0)->sun_path);

	if (strncmp(path, "//", 2) == 0)
		path += 2;
	if (*path != '/')
		return address_refuse(e, text, "expected unix:/path, an absolute path of a socket");
	if (strlen(path) >= room)
		return address_refuse(e, text, "the socket's path is too long; a socket path has 107 bytes at most");
	a->path = mem_text(path);
	a->prefix = mem_text("");
	return 0;
}

/* The path part of a URL without its last slash. */
static int address_parse_prefix(struct address *a, const char *path, const char *text, struct error *e)
{
	size_t n = strlen(path);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)path[i] <= ' ' || (unsigned char)path[i] >= 0x7f || path[i] == '?' || path[i] == '#')
			return address_refuse(e, text, "expected a plain path after the host: no query, no blanks");
	while (n && path[n - 1] == '/')
		n--;
	a->prefix = mem_slice((struct slice){ path, n });
	return 0;
}

static int address_parse_port(struct address *a, struct slice port, const char *text, struct error *e)
{
	uint64_t number;

	if (!slice_uint(port, &number) || number < 1 || number > 65535)
		return address_refuse(e, text, "expected a port between 1 and 65535 after the host's colon");
	a->port = mem_new(8);
	snprintf(a->port, 8, "%u", (unsigned)number);
	return 0;
}

static bool host_ok(struct slice name, bool v6)
{
	const char *zone = name.n ? memchr(name.p, '%', name.n) : NULL;
	size_t n = zone ? (size_t)(zone - name.p) : name.n;

	return n && name.n <= 255 && all_of(name, v6 ? ":.%" : "-._") && (!v6 || memchr(name.p, ':', n));
}

/* default_port NULL: a port must be said. */
static int address_parse_authority(
    struct address *a, struct slice s, const char *default_port, const char *text, struct error *e)
{
	bool v6 = s.n && s.p[0] == '[';
	const char *end = s.p + s.n, *host = v6 ? s.p + 1 : s.p;
	const char *host_end = memchr(host, v6 ? ']' : ':', (size_t)(end - host));
	const char *colon = v6 && host_end ? host_end + 1 : host_end;
	struct slice name;

	if (v6 && (!host_end || (colon < end && *colon != ':')))
		return address_refuse(e, text, "expected [v6 address]:port");
	name = (struct slice){ host, (size_t)((host_end ? host_end : end) - host) };
	if (!host_ok(name, v6))
		return address_refuse(
		    e, text, "expected host:port, [v6]:port, unix:/path, http://host:port or https://host:port");
	a->host = mem_slice(name);
	if (colon && colon < end)
		return address_parse_port(a, (struct slice){ colon + 1, (size_t)(end - colon - 1) }, text, e);
	if (!default_port)
		return address_refuse(e, text, "expected a port: host:port");
	a->port = mem_text(default_port);
	return 0;
}

static int address_parse_tcp(struct address *a, const char *text, struct error *e)
{
	bool http = starts_with(text, "http://"), https = starts_with(text, "https://");
	const char *rest = http || https ? strstr(text, "//") + 2 : text;
	size_t n = http || https ? strcspn(rest, "/?#") : strlen(rest);
	const char *default_port = https ? "443" : http ? "80" : NULL;

	if (!http && !https && strstr(text, "://"))
		return address_refuse(e, text, "unknown scheme; expected http://, https://, unix:/path or host:port");
	if (memchr(rest, '@', n))
		return error_set(e, ERR_CONFIG, "address: a name or password before the host is not supported");
	a->tls = https;
	a->alpn = https ? "http/1.1" : NULL;
	if (address_parse_authority(a, (struct slice){ rest, n }, default_port, text, e) < 0)
		return -1;
	return address_parse_prefix(a, rest + n, text, e);
}

int address_parse(struct address *a, const char *text, struct error *e)
{
	int rc;

	*a = (struct address){ 0 };
	rc = starts_with(text, "unix:") ? address_parse_unix(a, text, e) : address_parse_tcp(a, text, e);
	if (rc < 0)
		address_free(a);
	return rc;
}

void address_copy(struct address *a, const struct address *from)
{
	*a = *from;
	a->host = mem_text(from->host);
	a->port = mem_text(from->port);
	a->path = mem_text(from->path);
	a->prefix = mem_text(from->prefix);
}

void address_free(struct address *a)
{
	free(a->host);
	free(a->port);
	free(a->path);
	free(a->prefix);
	*a = (struct address){ 0 };
}

size_t address_host_header(const struct address *a, char *buf, size_t size)
{
	bool v6 = a->host && strchr(a->host, ':');
	int name = a->host ? (int)strcspn(a->host, "%") : 0; /* a zone means nothing to the other side */
	int n;

	if (a->path)
		n = snprintf(buf, size, "localhost");
	else if (strcmp(a->port, a->tls ? "443" : "80") == 0)
		n = snprintf(buf, size, v6 ? "[%.*s]" : "%.*s", name, a->host);
	else
		n = snprintf(buf, size, v6 ? "[%.*s]:%s" : "%.*s:%s", name, a->host, a->port);
	return (size_t)n < size ? (size_t)n : size - 1;
}
