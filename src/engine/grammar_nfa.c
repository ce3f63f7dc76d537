/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/grammar_nfa.c - automata and their fragments, and code points as UTF-8 bytes.
 *
 * A range of code points becomes sequences of byte ranges: it is cut where the number of bytes
 * changes, and then wherever the bytes behind the first that differs do not run over all of
 * 80..BF; at most 4 * 2 * 3 sequences a range, mostly one to three. Cost: linear in what is built.
 */
#include "engine/grammar_nfa.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

/* ---- nodes and rules ------------------------------------------------------------------------ */
uint32_t mn_nfa_add(mn_nfa *nfa, mn_node node) {
    if (nfa->rc < 0) return 0;
    const uint32_t i = mn_nfa_size(nfa);
    if (i >= MN_GRAMMAR_NODES)
        nfa->rc = MN_FAIL(MN_ETOOLONG, "the grammar is too large: it needs more than %d states",
                          MN_GRAMMAR_NODES);
    else
        nfa->rc = mn_buf_append(&nfa->nodes, &node, sizeof node);
    return nfa->rc < 0 ? 0 : i;
}

uint32_t mn_nfa_declare(mn_nfa *nfa, const char *where) {
    if (nfa->rc < 0) return 0;
    const size_t n = strlen(where) + 1;
    char *copy;
    nfa->rc = mn_arena_take(&nfa->names, n, &copy);
    if (nfa->rc < 0) return 0;
    const mn_rule rule = {.where = memcpy(copy, where, n)};
    const uint32_t i = mn_nfa_rules(nfa);
    nfa->rc = mn_buf_append(&nfa->rules, &rule, sizeof rule);
    return nfa->rc < 0 ? 0 : i;
}

int mn_nfa_open(mn_nfa *nfa) {
    *nfa = (mn_nfa){.nodes.what = "a grammar",
                    .rules.what = "a grammar",
                    .names = {.limit = 64 << 20, .what = "a grammar's names"}};
    mn_nfa_add(nfa, (mn_node){.kind = MN_NODE_FAIL});
    mn_nfa_declare(nfa, "");
    return nfa->rc;
}

void mn_nfa_close(mn_nfa *nfa) {
    mn_buf_free(&nfa->nodes);
    mn_buf_free(&nfa->rules);
    mn_arena_free(&nfa->names);
}

/* ---- fragments ------------------------------------------------------------------------------ */
static uint32_t jump(mn_nfa *nfa) {
    return mn_nfa_add(nfa, (mn_node){.kind = MN_NODE_JUMP});
}

static uint32_t split(mn_nfa *nfa, uint32_t a, uint32_t b) {
    return mn_nfa_add(nfa, (mn_node){.kind = MN_NODE_SPLIT, .a = a, .b = b});
}

void mn_nfa_link(mn_nfa *nfa, uint32_t from, uint32_t to) {
    if (nfa->rc >= 0 && from) mn_nfa_node(nfa, from)->a = to;
}

mn_frag mn_nfa_nothing(mn_nfa *nfa) {
    const uint32_t j = jump(nfa);
    return (mn_frag){j, j};
}

mn_frag mn_nfa_byte(mn_nfa *nfa, uint8_t lo, uint8_t hi) {
    const uint32_t to = jump(nfa);
    return (mn_frag){mn_nfa_add(nfa, (mn_node){.kind = MN_NODE_BYTE, .lo = lo, .hi = hi, .a = to}),
                     to};
}

mn_frag mn_nfa_text(mn_nfa *nfa, const char *text, size_t n) {
    mn_frag all = mn_nfa_nothing(nfa);
    for (size_t i = 0; i < n && nfa->rc >= 0; i++)
        all = mn_nfa_then(nfa, all, mn_nfa_byte(nfa, (uint8_t)text[i], (uint8_t)text[i]));
    return all;
}

mn_frag mn_nfa_word(mn_nfa *nfa, const char *text) {
    return mn_nfa_text(nfa, text, strlen(text));
}

mn_frag mn_nfa_then(mn_nfa *nfa, mn_frag a, mn_frag b) {
    mn_nfa_link(nfa, a.to, b.from);
    return (mn_frag){a.from, b.to};
}

mn_frag mn_nfa_or(mn_nfa *nfa, mn_frag a, mn_frag b) {
    mn_nfa_link(nfa, b.to, a.to);
    return (mn_frag){split(nfa, a.from, b.from), a.to};
}

mn_frag mn_nfa_call(mn_nfa *nfa, uint32_t rule) {
    const uint32_t to = jump(nfa);
    return (mn_frag){mn_nfa_add(nfa, (mn_node){.kind = MN_NODE_CALL, .a = rule, .b = to}), to};
}

void mn_nfa_define(mn_nfa *nfa, uint32_t rule, mn_frag is) {
    if (nfa->rc < 0) return;
    mn_nfa_node(nfa, is.to)->kind = MN_NODE_RETURN;
    mn_nfa_rule(nfa, rule)->start = is.from;
}

/* Without counting: 0 or 1, or any number of times. */
static mn_frag loop(mn_nfa *nfa, mn_frag a, uint32_t min) {
    const uint32_t to = jump(nfa), again = split(nfa, a.from, to);
    mn_nfa_link(nfa, a.to, again);
    return (mn_frag){min ? a.from : again, to};
}

