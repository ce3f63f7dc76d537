/* SPDX-License-Identifier: Apache-2.0
 *
 * region/sound.c - is the file of an extent what it says it is? Sums of mapped bytes, nothing else.
 *
 * A file is input: it lies where a disk may turn its bits, and another machine may have made it.
 * First mn_disk_fits, which bounds every number in the head; then block by block, as they are used.
 */
#include "region/disk.h"

#include "base/hash.h"

#include <string.h>

int mn_disk_fits(const mn_disk_head *h, uint64_t size) {
    if (memcmp(h->magic, MN_DISK_MAGIC, sizeof h->magic) != 0 || h->bytes != size) return 0;
    if (!h->length || h->length > MN_DISK_MOST_ROWS || h->planes > size || h->stride > size ||
        h->group > h->stride || h->front >= size || h->content >= size ||
        h->content % MN_REGION_PAGE || h->front % MN_REGION_PAGE || h->stride % MN_REGION_PAGE)
        return 0;
    if (h->planes && h->stride > size / h->planes) return 0;
    const uint64_t blocks = mn_disk_blocks(h->length), most = MN_DISK_HEAD / sizeof(uint64_t);
    return h->content + h->front + h->planes * h->stride == size &&
           mn_disk_rows(h->group, h->length) <= h->stride && h->n_keys < most && h->n_sums < most &&
           h->n_sums == 1 + h->planes * blocks && mn_disk_table(h) <= h->content;
}

int mn_disk_fits_extent(const mn_extent *x, const mn_disk_head *h, uint64_t size) {
    uint64_t seed[4];
    for (int i = 0; i < 4; i++) seed[i] = mn_word_load(x->slot->seed + i);
    return h->ref == x->ref && h->length == mn_word_load(&x->slot->length) &&
           h->shape == mn_word_load(&x->slot->shape) && memcmp(h->seed, seed, sizeof seed) == 0 &&
           mn_disk_fits(h, size);
}

uint64_t mn_disk_sum(const void *table, const mn_disk_head *h) {
    return mn_hash64((const uint8_t *)table + MN_DISK_SUMMED, mn_disk_table(h) - MN_DISK_SUMMED);
}

int mn_disk_finish(mn_filew *out, mn_disk_head *h, mn_buf *table) {
    memcpy(table->data, h, sizeof *h);
    h->sum = mn_disk_sum(table->data, h);
    memcpy(table->data, h, sizeof *h);
    return mn_file_rewrite(out, 0, table->data, table->len);
}

const char *mn_disk_wrong(const uint8_t *file, const mn_disk_head *h, int64_t plane,
                          uint64_t block) {
    const uint64_t *sums = (const uint64_t *)(const void *)(file + sizeof *h) + h->n_keys;
    const uint64_t blocks = mn_disk_blocks(h->length);
    const uint8_t *front = file + h->content;
    if (plane < 0) {
        if (mn_disk_sum(file, h) != h->sum) return "sums";
        return mn_hash64(front, h->front) == sums[0] ? NULL : "tokens";
    }
    if ((uint64_t)plane >= h->planes || block >= blocks) return "rows";
    const uint64_t at = mn_disk_rows(h->group, block * MN_TIER_ROWS);
    const uint64_t next = mn_disk_rows(h->group, (block + 1) * MN_TIER_ROWS);
    const uint64_t end = mn_disk_rows(h->group, h->length);
    const uint8_t *rows = front + h->front + (uint64_t)plane * h->stride + at;
    const uint64_t sum = mn_hash64(rows, (next < end ? next : end) - at);
    return sum == sums[1 + (uint64_t)plane * blocks + block] ? NULL : "rows";
}

const char *mn_disk_all_wrong(const uint8_t *file, const mn_disk_head *h) {
    const char *what = mn_disk_wrong(file, h, -1, 0);
    for (uint64_t p = 0; !what && p < h->planes; p++)
        for (uint64_t b = 0; !what && b < mn_disk_blocks(h->length); b++)
            what = mn_disk_wrong(file, h, (int64_t)p, b);
    return what;
}
