/* A core for tests of connectors whose events are acknowledged one by one: records offers, settles when told to. */
#ifndef TESTS_UNIT_FAKE_ANY_CORE_H
#define TESTS_UNIT_FAKE_ANY_CORE_H
#include "bridge/bytes.h"
#include "bridge/connector.h"
#include "bridge/error.h"
#include "bridge/loop.h"
#include "bridge/option.h"

enum { ANY_EVENTS = 400 };

struct any_event {
	struct event	 event;		/* id, topic, key, content_type, data copied; no headers */
	char		*headers;	/* "name=value;…" */
	struct window	*window;
	int64_t		 age_ms;	/* as window_walk() tells it; 0 until a test sets it */
	bool		 again, settled;
	unsigned	 n_subs;
};

struct window { struct window *next; char *name; bool lost; };

/* One instance under test at a time. */
struct any_core {
	struct loop	*loop;
	struct connector *connector;
	struct setting	*settings;
	struct window	*windows;	/* the newest first */
	struct any_event events[ANY_EVENTS];
	unsigned	 n_events, unsettled;
	unsigned	 credit;	/* unsettled events before OFFER_WAIT */
	size_t		 credit_bytes;
	const char	*hold;		/* offers into the window of that name are OFFER_HELD */
	unsigned	 n_up, n_down, n_drained, n_closed, n_lost, n_waits, n_dropped, n_commits, n_commit_failures;
	unsigned	 n_sub_down, n_sub_up;
	char		 down[300], sub_down[300];
	struct lag	 lag;
	unsigned	 n_lag;
};
extern struct any_core any_core;

/* settings: "name", "value", …, NULL; opened already */
void any_core_open(struct loop *, const struct connector_class *, const char *const *settings);
void any_core_close(void);			/* closes it, and frees */
void any_settle(unsigned event);		/* the function took it: acknowledged at once */
unsigned any_find(const char *data);		/* the number of the event with that data; the test fails without */
struct window *any_window(const char *name);	/* the open one; NULL: none */
#endif
