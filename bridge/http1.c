/* The strict parser of HTTP/1.1 heads: what two readers could take for two different messages is refused. */
#include <string.h>
#include "bridge/http1.h"

enum { TOKEN = 1, TARGET = 2, VALUE = 4 };

/* Which bytes may stand in a token (RFC 9110 section 5.6.2), in a request target, in a header's value. */
static unsigned byte_kind(unsigned char c)
{
	/* clang-format off */
	static const unsigned char kinds[256] = {
		['\t'] = VALUE, [' '] = VALUE,
		['!'] = 7, ['"'] = 6, ['#'] = 7, ['$'] = 7, ['%'] = 7, ['&'] = 7, ['\''] = 7, ['('] = 6, [')'] = 6, ['*'] = 7,
		['+'] = 7, [','] = 6, ['-'] = 7, ['.'] = 7, ['/'] = 6, ['0' ... '9'] = 7, [':' ... '@'] = 6, ['A' ... 'Z'] = 7,
		['['] = 6, ['\\'] = 6, [']'] = 6, ['^' ... 'z'] = 7, ['{'] = 6, ['|'] = 7, ['}'] = 6, ['~'] = 7,
		[0x80 ... 0xff] = VALUE,
	};
	/* clang-format on */

	return kinds[c];
}

static const char *scan(const char *p, const char *end, unsigned kind)
{
	while (p < end && (byte_kind((unsigned char)*p) & kind))
		p++;
	return p;
}

/* Values are most of a head: eight bytes at a time as long as none is a control byte. */
static const char *scan_value(const char *p, const char *end)
{
	const uint64_t ones = 0x0101010101010101, tops = ones << 7;

	while (end - p >= 8) {
		uint64_t w, del, low;

		memcpy(&w, p, 8);
		del = w ^ (ones * 0x7f);
		low = (w - ones * 0x20) & ~w;
		if (((low | ((del - ones) & ~del)) & tops) != 0)
			break;
		p += 8;
	}
	return scan(p, end, VALUE);
}

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct slice slice_trim(const char *p, const char *end)
{
	while (p < end && blank(*p))
		p++;
	while (p < end && blank(end[-1]))
		end--;
	return (struct slice){ p, (size_t)(end - p) };
}

/* --- one line --- */

struct head_parse {
	struct http1_head *head;
	const char *p, *end, *why;
	unsigned hosts, lengths, codings;
	bool close, keep;
};

enum step { STEP_GO, STEP_MORE, STEP_WRONG };

static enum step parse_refuse(struct head_parse *s, int status, const char *why)
{
	if (s->head->is_request)
		s->head->status = status;
	s->why = why;
	return STEP_WRONG;
}

/* s->p is where the line should end. */
static enum step parse_line_end(struct head_parse *s, const char *why)
{
	if (s->p == s->end)
		return STEP_MORE;
	if (*s->p == '\n')
		return parse_refuse(s, 400, "a line ends with LF alone; expected CR LF");
	if (*s->p != '\r')
		return parse_refuse(s, 400, why);
	if (s->p + 1 == s->end)
		return STEP_MORE;
	if (s->p[1] != '\n')
		return parse_refuse(s, 400, "a CR without LF");
	s->p += 2;
	return STEP_GO;
}

/* "HTTP/1." and a digit. */
static enum step parse_version(struct head_parse *s, const char *why)
{
	size_t have = (size_t)(s->end - s->p);

	if (memcmp(s->p, "HTTP/1.", have < 7 ? have : 7) != 0) {
		bool other = have >= 6 && memcmp(s->p, "HTTP/", 5) == 0;

		return parse_refuse(s, other ? 505 : 400, why);
	}
	if (have < 8)
		return STEP_MORE;
	if (s->p[7] < '0' || s->p[7] > '9')
		return parse_refuse(s, 400, why);
	s->head->minor = s->p[7] - '0';
	s->p += 8;
	return STEP_GO;
}

