/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/store_postgres_run.c - a store in PostgreSQL: statements, and counters that are summed up.
 *
 * A statement of the list is prepared when a connection first runs it. Counters of an owner and of
 * who speaks change with every row; as every change of a row leaves a dead one behind, they are
 * summed up in the handle and written when somebody asks for them, or at the end.
 */
#include "agent/store_postgres.h"

#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int gone(postgres_store *s, const char *doing) {
    return MN_FAIL(MN_EIO, "cannot %s %s: the server has gone; the next call connects again", doing,
                   s->shown);
}

/* 1: it went well. */
static int went(postgres_store *s, const pg_result *r) {
    const int how = r ? s->pq->resultStatus(r) : -1;
    return how == MN_PQ_DONE || how == MN_PQ_ROWS;
}

static int take(postgres_store *s, pg_result *r, const char *doing, pg_result **out) {
    if (!went(s, r)) return mn_pg_fail(s, r, doing);
    if (out)
        *out = r;
    else
        s->pq->clear(r);
    return 0;
}

int mn_pg_do(postgres_store *s, const char *sql, const char *doing) {
    if (!s->conn) return gone(s, doing);
    return take(s, s->pq->exec(s->conn, sql), doing, NULL);
}

int mn_pg_run(postgres_store *s, int which, const mn_pq_args *a, const char *doing,
              pg_result **out) {
    char name[16];
    if (!s->conn) return gone(s, doing);
    snprintf(name, sizeof name, "omnesia%d", which);
    if (!s->prepared[which]) {
        MN_TRY(take(s, s->pq->prepare(s->conn, name, mn_pg_sql[which], 0, NULL), doing, NULL));
        s->prepared[which] = 1;
    }
    pg_result *const r =
        s->pq->execPrepared(s->conn, name, a->n, a->value, a->length, a->binary, 1);
    return take(s, r, doing, out);
}

int mn_pg_ask(postgres_store *s, const char *sql, const mn_pq_args *a, pg_result **out) {
    if (!s->conn) return gone(s, "read");
    pg_result *const r =
        s->pq->execParams(s->conn, sql, a->n, NULL, a->value, a->length, a->binary, 1);
    return take(s, r, "read", out);
}

int mn_pg_run_numbers(postgres_store *s, int which, int n, const int64_t *v) {
    mn_pq_args a = {.n = 0};
    pg_result *r = NULL;
    for (int i = 0; i < n; i++) mn_pq_number(&a, v[i]);
    MN_TRY(mn_pg_run(s, which, &a, "write to", &r));
    const int changed = atoi(s->pq->cmdTuples(r));
    s->pq->clear(r);
    return changed;
}

int mn_pg_one(postgres_store *s, int which, const mn_pq_args *a, int64_t *out, int64_t *second) {
    pg_result *r = NULL;
    MN_TRY(mn_pg_run(s, which, a, "read", &r));
    const int there = s->pq->ntuples(r) > 0;
    if (there) *out = number_at(s, r, 0, 0);
    if (there && second) *second = number_at(s, r, 0, 1);
    s->pq->clear(r);
    return there;
}

int mn_pg_number(postgres_store *s, const char *question, int64_t *out) {
    pg_result *r = NULL;
    MN_TRY(mn_pg_ask(s, question, &(mn_pq_args){.n = 0}, &r));
    *out = s->pq->ntuples(r) ? number_at(s, r, 0, 0) : 0;
    s->pq->clear(r);
    return 0;
}

/* ---- rows --------------------------------------------------------------------------------- */
int mn_pg_walk(postgres_store *s, int which, const mn_pq_args *a, pg_walk *out) {
    *out = (pg_walk){.s = s};
    return mn_pg_run(s, which, a, "read", &out->r);
}

int mn_pg_next(pg_walk *w) {
    if (w->stop || w->n == w->s->pq->ntuples(w->r)) return 0;
    w->n++;
    return 1;
}

int mn_pg_end_walk(pg_walk *w) {
    w->s->pq->clear(w->r);
    return w->stop ? w->stop : w->n;
}

/* ---- counters ----------------------------------------------------------------------------- */
void mn_pg_uncount(postgres_store *s) {
    for (int i = 0; i < s->changes; i++) mn_free(s->change[i].speaker);
    s->changes = 0;
}

int mn_pg_count(postgres_store *s, int64_t owner, const char *speaker, int64_t n, int64_t words) {
    for (int i = 0; i < s->changes; i++) {
        pg_change *const c = s->change + i;
        if (c->owner != owner || !c->speaker != !speaker) continue;
        if (speaker && strcmp(c->speaker, speaker) != 0) continue;
        c->n += n;
        c->words += words;
        return 0;
    }
    if (s->changes == MN_PG_CHANGES) MN_TRY(mn_pg_counted(s));
    pg_change *const c = s->change + s->changes;
    *c = (pg_change){.owner = owner, .n = n, .words = words};
    if (speaker && !(c->speaker = mn_strdup(speaker)))
        return MN_FAIL(MN_ENOMEM, "no memory for a change of %s", s->shown);
    s->changes++;
    return 0;
}

static int speaks(postgres_store *s, const pg_change *c) {
    int64_t left = 1;
    mn_pq_args a = {.n = 0};
    mn_pq_number(&a, c->owner);
    mn_pq_text(&a, c->speaker);
    mn_pq_number(&a, c->n);
    MN_TRY(mn_pg_one(s, PG_SPEAKS, &a, &left, NULL));
    a.n = 2;
    return left > 0 ? 0 : mn_pg_run(s, PG_SILENT, &a, "write to", NULL);
}

int mn_pg_counted(postgres_store *s) {
    int rc = 0;
    for (int i = 0; i < s->changes && rc >= 0; i++) {
        const pg_change *const c = s->change + i;
        if (!c->n && !c->words) continue;
        rc = c->speaker ? speaks(s, c)
                        : mn_pg_run_numbers(s, PG_COUNT, 3, (int64_t[]){c->owner, c->n, c->words});
    }
    mn_pg_uncount(s);
    return rc < 0 ? rc : 0;
}
