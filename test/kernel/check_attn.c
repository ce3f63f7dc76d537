/* SPDX-License-Identifier: Apache-2.0
 *
 * test/kernel/check_attn.c - attention of every instruction set and numerics against scalar, bit
 * for bit, and scalar against doubles; cuts at odd places, few and many rows, guarded scratch.
 */
#include "base/cpu.h"
#include "kernel/kernel.h"
#include "kernel/random.h"
#include "test.h"

#include <math.h>

/* Numbers for attention. Small ones reach below what f32 and f16 call normal, in products and sums
 * too, beside some so large that most weights are nearly zero. */
static void numbers(int small, float *k, float *v, int n, float *q, int n_q) {
    for (int i = 0; i < n; i++) {
        k[i] = unit() * 2, v[i] = unit();
        if (small) k[i] = ldexpf(k[i], -(int)(rnd() % 26)), v[i] = ldexpf(v[i], -(int)(rnd() % 26));
    }
    for (int i = 0; i < n_q; i++) {
        q[i] = unit();
        if (small) q[i] = ldexpf(q[i], i % 5 ? -(int)(rnd() % 150) : 6);
    }
}

typedef struct shape {
    mn_kv_format format;
    int d, heads, tokens, cut, window, small;
} shape;

/* Attention over one block: doubles, all tables of these numerics, cuts into pieces, row counts. */
static void attention(const char *numerics, shape c) {
    const mn_kv_format format = c.format;
    const int d = c.d, heads = c.heads, tokens = c.tokens, cut = c.cut, window = c.window;
    enum { B = MN_ATTN_BLOCK };
    const int n_rows = heads * tokens, seen = B - 37;
    const size_t plane = mn_kv_plane_bytes(format, B + 64, d);
    float *k = lines(sizeof(float) * (size_t)(B * d)), *v = lines(sizeof(float) * (size_t)(B * d));
    float *q = lines(sizeof(float) * (size_t)(n_rows * d));
    float *o = lines(sizeof(float) * (size_t)(n_rows * d)),
          *want = lines(sizeof(float) * (size_t)(n_rows * d));
    const size_t floats = mn_attn_scratch(d);
    float *scratch = lines(floats * 4 + 64);
    float max[MN_ATTN_ROWS], sum[MN_ATTN_ROWS], wmax[MN_ATTN_ROWS], wsum[MN_ATTN_ROWS];
    int from[MN_ATTN_ROWS], to[MN_ATTN_ROWS];
    int begun = 0;
    numbers(c.small, k, v, B * d, q, n_rows * d);
    for (int r = 0; r < n_rows; r++) {
        to[r] = seen - tokens + r / heads + 1;
        from[r] = window && to[r] > window ? to[r] - window : 0;
    }
    size_t count;
    const mn_kernels *const *all = mn_kernels_all(&count);
    for (int t = (int)count - 1; t >= 0; t--) {
        const mn_kernels *kn = all[t];
        if (!mn_kernels_usable(kn) || strcmp(kn->numerics, numerics)) continue;
        for (int pass = 0; pass < 2; pass++) { /* whole, then cut in two extents at an odd place */
            const int first = pass ? cut : seen, shift = pass ? 5 : 0;
            uint8_t *p[4];
            for (int i = 0; i < 4; i++) p[i] = memset(lines(plane), 0xFF, plane);
            kn->store_k(format, p[0], 0, first, d, k, (size_t)d);
            kn->store_v(format, p[1], 0, first, d, v, (size_t)d);
            kn->store_k(format, p[2], shift, seen - first, d, k + first * d, (size_t)d);
            kn->store_v(format, p[3], shift, seen - first, d, v + first * d, (size_t)d);
            const mn_attn_piece piece[2] = {{p[0], p[1], 0, 0, first},
                                            {p[2], p[3], shift, first, seen - first}};
            /* all rows together, then in groups of three */
            for (int group = 0; group < 2; group++)
                for (int r = 0; r < n_rows; r += group ? heads : n_rows) {
                    const int n = group ? heads : n_rows;
                    const mn_attn_job job = {.piece = piece,
                                             .n_pieces = first < seen ? 2 : 1,
                                             .format = format,
                                             .d = d,
                                             .q = q + r * d,
                                             .q_token = (size_t)(heads * d),
                                             .heads = heads,
                                             .rows = n,
                                             .from = from + r,
                                             .to = to + r,
                                             .max = max + r,
                                             .sum = sum + r,
                                             .o = o + r * d,
                                             .scratch = scratch};
                    kn->attend(&job);
                    if (r + n < n_rows) continue;
                    if (!begun) {
                        begun = 1;
                        memcpy(want, o, sizeof(float) * (size_t)(n_rows * d));
                        memcpy(wmax, max, sizeof max), memcpy(wsum, sum, sizeof sum);
                    }
                    if (memcmp(want, o, sizeof(float) * (size_t)(n_rows * d)) ||
                        memcmp(wmax, max, sizeof(float) * (size_t)n_rows) ||
                        memcmp(wsum, sum, sizeof(float) * (size_t)n_rows))
                        fail_msg(
                            "%s %s d=%d heads=%d tokens=%d cut=%d: bits differ (pass %d, group %d)",
                            kn->name, numerics, d, heads, tokens, cut, pass, group);
                }
            for (int i = 0; i < 4; i++) free(p[i]);
        }
    }
    for (size_t i = 0; i < 64; i++) assert_int_equal(((uint8_t *)(scratch + floats))[i], 0xA5);
    const double tolerance = format != MN_KV_F16                       ? 0.15
                             : strcmp(numerics, MN_NUMERICS_BF16) == 0 ? 0.04
                                                                       : 4e-3;
    for (int r = 0; r < n_rows && !c.small; r++) { /* doubles */
        double top = -1e300, total = 0, s[B], out = 0;
        for (int p = from[r]; p < to[r]; p++) {
            s[p] = 0;
            for (int e = 0; e < d; e++) s[p] += (double)q[r * d + e] * k[p * d + e];
            if (s[p] > top) top = s[p];
        }
        for (int p = from[r]; p < to[r]; p++)
            total += exp(s[p] - top), out += exp(s[p] - top) * v[p * d];
        const double got = want[r * d] / wsum[r];
        if (fabs(got - out / total) > tolerance)
            fail_msg("format %d d=%d row %d: %g, should be %g", (int)format, d, r, got,
                     out / total);
    }
    free(k), free(v), free(q), free(o), free(want), free(scratch);
}

