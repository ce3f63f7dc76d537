/* SPDX-License-Identifier: Apache-2.0
 * test/api/test_embed.c - vectors through omnesia.h, on a tiny BERT: the script's vectors, the same
 * alone, in batches and from many threads; every refusal; every allocation; within the budget. */
#include "model/embed_golden.h"

#include "base/alloc.h"
#include "base/budget.h"
#include "folder.h"
#include "omnesia.h"

#include <pthread.h>

enum { D = 64 };

static const char *data(const char *name) {
    static char path[4][4096];
    static int turn;
    char *p = path[turn++ % 4];
    snprintf(p, sizeof path[0], "%s/test/model/data/%s", getenv("OMNESIA_SOURCE"), name);
    return p;
}

static mn_model *open_tiny(void) {
    mn_model *m;
    assert_ok(mn_model_open(data("tiny-bert/model.safetensors"),
                            &(mn_model_options){.threads = 2, .kind = MN_EMBEDS}, &m));
    return m;
}

static void as_the_script(void **s) {
    (void)s;
    mn_model *m = open_tiny();
    mn_model_info info;
    mn_model_describe(m, &info);
    assert_int_equal(info.embedding, 1);
    assert_int_equal(info.n_embd, D);
    assert_int_equal(info.n_context, 64);
    assert_int_equal(info.n_layer, 2);
    assert_int_equal(info.n_vocab, 88);
    assert_string_equal(info.architecture, "bert");
    assert_int_equal(info.file_bytes, 202352);
    golden g;
    golden_open(&g, "tiny-bert.vectors");
    for (uint32_t i = 0; i < g.n; i++) {
        float out[D];
        int32_t tokens;
        golden_next(&g);
        assert_ok(mn_embed(m, g.text, g.bytes, out, &tokens));
        assert_int_equal(tokens, g.n_ids);
        if (apart(out, g.vector, D) > 2e-3) fail_msg("text %u: %g", i, apart(out, g.vector, D));
        double square = 0;
        for (int c = 0; c < D; c++) square += (double)out[c] * (double)out[c];
        assert_true(fabs(square - 1) < 1e-5);
    }
    mn_buf_free(&g.file);
    mn_model_close(&m);
}

/* A few hundred texts, some of them empty, in one call; and how far it has come. */
enum { TEXTS = 700 };
typedef struct many {
    mn_buf all;
    mn_text text[TEXTS];
    float vector[TEXTS][D];
    int32_t tokens[TEXTS];
} many;

static void many_make(many *x) {
    mn_buf one = {0};
    size_t at[TEXTS + 1] = {0};
    for (int i = 0; i < TEXTS; i++) {
        random_text((uint32_t)i, &one);
        if (one.len > 20) one.len = 20; /* in the middle of a character, too */
        if (one.len) assert_ok(mn_buf_append(&x->all, one.data, one.len));
        at[i + 1] = x->all.len;
    }
    for (int i = 0; i < TEXTS; i++) x->text[i] = (mn_text){x->all.data + at[i], at[i + 1] - at[i]};
    mn_buf_free(&one);
}

static int count_calls(void *user, const char *what, uint64_t done, uint64_t total) {
    int *calls = user;
    assert_string_equal(what, "making vectors");
    assert_true(done < total && total == TEXTS);
    return ++*calls == 3;
}

static void all_at_once(void **s) {
    (void)s;
    static many x;
    mn_model *m = open_tiny();
    many_make(&x);
    assert_ok(mn_embed_all(m, x.text, TEXTS, x.vector[0], x.tokens, NULL));
    for (int i = 0; i < TEXTS; i++) {
        float out[D];
        int32_t tokens;
        assert_ok(mn_embed(m, x.text[i].text, x.text[i].n, out, &tokens));
        assert_int_equal(tokens, x.tokens[i]);
        assert_memory_equal(out, x.vector[i], sizeof out);
    }
    int calls = 0;
    const mn_progress p = {count_calls, &calls};
    assert_fails(mn_embed_all(m, x.text, TEXTS, x.vector[0], NULL, &p), MN_ECANCELLED,
                 "of 700 texts");
    assert_int_equal(calls, 3);
    assert_ok(mn_embed_all(m, NULL, 0, NULL, NULL, NULL));
    mn_buf_free(&x.all);
    mn_model_close(&m);
}

