/* Typed option rows: the parser, `bridge check`, help and the reference page all come from the same table. */
#ifndef BRIDGE_OPTION_H
#define BRIDGE_OPTION_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

enum opt_type {
	OPT_STR,	/* const char * */
	OPT_INT,	/* int64_t */
	OPT_BOOL,	/* bool; Dapr's words: y yes t true on 1 / n no f false off 0, any case */
	OPT_MS,		/* int64_t ms; Go duration ("1m30s", "500ms") or a bare number: seconds, unless OPT_BARE_MS */
	OPT_BYTES,	/* int64_t; bare number or quantity: 64Ki 4Mi 1Gi k M G */
	OPT_WORD	/* int: index of the word in `words` */
};

enum {
	OPT_REQUIRED = 1,
	OPT_SECRET   = 2,	/* never printed */
	/* part of where we connect and as whom: two instances are one when all of these are equal */
	OPT_PLACE    = 4,
	OPT_BARE_MS  = 8,	/* a bare number means milliseconds */
	OPT_URL_HOST = 16,	/* the host part of a URL that stands for a component: kafka://HOST/… */
	OPT_URL_PATH = 32,	/* its path, without the first slash */
	OPT_URL_TLS  = 64,	/* OPT_BOOL: true when an s is added to the scheme: rediss://HOST */
	OPT_LIST     = 128	/* a comma list; of the path row: each item a topic of its own */
};

struct option {
	const char	*name;		/* as in the file; compared without regard to case */
	enum opt_type	 type;
	size_t		 offset;	/* of the field in the struct the table is for */
	const char	*def;		/* as it would be written in the file; NULL: absent (NULL, 0, false) */
	unsigned	 flags;
	const char	*help;		/* one sentence without a full stop */
	const char	*alias;		/* other spellings, space separated; NULL: none */
	const char	*words;		/* OPT_WORD: "partition key none"; "warn|warning": spellings of one word */
	int64_t		 min, max;	/* OPT_INT, OPT_MS, OPT_BYTES; both 0: not bounded */
	const char	*group;		/* heading in the help, on the first row of a group; NULL: as the row before */
};

/* Does not compile when the field's C type is not the option's. */
#define OPT_FIELD(s, f, ctype) (offsetof(s, f) + 0 * sizeof(_Generic(((s *)0)->f, ctype: (char)0)))
#define OPT_ROW(t, ctype, n, s, f, d, fl, h, ...) \
	{ .name = n, .type = t, .offset = OPT_FIELD(s, f, ctype), .def = d, .flags = fl, .help = h, __VA_ARGS__ }
/* name in the file, struct, field, default text, flags, help; then designated extras: .alias, .words, .min, .max */
#define STR(n, s, f, d, fl, h, ...) OPT_ROW(OPT_STR, const char *, n, s, f, d, fl, h, __VA_ARGS__)
#define INT(n, s, f, d, fl, h, ...) OPT_ROW(OPT_INT, int64_t, n, s, f, d, fl, h, __VA_ARGS__)
#define BOOL(n, s, f, d, fl, h, ...) OPT_ROW(OPT_BOOL, bool, n, s, f, d, fl, h, __VA_ARGS__)
#define MS(n, s, f, d, fl, h, ...) OPT_ROW(OPT_MS, int64_t, n, s, f, d, fl, h, __VA_ARGS__)
#define BYTES(n, s, f, d, fl, h, ...) OPT_ROW(OPT_BYTES, int64_t, n, s, f, d, fl, h, __VA_ARGS__)
#define WORD(n, s, f, d, fl, h, ...) OPT_ROW(OPT_WORD, int, n, s, f, d, fl, h, __VA_ARGS__)
#define OPT_END { .name = NULL }

/* One thing somebody wrote, and where: for `file:line:column: what, what was expected`. */
struct setting {
	const char	*name, *value;
	const char	*file;		/* NULL: command line or built in */
	unsigned	 line, column;	/* of the value */
	bool		 used;		/* set by option_parse(): what no table used is reported by `check` */
	/* kept elsewhere, and only referred to in the file: a secret, whatever its row says */
	bool		 referred;
};

/* One value into its field; "" puts the default (or nothing) there.  -1: "what, what was expected", without name and
 * place. */
int option_read(const struct option *, void *at, const char *value, struct error *);
/*
 * Fills the zeroed struct at `at` from defaults and settings (the last of equal names wins; strings are not copied:
 * they live as long as the settings; an empty value counts as not written).  A row that was written is marked in
 * `written` (bit i % 64 of word i / 64 for row i; NULL: not asked).  -1: the first fault, `file:line:column: name:
 * what, what was expected`.
 */
int option_parse(const struct option *rows, void *at, struct setting *, unsigned n, uint64_t *written, struct error *);
const struct option *option_flagged(const struct option *rows, unsigned flag);	/* the first with it; NULL: none */
const struct option *option_find(const struct option *rows, const char *name);	/* by name or alias; NULL: none */
/* The row for reading that setting: it keeps what came by reference out of its faults. */
struct option option_for(const struct option *, const struct setting *);
/* The field as it would be written in a file; OPT_SECRET: "<secret>".  Length without NUL, cut at size. */
size_t option_print(const struct option *, const void *at, char *buf, size_t size);
#endif
