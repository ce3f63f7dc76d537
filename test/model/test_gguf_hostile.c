/* SPDX-License-Identifier: Apache-2.0
 * test/model/test_gguf_hostile.c - each class of wrong GGUF file is refused with its sentence.
 *
 * One row a class: a function that writes such a file, the code and a part of the sentence. */
#include "model/gguf_writer.h"
#include "test.h"

static const uint64_t four = 4;

static void empty(gguf_writer *w) {
    gguf_finish(w, 3);
    w->file.len = 0;
}

static void begins(gguf_writer *w, const char *bytes, size_t n) {
    gguf_finish(w, 3);
    mn_buf_clear(&w->file);
    gguf_bytes(&w->file, bytes, n);
}

static void web_page(gguf_writer *w) {
    begins(w, "<!DOCTYPE html><html>", 21);
}

static void lfs(gguf_writer *w) {
    begins(w, "version https://git-lfs.github.com/spec/v1\n", 43);
}

static void safetensors(gguf_writer *w) {
    begins(w, "\x40\0\0\0\0\0\0\0{\"a\":1}", 15);
}

static void zip(gguf_writer *w) {
    begins(w, "PK\3\4 and so on", 14);
}

static void ggml(gguf_writer *w) {
    begins(w, "lmgg 0123456789", 15);
}

static void version_1(gguf_writer *w) {
    gguf_finish(w, 1);
}

static void version_4(gguf_writer *w) {
    gguf_finish(w, 4);
}

static void big_endian(gguf_writer *w) {
    gguf_finish(w, 3u << 24);
}

static void many_tensors(gguf_writer *w) {
    w->n_infos = UINT64_MAX;
    gguf_finish(w, 3);
}

static void few_tensors(gguf_writer *w) {
    w->n_infos = 1000;
    gguf_finish(w, 3);
}

static void many_entries(gguf_writer *w) {
    w->n_entries = 1ull << 40;
    gguf_finish(w, 3);
}

static void few_entries(gguf_writer *w) {
    w->n_entries = 2;
    gguf_finish(w, 3);
}

static void long_key(gguf_writer *w) {
    gguf_put64(&w->entries, 70000);
    for (int i = 0; i < 70000; i++) gguf_bytes(&w->entries, "k", 1);
    gguf_put32(&w->entries, MN_GGUF_U32);
    gguf_put32(&w->entries, 1);
    w->n_entries = 1;
    gguf_finish(w, 3);
}

static void wild_key(gguf_writer *w) {
    gguf_put64(&w->entries, UINT64_MAX - 7);
    gguf_bytes(&w->entries, "12345678", 8);
    w->n_entries = 1;
    gguf_finish(w, 3);
}

static void no_key(gguf_writer *w) {
    gguf_u32(w, "", 1);
    gguf_finish(w, 3);
}

static void twice(gguf_writer *w) {
    gguf_u32(w, "same", 1);
    gguf_u32(w, "other", 1);
    gguf_u32(w, "same", 1);
    gguf_finish(w, 3);
}

static void escape_codes(gguf_writer *w) {
    gguf_u32(w, "a\033[31mb", 1);
    gguf_u32(w, "a\033[31mb", 1);
    gguf_finish(w, 3);
}

static void kind_13(gguf_writer *w) {
    gguf_entry(w, "odd", 13);
    gguf_put64(&w->entries, 1);
    gguf_finish(w, 3);
}

static void bool_2(gguf_writer *w) {
    gguf_bool(w, "truth", 2);
    gguf_finish(w, 3);
}

static void bools_2(gguf_writer *w) {
    gguf_array(w, "truths", MN_GGUF_BOOL, 3, "\0\1\2", 3);
    gguf_finish(w, 3);
}

static void nested(gguf_writer *w) {
    gguf_array(w, "deep", MN_GGUF_ARRAY, 1, "\4\0\0\0\0\0\0\0\0\0\0\0", 12);
    gguf_finish(w, 3);
}

static void item_99(gguf_writer *w) {
    gguf_array(w, "odd", 99, 1, "12345678", 8);
    gguf_finish(w, 3);
}

static void long_array(gguf_writer *w) {
    gguf_array(w, "long", MN_GGUF_U64, 1ull << 61, "12345678", 8); /* times 8 wraps to 0 */
    gguf_finish(w, 3);
}

static void many_strings(gguf_writer *w) {
    gguf_array(w, "words", MN_GGUF_STRING, UINT64_MAX, "\0\0\0\0\0\0\0\0", 8);
    gguf_finish(w, 3);
}

static void wild_string(gguf_writer *w) {
    gguf_array(w, "words", MN_GGUF_STRING, 2, "\0\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff",
               16);
    gguf_finish(w, 3);
}

