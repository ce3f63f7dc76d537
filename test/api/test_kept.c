/* SPDX-License-Identifier: Apache-2.0
 *
 * test/api/test_kept.c - conversations whose model keeps the session of its last answer say the
 * same bytes as those that compute every turn anew: on a model opened for that turn alone.
 *
 * Beyond the bytes, the kept rows themselves are tried: what is kept and a fresh session over the
 * same ids give the same logits for a next token, bit by bit.
 */
#include "test.h"

#include "api/model.h"
#include "base/alloc.h"
#include "base/budget.h"
#include "model/golden.h"

#include <pthread.h>

enum { TURNS = 16, TEXT = 2048 };

typedef struct talk {
    mn_request r;
    mn_turn turn[TURNS];
    char text[TURNS][TEXT], said[TEXT];
    size_t n_said, most; /* bytes of the answer; after `most` it is cancelled, 0: never */
} talk;

static mn_model *open_tiny(const char *file) {
    const mn_model_options how = {.threads = 2, .no_pull = 1};
    mn_buf path = golden_path(file);
    mn_model *m;
    assert_ok(mn_model_open(path.data, &how, &m));
    mn_buf_free(&path);
    return m;
}

static int hear(void *user, const char *text, size_t n) {
    talk *t = user;
    assert_true(t->n_said + n < TEXT);
    memcpy(t->said + t->n_said, text, n);
    t->said[t->n_said += n] = 0;
    return t->most && t->n_said >= t->most;
}

static void begin(talk *t, int context, int q8, float temp) {
    *t = (talk){.r = mn_request_default()};
    t->r.system = "Be brief.";
    t->r.temp = temp;
    t->r.seed = 7;
    t->r.max_tokens = 12;
    t->r.context = context;
    t->r.kv_q8 = q8;
    t->r.turns = t->turn;
    t->r.on_text = hear;
    t->r.user = t;
}

static void add(talk *t, const char *role, const char *text) {
    const size_t i = t->r.n_turns++;
    assert_true(i < TURNS && strlen(text) < TEXT);
    strcpy(t->text[i], text);
    t->turn[i] = (mn_turn){role, t->text[i]};
}

/* Answer the turns so far; the answer becomes a turn. */
static mn_stats answer(mn_model *m, talk *t) {
    mn_stats stats;
    t->n_said = 0;
    assert_ok(mn_answer(m, &t->r, &stats));
    add(t, "assistant", t->said);
    return stats;
}

/* What is kept is what a fresh session would hold. */
static void rows_are_true(mn_model *m) {
    mn_session *fresh, *kept = m->kept.session;
    const int32_t *ids = (const int32_t *)(const void *)m->kept.ids.data, next = 5;
    const int n = mn_session_length(kept);
    const size_t bytes = (size_t)m->net->V * sizeof(float);
    float *a = malloc(bytes), *b = malloc(bytes);
    assert_int_equal(m->kept.ids.len, (size_t)n * sizeof *ids);
    assert_ok(mn_session_open(m, mn_seq_context(kept->seq), mn_seq_format(kept->seq) == MN_KV_Q8,
                              &fresh));
    assert_ok(mn_session_eval(fresh, ids, n, NULL, 0));
    assert_ok(mn_session_eval(fresh, &next, 1, a, 1));
    assert_ok(mn_session_eval(kept, &next, 1, b, 1));
    assert_memory_equal(a, b, bytes);
    assert_ok(mn_session_trim(kept, n));
    mn_session_close(&fresh);
    free(a);
    free(b);
}

/* One more turn on the model that keeps and on one opened for it alone; its tokens kept. */
static int turn(const char *file, mn_model *m, talk *t, const char *question) {
    if (question) add(t, "user", question);
    talk alone = *t;
    alone.r.turns = alone.turn;
    alone.r.user = &alone;
    for (size_t i = 0; i < t->r.n_turns; i++) alone.turn[i].content = alone.text[i];
    mn_model *other = open_tiny(file);
    const mn_stats want = answer(other, &alone), got = answer(m, t);
    mn_model_close(&other);
    assert_int_equal(want.cached_tokens, 0);
    assert_in_range(got.cached_tokens, 0, got.prompt_tokens - 1);
    assert_string_equal(t->said, alone.said);
    assert_int_equal(got.prompt_tokens, want.prompt_tokens);
    assert_int_equal(got.tokens, want.tokens);
    assert_int_equal(got.dropped_turns, want.dropped_turns);
    assert_string_equal(got.finish, want.finish);
    rows_are_true(m);
    return got.cached_tokens;
}

