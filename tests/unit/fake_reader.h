/* One Kafka reader of a group over the fake core, begun at the oldest event, and what a test waits for. */
#ifndef TESTS_FAKE_READER_H
#define TESTS_FAKE_READER_H
#include "tests/unit/fake_kafka.h"
#include "tests/unit/fake_source_core.h"

extern struct cluster *cluster;		/* the test's */
extern struct loop *loop;

struct reader { struct source *source; struct subscription sub; const char *settings[40]; };

struct reader *reader_begin(const char *group, const char *topic, const char *const *more);	/* not opened */
void reader_open(struct reader *);
struct reader *reader_new(const char *group, const char *topic, const char *const *more);
void reader_end(struct reader *);		/* stop, drain, close, free */
void reader_close(struct reader *);		/* close without drain, free */

void until_count(struct source *, const char *topic, unsigned n);	/* offered, of all partitions */
void until_committed(const char *group, const char *topic, int partition, int64_t offset);
void assert_unbroken(const struct source *, const char *topic, int partition, int64_t from);

/* A main() for tests on one cluster and one loop. */
#define KAFKA_MAIN(brokers) \
	struct cluster *cluster; \
	struct loop *loop; \
	int main(void) \
	{ \
		int failed; \
		cluster = cluster_new(brokers); \
		loop = source_loop(); \
		failed = cmocka_run_group_tests(tests, NULL, NULL); \
		loop_free(loop); \
		cluster_free(cluster); \
		return failed; \
	}
#endif
