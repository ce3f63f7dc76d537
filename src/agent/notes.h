/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/notes.h - the records of one store: adding, changing, finding, forgetting.
 *
 * A record is stored as it was said. It has two times: when it was true (from, until) and when the
 * store knew it (created, expired). A change keeps the record's id and leaves what it was before as
 * a row of its own; only forgetting removes anything. Every call names an owner; what belongs to
 * another is not found, by any way.
 *
 * Any thread may call: a lock makes them take turns.
 */
#ifndef MN_AGENT_NOTES_H
#define MN_AGENT_NOTES_H
#include "agent/store.h"
#include "agent/there.h"
#include "base/buf.h"
#include "region/region.h"

#define MN_NEVER INT64_MIN /* of a moment: unknown, or without end */
enum { MN_TEXT_MAX = 1 << 20, MN_FIELD_MAX = 1024, MN_META_MAX = 1 << 16 };

typedef struct mn_notes mn_notes;

typedef struct mn_who {
    const char *tenant, *user; /* tenant NULL: ""; user: never NULL or "" */
    const char *agent, *run;   /* NULL: a row gets "", and all are found */
} mn_who;

int mn_notes_open(const char *where, int durable, mn_notes **out);
void mn_notes_close(mn_notes **n);
/* Before a model is named: the region, which outlives it, where processes have vectors together.
 * quiet: what others made is used, and nothing is made for others. */
void mn_notes_share(mn_notes *n, mn_region *region, int quiet);

/* Add rows; of each, id and of are ignored. A row's `time` "" is none: `from` says it alone. Those
 * with `created` 0 come into being now. All or none. ids may be NULL. */
int mn_notes_add(mn_notes *n, const mn_who *who, mn_row *rows, size_t count, int64_t *ids);

/* Calls of `work` on these notes are one: all of them see what was there when it began, nobody else
 * writes meanwhile, and what they wrote is kept when it and each of them succeeded, else none. Of
 * mn_notes_add, _update and _find; write 0: of the last alone. Returns what `work` does. */
int mn_notes_turn(mn_notes *n, int write, int (*work)(void *user), void *user);

/* MN_EINVAL, MN_ETOOLONG: the row cannot be a record, and why. */
int mn_notes_check(const mn_row *row);
/* And may somebody have said it? Not what only organisers make: nobody can pretend to be one. */
int mn_notes_check_said(const mn_row *row);
/* Rows of a file, as they are, unless they are there (agent/there.h): id is the number the file
 * gives a record, or 0, and of that of the record it was a version of. Moments count as they stand,
 * MN_NEVER in `created` is now. Each row's id becomes that of its record in the store, and 0 when
 * it was a version of nothing that came in. How many were added. All or none. */
int64_t mn_notes_carry(mn_notes *n, const mn_who *who, mn_there *there, mn_row *rows, size_t count);

/* How a query is answered, the standard first. What is found: turns, the sessions of the best
 * turns, or what organisers made; whether that widens the words and the vector of the turns it is
 * from; what the time that a question names does: it leaves out what was told at others
 * (agent/timeq.h), raises what was told then, or nothing. */
typedef enum mn_value { MN_VALUE_ROUND, MN_VALUE_SESSION, MN_VALUE_FACT } mn_value;
typedef enum mn_key { MN_KEY_MERGED, MN_KEY_PLAIN } mn_key;
typedef enum mn_times { MN_TIMES_PRUNE, MN_TIMES_NEAR, MN_TIMES_NONE } mn_times;

/* Which rows, and how they are to be found. */
typedef struct mn_seek {
    const char *query;   /* NULL: in the order of ids */
    const float *vector; /* of mn_notes_question, [dim] of length 1; NULL: words alone */
    int dim;
    int64_t k;         /* so many at most; 0: all */
    int64_t budget;    /* tokens of their texts together; 0: any number */
    const char *apart; /* none of this session; NULL */
    int said;          /* 1: nothing that organisers made of it */
    int64_t as_of;     /* what was true at this moment; MN_NEVER: what is now */
    mn_value value;
    mn_key key;
    mn_times times;
    mn_rows rows; /* owner, agent and run come from `who` */
} mn_seek;
typedef int mn_notes_each(void *user, const mn_row *row, double score);
int mn_notes_find(mn_notes *n, const mn_who *who, const mn_seek *seek, mn_notes_each *each,
                  void *user);

/* The query as it is to become its vector (agent/names.h). */
int mn_notes_question(mn_notes *n, const mn_who *who, const char *query, mn_buf *out);

/* Record `id` says `now` from now on: its text, and if given time, from, meta. MN_ENOENT. */
int mn_notes_update(mn_notes *n, const mn_who *who, int64_t id, const mn_row *now);
/* Rows go, with all their versions and what was made of them; how many records did. `each` (or
 * NULL) sees every row that goes. Then the files are cleaned of them. */
int64_t mn_notes_forget(mn_notes *n, const mn_who *who, const mn_rows *which, mn_row_each *each,
                        void *user);

/* ---- vectors ------------------------------------------------------------------------------- */
/* Vectors are of this model, from now on: those of another one go, and are waited for. */
int mn_notes_model(mn_notes *n, const char *model, int dim);
/* Make vectors of up to `most` records that wait for one. `make` gets `count` texts and writes
 * [count, dim] floats; it is called without any lock. Negative: it cannot, and all wait on. Returns
 * how many are done; 0: nobody waits. */
typedef struct mn_vector_maker {
    int (*make)(void *user, const char *const *texts, const size_t *lengths, int count, float *out);
    void *user;
    int dim;
} mn_vector_maker;
int mn_notes_embed(mn_notes *n, const mn_vector_maker *by, int most);
int mn_notes_waits(mn_notes *n, int64_t *count);
int mn_notes_again(mn_notes *n);
/* Now and then, by who has time: work on the files that writers were spared. */
void mn_notes_rest(mn_notes *n);

/* Tokens a text will be counted as: 4 letters of ASCII are one, and so is each other character. */
int64_t mn_notes_tokens(const char *text, size_t n);

#endif
