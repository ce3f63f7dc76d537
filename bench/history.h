/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/history.h - what people said to each other over many days, and questions about it: what
 * `bench longmemeval` judges a memory by.
 *
 * From the project's own generator (bench/memgen.h) or from a file (bench/history_read.c). Texts
 * live in the arena of the history, and go with it. Turns and sittings are in order of time.
 */
#ifndef MN_BENCH_HISTORY_H
#define MN_BENCH_HISTORY_H
#include "base/arena.h"
#include "base/buf.h"

#include <stdint.h>

typedef struct mn_remark {
    const char *text, *speaker, *ref;
    int sitting;
} mn_remark;

typedef struct mn_sitting { /* what was said at one time */
    const char *id, *time;  /* as its file writes it */
    int first, n;           /* turns */
} mn_sitting;

enum { MN_GOLD = 32 };
typedef struct mn_asked {
    const char *id, *type, *text, *answer, *time;
    int gold[MN_GOLD];         /* turns that say it, in order */
    const char *said[MN_GOLD]; /* literally in each of them, but for capitals; NULL: nobody knows */
    int n;
    int sitting[MN_GOLD], n_sittings; /* that say it: those of the turns, and what files add */
    const char *when;    /* how one of those turns says the day that is the answer; NULL */
    int stale;           /* the turn that said something else before; -1: there is none */
    int absent;          /* nobody said it: the answer is that it is not known */
    int64_t from, until; /* what time the question names, microseconds; both 0: none */
} mn_asked;

/* What was true from .. until (INT64_MAX: it still is). */
typedef struct mn_truth {
    const char *subject, *relation, *value, *text; /* "Maya", "home", "Ghent", "Maya lives in.." */
    int64_t from, until;
    int turn;
} mn_truth;

/* What was `relation` of `subject` at the end of the day `time`? truth -1: not known then. */
typedef struct mn_past {
    const char *subject, *relation, *time;
    int truth;
} mn_past;

typedef struct mn_history {
    mn_arena arena;
    const char *id;
    mn_buf turn, sitting, asked, truth, past; /* arrays of the structs above */
} mn_history;

/* The i-th, and how many: mn_turns(h)[i], mn_n(&h->turn, mn_remark). */
#define MN_HISTORY_ARRAY(name, type, field)           \
    static inline type *name(const mn_history *h) {   \
        return (type *)(void *)h->field.data;         \
    }                                                 \
    static inline int name##_n(const mn_history *h) { \
        return (int)(h->field.len / sizeof(type));    \
    }
MN_HISTORY_ARRAY(mn_turns, mn_remark, turn)
MN_HISTORY_ARRAY(mn_sittings, mn_sitting, sitting)
MN_HISTORY_ARRAY(mn_askeds, mn_asked, asked)
MN_HISTORY_ARRAY(mn_truths, mn_truth, truth)
MN_HISTORY_ARRAY(mn_pasts, mn_past, past)

/* A copy of a text in the arena. */
int mn_history_keep(mn_history *h, const char *text, const char **out);
/* The same of what a format makes. */
int mn_history_print(mn_history *h, const char **out, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* One more turn of the last sitting. */
int mn_history_say(mn_history *h, const char *ref, const char *speaker, const char *text);
/* One more gold turn, and its sitting, unless it is there; more than MN_GOLD are left out. */
void mn_asked_gold(const mn_history *h, mn_asked *q, int turn, const char *said);
void mn_asked_sitting(mn_asked *q, int sitting);
/* The turn or sitting of that name; -1. */
int mn_history_turn(const mn_history *h, const char *ref);
int mn_history_sitting(const mn_history *h, const char *id);
void mn_history_free(mn_history *h);

/* All of a file, one after the other. */
typedef struct mn_reader {
    int n;                                  /* histories so far */
    int wrong;                              /* items that were malformed, and skipped */
    char why[160];                          /* the first of them */
    const char *format;                     /* "locomo", "longmemeval" */
    int (*each)(void *user, mn_history *h); /* which is freed behind it; non-zero stops */
    void *user;
} mn_reader;
int mn_history_read(const char *path, mn_reader *r);

/* DIR/ID.jsonl has the turns, as `omnesia mem import` takes them; DIR/ID.questions.jsonl and
 * DIR/ID.facts.jsonl what is asked and what was true. */
int mn_history_dump(const mn_history *h, const char *folder);

#endif
