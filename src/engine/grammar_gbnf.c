/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/grammar_gbnf.c - GBNF, the grammar format of llama.cpp, read into an automaton.
 *
 *   grammar = { name "::=" choice newline }         comments run from # to the end of a line
 *   choice  = row { "|" row }                       white space, newlines inside ( ) and after |
 *   row     = { item [ "*" | "+" | "?" | "{m}" | "{m,}" | "{m,n}" | "{,n}" ] }
 *   item    = "text" | [class] | [^class] | . | name | ( choice )
 *   escapes = \n \r \t \\ \" \[ \] \- \^ \xHH \uHHHH \UHHHHHHHH
 *
 * Parsed by descent, one look ahead, O(bytes); nesting of groups is bounded. Here rules may be used
 * before they are defined, not twice defined (llama.cpp lets the last one win), and names may have
 * underscores. Its tokens by number (<[1000]>) are refused: a grammar is about text here.
 */
#include "engine/grammar_nfa.h"

#include "base/alloc.h"
#include "base/error.h"

#include <stdio.h>
#include <string.h>

enum { DEPTH = 100, RANGES = 4096, SLOTS = 1 << 12 };

typedef struct name {
    const char *text;
    size_t n;
    uint32_t rule, next; /* next of the same slot, + 1 */
    int line, defined;   /* line where it was first seen */
} name;

typedef struct gbnf {
    mn_nfa *nfa;
    const char *p, *end;
    int line, depth;
    mn_buf names; /* name[] */
    uint32_t slot[SLOTS];
    mn_points *set; /* [RANGES + 1] */
} gbnf;

static mn_frag choice(gbnf *g);

/* ---- characters ----------------------------------------------------------------------------- */
static int peek(const gbnf *g) {
    return g->p < g->end ? (unsigned char)*g->p : -1;
}

static int fail(gbnf *g, const char *what) {
    if (g->nfa->rc >= 0) g->nfa->rc = MN_FAIL(MN_EINVAL, "grammar, line %d: %s", g->line, what);
    return -1;
}

/* Skip blanks and comments, newlines too when they mean nothing here. */
static void blanks(gbnf *g, int newlines) {
    for (int c = peek(g); c >= 0; c = peek(g)) {
        if (c == '#') {
            while (peek(g) >= 0 && peek(g) != '\n' && peek(g) != '\r') g->p++;
        } else if (c == '\n' || c == '\r') {
            if (!newlines) return;
            g->line += c == '\n';
            g->p++;
        } else if (c == ' ' || c == '\t') {
            g->p++;
        } else {
            return;
        }
    }
}

static int is_word(int c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

static int hex(gbnf *g, int digits) {
    uint32_t v = 0;
    for (int i = 0; i < digits; i++, g->p++) {
        const int c = peek(g), low = c | 32;
        const int d = c >= '0' && c <= '9' ? c - '0' : low >= 'a' && low <= 'f' ? low - 87 : -1;
        if (d < 0) return fail(g, "an escape lacks hexadecimal digits");
        v = v << 4 | (uint32_t)d;
        if (v > MN_POINT_LAST) return fail(g, "an escape is beyond U+10FFFF");
    }
    return (int)v;
}

/* One character of a literal or class, escapes undone; -1: none. The text is UTF-8. */
static int character(gbnf *g) {
    const int c = peek(g);
    if (c < 0) return fail(g, "the text ends inside a literal or class");
    g->p++;
    if (c == '\n') g->line++;
    if (c == '\\') {
        const int e = peek(g);
        static const char from[] = "nrt\\\"[]-^/'", to[] = "\n\r\t\\\"[]-^/'";
        if (e >= 0) g->p++;
        if (e == 'x' || e == 'u' || e == 'U') return hex(g, e == 'x' ? 2 : e == 'u' ? 4 : 8);
        const char *at = e > 0 ? strchr(from, e) : NULL;
        return at ? to[at - from] : fail(g, "an escape that is none; write \\\\ for a backslash");
    }
    if (c < 0x80) return c;
    const int more = c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : 1;
    int v = c & (0x3F >> more);
    for (int i = 0; i < more && peek(g) >= 0; i++) v = v << 6 | (*g->p++ & 0x3F);
    return v;
}

/* ---- items ---------------------------------------------------------------------------------- */
static mn_frag point(gbnf *g, int c) {
    const mn_points one = {(uint32_t)c, (uint32_t)c};
    return mn_nfa_point(g->nfa, &one, 1);
}

static mn_frag literal(gbnf *g) {
    mn_frag all = mn_nfa_nothing(g->nfa);
    g->p++;
    while (peek(g) != '"') {
        const int c = character(g);
        if (c < 0 || g->nfa->rc < 0) return all;
        all = mn_nfa_then(g->nfa, all, point(g, c));
    }
    g->p++;
    return all;
}

static mn_frag class(gbnf *g) {
    size_t n = 0;
    g->p++;
    const int other = peek(g) == '^';
    g->p += other;
    while (peek(g) != ']') {
        const int lo = character(g);
        int hi = lo;
        if (lo >= 0 && peek(g) == '-' && g->end - g->p > 1 && g->p[1] != ']') {
            g->p++;
            hi = character(g);
        }
        if (lo < 0 || hi < 0) return (mn_frag){0};
        if (hi < lo) return fail(g, "a range of a class runs backwards"), (mn_frag){0};
        g->set[n++] = (mn_points){(uint32_t)lo, (uint32_t)hi};
        if (n == RANGES) n = mn_points_order(g->set, n);
        if (n == RANGES) return fail(g, "a class has more than 4,096 ranges"), (mn_frag){0};
    }
    g->p++;
    n = mn_points_order(g->set, n);
    if (other) n = mn_points_other(g->set, n);
    return mn_nfa_point(g->nfa, g->set, n);
}

static uint32_t hash(const char *p, size_t n) {
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)p[i]) * 16777619u;
    return h ^ h >> 15;
}

