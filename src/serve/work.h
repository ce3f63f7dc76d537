/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/work.h - a few threads for what would keep the HTTP thread from its sockets.
 *
 * A worker takes an exchange, calls x->work(x) and posts its letter. What may take long (loading a
 * model, embeddings) never has all workers, so that short work is done beside it.
 */
#ifndef MN_SERVE_WORK_H
#define MN_SERVE_WORK_H
#include "serve/mail.h"

#include <pthread.h>

typedef struct mn_exchange mn_exchange;

enum { MN_WORKERS = 4, MN_WORKERS_LONG = 2, MN_WORK_WAITING = 512 };
typedef struct mn_work {
    pthread_t thread[MN_WORKERS];
    int n;
    pthread_mutex_t lock;
    pthread_cond_t more;
    mn_mail *mail;
    mn_exchange *first, **last;
    int waiting, running_long, stop;
} mn_work;

int mn_work_open(mn_mail *mail, mn_work *out);
void mn_work_close(mn_work *work); /* waits for what is at work */
/* On the HTTP thread; holds the exchange until its letter is read. MN_EFULL: too many wait. */
int mn_work_give(mn_work *work, mn_exchange *x);

#endif
