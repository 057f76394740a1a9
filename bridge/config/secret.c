/* References to secrets: looked up in a store or the environment, put where the value would stand. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include "bridge/bytes.h"
#include "bridge/error.h"
#include "bridge/json_scan.h"
#include "bridge/option.h"
#include "bridge/config/parse.h"
#include "bridge/config/secret.h"
#include "bridge/config/settings.h"

const char *const secret_store_names[] = { "prefix", "secretsFile", "nestedSeparator", "multiValued", NULL };

bool secret_store_known(const char *type)
{
	return !strcasecmp(type, "secretstores.local.env") || !strcasecmp(type, "secretstores.local.file");
}

static void wipe(struct buf *b)
{
	if (b->p)
		explicit_bzero(b->p, b->cap);
	buf_free(b);
}

/* The buffer grows by itself and leaves copies behind, so room for all of it is made first. */
static int secret_file_fd(int fd, const char *path, struct buf *text, struct error *err)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st))
		return error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return error_set(err, ERR_CONFIG, "%s is not a regular file", path);
	if (st.st_size > SECRET_FILE_MAX)
		return error_set(err, ERR_LIMIT, "%s has more than %d bytes", path, SECRET_FILE_MAX);
	buf_room(text, SECRET_FILE_MAX + 1);
	do {
		n = read(fd, text->p + text->n, SECRET_FILE_MAX + 1 - text->n);
		text->n += n > 0 ? (size_t)n : 0;
	} while ((n > 0 || (n < 0 && errno == EINTR)) && text->n <= SECRET_FILE_MAX);
	if (n < 0)
		return error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	if (text->n > SECRET_FILE_MAX)
		return error_set(err, ERR_LIMIT, "%s has more than %d bytes", path, SECRET_FILE_MAX);
	return 0;
}

static int secret_file(const char *path, struct buf *text, struct error *err)
{
	int rc, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return error_set(err, ERR_IO, "%s: %s, expected a readable file", path, strerror(errno));
	rc = secret_file_fd(fd, path, text, err);
	close(fd);
	return rc;
}

