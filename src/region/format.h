/* SPDX-License-Identifier: Apache-2.0
 *
 * region/format.h - the region file, byte by byte. All that processes share is declared here.
 *
 *   0            superblock                                     one page, never changed
 *   4096         how many slots of each kind were ever used     one page
 *   8192         process slots [MN_REGION_PROCS]                one page each
 *   ..           extent slots  [sum of all classes]             256 bytes each
 *   ..           index         [a power of two]                 16 bytes an entry
 *   ..           buckets, topics and cells of objects           region/cell.h
 *   .. 2 MiB ..  class 0 | class 1 | ..                         where extents lie
 *
 * All offsets follow from the file's size alone (mn_region_plan), so nobody needs to believe an
 * offset that another process wrote. Class c holds ranges of 1 MiB << c, all in a row: the number
 * of an extent slot *is* its range, nothing is ever allotted, and so nothing is lost when someone
 * dies in between. Ranges are address space; pages come and go (base/sparse.h).
 *
 * Words are 64 bits, little endian, and zero means empty. Each is read once into a local, checked,
 * then used: whoever shares the file may be broken, or hostile. What is derived (the sum of all
 * charges, who is alive, what has children) is counted anew when needed, never kept, so no death
 * can leave it wrong.
 *
 * States of an extent slot, one word: epoch << 16 | owner << 4 | phase. The owner is a process
 * slot + 1, 0 nobody.
 *
 *   FREE ------> OPEN        whoever wins the word; owner: the writer
 *   OPEN ------> SEALED      the writer has finished, or whoever buries it; owner 0
 *   SEALED ----> DYING       whoever needs the room; owner: that one. It then looks at all pins
 *   DYING -----> SEALED      a pin was found; or it has a file on disk, its pages went, it is OUT
 *   DYING -----> GONE        none was: from here on the content is not touched by readers
 *   OPEN ------> GONE        by its writer (or who buries it), while nothing has been published
 *   FREE ------> GONE        whoever wants its warm pages back
 *   GONE ------> FREE        pages have gone, or are kept warm for the next; the epoch goes up
 *
 * A reference names a slot and an epoch. It may be followed only after it was pinned: write it into
 * a pin word of the own process slot, then look at the state again; the same epoch, OPEN or SEALED,
 * holds until the pin is taken out. (A pin is announced before the state is read, DYING before the
 * pins are read: one of the two sees the other.) A pin that came too late may still be seen for a
 * moment: what dies is then spared, never the other way round.
 *
 * Who finds a process slot whose byte of the lock file is free takes that lock, and with it the
 * right to bury: published rows of its OPEN extents are SEALED as they are (a row counts only once
 * it was written, and no death unwrites memory), the rest of what it owned goes on to FREE, its
 * pins are cleared. Who dies while burying is buried the same way.
 */
#ifndef MN_REGION_FORMAT_H
#define MN_REGION_FORMAT_H
#include "base/atomic.h"

#include <stddef.h>

#define MN_REGION_MAGIC "OMNESIA\n"
enum {
    MN_REGION_VERSION = 3,
    MN_REGION_PAGE = 4096,
    MN_REGION_PROCS = 128,
    MN_REGION_PINS = 504,      /* of one process */
    MN_REGION_CLASSES = 16,    /* 1 MiB .. 32 GiB */
    MN_REGION_OF_CLASS = 4096, /* at most so many ranges of one class */
    MN_REGION_WINDOW = 16,     /* entries of the index where a key may stand: four cache lines */
    MN_REGION_CELLS = 13,      /* classes of cells: 256 bytes .. 1 MiB */
    MN_REGION_TOPICS = 1024,
    MN_REGION_BUCKETS = 65536, /* at most */
};
#define MN_REGION_LEAST ((uint64_t)1 << 30) /* a smaller file is none */

typedef struct mn_region_head { /* the superblock; the rest of its page is zero */
    char magic[8];
    uint32_t version, flags; /* flags: 0 */
    uint64_t size;           /* of the file */
    uint64_t created;        /* seconds since 1970 */
    uint64_t limit;          /* bytes of pages that extents may hold, all together */
    uint8_t boot[16];        /* of the machine that made it: what a power cut left is no region */
    uint64_t epoch;          /* of slots that were never used: above all that were before it */
    char disk[1024];         /* folder of its disk tier; "": it has none */
    char journal[1024];      /* file of its durable objects */
    uint64_t sum;            /* XXH3 of the fields above */
} mn_region_head;

typedef struct mn_region_tops {     /* one page */
    mn_word top[MN_REGION_CLASSES]; /* slots of the class that may be in use: those below */
    mn_word procs;                  /* the same of process slots */
    mn_word disk_limit;             /* bytes that files of the disk tier may take, all together */
    mn_word asked, found;           /* tokens of prompts, and of them those that were there */
    mn_word evicted, moved;         /* extents that had to go; that went to disk alone */
    mn_word damaged;                /* files whose sums were wrong */
    mn_word synced;                 /* bytes of the journal that are on disk */
    mn_word syncs, failed;          /* how often it was synced; 1: a sync has failed, for ever */
    mn_word number;                 /* tells this region from all others; 0: not drawn yet */
    mn_word taken, given;           /* values of other machines, for them (tier_remote.h) */
    mn_word refused, unlinked;      /* values that were damaged or strange; links that were lost */
    mn_word reserved[1];
    mn_word cell_top[16];   /* cells of a class that are charged */
    mn_word cell_ready[16]; /* cells of a class that have pages: those below */
    mn_word cell_next[16];  /* where the next search for a free one begins */
} mn_region_tops;

