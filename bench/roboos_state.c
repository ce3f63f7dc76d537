/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/roboos_state.c - eight robots publish their states at 1 kHz, each to a reader of its own,
 * and one slow reader looks every 10 ms.
 *
 * Three ways, a second each, in turn: loops that only sleep until the next millisecond; the same
 * with a bare futex wake and somebody who sleeps on it; the same with states. A millisecond is
 * missed when its work has ended later than the next begins. The processor time of loops alone is
 * taken off both others, so what is compared is what publishing and reading cost.
 */
#include "bench/roboos.h"

#include "base/clock.h"
#include "base/error.h"
#include "fleet/board.h"
#include "fleet/state.h"

#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROBOTS = 8, BEATS = 1000, PERIOD = 1000000 };
enum { LOOPS, FUTEX, STATES, WAYS };

typedef struct shared {
    atomic_int ready, go, stop, bad;
    atomic_uint word[ROBOTS];
    atomic_ullong beat[ROBOTS]; /* the newest that has been put */
    atomic_long missed, read, slow, stale;
    atomic_ullong cpu; /* ns of all */
} shared;
typedef struct way {
    mn_roboos *b;
    shared *s;
    int kind;
} way;

static uint64_t cpu_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
static void key_of(int robot, char out[64]) {
    snprintf(out, 64, "fleet/main/state/robot%d", robot);
}
static void wait_for_go(shared *s) {
    atomic_fetch_add(&s->ready, 1);
    while (!atomic_load(&s->go)) nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
}
static mn_region *opened(const way *w) {
    mn_region *r;
    if (mn_region_open(w->b->path, 64 << 20, -1, &r) >= 0) return r;
    atomic_store(&w->s->bad, 1);
    _exit(1);
}

/* ---- who publishes ------------------------------------------------------------------------- */
static void publish(const way *w, mn_region *r, int robot, const char *key, uint64_t beat) {
    mn_fleet_state state = {.format = MN_STATE_FORMAT, .beat = beat, .q = {0, 0, 0, 1}};
    if (w->kind == FUTEX) {
        atomic_fetch_add(&w->s->word[robot], 1);
        syscall(SYS_futex, &w->s->word[robot], FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
    } else if (w->kind == STATES) {
        state.now = mn_clock_ns();
        if (mn_region_put(r, key, &state, mn_fleet_state_bytes(&state), NULL, NULL) < 0)
            atomic_store(&w->s->bad, 1);
        atomic_store(&w->s->beat[robot], beat);
    }
}

static void robot(const way *w, int at) {
    mn_region *const r = w->kind == STATES ? opened(w) : NULL;
    char key[64];
    long missed = 0;
    key_of(at, key);
    wait_for_go(w->s);
    const uint64_t before = cpu_ns();
    uint64_t due = mn_clock_ns();
    for (int i = 1; i <= BEATS; i++) {
        due += PERIOD;
        const struct timespec t = {(time_t)(due / 1000000000u), (long)(due % 1000000000u)};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
        publish(w, r, at, key, (uint64_t)i);
        const uint64_t now = mn_clock_ns();
        if (now <= due + PERIOD) continue;
        missed++;
        due = now;
    }
    atomic_fetch_add(&w->s->cpu, cpu_ns() - before);
    atomic_fetch_add(&w->s->missed, missed);
    _exit(0);
}

/* ---- who reads ----------------------------------------------------------------------------- */
static void sleep_on_word(const way *w, int at) {
    atomic_uint *const word = &w->s->word[at];
    wait_for_go(w->s);
    const uint64_t before = cpu_ns();
    unsigned seen = 0;
    long n = 0;
    while (!atomic_load(&w->s->stop)) {
        syscall(SYS_futex, word, FUTEX_WAIT, seen, &(struct timespec){.tv_nsec = 200000000}, NULL,
                0);
        const unsigned now = atomic_load(word);
        n += now != seen;
        seen = now;
    }
    atomic_fetch_add(&w->s->cpu, cpu_ns() - before);
    atomic_fetch_add(&w->s->read, n);
    _exit(0);
}

static void read_states(const way *w, int at) {
    mn_region *const r = opened(w);
    mn_watcher *watcher;
    mn_change_head c;
    mn_fleet_state state;
    char key[64];
    long n = 0;
    key_of(at, key);
    if (mn_watcher_open(r, key, 1, 0, &watcher) < 0) _exit(1);
    wait_for_go(w->s);
    const uint64_t before = cpu_ns();
    while (!atomic_load(&w->s->stop)) {
        const int rc = mn_watcher_next(watcher, 200, &c);
        if (rc < 0 || (rc && mn_fleet_state_read(c.value, c.head.size, &state) < 0)) _exit(1);
        n += rc;
    }
    atomic_fetch_add(&w->s->cpu, cpu_ns() - before);
    atomic_fetch_add(&w->s->read, n);
    _exit(0);
}

/* What was put before it looks, it sees, or something newer. */
static void read_slowly(const way *w) {
    mn_region *const r = opened(w);
    mn_watcher *watcher;
    mn_change_head c;
    mn_fleet_state state;
    char key[64];
    key_of(0, key);
    if (mn_watcher_open(r, key, 1, 0, &watcher) < 0) _exit(1);
    wait_for_go(w->s);
    while (!atomic_load(&w->s->stop)) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        const uint64_t newest = atomic_load(&w->s->beat[0]);
        const int rc = mn_watcher_next(watcher, 0, &c);
        if (rc < 0 || (rc && mn_fleet_state_read(c.value, c.head.size, &state) < 0)) _exit(1);
        if (rc) atomic_fetch_add(&w->s->slow, 1);
        if (rc && state.beat < newest) atomic_fetch_add(&w->s->stale, 1);
    }
    _exit(0);
}

