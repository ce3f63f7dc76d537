/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/memgen_world.h - who there is in a history of bench/memgen.h, and what will be said.
 */
#ifndef MN_BENCH_MEMGEN_WORLD_H
#define MN_BENCH_MEMGEN_WORLD_H
#include "bench/memgen.h"
#include "bench/memgen_book.h"

enum { MN_CIRCLE = 6, MN_PEOPLE = 2 + 2 * MN_CIRCLE };

typedef struct mn_person {
    const char *name, *role; /* NULL: one of the two who talk; else "sister", */
    int owner;               /* of that one */
    int she;
    int human; /* 0: the assistant, of whom nothing is told */
} mn_person;

/* One thing that is said once: the value of a relation, an event, an item of a sum, .. */
typedef struct mn_saying {
    mn_block *block;
    char tag;                /* of its pattern: 's', 'o', 'u'; 0: one of a pool */
    int who, speaker, by;    /* it is about; begins to say it; whom a hop goes by */
    const char *value, *old; /* old: what it was before */
    int amount;              /* of a sum */
    int64_t day;             /* days since 1970: when it happened, from when it is true */
    int sitting;
    int before, next;     /* sayings: what it replaces, and what replaces it; -1 */
    const char *when;     /* how its day was said; NULL: it was not */
    int turn[3], n_turns; /* where it was said */
} mn_saying;

typedef struct mn_plan { /* of a size */
    int sittings, words; /* of each */
    int events;          /* of each speaker */
    double share;        /* of the relations that a speaker has facts of */
    int sums, advices, hops;
} mn_plan;

typedef struct mn_world {
    const mn_plan *plan;
    mn_book *book;
    mn_random random;
    mn_history *h;
    mn_person person[MN_PEOPLE];
    int n_people, friends; /* friends: both are people */
    int64_t *day;          /* of each sitting */
    mn_buf saying;         /* mn_saying[] */
} mn_world;

static inline mn_saying *mn_sayings(const mn_world *w) {
    return (mn_saying *)(void *)w->saying.data;
}
static inline int mn_sayings_n(const mn_world *w) {
    return (int)(w->saying.len / sizeof(mn_saying));
}

int mn_world_make(mn_world *w);
int mn_world_talk(mn_world *w); /* sittings and turns into w->h */
int mn_world_ask(mn_world *w);  /* questions, what was true, what was true when */
void mn_world_free(mn_world *w);

/* Is this block of that kind? */
int mn_block_is(const mn_block *b, const char *kind);
/* "yesterday", "last Saturday", "on the 12th": a day before today, as somebody says it. */
int mn_day_say(mn_world *w, int64_t today, int64_t day, const char **out);
/* "8 May 2023" */
const char *mn_day_text(int64_t day, char out[32]);

#endif
