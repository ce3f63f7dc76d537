/* SPDX-License-Identifier: Apache-2.0
 *
 * test/kv/share_bed.h - sequences over one region whose rows are marked with who computed them and
 * where, so that a wrong row shows. Two handles on one region stand for two processes.
 */
#ifndef MN_TEST_SHARE_BED_H
#define MN_TEST_SHARE_BED_H
#include "folder.h"
#include "test.h"

#include "base/budget.h"
#include "kv/prefix.h"
#include "kv/seq.h"
#include "region/inside.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LAYERS = 3, HEADS = 2, D = 32, BLOCK = MN_ATTN_BLOCK, CONTEXT = 6000, LIMIT = 64 << 20 };
static const int windows[LAYERS] = {0, 0, 0}, sliding[LAYERS] = {0, 100, 600};
static mn_kv_layout layout = {LAYERS, HEADS, D, MN_KV_F16, windows};
static char path[96];
static mn_region *a, *b;
static int64_t disk = -1; /* bytes of the disk tier; -1: there is none */

static inline int begin(void **s) {
    (void)s;
    if (folder_begin("share", 0) < 0) return -1;
    snprintf(path, sizeof path, "%s/region", folder);
    layout.window = windows;
    return mn_region_open(path, LIMIT, disk, &a) || mn_region_open(path, LIMIT, disk, &b);
}
static inline int end(void **s) {
    (void)s;
    mn_region_close(&a);
    mn_region_close(&b);
    return folder_end() || mn_budget_used() != 0;
}

static inline mn_kv_share share_of(mn_region *r) {
    return (mn_kv_share){.region = r, .seed = {{7}}};
}
static inline mn_seq *fresh(mn_region *r) {
    const mn_kv_share share = share_of(r);
    mn_seq *s;
    assert_ok(mn_seq_open(&layout, &share, CONTEXT, &s));
    return s;
}

/* Token at `position` of text `text`; texts agree nowhere. */
static inline int32_t token(int text, int position) {
    return text * 100000 + position;
}
static inline uint16_t mark(int text, int layer, int head, int position) {
    return (uint16_t)(text * 7919 + layer * 131 + head * 17 + position);
}

/* The next n tokens are those of `text`, rows marked, in steps. */
static inline void grow(mn_seq *s, int text, int n, int step) {
    while (n > 0) {
        const int k = n < step ? n : step, at = mn_seq_length(s);
        int32_t ids[CONTEXT];
        for (int i = 0; i < k; i++) ids[i] = token(text, at + i);
        assert_ok(mn_seq_room(s, ids, k));
        for (int l = 0; l < LAYERS; l++)
            for (int h = 0; h < HEADS; h++) {
                void *pk, *pv;
                int row;
                mn_seq_tail(s, l, h, &pk, &pv, &row);
                for (int i = 0; i < k * D; i++)
                    ((uint16_t *)pv)[row * D + i] = mark(text, l, h, at + i / D);
            }
        mn_seq_commit(s, k);
        n -= k;
    }
}

/* Rows [from, to) that layers still see are those of `text`. */
static inline void expect(const mn_seq *s, int text, int from, int to) {
    for (int l = 0; l < LAYERS; l++)
        for (int h = 0; h < HEADS; h++) {
            const int n = mn_seq_length(s), w = layout.window[l];
            int lo = w && n - w > from ? n - w : from;
            for (int block = lo / BLOCK; lo < to; block++) {
                mn_attn_piece piece[MN_SEQ_SPANS];
                const int stop = (block + 1) * BLOCK < to ? (block + 1) * BLOCK : to;
                const int k = mn_seq_pieces(s, l, h, block, lo, stop, piece);
                assert_in_range(k, 1, MN_SEQ_SPANS);
                for (int p = 0; p < k; p++)
                    for (int i = 0; i < piece[p].n; i++, lo++) {
                        const uint16_t *v = (const uint16_t *)piece[p].v + (piece[p].row + i) * D;
                        if (v[0] != mark(text, l, h, lo) || v[D - 1] != v[0])
                            fail_msg("layer %d head %d position %d is another's", l, h, lo);
                    }
                assert_int_equal(lo, stop);
            }
        }
}

/* A prompt of the first `head` tokens of one text, then `rest` of another. */
static inline int match(mn_seq *s, int text, int head, int other, int rest) {
    int32_t ids[CONTEXT];
    for (int i = 0; i < head + rest; i++) ids[i] = token(i < head ? text : other, i);
    int coming;
    const int found = mn_seq_match(s, ids, head + rest, &coming);
    assert_int_equal(mn_seq_length(s), found);
    assert_in_range(coming, found, head + rest);
    return found;
}

/* ---- the same without assertions, for processes and threads beside the test ---------------- */
/* Rows that were promised, positions at .. at + n - 1, are marked. */
static inline void mark_rows(mn_seq *s, int text, int at, int n) {
    for (int l = 0; l < LAYERS; l++)
        for (int h = 0; h < HEADS; h++) {
            void *pk, *pv;
            int row;
            mn_seq_tail(s, l, h, &pk, &pv, &row);
            row += at - mn_seq_length(s);
            for (int i = 0; i < n * D; i++)
                ((uint16_t *)pv)[row * D + i] = mark(text, l, h, at + i / D);
        }
}

/* Every row of it, as attention looks at them: are they this text's? */
static inline int right(const mn_seq *s, int text) {
    const int n = mn_seq_length(s);
    for (int l = 0; l < LAYERS; l++)
        for (int h = 0; h < HEADS; h++)
            for (int at = 0; at < n;) {
                mn_attn_piece piece[MN_SEQ_SPANS];
                const int block = at / BLOCK, end_ = (block + 1) * BLOCK,
                          stop = end_ < n ? end_ : n;
                const int k = mn_seq_pieces(s, l, h, block, at, stop, piece);
                for (int p = 0; p < k; p++)
                    for (int i = 0; i < piece[p].n; i++, at++) {
                        const uint16_t *v = (const uint16_t *)piece[p].v + (piece[p].row + i) * D;
                        if (v[0] != mark(text, l, h, at) || v[D - 1] != v[0]) return 0;
                    }
                if (at != stop) return 0;
            }
    return 1;
}

#endif
