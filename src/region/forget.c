/* SPDX-License-Identifier: Apache-2.0
 *
 * region/forget.c - what users ask of extents: which there are, that they go, that they stay.
 *
 * To forget is to overwrite, then to give back: pages of memory, the file, pages that were kept
 * warm for nobody, and files that who died left behind. Who is bringing an extent to disk pins it;
 * that takes a moment, and is waited for. Everybody else who pins it uses it.
 */
#include "region/disk.h"

#include "base/error.h"
#include "region/inside.h"

#include <time.h>
#include <unistd.h>

enum { PATIENCE = 1000 /* looks, 5 ms apart, at who brings an extent to disk */ };

int mn_region_each(mn_region *r, int (*each)(void *user, const mn_extent_facts *f), void *user) {
    MN_EACH_SLOT(r, c, i) {
        const mn_extent_slot *s = mn_slot(r, i);
        const uint64_t state = mn_word_load(&s->state), flags = mn_word_load(&s->flags);
        if (!mn_state_alive(state) || !(flags & MN_EXTENT_PUBLISHED)) continue;
        mn_extent_facts f = {.ref = mn_ref_make(mn_state_epoch(state), i),
                             .rows = mn_word_load(&s->length),
                             .memory = flags & MN_EXTENT_OUT ? 0 : mn_word_load(&s->charged),
                             .disk = mn_word_load(&s->stored),
                             .born = mn_word_load(&s->born),
                             .used = mn_word_load(&s->used),
                             .cost_us = mn_word_load(&s->cost),
                             .writer = (int64_t)mn_word_load(&s->writer),
                             .open = mn_state_phase(state) == MN_EXTENT_OPEN,
                             .kept = (flags & MN_EXTENT_KEPT) != 0,
                             .derived = (flags & MN_EXTENT_DERIVED) != 0};
        f.readers = mn_extent_pins(r, f.ref, &f.reader);
        const int rc = each(user, &f);
        if (rc) return rc;
    }
    return 0;
}

int mn_region_each_process(mn_region *r, int (*each)(void *user, const mn_proc_facts *f),
                           void *user) {
    int32_t writes[MN_REGION_PROCS + 1] = {0};
    MN_EACH_SLOT(r, c, k) {
        const uint64_t state = mn_word_load(&mn_slot(r, k)->state);
        if (mn_state_phase(state) == MN_EXTENT_OPEN && mn_state_owner(state) <= MN_REGION_PROCS)
            writes[mn_state_owner(state)]++;
    }
    for (int i = 0, end = mn_procs_end(r); i < end; i++) {
        const mn_proc_slot *p = mn_proc(r, i);
        if (mn_word_load(&p->state) != 1) continue;
        mn_proc_facts f = {.pid = (int64_t)mn_word_peek(&p->pid),
                           .born = mn_word_peek(&p->born),
                           .writes = writes[i + 1]};
        for (int k = 0; k < MN_REGION_PINS; k++) f.pins += mn_word_peek(p->pin + k) != 0;
        const int rc = each(user, &f);
        if (rc) return rc;
    }
    return 0;
}

int mn_extent_peek(const mn_extent *x, uint64_t at, void *out, uint64_t n) {
    mn_region *const r = x->region;
    mn_disk_head h;
    mn_buf path = {0};
    const uint64_t front = mn_word_load(&x->slot->front);
    if (at > front || n > front - at)
        return MN_FAIL(MN_ECORRUPT, "an extent has %llu bytes of tokens, not %llu",
                       (unsigned long long)front, (unsigned long long)(at + n));
    if (!(mn_word_load(&x->slot->flags) & MN_EXTENT_OUT))
        return mn_sparse_read(&r->file, (uint64_t)(x->data - r->file.data) + at, out, n);
    int rc = mn_disk_path(r, x->ref, &path);
    if (rc >= 0) rc = mn_file_read_at(path.data, 0, &h, sizeof h);
    if (rc >= 0 && (h.ref != x->ref || h.front != front))
        rc = MN_FAIL(MN_ECORRUPT, "%s is damaged (head)", path.data);
    if (rc >= 0) rc = mn_file_read_at(path.data, h.content + at, out, n);
    mn_buf_free(&path);
    return rc;
}

