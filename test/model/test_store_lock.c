/* SPDX-License-Identifier: Apache-2.0
 * test/model/test_store_lock.c - models.lock: the one built in, and those that lie. */
#include "test.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/hash.h"
#include "model/store.h"

static void built_in(void **s) {
    (void)s;
    static const char *const names[] = {"smollm2-135m", "gemma3-270m", "qwen2.5-coder-0.5b",
                                        "qwen2.5-coder-1.5b", "minilm-l6"};
    static const size_t parts[] = {1, 4, 6, 22, 1};
    mn_lock lock;
    unsetenv("OMNESIA_MODELS_LOCK");
    assert_ok(mn_lock_load(&lock));
    assert_int_equal(lock.n, 5);
    for (int i = 0; i < 5; i++) {
        const mn_lock_model *m = mn_lock_find(&lock, names[i]);
        assert_non_null(m);
        assert_int_equal(m->n_parts, parts[i]);
    }
    char hex[65];
    mn_hash_hex(mn_lock_find(&lock, "gemma3-270m")->sha256, hex);
    assert_memory_equal(hex, "a5fd3b62", 8);
    assert_string_equal(hex + 60, "6818");
    assert_true(mn_lock_find(&lock, "minilm-l6")->embedding);
    assert_non_null(strstr(mn_lock_find(&lock, "gemma3-270m")->notice, "terms;\nuse is"));
    assert_null(mn_lock_find(&lock, "smollm2"));
    mn_lock_free(&lock);
}

#define SUM   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEAD  "model a\nfile a.gguf\nbytes 30\nsha256 " SUM "\nlicence L\nabout A\n"
#define PART1 "part p-1 1.0 5 10 " SUM " d/x.bin\n"
#define PART2 "part p-2 1.0 5 20 " SUM " d/y.bin\n"

#define BESIDE(file) "beside " file " p-1 1.0 5 7 " SUM " d/v.txt\n"

static int parse(const char *text) {
    mn_lock lock;
    const int rc = mn_lock_parse(text, strlen(text), "test.lock", &lock);
    if (rc >= 0) mn_lock_free(&lock);
    return rc;
}

static void accepted(void **s) {
    (void)s;
    mn_lock lock;
    static const char text[] =
        "# x\n\n" HEAD PART1 PART2 "notice one\nnotice two\nnotice three\nkind text\n";
    assert_ok(mn_lock_parse(text, strlen(text), "test.lock", &lock));
    const mn_lock_model *m = mn_lock_find(&lock, "a");
    assert_string_equal(m->notice, "one\ntwo\nthree");
    assert_string_equal(m->part[1].member, "d/y.bin");
    assert_int_equal(m->part[1].sha256[31], 0xef);
    assert_int_equal(m->n_beside, 0);
    mn_lock_free(&lock);
    static const char two[] = HEAD PART1 PART2 BESIDE("a.vocab.txt") BESIDE("a.config.json");
    assert_ok(mn_lock_parse(two, strlen(two), "test.lock", &lock));
    m = mn_lock_find(&lock, "a");
    assert_int_equal(m->n_beside, 2);
    assert_string_equal(m->beside[1].file, "a.config.json");
    assert_string_equal(m->beside[1].part.package, "p-1");
    assert_string_equal(m->beside[1].part.member, "d/v.txt");
    assert_int_equal(m->beside[1].part.bytes, 7);
    mn_lock_free(&lock);
    assert_ok(parse(""));
    assert_ok(parse(HEAD PART1 "part p-2 1.0 5 20 " SUM " d/y.bin")); /* no newline at the end */
}

