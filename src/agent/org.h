/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/org.h - organisers: what else is made of what was said, after it was stored.
 *
 * An episode is a record as somebody said it. An organiser is shown each once, looks around, and
 * returns a list of what is to be done: add a record, say it anew, end it, link it to another. The
 * whole list happens in one transaction, with the mark that the episode was seen, or nothing does;
 * the log of the store has it. So a death between the two loses nothing, and nothing happens twice.
 *
 * Records that organisers make have a kind of MN_ORG_KINDS and the organiser's name as source, and
 * links to what they are from:
 *   from      it says what that one says: it goes when the last of these goes
 *   of, and all else    it is made of that one: it goes with it, and what is left is seen again
 *   with      they belong together; neither goes with the other
 * They are never episodes, and what a search brought up never is either (mn_org_own_words).
 *
 * How to add one: org/NAME.c with a const mn_organiser, its name in MN_ORGANISERS.
 */
#ifndef MN_AGENT_ORG_H
#define MN_AGENT_ORG_H
#include "agent/notes.h"
#include "base/arena.h"

#define MN_LINK_FROM "from"
#define MN_LINK_OF   "of"
#define MN_LINK_WITH "with"

typedef struct mn_organiser mn_organiser;
typedef struct mn_graph_names mn_graph_names;

/* A model that writes; who has it gives it. The answer to `prompt` follows the JSON schema. What
 * fails leaves the episode waiting. */
typedef struct mn_org_model {
    int (*extract)(void *user, const char *schema, const char *prompt, mn_buf *out);
    void *user;
} mn_org_model;

typedef enum mn_op_kind {
    MN_OP_NONE,
    MN_OP_ADD,
    MN_OP_UPDATE,
    MN_OP_INVALIDATE,
    MN_OP_LINK
} mn_op_kind;
typedef struct mn_op {
    mn_op_kind kind;
    int apart;        /* ADD: it is not from the episode; its own links say what it is from */
    int64_t id;       /* the record; -i: the one that the i-th op of the list adds, from 1 */
    int64_t to;       /* LINK: the other, likewise */
    int64_t at;       /* INVALIDATE: true until then */
    const char *what; /* LINK: why */
    mn_row row;       /* ADD, UPDATE: what it says */
} mn_op;
typedef struct mn_ops {
    mn_op *op;
    int n, cap;
} mn_ops;

/* Where an organiser works: one owner, agent and run, by exactly these names. */
typedef struct mn_org {
    const mn_organiser *by;
    mn_notes *notes;
    int64_t owner, episode; /* episode 0: what is told comes from elsewhere */
    mn_who who;
    const mn_org_model *model; /* NULL: by rules alone */
    mn_arena arena;            /* of what is read and made for one list of ops */
    mn_graph_names *names;     /* NULL until it is asked for */
    int inside;                /* 1: within a transaction */
    int exact;                 /* 1: who tells it knows since when: each telling counts */
    int64_t now;
} mn_org;

struct mn_organiser {
    const char *name;
    int (*on_episode)(mn_org *c, const mn_row *episode, mn_ops *ops);
    /* After some episodes of one place; NULL: nothing to do. */
    int (*on_tick)(mn_org *c, mn_ops *ops);
};

/* clang-format off */
#define MN_ORGANISERS(X) X(mem0) X(mem0_additive) X(amem) X(zep)
/* clang-format on */
#define X(name) extern const mn_organiser mn_organiser_##name;
MN_ORGANISERS(X)
#undef X
/* By name; "none" or "": *out is NULL. MN_EINVAL: there is none of that name. */
int mn_organiser_find(const char *name, const mn_organiser **out);

/* ---- for who has a store ------------------------------------------------------------------- */
/* What is added from now on waits for this one; NULL: for none. */
void mn_notes_organiser(mn_notes *n, const mn_organiser *by);
/* So does everything that is there. */
int mn_notes_organise_all(mn_notes *n, const mn_organiser *by);
/* Show it up to `most` episodes that wait: how many; 0: none waits. One process at a time. */
int mn_notes_organise(mn_notes *n, const mn_organiser *by, const mn_org_model *model, int most);
int mn_notes_unseen(mn_notes *n, const mn_organiser *by); /* does any wait? */

/* ---- for organisers ------------------------------------------------------------------------ */
/* Was the row made by an organiser? */
int mn_org_made(const mn_row *row);
/* Is the speaker a program, who tells nothing of himself? */
int mn_org_program(const char *speaker);
/* Around what mn_mem_recall brings up. */
extern const char mn_org_recalled[], mn_org_recalled_end[];
/* The text without what was brought up by a search; 0 bytes: nothing is left, or nobody's own. */
int mn_org_own_words(mn_org *c, const mn_row *episode, const char **text, size_t *n);

int mn_org_rows(mn_org *c, mn_rows which, mn_row_each *each, void *user);
int mn_org_links(mn_org *c, int64_t id, int back, mn_link_each *each, void *user);
int mn_org_fetch(mn_org *c, const int64_t *ids, int n, mn_row_each *each, void *user);
/* Up to `most` records of the session before the episode, nearest first. */
int mn_org_before(mn_org *c, const mn_row *episode, int most, mn_row_each *each, void *user);
/* The k records of a kind that say most nearly the same. Outside of a transaction. */
int mn_org_similar(mn_org *c, const char *text, const char *kind, int k, mn_notes_each *each,
                   void *user);

/* One more; *id what the others call it (or NULL). */
int mn_ops_add(mn_org *c, mn_ops *ops, const mn_row *row, int64_t *id);
int mn_ops_update(mn_org *c, mn_ops *ops, int64_t id, const mn_row *row);
int mn_ops_invalidate(mn_org *c, mn_ops *ops, int64_t id, int64_t at);
int mn_ops_link(mn_org *c, mn_ops *ops, int64_t from, int64_t to, const char *what);

/* Record `id` says what the episode says, too. */
int mn_ops_source(mn_org *c, mn_ops *ops, int64_t id);

/* All of it, within a transaction. What is added is from the episode, or without one from itself.
 * 1; 0: what the list is about has gone in the meantime, and nothing was done. */
int mn_org_apply(mn_org *c, mn_ops *ops);

/* An empty row of this organiser. */
mn_row mn_org_row(const mn_org *c, const char *kind, const char *text, size_t n);

#endif
