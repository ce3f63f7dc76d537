/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/grammar.c - a text becomes a grammar: which language it is in, and who holds it.
 */
#include "engine/grammar_nfa.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/utf8.h"

#include <string.h>

int mn_grammar_compile(const char *text, size_t n, mn_grammar **out) {
    *out = NULL;
    if (n > MN_GRAMMAR_TEXT)
        return MN_FAIL(MN_ETOOLONG, "the grammar has %zu bytes, %d are allowed", n,
                       MN_GRAMMAR_TEXT);
    MN_TRY(mn_utf8_check("the grammar", text, n));
    size_t blank = 0;
    while (blank < n && memchr(" \t\r\n", text[blank], 4)) blank++;
    mn_nfa nfa;
    uint32_t root = 0;
    int rc = mn_nfa_open(&nfa);
    if (rc >= 0)
        rc = (blank < n && text[blank] == '{' ? mn_grammar_schema : mn_grammar_gbnf)(&nfa, text, n,
                                                                                     &root);
    if (rc >= 0) rc = mn_nfa_finish(&nfa, root, out);
    mn_nfa_close(&nfa);
    return rc < 0 ? rc : 0;
}

mn_grammar *mn_grammar_retain(mn_grammar *g) {
    atomic_fetch_add_explicit(&g->refs, 1, memory_order_relaxed);
    return g;
}

void mn_grammar_release(mn_grammar **grammar) {
    mn_grammar *g = *grammar;
    *grammar = NULL;
    if (!g || atomic_fetch_sub_explicit(&g->refs, 1, memory_order_acq_rel) > 1) return;
    mn_buf_free(&g->nodes);
    mn_free(g);
}
