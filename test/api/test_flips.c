/* SPDX-License-Identifier: Apache-2.0
 *
 * test/api/test_flips.c - tiny models with one bit of their headers turned, in every byte or
 * every other one. The full form (test/soak.h) turns each single bit of a whole file: `gguf` of a
 * model, `pack` of its packed weights, where the answer must not change and damage is mended.
 */
#include "api/flips.h"

#include "base/file.h"
#include "base/stamp.h"
#include "model/golden.h"

#include <glob.h>

static const char whole[] = "tiny-qwen2.gguf"; /* the smallest one */

static void header(const char *file, size_t step) {
    mn_buf path = golden_path(file);
    flips f;
    flips_open(&f, path.data, 1);
    mn_buf_free(&path);
    uint32_t x = 9;
    for (size_t at = 0; at < f.header; at += step) {
        x = x * 1664525u + 1013904223u;
        flips_try(&f, at, (int)(x >> 16) % 8);
    }
    assert_true(f.opened > 0 && f.refused > 0);
    print_message("%s: %zu bytes of header, %d flips opened, %d refused\n", file, f.header,
                  f.opened, f.refused);
    flips_close(&f);
}

static void llama(void **s) {
    (void)s;
    header("tiny-llama.gguf", 1);
}
static void phi3(void **s) {
    (void)s;
    header("tiny-phi3.gguf", 2);
}
static void gemma3(void **s) {
    (void)s;
    header("tiny-gemma3.gguf", 2);
}

/* ---- the full form ------------------------------------------------------------------------ */
static void every_bit(void **s) {
    (void)s;
    mn_buf path = golden_path(whole);
    flips f;
    flips_open(&f, path.data, 1);
    mn_buf_free(&path);
    const soak range = soak_begin((long)f.file.size * 8);
    for (long i = range.first; i < range.end; i++) flips_try(&f, (size_t)i / 8, (int)(i % 8));
    soak_end(&range, range.end - range.first);
    flips_close(&f);
}

typedef struct words {
    char text[256];
    size_t n;
} words;

static int keep(void *user, const char *text, size_t n) {
    words *w = user;
    assert_true(w->n + n < sizeof w->text);
    memcpy(w->text + w->n, text, n);
    w->n += n;
    return 0;
}

static words answer(const flips *f) {
    words w = {0};
    const mn_model_options how = {.threads = 1, .no_pull = 1};
    mn_model *m;
    assert_ok(mn_model_open(f->path, &how, &m));
    mn_request r = mn_request_default();
    r.prompt = "hello world";
    r.raw = 1;
    r.max_tokens = 8;
    r.context = 64;
    r.temp = 0;
    r.on_text = keep;
    r.user = &w;
    assert_ok(mn_answer(m, &r, NULL));
    mn_model_close(&m);
    return w;
}

static void write_pack(const char *path, const mn_buf *bytes) {
    mn_filew *w;
    assert_ok(mn_file_begin(path, &w));
    assert_ok(mn_file_write(w, bytes->data, bytes->len));
    assert_ok(mn_file_commit(&w));
}

/* Is byte `at` of a pack (src/model/packfile.c) under one of its sums, or padding? */
static int summed(const mn_buf *pack, size_t at) {
    uint32_t n;
    uint64_t image[2], span[2];
    memcpy(&n, pack->data + 12, sizeof n);
    memcpy(image, pack->data + 40, sizeof image);
    if (at < image[0] + image[1]) return 1;
    for (uint32_t i = 0; i < n; i++) {
        memcpy(span, pack->data + 64 + 128 * i + 104, sizeof span);
        if (at >= span[0] && at < span[0] + span[1]) return 1;
    }
    return 0;
}

/* What a program would do that trusted every pack: say that the sums were looked at. */
static void claim_checked(const char *pack, const char *stamp) {
    char mark[MN_FILE_MARK];
    mn_buf boot = {0};
    assert_ok(mn_file_read("/proc/sys/kernel/random/boot_id", 4096, &boot));
    assert_ok(mn_file_mark(pack, mark));
    mn_stamp_write(stamp, mark, boot.data);
    mn_buf_free(&boot);
}

/* Turn one bit of the pack: the same answer, and what stands under a sum is as it was. */
static void pack_bit(const flips *f, const char *pack, const mn_buf *good, long bit,
                     const words *want) {
    const size_t at = (size_t)bit / 8;
    char stamp[256];
    mn_buf now = {0};
    good->data[at] ^= (char)(1 << bit % 8);
    write_pack(pack, good);
    good->data[at] ^= (char)(1 << bit % 8);
    snprintf(stamp, sizeof stamp, "%s.ok", pack);
    if (soak_planted()) claim_checked(pack, stamp);
    const words got = answer(f);
    if (got.n != want->n || memcmp(got.text, want->text, got.n) != 0)
        fail_msg("bit %ld of the pack: another answer", bit);
    assert_ok(mn_file_read(pack, 1 << 24, &now));
    const int mended = now.len == good->len && memcmp(now.data, good->data, now.len) == 0;
    if (!mended && summed(good, at)) fail_msg("bit %ld of the pack was not mended", bit);
    mn_buf_free(&now);
}

static void every_bit_of_the_pack(void **s) {
    (void)s;
    mn_buf path = golden_path(whole), good = {0};
    flips f;
    glob_t found;
    char pattern[96];
    flips_open(&f, path.data, 1);
    mn_buf_free(&path);
    const words want = answer(&f);
    snprintf(pattern, sizeof pattern, "%s/packs/*.pack", f.bed);
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    assert_int_equal(found.gl_pathc, 1);
    assert_ok(mn_file_read(found.gl_pathv[0], 1 << 24, &good));
    const soak range = soak_begin((long)good.len * 8);
    for (long i = range.first; i < range.end; i++) pack_bit(&f, found.gl_pathv[0], &good, i, &want);
    soak_end(&range, range.end - range.first);
    globfree(&found);
    mn_buf_free(&good);
    flips_close(&f);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(llama), cmocka_unit_test(phi3),
                                       cmocka_unit_test(gemma3)};
    const struct CMUnitTest gguf[] = {cmocka_unit_test(every_bit)};
    const struct CMUnitTest pack[] = {cmocka_unit_test(every_bit_of_the_pack)};
    if (!soak_asked()) return cmocka_run_group_tests(tests, NULL, NULL);
    if (argc > 1 && strcmp(argv[1], "pack") == 0) return cmocka_run_group_tests(pack, NULL, NULL);
    return cmocka_run_group_tests(gguf, NULL, NULL);
}
