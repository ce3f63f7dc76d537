/* SPDX-License-Identifier: Apache-2.0
 *
 * base/opt.c - fill a struct from defaults, a file, the environment and argv, by a table of rows.
 *
 * Four passes over one setter: `standard` texts, those of a file, OMNESIA_* texts and argv texts
 * all go through set(), so a default is checked like anything else. Lookups walk the table,
 * included tables too; a table has tens of rows and is walked once an option. What goes wrong is
 * always a usage error (MN_EINVAL) whose sentence quotes the text and says what is allowed.
 */
#include "base/opt.h"

#include "base/alloc.h"
#include "base/budget.h"
#include "base/error.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENV_MAX = 64, SUGGEST_MAX = 128 };
enum { STANDARD, GIVEN, ENVIRONMENT, ARGV }; /* levels: each replaces what the one before set */

/* OMNESIA_TOP_K for --top-k. */
static const char *env_name(const mn_opt *row, char out[ENV_MAX]) {
    int n = snprintf(out, ENV_MAX, "OMNESIA_%s", row->name);
    if (n >= ENV_MAX) n = ENV_MAX - 1;
    for (int i = 8; i < n; i++) out[i] = row->name[i - 8] == '-' ? '_' : (char)toupper(out[i]);
    return out;
}

static int has_env(const mn_opt *row) {
    return !row->no_env;
}

/* "between 1 and 64", "at least 1", or "" without bounds. */
static const char *bounds(const mn_opt *row, char out[64]) {
    out[0] = 0;
    if (row->min == 0 && row->max == 0) return out;
    const double open = row->kind == MN_OPT_INT ? INT32_MAX : 1e18;
    if (row->max >= open)
        snprintf(out, 64, "at least %.15g", row->min);
    else
        snprintf(out, 64, "between %.15g and %.15g", row->min, row->max);
    return out;
}

static int refuse(const mn_opt *row, const char *from, const char *text) {
    char range[64];
    bounds(row, range);
    const char *kind = row->kind == MN_OPT_FLOAT ? "a number"
                       : row->kind == MN_OPT_U64 ? "a whole number from 0 on"
                                                 : "a whole number";
    return MN_FAIL(MN_EINVAL, "%s: '%s' is not allowed; give %s%s%s", from, text, kind,
                   *range ? " " : "", range);
}

static int set_number(const mn_opt *row, void *field, const char *from, const char *text) {
    char *end;
    errno = 0;
    double v;
    uint64_t whole = 0;
    if (row->kind == MN_OPT_FLOAT) {
        v = strtod(text, &end);
    } else if (row->kind == MN_OPT_INT) {
        v = (double)strtoll(text, &end, 10);
        if (v < INT32_MIN || v > INT32_MAX) errno = ERANGE;
    } else {
        whole = strtoull(text, &end, 10);
        v = (double)whole;
        if (strchr(text, '-')) errno = ERANGE; /* strtoull would wrap it round */
    }
    if (end == text || *end || errno || v != v || v - v != 0) return refuse(row, from, text);
    if ((row->min != 0 || row->max != 0) && (v < row->min || v > row->max))
        return refuse(row, from, text);
    if (row->kind == MN_OPT_FLOAT)
        *(float *)field = (float)v;
    else if (row->kind == MN_OPT_INT)
        *(int32_t *)field = (int32_t)v;
    else
        *(uint64_t *)field = whole;
    return 0;
}

static int set_choice(const mn_opt *row, int *field, const char *from, const char *text) {
    const size_t n = strlen(text);
    int i = 0;
    for (const char *p = row->choices;; i++) {
        const size_t k = strcspn(p, "|");
        if (n == k && memcmp(p, text, n) == 0) return *field = i, 0;
        if (!p[k]) break;
        p += k + 1;
    }
    char list[128];
    size_t at = 0;
    for (const char *p = row->choices; *p && at < sizeof list - 8; p++)
        at += (size_t)snprintf(list + at, sizeof list - at, *p == '|' ? " or " : "%c", *p);
    return MN_FAIL(MN_EINVAL, "%s is %s, not '%s'", from, list, text);
}

static int add_item(mn_opt_list *list, const char *text, int level) {
    if (list->level != level) list->n = 0;
    list->level = level;
    const char **item = mn_realloc(list->item, ((size_t)list->n + 1) * sizeof *item);
    if (!item) return MN_FAIL(MN_ENOMEM, "no memory for %d options", list->n + 1);
    list->item = item;
    item[list->n++] = text;
    return 0;
}