static void one_conversation(const char *file, int q8, float temp) {
    mn_model *m = open_tiny(file);
    talk t;
    begin(&t, 2000, q8, temp);
    assert_int_equal(turn(file, m, &t, "hello world"), 0);
    const int first = mn_session_length(m->kept.session) - 11; /* its prompt, if 12 were said */
    const int second = turn(file, m, &t, "and now?");
    assert_in_range(second, first - 3, first + 11); /* template and answer may meet in a token */
    assert_true(turn(file, m, &t, "go on") > second);
    t.r.n_turns--; /* the same question again: one token is computed */
    t.r.seed++;
    add(&t, "user", "again, with a longer question this time");
    t.r.n_turns--;
    assert_true(turn(file, m, &t, NULL) > second);
    mn_model_close(&m);
    assert_int_equal(mn_budget_used(), 0);
}

static void conversations(void **state) {
    (void)state;
    one_conversation("tiny-llama.gguf", 0, 0);
    one_conversation("tiny-llama.gguf", 0, 1);
    one_conversation("tiny-qwen2.gguf", 1, 0);
    one_conversation("tiny-qwen2.gguf", 1, 1);
    one_conversation("tiny-gemma3.gguf", 0, 1);
    one_conversation("tiny-gemma3.gguf", 1, 1);
}

/* The same prompt twice leaves one token to compute; a change goes back to where it is. */
static void changes(void **state) {
    (void)state;
    static const char file[] = "tiny-qwen2.gguf";
    mn_model *m = open_tiny(file);
    talk t;
    begin(&t, 2000, 0, 1);
    turn(file, m, &t, "the first question");
    t.r.n_turns--;
    mn_stats s = answer(m, &t);
    assert_int_equal(s.cached_tokens, s.prompt_tokens - 1);
    turn(file, m, &t, "the second question");
    const int all = turn(file, m, &t, "the third question");
    t.text[2][4] = 'S'; /* an earlier message, other from its fifth letter on */
    const int less = turn(file, m, &t, "and?");
    assert_in_range(less, s.prompt_tokens, all - 1);
    t.r.system = "Say more."; /* and one that is earlier still */
    const int least = turn(file, m, &t, "well?");
    assert_in_range(least, 1, less - 1);
    t.r.n_turns = 0; /* a prompt that has nothing in common */
    t.r.raw = 1;
    t.r.prompt = "zzz";
    s = answer(m, &t);
    assert_int_equal(s.cached_tokens, 0);
    assert_int_equal(s.prompt_tokens, mn_session_length(m->kept.session) - s.tokens + 1);
    mn_model_close(&m);
    assert_int_equal(mn_budget_used(), 0);
}

/* Another context or another format of keys and values begins afresh. */
static void other_shapes(void **state) {
    (void)state;
    static const char file[] = "tiny-gemma3.gguf";
    mn_model *m = open_tiny(file);
    talk t;
    begin(&t, 1000, 0, 0);
    turn(file, m, &t, "hello");
    t.r.kv_q8 = 1;
    assert_int_equal(turn(file, m, &t, "other rows"), 0);
    assert_true(turn(file, m, &t, "the same rows") > 0);
    t.r.context = 1001;
    assert_int_equal(turn(file, m, &t, "other room"), 0);
    assert_true(turn(file, m, &t, "the same room") > 0);
    mn_model_close(&m);
}

/* A small context: the oldest turns go, and what stays in front of them is still known. */
static void dropped_turns(void **state) {
    (void)state;
    static const char file[] = "tiny-llama.gguf";
    mn_model *m = open_tiny(file);
    talk t;
    begin(&t, 200, 0, 1);
    t.r.drop_oldest = 1;
    t.r.max_tokens = 4;
    int dropped = 0;
    for (int i = 0; i < 6; i++) {
        const int known = turn(file, m, &t, "once upon a time there was");
        assert_true(!i || known > 10);
        talk again = t;
        again.r.n_turns--;
        again.r.user = &again;
        dropped += answer(m, &again).dropped_turns > 0;
    }
    assert_true(dropped > 1);
    mn_model_close(&m);
}

/* Old turns go early enough that an answer finds a quarter of the context; one that fills it is
 * told from one that had enough. */
