/* Event memory is reused, and what is kept is bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/pool.h"

static void what_was_put_back_is_given_again(void **state)
{
	struct pool p = { .keep_max = 1 << 20 };
	void *first = pool_get(&p, 700), *second;

	(void)state;
	memset(first, 1, pool_size(700));
	pool_put(&p, first, 700);
	assert_int_equal(p.kept, 1024);
	second = pool_get(&p, 1000);
	assert_ptr_equal(first, second);
	assert_int_equal(p.kept, 0);
	pool_put(&p, second, 1000);
	pool_free(&p);
	assert_int_equal(p.kept, 0);
}

static void no_more_is_kept_than_was_allowed(void **state)
{
	struct pool p = { .keep_max = 4096 };
	void *blocks[64];

	(void)state;
	for (unsigned i = 0; i < 64; i++)
		blocks[i] = pool_get(&p, 512);
	for (unsigned i = 0; i < 64; i++)
		pool_put(&p, blocks[i], 512);
	assert_int_equal(p.kept, 4096);
	pool_free(&p);
}

static void sizes_are_rounded_up_to_their_class_and_large_ones_are_exact(void **state)
{
	struct pool p = { .keep_max = 1 << 20 };
	void *large;

	(void)state;
	assert_int_equal(pool_size(1), 512);
	assert_int_equal(pool_size(512), 512);
	assert_int_equal(pool_size(513), 1024);
	assert_int_equal(pool_size(256 << 10), 256 << 10);
	assert_int_equal(pool_size((256 << 10) + 1), (256 << 10) + 1);
	large = pool_get(&p, 1 << 20);
	memset(large, 1, 1 << 20);
	pool_put(&p, large, 1 << 20);
	assert_int_equal(p.kept, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_back_is_given_again),
		cmocka_unit_test(no_more_is_kept_than_was_allowed),
		cmocka_unit_test(sizes_are_rounded_up_to_their_class_and_large_ones_are_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
