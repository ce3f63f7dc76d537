/* SPDX-License-Identifier: Apache-2.0
 *
 * test/api/test_far.c - two machines with a region each and a Redis between them: what one computed
 * the other answers with, in the same words and the same bits; what is private stays; without the
 * Redis all goes on.
 */
#include "net/redis_server.h"

#include "api/loop.h"
#include "base/budget.h"
#include "model/golden.h"

enum { MANY = 12, TEXT = 4096 };
static int has_redis, regions;
static const uint8_t alice[32] = {1};

#define NEEDS_REDIS \
    (void)unused;   \
    if (!has_redis) skip()

typedef struct machine {
    mn_region *region;
    mn_model *model;
} machine;

/* A machine that has computed nothing yet. */
static machine begin_machine(const char *file, int private_) {
    machine m;
    mn_buf at = golden_path(file);
    char path[128];
    snprintf(path, sizeof path, "%s/region-%d", folder, regions++);
    assert_ok(mn_region_open(path, 64 << 20, -1, &m.region));
    const mn_model_options how = {
        .threads = 2, .no_pull = 1, .region = m.region, .private_ = private_};
    assert_ok(mn_model_open(at.data, &how, &m.model));
    mn_buf_free(&at);
    if (m.model->remote) wait_until(mn_remote_up(m.model->remote));
    return m;
}
static void end_machine(machine *m) {
    mn_model_close(&m->model);
    mn_region_close(&m->region);
}
static mn_remote_counts counts(const machine *m) {
    mn_remote_counts n;
    mn_remote_count(m->model->remote, &n);
    return n;
}

typedef struct said {
    char text[TEXT];
    mn_stats stats;
    int rc, ended;
} said;

static int hear(void *user, const char *text, size_t n) {
    said *s = user;
    assert_true(strlen(s->text) + n < TEXT);
    strncat(s->text, text, n);
    return 0;
}

static void prompt(int kind, char out[TEXT]) {
    size_t at = 0;
    for (int i = 0; i < 220 + 7 * kind; i++)
        at += (size_t)snprintf(out + at, TEXT - at, "%c%d ", 'a' + kind, i % 10);
}

static mn_request request(const char *text, said *s) {
    mn_request r = mn_request_default();
    *s = (said){.text = ""};
    r.prompt = text;
    r.raw = 1;
    r.context = 1024;
    r.temp = 0.9f;
    r.seed = 5;
    r.max_tokens = 70;
    r.ignore_eos = 1;
    r.on_text = hear;
    r.user = s;
    return r;
}

static said ask(const machine *m, int kind, int q8, const uint8_t *tenant) {
    char text[TEXT];
    said s;
    prompt(kind, text);
    mn_request r = request(text, &s);
    r.kv_q8 = q8;
    r.tenant = tenant;
    assert_ok(mn_answer(m->model, &r, &s.stats));
    return s;
}

static int whole(int tokens) {
    return tokens / 64 * 64;
}

/* Logits behind the first n tokens of a prompt, of a machine that may have them. */
static void logits_of(const machine *m, int kind, int n, int found, float *out) {
    char text[TEXT];
    int32_t ids[TEXT];
    mn_session *s;
    prompt(kind, text);
    assert_true(mn_encode(m->model, text, strlen(text), MN_BEGIN, ids, TEXT) >= n);
    assert_ok(mn_session_open(m->model, 1024, 0, &s));
    if (found) assert_int_equal(mn_session_match(s, ids, found), found);
    assert_ok(mn_session_eval(s, ids + found, n - found, out, 1));
    mn_session_close(&s);
}

static void the_same_words(void **unused) {
    NEEDS_REDIS;
    for (int q8 = 0; q8 < 2; q8++) {
        const char *const file = q8 ? "tiny-qwen2.gguf" : "tiny-llama.gguf";
        machine a = begin_machine(file, 0), b = begin_machine(file, 0);
        const said first = ask(&a, 1, q8, NULL);
        assert_int_equal(first.stats.cached_tokens, 0);
        const int n = first.stats.prompt_tokens, steps = whole(n + 69) / 64;
        assert_true(n > 300);
        wait_until(counts(&a).sent == (uint64_t)steps); /* the answer, too */
        const said second = ask(&b, 1, q8, NULL);
        assert_string_equal(second.text, first.text);
        assert_int_equal(second.stats.cached_tokens, whole(n - 1));
        assert_string_equal(second.stats.cached_from, "machine");
        assert_int_equal(counts(&b).came, whole(n - 1) / 64);
        assert_int_equal(counts(&b).sent, 0);
        const said third = ask(&b, 1, q8, NULL); /* now it is here */
        assert_string_equal(third.text, first.text);
        assert_int_equal(third.stats.cached_tokens, n - 1);
        assert_int_equal(counts(&b).came, whole(n - 1) / 64);
        if (!q8) {
            float *const x = malloc((size_t)a.model->net->V * sizeof *x * 2), *const y =
                                                                                  x +
                                                                                  a.model->net->V;
            machine alone = begin_machine(file, 1);
            assert_null(alone.model->remote);
            logits_of(&alone, 1, n, 0, x);
            logits_of(&b, 1, n, whole(n - 1), y);
            assert_memory_equal(x, y, (size_t)a.model->net->V * sizeof *x);
            end_machine(&alone);
            free(x);
        }
        end_machine(&a);
        end_machine(&b);
    }
}

