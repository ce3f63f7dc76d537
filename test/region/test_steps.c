/* SPDX-License-Identifier: Apache-2.0
 *
 * test/region/test_steps.c - death at every instruction of every call that changes a region
 * (reliability row 1b).
 *
 * Each scene (steps_scenes.h) is one call, made by a process that is stepped through it (steps.h).
 * Wherever an instruction changed what a death would leave, the state is recovered twice by fresh
 * code, once in the place of the dead and once by a neighbour, and judged (steps_judge.h). Who
 * recovers may die, too: recovering is stepped from each SAMPLE-th of the states, in full from all
 * of them and both ways, and each of its states is recovered and judged again.
 *
 *     OMNESIA_SOAK=FIRST:COUNT   case i: scene i / SHARDS, states i % SHARDS of each SHARDS
 *     OMNESIA_PLANT=1            a writer says how long its extent is, then writes it
 */
#include "folder.h"
#include "region/steps_scenes.h"

#include "base/hash.h"

enum { SHARDS = 8, SAMPLE = 9 };
static bed A, B, C; /* stepped; recovered, or stepped while recovering; recovered again */
static image begin, once, twice;
static const image *first;
static int shard = -1; /* -1: the quick form */
static long steps, states, mended, again;

/* The recovery that began at `first` is dead, too. */
static void twice_dead(const image *im) {
    if (shard >= 0 || at.state[1] % 2) mend(&C, im, first, 0), again++;
    if (shard >= 0 || at.state[1] % 2 == 0) mend(&C, im, first, 1), again++;
}
static void die_again(const scene *s, const image *im) {
    const journal saved = *told;
    first = im;
    at.depth = 1;
    walk(s, &B, im, &twice, twice_dead);
    steps += at.step[1];
    at.depth = 0;
    *told = saved;
}
static void dead(const image *im) {
    const scene *s = at.scene;
    states++;
    if (im->told.returned && s->range >= 0) {
        const mn_extent_slot *x = image_slot(im, range_slot(s->range));
        const int phase = mn_state_phase(mn_word_load(&x->state));
        HOLDS(phase == s->phase && mn_word_load(&x->charged) == (uint64_t)s->charged,
              "the call left phase %d and %llu bytes", phase,
              (unsigned long long)mn_word_load(&x->charged));
    }
    if (shard >= 0 && at.state[0] % SHARDS != shard) return;
    mend(&B, im, im, 0);
    mend(&B, im, im, 1);
    mended += 2;
    if (shard >= 0 || at.state[0] % SAMPLE == SAMPLE / 2) die_again(&heir, im);
    if (shard >= 0) die_again(&tenant, im);
}

static int put_head(void *user, mn_sparse *file) {
    memcpy(file->data, user, sizeof(mn_region_head));
    return 0;
}

/* An empty region of the least size there is. */
static void make(bed *b, const char *name) {
    mn_region *r;
    mn_region_head h;
    snprintf(b->path, sizeof b->path, "%s/%s", folder, name);
    assert_ok(mn_region_open(b->path, LIMIT, -1, &r));
    memcpy(&h, r->file.data, sizeof h);
    mn_region_close(&r);
    unlink(b->path);
    h.size = MN_REGION_LEAST;
    h.sum = mn_hash64(&h, offsetof(mn_region_head, sum));
    assert_true(mn_sparse_make(b->path, h.size, put_head, &h) == 1);
    bed_open(b);
}

static int set_up(void **s) {
    (void)s;
    if (folder_begin("steps", 1) < 0) return -1;
    at.scene = NULL;
    at.depth = 0;
    at.way = "";
    memset(told, 0, sizeof *told);
    make(&A, "a"), make(&B, "b"), make(&C, "c");
    base(&A, &begin);
    hold(&A, 0), hold(&B, 0), hold(&C, 0);
    return 0;
}
static int tear_down(void **s) {
    bed *const beds[] = {&A, &B, &C};
    (void)s;
    strike(1);
    strike(0);
    for (int i = 0; i < 3; i++) {
        mn_sparse_close(&beds[i]->file);
        mn_byte_locks_close(&beds[i]->locks);
    }
    return folder_end();
}

static void play(void **s) {
    at.scene = *s;
    steps = states = mended = again = 0;
    walk(at.scene, &A, &begin, &once, dead);
    steps += at.step[0];
    printf("%-45s %7ld instructions, %3ld states, %3ld recovered, %5ld recovered again\n",
           at.scene->name, steps, states, mended, again);
    fflush(stdout);
}
static void play_cases(void **s) {
    (void)s;
    const soak all = soak_begin(SCENES * SHARDS);
    long counted = 0;
    for (long i = all.first; i < all.end; i++) {
        void *one = (void *)(uintptr_t)(scenes + i / SHARDS);
        shard = (int)(i % SHARDS);
        assert_int_equal(set_up(NULL), 0);
        play(&one);
        assert_int_equal(tear_down(NULL), 0);
        counted += mended + again;
    }
    soak_end(&all, counted);
}

#ifdef __has_feature /* clang says it so */
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

/* Why nothing can be stepped here, or NULL. */
static const char *hindrance(void) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return "a sanitizer's own stores would be stepped, too";
#elif !defined(__x86_64__)
    return "system calls are known on x86-64 only";
#else
    int status = 0;
    const pid_t pid = fork();
    if (!pid) {
        if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0) _exit(1);
        raise(SIGSTOP);
        _exit(1);
    }
    int ok = pid > 0 && waitpid(pid, &status, 0) == pid && WIFSTOPPED(status) &&
             ptrace(PTRACE_SINGLESTEP, pid, 0, 0) == 0 && waitpid(pid, &status, 0) == pid &&
             WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP;
    if (pid > 0 && !WIFEXITED(status)) kill(pid, SIGKILL), waitpid(pid, NULL, 0);
    return ok ? NULL : "ptrace is not permitted";
#endif
}

int main(void) {
    const char *why = hindrance();
    if (why) {
        printf("skipped: %s\n", why);
        return 77;
    }
    struct CMUnitTest tests[SCENES];
    plan = mn_region_plan_of(MN_REGION_LEAST);
    tables = plan.index_at + (uint64_t)plan.entries * sizeof(mn_index_entry);
    told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    image *const images[] = {&begin, &once, &twice};
    for (int i = 0; i < 3; i++) images[i]->tables = malloc(tables);
    const struct CMUnitTest full[] = {cmocka_unit_test_teardown(play_cases, tear_down)};
    if (soak_asked()) return cmocka_run_group_tests(full, NULL, NULL);
    for (int i = 0; i < SCENES; i++)
        tests[i] = (struct CMUnitTest){scenes[i].name, play, set_up, tear_down,
                                       (void *)(uintptr_t)(scenes + i)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
