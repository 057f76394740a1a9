/* The effective configuration as YAML that reads back the same, and the last line of a check. */
#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "bridge/bytes.h"
#include "bridge/config/parse.h"
#include "bridge/config/settings.h"

enum { NUMBER_MAX = 128 };

/* Length of the UTF-8 character at p and what it is; 1 and its byte when it is none. */
static size_t character_at(const char *p, unsigned *code_r)
{
	const unsigned char *u = (const unsigned char *)p;
	size_t n = u[0] < 0xc2 ? 1 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : u[0] < 0xf5 ? 4 : 1;

	*code_r = u[0];
	if (n == 1)
		return 1;
	*code_r = u[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((u[i] & 0xc0) != 0x80) {
			*code_r = u[0];
			return 1;
		}
		*code_r = *code_r << 6 | (u[i] & 0x3f);
	}
	return n;
}

static void print_quoted(struct buf *out, const char *p)
{
	unsigned code;

	buf_text(out, "\"");
	for (size_t n; *p; p += n) {
		n = character_at(p, &code);
		if (code == '"' || code == '\\')
			buf_printf(out, "\\%c", (int)code);
		else if (code < 0x20 || (code >= 0x7f && code < 0xa0) || (n == 1 && code > 0x7f))
			buf_printf(out, "\\x%02x", code);
		else if (code == 0x2028 || code == 0x2029 || code == 0xfeff || code == 0xfffe || code == 0xffff)
			buf_printf(out, "\\u%04x", code);
		else
			buf_add(out, p, n);
	}
	buf_text(out, "\"");
}

/* Unquoted only where no reader could take it for something else. */
static void print_text(struct buf *out, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/:-";
	size_t n = strlen(text);

	if (n > 0 && strspn(text, plain) == n && (isalnum((unsigned char)*text) || *text == '/') &&
	    text[n - 1] != ':' && strcasecmp(text, "null") != 0)
		buf_text(out, text);
	else
		print_quoted(out, text);
}

/* In metadata always quoted, since Dapr takes texts only. */
static void print_value(struct buf *out, const char *text, bool quoted)
{
	struct buf shown = { 0 };
	bool masked = settings_show(&shown, text);

	buf_add(&shown, "", 1);
	if (quoted || masked)
		print_quoted(out, shown.p);
	else
		print_text(out, shown.p);
	buf_free(&shown);
}

/* Nothing when the field holds no text. */
static void print_field(struct buf *out, const char *before, const struct option *o, const void *at, bool quoted)
{
	const char *text = o->type == OPT_STR ? *(const char *const *)((const char *)at + o->offset) : NULL;
	char number[NUMBER_MAX];

	if (o->type == OPT_STR && !text)
		return;
	if (!text || o->flags & OPT_SECRET) {
		option_print(o, at, number, sizeof(number));
		text = number;
	}
	buf_text(out, before);
	print_value(out, text, quoted);
	buf_text(out, "\n");
}

/* Opens the maps to `name` that the row before has not opened: "tls:" for function.tls.ca.  Depth of the leaf. */
static unsigned print_maps(struct buf *out, const char *name, const char *before)
{
	unsigned depth = 1;
	bool open = true;

	for (const char *dot; (dot = strchr(name, '.')); name = dot + 1, depth++) {
		size_t n = (size_t)(dot - name) + 1;

		open = open && !strncmp(name, before, n);
		if (open)
			before += n;
		else
			buf_printf(out, "%*s%.*s:\n", (int)depth * 2, "", (int)n - 1, name);
	}
	return depth;
}

static const char *print_table(struct buf *out, const struct option *rows, const void *at, const char *before)
{
	for (const struct option *o = rows; o->name; o++) {
		const char *dot = strrchr(o->name, '.');
		char key[64];

		if (!strcmp(o->name, "metadata.name") ||
		    (o->type == OPT_STR && !*(const char *const *)((const char *)at + o->offset)))
			continue;
		snprintf(key, sizeof(key), "%*s%s: ", (int)print_maps(out, o->name, before) * 2, "",
		    dot ? dot + 1 : o->name);
		print_field(out, key, o, at, false);
		before = o->name;
	}
	return before;
}

/* What is the process's stands in the first. */
static void print_bridge(struct buf *out, const struct config *c, const struct function_config *f)
{
	const char *before;

	buf_printf(out, "%sapiVersion: bridge/v1\nkind: Bridge\nmetadata:\n  name: ", out->n ? "---\n" : "");
	print_text(out, f->rows.app_id);
	buf_text(out, "\nspec:\n");
	before = print_table(out, function_row_options, &f->rows, "");
	if (f == c->functions)
		print_table(out, process_options, &c->process, before);
}

