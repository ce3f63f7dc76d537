/* SPDX-License-Identifier: Apache-2.0
 *
 * region/restore.c - a region that is made anew takes up what the disk tier has of its forerunner.
 *
 * Each file says which slot its extent had, and under which epoch. It is put there again, SEALED
 * and OUT, so references between extents are what they were; slots that come to be used later get
 * epochs above all of these. Only the heads are read; rows are read by who needs them. Files that
 * are no use any more (of another size of region, damaged, not asked for in 30 days) are removed.
 */
#include "region/disk.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/walk.h"
#include "region/inside.h"

#include <string.h>
#include <unistd.h>

enum { MOST_FILES = 1 << 16 };

typedef struct restoring {
    mn_region *r;
    uint64_t late; /* what was used before has expired */
    uint64_t far;  /* epochs from here on are of no clock that went a little wrong */
    uint64_t epoch;
} restoring;

/* Does a file beside it say that it is kept? */
static int kept(const mn_region *r, mn_ref ref) {
    mn_buf path = {0};
    const int is = mn_disk_pin_path(r, ref, &path) >= 0 && access(path.data, F_OK) == 0;
    mn_buf_free(&path);
    return is;
}

/* Head, keys and sums of a file, checked; MN_ECORRUPT, or a failure to read. */
static int read_head(const char *path, uint64_t bytes, mn_buf *out) {
    mn_disk_head h;
    if (bytes < sizeof h) return MN_FAIL(MN_ECORRUPT, "%s is cut short", path);
    MN_TRY(mn_file_read_at(path, 0, &h, sizeof h));
    if (!mn_disk_fits(&h, bytes) || h.content > MN_DISK_HEAD)
        return MN_FAIL(MN_ECORRUPT, "%s is no file of an extent", path);
    MN_TRY(mn_buf_reserve(out, mn_disk_table(&h)));
    MN_TRY(mn_file_read_at(path, 0, out->data, mn_disk_table(&h)));
    memcpy(out->data, &h, sizeof h); /* what was looked at */
    out->len = mn_disk_table(&h);
    if (mn_disk_sum(out->data, &h) != h.sum)
        return MN_FAIL(MN_ECORRUPT, "%s is damaged (sums)", path);
    return 0;
}

void mn_disk_take_up(mn_region *r, const mn_disk_head *h, uint64_t used, const uint64_t *keys) {
    const uint32_t i = mn_ref_slot(h->ref);
    mn_extent_slot *s = mn_slot(r, i);
    const int c = mn_slot_class(r, i);
    mn_word_store(&s->length, h->length);
    mn_word_store(&s->shape, h->shape);
    mn_word_store(&s->used, used);
    mn_word_store(&s->cost, h->cost);
    mn_word_store(&s->parent, h->parent);
    mn_word_store(&s->anchor, h->anchor);
    for (int k = 0; k < 4; k++) mn_word_store(s->seed + k, h->seed[k]);
    mn_word_store(&s->writer, h->writer);
    mn_word_store(&s->born, h->born);
    mn_word_store(&s->front, h->front);
    mn_word_store(&s->planes, h->planes);
    mn_word_store(&s->stride, h->stride);
    mn_word_store(&s->group, h->group);
    mn_word_store(&s->stored, h->bytes);
    mn_word_store(&s->checked, 0);
    mn_word_announce(&s->flags,
                     MN_EXTENT_PUBLISHED | MN_EXTENT_OUT | (kept(r, h->ref) ? MN_EXTENT_KEPT : 0));
    mn_word_store(&s->state, mn_state_make(mn_ref_epoch(h->ref), 0, MN_EXTENT_SEALED));
    const uint64_t top = i - r->plan.first[c] + 1;
    if (mn_word_peek(mn_top(r, c)) < top) mn_word_store(mn_top(r, c), top);
    for (uint64_t k = 0; k < h->n_keys; k++) mn_index_put(r, keys[k], h->ref);
}

/* One file: 1 when it is of use. */
static int restore(restoring *w, const mn_walk_entry *e, mn_ref ref) {
    mn_buf head = {.limit = MN_DISK_HEAD + 1};
    mn_disk_head h;
    const uint32_t i = mn_ref_slot(ref);
    int good = i < w->r->plan.slots && read_head(e->path, e->bytes, &head) >= 0;
    if (good) memcpy(&h, head.data, sizeof h);
    const uint64_t touched = good && e->mtime_ns > 0 ? (uint64_t)e->mtime_ns / 1000000000 : 0;
    const uint64_t used = good && h.used > touched ? h.used : touched;
    good = good && h.ref == ref && mn_ref_epoch(ref) < w->far && h.region == w->r->plan.size &&
           (used >= w->late || kept(w->r, ref));
    if (good) { /* a slot has one tenant: the younger one */
        const uint64_t there = mn_word_load(&mn_slot(w->r, i)->state);
        const mn_ref other = mn_ref_make(mn_state_epoch(there), i);
        if (mn_state_phase(there) == MN_EXTENT_SEALED && other > ref)
            good = 0;
        else if (mn_state_phase(there) == MN_EXTENT_SEALED)
            mn_disk_unlink(w->r, other, 0);
    }
    if (good) {
        const uint64_t *keys = (const uint64_t *)(const void *)(head.data + sizeof h);
        mn_disk_take_up(w->r, &h, used, keys);
        if (mn_ref_epoch(ref) >= w->epoch) w->epoch = mn_ref_epoch(ref) + 1;
    }
    mn_buf_free(&head);
    return good;
}

static int each(void *user, const mn_walk_entry *e) {
    const char *rest;
    const mn_ref ref = e->kind == MN_WALK_FILE ? mn_disk_named(e->rest, &rest) : 0;
    if (ref && !*rest && !restore(user, e, ref)) unlink(e->path);
    return 0;
}

int mn_disk_restore(mn_region *r) {
    const uint64_t year = (uint64_t)366 * 24 * 3600;
    restoring w = {.r = r,
                   .late = mn_now() - (uint64_t)MN_DISK_DAYS * 24 * 3600,
                   .far = r->epoch + year * MN_EPOCHS,
                   .epoch = r->epoch};
    if (r->disk[0]) mn_walk(r->disk, 1, MOST_FILES, each, &w);
    r->epoch = w.epoch;
    mn_disk_sweep(r, 1); /* what was begun by who died over it, above all */
    return 0;
}
