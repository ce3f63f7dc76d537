/* SPDX-License-Identifier: Apache-2.0
 *
 * test/kernel/check.c - every instruction set against scalar, bit for bit, and scalar against
 * doubles; odd sizes, worst-case codes, guarded buffers. `check --bench` times the products.
 */
#include "base/clock.h"
#include "kernel/kernel.h"
#include "kernel/random.h"
#include "test.h"

#include <math.h>

/* Random blocks of a format with scales of a sensible size. */
static void fill(const mn_format *f, uint8_t *p, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) p[i] = (uint8_t)rnd();
    if (f->id == MN_F32)
        for (size_t i = 0; i < bytes / 4; i++) ((float *)(void *)p)[i] = unit();
    for (size_t b = 0; b < bytes / f->bytes; b++) {
        uint8_t *q = p + b * f->bytes;
        const uint16_t scale = (uint16_t)(0x2000 + (rnd() & 0x07FF)),
                       less = (uint16_t)(0x9C00 + (rnd() & 0x03FF));
        switch (f->id) {
        case MN_F16: *(uint16_t *)(void *)q = (uint16_t)(0x3000 + (rnd() & 0x8FFF)); break;
        case MN_BF16: *(uint16_t *)(void *)q = (uint16_t)(0x3E00 + (rnd() & 0x80FF)); break;
        case MN_Q2_K: memcpy(q + 80, &scale, 2), memcpy(q + 82, &scale, 2); break;
        case MN_Q3_K: memcpy(q + 108, &scale, 2); break;
        case MN_Q6_K: memcpy(q + 208, &scale, 2); break;
        case MN_F32: break;
        case MN_Q4_1:
        case MN_Q5_1: memcpy(q, &scale, 2), memcpy(q + 2, &less, 2); break;
        case MN_Q4_K:
        case MN_Q5_K: memcpy(q, &scale, 2), memcpy(q + 2, &scale, 2); break;
        default: memcpy(q, &scale, 2);
        }
    }
}

typedef struct matrix {
    mn_packed packed;
    uint8_t *raw, *data;
    size_t row_bytes;
} matrix;

static matrix make(const mn_format *f, int n, int k) {
    const mn_pack_layout *p = mn_pack_find(f->id);
    matrix m = {.row_bytes = mn_format_row_bytes(f, (uint64_t)k)};
    m.raw = lines(m.row_bytes * (size_t)n);
    fill(f, m.raw, m.row_bytes * (size_t)n);
    m.packed = (mn_packed){f->id, n, k, NULL, mn_pack_tile_bytes(p, k)};
    m.data = lines(m.packed.tile_bytes * (size_t)((n + 15) / 16));
    for (int t = 0; t < (n + 15) / 16; t++)
        mn_pack_tile(p, m.raw, m.row_bytes, n, k, t, m.data + (size_t)t * m.packed.tile_bytes);
    m.packed.data = m.data;
    return m;
}
static void drop(matrix *m) {
    free(m->raw);
    free(m->data);
}

static mn_acts activations(const mn_kernels *kn, int k, int m, const float *x) {
    mn_acts a = {.stride = mn_code_bytes(k), .x = x, .x_stride = (size_t)k, .k = k, .m = m};
    const size_t groups = ((size_t)m + MN_SIDE - 1) / MN_SIDE;
    a.rows = lines(a.stride * groups * MN_SIDE);
    a.side = lines(mn_side_bytes(k) * groups);
    for (int i = 0; i < m; i++) {
        const mn_qrow q = mn_qrow_at(&a, i);
        kn->quantise(x + (size_t)i * (size_t)k, k, &q);
    }
    return a;
}

/* Products of every table with every row count, against the first (scalar) result; and the scalar
 * result against doubles over decoded weights and quantised activations. */