static void attentions(void **unused) {
    (void)unused;
    static const char *const numerics[] = {MN_NUMERICS, MN_NUMERICS_BF16};
    static const shape shapes[] = {
        {0, 64, 3, 1, 100, 0},    {0, 64, 3, 32, 33, 0},   {0, 128, 6, 5, 470, 100},
        {0, 256, 4, 9, 17, 0},    {0, 64, 7, 13, 250, 64}, {0, 96, 1, 2, 31, 0},
        {0, 64, 3, 11, 63, 0, 1}, {0, 32, 1, 5, 1, 37, 1},
    };
    for (int n = 0; n < 2; n++)
        for (int f = 0; f < 2; f++)
            for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
                shape s = shapes[i];
                s.format = (mn_kv_format)f;
                attention(numerics[n], s);
            }
}

/* The instructions for BF16 pairs: in use where there are any, AMX machines included. */
static void native_bf16(void **unused) {
    (void)unused;
    const mn_kernels *k, *emulated;
    if (!(mn_cpu_features() & MN_CPU_BF16)) {
        assert_fails(mn_kernels_pick("avx512bf16", MN_NUMERICS_BF16, &k), MN_EUNSUPPORTED,
                     "OMNESIA_ISA=avx512bf16");
        skip(); /* the cases above could not try them */
    }
    assert_ok(mn_kernels_pick("avx512bf16", MN_NUMERICS_BF16, &k));
    assert_ok(mn_kernels_pick("avx512", MN_NUMERICS_BF16, &emulated));
    assert_ptr_not_equal(k->attend, emulated->attend);
    assert_ptr_equal(k->product, emulated->product);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(attentions), cmocka_unit_test(native_bf16)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
