/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/store.h - where records are kept: what every store can do, and the list of them.
 *
 * A store keeps rows, an index from words to rows, a vector for each row, and links from row to
 * row; it knows nothing of what they mean. A row has an owner, which is a tenant and a user, and no
 * call reaches rows of more than one owner. A row with of = 0 is a record as it is now; one with of
 * = R is what record R was before. All calls happen between `begin` and `end`; a handle is used by
 * one thread at a time (agent/notes.c sees to it), many processes may have one each.
 *
 * How to add one: a file store_NAME.c with a const mn_store_kind, its name in MN_STORE_LIST, and
 * its place in the tests of test/agent/test_store.c, which run over all of the list.
 */
#ifndef MN_AGENT_STORE_H
#define MN_AGENT_STORE_H
#include "base/arena.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct mn_row {
    int64_t id, of;
    int64_t from, until, created, expired; /* us since 1970; INT64_MIN: unknown, and no end */
    const char *text;
    size_t n;
    const char *time, *session, *speaker, *ref, *source, *kind, *agent, *run,
        *meta; /* never NULL */
} mn_row;
typedef int mn_row_each(void *user, const mn_row *row); /* borrowed; non-zero stops */

typedef int mn_link_each(void *user, int64_t other, const char *what); /* the same */

typedef struct mn_deed { /* what an organiser did to record `id` */
    const char *organiser, *op;
    int64_t id, other; /* other: whom it links to; 0 */
    int64_t at;
} mn_deed;

enum { MN_STRETCH = 1024 };
typedef struct mn_mark {
    int64_t stretch, n, mark;
} mn_mark;
typedef int mn_mark_each(void *user, const mn_mark *mark);

enum { MN_BEHIND = 1, MN_BEFORE };
/* Which rows: all that fit each field that is given. */
typedef struct mn_rows {
    int64_t owner, id, after; /* id and after 0: any. With `id`, `versions` are those of it, too */
    int64_t most;             /* 0: all */
    const char *agent, *run, *session, *source, *ref, *kind; /* NULL: any */
    int versions; /* former versions, too: MN_BEHIND, or MN_BEFORE, their record */
    int newest;   /* 1: the last first; `after` is the one they came before */
} mn_rows;

enum {                       /* how a store is opened */
       MN_STORE_DURABLE = 1, /* `end` returns when what was written would survive a power cut */
       MN_STORE_THERE = 2,   /* one that is not there is not made: MN_ENOENT */
};
/* All that a store has, in parts and pieces, for a store of another kind (agent/migrate.h). X(part,
 * its numbers, its texts), in the order in which a store takes them:
 *   about    name, value                  waiting  id
 *   owner    id; tenant, user             link     owner, from, to; what
 *   record   id, owner, and the others as mn_row has them
 *   vector   its number, id, owner; bytes
 *   queue    id, owner, done; organiser   log      its number, owner, at, id, other; organiser, op
 *   number   the last that was given; to what ("owner", "record", "vector") */
#define MN_PART_LIST(X) \
    X(about, 0, 2)      \
    X(owner, 1, 2)      \
    X(record, 7, 10)    \
    X(vector, 3, 1)     \
    X(waiting, 1, 0)    \
    X(link, 3, 1)       \
    X(queue, 3, 1)      \
    X(log, 5, 2)        \
    X(number, 1, 1)
enum {
#define X(name, numbers, texts) MN_PART_##name,
    MN_PART_LIST(X)
#undef X
        MN_PARTS,
    MN_PART_NUMBERS = 7,
    MN_PART_TEXTS = 10
};
typedef struct mn_store_piece {
    int part;
    int64_t number[MN_PART_NUMBERS];
    const char *text[MN_PART_TEXTS]; /* each ends with a zero byte behind its length */
    size_t length[MN_PART_TEXTS];
} mn_store_piece;
typedef int mn_piece_each(void *user, const mn_store_piece *piece); /* borrowed; non-zero stops */
extern const struct mn_store_part {
    const char *name;
    int numbers, texts;
} mn_store_parts[MN_PARTS];

typedef struct mn_store mn_store;
typedef struct mn_store_kind mn_store_kind;
struct mn_store {
    const mn_store_kind *kind;
};

