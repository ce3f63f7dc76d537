/* SPDX-License-Identifier: Apache-2.0
 * test/model/test_gguf.c - reading GGUF files: what is in them, and every way they can be wrong. */
#include "model/gguf_writer.h"
#include "test.h"

#include "base/alloc.h"
#include "base/file.h"

#include <unistd.h>

/* A block of exactly n bytes, so that a sanitizer sees the first byte read beyond it. */
static uint8_t *exact(const void *p, size_t n) {
    uint8_t *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    return memcpy(copy, p, n);
}

static const char *const WORDS[] = {"<s>", "", "the", "\xe2\x96\x81the", "quick", "brown", "fox"};
enum { N_WORDS = sizeof WORDS / sizeof *WORDS };

/* A small file with every kind of metadata, two tensors, and everything right. */
static void good(gguf_writer *w) {
    gguf_str(w, "general.architecture", "llama");
    gguf_entry(w, "k.u8", MN_GGUF_U8);
    gguf_bytes(&w->entries, "\xfe", 1);
    gguf_entry(w, "k.i8", MN_GGUF_I8);
    gguf_bytes(&w->entries, "\xfe", 1);
    gguf_entry(w, "k.u16", MN_GGUF_U16);
    gguf_bytes(&w->entries, "\xfe\xff", 2);
    gguf_entry(w, "k.i16", MN_GGUF_I16);
    gguf_bytes(&w->entries, "\xfe\xff", 2);
    gguf_u32(w, "k.u32", 4294967295u);
    gguf_entry(w, "k.i32", MN_GGUF_I32);
    gguf_put32(&w->entries, (uint32_t)-7);
    gguf_f32(w, "k.f32", 1.5f);
    gguf_bool(w, "k.bool", 1);
    gguf_u64(w, "k.u64", UINT64_MAX);
    gguf_entry(w, "k.i64", MN_GGUF_I64);
    gguf_put64(&w->entries, (uint64_t)INT64_MIN);
    const double third = 1.0 / 3;
    gguf_entry(w, "k.f64", MN_GGUF_F64);
    gguf_bytes(&w->entries, &third, 8);
    gguf_strs(w, "a.str", WORDS, N_WORDS);
    gguf_array(w, "a.f32", MN_GGUF_F32, 2, (float[]){0.25f, -8.0f}, 8);
    gguf_array(w, "a.i16", MN_GGUF_I16, 2, (int16_t[]){-3, 300}, 4);
    gguf_array(w, "a.u64", MN_GGUF_U64, 1, (uint64_t[]){UINT64_MAX}, 8);
    gguf_array(w, "a.bool", MN_GGUF_BOOL, 3, "\0\1\1", 3);
    gguf_array(w, "a.none", MN_GGUF_STRING, 0, "", 0);
    gguf_tensor(w, "plain", MN_F32, (uint64_t[]){2, 3}, 2, (float[]){1, 2, 3, 4, 5, 6});
    gguf_tensor(w, "packed", MN_Q8_0, (uint64_t[]){32, 1, 2}, 3, NULL);
}

static void metadata(void **s) {
    (void)s;
    gguf_writer w = {0};
    good(&w);
    for (uint32_t version = 2; version <= 3; version++) {
        gguf_finish(&w, version);
        mn_gguf *g;
        assert_ok(mn_gguf_open_memory(w.file.data, w.file.len, "good", &g));
        assert_int_equal(mn_gguf_version(g), version);
        assert_int_equal(mn_gguf_size(g), w.file.len);
        const mn_gguf_value *v;
        assert_int_equal(mn_gguf_values(g, &v), w.n_entries);
        assert_memory_equal(v[1].key.p, "k.u8", 4);
        assert_int_equal(mn_gguf_u64(g, "k.u8", 1), 254);
        assert_true(mn_gguf_f64(g, "k.i8", 1) == -2);
        assert_int_equal(mn_gguf_u64(g, "k.i8", 9), 9); /* negative: does not convert */
        assert_int_equal(mn_gguf_u64(g, "k.u16", 1), 65534);
        assert_true(mn_gguf_f64(g, "k.i16", 1) == -2);
        assert_int_equal(mn_gguf_u64(g, "k.u32", 1), 4294967295u);
        assert_int_equal(mn_gguf_find(g, "k.i32")->i, -7);
        assert_true(mn_gguf_f64(g, "k.f32", 0) == 1.5);
        assert_int_equal(mn_gguf_u64(g, "k.f32", 3), 3);
        assert_int_equal(mn_gguf_bool(g, "k.bool", 0), 1);
        assert_int_equal(mn_gguf_bool(g, "k.f32", 7), 7);
        assert_true(mn_gguf_u64(g, "k.u64", 0) == UINT64_MAX);
        assert_true(mn_gguf_find(g, "k.i64")->i == INT64_MIN);
        assert_true(mn_gguf_f64(g, "k.f64", 0) == 1.0 / 3);
        assert_true(mn_gguf_f64(g, "general.architecture", 4) == 4);
        const mn_str arch = mn_gguf_str(g, "general.architecture");
        assert_int_equal(arch.n, 5);
        assert_memory_equal(arch.p, "llama", 5);
        assert_null(mn_gguf_str(g, "k.u8").p);
        assert_null(mn_gguf_find(g, "k"));
        assert_null(mn_gguf_find(g, ""));
        mn_gguf_close(&g);
        assert_null(g);
        mn_gguf_close(&g); /* harmless */
    }
    gguf_writer_free(&w);
}

