/* The ground of tests of the scaler: a lag engine that says what a test says, and a client of the wire. */
#ifndef TESTS_UNIT_SCALER_GROUND_H
#define TESTS_UNIT_SCALER_GROUND_H
#include "bridge/lag.h"
#include "bridge/scaler.h"
#include "tests/unit/h2_client.h"

#define SCALER "/externalscaler.ExternalScaler/"

struct function {
	const char	*name;
	bool		 unknown;
	struct lag_view	 view;
	void		(*changed)(void *);
	void		*arg;
	int64_t		 stale_ms;	/* as last asked */
};

struct ground { struct loop *loop; struct scaler *scaler; struct function shop, till; struct h2_client client; };

void ground_open(struct ground *);
void ground_close(struct ground *);
void lag_set(struct ground *, int64_t lag, uint64_t progress);	/* of shop, and says so */
void turns(struct ground *, unsigned n);

void buf_hex(struct buf *, const char *hex);
struct buf ref(const char *const *pairs);	/* a ScaledObjectRef of such metadata, framed */
#define REF(...) ref((const char *const[]){ __VA_ARGS__, NULL })

void ask(struct ground *, struct h2_answer *, const char *method, struct buf body);
/* Takes the body over. */
void ask_wait(struct ground *, struct h2_answer *, const char *method, struct buf body);
void assert_data(const struct h2_answer *, const char *hex);
void assert_answer(struct h2_answer *, const char *hex);	/* whole, OK; frees it */
/* With trailers only, as clients want it; frees it. */
void assert_refused(struct h2_answer *, const char *status, const char *said);
#endif