mn_frag mn_nfa_many(mn_nfa *nfa, mn_frag a, uint32_t min, uint32_t max) {
    if (nfa->rc < 0) return (mn_frag){0};
    if (max == 0) return mn_nfa_nothing(nfa);
    if (min == 1 && max == 1) return a;
    if (min == 0 && max == 1) return (mn_frag){split(nfa, a.from, a.to), a.to};
    if (min <= 1 && max == MN_ENDLESS) return loop(nfa, a, min);
    if (min > MN_GRAMMAR_MANY || (max > MN_GRAMMAR_MANY && max != MN_ENDLESS)) {
        nfa->rc = MN_FAIL(MN_ETOOLONG, "%u times in a row are more than the %d that can be counted",
                          max == MN_ENDLESS || min > MN_GRAMMAR_MANY ? min : max, MN_GRAMMAR_MANY);
        return (mn_frag){0};
    }
    const uint32_t rule = mn_nfa_declare(nfa, "a repetition"), to = jump(nfa);
    mn_nfa_define(nfa, rule, a);
    const mn_node node = {.kind = MN_NODE_REPEAT, .a = rule, .b = to, .min = min, .max = max};
    return (mn_frag){mn_nfa_add(nfa, node), to};
}

/* ---- code points ---------------------------------------------------------------------------- */
static int by_lo(const void *a, const void *b) {
    const mn_points *p = a, *q = b;
    return p->lo < q->lo ? -1 : p->lo > q->lo;
}

size_t mn_points_order(mn_points *set, size_t n) {
    if (!n) return 0;
    qsort(set, n, sizeof *set, by_lo);
    size_t kept = 0;
    for (size_t i = 1; i < n; i++) {
        if (set[i].lo <= set[kept].hi || set[i].lo == set[kept].hi + 1)
            set[kept].hi = set[i].hi > set[kept].hi ? set[i].hi : set[kept].hi;
        else
            set[++kept] = set[i];
    }
    return kept + 1;
}

size_t mn_points_other(mn_points *set, size_t n) {
    size_t kept = 0;
    uint32_t from = 0;
    for (size_t i = 0; i < n; i++) {
        const mn_points x = set[i];
        if (x.lo > from) set[kept++] = (mn_points){from, x.lo - 1};
        from = x.hi + 1;
    }
    if (from <= MN_POINT_LAST) set[kept++] = (mn_points){from, MN_POINT_LAST};
    return kept;
}

static int bytes_of(uint32_t point, uint8_t out[4]) {
    if (point < 0x80) return out[0] = (uint8_t)point, 1;
    const int n = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (int i = n - 1; i > 0; i--, point >>= 6) out[i] = (uint8_t)(0x80 | (point & 0x3F));
    out[0] = (uint8_t)((0xF00 >> n & 0xFF) | point);
    return n;
}

/* One sequence of ranges, the bytes of lo and hi taken in pairs, as another way of `all`. */
static void sequence(mn_nfa *nfa, uint32_t lo, uint32_t hi, mn_frag *all) {
    uint8_t a[4], b[4];
    const int n = bytes_of(lo, a);
    bytes_of(hi, b);
    mn_frag one = mn_nfa_byte(nfa, a[0], b[0]);
    for (int i = 1; i < n; i++) one = mn_nfa_then(nfa, one, mn_nfa_byte(nfa, a[i], b[i]));
    *all = all->from ? mn_nfa_or(nfa, *all, one) : one;
}

/* lo..hi have the same number of bytes: cut so that behind the first byte that differs all of
 * 80..BF is meant. */
static void cut(mn_nfa *nfa, uint32_t lo, uint32_t hi, mn_frag *all) {
    for (int bits = 6; bits <= 18; bits += 6) {
        const uint32_t low = (1u << bits) - 1;
        if ((lo & ~low) == (hi & ~low)) break; /* they differ in these bits only */
        if (lo & low) {
            cut(nfa, lo, lo | low, all);
            cut(nfa, (lo | low) + 1, hi, all);
            return;
        }
        if ((hi & low) != low) {
            cut(nfa, lo, (hi & ~low) - 1, all);
            cut(nfa, hi & ~low, hi, all);
            return;
        }
    }
    sequence(nfa, lo, hi, all);
}

mn_frag mn_nfa_point(mn_nfa *nfa, const mn_points *set, size_t n) {
    static const mn_points length[] = {
        {0, 0x7F}, {0x80, 0x7FF}, {0x800, 0xD7FF}, {0xE000, 0xFFFF}, {0x10000, MN_POINT_LAST}};
    mn_frag all = {0};
    for (size_t i = 0; i < n && nfa->rc >= 0; i++) {
        for (size_t k = 0; k < sizeof length / sizeof *length; k++) {
            const uint32_t lo = set[i].lo > length[k].lo ? set[i].lo : length[k].lo;
            const uint32_t hi = set[i].hi < length[k].hi ? set[i].hi : length[k].hi;
            if (lo <= hi) cut(nfa, lo, hi, &all);
        }
    }
    if (all.from) return all;
    const uint32_t nowhere = jump(nfa); /* no such character: a jump without target is FAIL */
    return (mn_frag){nowhere, jump(nfa)};
}