static void arrays(void **s) {
    (void)s;
    gguf_writer w = {0};
    good(&w);
    gguf_finish(&w, 3);
    mn_gguf *g;
    assert_ok(mn_gguf_open_memory(w.file.data, w.file.len, "good", &g));
    const mn_gguf_value *v = mn_gguf_find(g, "a.str");
    assert_int_equal(v->count, N_WORDS);
    for (size_t i = N_WORDS; i-- > 0;) {
        const mn_str item = mn_gguf_item_str(v, i);
        assert_int_equal(item.n, strlen(WORDS[i]));
        assert_memory_equal(item.p, WORDS[i], item.n);
    }
    assert_null(mn_gguf_item_str(v, N_WORDS).p);
    assert_null(mn_gguf_item_str(NULL, 0).p);
    assert_null(mn_gguf_item_str(mn_gguf_find(g, "a.none"), 0).p);
    assert_int_equal(mn_gguf_item_i64(v, 0, -5), -5);
    v = mn_gguf_find(g, "a.f32");
    assert_true(mn_gguf_item_f64(v, 1, 0) == -8);
    assert_true(mn_gguf_item_f64(v, 2, 7) == 7);
    assert_int_equal(mn_gguf_item_i64(v, 1, 5), 5);
    assert_null(mn_gguf_item_str(v, 0).p);
    v = mn_gguf_find(g, "a.i16");
    assert_int_equal(mn_gguf_item_i64(v, 0, 0), -3);
    assert_int_equal(mn_gguf_item_i64(v, 1, 0), 300);
    assert_int_equal(mn_gguf_item_i64(mn_gguf_find(g, "a.u64"), 0, -1), -1); /* too large */
    assert_int_equal(mn_gguf_item_i64(mn_gguf_find(g, "a.bool"), 2, 0), 1);
    assert_int_equal(mn_gguf_item_i64(mn_gguf_find(g, "k.u8"), 0, 6), 6); /* no array */
    mn_gguf_close(&g);
    gguf_writer_free(&w);
}

static void tensors(void **s) {
    (void)s;
    gguf_writer w = {0};
    good(&w);
    gguf_finish(&w, 3);
    mn_gguf *g;
    assert_ok(mn_gguf_open_memory(w.file.data, w.file.len, "good", &g));
    const mn_gguf_tensor *t;
    assert_int_equal(mn_gguf_tensors(g, &t), 2);
    assert_ptr_equal(mn_gguf_tensor_find(g, "packed"), &t[1]);
    assert_null(mn_gguf_tensor_find(g, "pack"));
    assert_int_equal(t[0].bytes, 24);
    assert_int_equal(t[1].bytes, 68);
    assert_int_equal(t[1].dims, 3);
    assert_int_equal(t[1].shape[2], 2);
    assert_int_equal(t[1].shape[3], 1);
    assert_memory_equal(t[0].data, ((float[]){1, 2, 3, 4, 5, 6}), 24);
    const void *header;
    size_t n;
    mn_gguf_header(g, &header, &n);
    assert_ptr_equal(header, w.file.data);
    assert_ptr_equal((const char *)header + n, t[0].data);
    mn_gguf_close(&g);
    gguf_writer_free(&w);
}

