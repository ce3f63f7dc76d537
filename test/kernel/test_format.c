/* SPDX-License-Identifier: Apache-2.0
 * test/kernel/test_format.c - every number format against golden values, bit for bit.
 *
 * The golden file comes from make_format_golden.py. Every decoder rounds once at most, so there
 * is no tolerance: the bits must be equal, except that a NaN may be any NaN. */
#include "test.h"

#include "base/buf.h"
#include "base/file.h"
#include "kernel/format.h"
#include "kernel/half.h"

static mn_buf golden;

static int load(void **s) {
    (void)s;
    const char *root = getenv("OMNESIA_SOURCE");
    mn_buf path = {0};
    int rc = mn_buf_printf(&path, "%s/test/kernel/data/format_golden.bin", root ? root : ".");
    if (rc >= 0) rc = mn_file_read(path.data, 1 << 20, &golden);
    mn_buf_free(&path);
    return rc < 0;
}

static int unload(void **s) {
    (void)s;
    mn_buf_free(&golden);
    return 0;
}

/* The golden record of a format: its blocks and values, at any address. */
static const char *record(mn_format_id id, uint32_t *blocks, const char **values) {
    for (size_t at = 0; at + 8 <= golden.len;) {
        uint32_t head[2];
        memcpy(head, golden.data + at, sizeof head);
        const mn_format *f = mn_format_find(head[0]);
        assert_non_null(f);
        const char *data = golden.data + at + 8;
        at += 8 + (size_t)head[1] * (f->bytes + 4u * f->block);
        assert_true(at <= golden.len);
        if (head[0] != (uint32_t)id) continue;
        *blocks = head[1];
        *values = data + (size_t)head[1] * f->bytes;
        return data;
    }
    fail_msg("no golden values for format %d", id);
    return NULL;
}

static int same(float a, float b) {
    return mn_f32_bits(a) == mn_f32_bits(b) || (a != a && b != b);
}

static void golden_values(void **s) {
    (void)s;
    size_t n_formats;
    const mn_format *f = mn_format_all(&n_formats);
    assert_int_equal(n_formats, 15);
    for (const mn_format *end = f + n_formats; f < end; f++) {
        uint32_t blocks = 0;
        const char *want = NULL;
        const char *data = record(f->id, &blocks, &want);
        const size_t n = (size_t)blocks * f->block;
        float *got = malloc((n + 1) * sizeof *got);
        assert_non_null(got);
        for (int shift = 0; shift < 2; shift++) { /* also at an odd address */
            char *copy = malloc((size_t)blocks * f->bytes + shift);
            assert_non_null(copy);
            memcpy(copy + shift, data, (size_t)blocks * f->bytes);
            got[n] = 12345.0f;
            f->decode(copy + shift, got, n);
            assert_true(same(got[n], 12345.0f)); /* nothing beyond n */
            for (size_t i = 0; i < n; i++) {
                float w;
                memcpy(&w, want + 4 * i, sizeof w);
                if (!same(got[i], w))
                    fail_msg("%s: value %zu is %.9g, not %.9g", f->name, i, (double)got[i],
                             (double)w);
            }
            free(copy);
        }
        free(got);
    }
}

static void table(void **s) {
    (void)s;
    size_t n;
    const mn_format *f = mn_format_all(&n);
    for (size_t i = 0; i < n; i++) {
        assert_ptr_equal(mn_format_find(f[i].id), &f[i]);
        assert_string_equal(mn_format_name(f[i].id), f[i].name);
        assert_int_equal(mn_format_row_bytes(&f[i], 2 * f[i].block), 2 * f[i].bytes);
        if (f[i].block > 1) assert_int_equal(mn_format_row_bytes(&f[i], f[i].block + 1), 0);
        float untouched = 7;
        f[i].decode("", &untouched, 0);
        assert_true(same(untouched, 7));
    }
    assert_int_equal(mn_format_row_bytes(mn_format_find(MN_F32), UINT64_MAX), 0);
    assert_null(mn_format_find(9));
    assert_null(mn_format_find(4000000000u));
    assert_string_equal(mn_format_name(16), "IQ2_XXS");
    assert_string_equal(mn_format_name(36), "unknown");
    assert_string_equal(mn_format_name(4000000000u), "unknown");
}

