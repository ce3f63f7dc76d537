/* SPDX-License-Identifier: Apache-2.0
 *
 * kv/parcel.h - keys and values that leave a region in a file, and come into another one.
 *
 * What region/parcel.h carries names what comes before it in two places: its parent, and the spans
 * in its head. Here they are put in order, and translated.
 */
#ifndef MN_KV_PARCEL_H
#define MN_KV_PARCEL_H
#include "region/region.h"

typedef struct mn_kv_carried {
    uint64_t rows, bytes; /* of `extents`: tokens, and bytes of their files */
    int32_t extents;      /* that went into the file, or came into the region */
    int32_t there;        /* import: that the region had already */
    int32_t left;         /* left out. Export: still growing, less than 64 tokens, or damaged
                             before; import: the region has no room */
} mn_kv_carried;
typedef struct mn_kv_progress {
    /* Bytes; non-zero stops. May be NULL. */
    int (*report)(void *user, uint64_t done, uint64_t total);
    void *user;
} mn_kv_progress;

/* The extent `last` with all that comes before it (0: all sealed ones) go into a file at `path`,
 * which is complete or absent. MN_ENOENT: there is nothing. */
int mn_kv_export(mn_region *r, mn_ref last, const char *path, const mn_kv_progress *progress,
                 mn_kv_carried *out);
/* All of the file is checked, then what the region has not is added to it, each extent whole or not
 * at all; older ones may have to go. MN_ECORRUPT: nothing was changed; MN_EFULL: nothing fits. */
int mn_kv_import(mn_region *r, const char *path, const mn_kv_progress *progress,
                 mn_kv_carried *out);

#endif
