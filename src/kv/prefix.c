/* SPDX-License-Identifier: Apache-2.0
 *
 * kv/prefix.c - keys say where to look, tokens decide.
 *
 * From the last full step of the prompt backwards, the first key that the index knows names the
 * extents worth looking at: those that hold the step, and those that begin behind it before the
 * next one ends. Each of them carries the spans of what comes before it, so it is a whole path of
 * tokens; the path that agrees longest with the prompt wins. Without any key (a prompt of less than
 * 64 tokens, or nothing in common) those that begin at the beginning are looked at.
 */
#include "kv/prefix.h"

#include "base/alloc.h"

#include <string.h>

enum {
    MOST = 256 /* extents looked at under one key */,
    DEPTH = MN_SEQ_SPANS - 2 /* one to go on in, one for when that has no room */
};

int mn_kv_spans_intact(const mn_kv_layout *l, const mn_kv_span *span, int n_spans, int n) {
    for (int layer = 0; layer < l->layers && layer < MN_KV_LAYERS; layer++) {
        if (!l->window[layer]) continue;
        const int need = n - l->window[layer] + 1;
        for (int i = 0; i < n_spans; i++) {
            const mn_kv_span *p = span + i;
            const uint64_t all = mn_word_load(&p->e->head->gone[layer]);
            const int gone = (all < (uint64_t)p->e->rows ? (int)all : p->e->rows) - p->row;
            if (gone > 0 && p->at < n && p->at + gone > (need > 0 ? need : 0)) return 0;
        }
    }
    return 1;
}

static void let_go(mn_kv_span *span, int n) {
    for (int i = 0; i < n; i++) mn_kv_extent_release(&span[i].e);
}

/* How many of the tokens at `at` of the prompt lie in rows row.. of e. */
static int agree(const mn_kv_extent *e, int row, int rows, const int32_t *ids, int n) {
    int i = 0;
    const int most = rows < n ? rows : n;
    while (i < most && e->tokens[row + i] == ids[i]) i++;
    return i;
}

static int seeded(const mn_kv_extent *e, const mn_kv_key *seed) {
    uint64_t w[4];
    memcpy(w, seed->byte, sizeof w);
    for (int i = 0; i < 4; i++)
        if (mn_word_load(e->x.slot->seed + i) != w[i]) return 0;
    return 1;
}

/* One step of a path: rows [row, row + rows) of e, which is consumed: a span as far as they agree
 * with the prompt. 1: all of them do. */
static int follow(mn_kv_extent *e, int row, int rows, const int32_t *ids, int n, mn_kv_span *span,
                  int *n_spans, int *length) {
    const int same = agree(e, row, rows, ids + *length, n - *length);
    if (same)
        span[(*n_spans)++] = (mn_kv_span){e, *length, row, same};
    else
        mn_kv_extent_release(&e);
    *length += same;
    return same == rows;
}

/* Rows whose tokens are there because somebody is computing them, those that count included. */
static int planned(const mn_kv_extent *e) {
    const uint64_t n = mn_word_load(&e->head->planned);
    if (mn_state_phase(mn_word_load(&e->x.slot->state)) != MN_EXTENT_OPEN) return 0;
    return n < (uint64_t)e->rows ? (int)n : e->rows;
}

/* The path that ends in `ref`: how far it agrees with the prompt, and will. */
static int walk(const mn_kv_layout *l, const mn_kv_share *share, mn_ref ref, const int32_t *ids,
                int n, mn_kv_span span[DEPTH], int *n_spans, int *coming) {
    mn_kv_extent *last = mn_kv_extent_attach(l, share->region, ref);
    int length = 0, on = 1;
    *n_spans = *coming = 0;
    if (!last) return 0;
    const uint64_t before = mn_word_load(&last->head->n_before);
    const uint64_t start = mn_word_load(&last->head->start);
    on = seeded(last, &share->seed) && before < DEPTH && start <= (uint64_t)n;
    for (uint64_t i = 0; on && i < before; i++) {
        const mn_kv_place *p = last->head->before + i;
        const uint64_t row = mn_word_load(&p->row), rows = mn_word_load(&p->n);
        mn_kv_extent *e = mn_kv_extent_attach(l, share->region, mn_word_load(&p->ref));
        on = 0;
        if (!e) break;
        const uint64_t has = (uint64_t)mn_kv_extent_length(e);
        if (!rows || row > has || rows > has - row || !seeded(e, &share->seed))
            mn_kv_extent_release(&e);
        else
            on = follow(e, (int)row, (int)rows, ids, n, span, n_spans, &length);
    }
    const int has = mn_kv_extent_length(last);
    if (on && start == (uint64_t)length) {
        const int plan = planned(last);
        *coming = length + agree(last, 0, plan, ids + length, n - length);
        follow(last, 0, has, ids, n, span, n_spans, &length);
    } else {
        mn_kv_extent_release(&last);
    }
    if (length && mn_kv_spans_intact(l, span, *n_spans, length)) return length;
    let_go(span, *n_spans);
    *n_spans = 0;
    return 0;
}

/* The best path among refs[k], if it is longer than `best`. */
static int choose(const mn_kv_layout *l, const mn_kv_share *share, const mn_ref *refs, int k,
                  const int32_t *ids, int n, int best, mn_kv_span *out, int *n_spans, int *coming) {
    for (int i = 0; i < k && best < n; i++) {
        mn_kv_span span[DEPTH];
        int spans, more;
        const int length = walk(l, share, refs[i], ids, n, span, &spans, &more);
        if (more > *coming) *coming = more;
        if (length > best) {
            let_go(out, *n_spans);
            memcpy(out, span, sizeof *span * (size_t)spans);
            *n_spans = spans;
            best = length;
        } else {
            let_go(span, spans);
        }
    }
    return best;
}

int mn_kv_prefix_find(const mn_kv_layout *l, const mn_kv_share *share, const int32_t *ids, int n,
                      mn_kv_span out[MN_SEQ_SPANS], int *n_spans, int *coming) {
    *n_spans = *coming = 0;
    if (!share->region || n < 1) return 0;
    const int steps = n / MN_KV_STEP;
    uint64_t *key = mn_calloc((size_t)steps + 1, sizeof *key); /* of step i */
    if (!key) return 0;                                        /* computing is always possible */
    mn_kv_chain chain;
    mn_kv_chain_begin(&chain, &share->seed);
    key[0] = mn_kv_key_word(&chain.key);
    for (int i = 0; i < steps * MN_KV_STEP; i++)
        if (mn_kv_chain_add(&chain, ids[i])) key[(i + 1) / MN_KV_STEP] = mn_kv_key_word(&chain.key);
    int best = 0;
    for (int i = steps; i >= 0 && !best; i--) {
        mn_ref refs[MOST];
        const int k = i ? mn_index_find(share->region, key[i], refs, MOST) : 0;
        if (i && !k) continue;
        best = choose(l, share, refs, k, ids, n, best, out, n_spans, coming);
        const int more = mn_index_anchored(share->region, key[i], refs, MOST);
        best = choose(l, share, refs, more, ids, n, best, out, n_spans, coming);
    }
    mn_free(key);
    if (*coming < best) *coming = best;
    return best;
}
