/* SPDX-License-Identifier: Apache-2.0
 *
 * base/opt.h - options as rows of a table: one row parses, documents and defaults itself.
 *
 * A table is an array of mn_opt ended by {0}. Each row writes into a field of one struct.
 * --help, the man page, shell completion, docs/CLI.md and the OMNESIA_* environment names
 * are all printed from the same rows (an option --top-k is OMNESIA_TOP_K in the environment).
 */
#ifndef MN_BASE_OPT_H
#define MN_BASE_OPT_H
#include <stddef.h>
#include <stdint.h>

typedef enum mn_opt_kind {
    MN_OPT_FLAG = 1, /* int: 1 when given */
    MN_OPT_INT,      /* int32_t within [min, max] */
    MN_OPT_U64,      /* uint64_t within [min, max] */
    MN_OPT_FLOAT,    /* float within [min, max] */
    MN_OPT_TEXT,     /* const char *, borrowed from argv or the environment */
    MN_OPT_LIST,     /* mn_opt_list: repeatable text */
    MN_OPT_BYTES,    /* uint64_t: 512M, 2G, 50% */
    MN_OPT_CHOICE,   /* int: index into `choices`, "f16|q8" */
} mn_opt_kind;

typedef struct mn_opt_list {
    const char **item; /* allocated by the parser; mn_opt_free releases */
    int n;
} mn_opt_list;

typedef struct mn_opt {
    mn_opt_kind kind;
    char letter;          /* 'm' for -m; 0: long form only */
    const char *name;     /* "model" for --model */
    const char *value;    /* what stands for the value in help: "N", "FILE"; NULL for flags */
    size_t offset;        /* of the field in the target struct */
    double min, max;      /* inclusive; both 0: no bound */
    const char *standard; /* default as text, also what help prints; NULL: zero / NULL */
    const char *choices;  /* MN_OPT_CHOICE only */
    const char *help;     /* one line, no full stop */
} mn_opt;

/* Fill `target` with defaults, then OMNESIA_*, then argv. Words that are not options are moved to
 * the front of `words` (an array of at least argc pointers), counted in *n_words. "--" ends
 * options.
 * "-" is a word. MN_EINVAL names the option, the value and what is allowed. argv[0] is skipped. */
int mn_opt_parse(const mn_opt *table, void *target, int argc, char **argv, const char **words,
                 int *n_words);
void mn_opt_free(const mn_opt *table, void *target);

/* "  -m, --model MODEL   help (default: x; OMNESIA_MODEL)" lines for each row, to a FILE*. */
void mn_opt_print(const mn_opt *table, void *stream);

#endif
