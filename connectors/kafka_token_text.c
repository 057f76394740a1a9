/* The words of a client credentials grant: the form and the header that ask, and the answer. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "bridge/error.h"
#include "bridge/json_scan.h"
#include "connectors/kafka_auth.h"

enum { TOKEN_MAX = 64 * 1024, LIFE_MAX_S = 365 * 24 * 3600, CODE_MAX = 40 };

static void form_text(struct buf *b, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (isalnum(c) || strchr("-._~", c))
			buf_add(b, text, 1);
		else
			buf_printf(b, "%%%02X", c);
	}
}

static void form_scopes(struct buf *b, const char *scopes)
{
	const char *before = "";

	for (size_t n; *scopes; scopes += n) {
		scopes += strspn(scopes, ", ");
		n = strcspn(scopes, ", ");
		if (n > 0) {
			char *scope = mem_slice((struct slice){ scopes, n });

			buf_text(b, before);
			form_text(b, scope);
			before = "%20";
			free(scope);
		}
	}
}

void token_form(struct buf *b, const struct kafka_login *l, bool secret)
{
	buf_text(b, "grant_type=client_credentials&scope=");
	form_scopes(b, l->scopes ? l->scopes : "openid");
	if (!secret)
		return;
	buf_text(b, "&client_id=");
	form_text(b, l->client_id);
	buf_text(b, "&client_secret=");
	form_text(b, l->client_secret);
}

void token_basic(struct buf *b, const struct kafka_login *l)
{
	struct buf pair = { 0 };

	form_text(&pair, l->client_id);
	buf_text(&pair, ":");
	form_text(&pair, l->client_secret);
	buf_text(b, "Authorization: Basic ");
	buf_base64(b, (struct slice){ pair.p, pair.n });
	explicit_bzero(pair.p, pair.n);
	buf_free(&pair);
}

/* Only the provider's code, a word of RFC 6749: its description may repeat what it was sent. */
static int answer_refused(const struct json_member *error, long status, struct error *err)
{
	char code[CODE_MAX + 1];
	size_t n = 0;

	for (; error->kind == JSON_STRING && n < error->text.n && n < CODE_MAX; n++) {
		char c = error->text.p[n];

		code[n] = isalnum((unsigned char)c) || c == '_' ? c : '?';
	}
	code[n] = '\0';
	return error_set(err, status >= 500 ? ERR_IO : ERR_DENIED, "the token endpoint answers %ld%s%s", status,
	    n > 0 ? " " : "", code);
}

static int64_t answer_life(const struct json_member *expires)
{
	uint64_t life;
	struct slice whole = expires->text;

	if (expires->kind != JSON_NUMBER && expires->kind != JSON_STRING)
		return KAFKA_TOKEN_LIFE_S;
	for (size_t i = 0; i < whole.n; i++)
		if (whole.p[i] == '.')
			whole.n = i;
	if (!slice_uint(whole, &life) || life == 0)
		return KAFKA_TOKEN_LIFE_S;
	return life > LIFE_MAX_S ? LIFE_MAX_S : (int64_t)life;
}

int token_read(struct slice body, long status, struct buf *token_r, int64_t *life_s_r, struct error *err)
{
	struct json_member m[] = { { .name = "access_token" }, { .name = "expires_in" }, { .name = "error" } };
	const char *why = NULL;
	enum json_kind kind = json_scan(body, m, 3, &why);

	if (status != 200)
		return answer_refused(&m[2], status, err);
	if (kind != JSON_OBJECT)
		return error_set(err, ERR_PROTOCOL, "the token endpoint answers 200 with what is no JSON object%s%s",
		    why ? ": " : "", why ? why : "");
	if (m[0].kind != JSON_STRING || m[0].text.n == 0 || m[0].text.n > TOKEN_MAX)
		return error_set(err, ERR_PROTOCOL,
		    "the token endpoint answers 200 without an access_token of at most %d bytes", TOKEN_MAX);
	*life_s_r = answer_life(&m[1]);
	json_add_text(token_r, m[0].text);
	buf_add(token_r, "", 1);
	return 0;
}

static bool extension_named(const char *name)
{
	if (!*name || !strcasecmp(name, "auth"))
		return false;
	for (; *name; name++)
		if (!isalpha((unsigned char)*name))
			return false;
	return true;
}

static char *extension_text(struct slice escaped)
{
	struct buf b = { 0 };

	json_add_text(&b, escaped);
	buf_add(&b, "", 1);
	return b.p;
}

void token_extensions_free(char **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

int token_extensions(const char *json, char ***list_r, size_t *n_r, struct error *err)
{
	struct slice rest = slice_text(json), name;
	struct json_member value;
	const char *why;
	char **list = NULL;
	size_t n = 0;

	*list_r = NULL;
	*n_r = 0;
	if (!json)
		return 0;
	if (json_scan(rest, NULL, 0, &why) != JSON_OBJECT)
		goto fail;
	while (json_next(&rest, &name, &value)) {
		if (value.kind != JSON_STRING)
			goto fail;
		list = mem_grow(list, (n + 2) * sizeof(*list));
		list[n] = extension_text(name);
		list[n + 1] = extension_text(value.text);
		n += 2;
		if (!extension_named(list[n - 2]))
			goto fail;
	}
	*list_r = list;
	*n_r = n;
	return 0;
fail:
	token_extensions_free(list, n);
	return error_set(err, ERR_CONFIG,
	    "oidcExtensions: expected a JSON object of texts, names of letters only: {\"logicalCluster\": \"lkc-1\"}");
}