/* The entry of the name at p, made when it is new; NULL: no memory. */
static name *find(gbnf *g, const char *p, size_t n) {
    uint32_t *slot = &g->slot[hash(p, n) % SLOTS];
    for (uint32_t i = *slot; i && g->names.data;) {
        name *x = (name *)(void *)g->names.data + i - 1;
        if (x->n == n && memcmp(x->text, p, n) == 0) return x;
        i = x->next;
    }
    char where[120];
    snprintf(where, sizeof where, "grammar, line %d: rule '%.*s'", g->line, (int)(n < 64 ? n : 64),
             p);
    const name x = {
        .text = p, .n = n, .rule = mn_nfa_declare(g->nfa, where), .next = *slot, .line = g->line};
    if (g->nfa->rc >= 0) g->nfa->rc = mn_buf_append(&g->names, &x, sizeof x);
    if (g->nfa->rc < 0) return NULL;
    *slot = (uint32_t)(g->names.len / sizeof x);
    return (name *)(void *)g->names.data + *slot - 1;
}

static name *read_name(gbnf *g) {
    const char *from = g->p;
    while (is_word(peek(g))) g->p++;
    return find(g, from, (size_t)(g->p - from));
}

static mn_frag group(gbnf *g) {
    mn_frag in = {0};
    g->p++;
    if (++g->depth > DEPTH) return fail(g, "groups within groups, more than 100 deep"), in;
    blanks(g, 1);
    in = choice(g);
    if (g->nfa->rc >= 0 && peek(g) != ')') fail(g, "a '(' has no ')'");
    g->p += peek(g) == ')';
    g->depth--;
    return in;
}

static mn_frag item(gbnf *g) {
    static const mn_points any = {0, MN_POINT_LAST};
    const int c = peek(g);
    if (c == '"') return literal(g);
    if (c == '[') return class(g);
    if (c == '(') return group(g);
    if (c == '.') return g->p++, mn_nfa_point(g->nfa, &any, 1);
    if (c == '<' || c == '!')
        return fail(g, "tokens by number or name are not supported; write their text"),
               (mn_frag){0};
    const name *x = read_name(g);
    return x ? mn_nfa_call(g->nfa, x->rule) : (mn_frag){0};
}

/* ---- rows ----------------------------------------------------------------------------------- */
static uint32_t number(gbnf *g) {
    uint32_t v = 0;
    blanks(g, 0);
    if (peek(g) < '0' || peek(g) > '9') fail(g, "'{' wants numbers, as in {2,5}");
    for (; peek(g) >= '0' && peek(g) <= '9'; g->p++)
        v = v > MN_GRAMMAR_MANY ? v : v * 10 + (uint32_t)(peek(g) - '0');
    blanks(g, 0);
    return v;
}

