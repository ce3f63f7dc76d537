/* SPDX-License-Identifier: Apache-2.0
 * test/model/test_safetensors.c - a right file as it is, and each class of wrong one refused with
 * its sentence. One row a class: the header, how many bytes of data follow, code, part of the
 * sentence. */
#include "test.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "model/safetensors.h"

/* Length, header padded to 8 bytes, n bytes of data; the copy begins at an 8-byte place and ends
 * where a sanitizer looks. */
static uint8_t *make(const char *header, size_t data, size_t *size) {
    const uint64_t n = (strlen(header) + 7) / 8 * 8;
    *size = 8 + n + data;
    uint8_t *file = malloc(*size);
    assert_non_null(file);
    memcpy(file, &n, 8);
    memset(file + 8, ' ', n);
    memcpy(file + 8, header, strlen(header));
    for (size_t i = 0; i < data; i++) file[8 + n + i] = (uint8_t)i;
    return file;
}

#define T(name, dtype, shape, from, to)                                                            \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" from "," to "]" \
    "}"

static void right(void **s) {
    (void)s;
    static const char header[] =
        "{\"__metadata__\":{\"format\":\"pt\"}," T("b", "F16", "[2,3]", "16", "28") "," T(
            "a", "F32", "[4]", "0", "16") "," T("none", "F32", "[0,7]", "16",
                                                "16") "," T("one", "U8", "[]", "28", "29") "}";
    size_t size, n;
    uint8_t *file = make(header, 29, &size);
    mn_safetensors *st;
    const mn_safetensor *t;
    assert_true(mn_safetensors_begins(file, size));
    assert_ok(mn_safetensors_open_memory(file, size, "good", &st));
    assert_int_equal(mn_safetensors_tensors(st, &t), 4);
    assert_string_equal(t[0].name, "a"); /* by place */
    assert_string_equal(t[1].name, "none");
    t = mn_safetensors_find(st, "b");
    assert_non_null(t);
    assert_string_equal(t->dtype, "F16");
    assert_int_equal(t->dims, 2);
    assert_int_equal(t->shape[0] * 10 + t->shape[1], 23);
    assert_int_equal(t->bytes, 12);
    assert_int_equal(*(const uint8_t *)t->data, 16);
    assert_null(mn_safetensors_find(st, "c"));
    assert_string_equal(mn_safetensors_metadata(st, "format"), "pt");
    assert_null(mn_safetensors_metadata(st, "formats"));
    const void *head;
    mn_safetensors_header(st, &head, &n);
    assert_ptr_equal(head, file);
    assert_int_equal(n + 29, size);
    assert_int_equal(mn_safetensors_size(st), size);
    mn_safetensors_close(&st);
    for (long f = 1;; f++) {
        mn_alloc_fail_after(f);
        const int rc = mn_safetensors_open_memory(file, size, "good", &st);
        const long left = mn_alloc_fail_left();
        mn_alloc_fail_after(0);
        mn_safetensors_close(&st);
        if (left > 0) break;
        assert_int_equal(rc, MN_ENOMEM);
    }
    free(file);
}

