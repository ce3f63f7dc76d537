/* SPDX-License-Identifier: Apache-2.0
 *
 * region/region.h - the file that processes share: opening it, living and dying in it, extents.
 *
 * A region holds extents: ranges of bytes that one process writes and any process reads
 * (region/format.h has the layout and the states). What is published is never changed again; what
 * nobody reads may leave when room is needed. No call waits for another process: who was stopped
 * or killed holds up nobody, and what the dead left is buried by whoever comes by.
 *
 * Any thread may call, except that an extent is written by one thread at a time. After fork the
 * child may only close its handle, and opens its own.
 */
#ifndef MN_REGION_REGION_H
#define MN_REGION_REGION_H
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "region/format.h"

typedef struct mn_region mn_region;

/* Open the region at `path` (NULL: mn_region_place), made when absent with room for `memory` bytes
 * of extents (0: an eighth of this machine's memory) and with what its disk tier still has of it.
 * disk: bytes its files may take (0: as it is, or 8 GiB and a twentieth of the free space at most;
 * -1: this handle has none, but files of what it drops go, too). A region of an earlier boot is
 * replaced unless somebody uses it.
 * MN_EBUSY: all process slots are taken; MN_ECORRUPT, MN_EUNSUPPORTED (another version), MN_EINVAL
 * (not ours to use) say what to do. */
MN_API int mn_region_open(const char *path, uint64_t memory, int64_t disk, mn_region **out);
/* Own open extents are sealed or dropped, and sealed ones brought to disk. */
MN_API void mn_region_close(mn_region **r);
/* MN_ECORRUPT when the file was cut short under us since mn_guard_install: what was computed from
 * it is not to be believed. */
int mn_region_intact(const mn_region *r);
MN_API int mn_guard_install(void);
/* The same for any mapping of a file that others may cut short, until it is forgotten. */
void mn_guard_watch(const void *data, uint64_t bytes);
void mn_guard_forget(const void *data);
int mn_guard_hit(const void *data); /* 1: what is watched there was not all there */
/* Where this user's region lies when nobody says otherwise; MN_EFULL when no place has room. */
int mn_region_place(uint64_t limit, mn_buf *out);
const char *mn_region_path(const mn_region *r);
uint64_t mn_region_limit(const mn_region *r);
uint64_t mn_region_charged(const mn_region *r); /* the ledger: the sum over all extents, now */
int mn_region_reap(mn_region *r);               /* bury the dead; how many */
/* Let warm pages and extents nobody reads leave, the least worth keeping first, until `bytes` more
 * may be charged: to disk, where there is one. MN_EFULL with the numbers. */
int mn_region_evict(mn_region *r, uint64_t bytes);
/* The same until it holds at most so many bytes, or nothing more can leave. Bytes that left. */
uint64_t mn_region_shrink(mn_region *r, uint64_t most);

typedef struct mn_region_counts {
    const char *path, *disk;          /* borrowed from the region; folder of files, "": none */
    uint64_t limit, charged, warm;    /* bytes extents may hold, hold, and hold for nobody */
    uint64_t disk_limit, stored;      /* bytes files may take, and take */
    uint64_t held, size;              /* bytes the file takes now, and its logical size */
    uint64_t rows, cost_us;           /* tokens in all, and what they took to compute */
    int32_t processes, extents, open; /* others alive; extents, of which are still written */
    int32_t out, derived, made;       /* on disk alone; without tokens; 1: made by this handle */
    uint64_t asked, found;            /* tokens of prompts so far, and of them those it had */
    uint64_t evicted, moved, damaged; /* extents that had to go, to disk alone; damaged files */
    uint64_t watched, taken, given;   /* topics slept on; of 64 tokens each, from other machines, */
    uint64_t refused, unlinked; /* and to them; that were damaged; how often a link was lost */
} mn_region_counts;
void mn_region_count(mn_region *r, mn_region_counts *out);

/* ---- extents ------------------------------------------------------------------------------ */
typedef struct mn_extent {
    mn_region *region;
    mn_ref ref;
    mn_extent_slot *slot;
    uint8_t *data;  /* [bytes] */
    uint64_t bytes; /* of the range; pages only where they were asked for */
    int pin;        /* word of the own process slot that holds `ref` */
} mn_extent;

/* A range of at least `bytes`, OPEN, ours and pinned. `shape` says what its rows are: a range whose
 * warm pages have the same shape is preferred, and slot->backed rows of it need no asking. Content
 * is undefined. MN_EFULL: no range is free. */
int mn_extent_open(mn_region *r, uint64_t bytes, uint64_t shape, mn_extent *out);
/* Book `bytes` more of pages before asking for them, evicting if need be (MN_EFULL: nothing is
 * booked), or give booked ones back. */
