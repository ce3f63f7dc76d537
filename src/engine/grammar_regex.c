/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/grammar_regex.c - the pattern of a string, with the lengths it may have, into an
 * automaton.
 *
 * Read: literals, ., [..], [^..], \d \w \s and their opposites, \n \r \t \f \v \xHH \uHHHH \u{H},
 * ( ), (?: ), |, * + ? {m} {m,} {m,n} (greedy or not, the texts are the same), ^ and $ anywhere.
 * Refused: what looks around, back references, \b, \p{..}, flags.
 *
 * As JSON schema has it a pattern may match anywhere in a string. The pattern becomes a tree, the
 * tree an automaton over code points (repetitions written out), and that is multiplied with where
 * in the string it stands (nothing read yet, inside, behind a $) and, when lengths are given, with
 * how many characters were read:
 *     node (p, phase, k)      p of the automaton, phase of 3, k of max (or min) + 1
 * Only nodes that are reached are made, each a call of the rule of its set of characters.
 */
#include "engine/grammar_schema.h"

#include "base/alloc.h"
#include "base/error.h"

#include <string.h>

enum { DEPTH = 50, TREE = 20000, NODES = 20000, PRODUCT = 1 << 20, RANGES = 512, STEPS = 1 << 20 };

enum tree_kind { EMPTY, SET, ROW, CHOICE, MANY, BEGIN, END };
typedef struct tree {
    enum tree_kind kind;
    uint32_t a, b;     /* parts; SET: a is the rule of its characters */
    uint32_t min, max; /* MANY */
} tree;

enum state_kind { S_SET, S_SPLIT, S_BEGIN, S_END, S_MATCH };
typedef struct state {
    enum state_kind kind;
    uint32_t a, b; /* next; SET: a next, b the rule */
} state;

enum { START, INSIDE, ENDED, PHASES };

typedef struct regex {
    mn_schema *c;
    const char *key, *p;
    int depth, steps, rc;
    tree *tree; /* [TREE] */
    uint32_t n_tree;
    state *state; /* [NODES] */
    uint32_t n_state;
    mn_points set[RANGES + 8];
    size_t n_set;
} regex;

static int fail(regex *r, int code, const char *what) {
    if (r->rc >= 0) r->rc = mn_schema_refuse(r->c, code, r->key, "%s", what);
    return -1;
}

/* ---- characters ----------------------------------------------------------------------------- */
static int32_t code_point(regex *r) {
    const unsigned char *b = (const unsigned char *)r->p;
    const int more = b[0] >= 0xF0 ? 3 : b[0] >= 0xE0 ? 2 : b[0] >= 0xC0; /* valid: Jansson saw it */
    int32_t v = more ? b[0] & (0x3F >> more) : b[0];
    for (int i = 1; i <= more; i++) v = v << 6 | (b[i] & 0x3F);
    r->p += more + 1;
    return v;
}

static int32_t hex(regex *r, int min, int max) {
    int32_t v = 0;
    int n = 0;
    for (; n < max; n++, r->p++) {
        const int c = *r->p, low = c | 32;
        const int d = c >= '0' && c <= '9' ? c - '0' : low >= 'a' && low <= 'f' ? low - 87 : -1;
        if (d < 0) break;
        v = v << 4 | d;
    }
    if (n < min || v > MN_POINT_LAST)
        return fail(r, MN_EINVAL, "a hexadecimal escape is no character");
    return v;
}

static void add(regex *r, uint32_t lo, uint32_t hi) {
    if (r->n_set == RANGES) r->n_set = mn_points_order(r->set, r->n_set);
    if (r->n_set == RANGES)
        fail(r, MN_ETOOLONG, "a class has too many ranges");
    else
        r->set[r->n_set++] = (mn_points){lo, hi};
}

