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
#include "base/error.h"

#include <string.h>

enum {
    LITTLE = 64 /* tokens that are not worth a look at the disk */,
    MOST = 256 /* extents looked at under one key */,
    DEPTH = MN_SEQ_SPANS - 2 /* one to go on in, one for when that has no room */
};

int mn_kv_spans_intact(const mn_kv_layout *l, const mn_kv_span *span, int n_spans, int n) {
    for (int layer = 0; layer < l->layers && layer < MN_KV_LAYERS; layer++) {
        if (!l->window[layer]) continue;
        const int need = n - l->window[layer] + 1;
        for (int i = 0; i < n_spans; i++) {
            const mn_kv_span *p = span + i;
            const int gone = mn_kv_extent_gone(p->e, layer) - p->row;
            if (gone > 0 && p->at < n && p->at + gone > (need > 0 ? need : 0)) return 0;
        }
    }
    return 1;
}

void mn_kv_prefix_release(mn_kv_prefix *p) {
    while (p->n) mn_kv_extent_release(&p->span[--p->n].e);
    p->length = 0;
}

/* What is looked for. */
typedef struct search {
    const mn_kv_layout *l;
    const mn_kv_share *share;
    mn_ref rival;
    const int32_t *ids; /* NULL: any will do */
    int n;
} search;

/* How many of the tokens at `at` of the prompt lie in rows row.. of e. */
static int agree(const search *s, int at, const mn_kv_extent *e, int row, int rows) {
    int most = rows < s->n - at ? rows : s->n - at;
    int i = 0;
    if (at < s->share->open_to && s->share->open_to - at < most) most = s->share->open_to - at;
    if (!s->ids) return most;
    while (i < most && e->tokens[row + i] == s->ids[at + i]) i++;
    return i;
}

/* Is it under the seed that rows at this position have? */
static int seeded(const search *s, const mn_kv_extent *e, int at) {
    uint64_t w[4];
    const mn_kv_key *seed = at < s->share->open_to ? &s->share->common : &s->share->seed;
    memcpy(w, seed->byte, sizeof w);
    for (int i = 0; i < 4; i++)
        if (mn_word_load(e->x.slot->seed + i) != w[i]) return 0;
    return 1;
}

/* Rows whose tokens are there because somebody is computing them, those that count included. */
static int planned(const search *s, const mn_kv_extent *e) {
    const uint64_t n = mn_word_load(&e->head->planned);
    if (mn_state_phase(mn_word_load(&e->x.slot->state)) != MN_EXTENT_OPEN) return 0;
    if (s->rival && mn_ref_slot(e->x.ref) >= mn_ref_slot(s->rival)) return 0;
    return n < (uint64_t)e->rows ? (int)n : e->rows;
}

/* One step of a path: rows [row, row + rows) of e, which is consumed: a span as far as they agree
 * with the prompt. 1: all of them do. */
static int follow(const search *s, mn_kv_extent *e, int row, int rows, mn_kv_prefix *p) {
    const int same = agree(s, p->length, e, row, rows);
    if (same)
        p->span[p->n++] = (mn_kv_span){e, p->length, row, same};
    else
        mn_kv_extent_release(&e);
    p->length += same;
    return same == rows;
}

/* The spans that an extent says come before it: 1 when they are there, and agree. */
static int follow_before(const search *s, const mn_kv_extent *last, uint64_t before,
                         mn_kv_prefix *p) {
    for (uint64_t i = 0; i < before; i++) {
        const mn_kv_place *at = last->head->before + i;
        const uint64_t row = mn_word_load(&at->row), rows = mn_word_load(&at->n);
        mn_kv_extent *e = mn_kv_extent_attach(s->l, s->share->region, mn_word_load(&at->ref));
        if (!e) return 0;
        const uint64_t has = (uint64_t)mn_kv_extent_length(e);
        if (!rows || row > has || rows > has - row || !seeded(s, e, p->length)) {
            mn_kv_extent_release(&e);
            return 0;
        }
        if (!follow(s, e, (int)row, (int)rows, p)) return 0;
    }
    return 1;
}

