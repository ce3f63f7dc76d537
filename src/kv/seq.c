/* SPDX-License-Identifier: Apache-2.0
 *
 * kv/seq.c - lists of spans: growing the last one, forking, trimming, giving back.
 *
 * The last span may be open: its extent is ours, and the next rows go behind its last. An open
 * extent is closed, and another one opened when more is to be written, in three cases: it is full,
 * it was trimmed while others can see its rows, or its home has no room. Extents in the region are
 * made twice as long as what came before them, so a long sequence has few.
 */
#include "kv/seq.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "kv/prefix.h"
#include "kv/span.h"

#include <string.h>

enum { BLOCK = MN_ATTN_BLOCK, MANY = 12 /* spans, from where on the next one is the last */ };

struct mn_seq {
    mn_kv_layout layout;
    mn_kv_share share;
    int context, length, n;
    int open;  /* the last span grows */
    int alone; /* a row lies in this process only: what follows, too */
    mn_kv_span span[MN_SEQ_SPANS];
    mn_kv_chain chain; /* of the committed tokens */
    uint64_t anchor;   /* where the open extent begins: word of the chain's key */
    uint64_t ahead;    /* who computes what is coming */
    uint64_t since;    /* when the rows to come began to be computed, ns */
};

static mn_kv_span *tail_of(const mn_seq *s) {
    return (mn_kv_span *)(uintptr_t)(s->span + s->n - 1);
}

static void begin(const mn_kv_share *of, mn_kv_chain *c) {
    mn_kv_chain_begin(c, of->open_to ? &of->common : &of->seed);
    if (of->open_to) mn_kv_chain_turn(c, of->open_to, &of->seed);
}
static void begin_chain(mn_seq *s) {
    begin(&s->share, &s->chain);
}
void mn_seq_names(const mn_seq *s, const int32_t *ids, int n, uint8_t (*name)[32]) {
    mn_kv_chain c;
    begin(&s->share, &c);
    for (int i = 0; i < n / MN_KV_STEP * MN_KV_STEP; i++)
        if (mn_kv_chain_add(&c, ids[i])) memcpy(name[c.steps - 1], c.key.byte, 32);
}

int mn_seq_open(const mn_kv_layout *layout, const mn_kv_share *share, int context, mn_seq **out) {
    static const mn_kv_share none;
    *out = NULL;
    if (context < 1) return MN_FAIL(MN_EINVAL, "a context of %d tokens is none", context);
    mn_seq *s = mn_calloc(1, sizeof *s);
    if (!s) return MN_FAIL(MN_ENOMEM, "no memory for a sequence");
    *s = (mn_seq){.layout = *layout, .share = share ? *share : none, .context = context};
    begin_chain(s);
    *out = s;
    return 0;
}

/* No more rows go to the open extent: what was told others is taken back. */
static void stop(mn_seq *s) {
    if (!s->open) return;
    const mn_kv_span *t = tail_of(s);
    mn_word_store(&t->e->head->planned, (uint64_t)(t->row + t->n));
    s->open = 0;
}

static void drop_spans(mn_seq *s, int from) {
    stop(s);
    while (s->n > from) mn_kv_extent_release(&s->span[--s->n].e);
}

void mn_seq_close(mn_seq **ps) {
    mn_seq *s = *ps;
    *ps = NULL;
    if (!s) return;
    drop_spans(s, 0);
    mn_free(s);
}

