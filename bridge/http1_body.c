/* Where an HTTP/1.1 message's body ends: nothing, a length, chunks, the end of the stream. */
#include "bridge/http1.h"

enum chunk_state {
	CHUNK_FIRST_DIGIT,
	CHUNK_DIGITS,
	CHUNK_EXTENSION,
	CHUNK_SIZE_LF,
	CHUNK_DATA,
	CHUNK_DATA_CR,
	CHUNK_DATA_LF,
	TRAILER_START,
	TRAILER_LINE,
	TRAILER_LF,
	CHUNKS_LF,
	CHUNKS_DONE
};

enum { OVERHEAD_MAX = 8192 };

void http1_body_begin(struct http1_body *b, const struct http1_head *h, bool answer_to_head)
{
	bool none = h->is_request ? !h->chunked && h->content_length <= 0
				  : answer_to_head || h->status < 200 || h->status == 204 || h->status == 304;

	*b = (struct http1_body){ .framing = HTTP1_UNTIL_CLOSE };
	if (none) {
		b->framing = HTTP1_NONE;
	} else if (h->chunked) {
		b->framing = HTTP1_CHUNKED;
	} else if (h->content_length >= 0) {
		b->framing = HTTP1_LENGTH;
		b->left = (uint64_t)h->content_length;
	}
}

bool http1_body_done(const struct http1_body *b)
{
	switch (b->framing) {
	case HTTP1_NONE: return true;
	case HTTP1_LENGTH: return b->left == 0;
	case HTTP1_CHUNKED: return b->state == CHUNKS_DONE;
	case HTTP1_UNTIL_CLOSE: return false;
	}
	return false;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static const char *chunk_overhead(struct http1_body *b, char c)
{
	if (++b->line > OVERHEAD_MAX)
		return "chunk extensions and trailers of more than 8 KiB";
	if (!http1_value_ok((struct slice){ &c, 1 }))
		return "a control byte in a chunk extension or trailer";
	return NULL;
}

static const char *chunk_size(struct http1_body *b, char c)
{
	int digit = hex_digit(c);

	if (digit >= 0) {
		if (b->left >> 58)
			return "a chunk size beyond any memory";
		if (b->state == CHUNK_FIRST_DIGIT)
			b->left = 0;
		else if (b->left == 0 && chunk_overhead(b, c))
			return "a chunk size of nothing but zeros without end";
		b->left = b->left << 4 | (unsigned)digit;
		b->state = CHUNK_DIGITS;
		return NULL;
	}
	if (b->state == CHUNK_FIRST_DIGIT || (c != ';' && c != '\r'))
		return "a chunk size that is no hexadecimal number";
	b->state = c == ';' ? CHUNK_EXTENSION : CHUNK_SIZE_LF;
	return NULL;
}

static const char *chunk_expect(struct http1_body *b, char c, char expected, enum chunk_state next)
{
	if (c != expected)
		return "a line of the chunked coding does not end with CR LF";
	b->state = next;
	return NULL;
}

/* One byte that is no payload.  NULL: fine. */
static const char *chunk_byte(struct http1_body *b, char c)
{
	switch ((enum chunk_state)b->state) {
	case CHUNK_FIRST_DIGIT:
	case CHUNK_DIGITS: return chunk_size(b, c);
	case CHUNK_EXTENSION:
		if (c != '\r')
			return chunk_overhead(b, c);
		b->state = CHUNK_SIZE_LF;
		return NULL;
	case CHUNK_SIZE_LF: return chunk_expect(b, c, '\n', b->left ? CHUNK_DATA : TRAILER_START);
	case CHUNK_DATA_CR: return chunk_expect(b, c, '\r', CHUNK_DATA_LF);
	case CHUNK_DATA_LF: return chunk_expect(b, c, '\n', CHUNK_FIRST_DIGIT);
	case TRAILER_START:
	case TRAILER_LINE:
		if (c != '\r') {
			b->state = TRAILER_LINE;
			return chunk_overhead(b, c);
		}
		b->state = b->state == TRAILER_START ? CHUNKS_LF : TRAILER_LF;
		return NULL;
	case TRAILER_LF: return chunk_expect(b, c, '\n', TRAILER_START);
	case CHUNKS_LF: return chunk_expect(b, c, '\n', CHUNKS_DONE);
	case CHUNK_DATA:
	case CHUNKS_DONE: break;
	}
	return "a byte where none is expected";
}

static size_t body_take(struct http1_body *b, const char *p, size_t n, struct slice *data_r)
{
	size_t take = n < b->left ? n : (size_t)b->left;

	*data_r = (struct slice){ p, take };
	b->left -= take;
	return take;
}

static ssize_t chunked_feed(struct http1_body *b, const char *p, size_t n, struct slice *data_r, const char **why)
{
	size_t i = 0;

	while (i < n && b->state != CHUNKS_DONE) {
		const char *wrong;

		if (b->state == CHUNK_DATA) {
			i += body_take(b, p + i, n - i, data_r);
			if (b->left == 0)
				b->state = CHUNK_DATA_CR;
			break;
		}
		wrong = chunk_byte(b, p[i]);
		if (wrong) {
			*why = wrong;
			return -1;
		}
		i++;
	}
	return (ssize_t)i;
}

ssize_t http1_body_feed(struct http1_body *b, const char *p, size_t n, struct slice *data_r, const char **why)
{
	*data_r = (struct slice){ p, 0 };
	switch (b->framing) {
	case HTTP1_NONE: return 0;
	case HTTP1_LENGTH: return (ssize_t)body_take(b, p, n, data_r);
	case HTTP1_CHUNKED: return chunked_feed(b, p, n, data_r, why);
	case HTTP1_UNTIL_CLOSE: data_r->n = n; return (ssize_t)n;
	}
	return 0;
}

const char *http1_reason(int status)
{
	/* clang-format off */
	static const struct { int status; const char *reason; } reasons[] = {
		{ 100, "Continue" }, { 101, "Switching Protocols" },
		{ 200, "OK" }, { 201, "Created" }, { 202, "Accepted" }, { 204, "No Content" }, { 206, "Partial Content" },
		{ 301, "Moved Permanently" }, { 302, "Found" }, { 303, "See Other" }, { 304, "Not Modified" },
		{ 307, "Temporary Redirect" }, { 308, "Permanent Redirect" },
		{ 400, "Bad Request" }, { 401, "Unauthorized" }, { 403, "Forbidden" }, { 404, "Not Found" },
		{ 405, "Method Not Allowed" }, { 406, "Not Acceptable" }, { 408, "Request Timeout" }, { 409, "Conflict" },
		{ 410, "Gone" }, { 411, "Length Required" }, { 412, "Precondition Failed" }, { 413, "Content Too Large" },
		{ 414, "URI Too Long" }, { 415, "Unsupported Media Type" }, { 417, "Expectation Failed" },
		{ 422, "Unprocessable Content" }, { 425, "Too Early" }, { 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" }, { 501, "Not Implemented" }, { 502, "Bad Gateway" },
		{ 503, "Service Unavailable" }, { 504, "Gateway Timeout" }, { 505, "HTTP Version Not Supported" },
		{ 507, "Insufficient Storage" },
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "";
}