/* The path that ends in `ref`, as far as it agrees with the prompt. */
static void walk(const search *s, mn_ref ref, mn_kv_prefix *p) {
    *p = (mn_kv_prefix){0};
    mn_kv_extent *last = mn_kv_extent_attach(s->l, s->share->region, ref);
    if (!last) return;
    const uint64_t before = mn_word_load(&last->head->n_before);
    const uint64_t start = mn_word_load(&last->head->start);
    if (seeded(s, last, (int)(start < INT32_MAX ? start : INT32_MAX)) && before < DEPTH &&
        start <= (uint64_t)s->n && follow_before(s, last, before, p) &&
        start == (uint64_t)p->length) {
        const int has = mn_kv_extent_length(last), plan = planned(s, last);
        p->coming = p->length + agree(s, p->length, last, 0, plan);
        p->ahead = mn_word_load(&last->x.slot->writer);
        follow(s, last, 0, has, p);
    } else {
        mn_kv_extent_release(&last);
    }
    if (!mn_kv_spans_intact(s->l, p->span, p->n, p->length)) mn_kv_prefix_release(p);
}

/* The best path among refs[k] and what is in `best` already. */
static void choose(const search *s, const mn_ref *refs, int k, mn_kv_prefix *best) {
    for (int i = 0; i < k && best->length < s->n; i++) {
        mn_kv_prefix p;
        walk(s, refs[i], &p);
        const int more = p.coming > best->coming, coming = more ? p.coming : best->coming;
        const uint64_t ahead = more ? p.ahead : best->ahead;
        if (p.length > best->length) {
            mn_kv_prefix_release(best);
            *best = p;
        } else {
            mn_kv_prefix_release(&p);
        }
        best->coming = coming;
        best->ahead = ahead;
    }
}

/* Rows that must come from elsewhere begin to come. 0: what may not be believed was thrown out, and
 * all of it let go. Without memory for sums there is nothing of it, and it stays. */
static int fetch(mn_kv_prefix *p) {
    int out = 0;
    for (int i = 0; i < p->n; i++) out |= mn_kv_extent_out(p->span[i].e);
    if (out && p->length < LITTLE) { /* a template's first words: computed sooner than read */
        if (p->coming <= p->length) p->coming = 0; /* nobody is computing more */
        mn_kv_prefix_release(p);
        return 1;
    }
    for (int i = 0; i < p->n; i++) {
        const int rc = mn_kv_extent_fetch(p->span[i].e, p->span[i].row + p->span[i].n);
        if (rc >= 0) continue;
        if (rc == MN_ECORRUPT) mn_kv_extent_reject(p->span[i].e);
        mn_kv_prefix_release(p);
        return rc != MN_ECORRUPT;
    }
    return 1;
}

/* The longest one there seems to be. */
static void find(const search *s, mn_kv_prefix *out) {
    mn_region *const r = s->share->region;
    const int steps = s->n / MN_KV_STEP;
    uint64_t *key = mn_calloc((size_t)steps * 2 + 2, sizeof *key); /* of step i, */
    *out = (mn_kv_prefix){0};
    if (!key) return;                         /* computing is always possible */
    uint64_t *const anchor = key + steps + 1; /* and of what begins behind it */
    mn_kv_chain chain;
    mn_kv_chain_begin(&chain, s->share->open_to ? &s->share->common : &s->share->seed);
    if (s->share->open_to) mn_kv_chain_turn(&chain, s->share->open_to, &s->share->seed);
    anchor[0] = mn_kv_chain_anchor(&chain);
    for (int i = 0; i < steps * MN_KV_STEP; i++) {
        if (!mn_kv_chain_add(&chain, s->ids[i])) continue;
        key[chain.steps] = mn_kv_key_word(&chain.key);
        anchor[chain.steps] = mn_kv_chain_anchor(&chain);
    }
    for (int i = steps; i >= 0 && !out->length; i--) {
        mn_ref refs[MOST];
        const int k = i ? mn_index_find(r, key[i], refs, MOST) : 0;
        if (i && !k) continue;
        choose(s, refs, k, out);
        choose(s, refs, mn_index_anchored(r, anchor[i], refs, MOST), out);
    }
    mn_free(key);
    if (out->coming < out->length) out->coming = out->length;
}

void mn_kv_prefix_find(const mn_kv_layout *l, const mn_kv_share *share, mn_ref rival,
                       const int32_t *ids, int n, mn_kv_prefix *out) {
    const search s = {l, share, rival, ids, n};
    *out = (mn_kv_prefix){0};
    if (!share->region || n < 1) return;
    do find(&s, out);
    while (!fetch(out));
}

void mn_kv_prefix_of(const mn_kv_layout *l, const mn_kv_share *share, mn_ref ref, int length,
                     mn_kv_prefix *out) {
    const search s = {l, share, 0, NULL, length};
    *out = (mn_kv_prefix){0};
    if (!share->region || length < 1) return;
    walk(&s, ref, out);
    if (out->length != length || !fetch(out)) mn_kv_prefix_release(out);
}