int mn_seq_length(const mn_seq *s) {
    return s->length;
}
int mn_seq_context(const mn_seq *s) {
    return s->context;
}
int mn_seq_spans(const mn_seq *s) {
    return s->n;
}
mn_kv_format mn_seq_format(const mn_seq *s) {
    return s->layout.format;
}
int64_t mn_seq_writer(const mn_seq *s) {
    int most = 0;
    uint64_t pid = 0;
    for (int i = 0; i < s->n; i++) {
        const mn_kv_span *p = s->span + i;
        if (!p->e->x.region || p->e->mine || p->n <= most) continue;
        most = p->n;
        pid = mn_word_load(&p->e->x.slot->writer);
    }
    return (int64_t)(pid & INT32_MAX);
}
uint64_t mn_seq_root(const mn_seq *s) {
    return s->n ? (uint64_t)(uintptr_t)mn_kv_plane(&s->layout, s->span[0].e, 0, 0, 0) : 0;
}
/* Two handles may have one extent of the region. */
static int same_extent(const mn_kv_extent *a, const mn_kv_extent *b) {
    return a == b || (a->x.region && a->x.region == b->x.region && a->x.ref == b->x.ref);
}
int mn_seq_common(const mn_seq *a, const mn_seq *b) {
    int n = 0;
    for (int i = 0; i < a->n && i < b->n; i++) {
        const mn_kv_span *p = a->span + i, *q = b->span + i;
        if (!same_extent(p->e, q->e) || p->row != q->row || p->at != q->at) break;
        n = p->at + (p->n < q->n ? p->n : q->n);
        if (p->n != q->n) break;
    }
    return n;
}
int mn_seq_extents(const mn_seq *s, uint64_t *refs) {
    int n = 0;
    for (int i = 0; i < s->n; i++)
        if (s->span[i].e->x.region) refs[n++] = s->span[i].e->x.ref;
    return n;
}
int mn_seq_holds(const mn_seq *s, mn_seq_hold *out) {
    for (int i = 0; i < s->n; i++) {
        const mn_kv_extent *e = s->span[i].e;
        const mn_extent *x = &e->x;
        out[i] = x->region ? (mn_seq_hold){x->ref, mn_word_peek(&x->slot->charged), 0}
                           : (mn_seq_hold){(uint64_t)(uintptr_t)e, e->booked, 0};
        if (!mn_kv_extent_out(e)) continue;
        out[i].bytes = 0;
        out[i].mapped = mn_kv_extent_mapped(e, s->span[i].row + s->span[i].n);
    }
    return s->n;
}
int mn_seq_promised(const mn_seq *s) {
    const mn_kv_span *t = s->open ? tail_of(s) : NULL;
    return t ? t->e->backed - t->row - t->n : 0;
}
int mn_seq_out(const mn_seq *s) {
    int n = 0;
    for (int i = 0; i < s->n; i++)
        if (mn_kv_extent_out(s->span[i].e)) n += s->span[i].n;
    return n;
}
int mn_seq_ready(const mn_seq *s) {
    for (int i = 0; i < s->n; i++)
        if (!mn_kv_extent_arrived(s->span[i].e, s->span[i].row + s->span[i].n)) return 0;
    return 1;
}
int mn_seq_keep(mn_seq *s, int keep) {
    for (int i = 0; i < s->n; i++)
        if (s->span[i].e->x.region) MN_TRY(mn_extent_keep(&s->span[i].e->x, keep));
    return 0;
}
uint64_t mn_seq_bytes(const mn_seq *s) {
    return s->open ? tail_of(s)->e->booked : 0;
}

/* ---- the chain follows the spans ---------------------------------------------------------- */
static void chain_again(mn_seq *s) {
    begin_chain(s);
    s->alone = 0;
    for (int i = 0; i < s->n; i++) {
        const mn_kv_span *p = s->span + i;
        s->alone |= !p->e->x.region;
        for (int k = 0; s->share.region && k < p->n; k++)
            mn_kv_chain_add(&s->chain, p->e->tokens[p->row + k]);
    }
}

/* Spans cut to the first n tokens; the rest let go. */
static void cut_spans(mn_seq *s, int n) {
    int keep = 0;
    while (keep < s->n && s->span[keep].n && s->span[keep].at < n) keep++;
    drop_spans(s, keep);
    if (keep && s->span[keep - 1].at + s->span[keep - 1].n > n)
        s->span[keep - 1].n = n - s->span[keep - 1].at;
    s->length = n;
    chain_again(s);
}

int mn_seq_fork(const mn_seq *from, int n, mn_seq **out) {
    *out = NULL;
    if (n < 0 || n > from->length)
        return MN_FAIL(MN_EINVAL, "a fork at %d of %d tokens", n, from->length);
    if (!mn_kv_spans_intact(&from->layout, from->span, from->n, n))
        return MN_FAIL(MN_EINVAL, "a fork at %d lies behind the window", n);
    mn_seq *s;
    MN_TRY(mn_seq_open(&from->layout, &from->share, from->context, &s));
    for (; s->n < from->n; s->n++) {
        s->span[s->n] = from->span[s->n];
        mn_kv_extent_retain(s->span[s->n].e);
    }
    cut_spans(s, n);
    *out = s;
    return 0;
}

int mn_seq_match(mn_seq *s, const int32_t *ids, int n, int *coming) {
    if (s->length || s->n) return MN_FAIL(MN_EINVAL, "only an empty sequence can take a prefix");
    if (n > s->context) n = s->context;
    mn_kv_prefix p;
    mn_kv_prefix_find(&s->layout, &s->share, 0, ids, n, &p);
    for (; s->n < p.n; s->n++) s->span[s->n] = p.span[s->n];
    s->length = p.length;
    *coming = p.coming;
    s->ahead = p.ahead;
    chain_again(s);
    return p.length;
}