/* Write `text`, which came from `from` ("--top-k" or "OMNESIA_TOP_K"), into the row's field. */
static int set(const mn_opt *row, void *field, const char *from, const char *text, int level) {
    switch (row->kind) {
    case MN_OPT_FLAG:
        if (strcmp(text, "0") && strcmp(text, "1"))
            return MN_FAIL(MN_EINVAL, "%s: '%s' is not allowed; give 0 or 1", from, text);
        *(int *)field = text[0] == '1';
        return 0;
    case MN_OPT_INT:
    case MN_OPT_U64:
    case MN_OPT_FLOAT: return set_number(row, field, from, text);
    case MN_OPT_TEXT: *(const char **)field = text; return 0;
    case MN_OPT_LIST: return add_item(field, text, level);
    case MN_OPT_CHOICE: return set_choice(row, field, from, text);
    case MN_OPT_BYTES:
        if (mn_budget_parse(text, field) < 0)
            return MN_FAIL(MN_EINVAL, "%s: %s", from, mn_error_detail());
        return 0;
    case MN_OPT_ROWS: break;
    }
    return MN_FAIL(MN_EINVAL, "%s: the option table has a row of unknown kind", from);
}

/* The row called name[0..n), or by letter when name is NULL; *field is its place. */
static const mn_opt *find(const mn_opt *table, char *target, const char *name, size_t n,
                          char letter, char **field) {
    for (const mn_opt *row = table; row->kind; row++) {
        *field = target + row->offset;
        if (row->kind == MN_OPT_ROWS) {
            const mn_opt *hit = find(row->rows, *field, name, n, letter, field);
            if (hit) return hit;
        } else if (name ? strncmp(row->name, name, n) == 0 && !row->name[n]
                        : row->letter == letter) {
            return row;
        }
    }
    return NULL;
}

static int set_standards(const mn_opt *table, char *target) {
    for (const mn_opt *row = table; row->kind; row++) {
        char *field = target + row->offset;
        if (row->kind == MN_OPT_ROWS)
            MN_TRY(set_standards(row->rows, field));
        else if (row->standard)
            MN_TRY(set(row, field, row->name, row->standard, STANDARD));
    }
    return 0;
}

static int set_given(const mn_opt *table, char *target, const mn_opt_given *g) {
    char *field;
    const mn_opt *row = find(table, target, g->name, strlen(g->name), 0, &field);
    if (!row) return MN_FAIL(MN_EINVAL, "%s: there is no such option", g->from);
    if (row->no_env)
        return MN_FAIL(MN_EINVAL, "%s: --%s is given on the command line only", g->from, g->name);
    return set(row, field, g->from, g->text, GIVEN);
}

static int set_environment(const mn_opt *table, char *target) {
    for (const mn_opt *row = table; row->kind; row++) {
        char *field = target + row->offset, env[ENV_MAX];
        if (row->kind == MN_OPT_ROWS) {
            MN_TRY(set_environment(row->rows, field));
            continue;
        }
        const char *text = has_env(row) ? getenv(env_name(row, env)) : NULL;
        if (text && *text) MN_TRY(set(row, field, env, text, ENVIRONMENT));
    }
    return 0;
}

typedef struct nearest_names {
    const char *name[SUGGEST_MAX];
    size_t n;
} nearest_names;

static int collect(void *user, const mn_opt *row) {
    nearest_names *all = user;
    if (all->n < SUGGEST_MAX) all->name[all->n++] = row->name;
    return 0;
}

static int unknown(const mn_opt *table, const char *name, size_t n) {
    char word[64];
    snprintf(word, sizeof word, "%.*s", n < 63 ? (int)n : 63, name);
    nearest_names all = {.n = 0};
    mn_opt_each(table, collect, &all);
    const char *near = mn_opt_nearest(word, all.name, all.n);
    if (near) return MN_FAIL(MN_EINVAL, "unknown option --%s; did you mean --%s?", word, near);
    return MN_FAIL(MN_EINVAL, "unknown option --%s; --help lists the options", word);
}

int mn_opt_set(const mn_opt *table, void *target, const char *name, const char *text) {
    char *field;
    const mn_opt *row = find(table, target, name, strlen(name), 0, &field);
    return row ? set(row, field, name, text, ARGV) : unknown(table, name, strlen(name));
}