/* The value of a finite half, by its definition. */
static double half_value(uint32_t h) {
    const int exponent = (int)(h >> 10 & 31);
    double v = exponent ? 1024 + (double)(h & 1023) : 2 * (double)(h & 1023);
    for (int e = exponent; e < 25; e++) v /= 2;
    for (int e = 25; e < exponent; e++) v *= 2;
    return (h & 0x8000 ? -v : v);
}

static void half_widens(void **s) {
    (void)s;
    for (uint32_t h = 0; h < 65536; h++) {
        const float f = mn_f16_to_f32((uint16_t)h);
        const uint16_t back = mn_f16_from_f32(f);
        if ((h & 0x7fff) > 0x7c00) {
            assert_true(f != f);
            assert_true((back & 0x7fff) > 0x7c00 && (back & 0x8000) == (h & 0x8000));
        } else {
            const uint32_t infinite = (h & 0x8000) << 16 | 0x7f800000;
            const float want =
                (h & 0x7c00) == 0x7c00 ? mn_f32_from_bits(infinite) : (float)half_value(h);
            if (!same(f, want)) fail_msg("half %04x is %.9g, not %.9g", h, (double)f, (double)want);
            assert_int_equal(back, h);
        }
    }
}

/* Around the middle of each pair of neighbours: to the nearer, and from the middle to the even. */
static void half_narrows(void **s) {
    (void)s;
    for (uint32_t h = 0; h < 0x7c00; h++) { /* the neighbour of the largest is 65536: infinity */
        const float low = mn_f16_to_f32((uint16_t)h);
        const float high = h == 0x7bff ? 65536.0f : mn_f16_to_f32((uint16_t)(h + 1));
        const float middle = (low + high) / 2; /* exact */
        const uint32_t bits = mn_f32_bits(middle), even = h + (h & 1);
        assert_int_equal(mn_f16_from_f32(middle), even);
        assert_int_equal(mn_f16_from_f32(mn_f32_from_bits(bits - 1)), h);
        assert_int_equal(mn_f16_from_f32(mn_f32_from_bits(bits + 1)), h + 1);
        assert_int_equal(mn_f16_from_f32(-middle), even | 0x8000);
    }
    assert_int_equal(mn_f16_from_f32(0x1p-149f), 0);
    assert_int_equal(mn_f16_from_f32(-0x1p-149f), 0x8000);
    assert_int_equal(mn_f16_from_f32(3e38f), 0x7c00);
    assert_int_equal(mn_f16_from_f32(mn_f32_from_bits(0x7f800001)) & 0x7e00, 0x7e00);
}

static void bf16(void **s) {
    (void)s;
    for (uint32_t h = 0; h < 65536; h++) {
        const float f = mn_bf16_to_f32((uint16_t)h);
        assert_int_equal(mn_f32_bits(f), h << 16);
        if (f == f) assert_int_equal(mn_bf16_from_f32(f), h);
        if ((h & 0x7fff) >= 0x7f80) continue; /* no neighbour above */
        assert_int_equal(mn_bf16_from_f32(mn_f32_from_bits(h << 16 | 0x7fff)), h);
        assert_int_equal(mn_bf16_from_f32(mn_f32_from_bits(h << 16 | 0x8000)), h + (h & 1));
        assert_int_equal(mn_bf16_from_f32(mn_f32_from_bits(h << 16 | 0x8001)), h + 1);
    }
    assert_int_equal(mn_bf16_from_f32(mn_f32_from_bits(0x7f800001)), 0x7fc0);
    assert_int_equal(mn_bf16_from_f32(mn_f32_from_bits(0xffffffff)), 0xffff);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_values), cmocka_unit_test(table), cmocka_unit_test(half_widens),
        cmocka_unit_test(half_narrows),  cmocka_unit_test(bf16),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
