/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/grammar_vocab.c - building the trie of a vocabulary: ids sorted by their bytes, then one
 * pass in which each token adds the bytes it does not share with the one before. O(bytes log n).
 */
#include "engine/grammar_vocab.h"

#include "base/alloc.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>

int mn_grammar_vocab_open(const mn_tokenizer *t, mn_grammar_vocab **out) {
    *out = mn_calloc(1, sizeof **out);
    if (!*out) return MN_FAIL(MN_ENOMEM, "no memory for a vocabulary's trie");
    (*out)->t = t;
    pthread_mutex_init(&(*out)->building, NULL);
    return 0;
}

void mn_grammar_vocab_close(mn_grammar_vocab **vocab) {
    mn_grammar_vocab *v = *vocab;
    *vocab = NULL;
    if (!v) return;
    mn_free_pages(v->node, v->bytes);
    mn_free_pages(v->twin, v->twin_bytes);
    pthread_mutex_destroy(&v->building);
    mn_free(v);
}

/* ---- order ---------------------------------------------------------------------------------- */
typedef struct entry {
    mn_str text;
    int32_t id;
} entry;

static int by_bytes(const void *a, const void *b) {
    const entry *p = a, *q = b;
    const size_t n = p->text.n < q->text.n ? p->text.n : q->text.n;
    const int c = memcmp(p->text.p, q->text.p, n);
    if (c) return c;
    if (p->text.n != q->text.n) return p->text.n < q->text.n ? -1 : 1;
    return p->id < q->id ? -1 : 1;
}

/* The tokens an answer may be made of, sorted. */
static size_t collect(const mn_grammar_vocab *v, entry *out) {
    const int32_t size = mn_tokenizer_size(v->t);
    size_t n = 0;
    for (int32_t id = 0; id < size; id++) {
        if (mn_tokenizer_is_special(v->t, id) || mn_tokenizer_is_end(v->t, id)) continue;
        const mn_str text = mn_tokenizer_text(v->t, id);
        if (text.n && text.n <= MN_TRIE_DEEP) out[n++] = (entry){text, id};
    }
    qsort(out, n, sizeof *out, by_bytes);
    return n;
}

static size_t shared(mn_str a, mn_str b) {
    size_t n = 0;
    while (n < a.n && n < b.n && a.p[n] == b.p[n]) n++;
    return n;
}

/* ---- the trie ------------------------------------------------------------------------------- */
/* The subtrees of path[from..to) are complete. */
static void close_path(mn_grammar_vocab *v, const uint32_t *path, size_t from, size_t to) {
    for (size_t d = from; d < to; d++) v->node[path[d]].skip = (v->n - path[d]) & 0xFFFFFF;
}

static void plant(mn_grammar_vocab *v, const entry *e, size_t n) {
    uint32_t path[MN_TRIE_DEEP];
    mn_str last = {NULL, 0};
    for (size_t i = 0; i < n; i++) {
        const mn_str text = e[i].text;
        const size_t common = shared(last, text);
        if (i && common == text.n && last.n == text.n) { /* the same bytes once more */
            v->twin[e[i - 1].id] = e[i].id;
            continue;
        }
        close_path(v, path, common, last.n);
        for (size_t d = common; d < text.n; d++) {
            path[d] = v->n;
            v->node[v->n++] = (mn_trie_node){.byte = (uint8_t)text.p[d], .depth = (d + 1) & 0x7FF};
        }
        v->node[v->n - 1].token = (uint64_t)(e[i].id + 1) & 0x1FFFFF;
        last = text;
    }
    close_path(v, path, 0, last.n);
}

static size_t count_nodes(const entry *e, size_t n) {
    size_t nodes = 0;
    for (size_t i = 0; i < n; i++)
        nodes += e[i].text.n - (i ? shared(e[i - 1].text, e[i].text) : 0);
    return nodes;
}

static void find_ends(mn_grammar_vocab *v) {
    const int32_t size = mn_tokenizer_size(v->t);
    for (int32_t id = 0; id < size; id++) {
        v->twin[id] = -1;
        if (mn_tokenizer_is_end(v->t, id)) v->ends[v->n_ends++] = id;
    }
}

static int build(mn_grammar_vocab *v, entry *e) {
    static const char what[] = "a vocabulary's trie";
    const size_t size = (size_t)mn_tokenizer_size(v->t), n = collect(v, e);
    const size_t nodes = count_nodes(e, n);
    void *p;
    if (nodes >= MN_TRIE_NODES)
        return MN_FAIL(MN_EUNSUPPORTED,
                       "the vocabulary is too large for grammars: %zu different beginnings of "
                       "tokens, %d are allowed",
                       nodes, MN_TRIE_NODES);
    v->twin_bytes = 2 * size * sizeof(int32_t);
    MN_TRY(mn_alloc_pages(v->twin_bytes, what, &p));
    v->twin = p;
    v->ends = v->twin + size;
    v->bytes = nodes * sizeof *v->node;
    const int rc = mn_alloc_pages(v->bytes, what, &p);
    if (rc < 0) {
        mn_free_pages(v->twin, v->twin_bytes);
        v->twin = NULL;
        return rc;
    }
    v->node = p;
    find_ends(v);
    plant(v, e, n);
    v->built = 1;
    return 0;
}

int mn_grammar_vocab_build(mn_grammar_vocab *v) {
    int rc = 0;
    pthread_mutex_lock(&v->building);
    if (!v->built) {
        const size_t bytes = (size_t)mn_tokenizer_size(v->t) * sizeof(entry);
        void *e;
        rc = mn_alloc_pages(bytes, "building a vocabulary's trie", &e);
        if (rc >= 0) {
            rc = build(v, e);
            mn_free_pages(e, bytes);
        }
    }
    pthread_mutex_unlock(&v->building);
    return rc;
}