static void long_string(gguf_writer *w) {
    const size_t n = (16 << 20) + 1;
    gguf_entry(w, "story", MN_GGUF_STRING);
    gguf_put64(&w->entries, n);
    assert_ok(mn_buf_reserve(&w->entries, n));
    memset(w->entries.data + w->entries.len, 'a', n);
    w->entries.len += n;
    gguf_finish(w, 3);
}

static void split(gguf_writer *w) {
    gguf_entry(w, "split.count", MN_GGUF_U16);
    gguf_bytes(&w->entries, "\3\0", 2);
    gguf_finish(w, 3);
}

static void align_to(gguf_writer *w, uint32_t align) {
    gguf_u32(w, "general.alignment", align);
    gguf_tensor(w, "t", MN_F32, &four, 1, NULL);
    gguf_finish(w, 3);
}

static void align_0(gguf_writer *w) {
    align_to(w, 0);
}

static void align_48(gguf_writer *w) {
    align_to(w, 48);
}

static void align_2g(gguf_writer *w) {
    align_to(w, 1u << 31);
}

static void align_text(gguf_writer *w) {
    gguf_str(w, "general.alignment", "32");
    gguf_finish(w, 3);
}

static void tensor(gguf_writer *w, uint32_t type, const uint64_t *shape, uint32_t dims,
                   uint64_t offset) {
    gguf_info(w, "t", type, shape, dims, offset);
    gguf_bytes(&w->data, (char[64]){0}, 64);
    gguf_finish(w, 3);
}

static void dims_0(gguf_writer *w) {
    tensor(w, MN_F32, &four, 0, 0);
}

static void dims_5(gguf_writer *w) {
    tensor(w, MN_F32, (uint64_t[]){1, 1, 1, 1, 1}, 5, 0);
}

static void shape_0(gguf_writer *w) {
    tensor(w, MN_F32, (uint64_t[]){4, 0}, 2, 0);
}

static void shape_wraps(gguf_writer *w) {
    tensor(w, MN_F32, (uint64_t[]){1ull << 32, 1ull << 32}, 2, 0);
}

static void shape_huge(gguf_writer *w) {
    tensor(w, MN_F32, (uint64_t[]){1ull << 62}, 1, 0); /* times 4 wraps to 0 */
}

static void type_16(gguf_writer *w) {
    tensor(w, 16, (uint64_t[]){256}, 1, 0);
}

static void type_777(gguf_writer *w) {
    tensor(w, 777, &four, 1, 0);
}

static void row_33(gguf_writer *w) {
    tensor(w, MN_Q8_0, (uint64_t[]){33}, 1, 0);
}

static void offset_odd(gguf_writer *w) {
    tensor(w, MN_F32, &four, 1, 8);
}

static void offset_wild(gguf_writer *w) {
    tensor(w, MN_F32, &four, 1, UINT64_MAX - 31);
}

static void offset_end(gguf_writer *w) {
    tensor(w, MN_F32, &four, 1, 64);
}

static void no_data(gguf_writer *w) {
    gguf_info(w, "t", MN_F32, &four, 1, 0);
    gguf_finish(w, 3);
}

static void overlap(gguf_writer *w) {
    gguf_info(w, "one", MN_F32, (uint64_t[]){16}, 1, 0);
    gguf_info(w, "two", MN_F32, &four, 1, 32);
    gguf_bytes(&w->data, (char[64]){0}, 64);
    gguf_finish(w, 3);
}

static void overlap_turned(gguf_writer *w) {
    gguf_info(w, "one", MN_F32, &four, 1, 32);
    gguf_info(w, "two", MN_F32, (uint64_t[]){16}, 1, 0);
    gguf_bytes(&w->data, (char[64]){0}, 64);
    gguf_finish(w, 3);
}

static void tensor_twice(gguf_writer *w) {
    gguf_tensor(w, "t", MN_F32, &four, 1, NULL);
    gguf_tensor(w, "t", MN_F32, &four, 1, NULL);
    gguf_finish(w, 3);
}

static void tensor_long_name(gguf_writer *w) {
    char name[301];
    memset(name, 'n', 300);
    name[300] = 0;
    gguf_tensor(w, name, MN_F32, &four, 1, NULL);
    gguf_finish(w, 3);
}

