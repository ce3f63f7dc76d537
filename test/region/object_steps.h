/* SPDX-License-Identifier: Apache-2.0
 *
 * test/region/object_steps.h - a process stepped through one call on objects, instruction by
 * instruction; what a death there leaves is recovered by fresh code and judged.
 *
 * After every instruction the shared words of objects are compared with what they were; where they
 * have changed, they are copied into a second region, which is opened, and so buries the dead. What
 * is there then must be what was there before the call or what is there behind it (of a call that
 * is several changes, also what lies between), and behind it once the caller had been told; and
 * every cell must be free or in its chain (objects.h).
 */
#ifndef MN_TEST_OBJECT_STEPS_H
#define MN_TEST_OBJECT_STEPS_H
#include "folder.h"
#include "region/objects.h"
#include "soak.h"

#include "base/hash.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LIMIT = 64 << 20, PROCS = 4, TEXT = 1024, PART = 5, MOST_SCENES = 16 };

typedef struct scene {
    const char *name;
    void (*prepare)(mn_region *r);
    void (*call)(mn_region *r);
    int mixed; /* what lies between is fine, too */
} scene;

static char path[3][96]; /* of the one that is stepped, of its recovery, of that one's */
static atomic_int *returned;
static int third = -1;   /* holds the lock of process slot 2, which somebody has who is stopped */
static char twin[3][32]; /* three keys of one bucket */

/* ---- what is there ------------------------------------------------------------------------ */
static inline int add(void *user, const mn_listed *e) {
    char *const text = user;
    const size_t at = strlen(text);
    snprintf(text + at, TEXT - at, "%s %lld %llu; ", e->key, (long long)e->records,
             (unsigned long long)e->size);
    return 0;
}
/* Names, sizes (a value's is its mark), and the records of the log. */
static inline void state_of(mn_region *r, char text[TEXT]) {
    uint64_t number;
    char out[64];
    mn_object_head h;
    *text = 0;
    assert_ok(mn_region_list(r, "", add, text));
    for (uint64_t at = 0; mn_region_record(r, "log", at, out, 64, &h, &number) > 0; at = number + 1)
        snprintf(text + strlen(text), TEXT - strlen(text), "%d,", (int)number);
}

static inline void put(mn_region *r, const char *key, size_t n) {
    static const char bytes[64];
    if (mn_region_put(r, key, bytes, n, NULL, NULL) < 0) _exit(3);
}

/* ---- pictures of the shared words --------------------------------------------------------- */
typedef struct part {
    uint64_t at, n;
} part;
static inline part part_of(const mn_region *r, int i) {
    const mn_region_plan *p = &r->plan;
    const part all[PART] = {{p->tops_at, MN_REGION_PAGE},
                            {p->procs_at, PROCS * sizeof(mn_proc_slot)},
                            {p->buckets_at, p->buckets * sizeof(mn_word)},
                            {p->topics_at, MN_REGION_TOPICS * sizeof(mn_topic)},
                            {p->cell_at[0], 64 * mn_cell_bytes(0)}};
    return all[i];
}
/* The same order as they would be seen; 1 when something has changed. */
static inline int changed(const mn_region *r, uint8_t *seen) {
    int differs = 0;
    for (int i = 0; i < PART; seen += part_of(r, i).n, i++) {
        const part p = part_of(r, i);
        if (!memcmp(seen, r->file.data + p.at, p.n)) continue;
        memcpy(seen, r->file.data + p.at, p.n);
        differs = 1;
    }
    return differs;
}

/* Region a, as it is, in the file `at` of another, without its processes. */
static inline void judge(const mn_region *a, const char *at, const char *before, const char *after,
                         int told, int mixed) {
    mn_region *r;
    char now[TEXT];
    assert_ok(mn_region_open(at, LIMIT, -1, &r));
    assert_ok(mn_cells_begin(r));
    for (int i = 0; i < PART; i++)
        memcpy(r->file.data + part_of(a, i).at, a->file.data + part_of(a, i).at, part_of(a, i).n);
    /* a copy of the dead one's slot, under a lock that nobody holds; our own is slot 0 in both */
    assert_true(mn_region_reap(r) >= 1);
    state_of(r, now);
    const int is_after = !strcmp(now, after), is_before = !strcmp(now, before);
    if (!is_after && (told || (!is_before && !mixed)))
        fail_msg("is \"%s\", neither \"%s\" nor (%stold) \"%s\"", now, before, told ? "" : "not ",
                 after);
    cells_in_use(r);
    put(r, "goes on", 3);
    assert_int_equal(mn_region_get(r, "goes on", now, 8, NULL), 3);
    mn_region_close(&r);
}

