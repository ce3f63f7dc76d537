/* SPDX-License-Identifier: Apache-2.0
 *
 * test/kv/test_seq.c - sequences: rows kept over forks and trims, pages given back, bytes booked,
 * limits told. Rows are marked with their position, written where mn_seq_tail says.
 */
#include "test.h"

#include "base/alloc.h"
#include "base/budget.h"
#include "kv/seq.h"

enum { LAYERS = 3, HEADS = 2, D = 32, BLOCK = MN_ATTN_BLOCK };
static const int windows[LAYERS] = {0, 100, 600};
static const mn_kv_layout layout = {LAYERS, HEADS, D, MN_KV_F16, windows};

static const int32_t some[3 * BLOCK]; /* tokens that do not matter */

static mn_seq *fresh(int context) {
    mn_seq *s;
    assert_ok(mn_seq_open(&layout, NULL, context, &s));
    return s;
}

/* V rows of a sequence lie one after the other: [rows, D] of 16 bits. */
static uint16_t mark(int mine, int layer, int head, int position) {
    return (uint16_t)(mine * 7919 + layer * 131 + head * 17 + position);
}

/* Write n rows at the end, each row's V marked, and commit them in steps of `step`. */
static void grow(mn_seq *s, int mine, int n, int step) {
    while (n > 0) {
        const int k = n < step ? n : step, at = mn_seq_length(s);
        int32_t ids[6000];
        for (int i = 0; i < k; i++) ids[i] = at + i;
        assert_ok(mn_seq_room(s, ids, k));
        for (int l = 0; l < LAYERS; l++)
            for (int h = 0; h < HEADS; h++) {
                void *pk, *pv;
                int row;
                mn_seq_tail(s, l, h, &pk, &pv, &row);
                for (int i = 0; i < k; i++)
                    for (int e = 0; e < D; e++)
                        ((uint16_t *)pv)[(row + i) * D + e] = mark(mine, l, h, at + i);
            }
        mn_seq_commit(s, k);
        n -= k;
    }
}

/* Positions [from, length) of every layer that sees them hold `mine(position)`'s marks. */
static void expect(const mn_seq *s, int from, int to, int mine) {
    for (int l = 0; l < LAYERS; l++)
        for (int h = 0; h < HEADS; h++) {
            const int n = mn_seq_length(s);
            int lo = windows[l] && n - windows[l] > from ? n - windows[l] : from;
            for (int b = lo / BLOCK; lo < to; b++) {
                mn_attn_piece piece[MN_SEQ_SPANS];
                const int end = (b + 1) * BLOCK < to ? (b + 1) * BLOCK : to;
                const int k = mn_seq_pieces(s, l, h, b, lo, end, piece);
                assert_in_range(k, 1, MN_SEQ_SPANS);
                for (int p = 0; p < k; p++)
                    for (int i = 0; i < piece[p].n; i++, lo++) {
                        const uint16_t *v = (const uint16_t *)piece[p].v + (piece[p].row + i) * D;
                        if (v[0] != mark(mine, l, h, lo) || v[D - 1] != v[0])
                            fail_msg("layer %d, head %d, position %d", l, h, lo);
                    }
                assert_int_equal(lo, end);
            }
        }
}

static void grows(void **state) {
    (void)state;
    static const int steps[] = {1, 7, 64, 512, 3000};
    for (int i = 0; i < 5; i++) {
        mn_seq *s = fresh(3000);
        grow(s, 1, 3000, steps[i]);
        assert_int_equal(mn_seq_length(s), 3000);
        expect(s, 0, 3000, 1);
        mn_seq_close(&s);
        assert_null(s);
        assert_int_equal(mn_budget_used(), 0);
    }
    mn_seq_close(&(mn_seq *){NULL});
}

static void forks(void **state) {
    (void)state;
    mn_seq *a = fresh(2000), *b, *c;
    grow(a, 1, 900, 64);
    assert_ok(mn_seq_fork(a, 900, &b));
    const uint64_t shared = mn_budget_used();
    assert_int_equal(mn_seq_bytes(b), 0); /* a fork copies nothing */
    grow(a, 1, 300, 50);
    grow(b, 2, 500, 50);
    expect(a, 0, 1200, 1);
    expect(b, 0, 900, 1);
    expect(b, 900, 1400, 2);
    assert_ok(mn_seq_fork(b, 1350, &c));
    mn_seq_close(&a); /* the rows a began live on in b and c */
    mn_seq_close(&b);
    assert_true(mn_budget_used() >= shared);
    grow(c, 3, 100, 100);
    expect(c, 0, 900, 1);
    expect(c, 900, 1350, 2);
    expect(c, 1350, 1450, 3);
    assert_int_equal(mn_seq_context(c), 2000);
    mn_seq_close(&c);
    assert_int_equal(mn_budget_used(), 0);
}

