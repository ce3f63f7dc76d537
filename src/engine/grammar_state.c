/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/grammar_state.c - states of a grammar, made as they are asked for (grammar_state.h).
 */
#include "engine/grammar_state.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

enum { SOFT = 4 << 20, HARD = 32 << 20, BOTTOM = 0 };

typedef struct frame {
    uint32_t hash, node, count, parent, depth;
} frame;

typedef struct stack {
    uint32_t node, frame;
} stack;

typedef struct place { /* in `seen` */
    uint32_t stamp, at;
} place;

static const mn_node *node_at(const mn_states *s, uint32_t i) {
    return (const mn_node *)(const void *)s->g->nodes.data + i;
}
static frame *frame_at(const mn_states *s, uint32_t i) {
    return (frame *)(void *)s->frames.data + i;
}
static stack *stack_at(const mn_buf *b, size_t i) {
    return (stack *)(void *)b->data + i;
}
static size_t reached(const mn_states *s) {
    return s->todo.len / sizeof(stack);
}

/* ---- interning ------------------------------------------------------------------------------ */
static uint32_t mix(uint32_t h, uint32_t v) {
    const uint64_t x = ((uint64_t)h << 32 | v) * 0x9E3779B97F4A7C15u;
    return (uint32_t)(x >> 32) ^ (uint32_t)x;
}

/* Room for one more of `things`, whose first member is their hash; n of them there are. */
static int ids_reserve(mn_state_ids *ids, const mn_buf *things, size_t size, uint32_t n) {
    if (ids->slot.data && 2 * (n + 1) <= ids->mask) return 0;
    mn_buf slot = {.what = ids->slot.what};
    const uint32_t slots = ids->slot.data ? 2 * (ids->mask + 1) : 64;
    MN_TRY(mn_buf_reserve(&slot, slots * sizeof(uint32_t)));
    memset(slot.data, 0, slots * sizeof(uint32_t));
    slot.len = slots * sizeof(uint32_t);
    uint32_t *to = (uint32_t *)(void *)slot.data;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t h;
        memcpy(&h, things->data + i * size, sizeof h);
        while (to[h & (slots - 1)]) h++;
        to[h & (slots - 1)] = i + 1;
    }
    mn_buf_free(&ids->slot);
    ids->slot = slot;
    ids->mask = slots - 1;
    return 0;
}

static uint32_t *ids_slot(const mn_state_ids *ids, uint32_t h) {
    return (uint32_t *)(void *)ids->slot.data + (h & ids->mask);
}

/* The number of a frame. */
static int64_t frame_of(mn_states *s, uint32_t node, uint32_t count, uint32_t parent) {
    const uint32_t n = (uint32_t)(s->frames.len / sizeof(frame));
    const uint32_t hash = mix(mix(mix(0, node), count), parent);
    MN_TRY(ids_reserve(&s->frame_ids, &s->frames, sizeof(frame), n));
    uint32_t h = hash;
    for (uint32_t *slot; *(slot = ids_slot(&s->frame_ids, h)); h++) {
        const frame *f = frame_at(s, *slot - 1);
        if (f->hash == hash && f->node == node && f->count == count && f->parent == parent)
            return *slot - 1;
    }
    const frame made = {hash, node, count, parent, n ? frame_at(s, parent)->depth + 1 : 0};
    MN_TRY(mn_buf_append(&s->frames, &made, sizeof made));
    *ids_slot(&s->frame_ids, h) = n + 1;
    return n;
}

/* The number of the state of stacks x[n], sorted. */
static int64_t state_of(mn_states *s, const stack *x, uint32_t n, int complete) {
    const uint32_t count = (uint32_t)(s->states.len / sizeof(mn_state));
    const size_t row = (size_t)s->g->n_class * sizeof(uint32_t);
    uint32_t hash = (uint32_t)complete;
    for (uint32_t i = 0; i < n; i++) hash = mix(mix(hash, x[i].node), x[i].frame);
    MN_TRY(ids_reserve(&s->state_ids, &s->states, sizeof(mn_state), count));
    uint32_t h = hash;
    for (uint32_t *slot; *(slot = ids_slot(&s->state_ids, h)); h++) {
        const mn_state *t = mn_states_at(s, *slot - 1);
        if (t->hash == hash && t->n == n && t->complete == complete &&
            (!n || memcmp(stack_at(&s->stacks, t->first), x, n * sizeof *x) == 0))
            return *slot - 1;
    }
    const mn_state made = {.hash = hash,
                           .first = (uint32_t)(s->stacks.len / sizeof *x),
                           .n = n,
                           .complete = (uint8_t)complete};
    MN_TRY(mn_buf_reserve(&s->rows, row));
    MN_TRY(mn_buf_reserve(&s->stacks, n * sizeof *x));
    MN_TRY(mn_buf_append(&s->states, &made, sizeof made)); /* the last that can fail */
    if (n) mn_buf_append(&s->stacks, x, n * sizeof *x);
    memset(s->rows.data + s->rows.len, n ? 0xFF : 0, row); /* no stacks: every byte is a dead end */
    s->rows.len += row;
    *ids_slot(&s->state_ids, h) = count + 1;
    return count;
}