/* Another model finds nothing of it, and one with windows asks for nothing. */
static void other_models(void **unused) {
    NEEDS_REDIS;
    machine a = begin_machine("tiny-llama.gguf", 0), b = begin_machine("tiny-qwen2.gguf", 0),
            w = begin_machine("tiny-gemma3.gguf", 0);
    const said s = ask(&a, 2, 0, NULL);
    wait_until(counts(&a).sent == (uint64_t)whole(s.stats.prompt_tokens + 69) / 64);
    assert_int_equal(ask(&b, 2, 0, NULL).stats.cached_tokens, 0);
    assert_true(counts(&b).asked > 0);
    assert_int_equal(counts(&b).came, 0);
    ask(&w, 2, 0, NULL);
    assert_int_equal(counts(&w).asked, 0);
    end_machine(&a);
    end_machine(&b);
    end_machine(&w);
}

static void what_is_private_stays(void **unused) {
    NEEDS_REDIS;
    machine a = begin_machine("tiny-llama.gguf", 0), p = begin_machine("tiny-llama.gguf", 1);
    const said s = ask(&a, 3, 0, alice);
    assert_int_equal(counts(&a).asked, 0); /* not even whether it is there */
    assert_string_equal(ask(&p, 3, 0, NULL).text, s.text);
    assert_null(p.model->remote);
    end_machine(&p);
    machine b = begin_machine("tiny-llama.gguf", 0);
    assert_int_equal(ask(&b, 3, 0, NULL).stats.cached_tokens, 0);
    assert_int_equal(counts(&b).came, 0);
    assert_int_equal(counts(&a).sent, 0);
    end_machine(&a);
    end_machine(&b);
}

/* ---- many at once -------------------------------------------------------------------------- */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int n_ended;

static void done(void *user, int rc, const mn_stats *stats) {
    said *s = user;
    pthread_mutex_lock(&lock);
    s->rc = rc;
    s->stats = *stats;
    s->ended = 1;
    n_ended++;
    pthread_mutex_unlock(&lock);
}
static int ended(void) {
    pthread_mutex_lock(&lock);
    const int n = n_ended;
    pthread_mutex_unlock(&lock);
    return n;
}

/* What MANY prompts get, cancel: every third is given up at once. Tokens that were cached. */
static int ask_many(const machine *m, int cancel, said *out) {
    static char text[MANY][TEXT];
    mn_loop *l;
    mn_job *job;
    int cached = 0;
    n_ended = 0;
    assert_ok(mn_loop_open(&(mn_loop_options){.slots = 5}, &l));
    for (int i = 0; i < MANY; i++) {
        prompt(4 + i % 6, text[i]);
        const mn_request r = request(text[i], out + i);
        assert_ok(mn_loop_ask(l, m->model, &r, done, &job));
        if (cancel && i % 3 == 2) mn_job_cancel(job);
        mn_job_release(&job);
    }
    wait_until(ended() == MANY);
    mn_loop_close(&l);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(out[i].rc, 0);
        cached += out[i].stats.cached_tokens;
    }
    return cached;
}

static void many_at_once(void **unused) {
    NEEDS_REDIS;
    static said first[MANY], second[MANY];
    machine a = begin_machine("tiny-llama.gguf", 0);
    ask_many(&a, 0, first);
    end_machine(&a); /* all that was to be given is there */
    for (int round = 0; round < 4; round++) {
        machine b = begin_machine("tiny-llama.gguf", 0);
        const int cached = ask_many(&b, round % 2, second);
        for (int i = 0; i < MANY; i++)
            if (!(round % 2 && i % 3 == 2)) assert_string_equal(second[i].text, first[i].text);
        if (round % 2 == 0) assert_true(cached >= MANY * 320);
        assert_int_equal(counts(&b).refused, 0);
        assert_true(counts(&b).came > 0);
        end_machine(&b);
    }
}

static void without_it(void **unused) {
    NEEDS_REDIS;
    machine a = begin_machine("tiny-llama.gguf", 0);
    redis_end();
    machine none = {.region = a.region};
    const said s = ask(&a, 11, 0, NULL);
    assert_int_equal(s.stats.cached_tokens, 0);
    assert_int_equal(s.stats.tokens, 70);
    wait_until(counts(&a).lost > 0);
    assert_string_equal(ask(&a, 11, 0, NULL).text, s.text);
    mn_model_close(&a.model);
    setenv("OMNESIA_SHARE", "redis://:SECRET@h:port", 1);
    mn_buf at = golden_path("tiny-llama.gguf");
    const mn_model_options how = {.no_pull = 1, .region = a.region};
    assert_fails(mn_model_open(at.data, &how, &none.model), MN_EINVAL, "host");
    assert_null(strstr(mn_error_detail(), "SECRET"));
    setenv("OMNESIA_SHARE", "none", 1);
    assert_ok(mn_model_open(at.data, &how, &none.model));
    assert_null(none.model->remote);
    mn_buf_free(&at);
    end_machine(&none);
}

static int begin(void **unused) {
    (void)unused;
    if (folder_begin("far", 0) != 0) return -1;
    has_redis = redis_start(NULL);
    if (!has_redis) print_message("no redis-server or no libhiredis0.14: nothing is tested\n");
    return setenv("OMNESIA_SHARE", redis_at(""), 1);
}
static int end(void **unused) {
    (void)unused;
    redis_end();
    return folder_end() || mn_budget_used() != 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_words), cmocka_unit_test(other_models),
        cmocka_unit_test(what_is_private_stays), cmocka_unit_test(many_at_once),
        cmocka_unit_test(without_it)};
    return cmocka_run_group_tests(tests, begin, end);
}
