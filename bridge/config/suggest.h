/* "Did you mean": the nearest known word to one that is not known. */
#ifndef BRIDGE_CONFIG_SUGGEST_H
#define BRIDGE_CONFIG_SUGGEST_H

/* Begin with the wrong word, offer the right ones, take the text.  Words longer than 32 bytes and more than 1,000
 * offers are not looked at: the time is bounded. */
struct suggest { const char *word, *best; unsigned distance, offers; char text[64]; };

void suggest_begin(struct suggest *, const char *word);
void suggest_offer(struct suggest *, const char *candidate);	/* kept, not copied */
const char *suggest_text(struct suggest *);	/* ", did you mean \"x\"?", or "" when nothing is near */
#endif
