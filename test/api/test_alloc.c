/* SPDX-License-Identifier: Apache-2.0
 *
 * test/api/test_alloc.c - the n-th allocation of opening a model and asking it fails, for every
 * n: one sentence each time, nothing stays booked, and the next try works.
 */
#include "test.h"

#include "base/alloc.h"
#include "base/budget.h"
#include "base/walk.h"
#include "model/golden.h"
#include "omnesia.h"

static char bed[] = "/tmp/omnesia-test-XXXXXX";

typedef struct said {
    char text[256];
    size_t n;
} said;

static int keep(void *user, const char *text, size_t n) {
    said *s = user;
    assert_true(s->n + n < sizeof s->text);
    memcpy(s->text + s->n, text, n);
    s->n += n;
    return 0;
}

/* Open, ask, close; the answer in `text`. Chat, so that the template is compiled and run too. */
static int ask(const char *path, said *text) {
    const mn_model_options how = {.threads = 2, .no_pull = 1};
    mn_model *m;
    MN_TRY(mn_model_open(path, &how, &m));
    mn_request r = mn_request_default();
    static const char *const stop[] = {"zzz", "yyy"};
    r.prompt = "hello world";
    r.system = "Be brief.";
    r.stop = stop;
    r.n_stop = 2;
    r.temp = 0;
    r.max_tokens = 6;
    r.on_text = keep;
    r.user = text;
    const int rc = mn_answer(m, &r, NULL);
    mn_model_close(&m);
    return rc;
}

static void every(const char *file, int packed) {
    mn_buf path = golden_path(file);
    said want = {0};
    char packs[64];
    snprintf(packs, sizeof packs, "%s/packs", bed);
    assert_ok(ask(path.data, &want));
    int failures = 0, n = 1;
    for (;; n++) {
        said got = {0};
        if (!packed) mn_walk_remove(packs);
        mn_alloc_fail_after(n);
        const int rc = ask(path.data, &got);
        const int all = mn_alloc_fail_left() > 0;
        mn_alloc_fail_after(0);
        if (mn_budget_used()) fail_msg("allocation %d: bytes stay booked", n);
        if (rc < 0 && strlen(mn_error_detail()) < 8) fail_msg("allocation %d: no sentence", n);
        if (rc >= 0 && (got.n != want.n || memcmp(got.text, want.text, got.n) != 0))
            fail_msg("allocation %d failed: %zu bytes said, not %zu", n, got.n, want.n);
        failures += rc < 0;
        if (all) break;
    }
    print_message("%s: %d allocations, %d of them needed\n", file, n - 1, failures);
    assert_true(failures > 20);
    mn_buf_free(&path);
}

static void unpacked(void **s) {
    (void)s;
    every("tiny-llama.gguf", 0);
    every("tiny-phi3.gguf", 0);
}
static void packed(void **s) {
    (void)s;
    every("tiny-gemma3.gguf", 1);
    every("tiny-qwen3.gguf", 1);
}

static int make_bed(void **s) {
    (void)s;
    assert_non_null(mkdtemp(bed));
    setenv("OMNESIA_CACHE", bed, 1);
    return 0;
}
static int drop_bed(void **s) {
    (void)s;
    mn_walk_remove(bed);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(unpacked), cmocka_unit_test(packed)};
    return cmocka_run_group_tests(tests, make_bed, drop_bed);
}
