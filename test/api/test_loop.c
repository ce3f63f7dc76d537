/* SPDX-License-Identifier: Apache-2.0
 *
 * test/api/test_loop.c - what a loop gives for many requests at once is what mn_answer gives for
 * each alone: in every order, with few slots and with many, little memory, others cancelled
 * meanwhile, and rows that are still on their way from the disk.
 */
#include "until.h"

#include "api/loop.h"
#include "base/alloc.h"
#include "base/walk.h"
#include "folder.h"
#include "model/golden.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { N = 40, TEXT = 1 << 15 };

typedef struct one {
    mn_request r;
    char prompt[2048], text[TEXT], owner[16];
    size_t n;
    int tokens; /* that on_token was told */
    int stop_after, rc, ended;
    mn_stats stats;
    mn_job *job;
} one;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t some_ended = PTHREAD_COND_INITIALIZER;
static int n_ended;

static int hear(void *user, const char *text, size_t n) {
    one *o = user;
    assert_true(o->n + n < TEXT);
    memcpy(o->text + o->n, text, n);
    o->text[o->n += n] = 0;
    return 0;
}

static int see(void *user, const mn_token *token) {
    one *o = user;
    assert_true(token->logprob <= 0 && token->n_top == 2 &&
                token->top[0].logprob >= token->top[1].logprob);
    return o->stop_after && ++o->tokens >= o->stop_after;
}

static void done(void *user, int rc, const mn_stats *stats) {
    one *o = user;
    pthread_mutex_lock(&lock);
    assert_int_equal(o->ended, 0);
    o->rc = rc;
    o->stats = *stats;
    o->ended = ++n_ended;
    pthread_cond_signal(&some_ended);
    pthread_mutex_unlock(&lock);
}

static uint32_t state = 11;
static uint32_t rnd(uint32_t n) {
    state = state * 1664525u + 1013904223u;
    return (state >> 8) % n;
}

/* Four families of prompts with beginnings of 0 to 600 tokens in common, and own ends. */
static void make(one *o, int i) {
    const int family = i % 4;
    size_t at = 0;
    *o = (one){.r = mn_request_default()};
    for (int w = 0; w < family * 60; w++)
        at +=
            (size_t)snprintf(o->prompt + at, sizeof o->prompt - at, "%c%d ", 'a' + family, w % 10);
    for (uint32_t w = rnd(20) + 1; w > 0; w--)
        at += (size_t)snprintf(o->prompt + at, sizeof o->prompt - at, "%c ", 'a' + (int)rnd(26));
    snprintf(o->owner, sizeof o->owner, "agent %d", i % 5);
    o->r.prompt = o->prompt;
    o->r.raw = 1;
    o->r.context = 1024;
    o->r.owner = o->owner;
    o->r.temp = i % 3 ? 0.9f : 0;
    o->r.seed = 1 + (uint64_t)i;
    o->r.max_tokens = 1 + (int)rnd(40);
    o->r.kv_q8 = i % 7 == 3;
    o->r.on_text = hear;
    o->r.user = o;
    if (i % 5 == 1) o->r.on_token = see, o->r.top_logprobs = 2;
}

static mn_model *open_tiny(const char *file, mn_region *region) {
    const mn_model_options how = {.threads = 2, .no_pull = 1, .region = region};
    mn_buf path = golden_path(file);
    mn_model *m;
    assert_ok(mn_model_open(path.data, &how, &m));
    mn_buf_free(&path);
    return m;
}

static void wait_for(int n) {
    pthread_mutex_lock(&lock);
    while (n_ended < n) pthread_cond_wait(&some_ended, &lock);
    pthread_mutex_unlock(&lock);
}

static one alone[N], many[N];

static void ask_alone(const char *file) {
    mn_model *m = open_tiny(file, NULL);
    for (int i = 0; i < N; i++) {
        make(alone + i, i);
        int rc = mn_answer(m, &alone[i].r, &alone[i].stats);
        if (rc == MN_EUNSUPPORTED) { /* heads that are too small for q8 */
            alone[i].r.kv_q8 = 0;
            rc = mn_answer(m, &alone[i].r, &alone[i].stats);
        }
        assert_ok(rc);
    }
    mn_model_close(&m);
}

