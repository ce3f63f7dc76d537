/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/notes_inside.h - the inside of notes: for organisers, who change many rows at once, and
 * for what forgetting takes along.
 */
#ifndef MN_AGENT_NOTES_INSIDE_H
#define MN_AGENT_NOTES_INSIDE_H
#include "agent/notes.h"
#include "agent/org.h"
#include "agent/vectors.h"
#include "base/when.h"

#include <pthread.h>

struct mn_notes {
    mn_store *store;
    mn_vectors *vectors;           /* NULL: no model yet */
    char model[256];               /* whose vectors they are */
    const mn_organiser *organiser; /* NULL: what is added waits for none */
    pthread_mutex_t lock;          /* may be taken again by who has it: for calls within a turn */
    int within, broken;            /* begun and not ended; one of a turn failed */
    mn_region *region;             /* NULL: vectors are shared with nobody */
    int quiet;                     /* nothing is left there */
    mn_buf gone; /* owners whose shared vectors have something forgotten in them */
    mn_buf line;
    mn_row_each *dropped; /* sees what goes; NULL: nobody does */
    void *dropped_user;
};

/* The lock, and a transaction; the end of both, which keeps what was done when rc >= 0 and returns
 * rc then. */
int mn_notes_begin(mn_notes *n, int write);
int64_t mn_notes_end(mn_notes *n, int64_t rc);

/* To write one thing, which `request` says whole (agent/store.h): 1: it is written, and nothing was
 * begun. 0: as mn_notes_begin. */
int mn_notes_ask(mn_notes *n, const void *request, size_t bytes, int64_t *id);

int mn_notes_check_who(const mn_who *who);
/* When a row came, and since when it is true. */
void mn_notes_date(mn_row *r, int64_t now, char text[MN_WHEN_TEXT]);

/* Within them. The number of an owner; 0: there is none (`make` makes it). */
int mn_notes_owner(mn_notes *n, const mn_who *who, int make, int64_t *owner);
/* A new row, with its words, which waits for its vector and for the organiser; "": for none. */
int mn_notes_insert(mn_notes *n, int64_t owner, const char *organiser, mn_row *r);
/* The vectors that may be asked: those of the store are of the model that is used
 * here; NULL: there are none. */
int mn_notes_sense(mn_notes *n, mn_vectors **out);
/* A new row, its moments as they stand; record `id` as `now` says from now on. */
int mn_notes_put(mn_notes *n, int64_t owner, mn_row *row);
int mn_notes_change(mn_notes *n, const mn_who *who, int64_t id, const mn_row *now);
/* The words of a row of `notes` into the index; what it is found by is all that is looked at. */
int mn_notes_index(void *notes, int64_t owner, const mn_row *row);
/* A row of his goes: when the turn has ended, what processes share of his vectors is without it.
 * Settle: after a turn; who searches them is waited for so long (agent/notes_share.c). */
int mn_notes_leaves(mn_notes *n, int64_t owner);
void mn_notes_settle(mn_notes *n, int ms);
/* A row goes, with its words, vector and links. */
int mn_notes_drop(mn_notes *n, int64_t owner, const mn_row *row);

/* What hangs on rows that go (agent/org_forget.c): ask before each goes, follow when all have. */
typedef struct mn_orphans {
    mn_buf left; /* of those that lost one */
    mn_arena arena;
} mn_orphans;
int mn_orphans_of(mn_notes *n, int64_t owner, int64_t id, mn_orphans *o);
int mn_orphans_follow(mn_notes *n, int64_t owner, mn_orphans *o);
void mn_orphans_free(mn_orphans *o);
/* The episode says something else since `at`: what was made of it alone ends there. */
int mn_orphans_end(mn_notes *n, const mn_who *who, int64_t owner, int64_t id, int64_t at);

#endif
