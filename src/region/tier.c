/* SPDX-License-Identifier: Apache-2.0
 *
 * region/tier.c - where the content of an extent is: the registry of tiers, and memory, the first.
 */
#include "base/error.h"
#include "region/inside.h"

#include <sys/mman.h>

static uint64_t ram_limit(const mn_region *r) {
    return r->limit;
}

static uint64_t ram_bytes(const mn_region *r, const mn_extent_slot *s) {
    (void)r;
    return mn_word_load(&s->charged);
}

static int ram_find(mn_extent *x, mn_image *out) {
    if (mn_word_load(&x->slot->flags) & MN_EXTENT_OUT) return 0;
    const uint64_t front = mn_word_load(&x->slot->front);
    out->n = mn_word_load(&x->slot->planes);
    out->stride = mn_word_load(&x->slot->stride);
    if (!front || front >= x->bytes || !out->stride || (front | out->stride) % MN_REGION_PAGE ||
        out->n > (x->bytes - front) / out->stride)
        return 0;
    out->front = x->data;
    out->planes = x->data + front;
    out->rows = UINT64_MAX;
    return 1;
}

static const mn_tier ram = {"ram", ram_limit, ram_bytes, ram_find, NULL, NULL, NULL};
const mn_tier *const mn_tiers[] = {&ram, &mn_tier_disk, NULL};

int mn_extent_image(mn_extent *x, mn_image *out) {
    for (const mn_tier *const *t = mn_tiers; *t; t++) {
        *out = (mn_image){.tier = *t};
        if ((*t)->find(x, out)) return 1;
    }
    *out = (mn_image){0};
    return 0;
}

uint64_t mn_extent_proven(const mn_extent *x, const mn_image *i) {
    return i->tier->prove ? mn_word_load(&x->slot->checked) : UINT64_MAX;
}

void mn_extent_believe(mn_extent *x, uint64_t rows) {
    for (uint64_t was; (was = mn_word_load(&x->slot->checked)) < rows;)
        if (mn_word_cas(&x->slot->checked, was, rows)) break;
}

int mn_image_intact(const mn_image *i) {
    return !i->map.data || !mn_guard_hit(i->map.data);
}

void mn_image_free(mn_image *i) {
    mn_mapped_close(&i->file);
    *i = (mn_image){0};
}

void mn_extent_reject(mn_extent *x) {
    if (!(mn_word_load(&x->slot->flags) & MN_EXTENT_OUT)) return;
    mn_mapped_forget(x->region, x->ref);
    mn_disk_unlink(x->region, x->ref, 0); /* who dies here leaves what the next one rejects again */
    mn_word_store(&x->slot->stored, 0);
}