/* ---- what is reached without reading -------------------------------------------------------- */
static int seen_reserve(mn_states *s) {
    const size_t slots = s->seen.len / sizeof(place), want = slots ? 2 * slots : 64;
    if (2 * (reached(s) + 1) <= slots) return 0;
    s->seen.len = 0;
    MN_TRY(mn_buf_reserve(&s->seen, want * sizeof(place)));
    s->seen.len = want * sizeof(place);
    memset(s->seen.data, 0, s->seen.len);
    s->stamp = 1;
    place *to = (place *)(void *)s->seen.data;
    for (uint32_t i = 0; i < reached(s); i++) {
        const stack *x = stack_at(&s->todo, i);
        uint32_t h = mix(x->node, x->frame);
        while (to[h & (want - 1)].stamp) h++;
        to[h & (want - 1)] = (place){1, i};
    }
    return 0;
}

/* A stack that was reached: once each, and only where its rules can still come to an end. */
static int reach(mn_states *s, uint32_t node, int64_t in) {
    MN_TRY(in < 0 ? (int)in : 0);
    const uint32_t f = (uint32_t)in;
    if (frame_at(s, f)->depth + node_at(s, node)->need > MN_GRAMMAR_DEPTH) return 0;
    MN_TRY(seen_reserve(s));
    const uint32_t mask = (uint32_t)(s->seen.len / sizeof(place)) - 1;
    place *to = (place *)(void *)s->seen.data;
    uint32_t h = mix(node, f);
    for (; to[h & mask].stamp == s->stamp; h++) {
        const stack *x = stack_at(&s->todo, to[h & mask].at);
        if (x->node == node && x->frame == f) return 0;
    }
    if (reached(s) >= 4 * MN_GRAMMAR_STACKS) {
        s->tight = 1;
        return 0;
    }
    to[h & mask] = (place){s->stamp, (uint32_t)reached(s)};
    s->steps++;
    return mn_buf_append(&s->todo, &(stack){node, f}, sizeof(stack));
}

/* A rule is left: its caller goes on, or has it once more. 1: the answer is complete. */
static int leave(mn_states *s, uint32_t at) {
    if (at == BOTTOM) return 1;
    const frame f = *frame_at(s, at);
    const mn_node *x = node_at(s, f.node);
    if (!f.count) {
        MN_TRY(reach(s, f.node, f.parent));
        return 0;
    }
    const uint32_t rounds = f.count,
                   kept = x->max == MN_ENDLESS && rounds > x->min ? x->min : rounds;
    if (rounds >= x->min) MN_TRY(reach(s, x->b, f.parent));
    if (rounds < x->max) MN_TRY(reach(s, x->a, frame_of(s, f.node, kept + 1, f.parent)));
    return 0;
}

static int follow(mn_states *s, stack at) {
    const mn_node *x = node_at(s, at.node);
    switch (x->kind) {
    case MN_NODE_SPLIT:
        MN_TRY(reach(s, x->a, at.frame));
        MN_TRY(reach(s, x->b, at.frame));
        return 0;
    case MN_NODE_CALL:
        MN_TRY(reach(s, x->a, x->tail ? at.frame : frame_of(s, x->b, 0, at.frame)));
        return 0;
    case MN_NODE_REPEAT:
        if (!x->min) MN_TRY(reach(s, x->b, at.frame));
        if (x->max) MN_TRY(reach(s, x->a, frame_of(s, at.node, 1, at.frame)));
        return 0;
    case MN_NODE_RETURN: return leave(s, at.frame);
    default: return 0;
    }
}

static int by_place(const void *a, const void *b) {
    const stack *p = a, *q = b;
    if (p->node != q->node) return p->node < q->node ? -1 : 1;
    return p->frame < q->frame ? -1 : p->frame > q->frame;
}

static void begin_step(mn_states *s) {
    mn_buf_clear(&s->todo);
    if (!++s->stamp) {
        if (s->seen.len) memset(s->seen.data, 0, s->seen.len);
        s->stamp = 1;
    }
}

/* The state of all that is reached from what `todo` holds. */
static int64_t settle(mn_states *s) {
    int complete = 0;
    size_t n = 0, all;
    for (size_t i = 0; i < reached(s); i++) {
        const int rc = follow(s, *stack_at(&s->todo, i));
        MN_TRY(rc);
        complete |= rc;
    }
    all = reached(s);
    for (size_t i = 0; i < all; i++) {
        const stack x = *stack_at(&s->todo, i);
        if (node_at(s, x.node)->kind == MN_NODE_BYTE) *stack_at(&s->todo, n++) = x;
    }
    if (all >= 4 * MN_GRAMMAR_STACKS || n > MN_GRAMMAR_STACKS) {
        s->tight = 1;
        return 0;
    }
    if (!n && !complete) return 0;
    if (n) qsort(s->todo.data, n, sizeof(stack), by_place);
    return state_of(s, stack_at(&s->todo, 0), (uint32_t)n, complete);
}