struct mn_store_kind {
    const char *name;
    int (*claims)(const char *where); /* is it the place of such a store? */
    int (*open)(const char *where, int how, mn_store **out);
    void (*close)(mn_store *s);

    /* Between them everything is seen as it was at `begin`; others write one after the other.
     * `keep` 0: what was written is not. When `end` fails, neither. */
    int (*begin)(mn_store *s, int write);
    int (*end)(mn_store *s, int keep);
    /* For stores whose writers write for one another; NULL, both. Ask: to begin to write, where
     * `request` says all of it. 1: another has written it and gave it the number *id; nothing was
     * begun. 0: begun; when *id is not 0, one who died may have done it under that number. Answer:
     * before `end`, what others ask for; when `each` fails, nothing must be kept. */
    int (*ask)(mn_store *s, const void *request, size_t n, int64_t *id);
    int (*answer)(mn_store *s, int (*each)(void *user, const void *request, size_t n, int64_t *id),
                  void *user);

    /* The number of an owner, never used again; 0: there is none (`make` makes it). */
    int (*owner)(mn_store *s, const char *tenant, const char *user, int make, int64_t *out);
    /* Who that is; nothing is called when there is none. */
    int (*whose)(mn_store *s, int64_t owner,
                 int (*each)(void *user, const char *tenant, const char *name), void *user);
    /* How many rows the index has of it, old versions included, and how many words they have. */
    int (*span)(mn_store *s, int64_t owner, int64_t *rows, int64_t *words);

    int (*insert)(mn_store *s, int64_t owner, const mn_row *row, int64_t *id);
    /* The row of row->id; whose speaker stays who it is. */
    int (*replace)(mn_store *s, int64_t owner, const mn_row *row);
    int (*remove)(mn_store *s, int64_t owner, int64_t id); /* and all that hangs on it */
    /* In the order of ids, versions with their record, the oldest first. Returns how many, or what
     * `each` did. */
    int (*rows)(mn_store *s, const mn_rows *which, mn_row_each *each, void *user);
    /* Those of ids[0..n) that are there, in any order. */
    int (*fetch)(mn_store *s, int64_t owner, const int64_t *ids, int n, mn_row_each *each,
                 void *user);
    /* Up to `reach` records of a session before or behind `id`, nearest first. */
    int (*around)(mn_store *s, int64_t owner, const char *session, int64_t id, int reach,
                  int behind, mn_row_each *each, void *user);
    /* Ids of rows that became true in [from, until), newest first, at most `most`: how many. */
    int (*during)(mn_store *s, int64_t owner, int64_t from, int64_t until, int64_t *ids, int most);
    /* The names of those who speak in an owner's records, most often first, at most `most`. */
    int (*speakers)(mn_store *s, int64_t owner, int most, int (*each)(void *user, const char *name),
                    void *user);

    /* A link from one row of an owner to another, and why; one that is there stays as it is. */
    int (*link)(mn_store *s, int64_t owner, int64_t from, int64_t to, const char *what);
    int (*unlink)(mn_store *s, int64_t owner, int64_t from, int64_t to);
    /* The links from `id`, or with `back` those to it: how many, or what `each` did. */
    int (*links)(mn_store *s, int64_t owner, int64_t id, int back, mn_link_each *each, void *user);

    /* Record `id` is to be seen by an organiser, once; id 0: all of all owners that no link goes
     * out of. Again: by all that have seen it. Those that wait, in the order of ids, and behind
     * `after`; done: 1, or 0 when it did not wait. */
    int (*queue)(mn_store *s, const char *organiser, int64_t owner, int64_t id);
    int (*queue_again)(mn_store *s, int64_t id);
    int (*queued)(mn_store *s, const char *organiser, int64_t after, int64_t most,
                  int (*each)(void *user, int64_t id, int64_t owner), void *user);
    int (*done)(mn_store *s, const char *organiser, int64_t id);
    /* What organisers did, in its order; it goes with the record. */
    int (*log)(mn_store *s, int64_t owner, const mn_deed *deed);
    int (*logs)(mn_store *s, int64_t owner, int64_t id,
                int (*each)(void *user, const mn_deed *deed), void *user);