struct printing {
	struct buf *out;
	const char *indent;
	bool map;
	const struct setting *settings; /* what the rows were filled from */
	unsigned n_settings;
	const struct secret_ref *refs; /* one a setting; NULL: all values stand there */
}; /* map: "name: value", else list of {name, value} */

static void print_setting_name(const struct printing *p, const char *name, struct buf *before)
{
	buf_printf(before, p->map ? "%s%s: " : "%s- name: %s\n%s  value: ", p->indent, name, p->indent);
}

/* Instead of a value that is kept elsewhere.  False: that of this row is not. */
static bool print_reference(const struct printing *p, const char *name, const struct setting *s)
{
	const struct secret_ref *ref = s && s->referred && p->refs ? &p->refs[s - p->settings] : NULL;

	if (!ref)
		return false;
	buf_printf(p->out, "%s- name: %s\n%s  %s: ", p->indent, name, p->indent, ref->name ? "secretKeyRef" : "envRef");
	if (!ref->name) {
		print_quoted(p->out, ref->env);
	} else {
		buf_text(p->out, "{name: ");
		print_quoted(p->out, ref->name);
		buf_text(p->out, ", key: ");
		print_quoted(p->out, ref->key);
		buf_text(p->out, "}");
	}
	buf_text(p->out, "\n");
	return true;
}

static void print_setting(const struct printing *p, const char *name, const struct setting *s)
{
	if (!s || print_reference(p, name, s))
		return;
	print_setting_name(p, name, p->out);
	print_value(p->out, s->value, true);
	buf_text(p->out, "\n");
}

static void print_row(const struct printing *p, const struct option *o, const void *at)
{
	struct buf before = { 0 };

	if (print_reference(p, o->name, settings_last(p->settings, p->n_settings, o)))
		return;
	print_setting_name(p, o->name, &before);
	buf_add(&before, "", 1);
	print_field(p->out, before.p, o, at, true);
	buf_free(&before);
}

static void print_rows(const struct printing *p, const struct option *rows, size_t size)
{
	void *scratch = mem_new(size);

	settings_fill(rows, scratch, p->settings, p->n_settings);
	for (const struct option *o = rows; o && o->name; o++)
		print_row(p, o, scratch);
	free(scratch);
}

/* Dapr's own rows are folded into ours and stand behind them: not printed. */
static void print_policy(const struct printing *p, const struct policy *policy, bool topic)
{
	for (const struct option *o = policy_options; o->name; o++)
		if (o->offset < offsetof(struct policy, consume_retry) &&
		    (topic || o->offset != offsetof(struct policy, dead_letter_topic)))
			print_row(p, o, policy);
}

/* Whom it is for, if there are several. */
struct printed {
	struct buf *out;
	const struct function_config *function;
	bool scoped;
};

static void print_scopes(const struct printed *p)
{
	if (!p->scoped)
		return;
	buf_text(p->out, "scopes:\n- ");
	print_text(p->out, p->function->rows.app_id);
	buf_text(p->out, "\n");
}

static const struct subscription_config *binding_of(const struct function_config *c, unsigned component)
{
	for (unsigned i = 0; i < c->n_subscriptions; i++)
		if (c->subscriptions[i].component == component && c->components[component].part->block == BLOCK_BINDING)
			return &c->subscriptions[i];
	return NULL;
}

static void print_metadata(struct buf *out, const struct function_config *f, unsigned index)
{
	const struct component_config *c = &f->components[index];
	const struct connector_class *class = c->part->class;
	const struct subscription_config *binding = binding_of(f, index);
	const struct printing p = { out, "    ", false, c->settings, c->n_settings, c->refs };
	size_t begin = out->n;

	for (const char *const *name = runtime_names; *name; name++) {
		const struct option row = { .name = *name };

		if (!option_find(class->options, *name))
			print_setting(&p, *name, settings_last(c->settings, c->n_settings, &row));
	}
	print_rows(&p, class->options, class->size);
	if (binding) {
		print_rows(&p, class->subscription_options, class->subscription_size);
		print_policy(&p, &binding->policy, true);
	}
	for (const struct option *o = policy_options; o->name && !binding; o++)
		print_setting(&p, o->name, settings_last(c->settings, c->n_settings, o));
	if (out->n == begin)
		buf_text(out, "    []\n");
}

