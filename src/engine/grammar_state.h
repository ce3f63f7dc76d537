/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/grammar_state.h - a grammar made deterministic while it is used; private to grammar*.c and
 * matcher.c.
 *
 *   frame   {node, count, parent}   a call that has not returned: where it goes on, under which
 *                                   frame; a REPEAT node and its rounds + 1 when it is counted
 *   stack   {node, frame}           a BYTE node, and the calls it stands in
 *   state   a sorted set of stacks, whether the text so far is complete, and a row: the state that
 *           each class of bytes leads to, UNKNOWN until it is asked for
 *
 * Frames and states are interned: equal ones have one number, so a state that comes again (the
 * inside of a string) costs nothing. Frame 0 is the bottom; state 0 is the dead end, which no state
 * in use is. All lie in four arrays that only grow; beyond SOFT bytes everything but the state in
 * use is forgotten between two tokens, beyond HARD an answer ends with a sentence.
 *
 * A new state costs its stacks times what is reached without reading; one that would need more
 * than MN_GRAMMAR_STACKS is not entered (`tight` says so). `steps` counts, and is bounded by
 * MN_GRAMMAR_STEPS for one token.
 */
#ifndef MN_ENGINE_GRAMMAR_STATE_H
#define MN_ENGINE_GRAMMAR_STATE_H
#include "engine/grammar_nfa.h"

#define MN_STATE_UNKNOWN UINT32_MAX

typedef struct mn_state {
    uint32_t hash, first, n; /* stacks[first .. first + n) */
    uint8_t complete;
    uint8_t masked; /* it has a mask, in slot `mask` */
    uint16_t mask;
} mn_state;

typedef struct mn_state_ids { /* a set of interned things by their hash */
    mn_buf slot;              /* uint32_t[mask + 1]: number + 1, 0: free */
    uint32_t mask;
} mn_state_ids;

typedef struct mn_states {
    const mn_grammar *g; /* borrowed */
    mn_buf frames, states, stacks, rows;
    mn_state_ids frame_ids, state_ids;
    mn_buf todo;    /* stacks reached by the step in work, in order */
    mn_buf seen;    /* open addressing over todo: {stamp, place} */
    uint32_t stamp; /* of this step */
    uint32_t start;
    uint64_t steps;
    int tight;
} mn_states;

int mn_states_open(mn_states *s, const mn_grammar *g);
void mn_states_close(mn_states *s);
/* What reading a byte of class k leads to from `state`: 0 for nowhere, or an error. */
int64_t mn_states_advance(mn_states *s, uint32_t state, uint8_t k);
/* Begin a token: steps are counted anew; when much has gathered, all but *state is forgotten. 1: it
 * was, numbers and masks of states are no longer good. */
int mn_states_begin(mn_states *s, uint32_t *state);

static inline mn_state *mn_states_at(const mn_states *s, uint32_t i) {
    return (mn_state *)(void *)s->states.data + i;
}
static inline const uint32_t *mn_states_row(const mn_states *s, uint32_t i) {
    return (const uint32_t *)(const void *)s->rows.data + (size_t)i * (size_t)s->g->n_class;
}
/* One byte on; as mn_states_advance. */
static inline int64_t mn_states_step(mn_states *s, uint32_t state, uint8_t byte) {
    const uint8_t k = s->g->class_of[byte];
    const uint32_t to = mn_states_row(s, state)[k];
    return to != MN_STATE_UNKNOWN ? (int64_t)to : mn_states_advance(s, state, k);
}

#endif
