/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/grammar_vocab.h - a vocabulary as a trie over the bytes of its tokens; private to
 * grammar_vocab.c and matcher.c.
 *
 * The nodes lie in one array, each before its children, children in order of their bytes, so a walk
 * over all of it is one pass, and leaving a subtree out is adding `skip`. Left out are special
 * tokens, tokens without bytes, and those longer than MN_TRIE_DEEP. Tokens of equal bytes hang
 * together in `twin`. Eight bytes a node: 1.0 MB for SmolLM2's 49,152 tokens.
 */
#ifndef MN_ENGINE_GRAMMAR_VOCAB_H
#define MN_ENGINE_GRAMMAR_VOCAB_H
#include "engine/grammar.h"

#include <pthread.h>

enum { MN_TRIE_DEEP = 1000, MN_TRIE_NODES = 1 << 24 };

typedef struct mn_trie_node {
    uint64_t byte : 8;
    uint64_t token : 21; /* that ends here, + 1; 0: none */
    uint64_t depth : 11; /* bytes up to here, this one included */
    uint64_t skip : 24;  /* nodes of this subtree, itself included */
} mn_trie_node;
_Static_assert(sizeof(mn_trie_node) == 8, "one word a node");

struct mn_grammar_vocab {
    const mn_tokenizer *t;
    pthread_mutex_t building;
    int built;
    mn_trie_node *node; /* pages */
    uint32_t n;
    size_t bytes;  /* of `node` */
    int32_t *twin; /* [vocabulary] the next token of the same bytes; -1: none. Pages, too */
    int32_t *ends; /* end tokens; the rest of those pages */
    int32_t n_ends;
    size_t twin_bytes;
};

/* Build it, unless that was done. Any thread. */
int mn_grammar_vocab_build(mn_grammar_vocab *v);

#endif
