/* SPDX-License-Identifier: Apache-2.0
 *
 * region/mover.c - the thread that brings sealed extents to disk while others work.
 *
 * What this process sealed, or buried, is queued; the thread runs when nobody else wants the
 * processor. Who closes its handle finishes the queue, and looks for what others left behind
 * without a file: a process that was killed closes nothing. What the mover does not get to is
 * still in memory, where whoever needs its room writes it (evict.c).
 */
#include "region/disk.h"
#include "region/inside.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The next one, waiting for it when `wait`; 0: none. */
static mn_ref next(mn_mover *m, int wait) {
    mn_ref ref = 0;
    pthread_mutex_lock(&m->lock);
    while (wait && !m->n && !m->stop) pthread_cond_wait(&m->news, &m->lock);
    if (m->n && !(wait && m->stop)) ref = m->queue[--m->n];
    pthread_mutex_unlock(&m->lock);
    return ref;
}

static void *work(void *opaque) {
    mn_region *r = opaque;
    setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 19);
    for (mn_ref ref; (ref = next(&r->mover, 1));) mn_disk_write(r, ref);
    return NULL;
}

void mn_mover_begin(mn_region *r) {
    pthread_mutex_init(&r->mover.lock, NULL);
    pthread_cond_init(&r->mover.news, NULL);
}

static void start(mn_region *r) {
    sigset_t all, was;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &was); /* signals are the program's */
    r->mover.running = pthread_create(&r->mover.thread, NULL, work, r) == 0;
    pthread_sigmask(SIG_SETMASK, &was, NULL);
}

void mn_mover_add(mn_region *r, mn_ref ref) {
    mn_mover *m = &r->mover;
    if (!mn_disk_on(r)) return;
    if (mn_word_load(&mn_slot(r, mn_ref_slot(ref))->flags) & MN_EXTENT_DERIVED) return;
    pthread_mutex_lock(&m->lock);
    m->wrote = 1;
    if (m->n < MN_MOVER_QUEUE) m->queue[m->n++] = ref;
    if (!m->running && !m->stop) start(r);
    pthread_cond_signal(&m->news);
    pthread_mutex_unlock(&m->lock);
}

int mn_extent_expired(const mn_extent_slot *s) {
    return !(mn_word_load(&s->flags) & MN_EXTENT_KEPT) &&
           mn_word_peek(&s->used) + (uint64_t)MN_DISK_DAYS * 24 * 3600 < mn_now();
}

/* What nobody brought to disk, and nobody is writing any more. */
static void look_around(mn_region *r) {
    MN_EACH_SLOT(r, c, i) {
        mn_extent_slot *s = mn_slot(r, i);
        const uint64_t state = mn_word_load(&s->state);
        if (mn_state_phase(state) != MN_EXTENT_SEALED) continue;
        const uint64_t flags = mn_word_load(&s->flags), stored = mn_word_load(&s->stored);
        if (mn_extent_expired(s) || (flags & MN_EXTENT_OUT && !stored)) /* or its file was lost */
            mn_extent_leave(r, i, state, MN_LEAVE);
        else if (!stored)
            mn_disk_write(r, mn_ref_make(mn_state_epoch(state), i));
    }
}

void mn_mover_end(mn_region *r) {
    mn_mover *m = &r->mover;
    pthread_mutex_lock(&m->lock);
    m->stop = 1;
    pthread_cond_signal(&m->news);
    pthread_mutex_unlock(&m->lock);
    if (m->running) pthread_join(m->thread, NULL);
    mn_life_settle(r); /* what is sealed by that is queued, too */
    for (mn_ref ref; (ref = next(m, 0));) mn_disk_write(r, ref);
    if (m->wrote) look_around(r);
    pthread_cond_destroy(&m->news);
    pthread_mutex_destroy(&m->lock);
}

void mn_mover_forget(mn_region *r) {
    r->mover = (mn_mover){.stop = 1};
    pthread_mutex_init(&r->mover.lock, NULL);
    pthread_cond_init(&r->mover.news, NULL);
}