int64_t mn_seq_ahead(const mn_seq *s) {
    return (int64_t)(s->ahead & INT32_MAX);
}

mn_ref mn_seq_name(const mn_seq *s) {
    const mn_kv_span *t = s->n ? tail_of(s) : NULL;
    return t && t->n && t->e->x.region && !s->alone ? t->e->x.ref : 0;
}

int mn_seq_attach(mn_seq *s, mn_ref ref, int length) {
    if (s->length || s->n) return MN_FAIL(MN_EINVAL, "only an empty sequence can attach another");
    if (length > s->context)
        return MN_FAIL(MN_ETOOLONG, "%d tokens do not fit into a context of %d", length,
                       s->context);
    mn_kv_prefix p;
    mn_kv_prefix_of(&s->layout, &s->share, ref, length, &p);
    if (!p.length)
        return MN_FAIL(MN_ENOENT,
                       "these %d tokens are not in the region any more, or of another "
                       "model",
                       length);
    for (; s->n < p.n; s->n++) s->span[s->n] = p.span[s->n];
    s->length = p.length;
    chain_again(s);
    return 0;
}

int mn_seq_follow(mn_seq *s) {
    mn_kv_span *t = s->n ? tail_of(s) : NULL;
    if (!t || !t->e->x.region || t->e->mine || t->row + t->n > t->e->rows) return 0;
    int more = mn_kv_extent_length(t->e) - t->row - t->n;
    if (more > s->context - s->length) more = s->context - s->length;
    if (more <= 0 || mn_kv_extent_fetch(t->e, t->row + t->n + more) < 0) return 0;
    t->n += more;
    s->length += more;
    if (!mn_kv_spans_intact(&s->layout, s->span, s->n, s->length)) {
        t->n -= more;
        s->length -= more;
        return 0;
    }
    for (int i = more; i > 0; i--) mn_kv_chain_add(&s->chain, t->e->tokens[t->row + t->n - i]);
    return more;
}

int mn_seq_growing(const mn_seq *s) {
    const mn_kv_span *t = s->n ? tail_of(s) : NULL;
    return t && t->e->x.region && !t->e->mine &&
           mn_state_phase(mn_word_load(&t->e->x.slot->state)) == MN_EXTENT_OPEN;
}

void mn_seq_seal(mn_seq *s) {
    if (!s->open) return;
    mn_seq_yield(s);
    stop(s);
    if (s->n) mn_kv_extent_seal(tail_of(s)->e);
}

void mn_seq_tokens(const mn_seq *s, int from, int n, int32_t *ids) {
    for (int i = 0; i < s->n; i++) {
        const mn_kv_span *p = s->span + i;
        for (int k = 0; k < p->n; k++)
            if (p->at + k >= from && p->at + k < from + n)
                ids[p->at + k - from] = p->e->tokens[p->row + k];
    }
}

int mn_seq_rival(mn_seq *s, const int32_t *ids, int n) {
    mn_kv_span *t = s->n ? tail_of(s) : NULL;
    if (!s->open || t->n || !t->e->x.region) return 0;
    mn_kv_prefix p;
    mn_kv_prefix_find(&s->layout, &s->share, t->e->x.ref, ids, n, &p);
    mn_kv_prefix_release(&p);
    s->ahead = p.ahead;
    return p.coming;
}

void mn_seq_yield(mn_seq *s) {
    if (!s->open) return;
    const mn_kv_span *t = tail_of(s);
    mn_word_store(&t->e->head->planned, (uint64_t)(t->row + t->n));
    if (!t->n) drop_spans(s, s->n - 1); /* nothing was written to it */
}

int mn_seq_trim(mn_seq *s, int n) {
    if (n < 0 || n > s->length)
        return MN_FAIL(MN_EINVAL, "a trim to %d of %d tokens", n, s->length);
    if (!mn_kv_spans_intact(&s->layout, s->span, s->n, n))
        return MN_FAIL(MN_EINVAL, "a trim to %d lies behind the window", n);
    if (n == s->length) return 0;
    mn_kv_span *t = s->n ? tail_of(s) : NULL;
    const int inside = s->open && t->at < n && !t->e->x.region && mn_kv_extent_alone(t->e);
    if (!inside) { /* what others can see stays as it is: the next row begins an extent */
        cut_spans(s, n);
        return 0;
    }
    t->n = n - t->at;
    s->length = n;
    mn_kv_extent_cut(&s->layout, t->e, t->row + t->n);
    chain_again(s);
    return 0;
}

