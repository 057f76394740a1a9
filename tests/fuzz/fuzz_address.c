/* Addresses: refused with a word, or taken apart so that the parts put together are the same address. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bridge/error.h"
#include "bridge/stream.h"
#include "tests/fuzz/fuzz.h"

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void check_again(const struct address *a)
{
	struct address again, copy;
	struct error e = { 0 };
	char text[2048];

	if (a->path)
		snprintf(text, sizeof(text), "unix://%s", a->path);
	else
		snprintf(text, sizeof(text), "http%s://%s%s%s:%s%s", a->tls ? "s" : "", strchr(a->host, ':') ? "[" : "",
		    a->host, strchr(a->host, ':') ? "]" : "", a->port, strlen(a->prefix) < 1024 ? a->prefix : "");
	address_copy(&copy, a);
	assert(address_parse(&again, text, &e) == 0);
	assert(same(copy.host, again.host) && same(copy.port, again.port) && same(copy.path, again.path));
	assert(copy.tls == again.tls && (same(copy.prefix, again.prefix) || strlen(copy.prefix) >= 1024));
	address_free(&copy);
	address_free(&again);
}

static void check_parts(const struct address *a)
{
	char header[300];
	size_t n = address_host_header(a, header, sizeof(header));

	assert(n > 0 && n == strlen(header) && !strpbrk(header, "\r\n/ @"));
	assert(a->prefix && (!*a->prefix || (*a->prefix == '/' && a->prefix[strlen(a->prefix) - 1] != '/')));
	if (a->path)
		assert(!a->host && !a->port && *a->path == '/');
	else
		assert(*a->host && strlen(a->host) <= 255 && atoi(a->port) >= 1 && atoi(a->port) <= 65535);
}

/* A password is not shown, wherever it stands: what is before an @ may be one. */
static void check_refusal(const char *text, const struct error *e)
{
	const char *at = strrchr(text, '@');

	assert(e->code == ERR_CONFIG && *e->text);
	if (at && at - text > 8)
		assert(!memmem(e->text, strlen(e->text), text, (size_t)(at - text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char *text = mem_slice((struct slice){ (const char *)p, n });
	struct error e = { 0 };
	struct address a;

	if (address_parse(&a, text, &e) == 0) {
		check_parts(&a);
		check_again(&a);
		address_free(&a);
	} else {
		check_refusal(text, &e);
	}
	free(text);
	return 0;
}