static void product_format(const mn_format *f, int n, int k) {
    enum { M = 37 };
    matrix w = make(f, n, k);
    float *x = lines(sizeof(float) * (size_t)k * M);
    for (int i = 0; i < k * M; i++) x[i] = unit() * (rnd() % 50 == 0 ? 20.0f : 1.0f);
    const int tiles = (n + 15) / 16;
    const size_t stride = (size_t)tiles * 16 + 3;
    float *want = lines(stride * M * 4), *got = lines(stride * M * 4), *row = lines((size_t)k * 4);
    void *scratch = lines(mn_product_scratch(k));
    size_t count;
    const mn_kernels *const *all = mn_kernels_all(&count), *scalar = all[count - 1];
    mn_acts a = activations(scalar, k, M, x);
    scalar->product(&w.packed, 0, tiles, &a, 0, M, want, stride, scratch);
    for (int c = 0; c < n; c += 7) {
        f->decode(w.raw + (size_t)c * w.row_bytes, row, (size_t)k);
        for (int i = 0; i < M; i += 9) {
            const mn_qrow q = mn_qrow_at(&a, i);
            double sum = 0, size = 0;
            for (int e = 0; e < k; e++) {
                const double v = f->block == 1 ? x[(size_t)i * (size_t)k + (size_t)e]
                                               : (double)q.q[e] * q.scale[MN_SIDE * (e / 32)];
                sum += v * row[e];
                size += fabs(v * row[e]);
            }
            const double got1 = want[(size_t)i * stride + (size_t)c];
            if (!(fabs(got1 - sum) <= 2e-6 * size + 1e-6))
                fail_msg("%s [%d,%d] row %d: %g, should be %g", f->name, n, k, i, got1, sum);
        }
    }
    for (size_t t = 0; t < count; t++) {
        if (!mn_kernels_usable(all[t])) continue;
        mn_acts b = activations(all[t], k, M, x);
        assert_memory_equal(a.rows, b.rows, a.stride * M);
        assert_memory_equal(a.side, b.side, mn_side_bytes(k) * (M / MN_SIDE));
        for (int m = 1; m <= M; m += m < 9 ? 1 : 7)
            for (int from = 0; from <= M - m; from += M - m ? M - m : 1) { /* first and last rows */
                const int first = tiles > 1;
                memset(got, 0x77, stride * M * 4);
                all[t]->product(&w.packed, first, tiles - first, &b, from, m, got, stride, scratch);
                for (int i = 0; i < m; i++) {
                    const size_t bytes = (size_t)(tiles - first) * 64;
                    if (memcmp(got + (size_t)i * stride,
                               want + (size_t)(from + i) * stride + 16 * first, bytes))
                        fail_msg("%s %s [%d,%d] %d rows: row %d differs from scalar", all[t]->name,
                                 f->name, n, k, m, i);
                    assert_int_equal(((uint8_t *)(got + (size_t)i * stride))[bytes], 0x77);
                }
            }
        free(b.rows), free(b.side);
    }
    free(a.rows), free(a.side), free(x), free(want), free(got), free(row), free(scratch);
    drop(&w);
}

static void products(void **unused) {
    (void)unused;
    size_t n;
    const mn_format *f = mn_format_all(&n);
    for (size_t i = 0; i < n; i++) {
        if (!mn_pack_find(f[i].id)) fail_msg("%s cannot be packed", f[i].name);
        product_format(f + i, 16, f[i].block == 256 ? 256 : 32);
        product_format(f + i, 83, f[i].block == 256 ? 768 : 96);
        product_format(f + i, 144, f[i].block == 256 ? 1024 : 576);
    }
}

