/* SPDX-License-Identifier: Apache-2.0
 *
 * region/life.c - process slots: claiming one, telling the dead from the stopped, burying them.
 *
 * Life is the lock on one byte of the lock file, held through an open file description: the kernel
 * lets go of it when the process ends, however it ends, and not before; it holds across containers,
 * and a number that is used again means nothing. A child after fork shares the description, so its
 * copy is closed at once (else the child would keep its dead parent alive).
 *
 * A life can be named: number of the region, slot, number of the tenant, both drawn. Who bears the
 * name lives while the slot is locked and has that tenant. The lock goes before the process counts
 * as ended, so whoever is woken by that (pidfd) finds it gone, and nothing it did comes later.
 */
#include "base/clock.h"
#include "base/error.h"
#include "region/object.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t listed = PTHREAD_MUTEX_INITIALIZER;
static mn_region *all; /* open in this process */

static void forking(void) {
    pthread_mutex_lock(&listed);
}
static void parent_goes_on(void) {
    pthread_mutex_unlock(&listed);
}
static void child_lets_go(void) {
    for (mn_region *r = all; r; r = r->next) {
        mn_byte_locks_close(&r->locks);
        r->me = -1;
        mn_mover_forget(r);
    }
    pthread_mutex_unlock(&listed);
}

static void watch_forks(void) {
    pthread_atfork(forking, parent_goes_on, child_lets_go);
}

/* The lock of slot i is ours: what its last tenant left goes, then the slot is empty. */
static void clear(mn_region *r, int i, int dead) {
    mn_proc_slot *p = mn_proc(r, i);
    for (int k = 0; k < MN_REGION_PINS; k++) mn_word_store(p->pin + k, 0); /* it reads no more */
    mn_extent_bury(r, i, dead);
}
static void bury(mn_region *r, int i, int dead) {
    mn_proc_slot *p = mn_proc(r, i);
    clear(r, i, dead);
    if (dead && mn_word_load(&p->puts)) {
        mn_cells_bury(r, i);
        mn_topics_bump(r); /* it may have changed a bucket and told nobody */
    }
    mn_word_store(&p->puts, 0);
    mn_word_store(&p->state, 0);
}

void mn_life_settle(mn_region *r) {
    if (r->me >= 0) clear(r, r->me, 0);
}

static uint64_t draw(void) {
    uint64_t n = 0;
    if (getrandom(&n, sizeof n, 0) != (ssize_t)sizeof n)
        n = mn_clock_ns() ^ (uint64_t)getpid() << 40; /* of a machine without a source of them */
    return n ? n : 1;
}

int mn_life_begin(mn_region *r) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch_forks);
    for (int i = 0; i < MN_REGION_PROCS; i++) {
        if (!mn_byte_lock_try(r->locks, i)) continue;
        r->me = i;
        mn_word *const procs = &mn_tops(r)->procs;
        for (uint64_t n; (n = mn_word_load(procs)) < (uint64_t)i + 1;)
            mn_word_cas(procs, n, (uint64_t)i + 1); /* who counts must see it first */
        mn_proc_slot *p = mn_proc(r, i);
        if (mn_word_load(&p->state)) bury(r, i, 1);
        r->pid = (uint64_t)getpid();
        mn_word_store(&p->pid, r->pid);
        mn_word_store(&p->born, (uint64_t)time(NULL));
        mn_word_store(&p->life, draw());
        mn_word_announce(&p->state, 1);
        pthread_mutex_lock(&listed);
        r->next = all;
        all = r;
        pthread_mutex_unlock(&listed);
        return 0;
    }
    return MN_FAIL(MN_EBUSY,
                   "%s is in use by %d processes, the most it takes; end some, or choose "
                   "another with --region PATH",
                   r->file.path, MN_REGION_PROCS);
}

void mn_life_end(mn_region *r) {
    if (r->me >= 0) {
        bury(r, r->me, 0);
        mn_byte_lock_free(r->locks, r->me);
    }
    pthread_mutex_lock(&listed);
    for (mn_region **p = &all; *p; p = &(*p)->next)
        if (*p == r) {
            *p = r->next;
            break;
        }
    pthread_mutex_unlock(&listed);
    r->me = -1;
}

int mn_life_others(mn_region *r) {
    for (int i = 0; i < MN_REGION_PROCS; i++)
        if (i != r->me && mn_byte_lock_held(r->locks, i)) return 1;
    return 0;
}

int mn_region_reap(mn_region *r) {
    int n = 0;
    if (r->me < 0) return 0;
    pthread_mutex_lock(&r->graves);
    for (int i = 0, end = mn_procs_end(r); i < end; i++) {
        if (i == r->me || !mn_word_load(&mn_proc(r, i)->state)) continue;
        if (mn_byte_lock_held(r->locks, i) || !mn_byte_lock_try(r->locks, i)) continue;
        if (mn_word_load(&mn_proc(r, i)->state)) { /* nobody was faster */
            bury(r, i, 1);
            n++;
        }
        mn_byte_lock_free(r->locks, i);
    }
    pthread_mutex_unlock(&r->graves);
    return n;
}

/* ---- lives that others know by name -------------------------------------------------------- */
typedef struct name {
    uint64_t region, life;
    int slot;
} name;

static uint64_t region_number(mn_region *r) {
    mn_word *const w = &mn_tops(r)->number;
    if (!mn_word_load(w)) mn_word_cas(w, 0, draw()); /* somebody was quicker: the same for all */
    return mn_word_load(w);
}

void mn_region_life(mn_region *r, char word[MN_LIFE]) {
    *word = 0;
    if (r->me < 0) return;
    snprintf(word, MN_LIFE, "%016" PRIx64 "-%d-%016" PRIx64, region_number(r), r->me,
             mn_word_load(&mn_proc(r, r->me)->life));
}

/* 1: it is of this region. */
static int read_name(mn_region *r, const char *word, name *out) {
    return sscanf(word, "%16" SCNx64 "-%3d-%16" SCNx64, &out->region, &out->slot, &out->life) ==
               3 &&
           out->slot >= 0 && out->slot < MN_REGION_PROCS && out->region == region_number(r);
}

mn_life mn_region_lives(mn_region *r, const char *word) {
    name n;
    if (!read_name(r, word, &n)) return MN_LIFE_UNKNOWN;
    /* Its number first: a new tenant has the lock before he writes his own. */
    const int same = mn_word_load(&mn_proc(r, n.slot)->life) == n.life;
    const int held = n.slot == r->me || mn_byte_lock_held(r->locks, n.slot);
    return same && held ? MN_LIFE_GOES_ON : MN_LIFE_ENDED;
}

int mn_region_life_watch(mn_region *r, const char *word) {
    name n;
    if (!read_name(r, word, &n)) return -1;
    const uint64_t pid = mn_word_load(&mn_proc(r, n.slot)->pid);
    return pid && pid <= INT32_MAX ? (int)syscall(SYS_pidfd_open, (pid_t)pid, 0) : -1;
}
