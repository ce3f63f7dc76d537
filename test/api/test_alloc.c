/* SPDX-License-Identifier: Apache-2.0
 *
 * test/api/test_alloc.c - the n-th allocation of a call of omnesia.h fails, for every n: one
 * sentence each time, nothing stays booked, and the next try works. The full form (test/soak.h)
 * goes through every call, with every tiny model, packed before and not.
 */
#include "soak.h"
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

/* The same with a KV cache of 8 bits, penalties and a bias, and no template. */
static int ask_raw(const char *path, said *text) {
    const mn_model_options how = {.threads = 1, .no_pull = 1};
    static const mn_bias bias[] = {{3, 1.5f}, {9, -2}};
    mn_model *m;
    MN_TRY(mn_model_open(path, &how, &m));
    mn_request r = mn_request_default();
    r.prompt = "hello world";
    r.raw = 1;
    r.kv_q8 = 1;
    r.seed = 5;
    r.max_tokens = 6;
    r.repeat_penalty = 1.3f;
    r.typical_p = 0.9f;
    r.bias = bias;
    r.n_bias = 2;
    r.on_text = keep;
    r.user = text;
    int rc = mn_answer(m, &r, NULL);
    if (rc == MN_EUNSUPPORTED) { /* heads of 16 */
        r.kv_q8 = 0;
        rc = mn_answer(m, &r, NULL);
    }
    mn_model_close(&m);
    return rc;
}

/* Token by token: the ids are the answer. */
static int session(const char *path, said *text) {
    const mn_model_options how = {.threads = 2, .no_pull = 1};
    mn_model *m;
    mn_session *s = NULL;
    mn_model_info info;
    int32_t ids[32];
    MN_TRY(mn_model_open(path, &how, &m));
    mn_model_describe(m, &info);
    int rc = mn_encode(m, "hello world, hello", 18, MN_BEGIN | MN_SPECIAL, ids, 32);
    const int n = rc;
    if (rc >= 0) rc = mn_session_open(m, 64, 0, &s);
    if (rc >= 0) rc = mn_session_eval(s, ids, n, NULL, 0);
    if (rc >= 0) rc = mn_session_trim(s, n - 1);
    if (rc >= 0) rc = mn_session_eval(s, ids + n - 1, 1, NULL, 0);
    if (rc >= 0) rc = mn_decode(m, ids, (size_t)n, 0, text->text, sizeof text->text);
    if (rc >= 0) text->n = (size_t)rc;
    mn_session_close(&s);
    mn_model_close(&m);
    return rc;
}

static int vocab(const char *path, said *text) {
    mn_vocab *v;
    int32_t ids[32];
    MN_TRY(mn_vocab_open(path, NULL, &v));
    int rc = mn_vocab_encode(v, "hello world", 11, 0, ids, 32);
    if (rc >= 0) rc = mn_vocab_decode(v, ids, (size_t)rc, 0, text->text, sizeof text->text);
    if (rc >= 0) text->n = (size_t)rc;
    mn_vocab_close(&v);
    return rc;
}

/* The last line is the answer. */
static void last_line(void *user, const char *line) {
    said *s = user;
    s->n = strnlen(line, sizeof s->text);
    memcpy(s->text, line, s->n);
}
static int inspect(const char *path, said *text) {
    return mn_inspect(path, last_line, text);
}

/* What follows may differ from one moment to the next: no answer. */
static void no_line(void *user, const char *line) {
    (void)user;
    (void)line;
}
static int no_entry(void *user, const mn_store_entry *entry) {
    (void)user;
    return entry->bytes == 1;
}
static int look(const char *path, said *text) {
    char *hint = NULL, *gone = NULL;
    (void)text;
    MN_TRY(mn_doctor(no_line, NULL));
    MN_TRY(mn_store_list(no_entry, NULL));
    MN_TRY(mn_store_hint(path, &hint));
    mn_free_text(hint);
    if (mn_store_pull("no such model", NULL, NULL, NULL, &gone) >= 0) return MN_EINVAL;
    return 0;
}

static int (*const calls[])(const char *, said *) = {ask, ask_raw, session, vocab, inspect, look};
static const char *const models[] = {"tiny-llama.gguf", "tiny-gemma3.gguf", "tiny-phi3.gguf",
                                     "tiny-qwen2.gguf", "tiny-qwen3.gguf",  "tiny-mixed.gguf"};
enum { CALLS = sizeof calls / sizeof *calls, MODELS = sizeof models / sizeof *models };

/* The number of allocations, each of which has failed once. */
static int every(int (*call)(const char *path, said *text), const char *file, int packed) {
    mn_buf path = golden_path(file);
    said want = {0};
    char packs[64];
    snprintf(packs, sizeof packs, "%s/packs", bed);
    assert_ok(call(path.data, &want));
    int failures = 0, n = 1;
    for (;; n++) {
        said got = {0};
        if (!packed) mn_walk_remove(packs);
        mn_alloc_fail_after(n);
        int rc = call(path.data, &got);
        const int all = mn_alloc_fail_left() > 0;
        mn_alloc_fail_after(0);
        if (mn_budget_used()) fail_msg("allocation %d: bytes stay booked", n);
        if (rc < 0 && strlen(mn_error_detail()) < 8) fail_msg("allocation %d: no sentence", n);
        if (soak_planted() && rc < 0) rc = 0; /* a failure that nobody reports */
        if (rc >= 0 && (got.n != want.n || memcmp(got.text, want.text, got.n) != 0))
            fail_msg("allocation %d failed: %zu bytes said, not %zu", n, got.n, want.n);
        failures += rc < 0;
        if (all) break;
    }
    print_message("%s: %d allocations, %d of them needed\n", file, n - 1, failures);
    assert_true(failures > 2);
    mn_buf_free(&path);
    return n - 1;
}

static void unpacked(void **s) {
    (void)s;
    every(ask, "tiny-llama.gguf", 0);
    every(ask, "tiny-phi3.gguf", 0);
}
static void packed(void **s) {
    (void)s;
    every(ask, "tiny-gemma3.gguf", 1);
    every(session, "tiny-qwen3.gguf", 1);
}
static void without_weights(void **s) {
    (void)s;
    every(vocab, "tiny-llama.gguf", 1);
    every(inspect, "tiny-llama.gguf", 1);
    every(look, "tiny-llama.gguf", 1);
}

static void every_call(void **s) {
    (void)s;
    const soak range = soak_begin(CALLS * MODELS * 2);
    long counted = 0;
    for (long i = range.first; i < range.end; i++)
        counted += every(calls[i % CALLS], models[i / CALLS % MODELS], (int)(i / CALLS / MODELS));
    soak_end(&range, counted);
}

static int make_bed(void **s) {
    (void)s;
    assert_non_null(mkdtemp(bed));
    setenv("OMNESIA_CACHE", bed, 1);
    setenv("PATH", bed, 1); /* no pip: asking it hundreds of times takes minutes */
    return 0;
}
static int drop_bed(void **s) {
    (void)s;
    mn_walk_remove(bed);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(unpacked), cmocka_unit_test(packed),
                                       cmocka_unit_test(without_weights)};
    const struct CMUnitTest full[] = {cmocka_unit_test(every_call)};
    if (soak_asked()) return cmocka_run_group_tests(full, make_bed, drop_bed);
    return cmocka_run_group_tests(tests, make_bed, drop_bed);
}