/* Larger alignment, data out of order, and a vocabulary without tensors. */
static void layouts(void **s) {
    (void)s;
    const uint64_t four = 4;
    gguf_writer w = {.align = 256};
    gguf_u32(&w, "general.alignment", 256);
    gguf_info(&w, "second", MN_F32, &four, 1, 256);
    gguf_info(&w, "first", MN_F32, &four, 1, 0);
    gguf_bytes(&w.data, (char[272]){0}, 272);
    gguf_finish(&w, 3);
    mn_gguf *g;
    assert_ok(mn_gguf_open_memory(w.file.data, w.file.len, "turned", &g));
    const mn_gguf_tensor *t;
    assert_int_equal(mn_gguf_tensors(g, &t), 2);
    assert_ptr_equal((const char *)t[1].data + 256, t[0].data);
    assert_ptr_equal(t[1].data, w.file.data + 256);
    mn_gguf_close(&g);
    gguf_writer_free(&w);

    w = (gguf_writer){0};
    gguf_str(&w, "a", "b");
    gguf_finish(&w, 3);
    assert_ok(mn_gguf_open_memory(w.file.data, w.file.len, "words", &g));
    assert_int_equal(mn_gguf_tensors(g, &t), 0);
    mn_gguf_close(&g);
    gguf_writer_free(&w);
}

static void from_disk(void **s) {
    (void)s;
    char path[] = "/tmp/test-gguf-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    gguf_writer w = {0};
    good(&w);
    gguf_finish(&w, 3);
    assert_int_equal(write(fd, w.file.data, w.file.len), (int)w.file.len);
    close(fd);
    mn_gguf *g;
    assert_ok(mn_gguf_open(path, &g));
    assert_int_equal(mn_gguf_size(g), w.file.len);
    mn_gguf_close(&g);
    unlink(path);
    assert_fails(mn_gguf_open(path, &g), MN_ENOENT, path);
    assert_null(g);
    gguf_writer_free(&w);
}

/* Cut at every byte: never opens, unless what was cut is padding that nobody needs. */
static void truncated(void **s) {
    (void)s;
    gguf_writer w = {0};
    good(&w);
    gguf_finish(&w, 3);
    for (size_t n = 0; n < w.file.len; n++) {
        uint8_t *copy = exact(w.file.data, n);
        mn_gguf *g;
        assert_int_equal(mn_gguf_open_memory(copy, n, "cut", &g), MN_ECORRUPT);
        assert_null(g);
        assert_true(strlen(mn_error_detail()) > 10);
        free(copy);
    }
    gguf_writer_free(&w);
}

static volatile size_t sink; /* keeps the reads */

/* Everything a user of an open file may do, on a file that may mean anything. */
static void walk(const mn_gguf *g) {
    const mn_gguf_value *v;
    const mn_gguf_tensor *t;
    const size_t n_values = mn_gguf_values(g, &v), n_tensors = mn_gguf_tensors(g, &t);
    for (size_t i = 0; i < n_values; i++)
        for (uint64_t k = 0; k < v[i].count; k++) {
            const mn_str item = mn_gguf_item_str(&v[i], k);
            if (item.n) sink += (uint8_t)item.p[item.n - 1];
            sink += (size_t)mn_gguf_item_i64(&v[i], k, 0);
            sink += mn_gguf_item_f64(&v[i], k, 0) > 0;
        }
    for (size_t i = 0; i < n_tensors; i++) {
        const mn_format *f = mn_format_find(t[i].type);
        float out[256];
        assert_true(t[i].bytes >= f->bytes);
        f->decode(t[i].data, out, f->block);
        sink += ((const uint8_t *)t[i].data)[t[i].bytes - 1];
    }
}

static void flipped(void **s) {
    (void)s;
    gguf_writer w = {0};
    good(&w);
    gguf_finish(&w, 3);
    uint8_t *copy = exact(w.file.data, w.file.len);
    size_t opened = 0;
    for (size_t bit = 0; bit < 8 * w.file.len; bit++) {
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
        mn_gguf *g;
        const int rc = mn_gguf_open_memory(copy, w.file.len, "flipped", &g);
        if (rc >= 0) {
            opened++;
            walk(g);
        } else
            assert_true(rc == MN_ECORRUPT || rc == MN_EUNSUPPORTED);
        mn_gguf_close(&g);
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_true(opened > 100); /* values and weights may be anything */
    free(copy);
    gguf_writer_free(&w);
}

static void no_memory(void **s) {
    (void)s;
    gguf_writer w = {0};
    good(&w);
    gguf_finish(&w, 3);
    for (long n = 1;; n++) {
        mn_gguf *g;
        mn_alloc_fail_after(n);
        const int rc = mn_gguf_open_memory(w.file.data, w.file.len, "poor", &g);
        mn_alloc_fail_after(0);
        if (rc >= 0) {
            assert_true(n > 6);
            mn_gguf_close(&g);
            break;
        }
        assert_int_equal(rc, MN_ENOMEM);
        assert_null(g);
    }
    gguf_writer_free(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metadata), cmocka_unit_test(arrays),    cmocka_unit_test(tensors),
        cmocka_unit_test(layouts),  cmocka_unit_test(from_disk), cmocka_unit_test(truncated),
        cmocka_unit_test(flipped),  cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
