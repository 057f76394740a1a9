/* KEDA's open streams: told `true` on the edge, and again while what waits is not touched.  `false` is never sent. */
#include <stdlib.h>
#include "bridge/error.h"
#include "bridge/proto/externalscaler.pb-c.h"
#include "bridge/scaler_inside.h"

enum { AGAIN_MS = 2000, LOOK_MS = 500 };

struct push {
	struct push *next, **previous;
	struct scaled *scaled; /* NULL: its function is gone, and it is in no list */
	struct grpc_call *call;
	struct trigger trigger;
	bool specs, active;
	int64_t since; /* it was told, or something was finished */
	uint64_t progress; /* as of then */
};

static void push_tell(struct push *p)
{
	Externalscaler__IsActiveResponse r = EXTERNALSCALER__IS_ACTIVE_RESPONSE__INIT;

	r.result = true;
	if (grpc_unsent(p->call) == 0) /* one on its way says it as well */
		grpc_send(p->call, &r.base);
}

/* Unknown is no edge: what was told holds. */
static bool push_view(const struct push *p, struct lag_view *view_r)
{
	const struct lag_query query = trigger_query(&p->trigger);
	struct error err;

	return function_lag(p->scaled->function, &query, view_r, &err) == 0;
}

static void push_mark(struct push *p, const struct lag_view *view)
{
	p->since = loop_now(p->scaled->scaler->loop);
	p->progress = view->progress;
}

static void push_again(void *arg);

static void push_again_soon(struct scaler *s)
{
	if (!s->again.heap_index && !s->leaving)
		timer_set(s->loop, &s->again, LOOK_MS, push_again, s);
}

static void push_look(struct push *p)
{
	struct lag_view view;
	bool active;

	if (p->specs || !push_view(p, &view))
		return;
	active = trigger_active(&p->trigger, &view);
	if (active && !p->active) {
		push_mark(p, &view);
		push_tell(p);
		push_again_soon(p->scaled->scaler);
	}
	p->active = active;
}

void push_changed(void *scaled)
{
	struct scaled *s = scaled;

	for (struct push *p = s->pushes; p; p = p->next)
		push_look(p);
}

/* Nothing was finished since it was told: the function may not have been started. */
static void push_remind(struct push *p)
{
	struct lag_view view;

	if (!push_view(p, &view))
		return;
	if (view.progress != p->progress) {
		push_mark(p, &view);
	} else if (loop_now(p->scaled->scaler->loop) - p->since >= AGAIN_MS) {
		push_mark(p, &view);
		push_tell(p);
	}
}

static void push_again(void *arg)
{
	struct scaler *s = arg;
	bool any = false;

	for (unsigned i = 0; i < s->n_scaled; i++)
		for (struct push *p = s->scaled[i]->pushes; p; p = p->next) {
			if (p->active)
				push_remind(p);
			any = any || p->active;
		}
	if (any)
		push_again_soon(s);
}

void push_open(struct scaled *scaled, struct grpc_call *call, const struct trigger *trigger, bool specs)
{
	struct push *p = mem_new(sizeof(*p));

	p->scaled = scaled;
	p->call = call;
	p->specs = specs;
	trigger_copy(&p->trigger, trigger);
	p->next = scaled->pushes;
	p->previous = &scaled->pushes;
	if (p->next)
		p->next->previous = &p->next;
	scaled->pushes = p;
	grpc_keep(call, p);
	push_look(p);
}

void push_gone(void *scaler, struct grpc_call *call)
{
	struct push *p = grpc_kept(call);

	(void)scaler;
	if (!p)
		return; /* it was refused */
	if (p->scaled) {
		*p->previous = p->next;
		if (p->next)
			p->next->previous = p->previous;
	}
	trigger_free(&p->trigger);
	free(p);
}

void push_end(struct scaled *s)
{
	for (struct push *p = s->pushes; p; p = p->next)
		grpc_end(p->call, GRPC_OK, NULL);
}

void push_let_go(struct scaled *s)
{
	push_end(s);
	while (s->pushes) {
		struct push *p = s->pushes;

		s->pushes = p->next;
		p->scaled = NULL;
	}
}

void push_end_all(struct scaler *s)
{
	for (unsigned i = 0; i < s->n_scaled; i++)
		push_end(s->scaled[i]);
	timer_stop(s->loop, &s->again);
}
