/* SPDX-License-Identifier: Apache-2.0
 *
 * kv/far_step.c - the rows of 64 tokens as bytes, and back.
 *
 * K planes have groups of 16 rows side by side, and a step may begin anywhere in a group; then its
 * rows are moved one by one. Nothing is converted.
 */
#include "kv/far.h"

#include "base/error.h"
#include "base/hash.h"

#include <string.h>

enum { STEP = MN_KV_STEP, GROUP = 16 };

int mn_far_carries(const mn_kv_layout *l) {
    if (l->layers > MN_KV_LAYERS) return 0;
    for (int i = 0; i < l->layers; i++)
        if (l->window[i]) return 0;
    return 1;
}

static size_t planes(const mn_kv_layout *l) {
    return (size_t)l->layers * 2 * (size_t)l->heads;
}
static size_t plane_bytes(const mn_kv_layout *l) {
    return mn_kv_plane_bytes(l->format, STEP, l->d);
}
size_t mn_far_bytes(const mn_kv_layout *l) {
    return sizeof(mn_far_head) + planes(l) * plane_bytes(l);
}

/* One key of a group: `unit` bytes in each of n columns of 16. */
static void copy_lane(uint8_t *to, int lane, const uint8_t *from, int from_lane, int n, int unit) {
    for (int e = 0; e < n; e++)
        memcpy(to + (e * GROUP + lane) * unit, from + (e * GROUP + from_lane) * unit, (size_t)unit);
}

/* n rows of a plane, wherever they begin. */
static void copy_rows(const mn_kv_layout *l, int value, uint8_t *to, int to_row,
                      const uint8_t *from, int from_row, int n) {
    const size_t group = mn_kv_plane_bytes(l->format, GROUP, l->d), row = group / GROUP;
    const int q8 = l->format == MN_KV_Q8, d = l->d;
    if (value || (to_row % GROUP == 0 && from_row % GROUP == 0 && n % GROUP == 0)) {
        memcpy(to + (size_t)to_row * row, from + (size_t)from_row * row, (size_t)n * row);
        return;
    }
    for (int i = 0; i < n; i++) {
        uint8_t *const a = to + (size_t)((to_row + i) / GROUP) * group;
        const uint8_t *const b = from + (size_t)((from_row + i) / GROUP) * group;
        const int at = (to_row + i) % GROUP, of = (from_row + i) % GROUP;
        copy_lane(a, at, b, of, d, q8 ? 1 : 2);
        if (q8) copy_lane(a + d * GROUP, at, b + d * GROUP, of, d / 32, 2);
    }
}

/* Rows of one head of a layer, K and V. */
static int pack_head(const mn_kv_layout *l, const mn_seq *s, int layer, int head, int from,
                     uint8_t *k, uint8_t *v) {
    mn_attn_piece piece[MN_SEQ_SPANS];
    const int n = mn_seq_pieces(s, layer, head, from / MN_ATTN_BLOCK, from, from + STEP, piece);
    int done = 0;
    for (int i = 0; i < n; i++) {
        copy_rows(l, 0, k, done, piece[i].k, piece[i].row, piece[i].n);
        copy_rows(l, 1, v, done, piece[i].v, piece[i].row, piece[i].n);
        done += piece[i].n;
    }
    return done == STEP;
}

int mn_far_pack(const mn_kv_layout *l, const mn_seq *s, int i, const mn_remote_name *name,
                uint8_t *out) {
    mn_far_head h = {.name = *name,
                     .layers = l->layers,
                     .heads = l->heads,
                     .d = l->d,
                     .format = (int32_t)l->format,
                     .bytes = mn_far_bytes(l)};
    uint8_t *at = out + sizeof h;
    const size_t each = plane_bytes(l), heads = (size_t)l->heads;
    for (int layer = 0; layer < l->layers; layer++, at += 2 * heads * each)
        for (size_t k = 0; k < heads; k++)
            if (!pack_head(l, s, layer, (int)k, i * STEP, at + k * each, at + (heads + k) * each))
                return 0;
    if (mn_seq_proven(s) < 0) return 0; /* what the disk has of it is damaged */
    memcpy(h.magic, MN_FAR_MAGIC, sizeof h.magic);
    memcpy(out, &h, sizeof h);
    h.sum = mn_hash64(out + MN_FAR_SUMMED, h.bytes - MN_FAR_SUMMED);
    memcpy(out, &h, sizeof h);
    return 1;
}

const char *mn_far_wrong(const mn_kv_layout *l, const mn_remote_name *name, const uint8_t *value,
                         size_t n) {
    mn_far_head h;
    if (n < sizeof h) return "its size";
    memcpy(&h, value, sizeof h);
    if (memcmp(h.magic, MN_FAR_MAGIC, sizeof h.magic) != 0) return "another format";
    if (h.bytes != n) return "its size";
    if (mn_hash64(value + MN_FAR_SUMMED, n - MN_FAR_SUMMED) != h.sum) return "its sum";
    if (memcmp(&h.name, name, sizeof h.name) != 0) return "another model or prompt";
    if (h.layers != l->layers || h.heads != l->heads || h.d != l->d ||
        h.format != (int32_t)l->format || n != mn_far_bytes(l))
        return "rows of another shape";
    return NULL;
}

void mn_far_unpack(const mn_kv_layout *l, const uint8_t *value, void *const *plane, int row) {
    const size_t n = planes(l), each = plane_bytes(l);
    const uint8_t *from = value + sizeof(mn_far_head);
    for (size_t p = 0; p < n; p++, from += each)
        copy_rows(l, p / (size_t)l->heads % 2 != 0, plane[p], row, from, 0, STEP);
}
