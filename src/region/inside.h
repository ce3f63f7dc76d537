/* SPDX-License-Identifier: Apache-2.0
 *
 * region/inside.h - what the files of this room share, and nobody else sees.
 */
#ifndef MN_REGION_INSIDE_H
#define MN_REGION_INSIDE_H
#include "base/sparse.h"
#include "region/region.h"

#include <pthread.h>

/* Extents on their way to disk, and the thread that brings them there (mover.c). */
enum { MN_MOVER_QUEUE = 256 };
typedef struct mn_mover {
    pthread_mutex_t lock;
    pthread_cond_t news;
    pthread_t thread;
    mn_ref queue[MN_MOVER_QUEUE];
    int n, running, stop, wrote; /* wrote: this handle sealed something */
} mn_mover;

struct mn_region {
    mn_sparse file;
    mn_region_plan plan;
    uint64_t limit, epoch;
    char disk[1024];        /* folder of the disk tier; "": none */
    int no_disk;            /* this handle neither writes nor reads there */
    char journal[1024];     /* file of durable objects */
    int journal_fd;         /* -1: not open yet */
    int locks;              /* descriptor of the lock file; -1 in a child after fork */
    int me;                 /* own process slot; -1: none */
    int made;               /* this handle made the file */
    uint64_t pid;           /* ours; asking the system takes longer than a put */
    atomic_int objects;     /* buckets and topics have pages */
    pthread_mutex_t graves; /* one burial at a time: threads share their locks */
    pthread_mutex_t mapping;
    mn_mapped *mapped; /* files of the disk tier that this process reads (mapped.c) */
    mn_mover mover;
    mn_region *next; /* of all that are open here (life.c) */
};