/* Below a mounted directory: a name with a slash would lead out of it. */
static bool path_part(const char *name)
{
	return *name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

int secret_of_directory(const char *directory, const struct secret_ref *ref, struct buf *value_r, struct error *err)
{
	struct buf path = { 0 };
	int rc;

	if (!path_part(ref->name) || !path_part(ref->key))
		return error_set(
		    err, ERR_CONFIG, "secret %.60s, key %.60s: expected names without a slash", ref->name, ref->key);
	buf_printf(&path, "%s/%s/%s", directory, ref->name, ref->key);
	buf_add(&path, "", 1);
	rc = secret_file(path.p, value_r, err);
	buf_free(&path);
	if (rc == 0 && value_r->n > 0 && value_r->p[value_r->n - 1] == '\n')
		value_r->n--;
	return rc;
}

bool secret_env_allowed(const char *name)
{
	const char *list = getenv("DAPR_ENV_KEYS");
	size_t length = strlen(name);

	if (!strcasecmp(name, "APP_API_TOKEN") || !strncasecmp(name, "DAPR_", 5) || strchr(name, ' '))
		return false;
	if (!list || !*list)
		return true;
	for (size_t n; *list; list += n) {
		list += strspn(list, " ");
		n = strcspn(list, " ");
		if (n == length && !strncmp(list, name, n))
			return true;
	}
	return false;
}

static int secret_of_env(const char *name, struct buf *value_r, struct error *err)
{
	const char *value;

	if (!secret_env_allowed(name))
		return error_set(err, ERR_DENIED,
		    "environment variable %.60s may not be used: not APP_API_TOKEN, not DAPR_…, no blanks, and one of "
		    "DAPR_ENV_KEYS if that is set",
		    name);
	value = getenv(name);
	if (!value)
		return error_set(err, ERR_CONFIG, "environment variable %.60s is not set", name);
	buf_text(value_r, value);
	return 0;
}

static const char *store_setting(const struct resource *store, const char *name, const char *otherwise)
{
	const char *value = NULL;

	for (unsigned i = 0; i < store->n_settings; i++)
		if (!strcasecmp(store->settings[i].name, name) && store->settings[i].value && *store->settings[i].value)
			value = store->settings[i].value;
	return value ? value : otherwise;
}

static int secret_of_env_store(
    const struct resource *store, const struct secret_ref *ref, struct buf *value_r, struct error *err)
{
	struct buf name = { 0 };
	int rc;

	if (strcmp(ref->name, ref->key) != 0)
		return error_set(err, ERR_CONFIG,
		    "secret %.60s of a store local.env has one key, of the same name, not %.60s", ref->name, ref->key);
	buf_printf(&name, "%s%s", store_setting(store, "prefix", ""), ref->name);
	buf_add(&name, "", 1);
	rc = secret_of_env(name.p, value_r, err);
	buf_free(&name);
	return rc;
}

/* `path` is a member's name, or leads through objects by the separator (NULL: does not), as Dapr flattens the
 * file. */
static struct json_member secret_at(struct slice object, const char *path, const char *separator)
{
	struct slice rest = object, name;
	struct json_member member, found = { .kind = JSON_NONE };

	while (json_next(&rest, &name, &member)) {
		struct buf text = { 0 };
		size_t n;

		json_add_text(&text, name);
		buf_add(&text, "", 1);
		n = strlen(text.p);
		if (!strcmp(text.p, path))
			found = member;
		else if (separator && member.kind == JSON_OBJECT && found.kind == JSON_NONE &&
		    !strncmp(path, text.p, n) && !strncmp(path + n, separator, strlen(separator)))
			found = secret_at(member.text, path + n + strlen(separator), separator);
		buf_free(&text);
	}
	return found;
}

/* A name is its own key where there are no others. */
static struct json_member secret_member(
    struct slice json, const struct secret_file_rules *rules, const struct secret_ref *ref)
{
	bool single = !strcmp(ref->name, ref->key);
	struct json_member member = { .kind = JSON_NONE };

	if (!rules->multi_valued)
		return single ? secret_at(json, ref->name, rules->separator) : member;
	member = secret_at(json, ref->name, NULL);
	if (member.kind == JSON_OBJECT)
		return secret_at(member.text, ref->key, rules->separator);
	if (!single)
		member.kind = JSON_NONE;
	return member;
}

int secret_of_json(struct slice json, const struct secret_file_rules *rules, const struct secret_ref *ref,
    struct buf *value_r, struct error *err)
{
	struct json_member member;
	const char *why = "";

	if (json_scan(json, NULL, 0, &why) != JSON_OBJECT)
		return error_set(err, ERR_CONFIG, "not a JSON object, expected {\"name\": \"value\"} %s", why);
	member = secret_member(json, rules, ref);
	switch (member.kind) {
	case JSON_STRING: json_add_text(value_r, member.text); return 0;
	case JSON_NUMBER:
	case JSON_BOOL: buf_slice(value_r, member.text); return 0;
	case JSON_NONE: return error_set(err, ERR_CONFIG, "no secret %.60s with key %.60s", ref->name, ref->key);
	case JSON_NULL:
	case JSON_ARRAY:
	case JSON_OBJECT: break;
	}
	return error_set(err, ERR_CONFIG, "secret %.60s, key %.60s: expected a text", ref->name, ref->key);
}

/* When one of them is put in its place anew, it happens in its directory. */
static void secret_dir_add(struct config *c, const char *dir)
{
	for (unsigned i = 0; i < c->n_secret_dirs; i++)
		if (!strcmp(c->secret_dirs[i], dir))
			return;
	c->secret_dirs = mem_grow(c->secret_dirs, (c->n_secret_dirs + 1) * sizeof(*c->secret_dirs));
	c->secret_dirs[c->n_secret_dirs++] = arena_text(c->arena, dir);
}

static void secret_dir_of_file(struct config *c, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		secret_dir_add(c, slash ? "/" : ".");
	else
		secret_dir_add(c, arena_slice(c->arena, path, (size_t)(slash - path)));
}

static int secret_of_file_store(struct resources *all, const struct resource *store, const struct secret_ref *ref,
    struct buf *value_r, struct error *err)
{
	static const struct option multi = { .name = "multiValued", .type = OPT_BOOL, .def = "false" };
	const char *path = store_setting(store, "secretsFile", NULL);
	struct secret_file_rules rules = { .separator = store_setting(store, "nestedSeparator", ":") };
	struct buf text = { 0 };
	int rc;

	if (!path)
		return error_set(err, ERR_CONFIG, "secretsFile is missing, expected the path of a JSON file");
	if (option_read(&multi, &rules.multi_valued, store_setting(store, "multiValued", ""), err) < 0)
		return error_wrap(err, "multiValued");
	secret_dir_of_file(all->config, path);
	rc = secret_file(path, &text, err);
	if (rc == 0 && secret_of_json((struct slice){ text.p, text.n }, &rules, ref, value_r, err) < 0)
		rc = error_wrap(err, "%s", path);
	wipe(&text);
	return rc;
}

static int secret_of_store(struct resources *all, const struct resource *store, const struct secret_ref *ref,
    struct buf *value_r, struct error *err)
{
	int rc;

	if (store->state == RESOURCE_ELSEWHERE || !secret_store_known(store->type ? store->type : ""))
		return error_set(err, ERR_CONFIG,
		    "secret store %.60s is %s, expected secretstores.local.env, secretstores.local.file or "
		    "secrets.path of kind Bridge",
		    store->name,
		    store->state == RESOURCE_ELSEWHERE ? "not for this app" : "of a type that is not here");
	for (unsigned i = 0; i < store->n_settings; i++)
		if (store->refs[i].name)
			return error_set(
			    err, ERR_CONFIG, "secret store %.60s has secrets in its own metadata", store->name);
	rc = strcasecmp(store->type, "secretstores.local.env") == 0
	    ? secret_of_env_store(store, ref, value_r, err)
	    : secret_of_file_store(all, store, ref, value_r, err);
	return rc < 0 ? error_wrap(err, "secret store %.60s", store->name) : rc;
}

/* In a cluster Dapr's store needs no component: what it would ask for is mounted. */
static int secret_find(struct resources *all, const struct resource *c, const struct secret_ref *ref,
    struct buf *value_r, struct error *err)
{
	const char *name = c->secret_store && *c->secret_store ? c->secret_store : NULL;
	const char *directory = all->config->process.secrets_path;
	const struct resource *store = name ? resources_find(all, RESOURCE_COMPONENT, name) : NULL;

	if (store)
		return secret_of_store(all, store, ref, value_r, err);
	if (directory && (!name || !strcasecmp(name, "kubernetes"))) {
		secret_dir_add(all->config, arena_printf(all->config->arena, "%s/%s", directory, ref->name));
		return secret_of_directory(directory, ref, value_r, err);
	}
	if (name && strcasecmp(name, "kubernetes") != 0)
		return error_set(err, ERR_CONFIG,
		    "there is no component %.60s, expected the secret store auth.secretStore names", name);
	return error_set(err, ERR_CONFIG,
	    "no secret store, expected auth.secretStore, or secrets.path of kind Bridge where secrets are mounted");
}

static int secret_resolve(struct resources *all, const struct resource *c, unsigned i, struct error *err)
{
	const struct secret_ref *ref = &c->refs[i];
	struct setting *s = &c->settings[i];
	struct buf value = { 0 };
	int rc = -1;

	s->value = "";
	s->referred = true;
	if (ref->name ? secret_find(all, c, ref, &value, err) < 0 : secret_of_env(ref->env, &value, err) < 0)
		error_wrap(err, "%.60s", s->name);
	else if (value.n > 0 && memchr(value.p, '\0', value.n))
		error_set(err, ERR_CONFIG, "%.60s: a secret with a NUL byte, expected a text", s->name);
	else if (value.n > 0)
		s->value = arena_slice(all->config->arena, value.p, value.n);
	rc = err->code ? -1 : 0;
	wipe(&value);
	return rc;
}

unsigned secrets_resolve(struct resources *all, struct resource *c)
{
	unsigned faults = 0;

	for (unsigned i = 0; i < c->n_settings; i++) {
		struct error e = { ERR_NONE, "" };

		if (c->settings[i].value || (!c->refs[i].name && !c->refs[i].env))
			continue;
		if (secret_resolve(all, c, i, &e) == -1) {
			finding_add(all->config, c->ignore_errors ? FINDING_WARNING : FINDING_ERROR,
			    setting_place(&c->settings[i]), "%s", e.text);
			faults++;
		}
	}
	return faults;
}
