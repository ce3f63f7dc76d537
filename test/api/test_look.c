/* SPDX-License-Identifier: Apache-2.0
 * test/api/test_look.c - inspect, doctor and vocab of omnesia.h: what strangers' files may not do
 * to a terminal, every allocation failing, and counts that exceed the caller's room. */
#include "test.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/walk.h"
#include "model/gguf_writer.h"
#include "omnesia.h"

#include <unistd.h>

static char folder[64], hostile[96], tiny[512];

static void gather(void *user, const char *text) {
    mn_buf *out = user;
    for (const char *p = text; *p; p++) assert_true((unsigned char)*p >= 0x20 && *p != 0x7f);
    mn_buf_printf(out, "%s\n", text);
}

static void ignore(void *user, const char *text) {
    (void)user, (void)text;
}

static int make_files(void **s) {
    (void)s;
    gguf_writer w = {0};
    mn_filew *f;
    strcpy(folder, "/tmp/omnesia-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(hostile, sizeof hostile, "%s/hostile.gguf", folder);
    snprintf(tiny, sizeof tiny, "%s/test/model/data/tiny-llama.gguf", getenv("OMNESIA_SOURCE"));
    setenv("OMNESIA_CACHE", folder, 1);
    setenv("PATH", folder, 1); /* no pip: asking it takes half a second */
    gguf_str(&w, "general.name", "\033[2Jgone \xc2\x9b\x7f \xff\xfe two\nlines \xe2\x82\xac");
    gguf_str(&w, "key.\033[31m", "red");
    gguf_str(&w, "general.about",
             "0123456789012345678901234567890123456789012345678901234567890123");
    gguf_f32(&w, "a.f32", 0.5f);
    gguf_bool(&w, "a.bool", 1);
    gguf_array(&w, "a.list", MN_GGUF_I32, 5, (int32_t[]){-1, 2, 3, 4, 5}, 20);
    gguf_strs(&w, "a.texts", (const char *const[]){"x", "\033"}, 2);
    gguf_tensor(&w, "t\033.weight", MN_F32, (uint64_t[]){32, 2}, 2, NULL);
    gguf_finish(&w, 3);
    assert_ok(mn_file_begin(hostile, &f));
    assert_ok(mn_file_write(f, w.file.data, w.file.len));
    assert_ok(mn_file_commit(&f));
    gguf_writer_free(&w);
    return 0;
}

static int drop_files(void **s) {
    (void)s;
    mn_walk_remove(folder);
    return 0;
}

static void hostile_texts(void **s) {
    (void)s;
    mn_buf out = {0};
    assert_ok(mn_inspect(hostile, gather, &out));
    assert_non_null(
        strstr(out.data, "\"\\x1b[2Jgone \\xc2\\x9b\\x7f \\xff\\xfe two\\nlines \xe2\x82\xac\""));
    assert_non_null(strstr(out.data, "  key.\\x1b[31m "));
    assert_non_null(
        strstr(out.data, "\"012345678901234567890123456789012345678901234567890123456789...\""));
    assert_non_null(strstr(out.data, "bool           true\n"));
    assert_non_null(strstr(out.data, "i32[5]         [-1, 2, 3, 4, ...]\n"));
    assert_non_null(strstr(out.data, "string[2]      [\"x\", \"\\x1b\"]\n"));
    assert_non_null(strstr(out.data, "  t\\x1b.weight "));
    mn_buf_free(&out);
}

static void not_gguf(void **s) {
    (void)s;
    assert_int_equal(mn_inspect("/no/such", ignore, NULL), MN_ENOENT);
    assert_true(mn_inspect(folder, ignore, NULL) < 0);
    assert_true(mn_inspect("/bin/sh", ignore, NULL) < 0);
}

static int open_vocab(void) {
    mn_vocab *v;
    const mn_model_options options = {.no_pull = 1};
    const int rc = mn_vocab_open(tiny, &options, &v);
    if (rc < 0) assert_null(v);
    mn_vocab_close(&v);
    return rc;
}

static void no_memory(void **s) {
    (void)s;
    int failed[3] = {0};
    for (long n = 1; n < 200; n++)
        for (int i = 0; i < 3; i++) {
            mn_alloc_fail_after(n);
            const int rc = i == 0   ? mn_inspect(hostile, ignore, NULL)
                           : i == 1 ? open_vocab()
                                    : mn_doctor(ignore, NULL);
            mn_alloc_fail_after(0);
            failed[i] += rc < 0;
            assert_true(rc >= 0 || rc == MN_ENOMEM);
        }
    for (int i = 0; i < 3; i++) assert_true(failed[i] > 4 && failed[i] < 199);
}

static void counts(void **s) {
    (void)s;
    mn_vocab *v;
    int32_t ids[3] = {-7, -7, -7};
    char text[4] = "....";
    assert_ok(mn_vocab_open(tiny, NULL, &v));
    assert_int_equal(mn_vocab_encode(v, "xyz", 3, 0, ids, 2), 3); /* more than asked for */
    assert_int_equal(ids[2], -7);
    assert_int_equal(mn_vocab_encode(v, "xyz", 3, 0, NULL, 0), 3);
    assert_int_equal(mn_vocab_encode(v, "", 0, 0, NULL, 0), 0);
    assert_int_equal(mn_vocab_encode(v, "xyz", 3, 0, ids, 3), 3);
    assert_int_equal(mn_vocab_decode(v, ids, 3, 0, text, 2), 3);
    assert_memory_equal(text, "xy..", 4);
    assert_int_equal(mn_vocab_decode(v, (int32_t[]){-1}, 1, 0, text, 4), MN_EINVAL);
    mn_vocab_close(&v);
    mn_vocab_close(&v); /* NULL */
    assert_fails(mn_vocab_open("smollm2-135m", &(mn_model_options){.no_pull = 1}, &v), MN_ENOENT,
                 "omnesia pull smollm2-135m");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(hostile_texts), cmocka_unit_test(not_gguf),
                                       cmocka_unit_test(no_memory), cmocka_unit_test(counts)};
    return cmocka_run_group_tests(tests, make_files, drop_files);
}
