/* SPDX-License-Identifier: Apache-2.0
 *
 * region/sweep.c - files of the disk tier that no extent has any more.
 *
 * They are left by who was killed between two steps: over a file (NAME.tmp.PID), or behind one that
 * was not booked yet. A file may go when its extent has gone, or when the extent is there, has no
 * file, and nobody is writing one: `moving` says so, and holding it keeps others from beginning.
 */
#include "region/disk.h"

#include "base/walk.h"
#include "region/inside.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_FILES = 1 << 18 };

mn_ref mn_disk_named(const char *name, const char **rest) {
    char digits[MN_DISK_NAME + 1] = {0};
    if (strspn(name, "0123456789abcdef") < MN_DISK_NAME) return 0;
    memcpy(digits, name, MN_DISK_NAME);
    *rest = name + MN_DISK_NAME;
    if (**rest && strcmp(*rest, ".pin") != 0 && strncmp(*rest, ".tmp.", 5) != 0 &&
        strncmp(*rest, ".pin.tmp.", 9) != 0)
        return 0;
    return strtoull(digits, NULL, 16);
}

/* The slot of the extent `ref` names, when it is there. */
static mn_extent_slot *slot_of(const mn_region *r, mn_ref ref) {
    const uint32_t i = mn_ref_slot(ref);
    if (i >= r->plan.slots) return NULL;
    mn_extent_slot *s = mn_slot(r, i);
    const uint64_t state = mn_word_load(&s->state);
    return mn_state_epoch(state) == mn_ref_epoch(ref) && mn_state_phase(state) != MN_EXTENT_FREE
               ? s
               : NULL;
}

typedef struct sweeping {
    mn_region *r;
    int how;
    mn_disk_strangers sum;
} sweeping;

static int strange(const mn_extent_slot *s, const char *rest) {
    if (strcmp(rest, ".pin") == 0) return !(mn_word_load(&s->flags) & MN_EXTENT_KEPT);
    return *rest ? 1 : !mn_word_load(&s->stored);
}

static int each(void *user, const mn_walk_entry *e) {
    sweeping *w = user;
    const char *rest;
    const mn_ref ref = e->kind == MN_WALK_FILE ? mn_disk_named(e->rest, &rest) : 0;
    if (!ref) return 0;
    mn_extent_slot *const s = slot_of(w->r, ref);
    const uint64_t me = (uint64_t)w->r->me + 1;
    if (s && !mn_word_cas(&s->moving, 0, me)) return 0;
    if (!s || strange(s, rest)) {
        w->sum.files++;
        w->sum.bytes += e->bytes;
        if (w->how == 1 || (w->how == 2 && mn_file_shred(e->path) < 0)) unlink(e->path);
    }
    if (s) mn_word_store(&s->moving, 0);
    return 0;
}

mn_disk_strangers mn_disk_sweep(mn_region *r, int how) {
    sweeping w = {.r = r, .how = how};
    if (mn_disk_on(r)) mn_walk(r->disk, 1, MOST_FILES, each, &w);
    return w.sum;
}
