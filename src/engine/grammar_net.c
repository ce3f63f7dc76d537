/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/grammar_net.c - nets and their fragments, and code points as UTF-8 bytes.
 *
 * A range of code points becomes sequences of byte ranges: it is cut where the number of bytes
 * changes, and then wherever the bytes behind the first that differs do not run over all of
 * 80..BF; at most 4 * 2 * 3 sequences a range, mostly one to three. Cost: linear in what is built.
 */
#include "engine/grammar_net.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

/* ---- nodes and rules ------------------------------------------------------------------------ */
uint32_t mn_net_add(mn_net *net, mn_node node) {
    if (net->rc < 0) return 0;
    const uint32_t i = mn_net_size(net);
    if (i >= MN_GRAMMAR_NODES)
        net->rc = MN_FAIL(MN_ETOOLONG, "the grammar is too large: it needs more than %d states",
                          MN_GRAMMAR_NODES);
    else
        net->rc = mn_buf_append(&net->nodes, &node, sizeof node);
    return net->rc < 0 ? 0 : i;
}

uint32_t mn_net_declare(mn_net *net, const char *where) {
    if (net->rc < 0) return 0;
    const size_t n = strlen(where) + 1;
    char *copy;
    net->rc = mn_arena_take(&net->names, n, &copy);
    if (net->rc < 0) return 0;
    const mn_rule rule = {.where = memcpy(copy, where, n)};
    const uint32_t i = mn_net_rules(net);
    net->rc = mn_buf_append(&net->rules, &rule, sizeof rule);
    return net->rc < 0 ? 0 : i;
}

int mn_net_open(mn_net *net) {
    *net = (mn_net){.nodes.what = "a grammar",
                    .rules.what = "a grammar",
                    .names = {.limit = 64 << 20, .what = "a grammar's names"}};
    mn_net_add(net, (mn_node){.kind = MN_NODE_FAIL});
    mn_net_declare(net, "");
    return net->rc;
}

void mn_net_close(mn_net *net) {
    mn_buf_free(&net->nodes);
    mn_buf_free(&net->rules);
    mn_arena_free(&net->names);
}

/* ---- fragments ------------------------------------------------------------------------------ */
static uint32_t jump(mn_net *net) {
    return mn_net_add(net, (mn_node){.kind = MN_NODE_JUMP});
}

static uint32_t split(mn_net *net, uint32_t a, uint32_t b) {
    return mn_net_add(net, (mn_node){.kind = MN_NODE_SPLIT, .a = a, .b = b});
}

void mn_net_link(mn_net *net, uint32_t from, uint32_t to) {
    if (net->rc >= 0 && from) mn_net_node(net, from)->a = to;
}

mn_frag mn_net_nothing(mn_net *net) {
    const uint32_t j = jump(net);
    return (mn_frag){j, j};
}

mn_frag mn_net_byte(mn_net *net, uint8_t lo, uint8_t hi) {
    const uint32_t to = jump(net);
    return (mn_frag){mn_net_add(net, (mn_node){.kind = MN_NODE_BYTE, .lo = lo, .hi = hi, .a = to}),
                     to};
}

mn_frag mn_net_text(mn_net *net, const char *text, size_t n) {
    mn_frag all = mn_net_nothing(net);
    for (size_t i = 0; i < n && net->rc >= 0; i++)
        all = mn_net_then(net, all, mn_net_byte(net, (uint8_t)text[i], (uint8_t)text[i]));
    return all;
}

mn_frag mn_net_word(mn_net *net, const char *text) {
    return mn_net_text(net, text, strlen(text));
}

mn_frag mn_net_then(mn_net *net, mn_frag a, mn_frag b) {
    mn_net_link(net, a.to, b.from);
    return (mn_frag){a.from, b.to};
}

mn_frag mn_net_or(mn_net *net, mn_frag a, mn_frag b) {
    mn_net_link(net, b.to, a.to);
    return (mn_frag){split(net, a.from, b.from), a.to};
}