/* Row operations of every table equal scalar's bits. */
static void rows(void **unused) {
    (void)unused;
    enum { N = 1000 };
    float x[N], w[N], want[N], got[N];
    size_t count;
    const mn_kernels *const *all = mn_kernels_all(&count), *scalar = all[count - 1];
    for (int i = 0; i < N; i++) x[i] = unit() * (i % 7 ? 3.0f : 90.0f), w[i] = unit();
    for (size_t t = 0; t < count; t++) {
        const mn_kernels *k = all[t];
        if (!mn_kernels_usable(k)) continue;
        for (int n = 1; n < N; n += 37) {
            scalar->rms_norm(x, w, 1e-5f, n, want), k->rms_norm(x, w, 1e-5f, n, got);
            assert_memory_equal(want, got, (size_t)n * 4);
            scalar->layer_norm(x, w, x + 1, 1e-5f, n, want),
                k->layer_norm(x, w, x + 1, 1e-5f, n, got);
            assert_memory_equal(want, got, (size_t)n * 4);
            memcpy(want, x, sizeof x), memcpy(got, x, sizeof x);
            scalar->add_scaled(want, w, 0.7f, n), k->add_scaled(got, w, 0.7f, n);
            assert_memory_equal(want, got, sizeof x);
        }
        memcpy(want, x, sizeof x), memcpy(got, x, sizeof x);
        scalar->silu_mul(want, w, 992), k->silu_mul(got, w, 992);
        assert_memory_equal(want, got, sizeof x);
        memcpy(want, x, sizeof x), memcpy(got, x, sizeof x);
        scalar->gelu_mul(want, w, 992), k->gelu_mul(got, w, 992);
        assert_memory_equal(want, got, sizeof x);
        memcpy(want, x, sizeof x), memcpy(got, x, sizeof x);
        scalar->gelu(want, 992), k->gelu(got, 992);
        assert_memory_equal(want, got, sizeof x);
        for (int neox = 0; neox < 2; neox++) {
            memcpy(want, x, sizeof x), memcpy(got, x, sizeof x);
            scalar->rope(want, w, w + 64, 64, neox), k->rope(got, w, w + 64, 64, neox);
            assert_memory_equal(want, got, sizeof x);
        }
    }
    memcpy(got, x, sizeof x); /* and scalar is right */
    scalar->silu_mul(got, w, 992);
    for (int i = 0; i < 992; i++) {
        const double g = x[i], s = g / (1 + exp(-g)) * w[i];
        if (fabs(got[i] - s) > 1e-6 * (fabs(s) + 1e-3))
            fail_msg("silu %g: %g, should be %g", g, (double)got[i], s);
    }
}

/* The sampler's exp of every table: the bits of scalar, which is right to 2^-50. */
static void exponentials(void **unused) {
    (void)unused;
    enum { N = 1003 }; /* the last vector is not full */
    double x[N], want[N], got[N];
    size_t count;
    const mn_kernels *const *all = mn_kernels_all(&count), *scalar = all[count - 1];
    for (int i = 0; i < N; i++) x[i] = -exp((double)unit() * 12); /* from -160,000 to -6e-6 */
    x[0] = 0, x[1] = -0.0, x[2] = -708, x[3] = -707.999, x[4] = -(double)INFINITY;
    memcpy(want, x, sizeof x), scalar->exps(want, N);
    for (int i = 0; i < N; i++) {
        const double e = x[i] > -708 ? exp(x[i]) : 0;
        if (fabs(want[i] - e) > 0x1p-50 * e) fail_msg("e^%g: %.17g, not %.17g", x[i], want[i], e);
    }
    for (size_t t = 0; t < count; t++) {
        if (!mn_kernels_usable(all[t])) continue;
        memcpy(got, x, sizeof x), all[t]->exps(got, N);
        assert_memory_equal(want, got, sizeof x);
        memcpy(got, x, sizeof x), all[t]->exps(got, 3);
        assert_memory_equal(got + 3, x + 3, sizeof x - 3 * sizeof *x);
    }
}