int mn_extent_charge(mn_extent *x, uint64_t bytes);
void mn_extent_uncharge(mn_extent *x, uint64_t bytes);
/* Pages for [at, at + n) of the range, booked before; and back. */
int mn_extent_back(mn_extent *x, uint64_t at, uint64_t n);
void mn_extent_release(mn_extent *x, uint64_t at, uint64_t n);
/* How its bytes lie: `front` bytes, then `planes` arrays, one every `stride` bytes, in which 16
 * rows take `group` bytes; whole pages, but for `group`. Before it is published. */
void mn_extent_lay(mn_extent *x, uint64_t front, uint64_t planes, uint64_t stride, uint64_t group);
/* Before it is published: what it will hold, made of what is kept elsewhere. Whoever would write
 * the same, or wants it to go, sees that in mn_index_claims; its rows are no tokens, and it never
 * goes to disk. */
void mn_extent_claim(mn_extent *x, const uint8_t seed[32], uint64_t anchor);
/* From now on others may find it: `seed` (32 bytes), the parent's reference or 0, and the key its
 * first whole step follows. */
void mn_extent_publish(mn_extent *x, const uint8_t seed[32], mn_ref parent, uint64_t anchor);
/* The first `length` rows count: visible to everyone who pins, and for ever. */
void mn_extent_grow(mn_extent *x, uint64_t length);
/* The writer has finished, and goes on reading: SEALED, still pinned. 0: it was not published. */
int mn_extent_seal(mn_extent *x);
/* The writer has finished: published extents stay, others go; consumes x, unpins. */
void mn_extent_close(mn_extent *x);

/* Pin what `ref` names: 1, or 0 when it is not there any more. x is read-only. */
int mn_extent_pin(mn_region *r, mn_ref ref, mn_extent *x);
/* The same by who only looks at it: it is not kept longer for that. */
int mn_extent_look(mn_region *r, mn_ref ref, mn_extent *x);
void mn_extent_unpin(mn_extent *x); /* an empty x is fine */
/* Does another process, or another handle of this one, pin it? */
int mn_extent_shared(const mn_extent *x);

/* ---- tiers: where the content of an extent is ---------------------------------------------- */
enum { MN_TIER_ROWS = 512 };
typedef struct mn_tier mn_tier;
typedef struct mn_mapped mn_mapped;
typedef struct mn_image { /* an extent's content, to be read while it is pinned */
    const mn_tier *tier;
    const uint8_t *front, *planes;
    uint64_t n;      /* planes; all of them lie inside what may be read */
    uint64_t stride; /* bytes from one to the next */
    uint64_t rows;   /* so many can be read at most */
    mn_map map;      /* of the tier: the file, shared with others who read it; or empty */
    mn_mapped *file;
} mn_image;

struct mn_tier {
    const char *name;                                                  /* "ram", "disk" */
    uint64_t (*limit)(const mn_region *r);                             /* bytes it may hold */
    uint64_t (*bytes)(const mn_region *r, const mn_extent_slot *slot); /* of one extent */
    int (*find)(mn_extent *x, mn_image *out);                          /* 1: it has it */
    /* Begin to fetch the first `rows` rows; then compare the sum of one block (MN_TIER_ROWS rows)
     * of one plane, or, plane -1, of the front: MN_ECORRUPT. Any thread. NULL: nothing to do. */
    void (*fetch)(const mn_image *i, uint64_t rows);
    int (*arrived)(const mn_image *i, uint64_t rows); /* 1: using them would not wait */
    int (*prove)(mn_extent *x, const mn_image *i, int64_t plane, uint64_t block);
};
extern const mn_tier mn_tier_disk;
extern const mn_tier *const mn_tiers[]; /* nearest first, NULL at the end */

/* The content of a pinned extent in the nearest tier that has it; 0: none has. */
int mn_extent_image(mn_extent *x, mn_image *out);
/* How many of its rows need no proof any more; and: the first `rows` are proven in all planes. */
uint64_t mn_extent_proven(const mn_extent *x, const mn_image *i);
void mn_extent_believe(mn_extent *x, uint64_t rows);
/* 0: a part of it could not be read, and empty pages were used in its place (mn_guard_install). */
int mn_image_intact(const mn_image *i);
void mn_image_free(mn_image *i);
/* What was pinned is damaged: nobody finds it from now on. */
void mn_extent_reject(mn_extent *x);

/* ---- looking, forgetting, keeping (forget.c) ----------------------------------------------- */
typedef struct mn_extent_facts {
    mn_ref ref;
    uint64_t rows, memory, disk;  /* bytes in each tier; memory 0: it is on disk alone */
    uint64_t born, used, cost_us; /* seconds since 1970; what computing it took */
    int64_t writer, reader;       /* process ids; of one that pins it, 0: nobody does */
    int32_t readers, open, kept;  /* pins of all processes; is it being written? may it leave? */
    int32_t derived;              /* 1: its rows are no tokens (mn_extent_claim) */
} mn_extent_facts;
/* Those that are published, in the order of their slots. Non-zero from `each` stops. */
int mn_region_each(mn_region *r, int (*each)(void *user, const mn_extent_facts *f), void *user);
typedef struct mn_proc_facts {
    int64_t pid;
    uint64_t born;        /* seconds since 1970 */
    int32_t pins, writes; /* extents it reads or writes; of which it writes */
} mn_proc_facts;
/* Those that are alive, the caller included. */
int mn_region_each_process(mn_region *r, int (*each)(void *user, const mn_proc_facts *f),
                           void *user);
