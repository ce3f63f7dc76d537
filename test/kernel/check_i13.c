/* SPDX-License-Identifier: Apache-2.0
 *
 * test/kernel/check_i13.c - products of 13-bit codes: every instruction set against scalar, bit for
 * bit, scalar against doubles; the largest sums there can be; odd sizes, guarded output.
 * `check_i13 --bench` times them.
 */
#include "base/clock.h"
#include "kernel/kernel.h"
#include "kernel/random.h"
#include "test.h"

#include <math.h>

enum { M = 41 };

typedef struct rig {
    int n, k, tiles;
    float *w, *x; /* [n, k], [M, k] */
    mn_packed packed;
    uint8_t *data;
} rig;

static void rig_make(rig *r, int n, int k, int largest) {
    *r = (rig){.n = n, .k = k, .tiles = (n + 15) / 16};
    r->w = lines(sizeof(float) * (size_t)(n * k));
    r->x = lines(sizeof(float) * (size_t)(M * k));
    for (int i = 0; i < n * k; i++) r->w[i] = largest ? -3.0f : unit() * (i % 97 ? 0.1f : 2.0f);
    for (int i = 0; i < M * k; i++)
        r->x[i] = largest == 1 ? 5.0f : largest ? -5.0f : unit() * (i % 61 ? 1.0f : 20.0f);
    const mn_pack_layout *p = mn_pack_find(MN_I13);
    r->packed = (mn_packed){MN_I13, n, k, NULL, mn_pack_tile_bytes(p, k)};
    r->packed.data = r->data = lines(r->packed.tile_bytes * (size_t)r->tiles);
    for (int t = 0; t < r->tiles; t++)
        mn_pack_tile_i13(r->w, n, k, t, r->data + (size_t)t * r->packed.tile_bytes);
}
static void rig_drop(rig *r) {
    free(r->w), free(r->x), free(r->data);
}

static mn_acts codes(const mn_kernels *kn, int k, int m, const float *x) {
    mn_acts a = {.stride = mn_i13_bytes(k), .x = x, .x_stride = (size_t)k, .k = k, .m = m};
    a.rows = lines(a.stride * (size_t)m);
    a.side = lines(sizeof(float) * (size_t)(2 * m * (k / mn_i13_run(k))));
    for (int i = 0; i < m; i++)
        kn->quantise_i13(x + (size_t)i * (size_t)k, k,
                         (int16_t *)(void *)(a.rows + (size_t)i * a.stride), mn_i13_side(&a, i));
    return a;
}
static void codes_drop(mn_acts *a) {
    free(a->rows), free(a->side);
}

/* Each output to 2^-11 of the sum of what was added: two roundings of 2^-13 of a run's largest. */
static void right(const rig *r, const float *out, size_t stride) {
    for (int i = 0; i < M; i++)
        for (int c = 0; c < r->n; c++) {
            double sum = 0, most = 0;
            const int run = mn_i13_run(r->k);
            for (int b = 0; b < r->k; b += run) {
                double w = 0, x = 0;
                for (int e = b; e < b + run; e++) {
                    const double p = r->w[c * r->k + e], q = r->x[i * r->k + e];
                    sum += p * q;
                    w = fmax(w, fabs(p)), x = fmax(x, fabs(q));
                }
                most += w * x * run;
            }
            const double got = out[(size_t)i * stride + (size_t)c];
            if (!(fabs(got - sum) <= most / 4095))
                fail_msg("[%d,%d] row %d, output %d: %g, should be %g", r->n, r->k, i, c, got, sum);
        }
}

static void product(int n, int k, int largest) {
    rig r;
    rig_make(&r, n, k, largest);
    const size_t stride = (size_t)r.tiles * 16 + 3;
    float *want = lines(stride * M * 4), *got = lines(stride * M * 4);
    void *scratch = lines(mn_product_scratch(k));
    size_t count;
    const mn_kernels *const *all = mn_kernels_all(&count), *scalar = all[count - 1];
    mn_acts a = codes(scalar, k, M, r.x);
    scalar->product(&r.packed, 0, r.tiles, &a, 0, M, want, stride, scratch);
    right(&r, want, stride);
    for (size_t t = 0; t < count; t++) {
        if (!mn_kernels_usable(all[t])) continue;
        mn_acts b = codes(all[t], k, M, r.x);
        for (int i = 0; i < M; i++) {
            assert_memory_equal(a.rows + (size_t)i * a.stride, b.rows + (size_t)i * b.stride,
                                (size_t)k * 2);
            assert_memory_equal(mn_i13_side(&a, i), mn_i13_side(&b, i),
                                sizeof(float) * (size_t)(k / mn_i13_run(k)));
        }
        for (int m = 1; m <= M; m += m < 8 ? 1 : 15)
            for (int from = 0; from <= M - m; from += M - m ? M - m : 1) {
                const int first = r.tiles > 1;
                const size_t bytes = (size_t)(r.tiles - first) * 64;
                memset(got, 0x77, stride * M * 4);
                all[t]->product(&r.packed, first, r.tiles - first, &b, from, m, got, stride,
                                scratch);
                for (int i = 0; i < m; i++) {
                    const float *row = got + (size_t)i * stride;
                    if (memcmp(row, want + (size_t)(from + i) * stride + 16 * first, bytes))
                        fail_msg("%s [%d,%d] %d rows: row %d differs from scalar", all[t]->name, n,
                                 k, m, i);
                    assert_int_equal(((const uint8_t *)row)[bytes], 0x77);
                }
            }
        codes_drop(&b);
    }
    codes_drop(&a), free(want), free(got), free(scratch);
    rig_drop(&r);
}