typedef struct mn_proc_slot {
    mn_word state; /* 0 free, 1 taken; alive while its byte of the lock file is locked */
    mn_word pid;   /* for people, like what follows: numbers are used again */
    mn_word born;  /* seconds since 1970 */
    mn_word puts;  /* 1: it may own cells, and have changed buckets */
    mn_word life;  /* a number of this tenant's own, drawn; it stays when the slot is empty */
    mn_word reserved[3];
    mn_word pin[MN_REGION_PINS]; /* references; 0: none */
} mn_proc_slot;

typedef struct mn_extent_slot {
    mn_word state;
    mn_word length;  /* what counts of it (rows), stored after what it counts was written */
    mn_word charged; /* bytes of pages it holds, or has asked for; also while FREE: warm pages */
    mn_word backed;  /* rows those pages are good for */
    mn_word shape;   /* what a row is: whose rows fit these pages; 0: unknown */
    mn_word used;    /* seconds since 1970 when it was last pinned */
    mn_word cost;    /* microseconds it took to compute */
    mn_word parent;  /* reference to the extent that holds what comes before; 0: nothing does */
    mn_word anchor;  /* first word of the key that its first whole step follows */
    mn_word flags;   /* MN_EXTENT_* */
    mn_word seed[4]; /* of its keys: model, numerics, format, tenant (SHA-256) */
    mn_word writer;  /* process id of who wrote it, for people */
    mn_word born;    /* seconds since 1970 when it was opened */
    mn_word front;   /* how its bytes lie: so many, then `planes` arrays, one every `stride` */
    mn_word planes;  /*   bytes, in which 16 rows take `group` bytes */
    mn_word stride;
    mn_word group;
    mn_word stored;  /* bytes of its file on disk; 0: it has none */
    mn_word checked; /* rows of that file whose sums were found right since the region was made */
    mn_word moving;  /* who moves it to or from there: bytes a file will have << 8, slot + 1 */
    mn_word reserved[9];
} mn_extent_slot;
/* OUT: its content is on disk alone. Changed only where it is DYING and nobody reads it. DERIVED:
 * it is made of what is kept elsewhere; its rows are no tokens, and it never goes to disk. */
enum { MN_EXTENT_PUBLISHED = 1, MN_EXTENT_KEPT = 2, MN_EXTENT_OUT = 4, MN_EXTENT_DERIVED = 8 };

typedef struct mn_topic { /* a line of its own */
    mn_word count;        /* changes << 1 | somebody sleeps; its low half is a futex */
    mn_word recent[7];    /* change n at n % 7: n << 24 | bucket */
} mn_topic;

typedef struct mn_cell { /* an object, or none: region/cell.h */
    mn_word tag;         /* generation << 16 | owner << 4 | logged << 3 | phase */
    mn_word next;        /* cell + 1 of the next in the chain; 0: none */
    mn_word version;     /* number of the change of its bucket that put it there */
    mn_word expiry;      /* milliseconds since 1970; 0: never */
    mn_word hash;        /* XXH3 of the key; it lies in bucket hash % buckets */
    mn_word length;      /* bytes of the value << 16 | durable << 15 | part << 12 | of the key */
    mn_word born;        /* milliseconds since 1970 when it was put */
    mn_word writer; /* process id of who put it, for people; of a part (commit.c): its commit */
    mn_word body[]; /* the key, then the value, each in whole words */
} mn_cell;

typedef struct mn_index_entry {
    mn_word key; /* first word of a key */
    mn_word ref; /* to the extent with the step that ends with it; 0: empty */
} mn_index_entry;

_Static_assert(sizeof(mn_region_head) == 2120, "part of the file format");
_Static_assert(sizeof(mn_proc_slot) == 4096, "part of the file format");
_Static_assert(sizeof(mn_extent_slot) == 256, "part of the file format");
_Static_assert(sizeof(mn_index_entry) == 16, "part of the file format");
_Static_assert(sizeof(mn_topic) == 64, "part of the file format");
_Static_assert(sizeof(mn_cell) == 64, "part of the file format");

/* ---- words taken apart -------------------------------------------------------------------- */
enum {
    MN_EXTENT_FREE = 0,
    MN_EXTENT_OPEN = 1,
    MN_EXTENT_SEALED = 2,
    MN_EXTENT_DYING = 3,
    MN_EXTENT_GONE = 4
};
enum { MN_EPOCHS = 12800 /* new regions begin with the next ones: so many a second */ };
#define MN_EPOCH_MASK (((uint64_t)1 << 44) - 1)

