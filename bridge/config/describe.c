/* What a configuration does, in words: a short paragraph for each subscription. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "bridge/bytes.h"
#include "bridge/paint.h"
#include "bridge/config/parse.h"
#include "bridge/config/settings.h"

struct describing {
	const struct function_config *function;
	const struct subscription_config *subscription;
	const struct component_config *component;
	struct buf *out;
	bool color;
};

const char *config_group(const struct function_config *f, const struct component_config *component)
{
	const char *group = settings_value(component->settings, component->n_settings, "consumerGroup");

	if (!group)
		group = settings_value(component->settings, component->n_settings, "consumerID");
	return group ? group : f->rows.app_id;
}

static void line_begin(struct describing *d, const char *what)
{
	buf_printf(d->out, "  %s%-8s%s", paint(d->color, PAINT_FAINT), what, paint(d->color, PAINT_END));
}

static const char *duration(int64_t ms, char text[static 64])
{
	const struct option row = MS("ms", struct policy, timeout_ms, NULL, 0, "");
	const struct policy p = { .timeout_ms = ms };

	option_print(&row, &p, text, 64);
	return text;
}

static void describe_source(struct describing *d)
{
	const struct component_config *c = d->component;
	const struct connector_class *class = c->part->class;
	const char *topic = d->subscription->topic;

	line_begin(d, "reads");
	buf_printf(d->out, "%s", class->name);
	for (const struct option *o = class->options; o && o->name; o++) {
		const struct setting *s = o->flags & OPT_URL_HOST ? settings_last(c->settings, c->n_settings, o) : NULL;

		if (s)
			buf_text(d->out, " ");
		if (s)
			settings_show(d->out, s->value);
	}
	if (topic)
		buf_printf(d->out, ", %s %s", strchr(topic, ',') ? "topics" : "topic", topic);
	if (option_find(class->options, "consumerGroup"))
		buf_printf(d->out, ", as group %s", config_group(d->function, c));
	buf_text(d->out, "\n");
}

static void describe_function(struct describing *d)
{
	static const char *const formats[] = { "binary CloudEvents", "structured CloudEvents", "raw bytes" };
	const struct function_rows *p = &d->function->rows;
	bool pubsub = d->component->part->block == BLOCK_PUBSUB;

	line_begin(d, "goes to");
	if (!p->address) {
		buf_printf(d->out, "%snowhere: no function address, so nothing is read%s\n",
		    paint(d->color, PAINT_YELLOW), paint(d->color, PAINT_END));
		return;
	}
	buf_printf(d->out, "POST %s%s, as %s%s\n", p->address, d->subscription->route,
	    p->protocol == PROTOCOL_PLAIN ? formats[p->format]
		: pubsub		  ? "Dapr pub/sub"
					  : "a Dapr input binding",
	    d->subscription->probe ? ", if OPTIONS there says it wants them" : "");
}

static void describe_order(struct describing *d)
{
	static const char *const orders[] = { [ORDER_PARTITION] =
						  "one after the other in a partition, partitions side by side",
		[ORDER_KEY] = "one after the other for a key, keys side by side",
		[ORDER_NONE] = "none, all side by side" };
	int64_t most = d->function->rows.endpoint_concurrency, own = d->subscription->policy.max_in_flight;

	line_begin(d, "order");
	buf_printf(d->out, "%s; at most %lld in flight\n", orders[d->subscription->policy.order],
	    (long long)(own > 0 && own < most ? own : most));
}

static void describe_limits(struct describing *d)
{
	const struct policy *p = &d->subscription->policy;
	char text[64];

	if (p->retry_attempts == 1)
		buf_text(d->out, "the first failure");
	else if (p->retry_attempts)
		buf_printf(d->out, "%lld attempts", (long long)p->retry_attempts);
	if (p->retry_max_age_ms)
		buf_printf(d->out, "%s%s", p->retry_attempts ? " or " : "", duration(p->retry_max_age_ms, text));
}

static void describe_done(struct describing *d)
{
	const struct policy *p = &d->subscription->policy;
	bool dapr = d->function->rows.protocol == PROTOCOL_HTTP;
	char from[64], to[64];

	line_begin(d, "done");
	buf_printf(d->out, "when the function answered 2xx%s; a failure is tried again ",
	    dapr && d->component->part->block == BLOCK_PUBSUB ? " without RETRY or DROP" : "");
	if (p->retry_attempts == 1)
		buf_text(d->out, "only if it cannot be reached\n");
	else
		buf_printf(d->out, "after %s to %s%s\n", duration(p->retry_initial_ms, from),
		    duration(p->retry_max_ms, to), p->retry_attempts || p->retry_max_age_ms ? "" : ", without end");
}

static void describe_park(struct describing *d)
{
	const struct policy *p = &d->subscription->policy;
	bool limited = p->retry_attempts || p->retry_max_age_ms;
	bool drop = p->on_exhausted == EXHAUSTED_DROP, park = !drop && p->dead_letter_topic;

	line_begin(d, "parks");
	if (park)
		buf_printf(d->out, "in %s of %s", p->dead_letter_topic,
		    p->dead_letter_component ? p->dead_letter_component : d->component->name);
	else
		buf_printf(
		    d->out, "%snowhere%s", drop ? paint(d->color, PAINT_YELLOW) : "", drop ? ", drops" : ", holds");
	buf_text(d->out, " what the function refuses");
	if (limited)
		buf_text(d->out, ", or after ");
	describe_limits(d);
	if (drop)
		buf_printf(d->out, ": it is lost%s", paint(d->color, PAINT_END));
	else if (!park)
		buf_text(d->out, "; what is behind it in its order waits");
	buf_text(d->out, "\n");
}

static void describe_subscription(struct describing *d)
{
	buf_printf(
	    d->out, "%s%s%s\n", paint(d->color, PAINT_STRONG), d->subscription->name, paint(d->color, PAINT_END));
	describe_source(d);
	describe_function(d);
	describe_order(d);
	describe_done(d);
	describe_park(d);
}

static void describe_head(struct describing *d)
{
	const struct function_rows *rows = &d->function->rows;
	static const struct option bytes = BYTES("n", struct function_rows, buffer_bytes, NULL, 0, "");
	char text[64];

	option_print(&bytes, rows, text, sizeof(text));
	buf_printf(d->out, "%sfunction %s%s: holds %lld events and %s at most", paint(d->color, PAINT_STRONG),
	    rows->app_id, paint(d->color, PAINT_END), (long long)rows->buffer_events, text);
	if (rows->dapr_http_port)
		buf_printf(d->out, ", Dapr API at %s:%lld", rows->dapr_listen, (long long)rows->dapr_http_port);
	buf_printf(d->out, "%s\n", d->function->n_subscriptions ? "" : "; reads nothing");
}

void config_describe(const struct config *c, bool color, struct buf *out)
{
	for (unsigned i = 0; i < c->n_functions; i++) {
		const struct function_config *f = &c->functions[i];
		struct describing d = { .function = f, .out = out, .color = color };

		if (c->n_functions > 1)
			describe_head(&d);
		for (unsigned j = 0; j < f->n_subscriptions; j++) {
			d.subscription = &f->subscriptions[j];
			d.component = &f->components[d.subscription->component];
			describe_subscription(&d);
		}
	}
}

void config_print_subscriptions(const struct config *c)
{
	struct buf out = { 0 };

	config_describe(c, paint_wanted(STDERR_FILENO), &out);
	fwrite(out.p, 1, out.n, stderr);
	buf_free(&out);
}