static void products(void **unused) {
    (void)unused;
    static const int ks[] = {32, 64, 96, 128, 160, 384, 1536};
    for (size_t i = 0; i < sizeof ks / sizeof *ks; i++)
        for (int largest = 0; largest < 3; largest++) {
            product(16, ks[i], largest);
            product(83, ks[i], largest);
        }
    product(144, 384, 0);
}

/* Any sum of a run fits: the limits that body_i13.h counts on. */
static void sums_fit(void **unused) {
    (void)unused;
    for (int k = 32; k <= 4096; k += 32) {
        assert_in_range(mn_i13_run(k), 32, 128);
        assert_int_equal(k % mn_i13_run(k), 0);
    }
    assert_int_equal(mn_i13_run(40), 0);
    assert_true((int64_t)128 * 4095 * 4095 <= INT32_MAX);
}

/* Numbers that are none still become codes, the same ones everywhere. */
static void no_numbers(void **unused) {
    (void)unused;
    enum { K = 256 };
    float x[K];
    size_t count;
    const mn_kernels *const *all = mn_kernels_all(&count);
    for (int i = 0; i < K; i++) x[i] = unit();
    x[3] = NAN, x[40] = INFINITY, x[150] = -NAN, x[200] = 1e-40f;
    mn_acts want = codes(all[count - 1], K, 1, x);
    for (size_t t = 0; t < count; t++) {
        if (!mn_kernels_usable(all[t])) continue;
        mn_acts got = codes(all[t], K, 1, x);
        assert_memory_equal(want.rows, got.rows, K * 2);
        for (int i = 0; i < K; i++) {
            int16_t code;
            memcpy(&code, got.rows + 2 * i, sizeof code);
            assert_true(code >= -4095 && code <= 4095);
        }
        codes_drop(&got);
    }
    codes_drop(&want);
    float w[32] = {NAN, -INFINITY, 1}; /* packed, too: codes of some kind */
    uint8_t tile[32 * 32 + 64];
    assert_int_equal(mn_pack_tile_bytes(mn_pack_find(MN_I13), 32), sizeof tile);
    mn_pack_tile_i13(w, 1, 32, 0, tile);
    for (int i = 0; i < 512; i++) {
        int16_t code;
        memcpy(&code, tile + 64 + 2 * i, sizeof code);
        assert_true(code >= -4095 && code <= 4095);
    }
}

static void bench(void) {
    static const int shapes[][2] = {{384, 384}, {1536, 384}, {384, 1536}};
    size_t count;
    const mn_kernels *const *all = mn_kernels_all(&count);
    for (size_t s = 0; s < 3; s++)
        for (size_t t = 0; t + 1 < count / 2; t++) {
            if (!mn_kernels_usable(all[t])) continue;
            enum { ROWS = 252 };
            const int n = shapes[s][0], k = shapes[s][1];
            rig r;
            rig_make(&r, n, k, 0);
            float *x = lines(sizeof(float) * (size_t)(ROWS * k)),
                  *out = lines(sizeof(float) * (size_t)(n * ROWS));
            for (int i = 0; i < ROWS * k; i++) x[i] = unit();
            mn_acts a = codes(all[t], k, ROWS, x);
            double best = 1e9;
            for (int rep = 0; rep < 20; rep++) {
                const double t0 = mn_clock_seconds();
                for (int tile = 0; tile < n / 16; tile += 4)
                    all[t]->product(&r.packed, tile, 4, &a, 0, ROWS, out + 16 * tile, (size_t)n,
                                    NULL);
                const double took = mn_clock_seconds() - t0;
                if (took < best) best = took;
            }
            printf("%-10s [%d,%d] %.0f GMAC/s\n", all[t]->name, n, k,
                   (double)n * k * ROWS / best * 1e-9);
            codes_drop(&a), free(x), free(out), rig_drop(&r);
        }
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "--bench") == 0) return bench(), 0;
    const struct CMUnitTest tests[] = {cmocka_unit_test(products), cmocka_unit_test(sums_fit),
                                       cmocka_unit_test(no_numbers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
