/* What fuzz targets are made of: the one entry, input taken apart, and checks that do not use the code under test. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H
#include <assert.h>
#include "bridge/backoff.h"
#include "bridge/bytes.h"

/* Each target defines it; libFuzzer or replay.c calls it with a block of exactly n bytes.  A broken promise is a failed
 * assert().  Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *, size_t n);

/* Cuts the next line off the front, without its newline; nothing left: empty. */
struct slice input_line(struct slice *rest);

/* The same input always gives the same numbers: where to cut it into pieces. */
struct random input_random(struct slice);
size_t input_piece(struct random *, size_t n);	/* 1 to n, mostly short; n > 0 */

/* JSON by RFC 8259, at most `depth` levels; bytes above 0x7f in strings are not looked at. */
bool json_is_valid(struct slice, unsigned depth);
/* Of a valid object: how many of its own members have that name, as it stands between the quotes. */
unsigned json_count(struct slice object, struct slice name);
bool utf8_is_valid(struct slice);
bool slice_inside(struct slice, struct slice whole);	/* empty and absent ones are */
#endif