static void room_for_an_answer(void **state) {
    (void)state;
    static const char file[] = "tiny-llama.gguf";
    mn_model *m = open_tiny(file);
    talk t;
    begin(&t, 200, 0, 1);
    t.r.drop_oldest = 1;
    t.r.max_tokens = 1;
    while (t.r.n_turns < 6) turn(file, m, &t, "once upon a time there was");
    talk last = t;
    last.r.n_turns--; /* the question again, with room to say more */
    last.r.user = &last;
    last.r.max_tokens = 0;
    const mn_stats s = answer(m, &last);
    assert_true(s.prompt_tokens <= 150);
    if (strcmp(s.finish, "length") == 0) {
        assert_int_equal(s.full_context, 200);
        assert_int_equal(s.prompt_tokens + s.tokens, 201); /* the last one is not read */
    } else {
        assert_int_equal(s.full_context, 0);
    }
    last.r.max_tokens = 2;
    assert_int_equal(answer(m, &last).full_context, 0);
    mn_model_close(&m);
}

/* Behind a window that has given rows back nothing can be kept: computed afresh, the same bytes. */
static void behind_the_window(void **state) {
    (void)state;
    static const char file[] = "tiny-gemma3.gguf";
    static char words[TEXT];
    mn_model *m = open_tiny(file);
    talk t;
    for (size_t i = 0; i < 1200; i++) words[i] = (char)("eat the rich "[i % 13] + (i % 7 == 0));
    begin(&t, 6000, 0, 0);
    turn(file, m, &t, words);
    assert_true(turn(file, m, &t, "the end is near: kept") > 1000);
    t.text[0][100] = '!';
    assert_int_equal(turn(file, m, &t, "the beginning is not"), 0);
    mn_model_close(&m);
    assert_int_equal(mn_budget_used(), 0);
}

/* ---- ends of other kinds -------------------------------------------------------------------- */
static int stop_at(void *user, const char *what, uint64_t done, uint64_t total) {
    (void)what;
    return done >= *(uint64_t *)user && done < total;
}

static void cancelled(void **state) {
    (void)state;
    static const char file[] = "tiny-llama.gguf";
    static char words[TEXT];
    uint64_t at = 200;
    mn_model *m = open_tiny(file);
    talk t;
    begin(&t, 3000, 0, 1);
    add(&t, "user", "hello");
    t.most = 3;
    assert_string_equal(answer(m, &t).finish, "cancelled");
    t.most = 0;
    assert_true(turn(file, m, &t, "go on") > 40);
    memset(words, 'w', 1000);
    add(&t, "user", words);
    t.r.progress = (mn_progress){stop_at, &at}; /* while the prompt is read, after a pass */
    mn_stats s = answer(m, &t);
    assert_string_equal(s.finish, "cancelled");
    assert_int_equal(s.tokens, 0);
    const int read = mn_session_length(m->kept.session);
    assert_in_range(read, 200, s.prompt_tokens - 1);
    rows_are_true(m);
    t.r.progress.report = NULL;
    t.r.n_turns--;
    assert_int_equal(turn(file, m, &t, NULL), read); /* goes on where it stopped */
    mn_model_close(&m);
    assert_int_equal(mn_budget_used(), 0);
}

/* A prompt that is refused leaves what is kept as it is. */
static void refused(void **state) {
    (void)state;
    static const char file[] = "tiny-qwen2.gguf";
    static char words[TEXT];
    mn_model *m = open_tiny(file);
    talk t;
    begin(&t, 300, 0, 0);
    turn(file, m, &t, "hello");
    memset(words, 'w', 1000);
    add(&t, "user", words);
    assert_fails(mn_answer(m, &t.r, NULL), MN_ETOOLONG, "holds 300");
    t.r.n_turns--;
    assert_true(turn(file, m, &t, "shorter") > 40);
    mn_model_close(&m);
}

/* ---- several at once ------------------------------------------------------------------------- */
typedef struct caller {
    mn_model *m;
    talk t;
} caller;

static void *calls(void *user) {
    caller *c = user;
    for (int i = 0; i < 6; i++) {
        add(&c->t, "user", i % 2 ? "and then?" : "what now?");
        answer(c->m, &c->t);
    }
    return NULL;
}

