/* One POST by libcurl, which is loaded when it is first needed: it brings thirty libraries with it. */
#ifndef CONNECTORS_CURL_H
#define CONNECTORS_CURL_H
#include <stdatomic.h>
#include "bridge/bytes.h"

struct error;
struct curl;	/* the library; one thread at a time */

enum { CURL_BODY_MAX = 256 * 1024 };	/* of an answer */

struct curl *curl_load(struct error *);	/* NULL: it is not installed */
void curl_unload(struct curl *);	/* the library itself stays in the process; NULL: nothing */

struct curl_post {
	const char	*url, *body;
	const char	*header;	/* one line more; NULL: none */
	const char	*ca;		/* PEM text of authorities beside the system's; NULL: none */
	const atomic_bool *stop;	/* true: give up, within a second */
};
/* A form.  https is always verified, redirects are not followed, proxies are those of the environment.  Blocks for
 * at most ten seconds.  The answer's body is appended. */
int curl_post(struct curl *, const struct curl_post *, struct buf *body_r, long *status_r, struct error *);
#endif
