/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/matcher.c - where one answer stands in its grammar, and which tokens it allows.
 *
 * Asking for one token reads its bytes from the present state: tens of nanoseconds when they were
 * read before. The mask walks trie and states together, one look-up a node, and leaves out the
 * subtree of what cannot be read: microseconds where few bytes are possible, a millisecond in the
 * middle of free text and 150,000 tokens. The masks of the last MASKS states are kept, so that
 * free text costs it once.
 */
#include "base/alloc.h"
#include "base/error.h"
#include "engine/grammar_state.h"
#include "engine/grammar_vocab.h"

#include <string.h>

enum { MASKS = 24 };

typedef struct mask {
    uint64_t *bits; /* [words], pages; NULL: not used yet */
    uint32_t state;
    int allowed;
} mask;

struct mn_matcher {
    mn_grammar *g;
    mn_grammar_vocab *v;
    mn_states s;
    uint32_t at; /* the present state */
    int ended;   /* an end token was accepted */
    size_t words;
    mask mask[MASKS];
    int next; /* slot to be used next */
    uint32_t path[MN_TRIE_DEEP + 1];
};

int32_t mn_matcher_size(const mn_matcher *m) {
    return mn_tokenizer_size(m->v->t);
}

int mn_matcher_open(mn_grammar *g, mn_grammar_vocab *v, mn_matcher **out) {
    *out = NULL;
    MN_TRY(mn_grammar_vocab_build(v));
    mn_matcher *m = mn_calloc(1, sizeof *m);
    if (!m) return MN_FAIL(MN_ENOMEM, "no memory for a matcher");
    m->g = mn_grammar_retain(g);
    m->v = v;
    m->words = ((size_t)mn_matcher_size(m) + 63) / 64;
    const int rc = mn_states_open(&m->s, g);
    m->at = m->s.start;
    if (rc < 0)
        mn_matcher_close(&m);
    else
        *out = m;
    return rc;
}

void mn_matcher_close(mn_matcher **matcher) {
    mn_matcher *m = *matcher;
    *matcher = NULL;
    if (!m) return;
    for (int i = 0; i < MASKS; i++) mn_free_pages(m->mask[i].bits, m->words * 8);
    mn_states_close(&m->s);
    mn_grammar_release(&m->g);
    mn_free(m);
}

/* ---- one token ------------------------------------------------------------------------------ */
int mn_matcher_can_end(const mn_matcher *m) {
    return mn_states_at(&m->s, m->at)->complete;
}

int mn_matcher_done(const mn_matcher *m) {
    return m->ended || (mn_matcher_can_end(m) && !mn_states_at(&m->s, m->at)->n);
}

int32_t mn_matcher_end(const mn_matcher *m) {
    return m->v->n_ends && mn_matcher_can_end(m) ? m->v->ends[0] : -1;
}

static int begin(mn_matcher *m) {
    const int rc = mn_states_begin(&m->s, &m->at);
    if (rc > 0) /* the states have other numbers now */
        for (int i = 0; i < MASKS; i++) m->mask[i].state = 0;
    return rc < 0 ? rc : 0;
}

/* The state after token id: 0 when it may not come. */
static int64_t after(mn_matcher *m, int32_t id) {
    const mn_tokenizer *t = m->v->t;
    if (m->ended || id < 0 || id >= mn_matcher_size(m)) return 0;
    if (mn_tokenizer_is_end(t, id)) return mn_matcher_can_end(m) ? (int64_t)m->at : 0;
    if (mn_tokenizer_is_special(t, id)) return 0;
    const mn_str text = mn_tokenizer_text(t, id);
    if (!text.n || text.n > MN_TRIE_DEEP) return 0;
    int64_t at = m->at;
    for (size_t i = 0; i < text.n && at > 0; i++)
        at = mn_states_step(&m->s, (uint32_t)at, (uint8_t)text.p[i]);
    return at;
}

int mn_matcher_allows(mn_matcher *m, int32_t id) {
    MN_TRY(begin(m));
    const int64_t to = after(m, id);
    return to < 0 ? (int)to : to > 0;
}

int mn_matcher_accept(mn_matcher *m, int32_t id) {
    MN_TRY(begin(m));
    const int64_t to = after(m, id);
    MN_TRY(to < 0 ? (int)to : 0);
    if (!to) return MN_FAIL(MN_EINVAL, "token %d is not what the grammar allows here", id);
    if (mn_tokenizer_is_end(m->v->t, id)) m->ended = 1;
    m->at = (uint32_t)to;
    return 0;
}

/* ---- all tokens ----------------------------------------------------------------------------- */
static int set(mn_matcher *m, uint64_t *bits, int32_t id) {
    int n = 0;
    for (; id >= 0; id = m->v->twin[id], n++) bits[id / 64] |= 1ull << (id % 64);
    return n;
}

/* Walk trie and states together: how many tokens can be read whole. */
static int walk(mn_matcher *m, uint64_t *bits) {
    int allowed = 0;
    m->path[0] = m->at;
    for (uint32_t i = 0; i < m->v->n;) {
        const mn_trie_node x = m->v->node[i];
        const int64_t to = mn_states_step(&m->s, m->path[x.depth - 1], (uint8_t)x.byte);
        MN_TRY(to < 0 ? (int)to : 0);
        m->path[x.depth] = (uint32_t)to;
        if (to && x.token) allowed += set(m, bits, (int32_t)x.token - 1);
        i += to ? 1 : x.skip;
    }
    return allowed;
}

static int fill(mn_matcher *m, mask *x) {
    void *p = x->bits;
    if (!p) MN_TRY(mn_alloc_pages(m->words * 8, "the mask of a grammar", &p));
    x->bits = p;
    x->state = 0;
    memset(x->bits, 0, m->words * 8);
    int allowed = m->ended ? 0 : walk(m, x->bits);
    MN_TRY(allowed);
    for (int32_t i = 0; i < m->v->n_ends && !m->ended && mn_matcher_can_end(m); i++, allowed++)
        x->bits[m->v->ends[i] / 64] |= 1ull << (m->v->ends[i] % 64);
    x->allowed = allowed;
    x->state = m->at;
    return allowed;
}

int mn_matcher_mask(mn_matcher *m, const uint64_t **bits) {
    MN_TRY(begin(m));
    mask *x = NULL;
    for (int i = 0; i < MASKS && !x; i++)
        if (m->mask[i].bits && m->mask[i].state == m->at && !m->ended) x = &m->mask[i];
    int allowed = x ? x->allowed : 0;
    if (!x) {
        x = &m->mask[m->next];
        m->next = (m->next + 1) % MASKS;
        allowed = fill(m, x);
        MN_TRY(allowed);
    }
    *bits = x->bits;
    if (allowed) return allowed;
    return MN_FAIL(MN_EUNSUPPORTED,
                   "no token of this model's vocabulary goes on as the grammar "
                   "asks%s",
                   m->s.tight ? ", which is too ambiguous to be followed everywhere" : "");
}
