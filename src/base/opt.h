/* SPDX-License-Identifier: Apache-2.0
 *
 * base/opt.h - options as rows of a table: one row parses, documents and defaults itself.
 *
 * A table is an array of mn_opt ended by {0}. Each row writes into a field of one struct.
 * --help, the man page, docs/CLI.md, shell completion and the OMNESIA_* environment names are all
 * printed from the same rows (an option --top-k is OMNESIA_TOP_K in the environment, and top-k in a
 * config file). A row of kind
 * MN_OPT_ROWS stands for another table, written into a member struct: that is how every
 * command gets --memory and --help.
 */
#ifndef MN_BASE_OPT_H
#define MN_BASE_OPT_H
#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

typedef enum mn_opt_kind {
    MN_OPT_FLAG = 1, /* int: 1 when given; 0 or 1 in the environment */
    MN_OPT_INT,      /* int32_t within [min, max] */
    MN_OPT_U64,      /* uint64_t within [min, max] */
    MN_OPT_FLOAT,    /* float within [min, max] */
    MN_OPT_TEXT,     /* const char *, borrowed from argv, the environment or mn_opt_given */
    MN_OPT_LIST,     /* mn_opt_list: repeatable text; the environment gives one */
    MN_OPT_BYTES,    /* uint64_t: 512M, 2G, 50% */
    MN_OPT_CHOICE,   /* int: index into `choices`, "f16|q8" */
    MN_OPT_ROWS,     /* the rows of `rows`; their offsets count from `offset` */
} mn_opt_kind;

typedef struct mn_opt_list {
    const char **item; /* allocated by the parser; mn_opt_free releases */
    int n;
    int level; /* where they are from: what counts more replaces all of them */
} mn_opt_list;

typedef struct mn_opt mn_opt;
struct mn_opt {
    mn_opt_kind kind;
    char letter;          /* 'm' for -m; 0: long form only */
    char no_env;          /* 1: command line only, because it says what one call is about, or what
                             the caller will read; a standing wish belongs into the environment */
    const char *name;     /* "model" for --model */
    const char *value;    /* what stands for the value in help: "N", "FILE"; NULL for flags */
    size_t offset;        /* of the field in the target struct */
    double min, max;      /* inclusive; both 0: no bound */
    const char *standard; /* default as text, also what help prints; NULL: zero / NULL */
    const char *choices;  /* MN_OPT_CHOICE only */
    const mn_opt *rows;   /* MN_OPT_ROWS only */
    const char *help;     /* one line, no full stop */
};

/* A value from elsewhere, such as a file. */
typedef struct mn_opt_given {
    const char *name, *text; /* of the option, without dashes; its value */
    const char *from;        /* what a sentence about it begins with: "omnesia.ini:3: top-k" */
} mn_opt_given;

/* Fill `target` with defaults, then given[0..n_given), then OMNESIA_*, then argv. Words that are
 * not options are moved to the front of `words` (an array of at least argc pointers), counted in
 * *n_words. "--" ends options; "-" is a word. --name VALUE, --name=VALUE, -n VALUE, -nVALUE; the
 * last one given counts. MN_EINVAL names the option, the value and what is allowed; an unknown
 * option is answered with the nearest known one. argv[0] is skipped. On failure nothing needs
 * freeing. */
int mn_opt_parse(const mn_opt *table, void *target, const mn_opt_given *given, int n_given,
                 int argc, char **argv, const char **words, int *n_words);
void mn_opt_free(const mn_opt *table, void *target);
/* Give the option `name` (without dashes) another value later on; MN_EINVAL as above. Text is
 * borrowed. */
int mn_opt_set(const mn_opt *table, void *target, const char *name, const char *text);

/* Call `each` for every row, those of included tables where they stand. Non-zero stops. */
int mn_opt_each(const mn_opt *table, int (*each)(void *user, const mn_opt *row), void *user);
/* The row called `name`, or NULL. */
const mn_opt *mn_opt_find(const mn_opt *table, const char *name);
/* "-m, --model MODEL", with "f16|q8" as the value of a choice. */
int mn_opt_label(const mn_opt *row, mn_buf *out);
/* "help text (default: x; 1 to 64; OMNESIA_MODEL)". */
int mn_opt_about(const mn_opt *row, mn_buf *out);
/* "  -m, --model MODEL   about" lines for each row, wrapped at so many columns. */
int mn_opt_print(const mn_opt *table, int columns, mn_buf *out);

/* The name nearest to `word` in names[0..n), when near enough to be a slip of the fingers; else
 * NULL. Edit distance with transpositions; names longer than 63 bytes are not considered. */
const char *mn_opt_nearest(const char *word, const char *const *names, size_t n);

#endif
