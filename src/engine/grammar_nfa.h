/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/grammar_nfa.h - the automaton behind a grammar, and how it is put together; private to the
 * files grammar*.c.
 *
 * Nodes over bytes:
 *   BYTE    reads one byte of [lo, hi], goes on at a
 *   SPLIT   goes on at a and at b
 *   CALL    goes on at the start of rule a; when that returns, at b
 *   REPEAT  calls rule a min to max times, counted in the frame of the call, then goes on at b
 *   RETURN  the end of a rule
 *   JUMP    goes on at a; only while an automaton is built
 *   FAIL    leads nowhere; node 0 is one
 * Counting in frames makes "a{0,100000}" two nodes instead of 100,000.
 *
 * An automaton is put together of fragments: `from` is where one begins, `to` a JUMP that has no
 * target yet. Each fragment is used once. An automaton that failed stays failed: what is built then
 * is nothing (node 0), and mn_nfa_finish returns what mn_nfa.rc holds. This keeps expressions
 * expressions.
 *
 * mn_nfa_finish (grammar_check.c) makes the automaton a grammar:
 *   1. jumps are cut short
 *   2. a repeated rule that can be empty gets a twin that cannot, so each round reads something
 *   3. left recursion is refused, so what is reached without reading is finite
 *   4. need: the frames it takes at least to get from a node to the end of its rule. A stack whose
 *      depth plus need exceeds MN_GRAMMAR_DEPTH is not entered, so none is ever stuck
 *   5. bytes that no node tells apart become one class
 */
#ifndef MN_ENGINE_GRAMMAR_NFA_H
#define MN_ENGINE_GRAMMAR_NFA_H
#include "base/arena.h"
#include "base/buf.h"
#include "engine/grammar.h"

#include <stdatomic.h>

enum mn_node_kind {
    MN_NODE_FAIL,
    MN_NODE_JUMP,
    MN_NODE_BYTE,
    MN_NODE_SPLIT,
    MN_NODE_CALL,
    MN_NODE_REPEAT,
    MN_NODE_RETURN,
};
enum { MN_NEVER = UINT16_MAX }; /* need: there is no way to the end */
#define MN_ENDLESS UINT32_MAX   /* max: no end */

typedef struct mn_node {
    uint8_t kind, lo, hi;
    uint8_t tail;  /* CALL: what follows is RETURN, so it needs no frame of its own */
    uint16_t need; /* frames, see above */
    uint32_t a, b; /* CALL, REPEAT: a is a rule while building, the node it starts at after */
    uint32_t min, max;
} mn_node;

typedef struct mn_rule {
    uint32_t start;    /* 0: not defined yet */
    uint32_t nonempty; /* the rule that reads the same less nothing; 0: not made */
    const char *where; /* "line 3", "#/properties/x" */
} mn_rule;

typedef struct mn_nfa {
    mn_buf nodes, rules; /* rule 0 is nobody's */
    mn_arena names;
    int rc;         /* 0, or why it failed */
    char hint[300]; /* why part of it fits nothing, for when nothing fits; "": unknown */
} mn_nfa;

struct mn_grammar {
    atomic_int refs;
    mn_buf nodes;
    uint32_t start;
    uint8_t class_of[256];
    uint8_t first_of[256]; /* a byte of each class */
    int n_class;
};

typedef struct mn_frag {
    uint32_t from, to;
} mn_frag;

/* A set of code points: ascending ranges that do not touch. */
typedef struct mn_points {
    uint32_t lo, hi;
} mn_points;

int mn_nfa_open(mn_nfa *nfa);
void mn_nfa_close(mn_nfa *nfa);
static inline mn_node *mn_nfa_node(const mn_nfa *nfa, uint32_t i) {
    return (mn_node *)(void *)nfa->nodes.data + i;
}
static inline mn_rule *mn_nfa_rule(const mn_nfa *nfa, uint32_t i) {
    return (mn_rule *)(void *)nfa->rules.data + i;
}
static inline uint32_t mn_nfa_size(const mn_nfa *nfa) {
    return (uint32_t)(nfa->nodes.len / sizeof(mn_node));
}
static inline uint32_t mn_nfa_rules(const mn_nfa *nfa) {
    return (uint32_t)(nfa->rules.len / sizeof(mn_rule));
}

uint32_t mn_nfa_add(mn_nfa *nfa, mn_node node);
mn_frag mn_nfa_nothing(mn_nfa *nfa); /* the empty text */
mn_frag mn_nfa_byte(mn_nfa *nfa, uint8_t lo, uint8_t hi);
mn_frag mn_nfa_text(mn_nfa *nfa, const char *text, size_t n);
mn_frag mn_nfa_word(mn_nfa *nfa, const char *text);
/* One of the code points of set[n], in UTF-8; surrogates are left out. */
mn_frag mn_nfa_point(mn_nfa *nfa, const mn_points *set, size_t n);
mn_frag mn_nfa_then(mn_nfa *nfa, mn_frag a, mn_frag b);
mn_frag mn_nfa_or(mn_nfa *nfa, mn_frag a, mn_frag b);
mn_frag mn_nfa_many(mn_nfa *nfa, mn_frag a, uint32_t min, uint32_t max);
mn_frag mn_nfa_call(mn_nfa *nfa, uint32_t rule);
void mn_nfa_link(mn_nfa *nfa, uint32_t jump, uint32_t to); /* give a JUMP its target */

uint32_t mn_nfa_declare(mn_nfa *nfa, const char *where); /* a new rule; `where` is copied */
void mn_nfa_define(mn_nfa *nfa, uint32_t rule, mn_frag is);

/* The grammar that begins with rule `root`; the automaton stays the caller's to close. */
int mn_nfa_finish(mn_nfa *nfa, uint32_t root, mn_grammar **out);

/* Sets: in place. Sort and melt what touches; all others. Both return how many ranges there are; a
 * complement may have one more than before. */
enum { MN_POINT_LAST = 0x10FFFF };
size_t mn_points_order(mn_points *set, size_t n);
size_t mn_points_other(mn_points *set, size_t n);

/* The front ends: the root rule of a text, put into the automaton. */
int mn_grammar_gbnf(mn_nfa *nfa, const char *text, size_t n, uint32_t *root);
int mn_grammar_schema(mn_nfa *nfa, const char *text, size_t n, uint32_t *root);

#endif
