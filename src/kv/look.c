/* SPDX-License-Identifier: Apache-2.0
 *
 * kv/look.c - heads and tokens of extents, copied.
 */
#include "kv/look.h"

enum { PAGE = 4096, MOST_ROWS = 1 << 24 };

int mn_kv_look_at(const mn_kv_head *h, uint64_t front, mn_kv_view *out) {
    const uint64_t start = mn_word_load(&h->start), rows = mn_word_load(&h->rows);
    const uint64_t n = mn_word_load(&h->n_before);
    if (mn_word_load(&h->magic) != MN_KV_MAGIC || rows > MOST_ROWS || start > MOST_ROWS ||
        n > MN_SEQ_SPANS - 1 || front < PAGE || rows * sizeof(int32_t) > front - PAGE)
        return 0;
    out->start = (int)start;
    out->rows = (int)rows;
    out->n_before = (int)n;
    for (uint64_t i = 0; i < n; i++) {
        const mn_kv_place *p = h->before + i;
        const uint64_t row = mn_word_load(&p->row), k = mn_word_load(&p->n);
        const uint64_t at = mn_word_load(&p->at);
        if (row > MOST_ROWS || k > MOST_ROWS || at > MOST_ROWS) return 0;
        out->before[i].ref = mn_word_load(&p->ref);
        out->before[i].row = (int)row;
        out->before[i].n = (int)k;
        out->before[i].at = (int)at;
    }
    return 1;
}

int mn_kv_look(mn_region *r, mn_ref ref, mn_kv_view *out) {
    mn_extent x;
    mn_kv_head h;
    *out = (mn_kv_view){.ref = ref};
    if (!mn_extent_look(r, ref, &x)) return 0;
    const int is = mn_extent_peek(&x, 0, &h, sizeof h) >= 0 &&
                   mn_kv_look_at(&h, mn_word_load(&x.slot->front), out);
    const uint64_t length = mn_word_load(&x.slot->length);
    out->length = length < (uint64_t)out->rows ? (int)length : out->rows;
    mn_extent_unpin(&x);
    return is;
}

int mn_kv_look_tokens(mn_region *r, mn_ref ref, int row, int32_t *out, int n) {
    mn_extent x;
    if (row < 0 || n < 0 || !mn_extent_look(r, ref, &x)) return 0;
    const int is =
        mn_extent_peek(&x, PAGE + (uint64_t)row * sizeof *out, out, (uint64_t)n * sizeof *out) >= 0;
    mn_extent_unpin(&x);
    return is;
}
