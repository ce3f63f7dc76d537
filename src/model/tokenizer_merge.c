/* SPDX-License-Identifier: Apache-2.0
 *
 * model/tokenizer_merge.c - one piece of text to tokens by merging neighbours.
 *
 * A piece is cut into symbols (bytes, or characters), each with its token if it has one. Then the
 * pair of neighbours with the lowest rank, the leftmost of equals, becomes one symbol, until no
 * pair merges. Byte-level BPE takes ranks from the merge table; SentencePiece merges any two
 * symbols whose text is a token, in the order of scores (which the image holds as ranks too).
 * Symbols that end without a token are written byte by byte, as the unknown token where the
 * vocabulary has no byte tokens, and not at all where it has neither.
 *
 * Short pieces (all but a few) look for the lowest rank by scanning; long ones keep a heap of
 * (rank, position). A heap entry is stale when that position no longer has that rank; stale ones
 * are dropped when they surface. n symbols make at most 3n entries: O(n log n).
 */
#include "model/tokenizer_image.h"

#include "base/alloc.h"
#include "base/error.h"
#include "model/unicode.h"

enum {
    SHORT = 48,
    PAGES = 4096, /* bytes of a piece whose tables (52 bytes each) are booked in the budget */
};
#define NONE UINT32_MAX

typedef struct symbol {
    uint32_t begin; /* in the piece */
    int32_t id;     /* -1: no token, or (SentencePiece) not looked up yet */
    uint32_t rank;  /* of merging with the next symbol; NONE: they do not */
    int32_t into;   /* what that makes */
} symbol;

/* The chain of a long piece: symbol i is alive while size[i] > 0. */
typedef struct chain {
    symbol *s;
    uint32_t *next, *prev; /* NONE at the ends */
    uint32_t *size;
    uint64_t *heap; /* rank << 32 | index */
    size_t heaped;
} chain;

static void rank_pair(const mn_tokenizer *t, const uint8_t *p, symbol *a, const symbol *b,
                      size_t end) {
    a->rank = NONE;
    if (t->row->kind == MN_TOKENIZER_SPM) {
        const int32_t id = mn_tokenizer_find(t, p + a->begin, end - a->begin);
        if (id < 0) return;
        a->rank = t->rank[id] == NONE ? NONE - 1 : t->rank[id];
        a->into = id;
        return;
    }
    if (a->id < 0 || b->id < 0) return;
    const mn_token_pair *m = mn_tokenizer_pair(t, a->id, b->id);
    if (!m) return;
    a->rank = m->rank;
    a->into = m->id;
}

/* Fill s with the symbols of the piece; returns how many. */
static size_t symbols(const mn_tokenizer *t, const uint8_t *p, size_t n, symbol *s) {
    size_t count = 0;
    for (size_t i = 0; i < n; count++) {
        size_t size = 1;
        int32_t id = -1;
        if (t->row->kind == MN_TOKENIZER_BYTES) {
            id = t->byte[p[i]];
            if (id >= (int32_t)t->h->n) id = -1;
        } else {
            size = mn_unicode_size(p + i, n - i);
            if (t->row->kind == MN_TOKENIZER_CHARS) id = mn_tokenizer_find(t, p + i, size);
        }
        s[count] = (symbol){(uint32_t)i, id, NONE, -1};
        i += size;
    }
    return count;
}

static int emit(const mn_tokenizer *t, const uint8_t *p, size_t n, int32_t id, mn_buf *ids) {
    if (id < 0 && t->row->kind == MN_TOKENIZER_SPM) id = mn_tokenizer_find(t, p, n);
    if (id >= 0) return mn_token_put(ids, id);
    for (size_t i = 0; i < n; i++) {
        const int32_t b = t->byte[p[i]];
        if (b >= 0 && b < (int32_t)t->h->n)
            MN_TRY(mn_token_put(ids, b));
        else if (t->h->unk >= 0 && t->row->kind == MN_TOKENIZER_SPM)
            MN_TRY(mn_token_put(ids, t->h->unk));
    }
    return 0;
}

