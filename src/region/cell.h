/* SPDX-License-Identifier: Apache-2.0
 *
 * region/cell.h - objects in the region: buckets of cells. What lies there (region/format.h), and
 * who may change it.
 *
 * A *cell* holds one value of one object: its key, its version, the bytes. Before it is published
 * only its owner writes it, afterwards nobody does. A *bucket* is one word, changes << 24 | cell +
 * 1 (0: none), and heads a chain of cells with one cell for each key that hashes there. Whatever
 * changes (put, delete) builds the beginning of another chain from cells of its own and puts it
 * there by one compare-and-swap of the bucket. Each swap counts a change more, so a bucket never
 * has the same word twice, and while it stands the cells of its chain stand. The version of an
 * object is the number of the change that put it: it only grows, also across deletion, without a
 * trace of the deleted.
 *
 *   FREE ------> OWNED       whoever wins the word; owner: the writer
 *   OWNED -----> LIVE        by its owner behind the swap of the bucket, or by who buries it
 *   OWNED -----> FREE        the swap was lost; or its owner is dead and it is in no chain
 *   OWNED, LIVE -> FREE      by who took it out of its chain, or who sees that it is in none (its
 *                            owner, too): once published and out, it never comes back
 *
 *   OWNED -----> OPEN        a commit begins; owner: the writer, to its end
 *   OPEN ------> DONE        by its owner, all its parts being where they belong
 *   OPEN ------> VOID        by who needs a key that it has a part of; or its owner, or its burier
 *   DONE, VOID -> FREE       by its owner, or its burier, when no part in a chain names it
 *
 * Every arrow is a compare-and-swap of the tag, and FREE is always of the next generation. `logged`
 * says that the value is in the log of durable objects, synced.
 *
 * A commit of several keys (region/commit.c) has a cell of its own, in no chain, whose phase says
 * whether it is OPEN, DONE or VOID, and for each key a *part*: a cell in front of the chain as it
 * was. While the commit is OPEN, or when it is VOID, its parts say nothing and the older cell of
 * the key counts; when it is DONE they count, all at once. A part names its commit in `writer`,
 * until that is replaced by what came of it: the one word that changes in a published cell, by
 * compare-and-swap, once. What a part shadows, and parts that say nothing, go when the chain is
 * built again.
 *
 * Reading takes no lock and writes nothing: load the bucket, walk, load the bucket again. If it is
 * the same, the cell that was found was in the chain when its tag was read in between; if its
 * generation is still the same when its bytes have been copied, they are the bytes of that moment.
 * Free cells are used in turn, so that this seldom takes a second try.
 *
 * The dead leave OWNED cells, and LIVE ones that are in no chain. Whoever buries a process that has
 * ever put something looks at all cells: nothing else is kept about who was doing what.
 */
#ifndef MN_REGION_CELL_H
#define MN_REGION_CELL_H
#include "region/inside.h"

enum {
    MN_CELL_FREE = 0,
    MN_CELL_OWNED = 1,
    MN_CELL_LIVE = 2,
    MN_COMMIT_OPEN = 4, /* the cell is no object's, but a commit's (commit.c) */
    MN_COMMIT_DONE = 5,
    MN_COMMIT_VOID = 6,
    MN_CELL_LOGGED = 8,        /* beside the phase */
    MN_CELL_DURABLE = 1 << 15, /* in `length`: it is to be logged, as are those that replace it */
    MN_CELL_CHAIN = 128,       /* a longer chain is damage */
};

static inline uint64_t mn_tag_make(uint64_t generation, int owner, int phase) {
    return mn_state_make(generation, owner, phase);
}
static inline uint64_t mn_tag_generation(uint64_t tag) {
    return mn_state_epoch(tag);
}
static inline int mn_tag_phase(uint64_t tag) {
    return (int)(tag & 7);
}

static inline mn_word *mn_bucket(const mn_region *r, uint64_t hash) {
    return (mn_word *)(void *)(r->file.data + r->plan.buckets_at) + (hash & (r->plan.buckets - 1));
}
static inline uint64_t mn_bucket_changes(uint64_t word) {
    return word >> 24;
}
/* Cell + 1 of the first in the chain, 0: there is none. */
static inline uint32_t mn_bucket_first(uint64_t word) {
    return (uint32_t)(word & 0xffffff);
}
static inline uint64_t mn_bucket_make(uint64_t changes, uint32_t first) {
    return changes << 24 | first;
}

/* A cell as it was read. */
typedef struct mn_cell_head {
    mn_cell *at;
    uint64_t tag, version, expiry, hash, born;
    uint32_t index, next, key, value; /* next: + 1; key, value: bytes */
    int durable, kind;                /* kind: 0, or what part of a commit it is, as mn_edit */
} mn_cell_head;