/* The norm and the gelu of encoders against doubles. */
static void encoder_rows(void **unused) {
    (void)unused;
    enum { N = 400 };
    float x[N], w[N], b[N], got[N];
    size_t count;
    const mn_kernels *const *all = mn_kernels_all(&count), *scalar = all[count - 1];
    for (int i = 0; i < N; i++)
        x[i] = 5 + unit() * (i % 11 ? 2.0f : 30.0f), w[i] = unit(), b[i] = unit();
    for (int n = 1; n < N; n += 29) {
        double mean = 0, square = 0;
        for (int i = 0; i < n; i++) mean += (double)x[i] / n;
        for (int i = 0; i < n; i++) square += (x[i] - mean) * (x[i] - mean) / n;
        scalar->layer_norm(x, w, b, 1e-3f, n, got);
        for (int i = 0; i < n; i++) {
            const double y = (x[i] - mean) / sqrt(square + (double)1e-3f) * w[i] + b[i];
            if (!(fabs(got[i] - y) < 1e-5))
                fail_msg("norm of %d: %g, should be %g", n, (double)got[i], y);
        }
    }
    float from[N], to[N];
    for (int i = 0; i < N; i++) from[i] = to[i] = (float)(i - N / 2) * 0.05f;
    scalar->gelu(to, N);
    for (int i = 0; i < N; i++) {
        const double y = 0.5 * from[i] * (1 + erf(from[i] / sqrt(2)));
        if (!(fabs(to[i] - y) < 5e-7 * (1 + fabs(y))))
            fail_msg("gelu of %g: %g, should be %g", (double)from[i], (double)to[i], y);
    }
}

/* Numbers that are none still become codes, the same ones everywhere. */
static void quantise_none(void **unused) {
    (void)unused;
    float x[64];
    size_t count;
    const mn_kernels *const *all = mn_kernels_all(&count);
    for (int i = 0; i < 64; i++) x[i] = unit();
    x[3] = NAN, x[40] = INFINITY, x[50] = -NAN;
    mn_acts want = activations(all[count - 1], 64, 1, x);
    for (size_t t = 0; t < count; t++) {
        if (!mn_kernels_usable(all[t])) continue;
        mn_acts got = activations(all[t], 64, 1, x);
        assert_memory_equal(want.rows, got.rows, 64);
        for (int i = 0; i < 64; i++) assert_true(got.rows[i] >= -127);
        free(got.rows), free(got.side);
    }
    free(want.rows), free(want.side);
}

static void bench(void) {
    static const int formats[] = {MN_Q4_1, MN_Q8_0, MN_Q4_K, MN_Q5_0, MN_Q6_K, MN_Q4_0};
    size_t count;
    const mn_kernels *const *all = mn_kernels_all(&count);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        for (int big = 0; big < 2; big++) {
            const int k = big                                              ? 2048
                          : formats[i] == MN_Q4_K || formats[i] == MN_Q6_K ? 512
                                                                           : 576,
                      n = big ? 8192 : 1536, M = 256;
            matrix w = make(mn_format_find((uint32_t)formats[i]), n, k);
            float *x = lines(sizeof(float) * (size_t)(k * M)),
                  *out = lines(sizeof(float) * (size_t)(n * M));
            for (int j = 0; j < k * M; j++) x[j] = unit();
            void *scratch = lines(mn_product_scratch(k));
            for (size_t t = 0; t + 1 < count; t++) {
                if (!mn_kernels_usable(all[t])) continue;
                mn_acts a = activations(all[t], k, M, x);
                printf("%-7s %-5s k=%d", all[t]->name, mn_format_find((uint32_t)formats[i])->name,
                       k);
                static const int ms[] = {1, 2, 4, 8, 32, 256};
                for (int j = 0; j < 6; j++) {
                    double best = 1e9;
                    for (int rep = 0; rep < (ms[j] > 8 ? 5 : 20); rep++) {
                        const double t0 = mn_clock_seconds();
                        for (int tile = 0; tile < n / 16; tile += 4)
                            all[t]->product(&w.packed, tile, 4, &a, 0, ms[j], out + 16 * tile,
                                            (size_t)n, scratch);
                        const double s = mn_clock_seconds() - t0;
                        if (s < best) best = s;
                    }
                    printf("  m=%d %.0f GMAC/s", ms[j], (double)n * k * ms[j] / best * 1e-9);
                    if (ms[j] == 1)
                        printf(" %.1f GB/s", (double)w.packed.tile_bytes * n / 16 / best * 1e-9);
                }
                printf("\n");
                free(a.rows), free(a.side);
            }
            free(x), free(out), free(scratch);
            drop(&w);
        }
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "--bench") == 0) return bench(), 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products), cmocka_unit_test(rows), cmocka_unit_test(exponentials),
        cmocka_unit_test(encoder_rows), cmocka_unit_test(quantise_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