/* ---- one second of one way ----------------------------------------------------------------- */
static int run_way(mn_roboos *b, shared *s, int kind) {
    const way w = {b, s, kind};
    pid_t pid[2 * ROBOTS + 1];
    int n = 0, bad = 0;
    memset(s, 0, sizeof *s);
    for (int i = 0; i < ROBOTS; i++) {
        if (!(pid[n] = fork())) robot(&w, i);
        n++;
    }
    for (int i = 0; kind != LOOPS && i < ROBOTS; i++) {
        if (!(pid[n] = fork())) kind == FUTEX ? sleep_on_word(&w, i) : read_states(&w, i);
        n++;
    }
    if (kind == STATES && !(pid[n++] = fork())) read_slowly(&w);
    for (int ms = 0; atomic_load(&s->ready) < n && ms < 10000; ms++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    atomic_store(&s->go, 1);
    for (int i = 0, status; i < n; i++) {
        if (i == ROBOTS) atomic_store(&s->stop, 1);
        if (waitpid(pid[i], &status, 0) != pid[i] || status) bad = 1;
    }
    return bad || atomic_load(&s->bad) ? MN_FAIL(MN_EIO, "a process of the bench failed") : 0;
}

/* ---- the row ------------------------------------------------------------------------------- */
typedef struct sums {
    double missed[WAYS], cpu[WAYS]; /* percent; us a publish */
    double read, slow, stale;
    int rounds;
} sums;

static int one_round(mn_roboos *b, shared *s, sums *t) {
    const double beats = (double)ROBOTS * BEATS;
    for (int kind = 0; kind < WAYS; kind++) {
        MN_TRY(run_way(b, s, kind));
        t->missed[kind] += (double)atomic_load(&s->missed) / beats * 100;
        t->cpu[kind] += (double)atomic_load(&s->cpu) / beats / 1e3;
        if (kind != STATES) continue;
        t->read += (double)atomic_load(&s->read) / beats * 100;
        t->slow += (double)atomic_load(&s->slow);
        t->stale += (double)atomic_load(&s->stale);
    }
    t->rounds++;
    return 0;
}

static int report(mn_roboos *b, const sums *t) {
    const double n = t->rounds, bare = (t->cpu[FUTEX] - t->cpu[LOOPS]) / n,
                 ours = (t->cpu[STATES] - t->cpu[LOOPS]) / n;
    MN_TRY(mn_roboos_say(b, "state", "1 ms missed by loops that sleep", "%", t->missed[LOOPS] / n,
                         0, 0));
    MN_TRY(mn_roboos_say(b, "state", "1 ms missed by 8 robots", "%", t->missed[STATES] / n,
                         t->missed[LOOPS] / n + 0.1, 0));
    MN_TRY(mn_roboos_say(b, "state", "read by its reader", "%", t->read / n, 0, 1));
    MN_TRY(mn_roboos_say(b, "state", "a bare futex wake, CPU", "us", bare, 0, 0));
    MN_TRY(mn_roboos_say(b, "state", "a publish and its reader, CPU", "us", ours, 3 * bare + 2, 0));
    return mn_roboos_say(b, "state", "a slow reader got the newest", "%",
                         t->slow > 0 ? 100 - 100 * t->stale / t->slow : 0, 100, 1);
}

int mn_roboos_state(mn_roboos *b) {
    sums t = {.rounds = 0};
    shared *const s =
        mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (s == MAP_FAILED) return MN_FAIL(MN_ENOMEM, "no memory for the bench");
    int rc = 0;
    for (int i = 0; rc >= 0 && i < b->o->rounds; i++) rc = one_round(b, s, &t);
    munmap(s, sizeof *s);
    return rc < 0 ? rc : report(b, &t);
}
