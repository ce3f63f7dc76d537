/* SPDX-License-Identifier: Apache-2.0
 *
 * region/check.c - a region looked through: what its words say against what is there.
 *
 * Others go on meanwhile, so only what cannot be under way counts as wrong: a slot is judged when
 * it was the same before and after it was looked at. Files are read to their last byte, in a
 * mapping of their own, and compared with their sums. Nothing is younger for having been checked.
 */
#include "region/disk.h"

#include "base/error.h"
#include "region/inside.h"

#include <stdio.h>
#include <string.h>

typedef struct checking {
    mn_region *r;
    const mn_check_how *how;
    mn_region_findings *out;
    uint64_t done, total; /* bytes of files */
} checking;

static void wrong(const checking *w, const char *what, mn_ref ref) {
    char line[1400];
    snprintf(line, sizeof line, "extent %0*llx: %s", MN_DISK_NAME, (unsigned long long)ref, what);
    if (w->how->wrong) w->how->wrong(w->how->user, line);
}

/* ---- words -------------------------------------------------------------------------------- */
static void count_dead(checking *w) {
    mn_region *r = w->r;
    for (int i = 0, end = mn_procs_end(r); i < end; i++)
        if (i != r->me && mn_word_load(&mn_proc(r, i)->state) && !mn_byte_lock_held(r->locks, i))
            w->out->dead++;
}

static void look_at_index(checking *w) {
    const mn_region *r = w->r;
    const mn_index_entry *e =
        (const mn_index_entry *)(const void *)(r->file.data + r->plan.index_at);
    for (uint32_t i = 0; i < r->plan.entries; i++) {
        const mn_ref ref = mn_word_peek(&e[i].ref);
        const uint32_t k = mn_ref_slot(ref);
        if (!ref) continue;
        w->out->entries++;
        const uint64_t state = k < r->plan.slots ? mn_word_load(&mn_slot(r, k)->state) : 0;
        const int phase = mn_state_phase(state);
        w->out->stale += k >= r->plan.slots || mn_state_epoch(state) != mn_ref_epoch(ref) ||
                         phase == MN_EXTENT_FREE || phase == MN_EXTENT_GONE;
    }
}

/* Is its owner, named by `state`, nobody who could do anything? */
static int orphan(const mn_region *r, uint64_t state) {
    const int owner = mn_state_owner(state), phase = mn_state_phase(state);
    const int owned =
        phase == MN_EXTENT_OPEN || phase == MN_EXTENT_DYING || phase == MN_EXTENT_GONE;
    if (phase > MN_EXTENT_GONE) return 1;
    return owned ? owner < 1 || owner > MN_REGION_PROCS : owner != 0;
}

static void look_at_pages(checking *w, uint32_t i, int c) {
    mn_extent_slot *s = mn_slot(w->r, i);
    const uint64_t state = mn_word_load(&s->state), charged = mn_word_load(&s->charged);
    const uint64_t held = mn_sparse_held_in(&w->r->file, mn_slot_at(w->r, i, c), mn_class_bytes(c));
    const int phase = mn_state_phase(state);
    const int still = mn_word_load(&s->state) == state && mn_word_load(&s->charged) == charged &&
                      (phase == MN_EXTENT_FREE || phase == MN_EXTENT_SEALED);
    w->out->charged += charged;
    w->out->held += held;
    if (phase == MN_EXTENT_FREE) w->out->warm += charged;
    if (still && held > charged && mn_sparse_in_memory(&w->r->file))
        w->out->beyond += held - charged;
    if (w->how->mend && phase == MN_EXTENT_FREE && (charged || held)) {
        const uint64_t left = mn_extent_scrub(w->r, i, state);
        w->out->left += left > held ? left : held;
    }
}

/* ---- files -------------------------------------------------------------------------------- */
/* What is wrong with the file of an extent one looks at; NULL in *out: nothing. A failure to read
 * it says nothing about it. */