static enum step parse_status_line(struct head_parse *s)
{
	enum step step = parse_version(s, "no HTTP/1.x status line");
	int status = 0;

	if (step != STEP_GO)
		return step;
	for (int i = 0; i < 4; i++, s->p++) {
		if (s->p == s->end)
			return STEP_MORE;
		if (i == 0 ? *s->p != ' ' : *s->p < '0' || *s->p > '9')
			return parse_refuse(s, 400, "the status is not three digits after one blank");
		if (i > 0)
			status = 10 * status + *s->p - '0';
	}
	if (status < 100 || status > 599)
		return parse_refuse(s, 400, "the status is not between 100 and 599");
	s->head->status = status;
	if (s->p < s->end && *s->p == ' ')
		s->p = scan_value(s->p, s->end);
	return parse_line_end(s, "a byte that may not stand in a status line");
}

/* A word of the request line and the one blank after it. */
static enum step parse_word(struct head_parse *s, unsigned kind, struct slice *word_r, const char *why)
{
	const char *word = s->p;

	s->p = scan(s->p, s->end, kind);
	if (s->p == s->end)
		return STEP_MORE;
	if (*s->p != ' ' || s->p == word)
		return parse_refuse(s, 400, why);
	*word_r = (struct slice){ word, (size_t)(s->p - word) };
	s->p++;
	return STEP_GO;
}

static enum step parse_request_line(struct head_parse *s)
{
	enum step step;

	/* RFC 9112 section 2.2: an empty line before a request, left over from old clients, is passed over. */
	if (s->p < s->end && *s->p == '\r' && (step = parse_line_end(s, "")) != STEP_GO)
		return step;
	step = parse_word(s, TOKEN, &s->head->method, "the method is no word followed by one blank");
	if (step == STEP_GO)
		step = parse_word(s, TARGET, &s->head->target, "the target is no word followed by one blank");
	if (step == STEP_GO)
		step = parse_version(s, "the request line does not end with HTTP/1.x");
	if (step == STEP_GO)
		step = parse_line_end(s, "bytes after the HTTP version");
	return step;
}

/* --- what the headers say about the message --- */

static enum step parse_content_length(struct head_parse *s, struct slice value)
{
	uint64_t n;

	if (!slice_uint(value, &n) || n > INT64_MAX)
		return parse_refuse(s, 400, "Content-Length is no number of bytes");
	if (s->lengths++ && (int64_t)n != s->head->content_length)
		return parse_refuse(s, 400, "two Content-Length headers that differ");
	s->head->content_length = (int64_t)n;
	return STEP_GO;
}

static enum step parse_transfer_encoding(struct head_parse *s, struct slice value)
{
	if (s->codings++)
		return parse_refuse(s, 400, "two Transfer-Encoding headers");
	if (!slice_is_nocase(value, "chunked"))
		return parse_refuse(s, 501, "a Transfer-Encoding that is not exactly \"chunked\"");
	s->head->chunked = true;
	return STEP_GO;
}

static enum step parse_connection(struct head_parse *s, struct slice value)
{
	const char *p = value.p, *end = value.p + value.n;

	while (p < end) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		struct slice option = slice_trim(p, comma ? comma : end);

		s->close |= slice_is_nocase(option, "close");
		s->keep |= slice_is_nocase(option, "keep-alive");
		p = comma ? comma + 1 : end;
	}
	return STEP_GO;
}

static enum step parse_known(struct head_parse *s, const struct header *h)
{
	switch (h->name.n) {
	case 4: s->hosts += slice_is_nocase(h->name, "host"); return STEP_GO;
	case 10: return slice_is_nocase(h->name, "connection") ? parse_connection(s, h->value) : STEP_GO;
	case 14: return slice_is_nocase(h->name, "content-length") ? parse_content_length(s, h->value) : STEP_GO;
	case 17: return slice_is_nocase(h->name, "transfer-encoding") ? parse_transfer_encoding(s, h->value) : STEP_GO;
	default: return STEP_GO;
	}
}