static void same(const one *a, const one *b) {
    assert_int_equal(b->rc, 0);
    assert_string_equal(a->text, b->text);
    assert_string_equal(a->stats.finish, b->stats.finish);
    assert_int_equal(a->stats.tokens, b->stats.tokens);
    assert_int_equal(a->stats.prompt_tokens, b->stats.prompt_tokens);
    assert_true(b->stats.cached_tokens < b->stats.prompt_tokens);
}

static void ask_many(mn_model *m, const mn_loop_options *how) {
    mn_loop *l;
    mn_loop_info info;
    n_ended = 0;
    assert_ok(mn_loop_open(how, &l));
    for (int i = 0; i < N; i++) {
        many[i] = alone[i];
        one *o = many + i;
        o->n = 0;
        o->text[0] = 0;
        o->r.user = o;
        o->r.prompt = o->prompt;
        o->r.owner = o->owner;
        o->ended = o->tokens = 0;
        assert_ok(mn_loop_ask(l, m, &o->r, done, &o->job));
        memset(o->prompt, 'x', 8); /* the loop has its own copy */
        if (rnd(3) == 0) nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    wait_for(N);
    for (int i = 0; i < N; i++) {
        same(alone + i, many + i);
        mn_job_release(&many[i].job);
    }
    mn_loop_describe(l, &info);
    assert_int_equal(info.ended, N);
    assert_int_equal(info.failed + info.cancelled, 0);
    assert_int_equal(info.running + info.waiting, 0);
    mn_loop_close(&l);
}

static const char *const orders[] = {"fcfs", "fair", "batch"};

static void the_same_as_alone(void **unused) {
    (void)unused;
    static const char *const files[] = {"tiny-llama.gguf", "tiny-gemma3.gguf"};
    for (int f = 0; f < 2; f++) {
        state = 11;
        ask_alone(files[f]);
        for (int o = 0; o < 3; o++)
            for (int slots = 1; slots <= 64; slots += 21) {
                mn_region *r;
                char path[128];
                snprintf(path, sizeof path, "%s/%d-%d-%d", folder, f, o, slots);
                assert_ok(mn_region_open(path, 64 << 20, -1, &r));
                mn_model *m = open_tiny(files[f], r);
                ask_many(m, &(mn_loop_options){.order = orders[o],
                                               .slots = slots,
                                               .step_tokens = slots == 22 ? 16 : 0});
                mn_model_close(&m);
                mn_region_close(&r);
            }
    }
}

static void the_same_with_hardly_any_memory(void **unused) {
    (void)unused;
    state = 11;
    ask_alone("tiny-llama.gguf");
    for (int o = 0; o < 3; o++) {
        mn_region *r;
        char path[128];
        snprintf(path, sizeof path, "%s/small-%d", folder, o);
        assert_ok(mn_region_open(path, 1 << 20, 0, &r));
        mn_model *m = open_tiny("tiny-llama.gguf", r);
        ask_many(m, &(mn_loop_options){.order = orders[o], .slots = 16});
        mn_model_close(&m);
        mn_region_close(&r);
    }
}

static void the_same_without_a_region(void **unused) {
    (void)unused;
    state = 11;
    ask_alone("tiny-llama.gguf");
    mn_model *m = open_tiny("tiny-llama.gguf", NULL);
    ask_many(m, NULL);
    mn_model_close(&m);
}

static void cancelled_ones_end_and_do_not_disturb(void **unused) {
    (void)unused;
    state = 11;
    ask_alone("tiny-llama.gguf");
    mn_region *r;
    mn_loop *l;
    char path[128];
    snprintf(path, sizeof path, "%s/cancel", folder);
    assert_ok(mn_region_open(path, 64 << 20, -1, &r));
    mn_model *m = open_tiny("tiny-llama.gguf", r);
    assert_ok(mn_loop_open(&(mn_loop_options){.slots = 6}, &l));
    for (int round = 0; round < 20; round++) {
        n_ended = 0;
        for (int i = 0; i < N; i++) {
            one *o = many + i;
            *o = alone[i];
            o->n = 0;
            o->text[0] = 0;
            o->r.user = o;
            o->r.prompt = alone[i].prompt;
            if (i % 2) o->r.max_tokens = 0;
            assert_ok(mn_loop_ask(l, m, &o->r, done, &o->job));
        }
        for (int i = 1; i < N; i += 2) {
            if (rnd(4) == 0) nanosleep(&(struct timespec){.tv_nsec = 300000}, NULL);
            mn_job_cancel(many[i].job);
            mn_job_release(&many[i].job);
        }
        wait_for(N);
        for (int i = 0; i < N; i += 2) {
            same(alone + i, many + i);
            mn_job_release(&many[i].job);
        }
        for (int i = 1; i < N; i += 2) assert_int_equal(many[i].rc, 0);
    }
    mn_loop_close(&l);
    mn_region_info info;
    mn_region_describe(r, &info);
    assert_int_equal(info.open, 0);
    mn_model_close(&m);
    mn_region_close(&r);
}

static void closing_a_loop_ends_what_is_there(void **unused) {
    (void)unused;
    state = 11;
    mn_loop *l;
    mn_model *m = open_tiny("tiny-llama.gguf", NULL);
    assert_ok(mn_loop_open(NULL, &l));
    n_ended = 0;
    for (int i = 0; i < N; i++) {
        make(many + i, i);
        many[i].r.max_tokens = 0;
        many[i].r.ignore_eos = 1;
        assert_ok(mn_loop_ask(l, m, &many[i].r, done, &many[i].job));
    }
    mn_loop_close(&l);
    assert_int_equal(n_ended, N);
    for (int i = 0; i < N; i++) mn_job_release(&many[i].job);
    mn_model_close(&m);
}

static void what_cannot_be_asked_is_said(void **unused) {
    (void)unused;
    mn_loop *l;
    assert_fails(mn_loop_open(&(mn_loop_options){.order = "lifo"}, &l), MN_EINVAL, "lifo");
    mn_model *m = open_tiny("tiny-llama.gguf", NULL);
    assert_ok(mn_loop_open(&(mn_loop_options){.waiting = 1, .slots = 1}, &l));
    make(many, 0);
    many[0].r.prompt = "";
    n_ended = 0;
    assert_ok(mn_loop_ask(l, m, &many[0].r, done, &many[0].job));
    wait_for(1);
    assert_int_equal(many[0].rc, 0 < many[0].rc ? 0 : many[0].rc);
    mn_job_release(&many[0].job);
    mn_loop_close(&l);
    mn_model_close(&m);
}

/* ---- who waits for the disk ---------------------------------------------------------------- */
static char files[64]; /* a folder on disk */

static atomic_int never_comes; /* the system says so of every page */
int mincore(void *at, size_t n, unsigned char *there) {
    if (!atomic_load(&never_comes)) return (int)syscall(SYS_mincore, at, n, there);
    memset(there, 0, (n + (size_t)getpagesize() - 1) / (size_t)getpagesize());
    return 0;
}

static atomic_int other_wrote;
static double first_came;
static int first_after; /* tokens of the other */

static int dawdle(void *user, const mn_token *t) {
    (void)user;
    (void)t;
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    atomic_fetch_add(&other_wrote, 1);
    return 0;
}
static int note_first(void *user, const mn_token *t) {
    one *o = user;
    (void)t;
    if (o->tokens++) return 0;
    first_came = mn_clock_seconds();
    first_after = atomic_load(&other_wrote);
    return 0;
}

/* A region whose disk tier is on disk, and holds all of what `o` asks for, a prompt of some hundred
 * tokens; memory holds nothing. */
static mn_region *on_disk_alone(one *o, const char *name) {
    mn_region *r;
    char path[128], link[140];
    snprintf(files, sizeof files, "/tmp/mn-loop-disk-XXXXXX");
    assert_non_null(mkdtemp(files));
    make(o, 3);
    o->r.kv_q8 = 0;
    o->r.on_token = NULL;
    o->r.max_tokens = 5;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    snprintf(link, sizeof link, "%s.disk", path);
    assert_int_equal(symlink(files, link), 0);
    assert_ok(mn_region_open(path, 64 << 20, 64 << 20, &r));
    mn_model *m = open_tiny("tiny-llama.gguf", r);
    assert_ok(mn_answer(m, &o->r, &o->stats));
    mn_model_close(&m);
    wait_until((mn_region_shrink(r, 0), !mn_region_charged(r))); /* the mover may be at it */
    return r;
}

static void remove_files(mn_region **r) {
    mn_region_close(r);
    mn_walk_remove(files);
    assert_int_not_equal(access(files, F_OK), 0);
}

/* Whether its rows were waited for: the other one goes on meanwhile, but not to its end. */
static int waited(mn_region *r, const one *expected, int cached) {
    mn_loop *l;
    mn_model *m = open_tiny("tiny-llama.gguf", r);
    one *other = many, *late = many + 1;
    assert_ok(mn_loop_open(&(mn_loop_options){.slots = 2}, &l));
    make(other, 0);
    other->r.max_tokens = 1000;
    other->r.ignore_eos = 1;
    other->r.on_token = dawdle;
    *late = *expected;
    late->r.user = late;
    late->r.prompt = late->prompt;
    late->r.on_token = note_first;
    late->n = 0;
    late->text[0] = 0;
    late->tokens = 0;
    n_ended = 0;
    atomic_store(&other_wrote, 0);
    assert_ok(mn_loop_ask(l, m, &other->r, done, &other->job));
    while (atomic_load(&other_wrote) < 3) sched_yield();
    const double asked = mn_clock_seconds();
    assert_ok(mn_loop_ask(l, m, &late->r, done, &late->job));
    wait_for(1);
    mn_job_cancel(other->job);
    wait_for(2);
    assert_true(late->ended < other->ended); /* whatever happens */
    same(expected, late);
    assert_true(late->stats.cached_tokens >= cached);
    mn_job_release(&other->job);
    mn_job_release(&late->job);
    mn_loop_close(&l);
    mn_model_close(&m);
    return first_came - asked > 0.19 && first_after > 10;
}

/* Rows that never arrive: their job is left out of steps that another one can make, and computed
 * after 200 ms whatever happens. Alone it is not left out of anything. */
static void who_waits_for_the_disk_holds_up_nobody(void **unused) {
    (void)unused;
    one *o = alone;
    mn_region *r = on_disk_alone(o, "arrives");
    atomic_store(&never_comes, 1);
    int once = 0;
    for (int i = 0; i < 20 && !once; i++) once = waited(r, o, 100); /* others may need the cores */
    assert_true(once);
    atomic_store(&never_comes, 0);
    remove_files(&r);
}

/* One bit of each page of rows is another: what was switched out in vain is computed again, and who
 * runs beside it does not notice. */
static void damaged_rows_are_computed_again(void **unused) {
    (void)unused;
    mn_region_counts before, after;
    mn_region *r = on_disk_alone(alone, "damaged");
    mn_region_count(r, &before);
    DIR *d = opendir(files);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        const int fd = e->d_name[0] == '.' ? -1 : openat(dirfd(d), e->d_name, O_RDWR);
        const off_t end = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
        for (off_t at = end / 2; at < end; at += 4096) { /* the head and the ids are as they were */
            uint8_t byte;
            assert_int_equal(pread(fd, &byte, 1, at), 1);
            byte ^= 4;
            assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        }
        if (fd >= 0) close(fd);
    }
    closedir(d);
    waited(r, alone, 0);
    mn_region_count(r, &after);
    assert_true(after.damaged > before.damaged);
    remove_files(&r);
}

static int setup(void **unused) {
    (void)unused;
    return folder_begin("loop", 1);
}
static int teardown(void **unused) {
    (void)unused;
    return folder_end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_as_alone),
        cmocka_unit_test(the_same_with_hardly_any_memory),
        cmocka_unit_test(the_same_without_a_region),
        cmocka_unit_test(cancelled_ones_end_and_do_not_disturb),
        cmocka_unit_test(closing_a_loop_ends_what_is_there),
        cmocka_unit_test(what_cannot_be_asked_is_said),
        cmocka_unit_test(who_waits_for_the_disk_holds_up_nobody),
        cmocka_unit_test(damaged_rows_are_computed_again),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