static int merge_short(const mn_tokenizer *t, const uint8_t *p, size_t n, mn_buf *ids) {
    symbol s[SHORT + 1];
    size_t m = symbols(t, p, n, s);
    s[m].begin = (uint32_t)n;
    for (size_t i = 0; i + 1 < m; i++) rank_pair(t, p, &s[i], &s[i + 1], s[i + 2].begin);
    for (;;) {
        uint32_t low = NONE;
        size_t at = 0;
        for (size_t i = 0; i + 1 < m; i++)
            if (s[i].rank < low) low = s[at = i].rank;
        if (low == NONE) break;
        s[at].id = s[at].into;
        m--;
        memmove(&s[at + 1], &s[at + 2], (m - at) * sizeof *s); /* with the end mark */
        s[at].rank = NONE;
        if (at + 1 < m) rank_pair(t, p, &s[at], &s[at + 1], s[at + 2].begin);
        if (at) rank_pair(t, p, &s[at - 1], &s[at], s[at + 1].begin);
    }
    for (size_t i = 0; i < m; i++)
        MN_TRY(emit(t, p + s[i].begin, s[i + 1].begin - s[i].begin, s[i].id, ids));
    return 0;
}

static void sift_down(uint64_t *heap, size_t n, size_t i) {
    const uint64_t v = heap[i];
    for (size_t k; (k = 2 * i + 1) < n; i = k) {
        if (k + 1 < n && heap[k + 1] < heap[k]) k++;
        if (heap[k] >= v) break;
        heap[i] = heap[k];
    }
    heap[i] = v;
}

static void push(chain *c, uint32_t i) {
    const uint64_t v = (uint64_t)c->s[i].rank << 32 | i;
    size_t k = c->heaped++;
    for (; k && c->heap[(k - 1) / 2] > v; k = (k - 1) / 2) c->heap[k] = c->heap[(k - 1) / 2];
    c->heap[k] = v;
}

static uint64_t pop(chain *c) {
    const uint64_t v = c->heap[0];
    c->heap[0] = c->heap[--c->heaped];
    if (c->heaped) sift_down(c->heap, c->heaped, 0);
    return v;
}

/* Rank the pair that begins at i anew. */
static void rank_at(const mn_tokenizer *t, const uint8_t *p, chain *c, uint32_t i) {
    const uint32_t j = c->next[i];
    c->s[i].rank = NONE;
    if (j == NONE) return;
    rank_pair(t, p, &c->s[i], &c->s[j], c->s[j].begin + c->size[j]);
    if (c->s[i].rank != NONE) push(c, i);
}

static int merge_chain(const mn_tokenizer *t, const uint8_t *p, size_t n, chain *c, mn_buf *ids) {
    const uint32_t m = (uint32_t)symbols(t, p, n, c->s);
    for (uint32_t i = 0; i < m; i++) {
        c->next[i] = i + 1 < m ? i + 1 : NONE;
        c->prev[i] = i ? i - 1 : NONE;
        c->size[i] = (uint32_t)(i + 1 < m ? c->s[i + 1].begin : n) - c->s[i].begin;
    }
    for (uint32_t i = 0; i < m; i++) rank_at(t, p, c, i);
    while (c->heaped) {
        const uint64_t v = pop(c);
        const uint32_t i = (uint32_t)v;
        if (!c->size[i] || c->s[i].rank != v >> 32) continue; /* stale */
        const uint32_t j = c->next[i], after = c->next[j];
        c->s[i].id = c->s[i].into;
        c->size[i] += c->size[j];
        c->size[j] = 0;
        c->next[i] = after;
        if (after != NONE) c->prev[after] = i;
        rank_at(t, p, c, i);
        if (c->prev[i] != NONE) rank_at(t, p, c, c->prev[i]);
    }
    for (uint32_t i = 0; i != NONE; i = c->next[i])
        MN_TRY(emit(t, p + c->s[i].begin, c->size[i], c->s[i].id, ids));
    return 0;
}

int mn_tokenizer_merge(const mn_tokenizer *t, const uint8_t *p, size_t n, mn_buf *ids) {
    if (!n) return 0;
    if (n <= SHORT) return merge_short(t, p, n, ids);
    if (n > INT32_MAX)
        return MN_FAIL(MN_ETOOLONG, "%zu bytes of text without a break are too long", n);
    /* One block: room for 3n heap entries, then symbols, links and sizes. */
    const size_t bytes = n * (sizeof(symbol) + 3 * sizeof(uint32_t) + 3 * sizeof(uint64_t));
    void *block = NULL;
    if (n >= PAGES)
        MN_TRY(mn_alloc_pages(bytes, "merging a word without end", &block));
    else if (!(block = mn_malloc(bytes)))
        return MN_FAIL(MN_ENOMEM, "no memory to tokenize %zu bytes", n);
    chain c = {.heap = block};
    c.s = (symbol *)(c.heap + 3 * n);
    c.next = (uint32_t *)(c.s + n);
    c.prev = c.next + n;
    c.size = c.prev + n;
    const int rc = merge_chain(t, p, n, &c, ids);
    if (n >= PAGES)
        mn_free_pages(block, bytes);
    else
        mn_free(block);
    return rc;
}