static inline mn_proc_slot *mn_proc(const mn_region *r, int i) {
    return (mn_proc_slot *)(void *)(r->file.data + r->plan.procs_at) + i;
}
static inline mn_extent_slot *mn_slot(const mn_region *r, uint32_t i) {
    return (mn_extent_slot *)(void *)(r->file.data + r->plan.extents_at) + i;
}
static inline mn_region_tops *mn_tops(const mn_region *r) {
    return (mn_region_tops *)(void *)(r->file.data + r->plan.tops_at);
}
static inline mn_word *mn_top(const mn_region *r, int c) {
    return mn_tops(r)->top + c;
}
/* One past the last process slot that may be in use. */
static inline int mn_procs_end(const mn_region *r) {
    const uint64_t n = mn_word_load(&mn_tops(r)->procs);
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

int mn_life_begin(mn_region *r);   /* claim a process slot */
void mn_life_settle(mn_region *r); /* own pins go, own open extents are sealed or dropped */
void mn_life_end(mn_region *r);
/* Is any process but this handle alive in it? */
int mn_life_others(mn_region *r);

/* A file that others may cut short, mapped and watched; and no more. */
int mn_guard_map(const char *path, mn_map *out);
void mn_guard_unmap(mn_map *map); /* an empty one is fine */

/* ---- extents (extent.c) ------------------------------------------------------------------- */
/* The extents process slot `i` owned, dealt with; the caller holds its lock. Of the dead no pages
 * stay warm. */
void mn_extent_bury(mn_region *r, int i, int dead);
int mn_extent_forked(const mn_region *r); /* MN_EBUSY in a child after fork */
/* From `state`, which is OPEN and ours to drop, or FREE: bytes that left. */
uint64_t mn_extent_drop(mn_region *r, uint32_t i, uint64_t state, int warm);
/* A FREE slot gives its warm pages back, overwritten: bytes. */
uint64_t mn_extent_scrub(mn_region *r, uint32_t i, uint64_t state);
/* How many pins hold `ref`, in all processes; the id of one of these in *pid, which may be NULL. */
int mn_extent_pins(const mn_region *r, mn_ref ref, int64_t *pid);
/* How a sealed extent nobody reads may end. */
typedef enum mn_leave {
    MN_LEAVE,       /* everywhere */
    MN_LEAVE_RAM,   /* on disk it stays; what has no file stays as it is */
    MN_LEAVE_DISK,  /* in memory it stays */
    MN_LEAVE_TRACE, /* everywhere, overwritten before */
} mn_leave;
/* Bytes that left; 0 when somebody reads it. */
uint64_t mn_extent_leave(mn_region *r, uint32_t i, uint64_t sealed, mn_leave how);
uint64_t mn_now(void); /* seconds since 1970 */

/* Was it not asked for in so long that it shall leave? */
int mn_extent_expired(const mn_extent_slot *s);

/* ---- what must go (evict.c) --------------------------------------------------------------- */
typedef struct mn_slot_bits { /* of all slots there can be */
    uint64_t word[MN_REGION_CLASSES * MN_REGION_OF_CLASS / 64];
} mn_slot_bits;
typedef enum mn_evict_for { MN_FOR_MEMORY, MN_FOR_DISK, MN_FOR_RANGE } mn_evict_for;
/* The sealed extent least worth keeping among ranges of at least `bytes`, UINT32_MAX: none. Those
 * in `tried` are passed over, and what is returned is put there. */
uint32_t mn_evict_least(mn_region *r, mn_evict_for what, mn_slot_bits *tried, uint64_t bytes,
                        uint64_t *state);

int mn_extent_followed(mn_region *r, mn_ref ref); /* does another begin with it? */

/* ---- the disk tier (disk.c, restore.c, mover.c) ------------------------------------------- */
int mn_disk_on(const mn_region *r);
uint64_t mn_disk_used(const mn_region *r);
/* A file of the disk tier, mapped once for all that read it; closing an empty one is fine. Forget:
 * what bears this name from now on is another file. */
struct mn_mapped {
    mn_map map;
    mn_ref ref; /* 0: forgotten */
    int users;
    mn_region *region;
    mn_mapped *next;
};
int mn_mapped_open(mn_region *r, mn_ref ref, const char *path, mn_mapped **out);
void mn_mapped_close(mn_mapped **m);
void mn_mapped_forget(mn_region *r, mn_ref ref);
int mn_disk_path(const mn_region *r, mn_ref ref, mn_buf *out);
int mn_disk_pin_path(const mn_region *r, mn_ref ref, mn_buf *out);
/* Write the file of a sealed extent that has none, in the budget: 1 when it has one now; 0: it is
 * too short, derived, or not to be had; or why it could not be written. */
int mn_disk_write(mn_region *r, mn_ref ref);
/* The file, and what says that it is kept. */
void mn_disk_unlink(const mn_region *r, mn_ref ref, int overwrite);
/* What process slot p, which is dead, left of the file it was writing, or dropping, for slot i. */
void mn_disk_bury(mn_region *r, int p, uint32_t i);
/* Process slot + 1 of somebody alive who moves it to disk or from there; 0: nobody does. */
int mn_disk_mover(const mn_region *r, const mn_extent_slot *s);
/* Drop files until what is there and what is being written fits; MN_EFULL. */
int mn_disk_room(mn_region *r);
/* The disk itself, which is not ours alone, has room for so many; MN_EFULL. */
int mn_disk_spares(const mn_region *r, uint64_t bytes);
/* The slot a file says it had, ours and empty, becomes its extent again: SEALED and OUT. */
struct mn_disk_head;
void mn_disk_take_up(mn_region *r, const struct mn_disk_head *h, uint64_t used,
                     const uint64_t *keys);
/* A region nobody else has yet: what its folder holds of it. */
int mn_disk_restore(mn_region *r);
void mn_mover_begin(mn_region *r);
void mn_mover_add(mn_region *r, mn_ref ref);
void mn_mover_end(mn_region *r);    /* what is queued is brought to disk first */
void mn_mover_forget(mn_region *r); /* in a child after fork */

#endif
