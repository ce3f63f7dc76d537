/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/grammar.h - answers that follow a grammar: which tokens may come next.
 *
 *     mn_grammar *g;                       a JSON schema, or GBNF, compiled once
 *     mn_matcher *m;                       where one answer stands in it
 *     MN_TRY(mn_grammar_compile(text, n, &g));
 *     MN_TRY(mn_matcher_open(g, vocab, &m));
 *     while (!mn_matcher_done(m)) {
 *         MN_TRY(mn_sampler_next_within(sampler, logits, m, &id, NULL));
 *         MN_TRY(mn_matcher_accept(m, id));
 *     }
 *
 * A grammar is an automaton over bytes whose edges may call rules (grammar_nfa.h): immutable, used
 * by any number of threads. A matcher holds all stacks of calls the text so far may stand in, as
 * one state of a deterministic automaton that is built while it is used (grammar_state.h), so that
 * a byte read before costs one look-up. A token is allowed when all its bytes can be read; the mask
 * of all tokens walks the vocabulary's trie and the automaton together and is kept per state.
 *
 * Bounds: text, nodes, calls within calls (MN_GRAMMAR_DEPTH), stacks at once, steps for one token,
 * bytes of states. From every state that is reached the grammar can be completed: what could not
 * be within the depth is never begun. Grammars and states are booked in the budget.
 */
#ifndef MN_ENGINE_GRAMMAR_H
#define MN_ENGINE_GRAMMAR_H
#include "model/tokenizer.h"

#include <stddef.h>
#include <stdint.h>

enum {
    MN_GRAMMAR_TEXT = 1 << 20,  /* bytes of a grammar or schema */
    MN_GRAMMAR_NODES = 1 << 19, /* of the automaton */
    MN_GRAMMAR_DEPTH = 512,     /* calls within calls */
    MN_GRAMMAR_MANY = 1000000,  /* of one thing in a row, when it is counted */
    MN_GRAMMAR_STACKS = 4096,   /* ways to read the text so far */
    MN_GRAMMAR_STEPS = 1 << 20, /* of the automaton for one token or mask */
};

typedef struct mn_grammar mn_grammar;
/* "{" first: a JSON schema; else GBNF (docs/GRAMMAR.md). MN_EINVAL, MN_EUNSUPPORTED name the line,
 * or the place in the schema; MN_ETOOLONG: beyond the bounds. */
int mn_grammar_compile(const char *text, size_t n, mn_grammar **out);
mn_grammar *mn_grammar_retain(mn_grammar *g);
void mn_grammar_release(mn_grammar **g);

/* The tokens of a vocabulary as a trie over their bytes. Made at once, built by the first matcher
 * that is opened with it; any thread. Borrows the tokenizer. */
typedef struct mn_grammar_vocab mn_grammar_vocab;
int mn_grammar_vocab_open(const mn_tokenizer *t, mn_grammar_vocab **out);
void mn_grammar_vocab_close(mn_grammar_vocab **v);

/* One answer on its way; one thread at a time. Retains the grammar, borrows the vocabulary. */
typedef struct mn_matcher mn_matcher;
int mn_matcher_open(mn_grammar *g, mn_grammar_vocab *v, mn_matcher **out);
void mn_matcher_close(mn_matcher **m);
/* May this token come next? 1, 0. End tokens may where the grammar can end, other special tokens
 * never. */
int mn_matcher_allows(mn_matcher *m, int32_t id);
/* All that may come next: bit id % 64 of (*bits)[id / 64], of mn_tokenizer_size bits, borrowed
 * until the next call. How many they are; MN_EUNSUPPORTED when there is none. */
int mn_matcher_mask(mn_matcher *m, const uint64_t **bits);
int mn_matcher_accept(mn_matcher *m, int32_t id); /* MN_EINVAL: it may not come */
int mn_matcher_can_end(const mn_matcher *m);      /* the text so far is complete */
/* It is complete and nothing can be added: no further token need be computed. */
int mn_matcher_done(const mn_matcher *m);
int32_t mn_matcher_end(const mn_matcher *m);  /* an end token, if it may come; -1 */
int32_t mn_matcher_size(const mn_matcher *m); /* tokens of the vocabulary */

#endif
