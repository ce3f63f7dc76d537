/* SPDX-License-Identifier: Apache-2.0
 *
 * region/disk.h - the file of one extent, byte by byte: what disk.c writes and restore.c reads.
 *
 *   head | keys uint64 [n_keys] | sums uint64 [n_sums] | to the next page
 *   front | planes, one every `stride` bytes
 *
 * The content is the extent's own (region/format.h), but planes end with the last row, in whole
 * pages. Rows are summed in blocks of MN_TIER_ROWS, so that a prompt that needs the first rows of a
 * long extent reads those only: sums[0] is of the front, sums[1 + plane * blocks + b] of block b of
 * a plane, XXH3 all. Keys are those under which the index led to it.
 *
 * The file is named by the extent's reference, which never comes back: a region that is made anew
 * puts it into the slot where it was, under the epoch it had, so references between extents stay
 * what they were. No fsync: a file that a power cut damaged has wrong sums, and is dropped. Beside
 * it, an empty NAME.pin says that the extent is kept whatever happens.
 */
#ifndef MN_REGION_DISK_H
#define MN_REGION_DISK_H
#include "region/region.h"

#define MN_DISK_MAGIC "OMNEXT2\n"
enum {
    MN_DISK_NAME = 16,       /* digits of a file name */
    MN_DISK_LEAST = 64,      /* rows worth a file; what others begin with may have less */
    MN_DISK_HEAD = 16 << 20, /* no head with keys and sums is longer */
    MN_DISK_MOST_ROWS = 1 << 24,
    MN_DISK_DAYS = 30, /* what nobody asked for leaves after so long (MN_DAYS) */
};

typedef struct mn_disk_head {
    char magic[8];
    uint64_t sum;         /* XXH3 of all that follows, up to the last of the sums */
    uint64_t ref, region; /* reference, and size of the region it is one of */
    uint64_t bytes;       /* of the file */
    uint64_t content;     /* where the front begins */
    uint64_t length, shape, used, cost, parent, anchor, flags, seed[4], writer, born;
    uint64_t front, planes, stride, group; /* stride: here */
    uint64_t n_keys, n_sums;
} mn_disk_head;
enum { MN_DISK_SUMMED = 16 /* from where on */ };

static inline uint64_t mn_disk_pages(uint64_t bytes) {
    return (bytes + MN_REGION_PAGE - 1) / MN_REGION_PAGE * MN_REGION_PAGE;
}
/* Bytes of the first `rows` rows of a plane. */
static inline uint64_t mn_disk_rows(uint64_t group, uint64_t rows) {
    return (rows + 15) / 16 * group;
}
/* Bytes of head, keys and sums. */
static inline uint64_t mn_disk_table(const mn_disk_head *h) {
    return sizeof *h + (h->n_keys + h->n_sums) * sizeof(uint64_t);
}
static inline uint64_t mn_disk_blocks(uint64_t rows) {
    return (rows + MN_TIER_ROWS - 1) / MN_TIER_ROWS;
}

/* ---- what a file says of itself (sound.c) ------------------------------------------------- */
/* Can it be so, in a file of `size` bytes? */
int mn_disk_fits(const mn_disk_head *h, uint64_t size);
/* The sum of a table that begins with such a head. */
uint64_t mn_disk_sum(const void *table, const mn_disk_head *h);
/* What was left open in front of the content: the head, which gets its sum, and behind it the keys
 * and sums that the table holds. */
int mn_disk_finish(mn_filew *out, mn_disk_head *h, mn_buf *table);
/* Is it the file of this extent, as it is now, and can it be so? */
int mn_disk_fits_extent(const mn_extent *x, const mn_disk_head *h, uint64_t size);
/* What is wrong with a block of a plane of a file that fits (plane -1: its sums and its front), in
 * a word for people; NULL: nothing. */
const char *mn_disk_wrong(const uint8_t *file, const mn_disk_head *h, int64_t plane,
                          uint64_t block);
/* The same of all of it. */
const char *mn_disk_all_wrong(const uint8_t *file, const mn_disk_head *h);

/* ---- files of the folder (sweep.c) -------------------------------------------------------- */
/* The reference a name begins with, and what follows it ("", ".pin", ".tmp.PID"); 0: not ours. */
mn_ref mn_disk_named(const char *name, const char **rest);
typedef struct mn_disk_strangers {
    uint64_t files, bytes;
} mn_disk_strangers;
/* Files of ours that no extent has: counted; how 1: and removed; 2: overwritten before. */
mn_disk_strangers mn_disk_sweep(mn_region *r, int how);

#endif