static int file_wrong(const mn_extent *x, const char *path, const char **out) {
    mn_map map = {0};
    mn_disk_head h;
    *out = NULL;
    const int rc = mn_guard_map(path, &map);
    if (rc == MN_ENOENT || rc == MN_ECORRUPT) *out = "its file is not there, or empty";
    if (rc < 0) return *out ? 0 : rc;
    const char *what = "its file is damaged (head)";
    if (map.size > sizeof h) {
        memcpy(&h, map.data, sizeof h);
        if (mn_disk_fits_extent(x, &h, map.size)) {
            what = mn_disk_all_wrong(map.data, &h);
            if (what) what = "its file is damaged (sums)";
        }
    }
    mn_guard_unmap(&map);
    *out = what;
    return 0;
}

static int look_at_file(checking *w, mn_ref ref, uint64_t stored) {
    mn_extent x;
    mn_buf path = {0};
    if (!mn_extent_look(w->r, ref, &x)) return 0;
    int rc = mn_disk_path(w->r, ref, &path);
    const char *what = NULL;
    if (rc >= 0) rc = file_wrong(&x, path.data, &what);
    if (what && mn_word_load(&x.slot->stored) == stored) {
        w->out->bad++;
        wrong(w, what, ref);
        if (w->how->mend) {
            mn_disk_unlink(w->r, ref, 0);
            mn_word_store(&x.slot->stored, 0); /* nobody takes it for whole any more */
            w->out->left += stored;
        }
    }
    mn_extent_unpin(&x);
    mn_buf_free(&path);
    w->out->files++;
    w->out->file_bytes += stored;
    w->done += stored;
    if (rc >= 0 && w->how->report && w->how->report(w->how->user, w->done, w->total))
        rc = MN_FAIL(MN_ECANCELLED, "stopped");
    return rc;
}

static int look_at_slot(checking *w, uint32_t i) {
    mn_extent_slot *s = mn_slot(w->r, i);
    uint64_t state = mn_word_load(&s->state);
    mn_region_findings *f = w->out;
    const mn_ref ref = mn_ref_make(mn_state_epoch(state), i);
    const int phase = mn_state_phase(state);
    if (orphan(w->r, state) && mn_word_load(&s->state) == state) {
        f->orphans++;
        wrong(w, "its state is none that there can be", ref);
        if (w->how->mend) f->left += mn_extent_scrub(w->r, i, state);
        return 0;
    }
    if (!mn_state_alive(state)) return 0;
    f->extents++;
    f->open += phase == MN_EXTENT_OPEN;
    const uint64_t stored = mn_word_load(&s->stored), charged = mn_word_load(&s->charged);
    if (stored) MN_TRY(look_at_file(w, ref, stored));
    const int out = (mn_word_load(&s->flags) & MN_EXTENT_OUT) != 0;
    const int lost = out && !mn_word_load(&s->stored);
    f->out += out;
    if (phase != MN_EXTENT_SEALED) return 0;
    if (lost && !stored) {
        f->bad++;
        wrong(w, "its file was lost", ref);
    }
    if (mn_extent_expired(s)) {
        f->expired++;
        f->expired_bytes += stored + charged;
    }
    if (w->how->mend && (lost || mn_extent_expired(s)))
        f->left += mn_extent_leave(w->r, i, state, MN_LEAVE);
    return 0;
}

int mn_region_inspect(mn_region *r, const mn_check_how *how, mn_region_findings *out) {
    checking w = {.r = r, .how = how, .out = out};
    *out = (mn_region_findings){0};
    MN_TRY(mn_extent_forked(r));
    count_dead(&w);
    if (how->mend) mn_region_reap(r);
    w.total = mn_disk_used(r);
    MN_EACH_SLOT(r, c, i) MN_TRY(look_at_slot(&w, i));
    MN_EACH_SLOT(r, c, i) look_at_pages(&w, i, c);
    look_at_index(&w);
    const mn_disk_strangers strange = mn_disk_sweep(r, how->mend ? 2 : 0);
    out->strange = strange.files;
    out->strange_bytes = strange.bytes;
    if (how->mend) out->left += strange.bytes;
    if (how->mend && mn_disk_on(r)) mn_disk_room(r); /* the limit may have been made smaller */
    return 0;
}
