/* SPDX-License-Identifier: Apache-2.0
 *
 * region/inside.h - what the files of this room share, and nobody else sees.
 */
#ifndef MN_REGION_INSIDE_H
#define MN_REGION_INSIDE_H
#include "base/sparse.h"
#include "region/region.h"

#include <pthread.h>

struct mn_region {
    mn_sparse file;
    mn_region_plan plan;
    uint64_t limit;
    int locks;              /* descriptor of the lock file; -1 in a child after fork */
    int me;                 /* own process slot; -1: none */
    int made;               /* this handle made the file */
    pthread_mutex_t graves; /* one burial at a time: threads share their locks */
    mn_region *next;        /* of all that are open here (life.c) */
};

static inline mn_proc_slot *mn_proc(const mn_region *r, int i) {
    return (mn_proc_slot *)(void *)(r->file.data + r->plan.procs_at) + i;
}
static inline mn_extent_slot *mn_slot(const mn_region *r, uint32_t i) {
    return (mn_extent_slot *)(void *)(r->file.data + r->plan.extents_at) + i;
}
static inline mn_word *mn_top(const mn_region *r, int c) {
    return ((mn_region_tops *)(void *)(r->file.data + r->plan.tops_at))->top + c;
}
/* One past the last process slot that may be in use. */
static inline int mn_procs_end(const mn_region *r) {
    const uint64_t n =
        mn_word_load(&((mn_region_tops *)(void *)(r->file.data + r->plan.tops_at))->procs);
    return n < MN_REGION_PROCS ? (int)n : MN_REGION_PROCS;
}
static inline int mn_slot_class(const mn_region *r, uint32_t i) {
    int c = 0;
    while (i >= r->plan.first[c + 1]) c++;
    return c;
}
static inline uint64_t mn_slot_at(const mn_region *r, uint32_t i, int c) {
    return r->plan.class_at[c] + (uint64_t)(i - r->plan.first[c]) * mn_class_bytes(c);
}
/* One past the last slot of class c that may be in use. */
static inline uint32_t mn_class_end(const mn_region *r, int c) {
    const uint64_t top = mn_word_load(mn_top(r, c)), all = r->plan.first[c + 1] - r->plan.first[c];
    return r->plan.first[c] + (uint32_t)(top < all ? top : all);
}
#define MN_EACH_SLOT(r, c, i)                   \
    for (int c = 0; c < MN_REGION_CLASSES; c++) \
        for (uint32_t i = (r)->plan.first[c], i##_end = mn_class_end(r, c); i < i##_end; i++)

int mn_life_begin(mn_region *r); /* claim a process slot */
void mn_life_end(mn_region *r);
/* Is any process but this handle alive in it? */
int mn_life_others(mn_region *r);

void mn_guard_watch(const mn_region *r);
void mn_guard_forget(const mn_region *r);

/* The extents process slot `i` owned, dealt with; the caller holds its lock. Of the dead no pages
 * stay warm. */
void mn_extent_bury(mn_region *r, int i, int dead);

#endif