static void trims(void **state) {
    (void)state;
    mn_seq *s = fresh(2000), *t;
    grow(s, 1, 700, 700);
    assert_ok(mn_seq_trim(s, 650));
    assert_int_equal(mn_seq_length(s), 650);
    grow(s, 2, 100, 9);
    expect(s, 0, 650, 1);
    expect(s, 650, 750, 2);
    assert_fails(mn_seq_trim(s, 751), MN_EINVAL, "751 of 750");
    assert_fails(mn_seq_trim(s, -1), MN_EINVAL, "-1");
    assert_ok(mn_seq_fork(s, 750, &t));
    grow(t, 3, 50, 50);
    assert_ok(mn_seq_trim(t, 760));
    expect(t, 750, 760, 3);
    assert_ok(mn_seq_trim(t, 700)); /* into what both have: the next rows lie elsewhere */
    grow(t, 4, 100, 100);
    expect(t, 0, 650, 1);
    expect(t, 650, 700, 2);
    expect(t, 700, 800, 4);
    expect(s, 650, 750, 2);
    grow(s, 2, 10, 10);
    assert_ok(mn_seq_trim(s, 740)); /* its own rows, but t sees some of them */
    grow(s, 5, 100, 100);
    expect(s, 650, 740, 2);
    expect(s, 740, 840, 5);
    expect(t, 650, 700, 2);
    assert_ok(mn_seq_trim(t, 0));
    assert_int_equal(mn_seq_length(t), 0);
    grow(t, 4, 2000, 500); /* the whole context is there again */
    expect(t, 0, 2000, 4);
    mn_seq_close(&t);
    expect(s, 0, 650, 1);
    mn_seq_close(&s);
    assert_int_equal(mn_budget_used(), 0);
}

/* A trim gives back the blocks beyond it, and they can be had again. */
static void trims_give_back(void **state) {
    (void)state;
    const uint64_t block = mn_kv_plane_bytes(MN_KV_F16, BLOCK, D) * 2 * HEADS;
    mn_seq *s = fresh(6000), *t;
    grow(s, 1, 2 * BLOCK, BLOCK);
    assert_int_equal(mn_seq_bytes(s), block * (2 + 2 + 2));
    assert_ok(mn_seq_trim(s, BLOCK + 1)); /* the second block is still in use */
    assert_int_equal(mn_seq_bytes(s), block * (2 + 2 + 2));
    assert_ok(mn_seq_trim(s, BLOCK));
    assert_int_equal(mn_seq_bytes(s), block * (1 + 1 + 1));
    assert_int_equal(mn_budget_used(), mn_seq_bytes(s));
    grow(s, 1, 4 * BLOCK, BLOCK); /* layers of 100 and 600 have given 3 and 2 of 5 back */
    expect(s, 0, 5 * BLOCK, 1);
    assert_int_equal(mn_seq_bytes(s), block * (5 + 2 + 3));
    assert_ok(mn_seq_trim(s, 4 * BLOCK));
    assert_int_equal(mn_seq_bytes(s), block * (4 + 1 + 2));
    assert_int_equal(mn_budget_used(), mn_seq_bytes(s));
    expect(s, 0, 4 * BLOCK, 1);
    grow(s, 1, BLOCK, 100);
    assert_ok(mn_seq_fork(s, 5 * BLOCK, &t)); /* what a fork sees stays */
    const uint64_t shared = mn_budget_used();
    grow(t, 2, 2 * BLOCK, BLOCK);
    assert_ok(mn_seq_trim(t, 5 * BLOCK));
    assert_int_equal(mn_budget_used(), shared);
    expect(t, 0, 5 * BLOCK, 1);
    mn_seq_close(&s);
    mn_seq_close(&t);
    assert_int_equal(mn_budget_used(), 0);
}

/* What lies behind a window goes back, and cannot be forked or trimmed to any more. */
static void windows_give_back(void **state) {
    (void)state;
    const uint64_t block = mn_kv_plane_bytes(MN_KV_F16, BLOCK, D) * 2 * HEADS;
    mn_seq *s = fresh(6000), *t;
    grow(s, 1, 5 * BLOCK, 64);
    /* layer 0 keeps 5 blocks; 100 + a block of slack need 2 (3 given back), 600 + slack need 3 */
    assert_int_equal(mn_seq_bytes(s), block * (5 + 2 + 3));
    assert_int_equal(mn_budget_used(), mn_seq_bytes(s));
    expect(s, 0, 5 * BLOCK, 1);
    assert_fails(mn_seq_fork(s, 600, &t), MN_EINVAL, "behind the window");
    assert_fails(mn_seq_trim(s, 600), MN_EINVAL, "behind the window");
    assert_null(t);
    assert_ok(mn_seq_trim(s, 5 * BLOCK - 300)); /* the slack lets it be trimmed a little */
    grow(s, 1, 300, 20);
    expect(s, 0, 5 * BLOCK, 1);
    /* with a fork that still looks, nothing goes back; it goes when the fork is closed */
    assert_ok(mn_seq_fork(s, 5 * BLOCK, &t));
    grow(s, 1, 2 * BLOCK, 64);
    expect(t, 0, 5 * BLOCK, 1);
    assert_int_equal(mn_seq_bytes(s), block * (5 + 2 + 3 + 3 * 2));
    mn_seq_close(&t);
    grow(s, 1, 1, 1);
    expect(s, 0, 7 * BLOCK + 1, 1);
    assert_int_equal(mn_seq_bytes(s), block * (8 + 3 + 4));
    mn_seq_close(&s);
    assert_int_equal(mn_budget_used(), 0);
}