/* A word that tells this life (of an open handle) from all others, anywhere, for others to keep:
 * who holds a lease, say. "" in a child after fork. */
enum { MN_LIFE = 48 };
void mn_region_life(mn_region *r, char word[MN_LIFE]);
/* UNKNOWN: of another region, or no such word: nobody here can tell. */
typedef enum mn_life { MN_LIFE_ENDED, MN_LIFE_GOES_ON, MN_LIFE_UNKNOWN } mn_life;
mn_life mn_region_lives(mn_region *r, const char *word);
/* An fd, the caller's to close, that is readable once its process has ended: then ask above. It is
 * an alarm and no proof: numbers of processes mean something else in another container. -1: there
 * is none. */
int mn_region_life_watch(mn_region *r, const char *word);
/* n bytes of the front of an extent one looks at, from `at` on, wherever it is. */
int mn_extent_peek(const mn_extent *x, uint64_t at, void *out, uint64_t n);

typedef struct mn_region_gone {
    uint64_t bytes, rows;    /* that left both tiers */
    uint64_t stayed_rows;    /* of those that are in use */
    int64_t by;              /* process id of one that uses them */
    int32_t extents, stayed; /* how many left, and stayed */
} mn_region_gone;
/* An extent leaves both tiers, overwritten, unless a living process uses it; added to `sum`. */
void mn_extent_forget(mn_region *r, mn_ref ref, mn_region_gone *sum);
/* What no extent has, pages and files, goes, overwritten: bytes. After forgetting. */
uint64_t mn_region_scrub(mn_region *r);
/* Both, of all extents. Bytes that left. */
MN_API uint64_t mn_region_clear(mn_region *r);
/* An extent that one looks at is never evicted, and does not expire; or may again. */
int mn_extent_keep(mn_extent *x, int keep);

/* ---- looking through all of it (check.c) --------------------------------------------------- */
typedef struct mn_region_findings {
    int32_t extents, open, out; /* found; being written; on disk alone */
    int32_t dead;               /* processes that had died and were not buried yet */
    int32_t orphans;            /* extents whose owner is none */
    int32_t entries, stale;     /* of the index; which lead nowhere any more */
    int32_t files, bad;         /* of the disk tier; damaged, or not there */
    int32_t expired;            /* extents nobody asked for in MN_DISK_DAYS days */
    uint64_t strange;           /* files that no extent has */
    uint64_t file_bytes, strange_bytes, expired_bytes;
    uint64_t charged, held; /* bytes extents say they hold, and that their ranges do hold */
    uint64_t beyond;        /* of those, that no extent says it holds */
    uint64_t warm;          /* held for nobody */
    uint64_t left;          /* bytes that went, when it was to be mended */
} mn_region_findings;
typedef struct mn_check_how {
    int mend; /* bury, and remove what is damaged, expired or nobody's */
    /* Bytes of files so far; non-zero stops. A line for what is damaged. */
    int (*report)(void *user, uint64_t done, uint64_t total);
    void (*wrong)(void *user, const char *line);
    void *user;
} mn_check_how;
int mn_region_inspect(mn_region *r, const mn_check_how *how, mn_region_findings *out);
/* The file and all files of its disk tier go, overwritten; consumes it. MN_EBUSY. */
MN_API int mn_region_destroy(mn_region **r, uint64_t *bytes);

/* ---- the index ---------------------------------------------------------------------------- */
/* The step that ends with `key` lies in `ref`. Old entries may give way: an entry is a hint. */
void mn_index_put(mn_region *r, uint64_t key, mn_ref ref);
/* References under `key`, at most `most`; stale ones and strangers may be among them. */
int mn_index_find(mn_region *r, uint64_t key, mn_ref *out, int most);
/* References of published extents that follow `anchor`, newest last. */
int mn_index_anchored(mn_region *r, uint64_t anchor, mn_ref *out, int most);

/* What was claimed under an anchor, with this seed (NULL: any), published or not: how many; the
 * first `most` of them. */
typedef struct mn_claim {
    mn_ref ref;
    uint8_t seed[32];
    int published; /* 0: it is being written */
} mn_claim;
int mn_index_claims(mn_region *r, uint64_t anchor, const uint8_t *seed, mn_claim *out, int most);

/* For the hit rate: a prompt of `asked` tokens found `found` of them. */
void mn_region_tell(mn_region *r, uint64_t asked, uint64_t found);

#endif