mn_frag mn_net_call(mn_net *net, uint32_t rule) {
    const uint32_t to = jump(net);
    return (mn_frag){mn_net_add(net, (mn_node){.kind = MN_NODE_CALL, .a = rule, .b = to}), to};
}

void mn_net_define(mn_net *net, uint32_t rule, mn_frag is) {
    if (net->rc < 0) return;
    mn_net_node(net, is.to)->kind = MN_NODE_RETURN;
    mn_net_rule(net, rule)->start = is.from;
}

/* Without counting: 0 or 1, or any number of times. */
static mn_frag loop(mn_net *net, mn_frag a, uint32_t min) {
    const uint32_t to = jump(net), again = split(net, a.from, to);
    mn_net_link(net, a.to, again);
    return (mn_frag){min ? a.from : again, to};
}

mn_frag mn_net_many(mn_net *net, mn_frag a, uint32_t min, uint32_t max) {
    if (net->rc < 0) return (mn_frag){0};
    if (max == 0) return mn_net_nothing(net);
    if (min == 1 && max == 1) return a;
    if (min == 0 && max == 1) return (mn_frag){split(net, a.from, a.to), a.to};
    if (min <= 1 && max == MN_ENDLESS) return loop(net, a, min);
    if (min > MN_GRAMMAR_MANY || (max > MN_GRAMMAR_MANY && max != MN_ENDLESS)) {
        net->rc = MN_FAIL(MN_ETOOLONG, "%u times in a row are more than the %d that can be counted",
                          max == MN_ENDLESS || min > MN_GRAMMAR_MANY ? min : max, MN_GRAMMAR_MANY);
        return (mn_frag){0};
    }
    const uint32_t rule = mn_net_declare(net, "a repetition"), to = jump(net);
    mn_net_define(net, rule, a);
    const mn_node node = {.kind = MN_NODE_REPEAT, .a = rule, .b = to, .min = min, .max = max};
    return (mn_frag){mn_net_add(net, node), to};
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
static void sequence(mn_net *net, uint32_t lo, uint32_t hi, mn_frag *all) {
    uint8_t a[4], b[4];
    const int n = bytes_of(lo, a);
    bytes_of(hi, b);
    mn_frag one = mn_net_byte(net, a[0], b[0]);
    for (int i = 1; i < n; i++) one = mn_net_then(net, one, mn_net_byte(net, a[i], b[i]));
    *all = all->from ? mn_net_or(net, *all, one) : one;
}

/* lo..hi have the same number of bytes: cut so that behind the first byte that differs all of
 * 80..BF is meant. */
static void cut(mn_net *net, uint32_t lo, uint32_t hi, mn_frag *all) {
    for (int bits = 6; bits <= 18; bits += 6) {
        const uint32_t low = (1u << bits) - 1;
        if ((lo & ~low) == (hi & ~low)) break; /* they differ in these bits only */
        if (lo & low) {
            cut(net, lo, lo | low, all);
            cut(net, (lo | low) + 1, hi, all);
            return;
        }
        if ((hi & low) != low) {
            cut(net, lo, (hi & ~low) - 1, all);
            cut(net, hi & ~low, hi, all);
            return;
        }
    }
    sequence(net, lo, hi, all);
}

mn_frag mn_net_point(mn_net *net, const mn_points *set, size_t n) {
    static const mn_points length[] = {
        {0, 0x7F}, {0x80, 0x7FF}, {0x800, 0xD7FF}, {0xE000, 0xFFFF}, {0x10000, MN_POINT_LAST}};
    mn_frag all = {0};
    for (size_t i = 0; i < n && net->rc >= 0; i++) {
        for (size_t k = 0; k < sizeof length / sizeof *length; k++) {
            const uint32_t lo = set[i].lo > length[k].lo ? set[i].lo : length[k].lo;
            const uint32_t hi = set[i].hi < length[k].hi ? set[i].hi : length[k].hi;
            if (lo <= hi) cut(net, lo, hi, &all);
        }
    }
    if (all.from) return all;
    const uint32_t nowhere = jump(net); /* no such character: a jump without target is FAIL */
    return (mn_frag){nowhere, jump(net)};
}