/* ---- forgetting --------------------------------------------------------------------------- */
/* Bytes of both tiers, or -1: somebody has it. */
static int64_t leave(mn_region *r, uint32_t i, uint64_t epoch) {
    const mn_extent_slot *s = mn_slot(r, i);
    for (int tries = 0;; tries++) {
        const uint64_t state = mn_word_load(&s->state);
        const int dying = mn_state_phase(state) == MN_EXTENT_DYING; /* it may come back */
        if (mn_state_epoch(state) != epoch || (!mn_state_alive(state) && !dying)) return 0;
        if (mn_state_phase(state) == MN_EXTENT_SEALED) {
            const uint64_t left = mn_extent_leave(r, i, state, MN_LEAVE_TRACE);
            if (mn_state_epoch(mn_word_load(&s->state)) != epoch) return (int64_t)left;
        }
        if ((!mn_disk_mover(r, s) && !dying) || tries > PATIENCE) return -1;
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
}

void mn_extent_forget(mn_region *r, mn_ref ref, mn_region_gone *sum) {
    const uint32_t i = mn_ref_slot(ref);
    if (r->me < 0 || i >= r->plan.slots) return;
    mn_extent_slot *s = mn_slot(r, i);
    const uint64_t state = mn_word_load(&s->state);
    const int derived = (mn_word_load(&s->flags) & MN_EXTENT_DERIVED) != 0;
    const uint64_t rows = derived ? 0 : mn_word_load(&s->length);
    const int owner = mn_state_owner(state);
    if (mn_state_epoch(state) != mn_ref_epoch(ref) || mn_state_phase(state) == MN_EXTENT_FREE)
        return;
    const int64_t left = leave(r, i, mn_ref_epoch(ref));
    if (left >= 0) {
        sum->extents++;
        sum->rows += rows;
        sum->bytes += (uint64_t)left;
        return;
    }
    sum->stayed++;
    sum->stayed_rows += rows;
    sum->by = 0;
    mn_extent_pins(r, ref, &sum->by);
    if (!sum->by && owner && owner <= MN_REGION_PROCS)
        sum->by = (int64_t)mn_word_peek(&mn_proc(r, owner - 1)->pid);
}

uint64_t mn_region_scrub(mn_region *r) {
    uint64_t left = 0;
    if (r->me < 0) return 0;
    MN_EACH_SLOT(r, c, i) {
        mn_extent_slot *s = mn_slot(r, i);
        const uint64_t state = mn_word_load(&s->state);
        if (mn_state_phase(state) == MN_EXTENT_FREE && mn_word_peek(&s->charged))
            left += mn_extent_scrub(r, i, state);
    }
    return left + mn_disk_sweep(r, 2).bytes;
}

uint64_t mn_region_clear(mn_region *r) {
    mn_region_gone sum = {0};
    if (r->me < 0) return 0;
    mn_region_reap(r);
    MN_EACH_SLOT(r, c, i) {
        const uint64_t state = mn_word_load(&mn_slot(r, i)->state);
        mn_extent_forget(r, mn_ref_make(mn_state_epoch(state), i), &sum);
    }
    return sum.bytes + mn_region_scrub(r);
}

/* ---- keeping ------------------------------------------------------------------------------ */
/* First the flag, then the file that says so to the next region: mn_disk_sweep takes away a file
 * whose flag is not set. */
int mn_extent_keep(mn_extent *x, int keep) {
    mn_region *const r = x->region;
    mn_buf path = {0};
    mn_filew *f = NULL;
    int rc = mn_disk_on(r) ? mn_disk_pin_path(r, x->ref, &path) : 0;
    if (rc >= 0 && keep) {
        mn_word_set(&x->slot->flags, MN_EXTENT_KEPT);
        if (path.data) rc = mn_file_begin(path.data, &f);
        if (rc >= 0 && f) rc = mn_file_settle(&f);
    } else if (rc >= 0) {
        mn_word_clear(&x->slot->flags, MN_EXTENT_KEPT);
        if (path.data) unlink(path.data);
    }
    mn_buf_free(&path);
    return rc;
}
