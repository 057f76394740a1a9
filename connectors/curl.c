/* libcurl without linking it: its functions are looked up in the library once it is loaded. */
#include "connectors/curl.h"
#include <curl/curl.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include "bridge/error.h"

enum { TIMEOUT_S = 10, CONNECT_S = 5 };

struct curl {
	void *library; /* never closed: OpenSSL and others below it would be unloaded under threads */
	__typeof__(&(curl_global_init)) global_init;
	__typeof__(&(curl_easy_init)) init;
	__typeof__(&(curl_easy_setopt)) set;
	__typeof__(&(curl_easy_perform)) perform;
	__typeof__(&(curl_easy_getinfo)) info;
	__typeof__(&(curl_easy_cleanup)) cleanup;
	__typeof__(&(curl_easy_strerror)) strerror;
	__typeof__(&(curl_slist_append)) append;
	__typeof__(&(curl_slist_free_all)) free_list;
};

struct call {
	const struct curl *curl;
	const struct curl_post *post;
	struct buf *body;
	size_t begin;
	CURL *easy;
	struct curl_slist *headers;
	char why[CURL_ERROR_SIZE];
};

struct curl *curl_load(struct error *err)
{
	void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
	struct curl *c;

	if (!library) {
		error_set(err, ERR_IO, "libcurl.so.4 cannot be loaded: install the package libcurl4");
		return NULL;
	}
	c = mem_new(sizeof(*c));
	c->library = library;
	*(void **)&c->global_init = dlsym(library, "curl_global_init");
	*(void **)&c->init = dlsym(library, "curl_easy_init");
	*(void **)&c->set = dlsym(library, "curl_easy_setopt");
	*(void **)&c->perform = dlsym(library, "curl_easy_perform");
	*(void **)&c->info = dlsym(library, "curl_easy_getinfo");
	*(void **)&c->cleanup = dlsym(library, "curl_easy_cleanup");
	*(void **)&c->strerror = dlsym(library, "curl_easy_strerror");
	*(void **)&c->append = dlsym(library, "curl_slist_append");
	*(void **)&c->free_list = dlsym(library, "curl_slist_free_all");
	if (c->global_init && c->init && c->set && c->perform && c->info && c->cleanup && c->strerror && c->append &&
	    c->free_list && c->global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		return c;
	curl_unload(c);
	error_set(err, ERR_IO, "libcurl.so.4 cannot be used: version 7.84 or later was expected");
	return NULL;
}

void curl_unload(struct curl *c)
{
	free(c);
}

static size_t call_take(char *p, size_t size, size_t n, void *arg)
{
	struct call *c = arg;

	if (c->body->n - c->begin + size * n > CURL_BODY_MAX)
		return 0;
	buf_add(c->body, p, size * n);
	return size * n;
}

static int call_stop(void *arg, curl_off_t a, curl_off_t b, curl_off_t up, curl_off_t down)
{
	const struct call *c = arg;

	(void)a, (void)b, (void)up, (void)down;
	return atomic_load(c->post->stop);
}

static void call_tls(struct call *c)
{
	const struct curl *l = c->curl;
	struct curl_blob ca = { .flags = CURL_BLOB_NOCOPY };

	l->set(c->easy, CURLOPT_SSL_VERIFYPEER, 1L);
	l->set(c->easy, CURLOPT_SSL_VERIFYHOST, 2L);
	if (!c->post->ca)
		return;
	ca.data = (void *)(uintptr_t)c->post->ca;
	ca.len = strlen(c->post->ca);
	l->set(c->easy, CURLOPT_CAINFO_BLOB, &ca); /* the system's directory still counts */
}

static void call_prepare(struct call *c)
{
	const struct curl *l = c->curl;

	c->headers = l->append(NULL, "Accept: application/json");
	if (c->post->header)
		c->headers = l->append(c->headers, c->post->header);
	l->set(c->easy, CURLOPT_URL, c->post->url);
	l->set(c->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	l->set(c->easy, CURLOPT_POSTFIELDS, c->post->body);
	l->set(c->easy, CURLOPT_HTTPHEADER, c->headers);
	l->set(c->easy, CURLOPT_ERRORBUFFER, c->why);
	l->set(c->easy, CURLOPT_NOSIGNAL, 1L);
	l->set(c->easy, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
	l->set(c->easy, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
	l->set(c->easy, CURLOPT_WRITEFUNCTION, call_take);
	l->set(c->easy, CURLOPT_WRITEDATA, c);
	l->set(c->easy, CURLOPT_NOPROGRESS, 0L);
	l->set(c->easy, CURLOPT_XFERINFOFUNCTION, call_stop);
	l->set(c->easy, CURLOPT_XFERINFODATA, c);
	call_tls(c);
}

/* The library keeps no list of what it holds back, so the header with the secret is wiped where it made its copy. */
static void call_wipe(const struct call *c)
{
	for (struct curl_slist *h = c->headers; h; h = h->next)
		explicit_bzero(h->data, strlen(h->data));
	c->curl->free_list(c->headers);
	c->curl->cleanup(c->easy);
}

int curl_post(struct curl *l, const struct curl_post *post, struct buf *body_r, long *status_r, struct error *err)
{
	struct call c = { .curl = l, .post = post, .body = body_r, .begin = body_r->n, .easy = l->init() };
	CURLcode code;

	if (!c.easy)
		return error_set(err, ERR_IO, "libcurl cannot begin a request");
	call_prepare(&c);
	code = l->perform(c.easy);
	l->info(c.easy, CURLINFO_RESPONSE_CODE, status_r);
	call_wipe(&c);
	if (code == CURLE_OK)
		return 0;
	return error_set(
	    err, code == CURLE_OPERATION_TIMEDOUT ? ERR_TIMEOUT : ERR_IO, "%s", *c.why ? c.why : l->strerror(code));
}