    /* A row into the word index, or out of it: `line` is what mn_words_line makes of its text, and
     * has to be the same when it goes; `words` of them. */
    int (*index)(mn_store *s, int64_t owner, int64_t id, const char *line, size_t n, int64_t words,
                 int out);
    /* The index is emptied; then all rows of all owners. */
    int (*reindex)(mn_store *s, int (*each)(void *user, int64_t owner, const mn_row *row),
                   void *user);
    /* Ids of rows with all of the words, newest first, at most `most`: how many. */
    int (*match)(mn_store *s, const char *words, int64_t *ids, int64_t most);

    /* Vectors: bytes of any length under the name of a model. Rows that wait for theirs: */
    int (*waiting)(mn_store *s, int64_t most,
                   int (*each)(void *user, int64_t id, int64_t owner, const char *text, size_t n),
                   void *user);
    int (*waits)(mn_store *s, int64_t *n); /* how many of them there are */
    /* It has one, and waits no more; n 0: it can have none. */
    int (*vector)(mn_store *s, int64_t id, const void *v, size_t n);
    int (*move)(mn_store *s, int64_t id, int64_t to); /* of one row to another */
    int (*wait)(mn_store *s, int64_t id);             /* a row needs one, from now on */
    /* Those of an owner that came after the one with number *after, which becomes that of the last:
     * who asks again is told what is new. */
    int (*vectors)(mn_store *s, int64_t owner, int64_t *after,
                   int (*each)(void *user, int64_t id, const void *v, size_t n), void *user);
    int (*again)(mn_store *s); /* all vectors go, and are waited for */

    /* For stores that can say whether vectors are the same as before without reading them; NULL,
     * both. Numbers of vectors are cut into stretches of MN_STRETCH; those in which an owner has
     * some, in their order: how many, and a mark that never was before and changes with them. First
     * stretch -1, whose mark is the owner's and stays. *last: the last number that was given. */
    int (*marks)(mn_store *s, int64_t owner, int64_t *last, mn_mark_each *each, void *user);
    /* Those of an owner with numbers in [first, until). */
    int (*vectors_in)(mn_store *s, int64_t owner, int64_t first, int64_t until,
                      int (*each)(void *user, int64_t id, const void *v, size_t n), void *user);

    /* For stores that find the nearest vectors themselves; NULL, all three: they are read and
     * scanned by who asks. Does it so for this owner, who has so many? 1 or 0. */
    int (*finds)(mn_store *s, int64_t owner);
    /* The k whose codes are nearest to query[dim] by cosine, nearest first; those of ids[0..n). */
    int (*nearest)(mn_store *s, int64_t owner, const float *query, int dim, int k,
                   int (*each)(void *user, int64_t id, const void *v, size_t n), void *user);
    int (*vectors_of)(mn_store *s, int64_t owner, const int64_t *ids, int n,
                      int (*each)(void *user, int64_t id, const void *v, size_t n), void *user);

    /* A few words about the store itself; get: 0 when there is none. */
    int (*get)(mn_store *s, const char *name, char *value, size_t cap);
    int (*set)(mn_store *s, const char *name, const char *value);
    /* All pieces of a part, in one order that all kinds share: how many, or what `each` did. */
    int (*pieces)(mn_store *s, int part, mn_piece_each *each, void *user);
    /* One from another store, into a new one: what it is called stays. Words are indexed apart. */
    int (*take)(mn_store *s, const mn_store_piece *piece);
    /* Outside of begin and end: work that writers were spared. */
    void (*rest)(mn_store *s);
    /* The same: what was removed leaves index, journal and free pages of all files. */
    int (*scrub)(mn_store *s);
};

/* clang-format off */
#define MN_STORE_LIST(X) X(sqlite) X(postgres)
/* clang-format on */
#define X(name) extern const mn_store_kind mn_store_##name;
MN_STORE_LIST(X)
#undef X
/* A row with texts of the arena's. */
int mn_row_keep(mn_arena *arena, const mn_row *row, mn_row *out);

/* The first that claims the place. */
int mn_store_open(const char *where, int how, mn_store **out);

/* What a store says whose version is above the one that is known: MN_EUNSUPPORTED. */
int mn_store_newer(const char *where, int64_t version, int known);

#endif
