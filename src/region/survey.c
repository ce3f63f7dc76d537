/* SPDX-License-Identifier: Apache-2.0
 *
 * region/survey.c - what is in a region, counted while it goes on changing.
 */
#include "region/cell.h"

/* Read like a file: where there has never been an object is a hole, which a look would fill. */
static uint64_t watched(const mn_region *r) {
    mn_topic some[64];
    uint64_t n = 0;
    for (size_t i = 0; i < MN_REGION_TOPICS; i += 64) {
        if (mn_sparse_read(&r->file, r->plan.topics_at + i * sizeof *some, some, sizeof some) < 0)
            break;
        for (int k = 0; k < 64; k++) n += mn_word_peek(&some[k].count) & 1;
    }
    return n;
}

void mn_region_count(mn_region *r, mn_region_counts *out) {
    const mn_region_tops *t = mn_tops(r);
    *out = (mn_region_counts){.path = r->file.path,
                              .disk = r->disk,
                              .limit = r->limit,
                              .disk_limit = r->disk[0] ? mn_word_load(&t->disk_limit) : 0,
                              .size = r->file.size,
                              .made = r->made,
                              .asked = mn_word_peek(&t->asked),
                              .found = mn_word_peek(&t->found),
                              .evicted = mn_word_peek(&t->evicted),
                              .moved = mn_word_peek(&t->moved),
                              .damaged = mn_word_peek(&t->damaged),
                              .taken = mn_word_peek(&t->taken),
                              .given = mn_word_peek(&t->given),
                              .refused = mn_word_peek(&t->refused),
                              .unlinked = mn_word_peek(&t->unlinked)};
    mn_region_reap(r);
    for (int i = 0, end = mn_procs_end(r); i < end; i++)
        out->processes += mn_word_load(&mn_proc(r, i)->state) == 1;
    out->processes -= r->me >= 0; /* who asks does not count */
    out->charged = mn_cells_charged(r);
    MN_EACH_SLOT(r, c, i) {
        mn_extent_slot *s = mn_slot(r, i);
        const uint64_t charged = mn_word_load(&s->charged), length = mn_word_load(&s->length);
        const uint64_t state = mn_word_load(&s->state);
        out->charged += charged;
        if (mn_state_phase(state) == MN_EXTENT_FREE) out->warm += charged;
        if (!mn_state_alive(state)) continue;
        if (mn_state_phase(state) == MN_EXTENT_OPEN) out->open++;
        if (mn_word_load(&s->flags) & MN_EXTENT_OUT) out->out++;
        out->stored += mn_word_load(&s->stored);
        out->extents++;
        if (mn_word_load(&s->flags) & MN_EXTENT_DERIVED) {
            out->derived++;
            continue;
        }
        out->rows += length;
        out->cost_us += mn_word_load(&s->cost);
    }
    out->held = mn_sparse_held(&r->file);
    out->watched = watched(r);
}
