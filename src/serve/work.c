/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/work.c - one queue, a few threads.
 */
#include "serve/work.h"

#include "base/error.h"
#include "serve/route.h"

#include <string.h>

static int is_long(const mn_exchange *x) {
    return x->route && x->route->flags & MN_ROUTE_LONG;
}

/* The first that may be done now, out of the queue; NULL: there is none. With the lock. */
static mn_exchange *take(mn_work *w) {
    for (mn_exchange **at = &w->first; *at; at = &(*at)->next_work) {
        mn_exchange *x = *at;
        if (is_long(x) && w->running_long >= MN_WORKERS_LONG && !w->stop) continue;
        if (!(*at = x->next_work)) w->last = at;
        w->running_long += is_long(x);
        w->waiting--;
        return x;
    }
    return NULL;
}

static void *run(void *user) {
    mn_work *w = user;
    pthread_mutex_lock(&w->lock);
    for (;;) {
        mn_exchange *x = take(w);
        if (!x && w->stop) break;
        if (!x) {
            pthread_cond_wait(&w->more, &w->lock);
            continue;
        }
        const int stop = w->stop;
        pthread_mutex_unlock(&w->lock);
        x->at_work = 1;
        if (stop)
            mn_reply_error(x, 503, NULL, "shutting_down", "the server is stopping");
        else
            x->work(x);
        x->at_work = 0;
        pthread_mutex_lock(&w->lock);
        w->running_long -= is_long(x);
        if (w->first) pthread_cond_signal(&w->more);
        pthread_mutex_unlock(&w->lock);
        mn_mail_lock(w->mail);
        mn_mail_post(w->mail, &x->letter);
        mn_mail_unlock(w->mail);
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

int mn_work_open(mn_mail *mail, mn_work *out) {
    *out = (mn_work){.mail = mail};
    out->last = &out->first;
    pthread_mutex_init(&out->lock, NULL);
    pthread_cond_init(&out->more, NULL);
    for (; out->n < MN_WORKERS; out->n++) {
        const int error = pthread_create(&out->thread[out->n], NULL, run, out);
        if (error) return MN_FAIL(MN_ENOMEM, "cannot start a thread: %s", strerror(error));
    }
    return 0;
}

void mn_work_close(mn_work *w) {
    if (!w->last) return;
    pthread_mutex_lock(&w->lock);
    w->stop = 1;
    pthread_cond_broadcast(&w->more);
    pthread_mutex_unlock(&w->lock);
    for (int i = 0; i < w->n; i++) pthread_join(w->thread[i], NULL);
    pthread_cond_destroy(&w->more);
    pthread_mutex_destroy(&w->lock);
    w->last = NULL;
}

int mn_work_give(mn_work *w, mn_exchange *x) {
    pthread_mutex_lock(&w->lock);
    const int full = w->waiting >= MN_WORK_WAITING;
    if (!full) {
        x->next_work = NULL;
        *w->last = x;
        w->last = &x->next_work;
        w->waiting++;
        pthread_cond_signal(&w->more);
    }
    pthread_mutex_unlock(&w->lock);
    if (full) return MN_FAIL(MN_EFULL, "%d requests wait for a thread already", MN_WORK_WAITING);
    mn_exchange_hold(x);
    return 0;
}
