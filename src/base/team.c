/* SPDX-License-Identifier: Apache-2.0
 *
 * base/team.c - the team: one 64-bit ticket hands out pieces.
 *
 *   ticket = generation (24 bits) | n pieces (20 bits) | next piece (20 bits)
 *
 * mn_team_run writes the job, then stores a ticket of the next generation (release). A worker takes
 * a piece by fetch_add (acquire); the generation, n and the piece arrive in one word. A worker that
 * holds a piece < n keeps that job alive, because the caller returns only when `done` has counted n
 * pieces; one that drew a number >= n touches nothing. So a late worker can never see half of two
 * jobs.
 *
 * Sleeping: a worker announces itself in `asleep`, looks at the generation again and futex-waits on
 * it; the caller changes the generation and then reads `asleep`. All four are sequentially
 * consistent, so one of the two sees the other. The caller waits for `done` in the same way.
 */
#include "base/team.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"

#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MAX_THREADS = 64, BITS = 20, SPIN_NS = 20000 };
#define MASK ((1u << BITS) - 1)

struct mn_team {
    _Alignas(64) _Atomic uint64_t ticket;
    _Alignas(64) _Atomic uint32_t generation; /* futex of the workers */
    _Atomic uint32_t asleep, stop;
    _Alignas(64) _Atomic uint32_t done; /* futex of the caller */
    _Atomic uint32_t caller_asleep;
    _Alignas(64) void (*work)(void *, int, int);
    void *ctx;
    int size;
    uint64_t watch_from;
    _Atomic uint64_t waited; /* ns, all threads */
    pthread_t thread[MAX_THREADS];
};

typedef struct seat {
    mn_team *team;
    int worker;
} seat;

static void futex_wait(_Atomic uint32_t *word, uint32_t seen) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
}
static void futex_wake(_Atomic uint32_t *word, int n) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, n, NULL, NULL, 0);
}
static void breathe(void) {
#ifdef __x86_64__
    __builtin_ia32_pause();
#endif
}

/* Take pieces until there are none; returns the generation that ran out. */
static uint32_t take(mn_team *t, int worker) {
    for (;;) {
        const uint64_t got = atomic_fetch_add_explicit(&t->ticket, 1, memory_order_acquire);
        const uint32_t piece = got & MASK, n = got >> BITS & MASK;
        if (piece >= n) return (uint32_t)(got >> (2 * BITS));
        t->work(t->ctx, (int)piece, worker);
        if (atomic_fetch_add(&t->done, 1) + 1 == n && atomic_load(&t->caller_asleep))
            futex_wake(&t->done, 1);
    }
}

static void *serve(void *arg) {
    const seat s = *(seat *)arg;
    mn_team *t = s.team;
    mn_free(arg);
    uint32_t seen = 0;
    while (!atomic_load(&t->stop)) {
        const uint64_t start = mn_clock_ns();
        int slept = 0;
        while (atomic_load(&t->generation) == seen) {
            for (int i = 0;
                 i < 64 && atomic_load_explicit(&t->generation, memory_order_relaxed) == seen; i++)
                breathe();
            if (mn_clock_ns() - start < SPIN_NS) continue;
            atomic_fetch_add(&t->asleep, 1);
            if (atomic_load(&t->generation) == seen) futex_wait(&t->generation, seen);
            atomic_fetch_sub(&t->asleep, 1);
            slept = 1;
        }
        /* Waiting for the next operation counts when it was short: a longer sleep is idleness. */
        if (!slept)
            atomic_fetch_add_explicit(&t->waited, mn_clock_ns() - start, memory_order_relaxed);
        seen = atomic_load(&t->generation);
        take(t, s.worker);
    }
    return NULL;
}

void mn_team_run(mn_team *t, void (*work)(void *, int, int), void *ctx, int n) {
    if (t->size == 1 || n == 1) {
        for (int i = 0; i < n; i++) work(ctx, i, 0);
        return;
    }
    t->work = work;
    t->ctx = ctx;
    atomic_store_explicit(&t->done, 0, memory_order_relaxed);
    const uint32_t generation = atomic_load_explicit(&t->generation, memory_order_relaxed) + 1;
    atomic_store_explicit(&t->ticket,
                          (uint64_t)(generation & 0xFFFFFF) << (2 * BITS) | (uint64_t)n << BITS,
                          memory_order_release);
    atomic_store(&t->generation, generation);
    if (atomic_load(&t->asleep)) futex_wake(&t->generation, t->size);
    take(t, 0);
    const uint64_t start = mn_clock_ns();
    uint32_t done;
    while ((done = atomic_load(&t->done)) < (uint32_t)n) {
        for (int i = 0;
             i < 64 && atomic_load_explicit(&t->done, memory_order_relaxed) < (uint32_t)n; i++)
            breathe();
        if (mn_clock_ns() - start < SPIN_NS) continue;
        atomic_store(&t->caller_asleep, 1);
        done = atomic_load(&t->done);
        if (done < (uint32_t)n) futex_wait(&t->done, done);
        atomic_store(&t->caller_asleep, 0);
    }
    atomic_fetch_add_explicit(&t->waited, mn_clock_ns() - start, memory_order_relaxed);
}

void mn_team_watch(mn_team *t) {
    t->watch_from = mn_clock_ns();
    atomic_store(&t->waited, 0);
}

double mn_team_waited(const mn_team *t) {
    const double span = (double)(mn_clock_ns() - t->watch_from) * t->size;
    return span > 0 ? (double)atomic_load(&((mn_team *)(uintptr_t)t)->waited) / span : 0;
}

int mn_team_size(const mn_team *t) {
    return t->size;
}

int mn_team_open(int threads, mn_team **out) {
    *out = NULL;
    if (threads < 1 || threads > MAX_THREADS)
        return MN_FAIL(MN_EINVAL, "%d threads; between 1 and %d are possible", threads,
                       MAX_THREADS);
    void *block = NULL;
    if (posix_memalign(&block, 64, sizeof(mn_team)) != 0)
        return MN_FAIL(MN_ENOMEM, "no memory for threads");
    mn_team *t = memset(block, 0, sizeof *t);
    t->size = 1;
    /* Signals are the program's business: our threads take none. */
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = 0;
    for (int i = 1; i < threads && !rc; i++) {
        seat *s = mn_malloc(sizeof *s);
        if (s) *s = (seat){t, i};
        if (!s || pthread_create(&t->thread[i], NULL, serve, s) != 0) {
            mn_free(s);
            rc = MN_FAIL(MN_ENOMEM, "thread %d of %d could not start", i + 1, threads);
        } else {
            t->size = i + 1;
        }
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc < 0) mn_team_close(&t);
    *out = t;
    return rc;
}

void mn_team_close(mn_team **team) {
    mn_team *t = *team;
    *team = NULL;
    if (!t) return;
    atomic_store(&t->stop, 1);
    atomic_fetch_add(&t->generation, 1);
    futex_wake(&t->generation, t->size);
    for (int i = 1; i < t->size; i++) pthread_join(t->thread[i], NULL);
    free(t);
}
