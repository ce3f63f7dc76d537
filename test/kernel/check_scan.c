/* SPDX-License-Identifier: Apache-2.0
 *
 * test/kernel/check_scan.c - one vector against many: every instruction set against plain loops,
 * the largest codes included; rows apart, output guarded. `check_scan --bench` times them.
 */
#include "base/clock.h"
#include "kernel/kernel.h"
#include "kernel/random.h"
#include "test.h"

enum { N = 23 };

/* Each table on n rows of d codes that lie `stride` apart, the ends of the memory included. */
static void dots_case(int d, size_t stride, int n, int largest) {
    size_t count;
    const mn_kernels *const *all = mn_kernels_all(&count);
    int8_t *q = lines((size_t)d), *rows = lines(stride * N);
    int32_t want[N], got[N + 1];
    for (int i = 0; i < d; i++)
        q[i] = largest ? (int8_t)(largest == 1 ? -128 : 127) : (int8_t)rnd();
    for (size_t i = 0; i < stride * N; i++)
        rows[i] = largest ? (int8_t)(i / stride % 2 ? 127 : -128) : (int8_t)rnd();
    for (int r = 0; r < n; r++) {
        want[r] = 0;
        for (int i = 0; i < d; i++) want[r] += q[i] * rows[(size_t)r * stride + (size_t)i];
    }
    for (size_t t = 0; t < count; t++) {
        if (!mn_kernels_usable(all[t])) continue;
        memset(got, 0x77, sizeof got);
        all[t]->dots(q, d, rows, stride, n, got);
        for (int r = 0; r < n; r++)
            if (got[r] != want[r])
                fail_msg("%s, d %d, row %d of %d: %d, should be %d", all[t]->name, d, r, n, got[r],
                         want[r]);
        assert_int_equal(got[n], 0x77777777);
    }
    free(q), free(rows);
}

static void dots(void **unused) {
    (void)unused;
    static const int widths[] = {32, 64, 96, 384, 416, 1024};
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
        for (int n = 0; n <= N; n += n < 6 ? 1 : N - 6)
            for (int largest = 0; largest < 3; largest++) {
                dots_case(widths[w], (size_t)widths[w], n, largest);
                dots_case(widths[w], (size_t)widths[w] + 7, n, largest);
            }
}

static void differ_case(int bytes, size_t stride, int n) {
    size_t count;
    const mn_kernels *const *all = mn_kernels_all(&count);
    uint8_t *q = lines((size_t)bytes), *rows = lines(stride * N);
    uint16_t want[N], got[N + 1];
    for (int i = 0; i < bytes; i++) q[i] = (uint8_t)rnd();
    for (size_t i = 0; i < stride * N; i++) rows[i] = (uint8_t)rnd();
    for (int i = 0; i < bytes && n > 1; i++) /* the first is the same, the second the opposite */
        rows[i] = q[i], rows[stride + (size_t)i] = (uint8_t)~q[i];
    for (int r = 0; r < n; r++) {
        want[r] = 0;
        for (int i = 0; i < bytes * 8; i++)
            want[r] =
                (uint16_t)(want[r] +
                           ((q[i / 8] ^ rows[(size_t)r * stride + (size_t)i / 8]) >> i % 8 & 1));
    }
    for (size_t t = 0; t < count; t++) {
        if (!mn_kernels_usable(all[t])) continue;
        memset(got, 0x77, sizeof got);
        all[t]->differ(q, bytes, rows, stride, n, got);
        assert_memory_equal(got, want, (size_t)n * sizeof *want);
        assert_int_equal(got[n], 0x7777);
    }
    if (n > 1) assert_int_equal(want[0], 0), assert_int_equal(want[1], bytes * 8);
    free(q), free(rows);
}

static void differ(void **unused) {
    (void)unused;
    for (int bytes = 8; bytes <= MN_SCAN_MOST / 8; bytes += 8)
        for (int n = 0; n <= N; n += n < 3 ? 1 : N - 3) {
            differ_case(bytes, (size_t)bytes, n);
            differ_case(bytes, (size_t)bytes + 5, n);
        }
}

static void bench(void) {
    size_t count;
    const mn_kernels *const *all = mn_kernels_all(&count);
    static const int sizes[] = {1000, 20000, 300000};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (size_t t = 0; t < count / 2; t++) {
            const int n = sizes[s], d = 384;
            if (!mn_kernels_usable(all[t])) continue;
            int8_t *q = lines((size_t)d), *rows = lines((size_t)(n * d));
            void *out = lines((size_t)n * 4);
            double best[2] = {1e9, 1e9};
            for (int rep = 0; rep < 20; rep++) {
                const double a = mn_clock_seconds();
                all[t]->dots(q, d, rows, (size_t)d, n, out);
                const double b = mn_clock_seconds();
                all[t]->differ((uint8_t *)q, d / 8, (uint8_t *)rows, (size_t)d / 8, n, out);
                const double c = mn_clock_seconds();
                if (b - a < best[0]) best[0] = b - a;
                if (c - b < best[1]) best[1] = c - b;
            }
            printf("%-10s %6d rows: dots %5.2f ns a row, %5.1f GB/s; differ %5.2f ns, %5.1f GB/s\n",
                   all[t]->name, n, best[0] / n * 1e9, d * n / best[0] * 1e-9, best[1] / n * 1e9,
                   d / 8 * n / best[1] * 1e-9);
            free(q), free(rows), free(out);
        }
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "--bench") == 0) return bench(), 0;
    const struct CMUnitTest tests[] = {cmocka_unit_test(dots), cmocka_unit_test(differ)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
