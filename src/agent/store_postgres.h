/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/store_postgres.h - an open store in PostgreSQL, and how a statement of it is run; private
 * to store_postgres*.c.
 */
#ifndef MN_AGENT_STORE_POSTGRES_H
#define MN_AGENT_STORE_POSTGRES_H
#include "agent/pq.h"
#include "agent/store.h"
#include "agent/store_postgres_sql.h"

enum { MN_PG_CHANGES = 64 };

/* Counters that many rows change are summed up here, and written once. */
typedef struct pg_change {
    int64_t owner, n, words;
    char *speaker; /* NULL: the owner's own counters */
} pg_change;

typedef struct postgres_store {
    mn_store base;
    const mn_pq *pq;
    pg_conn *conn;       /* NULL: it is to be connected again */
    char *where, *shown; /* the place; as it may be shown */
    int durable, there;  /* there: no tables are made */
    int writing, within;
    int64_t senses; /* there is an index by which the server finds the nearest vectors */
    char prepared[PG_STATEMENTS];
    int64_t kept_back; /* dead rows that the last VACUUM could not remove */
    pg_change change[MN_PG_CHANGES];
    int changes;
    mn_buf list[3]; /* what goes into a statement as a list */
} postgres_store;

/* ---- store_postgres_open.c ----------------------------------------------------------------- */
/* What went wrong, as a failure of ours. Result or connection say it; r is let go of. */
int mn_pg_fail(postgres_store *s, pg_result *r, const char *doing);
int mn_pg_connect(postgres_store *s);
void mn_pg_disconnect(postgres_store *s);
int mn_pg_open(const char *where, int how, mn_store **out);
void mn_pg_close(mn_store *base);
int mn_pg_claims(const char *where);

/* ---- running statements (store_postgres_run.c) --------------------------------------------- */
/* Statements without arguments, and none of whose rows is looked at. */
int mn_pg_do(postgres_store *s, const char *sql, const char *doing);
/* A statement of the list, or a text; *out (or NULL) gets its rows, freed with clear. */
int mn_pg_run(postgres_store *s, int which, const mn_pq_args *a, const char *doing,
              pg_result **out);
int mn_pg_ask(postgres_store *s, const char *sql, const mn_pq_args *a, pg_result **out);
/* One with numbers alone: how many rows it changed. */
int mn_pg_run_numbers(postgres_store *s, int which, int n, const int64_t *v);
/* The first column of the first row: 1; 0: there is none. */
int mn_pg_one(postgres_store *s, int which, const mn_pq_args *a, int64_t *out, int64_t *second);

/* The one number that a question has for an answer; 0 when there is no row. */
int mn_pg_number(postgres_store *s, const char *question, int64_t *out);

static inline int64_t number_at(const postgres_store *s, const pg_result *r, int row, int column) {
    return mn_pq_number_of(s->pq, r, row, column);
}
static inline const char *text_at(const postgres_store *s, const pg_result *r, int row,
                                  int column) {
    return s->pq->getvalue(r, row, column); /* ends with a zero byte */
}
static inline size_t bytes_at(const postgres_store *s, const pg_result *r, int row, int column) {
    return (size_t)s->pq->getlength(r, row, column);
}

/* The rows of an answer, one after the other, until `stop` is not 0:
 *     while (mn_pg_next(&w)) w.stop = each(user, number_of(&w, 0), text_of(&w, 1));
 *     return mn_pg_end_walk(&w);
 * The answer is let go of at the end: how many were looked at, or what stopped it. */
typedef struct pg_walk {
    const postgres_store *s;
    pg_result *r;
    int n, stop; /* the row is n - 1 */
} pg_walk;
int mn_pg_walk(postgres_store *s, int which, const mn_pq_args *a, pg_walk *out);
int mn_pg_next(pg_walk *w);
int mn_pg_end_walk(pg_walk *w);

static inline int64_t number_of(const pg_walk *w, int column) {
    return number_at(w->s, w->r, w->n - 1, column);
}
static inline const char *text_of(const pg_walk *w, int column) {
    return text_at(w->s, w->r, w->n - 1, column);
}
static inline size_t bytes_of(const pg_walk *w, int column) {
    return bytes_at(w->s, w->r, w->n - 1, column);
}

/* Counters: one more or less, and written, before they are read. */
int mn_pg_count(postgres_store *s, int64_t owner, const char *speaker, int64_t n, int64_t words);
int mn_pg_counted(postgres_store *s);
void mn_pg_uncount(postgres_store *s); /* what was counted was given up */

/* ---- store_postgres_turn.c ----------------------------------------------------------------- */
int mn_pg_begin(mn_store *base, int write);
int mn_pg_end(mn_store *base, int keep);
void mn_pg_rest(mn_store *base);
int mn_pg_scrub(mn_store *base);

/* ---- store_postgres_links.c ---------------------------------------------------------------- */
int mn_pg_link(mn_store *base, int64_t owner, int64_t from, int64_t to, const char *what);
int mn_pg_unlink(mn_store *base, int64_t owner, int64_t from, int64_t to);
int mn_pg_links(mn_store *base, int64_t owner, int64_t id, int back, mn_link_each *each,
                void *user);
int mn_pg_queue(mn_store *base, const char *organiser, int64_t owner, int64_t id);
int mn_pg_queue_again(mn_store *base, int64_t id);
int mn_pg_queued(mn_store *base, const char *organiser, int64_t after, int64_t most,
                 int (*each)(void *user, int64_t id, int64_t owner), void *user);
int mn_pg_done(mn_store *base, const char *organiser, int64_t id);
int mn_pg_log(mn_store *base, int64_t owner, const mn_deed *d);
int mn_pg_logs(mn_store *base, int64_t owner, int64_t id,
               int (*each)(void *user, const mn_deed *deed), void *user);

/* ---- store_postgres_words.c: the word index and vectors ------------------------------------ */
int mn_pg_index(mn_store *base, int64_t owner, int64_t id, const char *line, size_t n,
                int64_t words, int out);
int mn_pg_match(mn_store *base, const char *words, int64_t *ids, int64_t most);
int mn_pg_waiting(mn_store *base, int64_t most,
                  int (*each)(void *user, int64_t id, int64_t owner, const char *text, size_t n),
                  void *user);
int mn_pg_waits(mn_store *base, int64_t *n);
int mn_pg_vector(mn_store *base, int64_t id, const void *v, size_t n);
int mn_pg_move(mn_store *base, int64_t id, int64_t to);
int mn_pg_wait(mn_store *base, int64_t id);
int mn_pg_vectors(mn_store *base, int64_t owner, int64_t *after,
                  int (*each)(void *user, int64_t id, const void *v, size_t n), void *user);
int mn_pg_again(mn_store *base);
int mn_pg_finds(mn_store *base, int64_t owner);
int mn_pg_nearest(mn_store *base, int64_t owner, const float *query, int dim, int k,
                  int (*each)(void *user, int64_t id, const void *v, size_t n), void *user);
int mn_pg_vectors_of(mn_store *base, int64_t owner, const int64_t *ids, int n,
                     int (*each)(void *user, int64_t id, const void *v, size_t n), void *user);

/* ---- store_postgres_parts.c ---------------------------------------------------------------- */
int mn_pg_pieces(mn_store *base, int part, mn_piece_each *each, void *user);
int mn_pg_take(mn_store *base, const mn_store_piece *piece);

/* ---- store_postgres_rows.c ----------------------------------------------------------------- */
mn_row mn_pg_row_of(const postgres_store *s, const pg_result *r, int at);
int mn_pg_rows(mn_store *base, const mn_rows *w, mn_row_each *each, void *user);

#endif