typedef struct caller {
    pthread_t thread;
    mn_model *model;
    const many *x;
    int first, wrong;
} caller;

static void *call(void *user) {
    caller *c = user;
    for (int i = c->first; i < TEXTS; i += 7) {
        float out[3][D];
        const int n = TEXTS - i < 3 ? TEXTS - i : 3;
        if (mn_embed_all(c->model, c->x->text + i, (size_t)n, out[0], NULL, NULL) < 0 ||
            memcmp(out, c->x->vector[i], (size_t)n * sizeof out[0]) != 0)
            c->wrong++;
    }
    return NULL;
}

static void from_many_threads(void **s) {
    (void)s;
    static many x;
    mn_model *m = open_tiny();
    caller c[4];
    many_make(&x);
    assert_ok(mn_embed_all(m, x.text, TEXTS, x.vector[0], NULL, NULL));
    for (int i = 0; i < 4; i++) {
        c[i] = (caller){.model = m, .x = &x, .first = i};
        assert_int_equal(pthread_create(&c[i].thread, NULL, call, &c[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(c[i].thread, NULL);
        assert_int_equal(c[i].wrong, 0);
    }
    mn_buf_free(&x.all);
    mn_model_close(&m);
}

static void too_long(void **s) {
    (void)s;
    mn_model *m = open_tiny();
    float out[3][D];
    mn_buf text = {0};
    for (int i = 0; i < 63; i++) assert_ok(mn_buf_puts(&text, "a "));
    assert_fails(mn_embed(m, text.data, text.len, out[0], NULL), MN_ETOOLONG,
                 "the text has 65 tokens; ");
    assert_non_null(strstr(mn_error_detail(), "reads 64, so cut it into pieces"));
    assert_ok(mn_embed(m, text.data, text.len - 2, out[0], NULL)); /* 64 are not too many */
    const mn_text texts[] = {{"a", 1}, {text.data, text.len}, {"b", 1}};
    assert_fails(mn_embed_all(m, texts, 3, out[0], NULL, NULL), MN_ETOOLONG,
                 "text 2 of 3 has 65 tokens");
    for (int i = 0; i < 300000; i++) assert_ok(mn_buf_puts(&text, "a "));
    assert_fails(mn_embed(m, text.data, text.len, out[0], NULL), MN_ETOOLONG,
                 "the text has 600126 bytes, which are more than 65536 tokens");
    mn_buf_free(&text);
    mn_model_close(&m);
}

static void ended(void *user, int rc, const mn_stats *stats) {
    (void)user, (void)rc, (void)stats;
    fail_msg("a model without text has answered");
}

/* What writes makes no vectors, what makes vectors does not write. */
static void each_its_own(void **s) {
    (void)s;
    static const char words[] = "turns sentences into vectors (`omnesia embed`) and writes no text";
    mn_model *m = open_tiny(), *other;
    mn_session *session;
    mn_request ask = mn_request_default();
    mn_cached cached;
    char text[8];
    int32_t a, b;
    ask.prompt = "hi";
    ask.raw = 1;
    assert_fails(mn_answer(m, &ask, NULL), MN_EUNSUPPORTED, words);
    assert_fails(mn_apply_template(m, &ask, text, sizeof text), MN_EUNSUPPORTED, words);
    assert_fails(mn_explain(m, &ask, &cached), MN_EUNSUPPORTED, words);
    assert_fails(mn_region_pin(m, &ask, 1, &a, &b), MN_EUNSUPPORTED, words);
    assert_fails(mn_session_open(m, 0, 0, &session), MN_EUNSUPPORTED, words);
    mn_loop *loop;
    mn_job *job;
    assert_ok(mn_loop_open(NULL, &loop));
    assert_fails(mn_loop_ask(loop, m, &ask, ended, &job), MN_EUNSUPPORTED, words);
    assert_null(job);
    mn_loop_close(&loop);
    mn_cancel(m);
    mn_model_close(&m);
    assert_fails(mn_model_open(data("tiny-bert/model.safetensors"),
                               &(mn_model_options){.kind = MN_WRITES}, &other),
                 MN_EUNSUPPORTED, words);
    assert_fails(
        mn_model_open(data("tiny-llama.gguf"), &(mn_model_options){.kind = MN_EMBEDS}, &other),
        MN_EUNSUPPORTED, "writes text and makes no vectors");
    assert_ok(mn_model_open(data("tiny-llama.gguf"), &(mn_model_options){.kind = MN_WRITES}, &m));
    float out[1024];
    assert_fails(mn_embed(m, "hi", 2, out, NULL), MN_EUNSUPPORTED,
                 "writes text and makes no vectors");
    mn_model_close(&m);
    /* by name, before anything is fetched */
    assert_fails(mn_model_open("minilm-l6", &(mn_model_options){.kind = MN_WRITES}, &other),
                 MN_EUNSUPPORTED, "minilm-l6 turns sentences");
    assert_fails(mn_model_open("smollm2-135m", &(mn_model_options){.kind = MN_EMBEDS}, &other),
                 MN_EUNSUPPORTED, "smollm2-135m writes text");
}

/* Its vocabulary by itself, and what is in the file. */
static int lines;
static void line(void *user, const char *text) {
    lines++;
    if (strstr(text, user)) *(char *)user = 0;
}

static void vocabulary_and_look(void **s) {
    (void)s;
    mn_vocab *v;
    int32_t ids[8];
    char text[32];
    assert_ok(mn_vocab_open(data("tiny-bert/model.safetensors"), NULL, &v));
    assert_int_equal(mn_vocab_encode(v, "the Cats", 8, MN_BEGIN, ids, 8), 5);
    assert_int_equal(mn_vocab_decode(v, ids, 5, MN_BEGIN, text, sizeof text), 8);
    assert_memory_equal(text, "the cats", 8);
    assert_int_equal(mn_vocab_missing(v, "\xFF\x01", 2), 0);
    mn_vocab_close(&v);
    char want[] = "blk.1.ffn_down.weight";
    assert_ok(mn_inspect(data("tiny-bert/model.safetensors"), line, want));
    assert_true(lines > 50 && !*want);
}

static void every_allocation(void **s) {
    (void)s;
    float want[D], out[2][D];
    mn_model *m = open_tiny();
    assert_ok(mn_embed(m, "the cat", 7, want, NULL));
    mn_model_close(&m);
    for (long n = 1;; n++) {
        const mn_text texts[] = {{"the cat", 7}, {"b", 1}};
        mn_alloc_fail_after(n);
        int rc = mn_model_open(data("tiny-bert/model.safetensors"), NULL, &m);
        if (rc >= 0) rc = mn_embed_all(m, texts, 2, out[0], NULL, NULL);
        const long left = mn_alloc_fail_left();
        mn_alloc_fail_after(0);
        mn_model_close(&m);
        if (rc < 0 && rc != MN_ENOMEM) fail_msg("allocation %ld: %d %s", n, rc, mn_error_detail());
        if (rc >= 0) assert_memory_equal(out[0], want, sizeof want);
        if (left > 0 && rc >= 0) break;
    }
    assert_int_equal(mn_budget_used(), 0);
}

static void within_the_budget(void **s) {
    (void)s;
    mn_model *m;
    mn_memory_limit(1 << 20);
    assert_fails(mn_model_open(data("tiny-bert/model.safetensors"), NULL, &m), MN_EFULL, "");
    mn_memory_limit(0);
    assert_int_equal(mn_budget_used(), 0);
    m = open_tiny();
    const uint64_t used = mn_budget_used();
    float out[D];
    assert_true(used > 512 * (5 * D + 96) * 4);
    assert_ok(mn_embed(m, "the cat", 7, out, NULL));
    assert_int_equal(mn_budget_used(), used);
    mn_model_close(&m);
    assert_int_equal(mn_budget_used(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_the_script),     cmocka_unit_test(all_at_once),
        cmocka_unit_test(from_many_threads), cmocka_unit_test(too_long),
        cmocka_unit_test(each_its_own),      cmocka_unit_test(vocabulary_and_look),
        cmocka_unit_test(every_allocation),  cmocka_unit_test(within_the_budget)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