static const struct {
    const char *header;
    size_t data;
    int code;
    const char *text;
} rows[] = {
    {"{}", 1, MN_ECORRUPT, "the last 1 bytes belong to no tensor"},
    {"[1]", 0, MN_ECORRUPT, "is no safetensors file"},
    {"{\"a\":", 0, MN_ECORRUPT, "its header is not the JSON it should be"},
    {"{} x", 0, MN_ECORRUPT, "its header is not the JSON it should be"},
    {"{" T("a", "U8", "[1]", "0", "1") "," T("a", "U8", "[1]", "1", "2") "}", 2, MN_ECORRUPT,
     "duplicate object key"},
    {"{\"a\\u0000b\":1}", 0, MN_ECORRUPT, "not the JSON it should be"},
    {"{\"\xff\":1}", 0, MN_ECORRUPT, "not the JSON it should be"},
    {"{\"a\":5}", 0, MN_ECORRUPT, "the entry 'a' of the header is no tensor"},
    {"{\"a\":{}}", 0, MN_ECORRUPT, "tensor 'a' has no dtype"},
    {"{\"a\":{\"dtype\":7}}", 0, MN_ECORRUPT, "tensor 'a' has no dtype"},
    {"{" T("a", "F4", "[1]", "0", "1") "}", 1, MN_EUNSUPPORTED, "of dtype 'F4'"},
    {"{" T("\\u001b[31m", "F4\\u001b", "[1]", "0", "1") "}", 1, MN_EUNSUPPORTED,
     "tensor '?[31m' is of dtype 'F4?'"},
    {"{" T("a", "U8", "1", "0", "1") "}", 1, MN_ECORRUPT, "the shape of tensor 'a' is no list"},
    {"{" T("a", "U8", "[1,1,1,1,1,1,1,1,1]", "0", "1") "}", 1, MN_ECORRUPT, "up to 8 sizes"},
    {"{" T("a", "U8", "[-1]", "0", "1") "}", 1, MN_ECORRUPT,
     "dimension 0 of tensor 'a' is no size"},
    {"{" T("a", "U8", "[1.0]", "0", "1") "}", 1, MN_ECORRUPT, "is no size"},
    {"{" T("a", "U8", "[\"1\"]", "0", "1") "}", 1, MN_ECORRUPT, "is no size"},
    {"{" T("a", "F64", "[4294967296,4294967296]", "0", "0") "}", 0, MN_ECORRUPT,
     "dimension 1 of tensor 'a' is too large"},
    {"{" T("a", "F64", "[2305843009213693952]", "0", "0") "}", 0, MN_ECORRUPT,
     "dimension 0 of tensor 'a' is too large"},
    {"{" T("a", "U8", "[99999999999999999999]", "0", "0") "}", 0, MN_ECORRUPT,
     "not the JSON it should be"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1, MN_ECORRUPT, "data_offsets of tensor 'a'"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0]}}", 1, MN_ECORRUPT, "no place"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1,2]}}", 1, MN_ECORRUPT,
     "no place"},
    {"{" T("a", "U8", "[1]", "1", "0") "}", 1, MN_ECORRUPT, "no place"},
    {"{" T("a", "U8", "[1]", "-1", "0") "}", 1, MN_ECORRUPT, "no place"},
    {"{" T("a", "U8", "[2]", "0", "2") "}", 1, MN_ECORRUPT,
     "tensor 'a' ends at byte 2 of the data, but the file holds 1"},
    {"{" T("a", "U8", "[1]", "9223372036854775806", "9223372036854775807") "}", 1, MN_ECORRUPT,
     "ends at byte 9223372036854775807"},
    {"{" T("a", "F32", "[2]", "0", "4") "}", 4, MN_ECORRUPT,
     "tensor 'a' has 4 bytes, but its shape and dtype F32 ask for 8"},
    {"{" T("x", "U8", "[1]", "0", "1") "," T("a", "F32", "[1]", "1", "5") "}", 5, MN_EUNSUPPORTED,
     "tensor 'a' begins at byte 1 of the data, where no F32 can be read"},
    {"{" T("a", "U8", "[4]", "0", "4") "," T("b", "U8", "[4]", "3", "7") "}", 7, MN_ECORRUPT,
     "tensors 'a' and 'b' overlap by 1 bytes"},
    {"{" T("b", "U8", "[4]", "0", "4") "," T("a", "U8", "[4]", "0", "4") "}", 4, MN_ECORRUPT,
     "overlap by 4 bytes"},
    {"{" T("a", "U8", "[2]", "0", "2") "," T("b", "U8", "[2]", "3", "5") "}", 5, MN_ECORRUPT,
     "1 bytes before tensor 'b' belong to none"},
    {"{" T("a", "U8", "[2]", "0", "2") "}", 3, MN_ECORRUPT, "the last 1 bytes belong to no tensor"},
    {"{\"__metadata__\":3}", 0, MN_ECORRUPT, "__metadata__ is no object of texts"},
    {"{\"__metadata__\":{\"a\":3}}", 0, MN_ECORRUPT, "'a' of __metadata__ is no text"},
};

static void refuse(const uint8_t *file, size_t size, int code, const char *text) {
    mn_safetensors *st;
    assert_fails(mn_safetensors_open_memory(file, size, "bad.st", &st), code, text);
    assert_null(st);
    assert_non_null(strstr(mn_error_detail(), "bad.st"));
}

static void refused(void **s) {
    (void)s;
    size_t size;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t *file = make(rows[i].header, rows[i].data, &size);
        refuse(file, size, rows[i].code, rows[i].text);
        free(file);
    }
}

/* Every cut of a right file, and lengths that lie. */
static void cut_and_long(void **s) {
    (void)s;
    size_t size;
    uint8_t *file = make("{" T("a", "F32", "[2]", "0", "8") "}", 8, &size);
    for (size_t n = 0; n < size; n++) {
        uint8_t *part = malloc(n + !n);
        mn_safetensors *st;
        memcpy(part, file, n);
        assert_int_equal(mn_safetensors_open_memory(part, n, "bad.st", &st), MN_ECORRUPT);
        free(part);
    }
    const uint64_t lengths[] = {0, 1, UINT64_MAX, UINT64_MAX - 7, size, 1ull << 63};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        memcpy(file, &lengths[i], 8);
        refuse(file, size, MN_ECORRUPT, "is no safetensors file");
    }
    free(file);
    file = make("{}", 0, &size);
    const uint64_t odd = 2;
    memcpy(file, &odd, 8);
    refuse(file, 10, MN_EUNSUPPORTED, "a header of 2 bytes, which is no multiple of 8");
    free(file);
    const uint64_t giant = (4 << 20) + 8;
    file = calloc(1, giant + 8);
    assert_non_null(file);
    memcpy(file, &giant, 8);
    memcpy(file + 8, "{}", 2);
    refuse(file, giant + 8, MN_EUNSUPPORTED, "a header of 4194312 bytes; at most 4194304 are read");
    free(file);
}

/* As many tensors as fit the header, and one level of arrays for each byte. */
static void many(void **s) {
    (void)s;
    mn_buf text = {0};
    size_t size;
    assert_ok(mn_buf_puts(&text, "{"));
    for (int i = 0; i <= 16384; i++)
        assert_ok(mn_buf_printf(&text,
                                "%s\"%d\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}",
                                i ? "," : "", i));
    assert_ok(mn_buf_puts(&text, "}"));
    uint8_t *file = make(text.data, 0, &size);
    refuse(file, size, MN_EUNSUPPORTED, "has 16385 tensors; at most 16384");
    free(file);
    mn_buf_clear(&text);
    assert_ok(mn_buf_puts(&text, "{\"a\":"));
    for (int i = 0; i < 1000000; i++) assert_ok(mn_buf_append(&text, "[", 1));
    file = make(text.data, 0, &size);
    refuse(file, size, MN_ECORRUPT, "maximum parsing depth reached");
    free(file);
    mn_buf_free(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(right), cmocka_unit_test(refused),
                                       cmocka_unit_test(cut_and_long), cmocka_unit_test(many)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