static const struct {
    void (*make)(gguf_writer *);
    int code;
    const char *text;
} rows[] = {
    {empty, MN_ECORRUPT, "not a GGUF file"},
    {web_page, MN_ECORRUPT, "a web page"},
    {lfs, MN_ECORRUPT, "git lfs"},
    {safetensors, MN_ECORRUPT, "safetensors"},
    {zip, MN_ECORRUPT, "zip"},
    {ggml, MN_ECORRUPT, "before GGUF"},
    {version_1, MN_EUNSUPPORTED, "version 1; versions 2 and 3 are read, convert"},
    {version_4, MN_EUNSUPPORTED, "version 4; versions 2 and 3 are read"},
    {big_endian, MN_EUNSUPPORTED, "big-endian"},
    {many_tensors, MN_ECORRUPT, "claims 18446744073709551615 tensors; at most 16384"},
    {few_tensors, MN_ECORRUPT, "claims 1000 tensors, but only 8 bytes follow"},
    {many_entries, MN_ECORRUPT, "claims 1099511627776 metadata entries; at most 16384"},
    {few_entries, MN_ECORRUPT, "claims 2 metadata entries, but only 0 bytes follow"},
    {long_key, MN_ECORRUPT, "has 70000 bytes; at most 65535"},
    {wild_key, MN_ECORRUPT, "needs 18446744073709551608 bytes and 8 are left"},
    {no_key, MN_ECORRUPT, "has no name"},
    {twice, MN_ECORRUPT, "metadata 'same' is there twice"},
    {escape_codes, MN_ECORRUPT, "'a?[31mb'"},
    {kind_13, MN_ECORRUPT, "'odd' is of kind 13"},
    {bool_2, MN_ECORRUPT, "truth value of 2"},
    {bools_2, MN_ECORRUPT, "truth value of 2"},
    {nested, MN_EUNSUPPORTED, "array of arrays"},
    {item_99, MN_ECORRUPT, "'odd' is of kind 99"},
    {long_array, MN_ECORRUPT, "claims 2305843009213693952 items of at least 8 bytes"},
    {many_strings, MN_ECORRUPT, "claims 18446744073709551615 items"},
    {wild_string, MN_ECORRUPT, "needs 18446744073709551615 bytes and 0 are left"},
    {long_string, MN_ECORRUPT, "has 16777217 bytes; at most 16777216"},
    {split, MN_EUNSUPPORTED, "one of 3 parts of a model; join them with `llama-gguf-split --merge"},
    {align_0, MN_ECORRUPT, "general.alignment is 0; it must be a power of two"},
    {align_48, MN_ECORRUPT, "general.alignment is 48"},
    {align_2g, MN_ECORRUPT, "general.alignment is 2147483648"},
    {align_text, MN_ECORRUPT, "general.alignment is 0"},
    {dims_0, MN_ECORRUPT, "has 0 dimensions"},
    {dims_5, MN_ECORRUPT, "has 5 dimensions"},
    {shape_0, MN_ECORRUPT, "dimension 1 of tensor 't' is 0, which is empty"},
    {shape_wraps, MN_ECORRUPT, "dimension 1 of tensor 't' is 4294967296, which is too large"},
    {shape_huge, MN_ECORRUPT, "too large"},
    {type_16, MN_EUNSUPPORTED, "number format 16 (IQ2_XXS)"},
    {type_777, MN_EUNSUPPORTED, "number format 777 (unknown)"},
    {row_33, MN_ECORRUPT, "rows of tensor 't' have 33 weights; Q8_0 needs a multiple of 32"},
    {offset_odd, MN_ECORRUPT, "offset 8, which is no multiple of the alignment 32"},
    {offset_wild, MN_ECORRUPT, "16 bytes at offset 18446744073709551584, but the file holds 64"},
    {offset_end, MN_ECORRUPT, "16 bytes at offset 64, but the file holds 64"},
    {no_data, MN_ECORRUPT, "16 bytes at offset 0, but the file holds 0"},
    {overlap, MN_ECORRUPT, "'one' and 'two' overlap at offset 32"},
    {overlap_turned, MN_ECORRUPT, "'two' and 'one' overlap at offset 32"},
    {tensor_twice, MN_ECORRUPT, "tensor 't' is there twice"},
    {tensor_long_name, MN_ECORRUPT, "has 300 bytes; at most 255"},
};

static void refused(void **s) {
    (void)s;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        gguf_writer w = {0};
        rows[i].make(&w);
        uint8_t *copy = malloc(w.file.len + 1); /* its end lies where a sanitizer looks */
        assert_non_null(copy);
        uint8_t *at = copy + 1;
        memcpy(at, w.file.data, w.file.len);
        mn_gguf *g;
        assert_fails(mn_gguf_open_memory(at, w.file.len, "bad.gguf", &g), rows[i].code,
                     rows[i].text);
        assert_null(g);
        assert_non_null(strstr(mn_error_detail(), "bad.gguf"));
        free(copy);
        gguf_writer_free(&w);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