/* ---- growing ------------------------------------------------------------------------------ */
/* Rows the next extent should have for n more tokens: in memory of our own address space costs
 * nothing; in the region ranges are many when they are short. */
static int wanted(const mn_seq *s, int n, int shared) {
    const int left = s->context - s->length, slack = s->length > BLOCK ? s->length : BLOCK;
    return !shared || s->n >= MANY || left - n < slack ? left : n + slack;
}

/* A fresh extent becomes the open span. */
static int extend(mn_seq *s, int n, int shared) {
    mn_kv_extent *e;
    mn_seq_yield(s);
    stop(s);
    if (s->n == MN_SEQ_SPANS)
        return MN_FAIL(MN_ETOOLONG, "the sequence has been cut into more than %d spans",
                       MN_SEQ_SPANS);
    MN_TRY(
        mn_kv_extent_open(&s->layout, wanted(s, n, shared), shared ? s->share.region : NULL, &e));
    mn_kv_head *h = e->head;
    mn_word_store(&h->start, (uint64_t)s->length);
    mn_word_store(&h->n_before, shared ? (uint64_t)s->n : 0);
    for (int i = 0; shared && i < s->n; i++) {
        const mn_kv_span *p = s->span + i;
        mn_word_store(&h->before[i].ref, p->e->x.ref);
        mn_word_store(&h->before[i].row, (uint64_t)p->row);
        mn_word_store(&h->before[i].n, (uint64_t)p->n);
        mn_word_store(&h->before[i].at, (uint64_t)p->at);
    }
    s->anchor = mn_kv_chain_anchor(&s->chain);
    s->span[s->n++] = (mn_kv_span){.e = e, .at = s->length};
    s->open = 1;
    if (!shared) s->alone = 1;
    return 0;
}

/* An open extent with room for n rows. */
static int place(mn_seq *s, int n, int shared) {
    const mn_kv_span *t = s->n ? tail_of(s) : NULL;
    if (mn_seq_piece(s, n) < n)
        return MN_FAIL(MN_EINVAL, "%d tokens at once across the end of what all may share", n);
    if (n > s->context - s->length)
        return MN_FAIL(MN_ETOOLONG, "%d more tokens do not fit: %d of a context of %d are in use",
                       n, s->length, s->context);
    const int turns = t && s->length == s->share.open_to && t->at < s->length;
    const int fits =
        s->open && !turns && t->row + t->n + n <= t->e->rows && (t->e->x.region != NULL) == shared;
    return fits ? 0 : extend(s, n, shared);
}

/* The same, and the pages of these rows are promised. */
static int room(mn_seq *s, int n, int shared) {
    MN_TRY(place(s, n, shared));
    const mn_kv_span *t = tail_of(s);
    return mn_kv_extent_back(&s->layout, t->e, t->row + t->n + n);
}

/* The tokens of the rows to come, for others to see what is being computed. Those of a piece of
 * what was told before leave the rest of it as it is. */
static void announce(mn_seq *s, const int32_t *ids, int n) {
    mn_kv_span *t = tail_of(s);
    const int row = t->row + t->n;
    const int known = mn_word_peek(&t->e->head->planned) >= (uint64_t)(row + n) &&
                      memcmp(t->e->tokens + row, ids, (size_t)n * sizeof *ids) == 0;
    for (int i = 0; i < n && !known; i++) t->e->tokens[row + i] = ids[i];
    if (!known) mn_word_store(&t->e->head->planned, (uint64_t)(row + n));
    if (!t->e->x.region || t->n) return;
    const mn_ref parent = s->n > 1 ? s->span[s->n - 2].e->x.ref : 0;
    const mn_kv_key *seed = t->at < s->share.open_to ? &s->share.common : &s->share.seed;
    mn_extent_publish(&t->e->x, seed->byte, parent, s->anchor);
}

int mn_seq_piece(const mn_seq *s, int n) {
    const int left = s->share.open_to - s->length;
    return left > 0 && left < n ? left : n;
}

static int shares(const mn_seq *s) {
    return s->share.region && !s->share.quiet && !s->alone;
}

int mn_seq_announce(mn_seq *s, const int32_t *ids, int n) {
    if (!shares(s)) return 0;
    n = mn_seq_piece(s, n);
    MN_TRY(place(s, n, 1));
    announce(s, ids, n);
    return 1;
}