static size_t held(const mn_states *s) {
    return s->frames.len + s->states.len + s->stacks.len + s->rows.len;
}

int64_t mn_states_advance(mn_states *s, uint32_t state, uint8_t k) {
    const uint8_t byte = s->g->first_of[k];
    const mn_state from = *mn_states_at(s, state);
    s->steps += from.n;
    if (s->steps > MN_GRAMMAR_STEPS)
        return MN_FAIL(MN_EUNSUPPORTED,
                       "the grammar is too ambiguous: one token took more than %d steps; give "
                       "each text one way to be read",
                       MN_GRAMMAR_STEPS);
    if (held(s) > HARD)
        return MN_FAIL(MN_EUNSUPPORTED,
                       "the grammar needs more than %d MiB of states for one "
                       "token; make it simpler",
                       HARD >> 20);
    begin_step(s);
    for (uint32_t i = 0; i < from.n; i++) {
        const stack x = *stack_at(&s->stacks, from.first + i);
        const mn_node *node = node_at(s, x.node);
        if (byte >= node->lo && byte <= node->hi) MN_TRY(reach(s, node->a, x.frame));
    }
    const int64_t to = settle(s);
    if (to >= 0)
        ((uint32_t *)(void *)s->rows.data)[(size_t)state * (size_t)s->g->n_class + k] =
            (uint32_t)to;
    return to;
}

/* ---- life ----------------------------------------------------------------------------------- */
static int begin(mn_states *s, const mn_grammar *g) {
    static const char what[] = "the states of a grammar";
    *s = (mn_states){.g = g};
    mn_buf *all[] = {&s->frames, &s->states,         &s->stacks,         &s->rows,
                     &s->todo,   &s->frame_ids.slot, &s->state_ids.slot, &s->seen};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) all[i]->what = what;
    MN_TRY((int)frame_of(s, 0, 0, 0));
    MN_TRY((int)state_of(s, NULL, 0, 0));
    return 0;
}

int mn_states_open(mn_states *s, const mn_grammar *g) {
    MN_TRY(begin(s, g));
    begin_step(s);
    MN_TRY(reach(s, g->start, BOTTOM));
    const int64_t start = settle(s);
    MN_TRY(start < 0 ? (int)start : 0);
    s->start = (uint32_t)start;
    if (start) return 0;
    return MN_FAIL(MN_EUNSUPPORTED,
                   "the grammar is too ambiguous: an answer can begin in more "
                   "than %d ways",
                   MN_GRAMMAR_STACKS);
}

void mn_states_close(mn_states *s) {
    mn_buf *all[] = {&s->frames, &s->states,         &s->stacks,         &s->rows,
                     &s->todo,   &s->frame_ids.slot, &s->state_ids.slot, &s->seen};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) mn_buf_free(all[i]);
}

/* The frame `at` of `from`, and all below it, in `to`. */
static int64_t carry_frame(mn_states *to, const mn_states *from, uint32_t at) {
    uint32_t path[MN_GRAMMAR_DEPTH + 1];
    size_t n = 0;
    for (; at != BOTTOM; at = frame_at(from, at)->parent) path[n++] = at;
    int64_t f = BOTTOM;
    while (n && f >= 0) {
        const frame *x = frame_at(from, path[--n]);
        f = frame_of(to, x->node, x->count, (uint32_t)f);
    }
    return f;
}

static int64_t carry(mn_states *to, const mn_states *from, uint32_t state) {
    const mn_state x = *mn_states_at(from, state);
    MN_TRY(begin(to, from->g));
    for (uint32_t i = 0; i < x.n; i++) {
        stack y = *stack_at(&from->stacks, x.first + i);
        const int64_t f = carry_frame(to, from, y.frame);
        MN_TRY(f < 0 ? (int)f : 0);
        y.frame = (uint32_t)f;
        MN_TRY(mn_buf_append(&to->todo, &y, sizeof y));
    }
    if (x.n) qsort(to->todo.data, x.n, sizeof(stack), by_place);
    return state_of(to, stack_at(&to->todo, 0), x.n, x.complete);
}

int mn_states_begin(mn_states *s, uint32_t *state) {
    s->steps = 0;
    if (held(s) <= SOFT) return 0;
    mn_states fresh;
    const int64_t at = carry(&fresh, s, *state);
    if (at < 0) {
        mn_states_close(&fresh);
        return (int)at;
    }
    fresh.tight = s->tight;
    mn_states_close(s);
    *s = fresh;
    *state = (uint32_t)at;
    return 1;
}