static enum step parse_header(struct head_parse *s)
{
	const char *name = s->p, *colon, *value;
	struct header *h;
	enum step step;

	if (s->head->n_headers == HTTP1_HEADERS_MAX)
		return parse_refuse(s, 431, "too many headers; 96 at most");
	if (blank(*name))
		return parse_refuse(s, 400, "a header goes on in a second line, which is not allowed any more");
	colon = scan(name, s->end, TOKEN);
	if (colon == s->end)
		return STEP_MORE;
	if (*colon != ':' || colon == name)
		return parse_refuse(s, 400,
		    blank(*colon) ? "a blank before the colon of a header" : "a header line without a proper name");
	h = &s->head->headers[s->head->n_headers];
	value = colon + 1;
	s->p = scan_value(value, s->end);
	h->value = slice_trim(value, s->p);
	step = parse_line_end(s, "a control byte in a header's value");
	if (step != STEP_GO)
		return step;
	h->name = (struct slice){ name, (size_t)(colon - name) };
	s->head->n_headers++;
	return parse_known(s, h);
}

/* --- the head --- */

static enum step parse_whole(struct head_parse *s)
{
	struct http1_head *h = s->head;

	if (h->chunked && s->lengths)
		return parse_refuse(s, 400, "both Content-Length and Transfer-Encoding");
	if (h->chunked && h->minor == 0)
		return parse_refuse(s, 400, "Transfer-Encoding in HTTP/1.0");
	if (h->is_request && (s->hosts > 1 || (h->minor > 0 && s->hosts == 0)))
		return parse_refuse(s, 400, "not exactly one Host header");
	h->keep_alive = !s->close && (h->minor > 0 || s->keep);
	return STEP_GO;
}

static enum step parse_head(struct head_parse *s)
{
	enum step step = s->head->is_request ? parse_request_line(s) : parse_status_line(s);

	while (step == STEP_GO && s->p < s->end && *s->p != '\r' && *s->p != '\n')
		step = parse_header(s);
	if (step == STEP_GO)
		step = parse_line_end(s, "");
	return step == STEP_GO ? parse_whole(s) : step;
}

ssize_t http1_head(struct http1_head *h, bool is_request, const char *p, size_t n, const char **why)
{
	struct head_parse s = { .head = h, .p = p, .end = p + n };

	h->is_request = is_request;
	h->method = h->target = (struct slice){ 0 };
	h->status = 0;
	h->minor = 0;
	h->n_headers = 0;
	h->keep_alive = h->chunked = false;
	h->content_length = -1;
	switch (n ? parse_head(&s) : STEP_MORE) {
	case STEP_GO: return s.p - p;
	case STEP_MORE: return 0;
	case STEP_WRONG: break;
	}
	*why = s.why;
	return -1;
}

struct slice http1_header(const struct http1_head *h, const char *name)
{
	for (unsigned i = 0; i < h->n_headers; i++)
		if (slice_is_nocase(h->headers[i].name, name))
			return h->headers[i].value;
	return (struct slice){ 0 };
}

bool http1_value_ok(struct slice value)
{
	return scan_value(value.p, value.p + value.n) == value.p + value.n;
}

bool http1_add_header(struct buf *b, struct slice name, struct slice value)
{
	char *p;

	if (!name.n || scan(name.p, name.p + name.n, TOKEN) != name.p + name.n || !http1_value_ok(value))
		return false;
	p = buf_room(b, name.n + value.n + 4);
	p = mempcpy(mempcpy(p, name.p, name.n), ": ", 2);
	if (value.n)
		p = mempcpy(p, value.p, value.n);
	memcpy(p, "\r\n", 2);
	b->n += name.n + value.n + 4;
	return true;
}
