/* HTTP/1.1 message parser (RFC 9112), strict, incremental, no allocation: requests and responses alike. */
#ifndef BRIDGE_HTTP1_H
#define BRIDGE_HTTP1_H
#include <sys/types.h>
#include "bridge/bytes.h"

enum { HTTP1_HEADERS_MAX = 96 };

struct http1_head {
	bool		 is_request;
	struct slice	 method, target;		/* request */
	/* response: 100..599.  Refused request: what to answer, 400, 431, 501 or 505 */
	int		 status;
	int		 minor;				/* HTTP/1.minor */
	struct header	 headers[HTTP1_HEADERS_MAX];	/* slices of the input; values trimmed of blanks */
	unsigned	 n_headers;
	bool		 keep_alive;
	bool		 chunked;
	int64_t		 content_length;		/* -1: not said */
};
/* Parses the head at the start of p[0..n).  > 0: its length; 0: more input needed; -1: `why` (a constant) says what
 * is wrong: bare CR or LF, obs-fold, spaces before the colon, both lengths, differing or signed lengths, bad chars,
 * too many headers, codings other than chunked, a request without exactly one Host, ... */
ssize_t http1_head(struct http1_head *, bool is_request, const char *p, size_t n, const char **why);
struct slice http1_header(const struct http1_head *, const char *name);	/* first of that name; absent: p NULL */

/* Body framing after a head.  RFC 9112 section 6.3: HEAD, 1xx, 204, 304 have none. */
enum http1_framing { HTTP1_NONE, HTTP1_LENGTH, HTTP1_CHUNKED, HTTP1_UNTIL_CLOSE };
struct http1_body { enum http1_framing framing; uint64_t left; int state; unsigned line; };
void http1_body_begin(struct http1_body *, const struct http1_head *, bool answer_to_head);
/* Feeds p[0..n): `data_r` is the piece of payload found (may be empty), returns bytes consumed, -1 on a framing
 * fault.  Call again with the rest until nothing is consumed or done.  Chunk extensions and trailers are skipped,
 * their sum bounded at 8 KiB. */
ssize_t http1_body_feed(struct http1_body *, const char *p, size_t n, struct slice *data_r, const char **why);
bool http1_body_done(const struct http1_body *);

/* Appends "Name: value\r\n".  false and nothing added: the name is no token or the value holds a control byte. */
bool http1_add_header(struct buf *, struct slice name, struct slice value);
bool http1_value_ok(struct slice value);	/* no control bytes but TAB */
const char *http1_reason(int status);
#endif
