/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/crowd.h - many answers of one model in one loop (mn_loop), and what each of them saw.
 */
#ifndef MN_BENCH_CROWD_H
#define MN_BENCH_CROWD_H
#include "base/buf.h"
#include "omnesia.h"

#include <pthread.h>
#include <stdint.h>

/* Words that are one token each, also one behind the other: texts of as many tokens as one
 * likes. */
typedef struct mn_words {
    int32_t *id;
    int n;
} mn_words;
int mn_words_find(const mn_model *m, mn_words *out);
void mn_words_free(mn_words *w);
/* Append n of them, drawn by `seed`: another seed, another text. */
int mn_words_write(const mn_model *m, const mn_words *w, uint64_t seed, int n, mn_buf *out);

/* One answer. Times are seconds of mn_clock_seconds. */
typedef struct mn_guest {
    mn_buf prompt;
    int tokens; /* wanted: it gets exactly as many */
    const char *owner;
    double asked, first, last, ended;
    double *gap;   /* [tokens - 1] between one token and the next; NULL: nobody wants to know */
    int n;         /* tokens so far */
    uint64_t said; /* a hash of all of them, in order */
    int rc;
    mn_stats stats;
    char why[160]; /* when rc < 0 */
    struct mn_crowd *crowd;
} mn_guest;

typedef struct mn_crowd {
    mn_loop *loop;
    mn_model *model;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    int left; /* that have not ended */
    void (*done)(struct mn_crowd *c,
                 mn_guest *g); /* on a thread of the loop; may ask again; NULL */
    void *user;
} mn_crowd;

void mn_crowd_open(mn_crowd *c, mn_loop *loop, mn_model *model);
/* A request of a guest: greedy, raw, exactly `tokens` long. */
mn_request mn_guest_request(mn_guest *g);
int mn_crowd_ask(mn_crowd *c, mn_guest *g);
/* Until all that were asked have ended: the first failure of one. */
int mn_crowd_wait(mn_crowd *c, const mn_guest *g, int n);
void mn_crowd_close(mn_crowd *c);

/* The q-th quantile (0 to 1) of values, which are sorted by it. */
double mn_crowd_quantile(double *values, int n, double q);

#endif
