/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fuzz/grammar_walk.h - any text as a grammar, and an answer that follows it at random.
 *
 * Checked on the way: a mask is never empty unless a sentence says why, a token of the mask is
 * allowed and accepted, a complete answer is UTF-8, and no memory stays booked.
 */
#ifndef MN_TEST_FUZZ_GRAMMAR_WALK_H
#define MN_TEST_FUZZ_GRAMMAR_WALK_H
#include "base/budget.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/utf8.h"
#include "engine/grammar.h"
#include "engine/tiny_vocab.h"

#include <stdlib.h>

/* The k-th token of a mask that has n. */
static inline int32_t walk_pick(const uint64_t *bits, int n, unsigned k) {
    int left = (int)(k % (unsigned)n);
    for (int32_t id = 0;; id++)
        if (bits[id / 64] >> (id % 64) & 1 && left-- == 0) return id;
}

/* Some tokens of an answer into `text`: 1 when it is complete. What closes is taken when it may be,
 * after a while. */
static inline int walk_answer(mn_matcher *m, const mn_tokenizer *t, uint64_t dice, mn_buf *text) {
    const double start = mn_clock_seconds();
    for (int i = 0; i < 300 && !mn_matcher_done(m); i++) {
        const uint64_t *bits;
        const int n = mn_matcher_mask(m, &bits);
        if (n < 0 && (n != MN_EUNSUPPORTED || !*mn_error_detail())) abort();
        if (n < 0 || mn_clock_seconds() - start > 0.3) return 0;
        if (!n) abort();
        dice = dice * 6364136223846793005u + 1442695040888963407u;
        int32_t id = walk_pick(bits, n, (unsigned)(dice >> 33));
        for (const char *p = "}]\"0a"; *p && i > 20; p++)
            if (dice >> 61 && bits[*p / 64] >> (*p % 64) & 1) id = *p;
        if (mn_matcher_allows(m, id) != 1 || mn_matcher_accept(m, id) != 0) abort();
        if (mn_tokenizer_is_end(t, id)) break;
        if (mn_tokenizer_is_special(t, id)) abort();
        const mn_str s = mn_tokenizer_text(t, id);
        if (!s.n || mn_buf_append(text, s.p, s.n) < 0) abort();
    }
    return mn_matcher_can_end(m);
}

/* 1: `text` is a whole answer. */
static inline int walk_grammar(const uint8_t *data, size_t size, mn_buf *text) {
    static tiny words;
    const mn_tokenizer *t = tiny_open(&words);
    const uint64_t before = mn_budget_used();
    mn_grammar *g;
    mn_grammar_vocab *v;
    mn_matcher *m;
    int whole = 0;
    if (mn_grammar_compile((const char *)data, size, &g) < 0) {
        if (g || mn_budget_used() != before) abort();
        return 0;
    }
    if (mn_grammar_vocab_open(t, &v) < 0) abort();
    if (mn_matcher_open(g, v, &m) == 0) whole = walk_answer(m, t, size, text);
    mn_matcher_close(&m);
    mn_grammar_vocab_close(&v);
    mn_grammar_release(&g);
    if (mn_budget_used() != before) abort();
    const unsigned char *p = (const unsigned char *)text->data;
    for (size_t i = 0; whole && i < text->len;) {
        const int n = mn_utf8_sequence(p + i, text->len - i);
        if (n <= 0) abort();
        i += (size_t)n;
    }
    return whole;
}

#endif