static void limits(void **state) {
    (void)state;
    mn_seq *s, *t;
    assert_fails(mn_seq_open(&layout, NULL, 0, &s), MN_EINVAL, "0 tokens");
    assert_null(s);
    s = fresh(100);
    assert_fails(mn_seq_room(s, some, 101), MN_ETOOLONG, "context of 100");
    grow(s, 1, 100, 30);
    assert_fails(mn_seq_room(s, some, 1), MN_ETOOLONG, "100 of a context of 100");
    assert_ok(mn_seq_room(s, some, 0));
    assert_fails(mn_seq_fork(s, 101, &t), MN_EINVAL, "101 of 100");
    assert_fails(mn_seq_fork(s, -1, &t), MN_EINVAL, "-1");
    assert_ok(mn_seq_fork(s, 100, &t));
    assert_fails(mn_seq_room(t, some, 1), MN_ETOOLONG, "100 of a context of 100");
    mn_seq_close(&t);
    mn_seq_close(&s);

    const uint64_t block = mn_kv_plane_bytes(MN_KV_F16, BLOCK, D) * 2 * HEADS * LAYERS;
    mn_budget_set(2 * block + 1);
    s = fresh(1 << 20); /* address space costs nothing */
    assert_int_equal(mn_budget_used(), 0);
    assert_ok(mn_seq_room(s, some, 2 * BLOCK));
    assert_fails(mn_seq_room(s, some, 2 * BLOCK + 1), MN_EFULL, "KV cache");
    assert_int_equal(mn_seq_bytes(s), 2 * block);
    grow(s, 1, 100, 100); /* promised rows are still good */
    mn_seq_close(&s);
    mn_budget_set(0);
    assert_int_equal(mn_budget_used(), 0);
}

static void spans(void **state) {
    (void)state;
    mn_seq *s = fresh(1000), *t;
    for (int i = 1; i < MN_SEQ_SPANS; i++) {
        grow(s, 1, 10, 10);
        assert_ok(mn_seq_fork(s, 10 * i, &t));
        mn_seq_close(&s);
        s = t;
    }
    grow(s, 1, 10, 10);
    expect(s, 0, 10 * MN_SEQ_SPANS, 1);
    assert_ok(mn_seq_fork(s, 10 * MN_SEQ_SPANS, &t)); /* to be read, not to be gone on with */
    expect(t, 0, 10 * MN_SEQ_SPANS, 1);
    assert_fails(mn_seq_room(t, some, 1), MN_ETOOLONG, "16 spans");
    assert_ok(mn_seq_trim(t, 10 * MN_SEQ_SPANS - 10)); /* one span fewer */
    assert_ok(mn_seq_room(t, some, 1));
    mn_seq_close(&t);
    mn_seq_close(&s);
    assert_int_equal(mn_budget_used(), 0);
}

static void no_memory(void **state) {
    (void)state;
    mn_seq *s = fresh(1000), *t;
    grow(s, 1, 20, 20);
    int n = 1;
    for (;; n++) {
        mn_alloc_fail_after(n);
        int rc = mn_seq_fork(s, 20, &t);
        if (rc >= 0) rc = mn_seq_room(t, some, 5);
        mn_alloc_fail_after(0);
        if (rc >= 0) break;
        assert_int_equal(rc, MN_ENOMEM);
        mn_seq_close(&t);
    }
    assert_int_equal(n, 4); /* sequence, extent, its pages */
    mn_seq_close(&t);
    expect(s, 0, 20, 1);
    mn_seq_close(&s);
    assert_int_equal(mn_budget_used(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows),     cmocka_unit_test(forks),
        cmocka_unit_test(trims),     cmocka_unit_test(windows_give_back),
        cmocka_unit_test(limits),    cmocka_unit_test(spans),
        cmocka_unit_test(no_memory), cmocka_unit_test(trims_give_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