static mn_frag counted(gbnf *g, mn_frag x) {
    g->p++;
    blanks(g, 0);
    const uint32_t min = peek(g) == ',' ? 0 : number(g);
    uint32_t max = min;
    if (peek(g) == ',') {
        g->p++;
        blanks(g, 0);
        max = peek(g) == '}' ? MN_ENDLESS : number(g);
    }
    if (peek(g) != '}') fail(g, "'{' has no '}'");
    if (min > max) fail(g, "a count of at least more than at most");
    g->p += peek(g) == '}';
    if ((min > MN_GRAMMAR_MANY || max > MN_GRAMMAR_MANY) && max != MN_ENDLESS)
        fail(g, "a count is above 1,000,000; use * for any number");
    return g->nfa->rc < 0 ? x : mn_nfa_many(g->nfa, x, min, max);
}

/* An item and the signs behind it. */
static mn_frag repeated(gbnf *g) {
    mn_frag x = item(g);
    for (;;) {
        blanks(g, g->depth > 0);
        const int c = g->nfa->rc < 0 ? -1 : peek(g);
        if (c == '{') {
            x = counted(g, x);
        } else if (c == '*' || c == '+' || c == '?') {
            g->p++;
            x = mn_nfa_many(g->nfa, x, c == '+', c == '?' ? 1 : MN_ENDLESS);
        } else {
            return x;
        }
    }
}

static int begins_item(int c) {
    return is_word(c) || (c > 0 && strchr("\"[(.<!", c));
}

static mn_frag row(gbnf *g) {
    mn_frag all = mn_nfa_nothing(g->nfa);
    blanks(g, g->depth > 0);
    while (g->nfa->rc >= 0 && begins_item(peek(g))) all = mn_nfa_then(g->nfa, all, repeated(g));
    return all;
}

static mn_frag choice(gbnf *g) {
    mn_frag all = row(g);
    while (g->nfa->rc >= 0 && peek(g) == '|') {
        g->p++;
        blanks(g, 1);
        all = mn_nfa_or(g->nfa, all, row(g));
    }
    return all;
}

static void rule(gbnf *g) {
    if (!is_word(peek(g))) {
        fail(g, "a rule is wanted here: name ::= ...");
        return;
    }
    const name *x = read_name(g);
    if (!x) return;
    const size_t i = (size_t)(x - (name *)(void *)g->names.data);
    if (x->defined) fail(g, "this rule is defined already");
    blanks(g, 0);
    if (g->end - g->p < 3 || memcmp(g->p, "::=", 3) != 0) {
        fail(g, "'::=' is wanted behind the name of a rule");
        return;
    }
    g->p += 3;
    blanks(g, 1);
    const mn_frag is = choice(g);
    if (g->nfa->rc >= 0 && peek(g) >= 0 && peek(g) != '\n' && peek(g) != '\r')
        fail(g, "this is neither an item nor the end of the rule");
    name *again = (name *)(void *)g->names.data + i; /* the buffer may have moved */
    again->defined = 1;
    mn_nfa_define(g->nfa, again->rule, is);
}

static int all_rules(gbnf *g, uint32_t *root) {
    for (blanks(g, 1); g->nfa->rc >= 0 && peek(g) >= 0; blanks(g, 1)) rule(g);
    MN_TRY(g->nfa->rc);
    const name *x = (const name *)(const void *)g->names.data;
    for (size_t i = 0; i < g->names.len / sizeof *x; i++) {
        if (!x[i].defined)
            return MN_FAIL(MN_EINVAL,
                           "grammar, line %d: there is no rule '%.*s'; write %.*s ::= ...",
                           x[i].line, (int)(x[i].n < 64 ? x[i].n : 64), x[i].text,
                           (int)(x[i].n < 64 ? x[i].n : 64), x[i].text);
        if (x[i].n == 4 && memcmp(x[i].text, "root", 4) == 0) *root = x[i].rule;
    }
    if (!*root) return MN_FAIL(MN_EINVAL, "the grammar has no rule 'root', where an answer begins");
    return 0;
}

int mn_grammar_gbnf(mn_nfa *nfa, const char *text, size_t n, uint32_t *root) {
    *root = 0;
    gbnf *g = mn_calloc(1, sizeof *g);
    mn_points *set = mn_calloc(RANGES + 1, sizeof *set);
    int rc;
    if (!g || !set) {
        rc = MN_FAIL(MN_ENOMEM, "no memory for a grammar");
    } else {
        *g = (gbnf){.nfa = nfa, .p = text, .end = text + n, .line = 1, .set = set};
        g->names.what = "a grammar";
        rc = all_rules(g, root);
        mn_buf_free(&g->names);
    }
    mn_free(set);
    mn_free(g);
    return rc;
}