static inline uint64_t mn_state_make(uint64_t epoch, int owner, int phase) {
    return (epoch & MN_EPOCH_MASK) << 16 | (uint64_t)(owner & 0xfff) << 4 | (uint64_t)phase;
}
static inline uint64_t mn_state_epoch(uint64_t s) {
    return s >> 16 & MN_EPOCH_MASK;
}
static inline int mn_state_owner(uint64_t s) {
    return (int)(s >> 4 & 0xfff);
}
static inline int mn_state_phase(uint64_t s) {
    return (int)(s & 15);
}

/* Does an extent in this state have content that may be read? */
static inline int mn_state_alive(uint64_t s) {
    return mn_state_phase(s) == MN_EXTENT_OPEN || mn_state_phase(s) == MN_EXTENT_SEALED;
}

/* A reference: epoch << 20 | slot + 1; never 0. */
typedef uint64_t mn_ref;
static inline mn_ref mn_ref_make(uint64_t epoch, uint32_t slot) {
    return (epoch & MN_EPOCH_MASK) << 20 | (slot + 1);
}
static inline uint64_t mn_ref_epoch(mn_ref r) {
    return r >> 20;
}
/* UINT32_MAX for no slot. */
static inline uint32_t mn_ref_slot(mn_ref r) {
    return (uint32_t)(r & 0xfffff) - 1;
}

/* ---- where things are --------------------------------------------------------------------- */
typedef struct mn_region_plan {
    uint64_t size, tops_at, procs_at, extents_at, index_at, data_at;
    uint32_t slots, entries;               /* extent slots; entries of the index */
    uint32_t first[MN_REGION_CLASSES + 1]; /* slots of class c: first[c] .. first[c + 1] - 1 */
    uint64_t class_at[MN_REGION_CLASSES];
    uint64_t buckets_at, topics_at;
    uint32_t buckets, cell_first[MN_REGION_CELLS + 1]; /* cells of class c, as slots above */
    uint64_t cell_at[MN_REGION_CELLS];
} mn_region_plan;

static inline uint64_t mn_class_bytes(int c) {
    return (uint64_t)1 << (20 + c);
}

static inline uint64_t mn_cell_bytes(int c) {
    return (uint64_t)256 << c;
}
static inline uint64_t mn_page_up(uint64_t at) {
    return (at + MN_REGION_PAGE - 1) / MN_REGION_PAGE * MN_REGION_PAGE;
}

/* Objects from `at` on: where they end. Each class of cells has a 256th of the size, at most
 * 64 MiB. */
static inline uint64_t mn_region_plan_cells(mn_region_plan *p, uint64_t at) {
    const uint64_t span = p->size >> 8 < (uint64_t)64 << 20 ? p->size >> 8 : (uint64_t)64 << 20;
    p->buckets = MN_REGION_BUCKETS;
    while ((uint64_t)p->buckets << 18 > p->size) p->buckets /= 2;
    p->buckets_at = at;
    p->topics_at = mn_page_up(at + (uint64_t)p->buckets * sizeof(mn_word));
    at = p->topics_at + (uint64_t)MN_REGION_TOPICS * sizeof(mn_topic);
    for (int c = 0; c < MN_REGION_CELLS; c++) {
        p->cell_at[c] = at;
        p->cell_first[c + 1] = p->cell_first[c] + (uint32_t)(span / mn_cell_bytes(c));
        at = mn_page_up(at + span / mn_cell_bytes(c) * mn_cell_bytes(c));
    }
    return at;
}

/* The plan of a file of `size` bytes, which is at least MN_REGION_LEAST. */
static inline mn_region_plan mn_region_plan_of(uint64_t size) {
    mn_region_plan p = {.size = size, .tops_at = MN_REGION_PAGE, .procs_at = 2 * MN_REGION_PAGE};
    p.entries = 4096;
    while ((uint64_t)p.entries << 23 < size && p.entries < 1u << 20) p.entries *= 2;
    const uint64_t share = (size - size / 16) / MN_REGION_CLASSES;
    for (int c = 0; c < MN_REGION_CLASSES; c++) {
        const uint64_t n = share / mn_class_bytes(c);
        p.first[c + 1] = p.first[c] + (uint32_t)(n < MN_REGION_OF_CLASS ? n : MN_REGION_OF_CLASS);
    }
    p.slots = p.first[MN_REGION_CLASSES];
    p.extents_at = p.procs_at + (uint64_t)MN_REGION_PROCS * sizeof(mn_proc_slot);
    p.index_at = p.extents_at + (uint64_t)p.slots * sizeof(mn_extent_slot);
    p.index_at = mn_page_up(p.index_at);
    p.data_at = mn_page_up(p.index_at + (uint64_t)p.entries * sizeof(mn_index_entry));
    p.data_at = mn_region_plan_cells(&p, p.data_at);
    p.data_at = (p.data_at + ((uint64_t)2 << 20) - 1) >> 21 << 21;
    uint64_t at = p.data_at;
    for (int c = 0; c < MN_REGION_CLASSES; c++) {
        p.class_at[c] = at;
        at += (uint64_t)(p.first[c + 1] - p.first[c]) * mn_class_bytes(c);
    }
    return p;
}

#endif