/* ---- steps -------------------------------------------------------------------------------- */
static inline pid_t cast(const scene *s) {
    int status;
    const pid_t pid = fork();
    if (!pid) {
        mn_region *r;
        if (mn_region_open(path[0], 0, -1, &r) < 0 || mn_cells_begin(r) < 0) _exit(1);
        if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0) _exit(2);
        raise(SIGSTOP);
        if (soak_planted()) put(r, "a", 63); /* more than what was called */
        s->call(r);
        atomic_store(returned, 1);
        for (;;) pause();
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSTOPPED(status));
    return pid;
}

static inline void expect(const scene *s, char before[TEXT], char after[TEXT]) {
    mn_region *r;
    assert_ok(mn_region_open(path[1], LIMIT, -1, &r));
    s->prepare(r);
    state_of(r, before);
    s->call(r);
    state_of(r, after);
    mn_region_close(&r);
    mn_byte_locks_close(&third);
    unlink(path[1]);
}

/* What else a death may leave of a state: how many states that gave. NULL: nothing is asked. */
static long (*further)(mn_region *r, const char *before, const char *after);

static long deaths;
static inline void play(void **state) {
    const scene *const s = *state;
    char before[TEXT], after[TEXT], now[TEXT];
    mn_region *r;
    long steps = 0, states = 0, deeper = 0;
    size_t bytes = 0;
    atomic_store(returned, 0);
    expect(s, before, after);
    assert_ok(mn_region_open(path[0], LIMIT, -1, &r));
    assert_ok(mn_cells_begin(r));
    s->prepare(r);
    for (int i = 0; i < PART; i++) bytes += part_of(r, i).n;
    uint8_t *const seen = calloc(1, bytes);
    const pid_t pid = cast(s);
    while (!atomic_load(returned)) {
        int status;
        if (ptrace(PTRACE_SINGLESTEP, pid, 0, 0) < 0) fail_msg("ptrace: %s", strerror(errno));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (!WIFSTOPPED(status)) fail_msg("the call ended with %#x", status);
        steps++;
        if (!changed(r, seen)) continue;
        states++;
        judge(r, path[1], before, after, 0, s->mixed);
        state_of(r, now); /* who reads meanwhile */
        if (!s->mixed && strcmp(now, before) && strcmp(now, after))
            fail_msg("reads \"%s\" meanwhile, neither \"%s\" nor \"%s\"", now, before, after);
        if (further) deeper += further(r, before, after);
    }
    judge(r, path[1], before, after, 1, 0);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    free(seen);
    mn_byte_locks_close(&third);
    mn_region_close(&r);
    printf("%-34s %6ld instructions, %3ld states recovered", s->name, steps, states);
    if (deeper) printf(", %ld of recoveries that died", deeper);
    puts("");
    deaths += states + deeper;
    assert_true(states > 5);
}

static inline int begin(void **s) {
    (void)s;
    if (folder_begin("osteps", 1) < 0) return -1;
    for (int i = 0; i < 3; i++) snprintf(path[i], sizeof path[i], "%s/region%d", folder, i);
    return 0;
}
static inline int end(void **s) {
    (void)s;
    return folder_end();
}

static inline void find_twins(void) {
    int n = 0;
    uint64_t bucket = 0;
    for (long i = 0; n < 3; i++) {
        char key[32];
        snprintf(key, sizeof key, "twin/%ld", i);
        const uint64_t b = mn_hash64(key, strlen(key)) % MN_REGION_BUCKETS;
        if (n && b != bucket) continue;
        bucket = b;
        strcpy(twin[n++], key);
    }
}

static inline int steps_main(const scene *scenes, int n) {
    struct CMUnitTest tests[MOST_SCENES];
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__x86_64__)
    printf("skipped: a sanitizer's own stores would be stepped, too, or this is no x86-64\n");
    return 77;
#endif
    returned =
        mmap(NULL, sizeof *returned, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    find_twins();
    for (int i = 0; i < n; i++)
        tests[i] =
            (struct CMUnitTest){scenes[i].name, play, begin, end, (void *)(uintptr_t)(scenes + i)};
    soak s = soak_begin(n);
    if (!soak_asked()) s.first = 0, s.end = n;
    const size_t some = s.end > s.first ? (size_t)(s.end - s.first) : 0;
    const int failed = _cmocka_run_group_tests("steps", tests + s.first, some, NULL, NULL);
    if (soak_asked() && !failed) soak_end(&s, deaths);
    return failed;
}

#endif
