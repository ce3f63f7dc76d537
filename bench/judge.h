/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/judge.h - a memory that histories are told to, and how well it finds what it is asked for.
 *
 * Each history becomes one user of a fresh store. A question is a search for turns; sessions stand
 * where their first turn does. Over the first k of either:
 *   any   1 when one of the gold sessions is among them
 *   all   1 when all are
 *   ndcg  of sessions: gold ones at rank i (from 1) count 1 / log2(i + 1), over the most it can be
 *   turn  the share of gold turns among them
 */
#ifndef MN_BENCH_JUDGE_H
#define MN_BENCH_JUDGE_H
#include "bench/history.h"
#include "omnesia.h"

enum { MN_JUDGE_KS = 2, MN_JUDGE_TYPES = 24, MN_JUDGE_LONG = 200 };
extern const int mn_judge_k[MN_JUDGE_KS]; /* 5, 10 */

typedef struct mn_marks {
    char type[40];
    int n, n_turns; /* questions; those whose gold turns are known */
    double any[MN_JUDGE_KS], all[MN_JUDGE_KS], ndcg[MN_JUDGE_KS], turn[MN_JUDGE_KS];
} mn_marks;

typedef struct mn_judge {
    mn_mem *mem;
    int words_alone; /* neither vectors nor organised */
    char folder[64];
    mn_marks all, type[MN_JUDGE_TYPES];
    mn_marks any_time, pruned;  /* questions that name a time, which does nothing; other times left
                                  out */
    mn_marks plain;             /* all, by what was said alone; only with an organiser */
    const char *organiser;      /* NULL: nobody organises */
    int n_types, absent;        /* questions nobody has answered: not asked */
    int updates, newest;        /* what changed; where the newest stands before what it was */
    int past, past_right;       /* what was true on a day: asked; exactly that was found */
    int words_right, words;     /* the same by words, the first that is found */
    int unknown, unknown_right; /* mn_mem_unknown said so; of questions nobody has answered */
    int histories, turns, questions;
    double add_seconds, embed_seconds;
    mn_buf ms;  /* double: of each search */
    mn_buf ids; /* int64_t: of each turn of the history, ascending */
} mn_judge;

/* model: for vectors, "none" for words alone; organiser: "mem0", .., or NULL. */
int mn_judge_open(mn_judge *j, const char *model, const char *organiser);
/* All turns of a history, and their vectors; then those that a search finds, best first. */
int mn_judge_tell(mn_judge *j, const mn_scope *scope, const mn_history *h);
typedef struct mn_judge_found {
    const mn_judge *j;
    int turn[MN_JUDGE_LONG], n;
} mn_judge_found;
int mn_judge_search(mn_judge *j, const mn_scope *scope, const mn_find *what, mn_judge_found *out);
int mn_judge_history(mn_judge *j, const mn_history *h);
void mn_judge_close(mn_judge *j);

/* The marks of one question, added: `turns` are those found, best first. */
void mn_marks_add(mn_marks *m, const mn_history *h, const mn_asked *q, const int *turns, int n);
/* Its share of all questions (or, of turns, of those whose turns are known). */
double mn_marks_mean(const mn_marks *m, const double *sum);

#endif