/* What a store's names are found by; the secrets are not in it. */
static void print_store(struct buf *out, const struct component_config *c)
{
	const struct printing p = { out, "    ", false, c->settings, c->n_settings, c->refs };

	buf_text(out, "  metadata:\n");
	for (const char *const *name = secret_store_names; *name; name++) {
		const struct option row = { .name = *name };

		print_setting(&p, *name, settings_last(c->settings, c->n_settings, &row));
	}
}

static void print_component(const struct printed *p, unsigned index)
{
	static const struct option timeout = MS("initTimeout", struct component_config, init_timeout_ms, NULL, 0, "");
	const struct component_config *c = &p->function->components[index];
	struct buf *out = p->out;

	buf_text(out, "---\napiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata:\n  name: ");
	print_text(out, c->name);
	buf_text(out, "\nspec:\n  type: ");
	print_text(out, c->type);
	buf_printf(out, "\n  version: v1\n  ignoreErrors: %s\n", c->ignore_errors ? "true" : "false");
	print_field(out, "  initTimeout: ", &timeout, c, false);
	if (c->part) {
		buf_text(out, "  metadata:\n");
		print_metadata(out, p->function, index);
	} else if (secret_store_known(c->type)) {
		print_store(out, c);
	} else {
		buf_text(out, "  # listed only: its metadata is not read here\n");
	}
	if (c->secret_store) {
		buf_text(out, "auth:\n  secretStore: ");
		print_text(out, c->secret_store);
		buf_text(out, "\n");
	}
	print_scopes(p);
}

static void print_subscription(const struct printed *printed, const struct subscription_config *s)
{
	const struct component_config *c = &printed->function->components[s->component];
	const struct connector_class *class = c->part->class;
	struct buf *out = printed->out;
	const struct printing p = { out, "    ", true, s->settings, s->n_settings, NULL };

	buf_text(out, "---\napiVersion: dapr.io/v2alpha1\nkind: Subscription\nmetadata:\n  name: ");
	print_text(out, s->name);
	buf_text(out, "\nspec:\n  pubsubname: ");
	print_text(out, c->name);
	buf_text(out, "\n  topic: ");
	print_text(out, s->topic);
	buf_text(out, "\n  routes:\n    default: ");
	print_text(out, s->route);
	if (s->dead_letter_topic) {
		buf_text(out, "\n  deadLetterTopic: ");
		print_text(out, s->dead_letter_topic);
	}
	buf_printf(out, "\n  metadata:\n    rawPayload: \"%s\"\n", s->raw ? "true" : "false");
	print_rows(&p, class->subscription_options, class->subscription_size);
	print_policy(&p, &s->policy, false);
	print_scopes(printed);
}

void config_render(const struct config *c, struct buf *out)
{
	for (unsigned i = 0; i < c->n_functions; i++)
		print_bridge(out, c, &c->functions[i]);
	for (unsigned f = 0; f < c->n_functions; f++) {
		const struct printed p = { out, &c->functions[f], c->n_functions > 1 };

		for (unsigned i = 0; i < p.function->n_components; i++)
			print_component(&p, i);
		for (unsigned i = 0; i < p.function->n_subscriptions; i++)
			if (p.function->components[p.function->subscriptions[i].component].part->block == BLOCK_PUBSUB)
				print_subscription(&p, &p.function->subscriptions[i]);
	}
}

void config_print(const struct config *c)
{
	struct buf out = { 0 };

	config_render(c, &out);
	fwrite(out.p, 1, out.n, stdout);
	buf_free(&out);
}

static void print_count(unsigned n, const char *what)
{
	fprintf(stderr, "%u %s%s", n, what, n == 1 ? "" : "s");
}

void config_print_summary(const struct config *c)
{
	unsigned warnings = 0, components = 0, subscriptions = 0;

	for (unsigned i = 0; i < c->n_functions; i++) {
		components += c->functions[i].n_components;
		subscriptions += c->functions[i].n_subscriptions;
	}
	for (unsigned i = 0; i < c->n_findings; i++)
		warnings += c->findings[i].severity == FINDING_WARNING;
	if (c->n_errors > 0) {
		print_count(c->n_errors, "error");
	} else {
		fprintf(stderr, "ok: ");
		if (c->n_functions > 1) {
			print_count(c->n_functions, "function");
			fprintf(stderr, ", ");
		}
		print_count(components, "component");
		fprintf(stderr, ", ");
		print_count(subscriptions, "subscription");
	}
	if (warnings > 0) {
		fprintf(stderr, ", ");
		print_count(warnings, "warning");
	}
	fprintf(stderr, "\n");
}
