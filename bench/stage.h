/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/stage.h - a folder that goes whatever happens, and processes that are really started.
 */
#ifndef MN_BENCH_STAGE_H
#define MN_BENCH_STAGE_H
#include "bench/bench.h"
#include "omnesia.h"

#include <sys/types.h>

typedef struct mn_stage {
    char folder[64], region[80], errors[80]; /* errors: what processes say on standard error */
    char disk[64];                           /* a folder on a disk, where there is one */
    int pipe;                                /* its other end tells the sweeper that we ended */
    pid_t sweeper;
} mn_stage;

/* A folder in memory where there is one, and one on disk. A process of its own removes them when
 * this one ends, also by Ctrl-C or kill -9. Call before threads are started. */
int mn_stage_begin(mn_stage *s);
void mn_stage_end(mn_stage *s);

/* Files under `folder` are on disk, and no longer in the page cache. */
void mn_stage_cool(const char *folder);
void mn_stage_cool_file(const char *path);

/* One run of this very program. */
typedef struct mn_actor {
    pid_t pid;       /* 0: none */
    int out;         /* its standard output */
    double first_ms; /* from before the fork to the first byte of it */
    const mn_stage *stage;
} mn_actor;

/* `omnesia` with these words, ended by NULL; it dies with us. */
int mn_actor_start(const mn_stage *s, const char *const *words, mn_actor *out);
/* Another program, searched in PATH; what it says on standard output goes to `errors`, too. */
int mn_actor_program(const mn_stage *s, const char *program, const char *const *words,
                     mn_actor *out);
int mn_actor_first(mn_actor *a); /* wait for the first byte, and keep the time */
int mn_actor_freeze(mn_actor *a);
int mn_actor_end(mn_actor *a, mn_buf *said); /* until it ends; MN_EIO when it failed */
void mn_actor_kill(mn_actor *a);             /* if there is one */
/* From start to end: milliseconds to its first byte. */
int mn_actor_once(const mn_stage *s, const char *const *words, double *ms);
/* Proportional set size in bytes: each page divided by the number of processes that map it. */
int mn_actor_pss(const mn_actor *a, double *bytes);

/* Words that make about `tokens` tokens of a model; fewer of them begin alike. */
int mn_stage_words(const mn_vocab *v, int tokens, mn_buf *out);
int mn_stage_tokens(const mn_vocab *v, const char *text);

#endif
