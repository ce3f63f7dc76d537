/* SPDX-License-Identifier: Apache-2.0
 *
 * region/destroy.c - a region is removed for good, when nobody uses it.
 *
 * Who holds the locks of all process slots is alone, and stays so: nobody can come. PATH.lock
 * stays, for a lock on a file without a name protects nothing.
 */
#include "base/error.h"
#include "region/disk.h"
#include "region/inside.h"

#include <unistd.h>

/* All locks are taken that nobody has: how many others have, and their ids as text. */
static int others(mn_region *r, mn_buf *whose) {
    int n = 0;
    for (int i = 0; i < MN_REGION_PROCS; i++) {
        if (i == r->me || mn_byte_lock_try(r->locks, i)) continue;
        const uint64_t pid = mn_word_peek(&mn_proc(r, i)->pid);
        MN_TRY(mn_buf_printf(whose, "%s%llu", n ? ", " : "", (unsigned long long)pid));
        n++;
    }
    return n;
}

/* Locks of others' slots are given back; the own one is life itself. */
static void leave(mn_region *r) {
    for (int i = 0; i < MN_REGION_PROCS; i++)
        if (i != r->me) mn_byte_lock_free(r->locks, i);
}

int mn_region_destroy(mn_region **pr, uint64_t *bytes) {
    mn_region *r = *pr;
    mn_buf whose = {0};
    *bytes = 0;
    MN_TRY(mn_extent_forked(r));
    mn_region_reap(r);
    int rc = others(r, &whose);
    if (rc > 0)
        rc = MN_FAIL(MN_EBUSY, "%s is in use by process%s %s; end %s first", r->file.path,
                     rc > 1 ? "es" : "", whose.data, rc > 1 ? "them" : "it");
    mn_buf_free(&whose);
    if (rc < 0) {
        leave(r);
        return rc;
    }
    *bytes = mn_region_clear(r);
    if (r->disk[0]) rmdir(r->disk);               /* unless there is something that is not ours */
    if (r->journal[0]) mn_file_shred(r->journal); /* durable objects, if there were any */
    if (unlink(r->file.path) < 0)
        return leave(r), MN_FAIL(MN_EIO, "%s cannot be removed", r->file.path);
    /* what is left: slots, keys, objects */
    mn_sparse_wipe(&r->file, r->plan.extents_at, r->file.size - r->plan.extents_at);
    mn_region_close(pr);
    return 0;
}