static void refused(void **s) {
    (void)s;
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"file a\n", "line 1: a block begins with 'model NAME'"},
        {"model ../a\n", "a model's name"},
        {HEAD PART1 PART2 BESIDE("../v"), "a file's name is letters"},
        {HEAD PART1 PART2 BESIDE(".a.gguf.stamp"), "a file's name is letters"},
        {HEAD PART1 PART2 BESIDE("a.gguf"), "a file beside it that is there twice"},
        {HEAD PART1 PART2 BESIDE("v") BESIDE("v"), "a file beside it that is there twice"},
        {HEAD PART1 PART2 "beside v\n", "a file beside is FILE and then as a part"},
        {HEAD PART1 PART2 "beside v p-1 1.0 5 7 " SUM "\n", "a part is PACKAGE VERSION"},
        {HEAD PART1 PART2 "beside v p-1 1.0 5 17000000 " SUM " m\n", "has 16 MiB at most"},
        {HEAD PART1 PART2 BESIDE("1") BESIDE("2") BESIDE("3") BESIDE("4") BESIDE("5") BESIDE("6")
             BESIDE("7") BESIDE("8") BESIDE("9"),
         "8 files beside it at most"},
        {"model -r\n", "a model's name"},
        {"model a\nfile ../../x\n", "line 2: a file's name"},
        {"model a\nfile .hidden\n", "a file's name"},
        {"model a\nbytes 0\n", "number of bytes"},
        {"model a\nbytes -5\n", "number of bytes"},
        {"model a\nbytes 99999999999999999999999\n", "number of bytes"},
        {"model a\nbytes 5x\n", "number of bytes"},
        {"model a\nsha256 abc\n", "64 digits"},
        {"model a\nnonsense x\n", "the keys are"},
        {"model a\nfile\n", "a key, a space and a value"},
        {"model a\nfile a\n", "lacks file, bytes"},
        {HEAD, "miss its bytes"},
        {HEAD PART1, "miss its bytes"},
        {HEAD PART1 PART1 PART2, "miss its bytes"},
        {HEAD PART1 PART2 HEAD PART1 PART2, "the name or file of another"},
        {HEAD "part --index 1.0 5 10 " SUM " x\n", "names are letters"},
        {HEAD "part p 1;rm 5 10 " SUM " x\n", "names are letters"},
        {HEAD "part p 1.0 5 10 " SUM "\n", "a part is PACKAGE"},
        {HEAD "part p 1.0 5 10 " SUM " x y\n", "six words"},
        {HEAD "notice a\nkind text\nnotice b\n", "stand together"},
        {"model a\nabout \033[2J\n", "line 2: a control character"},
        {"model a\r\n", "a control character"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_fails(parse(cases[i].text), MN_ECORRUPT, cases[i].words);
    mn_lock lock;
    assert_fails(mn_lock_parse("a\0b", 3, "x", &lock), MN_ECORRUPT, "control character");
}

/* Every prefix and every byte replaced: refused or read, never a crash. */
static void broken_anywhere(void **s) {
    (void)s;
    static const char text[] = HEAD PART1 "notice one\nnotice two\n" PART2;
    char copy[sizeof text];
    mn_lock lock;
    for (size_t n = 0; n < sizeof text; n++)
        if (mn_lock_parse(text, n, "x", &lock) >= 0) mn_lock_free(&lock);
    for (size_t i = 0; i + 1 < sizeof text; i++)
        for (const char *c = " \n0-Z"; *c; c++) {
            memcpy(copy, text, sizeof text);
            copy[i] = *c;
            if (mn_lock_parse(copy, sizeof text - 1, "x", &lock) >= 0) mn_lock_free(&lock);
        }
}

static void no_memory(void **s) {
    (void)s;
    int failed = 0;
    for (long n = 1; n < 10; n++) {
        mn_alloc_fail_after(n);
        const int rc = parse(HEAD PART1 PART2);
        mn_alloc_fail_after(0);
        failed += rc == MN_ENOMEM;
        assert_true(rc == 0 || rc == MN_ENOMEM);
    }
    assert_int_equal(failed, 4); /* text, model, two parts */
}

static void larger(void **s) {
    (void)s;
    mn_lock lock;
    const uint64_t G = 1u << 30;
    assert_ok(mn_lock_load(&lock));
    char here[8] = {0};
    const uint64_t small = mn_lock_find(&lock, "smollm2-135m")->bytes;
    assert_string_equal(mn_store_larger(&lock, small, here, 16 * G, 50 * G)->name,
                        "qwen2.5-coder-1.5b");
    assert_string_equal(mn_store_larger(&lock, small, here, 3 * G / 2, 50 * G)->name,
                        "qwen2.5-coder-0.5b");
    assert_string_equal(mn_store_larger(&lock, small, here, 16 * G, G)->name, "gemma3-270m");
    assert_null(mn_store_larger(&lock, small, here, 16 * G, G / 4));
    assert_null(mn_store_larger(&lock, small, here, G / 4, 50 * G));
    memset(here, 1, sizeof here); /* needs no disk */
    assert_string_equal(mn_store_larger(&lock, small, here, 16 * G, 0)->name, "qwen2.5-coder-1.5b");
    assert_null(mn_store_larger(&lock, 2 * G, here, 64 * G, 500 * G)); /* we have the largest */
    mn_lock_free(&lock);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(built_in),        cmocka_unit_test(accepted),  cmocka_unit_test(refused),
        cmocka_unit_test(broken_anywhere), cmocka_unit_test(no_memory), cmocka_unit_test(larger)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
