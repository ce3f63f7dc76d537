/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/replay.h - requests that arrive at given moments, through a loop of this process.
 */
#ifndef MN_BENCH_REPLAY_H
#define MN_BENCH_REPLAY_H
#include "omnesia.h"

#include <pthread.h>
#include <stdint.h>

typedef struct mn_replay mn_replay;
typedef struct mn_guest { /* one request, and when what happened: seconds from the beginning */
    double due;
    char *prompt; /* raw text; owned */
    int prompt_tokens, tokens;
    double *at; /* [tokens] when each of the answer came */
    int n;
    double end;
    int rc;
    mn_replay *of;
} mn_guest;

struct mn_replay {
    mn_guest *guest; /* [n], by due */
    int n, left;
    uint64_t start; /* ns */
    pthread_mutex_t lock;
    pthread_cond_t all;
};

/* n guests, with nothing in them yet. */
int mn_replay_open(int n, mn_replay *out);
void mn_replay_close(mn_replay *r);
/* A prompt and the length of the answer; the prompt is copied. */
int mn_replay_guest(mn_replay *r, int i, double due, const char *prompt, int prompt_tokens,
                    int tokens);
/* Guests [from, to) ask when they are due, counted from now, and are waited for; MN_EIO when one of
 * them failed. Answers are greedy and as long as was said. */
int mn_replay_run(mn_replay *r, int from, int to, mn_loop *loop, mn_model *model);

/* p95 of the seconds between two tokens; and from the beginning to the last end. */
int mn_replay_gap(const mn_replay *r, double *p95);
double mn_replay_span(const mn_replay *r);

#endif