/* One "--name[=value]"; *i moves on when the next argument is its value. */
static int parse_long(const mn_opt *table, char *target, int argc, char **argv, int *i) {
    const char *name = argv[*i] + 2, *equals = strchr(name, '=');
    const size_t n = equals ? (size_t)(equals - name) : strlen(name);
    char *field, from[ENV_MAX];
    const mn_opt *row = find(table, target, name, n, 0, &field);
    if (!row) return unknown(table, name, n);
    snprintf(from, sizeof from, "--%s", row->name);
    if (row->kind == MN_OPT_FLAG)
        return equals ? MN_FAIL(MN_EINVAL, "%s takes no value", from)
                      : set(row, field, from, "1", ARGV);
    if (!equals && *i + 1 >= argc)
        return MN_FAIL(MN_EINVAL, "%s needs a value: %s %s", from, from,
                       row->value ? row->value : row->choices);
    return set(row, field, from, equals ? equals + 1 : argv[++*i], ARGV);
}

/* One "-n5", "-n 5" or a bundle of flags "-qv". */
static int parse_short(const mn_opt *table, char *target, int argc, char **argv, int *i) {
    for (const char *p = argv[*i] + 1; *p; p++) {
        char *field, from[3] = {'-', *p, 0};
        const mn_opt *row = find(table, target, NULL, 0, *p, &field);
        if (!row)
            return MN_FAIL(MN_EINVAL,
                           "unknown option %s; --help lists the options, and -- stands "
                           "before words that begin with '-'",
                           from);
        if (row->kind == MN_OPT_FLAG) {
            MN_TRY(set(row, field, from, "1", ARGV));
            continue;
        }
        if (!p[1] && *i + 1 >= argc)
            return MN_FAIL(MN_EINVAL, "%s needs a value: %s %s", from, from,
                           row->value ? row->value : row->choices);
        return set(row, field, from, p[1] ? p + 1 : argv[++*i], ARGV);
    }
    return 0;
}

int mn_opt_parse(const mn_opt *table, void *target, const mn_opt_given *given, int n_given,
                 int argc, char **argv, const char **words, int *n_words) {
    *n_words = 0;
    int rc = set_standards(table, target);
    for (int i = 0; rc >= 0 && i < n_given; i++) rc = set_given(table, target, &given[i]);
    if (rc >= 0) rc = set_environment(table, target);
    for (int i = 1, only_words = 0; rc >= 0 && i < argc; i++) {
        const char *a = argv[i];
        if (only_words || a[0] != '-' || !a[1])
            words[(*n_words)++] = a;
        else if (strcmp(a, "--") == 0)
            only_words = 1;
        else if (a[1] == '-')
            rc = parse_long(table, target, argc, argv, &i);
        else
            rc = parse_short(table, target, argc, argv, &i);
    }
    if (rc < 0) mn_opt_free(table, target);
    return rc < 0 ? rc : 0;
}

void mn_opt_free(const mn_opt *table, void *target) {
    for (const mn_opt *row = table; row->kind; row++) {
        void *field = (char *)target + row->offset;
        if (row->kind == MN_OPT_ROWS) mn_opt_free(row->rows, field);
        if (row->kind != MN_OPT_LIST) continue;
        mn_opt_list *list = field;
        mn_free(list->item);
        *list = (mn_opt_list){0};
    }
}

int mn_opt_each(const mn_opt *table, int (*each)(void *user, const mn_opt *row), void *user) {
    for (const mn_opt *row = table; row->kind; row++) {
        const int rc =
            row->kind == MN_OPT_ROWS ? mn_opt_each(row->rows, each, user) : each(user, row);
        if (rc) return rc;
    }
    return 0;
}

typedef struct search {
    const char *name;
    const mn_opt *row;
} search;

static int is_called(void *user, const mn_opt *row) {
    search *s = user;
    if (strcmp(row->name, s->name) != 0) return 0;
    s->row = row;
    return 1;
}

const mn_opt *mn_opt_find(const mn_opt *table, const char *name) {
    search s = {.name = name};
    mn_opt_each(table, is_called, &s);
    return s.row;
}

int mn_opt_label(const mn_opt *row, mn_buf *out) {
    if (row->letter) MN_TRY(mn_buf_printf(out, "-%c, ", row->letter));
    MN_TRY(mn_buf_printf(out, "--%s", row->name));
    const char *value = row->value ? row->value : row->choices;
    return value ? mn_buf_printf(out, " %s", value) : 0;
}

