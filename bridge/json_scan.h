/* One pass over a JSON text: is it JSON, and where are the members of its outermost object; and strings in JSON. */
#ifndef BRIDGE_JSON_SCAN_H
#define BRIDGE_JSON_SCAN_H
#include "bridge/bytes.h"

enum { JSON_DEPTH_MAX = 64 };	/* objects and arrays within each other; deeper is refused */

enum json_kind { JSON_NONE, JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* The caller fills the first two. */
struct json_member {
	const char	*name;		/* ASCII */
	bool		 any_case;
	enum json_kind	 kind;		/* JSON_NONE: not there */
	struct slice	 text;		/* as it stands; of a string what is between the quotes, escapes untouched */
};

/*
 * The kind of the whole text (RFC 8259), or JSON_NONE and `why`, a constant.  Of equal names the last counts.  Members
 * found before a fault are filled in all the same: the text may have been cut.  Linear time, no memory, no recursion;
 * bytes above 0x7f inside strings are not looked at.
 */
enum json_kind json_scan(struct slice, struct json_member *, unsigned n, const char **why);

/* Compares the inside of a JSON string, escapes and all, with ASCII text. */
bool json_string_is(struct slice escaped, const char *text, bool any_case);

bool utf8_ok(struct slice);	/* every byte belongs to a character */

/* The members of an object that json_scan() found whole, one after the other; begin with its text.  The name is what
 * is between the quotes.  false: no more. */
bool json_next(struct slice *rest, struct slice *name_r, struct json_member *value_r);

/* Appends what the inside of a scanned JSON string means, in UTF-8; half a surrogate pair becomes U+FFFD. */
void json_add_text(struct buf *, struct slice escaped);

/* Appends a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void json_add_string(struct buf *, struct slice);
#endif
