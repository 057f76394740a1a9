/* The note on events completed ahead of the prefix: printable, versioned, checksummed, made for one start. */
#ifndef BRIDGE_NOTE_H
#define BRIDGE_NOTE_H
#include "bridge/bytes.h"

/*
 * 	bridge/1 <start> <runs> <checksum>
 *
 * start: decimal, the offset the note was made for; runs: pairs (gap, length) from start on, base 128 little endian,
 * in base64url; checksum: 32 bit of the text before it, in hex.  Anything else is somebody else's note and counts
 * for nothing.
 */
struct note_run { uint64_t from, to; };		/* [from, to) is done */

struct note_writer { char *buf; size_t size; uint64_t start, at; unsigned char *bytes; size_t n, cap; bool full; };

/* `bytes`: room for the packed runs, at least size * 3 / 4. */
void note_begin(struct note_writer *, char *buf, size_t size, unsigned char *bytes, uint64_t start);
/* rising, from >= start; what does not fit is left out */
void note_add(struct note_writer *, uint64_t from, uint64_t to);
size_t note_end(struct note_writer *);		/* length of the note; 0: nothing was added */

/* Runs in rising order, apart from each other; -1: foreign, damaged or made for another start. */
int note_read(struct slice note, uint64_t start, struct note_run **runs_r, unsigned *n_r);
#endif
