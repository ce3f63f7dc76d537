/* SPDX-License-Identifier: Apache-2.0
 *
 * region/parcel.h - extents in one file, on their way to another region or another machine.
 *
 *   head | sizes uint64 [count] | zeroes up to `content`, a page
 *   files of the disk tier (region/disk.h), one behind the other
 *
 * Files have whole pages, so where each begins follows from the sizes: no offset can lie. An extent
 * names others by references that mean nothing elsewhere; whoever packs puts what is named before
 * what names it, and whoever unpacks gives all of them new ones (kv/parcel.h, which knows where in
 * the content they stand).
 *
 * A parcel is input: every byte is compared with its sums, and what has no sum is zero. XXH3 finds
 * damage, not malice: rows are as good as who computed them.
 */
#ifndef MN_REGION_PARCEL_H
#define MN_REGION_PARCEL_H
#include "region/disk.h"

#define MN_PARCEL_MAGIC "OMNEXP1\n"
enum {
    MN_PARCEL_VERSION = 1,
    MN_PARCEL_MOST = MN_REGION_CLASSES * MN_REGION_OF_CLASS, /* no region has more extents */
    MN_PARCEL_GROUP = 1 << 20, /* bytes that 16 rows of a plane take at most */
};

typedef struct mn_parcel_head {
    char magic[8];
    uint64_t sum;     /* XXH3 of all that follows, up to the last of the sizes */
    uint64_t version; /* MN_PARCEL_VERSION */
    uint64_t bytes;   /* of this file */
    uint64_t content; /* where the first file begins */
    uint64_t count;   /* files */
} mn_parcel_head;
enum { MN_PARCEL_SUMMED = 16 /* from where on */ };

/* ---- packing (parcel.c) ------------------------------------------------------------------- */
typedef struct mn_packing {
    mn_region *region;
    mn_filew *file;
    mn_buf table; /* the head, sizes */
    uint64_t content, bytes;
} mn_packing;
/* MN_EUNSUPPORTED without a disk tier, which both ways lead through. */
int mn_parcel_able(const mn_region *r);
/* The file at `path` begins, for at most `most` extents. */
int mn_parcel_begin(mn_region *r, const char *path, size_t most, mn_packing *out);
/* One sealed extent, written to the disk tier first when it has no file there: 1, or 0 when it
 * cannot have one; MN_ECORRUPT. */
int mn_parcel_add(mn_packing *p, mn_ref ref);
int mn_parcel_commit(mn_packing *p); /* consumes it, also on failure; bytes stays */
void mn_parcel_abort(mn_packing *p);

/* ---- unpacking (unpack.c) ----------------------------------------------------------------- */
typedef struct mn_parcel {
    const char *path; /* borrowed */
    mn_map map;
    uint64_t *at; /* [count + 1] where files begin */
    uint32_t count;
} mn_parcel;
/* What is there, mapped, its head checked; for `r`, of which nothing changes. */
int mn_parcel_open(mn_region *r, const char *path, mn_parcel *out);
void mn_parcel_close(mn_parcel *p); /* an empty one is fine */
/* File i, compared to its last byte; its head is copied. MN_ECORRUPT. */
int mn_parcel_check(const mn_parcel *p, uint32_t i, mn_disk_head *out);
/* It becomes an extent of this region, SEALED and OUT, whose front is `front`, of n bytes; `head`
 * is what mn_parcel_check found, and what else the file says is compared with it once more.
 * MN_EFULL: there is no range, or no room on disk. Whole, or not at all. */
int mn_parcel_take(mn_region *r, const mn_parcel *p, uint32_t i, const mn_disk_head *head,
                   const uint8_t *front, uint64_t n, mn_ref parent, mn_ref *out);

#endif
