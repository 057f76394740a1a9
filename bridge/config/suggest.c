/* "Did you mean": edit distance, without regard to case, neighbours swapped counting once. */
#include "bridge/config/suggest.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { WORD_MAX = 32, OFFERS_MAX = 1000 };

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static unsigned word_distance(const char *a, size_t na, const char *b, size_t nb)
{
	unsigned rows[3][WORD_MAX + 1];
	unsigned *before = rows[0], *above = rows[1], *row = rows[2];

	for (size_t j = 0; j <= nb; j++)
		above[j] = (unsigned)j;
	for (size_t i = 1; i <= na; i++) {
		unsigned *free_row = before;

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[j - 1]);

			row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (x != y));
			if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
			    y == tolower((unsigned char)a[i - 2]))
				row[j] = least(row[j], before[j - 2] + 1);
		}
		before = above;
		above = row;
		row = free_row;
	}
	return above[nb];
}

void suggest_begin(struct suggest *s, const char *word)
{
	size_t n = strlen(word);

	*s = (struct suggest){ .word = word, .distance = (unsigned)(n < 4 ? 1 : n < 8 ? 2 : 3) + 1 };
}

void suggest_offer(struct suggest *s, const char *candidate)
{
	size_t n = strlen(s->word), m = strlen(candidate);
	unsigned d;

	if (n > WORD_MAX || m > WORD_MAX || m == 0 || s->offers++ >= OFFERS_MAX)
		return;
	if ((n > m ? n - m : m - n) >= s->distance) /* no fewer changes than letters too many */
		return;
	d = word_distance(s->word, n, candidate, m);
	if (d < s->distance) {
		s->distance = d;
		s->best = candidate;
	}
}

const char *suggest_text(struct suggest *s)
{
	if (s->best)
		snprintf(s->text, sizeof(s->text), ", did you mean \"%s\"?", s->best);
	return s->text;
}