int mn_opt_about(const mn_opt *row, mn_buf *out) {
    const char *sep = " (";
    char range[64], env[ENV_MAX];
    MN_TRY(mn_buf_puts(out, row->help));
    if (row->kind == MN_OPT_LIST) {
        MN_TRY(mn_buf_printf(out, "%srepeatable", sep));
        sep = "; ";
    }
    if (row->standard) {
        MN_TRY(mn_buf_printf(out, "%sdefault: %s", sep, row->standard));
        sep = "; ";
    }
    if (*bounds(row, range)) {
        MN_TRY(mn_buf_printf(out, "%s%s", sep, range));
        sep = "; ";
    }
    if (has_env(row)) {
        MN_TRY(mn_buf_printf(out, "%s%s", sep, env_name(row, env)));
        sep = "; ";
    }
    return *sep == ';' ? mn_buf_puts(out, ")") : 0;
}

typedef struct print_state {
    mn_buf *out, *part;
    int width;   /* the column where every `about` begins */
    int columns; /* of a line, at most */
} print_state;

/* The label, indented so that long names stand under each other; returns its end column. */
static int label_at(const mn_opt *row, mn_buf *out) {
    mn_buf_clear(out);
    MN_TRY(mn_buf_puts(out, row->letter ? "  " : "      "));
    MN_TRY(mn_opt_label(row, out));
    return (int)out->len;
}

static int widest(void *user, const mn_opt *row) {
    print_state *s = user;
    const int end = label_at(row, s->part);
    if (end > 0 && end <= 34 && end + 2 > s->width) s->width = end + 2;
    return end < 0 ? end : 0;
}

static int print_row(void *user, const mn_opt *row) {
    print_state *s = user;
    int at = label_at(row, s->part);
    MN_TRY(at);
    MN_TRY(mn_buf_puts(s->out, s->part->data));
    mn_buf_clear(s->part);
    MN_TRY(mn_opt_about(row, s->part));
    if (at + 2 > s->width) {
        MN_TRY(mn_buf_puts(s->out, "\n"));
        at = 0;
    }
    char *save = NULL;
    for (char *word = strtok_r(s->part->data, " ", &save); word;
         word = strtok_r(NULL, " ", &save)) {
        const int n = (int)strlen(word), fresh = at < s->width;
        if (!fresh && at + 1 + n > s->columns) {
            MN_TRY(mn_buf_puts(s->out, "\n"));
            at = 0;
        }
        const int gap = at < s->width ? s->width - at : 1;
        MN_TRY(mn_buf_printf(s->out, "%*s%s", gap, "", word));
        at += gap + n;
    }
    return mn_buf_puts(s->out, "\n");
}

int mn_opt_print(const mn_opt *table, int columns, mn_buf *out) {
    mn_buf part = {0};
    print_state s = {.out = out, .part = &part, .width = 16, .columns = columns};
    int rc = mn_opt_each(table, widest, &s);
    if (rc >= 0) rc = mn_opt_each(table, print_row, &s);
    mn_buf_free(&part);
    return rc;
}

/* Edit distance (insert, delete, replace, swap of neighbours), both shorter than 64. */
static int distance(const char *a, const char *b) {
    const size_t n = strlen(a), m = strlen(b);
    int row[3][65]; /* rows i-2, i-1, i of the table, used in turn */
    for (size_t j = 0; j <= m; j++) row[0][j] = (int)j;
    for (size_t i = 1; i <= n; i++) {
        int *now = row[i % 3];
        const int *last = row[(i + 2) % 3], *older = row[(i + 1) % 3];
        now[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            int best = last[j - 1] + (a[i - 1] != b[j - 1]);
            if (last[j] + 1 < best) best = last[j] + 1;
            if (now[j - 1] + 1 < best) best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                older[j - 2] + 1 < best)
                best = older[j - 2] + 1;
            now[j] = best;
        }
    }
    return row[n % 3][m];
}

const char *mn_opt_nearest(const char *word, const char *const *names, size_t n) {
    const size_t length = strlen(word);
    if (length == 0 || length > 63) return NULL;
    const char *best = NULL;
    int least = length <= 3 ? 2 : (int)length / 3 + 2; /* one less than this is near enough */
    for (size_t i = 0; i < n; i++) {
        const size_t k = strlen(names[i]);
        if (k > 63) continue;
        const int d = k > length && length >= 2 && strncmp(names[i], word, length) == 0
                          ? 1 /* the beginning of the name */
                          : distance(word, names[i]);
        if (d < least) least = d, best = names[i];
    }
    return best;
}