/* \d and its like, added to the set. 0: this letter is none. */
static int add_class(regex *r, int letter) {
    static const mn_points digit[] = {{'0', '9'}};
    static const mn_points word[] = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
    static const mn_points space[] = {
        {9, 13},          {32, 32},         {0xA0, 0xA0},     {0x1680, 0x1680}, {0x2000, 0x200A},
        {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
    const int low = letter | 32;
    const mn_points *from = low == 'd' ? digit : low == 'w' ? word : low == 's' ? space : NULL;
    if (!from) return 0;
    size_t n = from == digit ? 1 : from == word ? 4 : 10;
    mn_points set[12];
    memcpy(set, from, n * sizeof *set);
    if (letter != low) n = mn_points_other(set, n);
    for (size_t i = 0; i < n; i++) add(r, set[i].lo, set[i].hi);
    return 1;
}

/* Behind a backslash: the character meant, -1 when it was a class (added) or a failure. */
static int32_t escape(regex *r, int in_class) {
    static const char from[] = "nrtfv0", to[] = "\n\r\t\f\v";
    const int c = *r->p;
    if (!c) return fail(r, MN_EINVAL, "the pattern ends in a backslash");
    if (add_class(r, c)) return r->p++, -1;
    const char *at = strchr(from, c);
    if (at && !(c == '0' && r->p[1] >= '0' && r->p[1] <= '9')) return r->p++, to[at - from];
    if (c == 'b' && in_class) return r->p++, 8;
    if (c == 'x') return r->p++, hex(r, 2, 2);
    if (c == 'u' && r->p[1] == '{') {
        r->p += 2;
        const int32_t v = hex(r, 1, 6);
        if (*r->p++ != '}') return fail(r, MN_EINVAL, "\\u{ has no }");
        return v;
    }
    if (c == 'u') return r->p++, hex(r, 4, 4);
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
        return fail(r, MN_EUNSUPPORTED,
                    "this escape is not supported (there are no back references, \\b or \\p{..})");
    return code_point(r);
}

/* ---- the tree ------------------------------------------------------------------------------- */
static uint32_t plant(regex *r, tree t) {
    if (r->n_tree == TREE) fail(r, MN_ETOOLONG, "the pattern is too long");
    if (r->rc < 0) return 0;
    r->tree[r->n_tree] = t;
    return r->n_tree++;
}

static uint32_t choice(regex *r);

static uint32_t set_tree(regex *r, int other) {
    r->n_set = mn_points_order(r->set, r->n_set);
    if (other) r->n_set = mn_points_other(r->set, r->n_set);
    if (r->rc < 0) return 0;
    return plant(r, (tree){.kind = SET, .a = mn_schema_points(r->c, r->set, r->n_set)});
}

static uint32_t class(regex *r) {
    const int other = *r->p == '^';
    r->p += other;
    r->n_set = 0;
    while (*r->p != ']' && r->rc >= 0) {
        if (!*r->p) return fail(r, MN_EINVAL, "a '[' has no ']'"), 0;
        int32_t lo = *r->p == '\\' ? (r->p++, escape(r, 1)) : code_point(r), hi = lo;
        if (lo >= 0 && r->p[0] == '-' && r->p[1] && r->p[1] != ']') {
            r->p++;
            hi = *r->p == '\\' ? (r->p++, escape(r, 1)) : code_point(r);
            if (hi < lo) fail(r, MN_EINVAL, "a range of a class runs backwards");
        }
        if (lo >= 0 && hi >= lo) add(r, (uint32_t)lo, (uint32_t)hi);
    }
    if (r->rc < 0) return 0;
    r->p++;
    return set_tree(r, other);
}

static uint32_t group(regex *r) {
    if (r->p[0] == '?' && r->p[1] == ':')
        r->p += 2;
    else if (r->p[0] == '?')
        return fail(r, MN_EUNSUPPORTED, "(? with anything but : is not supported"), 0;
    if (++r->depth > DEPTH)
        return fail(r, MN_ETOOLONG, "groups within groups, more than 50 deep"), 0;
    const uint32_t in = choice(r);
    r->depth--;
    if (r->rc >= 0 && *r->p++ != ')') fail(r, MN_EINVAL, "a '(' has no ')'");
    return in;
}

static uint32_t atom(regex *r) {
    const int c = *r->p;
    r->n_set = 0;
    if (c == '^' || c == '$') return r->p++, plant(r, (tree){.kind = c == '^' ? BEGIN : END});
    if (c == '(') return r->p++, group(r);
    if (c == '[') return r->p++, class(r);
    if (c == '*' || c == '+' || c == '?')
        return fail(r, MN_EINVAL, "there is nothing to repeat"), 0;
    if (c == '.') {
        r->p++;
        add(r, '\n', '\n');
        add(r, '\r', '\r');
        add(r, 0x2028, 0x2029);
        return set_tree(r, 1);
    }
    const int32_t point = c == '\\' ? (r->p++, escape(r, 0)) : code_point(r);
    if (point >= 0) add(r, (uint32_t)point, (uint32_t)point);
    return set_tree(r, 0);
}

static uint32_t number(regex *r) {
    uint32_t v = 0;
    for (; *r->p >= '0' && *r->p <= '9'; r->p++)
        v = v > NODES ? v : v * 10 + (uint32_t)(*r->p - '0');
    return v;
}

/* {m}, {m,} or {m,n} at p: 1 and read; else it is a text. */
static int counts(regex *r, uint32_t *min, uint32_t *max) {
    const char *from = r->p++;
    if (*r->p >= '0' && *r->p <= '9') {
        *min = *max = number(r);
        if (*r->p == ',') {
            r->p++;
            *max = *r->p == '}' ? MN_ENDLESS : number(r);
        }
        if (*r->p == '}') return r->p++, 1;
    }
    r->p = from;
    return 0;
}

static uint32_t repeated(regex *r) {
    uint32_t x = atom(r), min, max;
    while (r->rc >= 0) {
        const int c = *r->p;
        if (c == '*' || c == '+' || c == '?') {
            r->p++;
            min = c == '+';
            max = c == '?' ? 1 : MN_ENDLESS;
        } else if (c != '{' || !counts(r, &min, &max)) {
            break;
        }
        if (min > max) fail(r, MN_EINVAL, "a count of at least more than at most");
        r->p += *r->p == '?'; /* not greedy: the same texts */
        x = plant(r, (tree){.kind = MANY, .a = x, .min = min, .max = max});
    }
    return x;
}

static uint32_t row(regex *r) {
    uint32_t all = plant(r, (tree){.kind = EMPTY});
    while (r->rc >= 0 && *r->p && *r->p != '|' && *r->p != ')')
        all = plant(r, (tree){.kind = ROW, .a = all, .b = repeated(r)});
    return all;
}

static uint32_t choice(regex *r) {
    uint32_t all = row(r);
    while (r->rc >= 0 && *r->p == '|') {
        r->p++;
        all = plant(r, (tree){.kind = CHOICE, .a = all, .b = row(r)});
    }
    return all;
}

/* ---- the automaton -------------------------------------------------------------------------- */
static uint32_t put(regex *r, enum state_kind kind, uint32_t a, uint32_t b) {
    if (r->n_state == NODES)
        fail(r, MN_ETOOLONG, "the pattern has too many repetitions, written out");
    if (r->rc < 0) return 0;
    r->state[r->n_state] = (state){kind, a, b};
    return r->n_state++;
}

/* The state where tree x begins that goes on at `next`. */
static uint32_t emit(regex *r, uint32_t x, uint32_t next) {
    for (; r->tree[x].kind == ROW && r->rc >= 0; x = r->tree[x].a)
        next = emit(r, r->tree[x].b, next);
    const tree t = r->tree[x];
    if (++r->steps > STEPS) fail(r, MN_ETOOLONG, "repetitions of repetitions, too many");
    if (r->rc < 0 || t.kind == EMPTY) return next;
    if (t.kind == SET) return put(r, S_SET, next, t.a);
    if (t.kind == BEGIN || t.kind == END) return put(r, t.kind == END ? S_END : S_BEGIN, next, 0);
    if (t.kind == CHOICE) {
        uint32_t ways = 0, first = 1;
        for (; r->tree[x].kind == CHOICE && r->rc >= 0; x = r->tree[x].a) {
            const uint32_t way = emit(r, r->tree[x].b, next);
            ways = first ? way : put(r, S_SPLIT, way, ways);
            first = 0;
        }
        return put(r, S_SPLIT, emit(r, x, next), ways);
    }
    uint32_t at = next;
    if (t.max == MN_ENDLESS) {
        at = put(r, S_SPLIT, 0, next);
        const uint32_t body = emit(r, t.a, at);
        if (r->rc >= 0) r->state[at].a = body;
    } else {
        for (uint32_t i = t.min; i < t.max && r->rc >= 0; i++)
            at = put(r, S_SPLIT, emit(r, t.a, at), next);
    }
    for (uint32_t i = 0; i < t.min && r->rc >= 0; i++) at = emit(r, t.a, at);
    return at;
}

/* Search: anything before, and anything after the match. */
static uint32_t search(regex *r, uint32_t root) {
    const uint32_t any = mn_schema_points(r->c, &(mn_points){0, MN_POINT_LAST}, 1);
    const uint32_t match = put(r, S_MATCH, 0, 0), after = put(r, S_SPLIT, match, 0);
    const uint32_t skip_after = put(r, S_SET, after, any);
    if (r->rc >= 0) r->state[after].b = skip_after;
    const uint32_t begin = put(r, S_SPLIT, emit(r, root, after), 0);
    const uint32_t skip_before = put(r, S_SET, begin, any);
    if (r->rc >= 0) r->state[begin].b = skip_before;
    return begin;
}

/* ---- the product ---------------------------------------------------------------------------- */
typedef struct product {
    regex *r;
    uint32_t counts, min, max; /* values of k; lengths */
    uint32_t *node;            /* [n_state * PHASES * counts] of the automaton; 0: not reached */
    mn_buf todo;               /* those whose node is still FAIL */
    uint32_t end;              /* a jump: behind the text */
} product;

static uint32_t node_of(product *p, uint32_t at, uint32_t phase, uint32_t k) {
    const uint32_t i = (at * PHASES + phase) * p->counts + k;
    mn_nfa *nfa = p->r->c->nfa;
    if (p->node[i]) return p->node[i];
    p->node[i] = mn_nfa_add(nfa, (mn_node){.kind = MN_NODE_FAIL});
    if (nfa->rc >= 0) nfa->rc = mn_buf_append(&p->todo, &i, sizeof i);
    return p->node[i];
}

static void expand(product *p, uint32_t i) {
    const uint32_t k = i % p->counts, phase = i / p->counts % PHASES;
    const state x = p->r->state[i / p->counts / PHASES];
    const uint32_t more = p->max == MN_ENDLESS && k + 1 == p->counts ? k : k + 1;
    mn_node made = {.kind = MN_NODE_FAIL};
    switch (x.kind) {
    case S_SET:
        if (phase == ENDED || more == p->counts) break;
        made = (mn_node){.kind = MN_NODE_CALL, .a = x.b, .b = node_of(p, x.a, INSIDE, more)};
        break;
    case S_SPLIT:
        made = (mn_node){.kind = MN_NODE_SPLIT, .a = node_of(p, x.a, phase, k)};
        made.b = node_of(p, x.b, phase, k);
        break;
    case S_BEGIN:
        if (phase != START) break;
        made = (mn_node){.kind = MN_NODE_JUMP, .a = node_of(p, x.a, phase, k)};
        break;
    case S_END: made = (mn_node){.kind = MN_NODE_JUMP, .a = node_of(p, x.a, ENDED, k)}; break;
    case S_MATCH:
        if (k >= p->min) made = (mn_node){.kind = MN_NODE_JUMP, .a = p->end};
        break;
    }
    if (p->r->c->nfa->rc >= 0) *mn_nfa_node(p->r->c->nfa, p->node[i]) = made;
}

static int multiply(regex *r, uint32_t begin, uint32_t min, uint32_t max, mn_frag *out) {
    product p = {.r = r, .min = min, .max = max};
    mn_nfa *nfa = r->c->nfa;
    p.counts = max == MN_ENDLESS ? min + 1 : max + 1;
    if (p.counts > PRODUCT || (uint64_t)r->n_state * PHASES * p.counts > PRODUCT)
        return mn_schema_refuse(r->c, MN_ETOOLONG, r->key,
                                "the pattern and the lengths beside it are too large together");
    p.todo.what = "a pattern";
    p.node = mn_calloc((size_t)r->n_state * PHASES * p.counts, sizeof *p.node);
    if (!p.node) return MN_FAIL(MN_ENOMEM, "no memory for a pattern");
    p.end = mn_nfa_nothing(nfa).from;
    const uint32_t from = node_of(&p, begin, START, 0);
    while (p.todo.len && nfa->rc >= 0) {
        uint32_t i;
        p.todo.len -= sizeof i;
        memcpy(&i, p.todo.data + p.todo.len, sizeof i);
        expand(&p, i);
    }
    *out = (mn_frag){from, p.end};
    mn_buf_free(&p.todo);
    mn_free(p.node);
    return nfa->rc;
}

/* The pattern at p, all of it, and its automaton: where that begins. */
static uint32_t read_pattern(regex *r) {
    const uint32_t root = choice(r);
    if (r->rc >= 0 && *r->p) fail(r, MN_EINVAL, "a ')' has no '('");
    return r->rc < 0 ? 0 : search(r, root);
}

int mn_schema_pattern(mn_schema *c, const char *key, const char *pattern, uint32_t min,
                      uint32_t max, mn_frag *out) {
    regex *r = mn_calloc(1, sizeof *r);
    tree *trees = mn_calloc(TREE, sizeof *trees);
    state *states = mn_calloc(NODES, sizeof *states);
    int rc;
    if (!r || !trees || !states) {
        rc = MN_FAIL(MN_ENOMEM, "no memory for a pattern");
    } else {
        *r = (regex){.c = c, .key = key, .p = pattern, .tree = trees, .state = states};
        const uint32_t begin = read_pattern(r);
        rc = r->rc < 0 ? r->rc : multiply(r, begin, min, max, out);
    }
    mn_free(states);
    mn_free(trees);
    mn_free(r);
    return rc;
}
