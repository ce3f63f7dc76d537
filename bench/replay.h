/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/replay.h - guests of a crowd (bench/crowd.h) who come at given moments.
 */
#ifndef MN_BENCH_REPLAY_H
#define MN_BENCH_REPLAY_H
#include "bench/crowd.h"

typedef struct mn_replay {
    mn_guest *guest; /* [n], in the order of */
    double *due;     /* [n] seconds from the beginning */
    int *length;     /* [n] tokens of the prompts */
    int n;
    double start; /* of mn_clock_seconds */
} mn_replay;

/* n guests, with nothing in them yet; close also what could not be opened. */
int mn_replay_open(int n, mn_replay *out);
void mn_replay_close(mn_replay *r);
/* Guest i: a prompt of `length` words that `seed` draws, and the tokens of the answer. */
int mn_replay_guest(mn_replay *r, int i, double due, const mn_model *m, const mn_words *w,
                    uint64_t seed, int length, int tokens);
/* All of them ask when they are due, counted from now, and are waited for. */
int mn_replay_run(mn_replay *r, mn_loop *loop, mn_model *model);

/* Seconds between two tokens that this share of them does not exceed; and from the beginning to the
 * last end. */
int mn_replay_gap(const mn_replay *r, double share, double *out);
double mn_replay_span(const mn_replay *r);

#endif