static void together(void **state) {
    (void)state;
    static caller c[4];
    pthread_t thread[3];
    mn_model *m = open_tiny("tiny-qwen2.gguf");
    for (int i = 0; i < 4; i++) {
        c[i].m = m;
        begin(&c[i].t, 3000, 0, 1);
        add(&c[i].t, "user", i % 2 ? "one" : "two");
        add(&c[i].t, "assistant", "1");
    }
    calls(&c[2]);
    calls(&c[3]);
    for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(thread + i, NULL, calls, c + i), 0);
    for (int i = 0; i < 2; i++) pthread_join(thread[i], NULL);
    for (int i = 0; i < 2; i++)
        for (size_t k = 0; k < c[i].t.r.n_turns; k++)
            assert_string_equal(c[i].t.text[k], c[i + 2].t.text[k]);
    rows_are_true(m);
    mn_model_close(&m);
    assert_int_equal(mn_budget_used(), 0);
}

/* ---- memory ---------------------------------------------------------------------------------- */
/* Kept rows stay booked, and go when something else of the model needs the room. */
static void budget(void **state) {
    (void)state;
    static const char file[] = "tiny-llama.gguf";
    mn_model *m = open_tiny(file);
    talk t;
    mn_session *s;
    int32_t ids[600] = {0};
    const uint64_t before = mn_budget_used();
    begin(&t, 2000, 0, 0);
    turn(file, m, &t, "hello");
    const uint64_t kept = mn_budget_used() - before;
    assert_true(kept > 0);
    assert_int_equal(kept, mn_seq_bytes(m->kept.session->seq));
    mn_memory_limit(before + kept + 4096); /* one block of rows, and the logits */
    t.r.context = 2001;
    add(&t, "user", "the other goes first");
    assert_int_equal(answer(m, &t).cached_tokens, 0);
    mn_memory_limit(before + 2 * kept + 4096); /* 600 tokens take two blocks */
    assert_ok(mn_session_open(m, 2000, 0, &s));
    assert_ok(mn_session_eval(s, ids, 600, NULL, 0));
    assert_null(m->kept.session);
    assert_int_equal(mn_budget_used(), before + 2 * kept);
    assert_fails(mn_session_eval(s, ids, 600, NULL, 0), MN_EFULL, "KV cache");
    mn_session_close(&s);
    assert_int_equal(mn_budget_used(), before);
    mn_memory_limit(0);
    mn_model_close(&m);
    assert_int_equal(mn_budget_used(), 0);
}

/* Who begins anew after a long conversation does not go on holding its memory. */
static void shrinks(void **state) {
    (void)state;
    static const char file[] = "tiny-llama.gguf";
    static char words[TEXT];
    mn_model *m = open_tiny(file);
    talk t;
    begin(&t, 3000, 0, 0);
    add(&t, "user", "hello");
    answer(m, &t);
    const uint64_t small = mn_budget_used();
    memset(words, 'w', 1500);
    turn(file, m, &t, words);
    assert_true(mn_budget_used() > small);
    t.r.n_turns = 1;
    assert_true(turn(file, m, &t, NULL) > 40);
    assert_int_equal(mn_budget_used(), small);
    mn_model_close(&m);
    assert_int_equal(mn_budget_used(), 0);
}

/* The n-th allocation of a second turn fails: one sentence or the answer; the next turn works. */
static void no_memory(void **state) {
    (void)state;
    static const char file[] = "tiny-gemma3.gguf";
    mn_model *m = open_tiny(file);
    talk t;
    int failures = 0;
    begin(&t, 1000, 0, 0);
    turn(file, m, &t, "hello");
    add(&t, "user", "again");
    answer(m, &t);
    char want[TEXT];
    strcpy(want, t.said);
    t.r.n_turns--;
    for (int n = 1;; n++) {
        t.n_said = 0;
        mn_alloc_fail_after(n);
        const int rc = mn_answer(m, &t.r, NULL), all = mn_alloc_fail_left() > 0;
        mn_alloc_fail_after(0);
        if (rc >= 0) assert_string_equal(t.said, want);
        failures += rc < 0;
        if (all) break;
        t.n_said = 0;
        assert_ok(mn_answer(m, &t.r, NULL));
        assert_string_equal(t.said, want);
    }
    assert_true(failures > 10);
    mn_model_close(&m);
    assert_int_equal(mn_budget_used(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conversations),      cmocka_unit_test(changes),
        cmocka_unit_test(other_shapes),       cmocka_unit_test(dropped_turns),
        cmocka_unit_test(room_for_an_answer), cmocka_unit_test(behind_the_window),
        cmocka_unit_test(cancelled),          cmocka_unit_test(refused),
        cmocka_unit_test(together),           cmocka_unit_test(budget),
        cmocka_unit_test(no_memory),          cmocka_unit_test(shrinks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
