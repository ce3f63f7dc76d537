/* SPDX-License-Identifier: Apache-2.0
 *
 * base/team.c - the team: one 64-bit word a thread holds its run of pieces.
 *
 *   run = generation (24 bits) | next piece (20 bits) | end (20 bits)
 *
 * mn_team_begin writes the job, then stores every run with the next generation (release). A
 * thread takes pieces by compare-and-swap (acquire), from the front of its own run or the back
 * of another's, a quarter of what is left at a time: the generation and the pieces arrive in
 * one word. A thread that holds a piece keeps that job alive, because the caller returns only
 * when `done` has counted all n; one that found nothing touches nothing. So a late thread can
 * never see half of two jobs.
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

typedef struct lane { /* what belongs to one thread */
    _Alignas(64) _Atomic uint64_t run;
    _Atomic(const char *) soon; /* fetched instead of waiting */
    _Atomic size_t soon_bytes;
} lane;

struct mn_team {
    lane lane[MAX_THREADS];
    _Alignas(64) _Atomic uint32_t generation; /* futex of the workers */
    _Atomic uint32_t asleep, stop;
    _Alignas(64) _Atomic uint32_t done; /* futex of the caller */
    _Atomic uint32_t caller_asleep;
    _Alignas(64) void (*work)(void *, int, int);
    void *ctx;
    _Atomic uint32_t pieces; /* of the job */
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

/* Take pieces of lane `of` until it has none; returns how many. */
static uint32_t take_from(mn_team *t, int of, int worker) {
    _Atomic uint64_t *run = &t->lane[of].run;
    uint64_t seen = atomic_load_explicit(run, memory_order_acquire);
    uint32_t taken = 0;
    for (;;) {
        const uint32_t next = seen >> BITS & MASK, end = seen & MASK;
        if (next >= end) return taken;
        const uint32_t n = (end - next + 3) / 4, first = of == worker ? next : end - n;
        const uint64_t left = of == worker ? seen + ((uint64_t)n << BITS) : seen - n;
        if (!atomic_compare_exchange_weak_explicit(run, &seen, left, memory_order_acquire,
                                                   memory_order_acquire))
            continue;
        for (uint32_t i = 0; i < n; i++) t->work(t->ctx, (int)(first + i), worker);
        taken += n;
        seen = left;
    }
}

/* Own pieces, then those of the others, until there are none. */
static void take(mn_team *t, int worker) {
    uint32_t taken = 0;
    for (int i = 0; i < t->size; i++) taken += take_from(t, (worker + i) % t->size, worker);
    if (!taken) return;
    /* The generation cannot change before these are counted. */
    const uint32_t all = atomic_load_explicit(&t->pieces, memory_order_relaxed);
    if (atomic_fetch_add(&t->done, taken) + taken == all && atomic_load(&t->caller_asleep))
        futex_wake(&t->done, 1);
}

/* Fetch what comes next, as long as there is nothing to do: *word is what was seen. */
static void fetch_soon(mn_team *t, int worker, _Atomic uint32_t *word, uint32_t seen) {
    enum { LOOK = 1024, LINE = 64 };
    lane *l = t->lane + worker;
    const size_t n = atomic_exchange_explicit(&l->soon_bytes, 0, memory_order_relaxed);
    const char *p = atomic_load_explicit(&l->soon, memory_order_relaxed);
    for (size_t i = 0; i < n; i += LINE) {
        if (i % LOOK == 0 && atomic_load_explicit(word, memory_order_relaxed) != seen) return;
        __builtin_prefetch(p + i, 0, 2);
    }
}

static void *serve(void *arg) {
    const seat s = *(seat *)arg;
    mn_team *t = s.team;
    mn_free(arg);
    uint32_t seen = 0;
    while (!atomic_load(&t->stop)) {
        fetch_soon(t, s.worker, &t->generation, seen);
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

void mn_team_begin(mn_team *t, void (*work)(void *, int, int), void *ctx, int n) {
    t->work = work;
    t->ctx = ctx;
    atomic_store_explicit(&t->pieces, (uint32_t)n, memory_order_relaxed);
    atomic_store_explicit(&t->done, 0, memory_order_relaxed);
    const uint32_t generation = atomic_load_explicit(&t->generation, memory_order_relaxed) + 1;
    for (int w = 0; w < t->size; w++)
        atomic_store_explicit(&t->lane[w].run,
                              (uint64_t)(generation & 0xFFFFFF) << (2 * BITS) |
                                  (uint64_t)mn_team_first(t, n, w) << BITS |
                                  (uint64_t)mn_team_first(t, n, w + 1),
                              memory_order_release);
    atomic_store(&t->generation, generation);
    if (atomic_load(&t->asleep)) futex_wake(&t->generation, t->size);
}

void mn_team_end(mn_team *t) {
    const uint32_t n = atomic_load_explicit(&t->pieces, memory_order_relaxed);
    take(t, 0);
    uint32_t done = atomic_load(&t->done);
    if (done < n) fetch_soon(t, 0, &t->done, done);
    const uint64_t start = mn_clock_ns();
    while ((done = atomic_load(&t->done)) < n) {
        for (int i = 0; i < 64 && atomic_load_explicit(&t->done, memory_order_relaxed) < n; i++)
            breathe();
        if (mn_clock_ns() - start < SPIN_NS) continue;
        atomic_store(&t->caller_asleep, 1);
        done = atomic_load(&t->done);
        if (done < n) futex_wait(&t->done, done);
        atomic_store(&t->caller_asleep, 0);
    }
    atomic_fetch_add_explicit(&t->waited, mn_clock_ns() - start, memory_order_relaxed);
}

void mn_team_run(mn_team *t, void (*work)(void *, int, int), void *ctx, int n) {
    if (t->size == 1 || n == 1) {
        for (int i = 0; i < n; i++) work(ctx, i, 0);
        return;
    }
    mn_team_begin(t, work, ctx, n);
    mn_team_end(t);
}

void mn_team_soon(mn_team *t, int worker, const void *data, size_t bytes) {
    atomic_store_explicit(&t->lane[worker].soon, data, memory_order_relaxed);
    atomic_store_explicit(&t->lane[worker].soon_bytes, bytes, memory_order_relaxed);
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