/* 1, or 0 when cell i + 1 is none, or says of itself what cannot be. */
int mn_cell_read(const mn_region *r, uint32_t one_more, mn_cell_head *out);
static inline const mn_word *mn_cell_value(const mn_cell_head *h) {
    return h->at->body + (h->key + 7) / 8;
}
/* Bytes between private memory and words of a cell. */
void mn_cell_copy_out(void *to, const mn_word *from, size_t n);
void mn_cell_copy_in(mn_word *to, const void *from, size_t n);
int mn_cell_has_key(const mn_cell_head *h, uint64_t hash, const char *key, size_t n);
int mn_cell_same_key(const mn_cell_head *a, const mn_cell_head *b);
/* Cell i + 1, unless there is none: its place and tag alone. */
int mn_cell_find(const mn_region *r, uint32_t one_more, mn_cell_head *out);
/* Is the cell still what it was when `h` was read? */
static inline int mn_cell_same(const mn_cell_head *h) {
    return mn_tag_generation(mn_word_load(&h->at->tag)) == mn_tag_generation(h->tag);
}
static inline int mn_cell_expired(const mn_cell_head *h, uint64_t now_ms) {
    return h->expiry && h->expiry <= now_ms;
}
uint64_t mn_cell_now(void); /* milliseconds since 1970 */

/* Before the first claim or swap of this process: whoever buries it must look at all cells. */
void mn_cells_announce(mn_region *r);
/* A cell of ours with room for a key and a value; MN_EFULL. */
int mn_cell_claim(mn_region *r, size_t key, size_t value, mn_cell_head *out);
/* The same, only if one is ready: 1, or 0 without a sentence. */
int mn_cell_claim_ready(mn_region *r, size_t key, size_t value, mn_cell_head *out);
/* Fill it; it is not published. */
void mn_cell_fill(const mn_region *r, mn_cell_head *h, const char *key, const void *value);
void mn_cell_say(const mn_cell_head *h); /* its lengths, and whether it is durable */
/* Whoever may says so: FREE, whatever it was in that generation. Its last tag; 0: it was gone. */
uint64_t mn_cell_free(mn_cell_head *h);
void mn_cell_settle(mn_cell_head *h); /* OWNED -> LIVE, unless it is gone */
void mn_cell_mark_logged(mn_cell_head *h);
/* What process slot `owner` - 1, which is dead, left of cell i; owner 0: it may be LIVE and in no
 * chain. */
void mn_cell_mend(mn_region *r, uint32_t i, int owner);

/* ---- parts of commits (commit.c) ---------------------------------------------------------- */
/* What a cell says of its key now: */
typedef enum mn_verdict {
    MN_SAYS_NOTHING, /* the older one counts */
    MN_SAYS_VALUE,   /* it counts, and none behind it */
    MN_SAYS_GONE,    /* there is no such object */
    MN_SAYS_OPEN,    /* nothing yet: its commit is undecided */
} mn_verdict;
mn_verdict mn_part_verdict(const mn_region *r, const mn_cell_head *h, mn_cell_head *commit);
/* *commit (of MN_SAYS_OPEN): of which. */
static inline mn_verdict mn_cell_verdict(const mn_region *r, const mn_cell_head *h,
                                         mn_cell_head *commit) {
    return h->kind ? mn_part_verdict(r, h, commit) : MN_SAYS_VALUE;
}
uint64_t mn_part_writer(const mn_region *r, const mn_cell_head *h); /* process id */
int mn_commit_open(const mn_cell_head *commit);                     /* is it still undecided? */
void mn_commit_stop(const mn_cell_head *commit);                    /* then it never happens */
/* A commit of a dead process: it is decided, its parts no longer need it, and its cell is free. */
void mn_commit_bury(mn_region *r, const mn_cell_head *commit);

/* Bytes of pages that cells hold, or have asked for. */
uint64_t mn_cells_charged(const mn_region *r);
/* Pages for buckets and topics, once. */
int mn_cells_begin(mn_region *r);
/* What process slot `i`, which is dead, left; the caller holds its lock. */
void mn_cells_bury(mn_region *r, int i);
#define MN_EACH_CELL(r, i)                                                               \
    for (int c_ = 0; c_ < MN_REGION_CELLS; c_++)                                         \
        for (uint32_t i = (r)->plan.cell_first[c_], i##_end = i + mn_cells_ready(r, c_); \
             i < i##_end; i++)
uint32_t mn_cells_ready(const mn_region *r, int c);

#endif
