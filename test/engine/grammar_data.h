/* SPDX-License-Identifier: Apache-2.0
 *
 * test/engine/grammar_data.h - texts put through a grammar, byte by byte.
 */
#ifndef MN_TEST_GRAMMAR_DATA_H
#define MN_TEST_GRAMMAR_DATA_H
#include "test.h"

#include "engine/grammar.h"
#include "engine/tiny_vocab.h"

/* How far a text of bytes goes in a grammar: its length when all of it can be read, else the place
 * of the first byte that cannot. *complete: may it end there? */
static inline size_t grammar_reads(mn_grammar *g, mn_grammar_vocab *v, const char *text, size_t n,
                                   int *complete) {
    mn_matcher *m;
    size_t i = 0;
    assert_ok(mn_matcher_open(g, v, &m));
    for (; i < n; i++) {
        const int rc = mn_matcher_allows(m, (uint8_t)text[i]);
        assert_ok(rc);
        if (!rc) break;
        assert_ok(mn_matcher_accept(m, (uint8_t)text[i]));
    }
    *complete = mn_matcher_can_end(m);
    mn_matcher_close(&m);
    return i;
}

/* Is the whole text, and nothing less, what the grammar wants? */
static inline int grammar_fits(mn_grammar *g, mn_grammar_vocab *v, const char *text) {
    int complete;
    return grammar_reads(g, v, text, strlen(text), &complete) == strlen(text) && complete;
}

#endif