int mn_seq_room(mn_seq *s, const int32_t *ids, int n) {
    const int shared = shares(s);
    s->since = mn_clock_ns();
    int rc = room(s, n, shared);
    if (shared && (rc == MN_EFULL || rc == MN_EIO)) rc = room(s, n, 0);
    if (rc >= 0) announce(s, ids, n);
    return rc;
}

void mn_seq_tail(const mn_seq *s, int layer, int head, void **k, void **v, int *row) {
    const mn_kv_span *tail = tail_of(s);
    *k = mn_kv_plane(&s->layout, tail->e, layer, 0, head);
    *v = mn_kv_plane(&s->layout, tail->e, layer, 1, head);
    *row = tail->row + tail->n;
}

/* Window layers of one of our own extents give back whole blocks that no later query can see; one
 * block of slack lets a sequence be trimmed a little. Others may need them still: first say that
 * they go, then look who is there; and look before, so that it is not said in vain. */
static void give_back(mn_seq *s, const mn_kv_span *p) {
    mn_kv_extent *e = p->e;
    for (int l = 0; l < s->layout.layers && l < MN_KV_LAYERS; l++) {
        if (!s->layout.window[l]) continue;
        const int unseen = s->length - s->layout.window[l] - BLOCK - p->at + p->row;
        const int old = unseen < p->row + p->n ? unseen : p->row + p->n;
        const int gone = old / BLOCK * BLOCK, was = (int)mn_word_peek(&e->head->gone[l]);
        if (old <= 0 || gone <= was || !mn_kv_extent_alone(e)) continue;
        mn_word_announce(&e->head->gone[l], (uint64_t)gone);
        if (mn_kv_extent_alone(e))
            mn_kv_extent_drop(&s->layout, e, l, was, gone);
        else
            mn_word_store(&e->head->gone[l], (uint64_t)was);
    }
}

/* Committed rows of a shared extent are there for everyone, under the keys of their steps. */
static void publish(mn_seq *s, int n) {
    const mn_kv_span *t = tail_of(s);
    mn_extent *x = &t->e->x;
    const int32_t *ids = t->e->tokens + t->row + t->n - n;
    const uint64_t t1 = mn_clock_ns();
    mn_word_store(&x->slot->cost, mn_word_peek(&x->slot->cost) + (t1 - s->since) / 1000);
    s->since = t1;
    mn_extent_grow(x, (uint64_t)(t->row + t->n));
    for (int i = 0; i < n; i++)
        if (mn_kv_chain_add(&s->chain, ids[i]))
            mn_index_put(s->share.region, mn_kv_key_word(&s->chain.key), x->ref);
}

void mn_seq_commit(mn_seq *s, int n) {
    if (n <= 0) return;
    mn_kv_span *t = tail_of(s);
    t->n += n;
    s->length += n;
    if (t->e->x.region) publish(s, n);
    for (int i = 0; i < s->n; i++)
        if (s->span[i].e->mine) give_back(s, s->span + i);
}

/* ---- reading ------------------------------------------------------------------------------ */
int mn_seq_pieces(const mn_seq *s, int layer, int head, int b, int from, int to,
                  mn_attn_piece *out) {
    int n = 0;
    for (int i = 0; i < s->n; i++) {
        const mn_kv_span *p = s->span + i;
        const int end = i + 1 < s->n ? p->at + p->n : to; /* the tail reaches over written rows */
        const int lo = p->at > from ? p->at : from, hi = end < to ? end : to;
        if (lo >= hi) continue;
        const int plane = (layer * 2) * s->layout.heads + head;
        mn_kv_extent_prove(p->e, plane, p->row + lo - p->at, hi - lo);
        mn_kv_extent_prove(p->e, plane + s->layout.heads, p->row + lo - p->at, hi - lo);
        out[n++] = (mn_attn_piece){mn_kv_plane(&s->layout, p->e, layer, 0, head),
                                   mn_kv_plane(&s->layout, p->e, layer, 1, head),
                                   p->row + lo - p->at, lo - b * BLOCK, hi - lo};
    }
    return n;
}

int mn_seq_proven(const mn_seq *s) {
    for (int i = 0; i < s->n; i++)
        if (mn_kv_extent_bad(s->span[i].e))
            return MN_FAIL(MN_ECORRUPT, "keys and values that came from disk are damaged");
    return 0;
}

void mn_seq_reject(mn_seq *s) {
    for (int i = 0; i < s->n; i++)
        if (mn_kv_extent_bad(s->span[i].e)) mn_kv_extent_reject(s->span[i].e);
    cut_spans(s, 0);
}
