/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/load.h - an open-loop load generator for servers that speak OpenAI's HTTP.
 *
 * Requests are sent when they are due, whatever became of those before, each over a connection of
 * its own; what comes back is noted with its time. Latencies count from when a request was due: a
 * server that keeps the generator waiting is not forgiven for it. One thread, all in memory.
 */
#ifndef MN_BENCH_LOAD_H
#define MN_BENCH_LOAD_H
#include "base/buf.h"

#include <stdint.h>

typedef struct mn_asked {         /* times are seconds since the beginning */
    int tag;                      /* the caller's */
    double due, sent, first, end; /* first: the first piece of text, or -1 */
    double *at;                   /* [n] when each piece of text came; first == at[0] */
    int n;
    int status;                               /* of HTTP; 0: none came */
    int prompt_tokens, cached_tokens, tokens; /* as the server counts them; -1: it did not say */
    int ended;                                /* 1 */
    mn_buf text;                              /* of the answer */
    mn_buf why;                               /* what went wrong; empty: nothing */
} mn_asked;

typedef struct mn_load mn_load;
int mn_load_open(int port, mn_load **out); /* of this machine; all times begin here */
void mn_load_restart(mn_load *load);       /* times begin anew, here; before anything was sent */
void mn_load_close(mn_load **load);
/* One more request, due `due` seconds after the beginning: its number. body NULL: a GET. Both are
 * copied. */
int mn_load_ask(mn_load *load, double due, const char *path, const char *body, int tag);
/* Send what is due and take what comes until all have ended, or MN_EIO after `seconds`. `ended`
 * (may be NULL) is called after the end of each, and may ask for more; negative ends the run. */
int mn_load_run(mn_load *load, double seconds, int (*ended)(void *user, mn_load *load, int i),
                void *user);
/* The same for so many seconds, whether there is an end or not. */
int mn_load_spend(mn_load *load, double seconds);
double mn_load_now(const mn_load *load);
int mn_load_count(const mn_load *load);
const mn_asked *mn_load_get(const mn_load *load, int i); /* borrowed until the next mn_load_ask */
/* The connections of answers stay open from now on, until mn_load_close. */
void mn_load_keep(mn_load *load);
int mn_load_kept(const mn_load *load); /* how many did */
/* MN_EIO with the first sentence when one was not answered with 200, whole. */
int mn_load_check(const mn_load *load);

/* Of n values, the one that `share` of them do not exceed: 0.95. 0: there are none. Sorts them. */
double mn_load_share(double *values, int n, double share);
/* Seconds from due to the first piece of text, and between two pieces, of all answers: appended as
 * doubles; how many `out` has. */
int mn_load_firsts(const mn_load *load, mn_buf *out);
int mn_load_gaps(const mn_load *load, mn_buf *out);

#endif
