/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/store_postgres.c - records in a PostgreSQL database: for memory that outgrows one file, or
 * that several machines share.
 *
 * The tables are in agent/store_postgres_sql.c, in a schema of their own, `omnesia`: one store in a
 * database. Writers take turns, readers see what was there when they began, and what `end` has
 * acknowledged is on the server's disk (agent/store_postgres_turn.c); with `durable`, on the disks
 * of all servers that synchronous_standby_names tells to wait for.
 *
 * When the server goes away a call fails, what was begun is not kept, and the next `begin` connects
 * again. When it goes while `end` waits, nobody can know whether the answer or the question was
 * lost: the call fails, and what it wrote is there as a whole or not at all.
 *
 * `scrub` writes tables and indexes anew, so that the files of the database are clean of what was
 * removed, and the planner keeps no samples of it. PostgreSQL's own journal (WAL) still has it
 * until its segments are written over, as do its archives, standbys, backups, and the server's log
 * where it logs parameters: no client can reach those.
 */
#include "agent/store_postgres.h"

#include "base/buf.h"

#include <stdio.h>
#include <string.h>

/* ---- owners ------------------------------------------------------------------------------- */
static int store_owner(mn_store *base, const char *tenant, const char *user, int make,
                       int64_t *out) {
    postgres_store *const s = (postgres_store *)base;
    mn_pq_args a = {.n = 0};
    *out = 0;
    mn_pq_text(&a, tenant);
    mn_pq_text(&a, user);
    const int there = mn_pg_one(s, PG_OWNER, &a, out, NULL);
    if (there || !make) return there < 0 ? there : 0;
    const int made = mn_pg_one(s, PG_OWNER_NEW, &a, out, NULL);
    return made < 0 ? made : 0;
}

static int store_whose(mn_store *base, int64_t owner,
                       int (*each)(void *user, const char *tenant, const char *name), void *user) {
    postgres_store *const s = (postgres_store *)base;
    mn_pq_args a = {.n = 0};
    pg_result *r = NULL;
    mn_pq_number(&a, owner);
    MN_TRY(mn_pg_run(s, PG_WHOSE, &a, "read", &r));
    const int did = s->pq->ntuples(r) ? each(user, text_at(s, r, 0, 0), text_at(s, r, 0, 1)) : 0;
    s->pq->clear(r);
    return did;
}

static int store_span(mn_store *base, int64_t owner, int64_t *rows, int64_t *words) {
    postgres_store *const s = (postgres_store *)base;
    mn_pq_args a = {.n = 0};
    *rows = *words = 0;
    MN_TRY(mn_pg_counted(s));
    mn_pq_number(&a, owner);
    const int rc = mn_pg_one(s, PG_SPAN, &a, rows, words);
    return rc < 0 ? rc : 0;
}

/* ---- rows --------------------------------------------------------------------------------- */
static void row_args(int64_t owner, const mn_row *r, mn_pq_args *a) {
    const int64_t number[] = {r->of, r->from, r->until, r->created, r->expired};
    const char *const text[] = {r->time, r->session, r->speaker, r->ref, r->source,
                                r->kind, r->agent,   r->run,     r->meta};
    for (int i = 0; i < 5; i++) mn_pq_number(a, number[i]);
    mn_pq_bytes(a, r->text, r->n);
    for (int i = 0; i < 9; i++) mn_pq_text(a, text[i]);
    mn_pq_number(a, owner);
}

static int store_insert(mn_store *base, int64_t owner, const mn_row *row, int64_t *id) {
    postgres_store *const s = (postgres_store *)base;
    mn_pq_args a = {.n = 0};
    row_args(owner, row, &a);
    const int rc = mn_pg_one(s, PG_INSERT, &a, id, NULL);
    if (rc < 0) return rc;
    return *row->speaker ? mn_pg_count(s, owner, row->speaker, 1, 0) : 0;
}

static int store_replace(mn_store *base, int64_t owner, const mn_row *row) {
    mn_pq_args a = {.n = 0};
    row_args(owner, row, &a);
    mn_pq_number(&a, row->id);
    return mn_pg_run((postgres_store *)base, PG_REPLACE, &a, "write to", NULL);
}

static int store_remove(mn_store *base, int64_t owner, int64_t id) {
    postgres_store *const s = (postgres_store *)base;
    mn_pq_args a = {.n = 0};
    pg_result *r = NULL;
    mn_pq_number(&a, id);
    mn_pq_number(&a, owner);
    MN_TRY(mn_pg_run(s, PG_REMOVE, &a, "write to", &r));
    const int there = s->pq->ntuples(r) > 0;
    const char *const speaker = there ? text_at(s, r, 0, 0) : "";
    const int rc = *speaker ? mn_pg_count(s, owner, speaker, -1, 0) : 0;
    s->pq->clear(r);
    return rc < 0 || !there ? rc : mn_pg_run(s, PG_REMOVE_REST, &a, "write to", NULL);
}

/* The rows of a result, which is let go of: how many, or what `each` did. */
static int all_rows(postgres_store *s, pg_result *r, mn_row_each *each, void *user) {
    pg_walk w = {.s = s, .r = r};
    while (mn_pg_next(&w)) {
        const mn_row row = mn_pg_row_of(s, r, w.n - 1);
        w.stop = each(user, &row);
    }
    return mn_pg_end_walk(&w);
}

enum { FETCHED = 64 }; /* rows at once */

static int store_fetch(mn_store *base, int64_t owner, const int64_t *ids, int n, mn_row_each *each,
                       void *user) {
    postgres_store *const s = (postgres_store *)base;
    int found = 0;
    for (int at = 0; at < n; at += FETCHED) {
        const int some = n - at < FETCHED ? n - at : FETCHED;
        mn_pq_args a = {.n = 0};
        pg_result *r = NULL;
        mn_pq_number(&a, owner);
        MN_TRY(mn_pq_numbers(&a, ids + at, (size_t)some, &s->list[0]));
        MN_TRY(mn_pg_run(s, PG_FETCH, &a, "read", &r));
        const int there = s->pq->ntuples(r), rc = all_rows(s, r, each, user);
        if (rc != there) return rc;
        found += there;
    }
    return found;
}

static int store_around(mn_store *base, int64_t owner, const char *session, int64_t id, int reach,
                        int behind, mn_row_each *each, void *user) {
    postgres_store *const s = (postgres_store *)base;
    mn_pq_args a = {.n = 0};
    pg_result *r = NULL;
    mn_pq_number(&a, owner);
    mn_pq_text(&a, session);
    mn_pq_number(&a, id);
    mn_pq_number(&a, reach);
    MN_TRY(mn_pg_run(s, behind ? PG_BEHIND : PG_BEFORE, &a, "read", &r));
    return all_rows(s, r, each, user);
}

static int store_during(mn_store *base, int64_t owner, int64_t from, int64_t until, int64_t *ids,
                        int most) {
    postgres_store *const s = (postgres_store *)base;
    const int64_t v[] = {owner, from, until, most};
    mn_pq_args a = {.n = 0};
    pg_result *r = NULL;
    for (int i = 0; i < 4; i++) mn_pq_number(&a, v[i]);
    MN_TRY(mn_pg_run(s, PG_DURING, &a, "read", &r));
    const int n = s->pq->ntuples(r);
    for (int i = 0; i < n; i++) ids[i] = number_at(s, r, i, 0);
    s->pq->clear(r);
    return n;
}

static int store_speakers(mn_store *base, int64_t owner, int most,
                          int (*each)(void *user, const char *name), void *user) {
    postgres_store *const s = (postgres_store *)base;
    mn_pq_args a = {.n = 0};
    pg_walk w;
    MN_TRY(mn_pg_counted(s));
    mn_pq_number(&a, owner);
    mn_pq_number(&a, most);
    MN_TRY(mn_pg_walk(s, PG_SPEAKERS, &a, &w));
    while (mn_pg_next(&w)) w.stop = each(user, text_of(&w, 0));
    mn_pg_end_walk(&w);
    return w.stop;
}

/* Pages of rows in the order of ids; each page is freed before the next is read. */
static int store_reindex(mn_store *base, int (*each)(void *user, int64_t owner, const mn_row *row),
                         void *user) {
    enum { PAGE = 64 };
    postgres_store *const s = (postgres_store *)base;
    int64_t after = 0;
    int n = PAGE, stop = 0;
    mn_pg_uncount(s);
    MN_TRY(mn_pg_do(s, "DELETE FROM word; UPDATE owner SET n = 0, words = 0", "write to"));
    while (n == PAGE && !stop) {
        mn_pq_args a = {.n = 0};
        pg_result *r = NULL;
        mn_pq_number(&a, after);
        mn_pq_number(&a, PAGE);
        MN_TRY(mn_pg_run(s, PG_ALL, &a, "read", &r));
        n = s->pq->ntuples(r);
        for (int i = 0; i < n && !stop; i++) {
            const mn_row row = mn_pg_row_of(s, r, i);
            after = row.id;
            stop = each(user, number_at(s, r, i, 16), &row);
        }
        s->pq->clear(r);
    }
    return stop;
}

/* ---- about the store ---------------------------------------------------------------------- */
static int store_get(mn_store *base, const char *name, char *value, size_t cap) {
    postgres_store *const s = (postgres_store *)base;
    mn_pq_args a = {.n = 0};
    pg_result *r = NULL;
    mn_pq_text(&a, name);
    MN_TRY(mn_pg_run(s, PG_GET, &a, "read", &r));
    const int there = s->pq->ntuples(r) > 0;
    if (there) snprintf(value, cap, "%s", text_at(s, r, 0, 0));
    s->pq->clear(r);
    return there;
}

static int store_set(mn_store *base, const char *name, const char *value) {
    mn_pq_args a = {.n = 0};
    mn_pq_text(&a, name);
    mn_pq_text(&a, value);
    return mn_pg_run((postgres_store *)base, PG_SET, &a, "write to", NULL);
}

const mn_store_kind mn_store_postgres = {
    .name = "postgres",
    .claims = mn_pg_claims,
    .open = mn_pg_open,
    .close = mn_pg_close,
    .begin = mn_pg_begin,
    .end = mn_pg_end,
    .owner = store_owner,
    .whose = store_whose,
    .span = store_span,
    .insert = store_insert,
    .replace = store_replace,
    .remove = store_remove,
    .rows = mn_pg_rows,
    .fetch = store_fetch,
    .around = store_around,
    .during = store_during,
    .speakers = store_speakers,
    .link = mn_pg_link,
    .unlink = mn_pg_unlink,
    .links = mn_pg_links,
    .queue = mn_pg_queue,
    .queue_again = mn_pg_queue_again,
    .queued = mn_pg_queued,
    .done = mn_pg_done,
    .log = mn_pg_log,
    .logs = mn_pg_logs,
    .index = mn_pg_index,
    .reindex = store_reindex,
    .match = mn_pg_match,
    .waiting = mn_pg_waiting,
    .waits = mn_pg_waits,
    .vector = mn_pg_vector,
    .move = mn_pg_move,
    .wait = mn_pg_wait,
    .vectors = mn_pg_vectors,
    .again = mn_pg_again,
    .finds = mn_pg_finds,
    .nearest = mn_pg_nearest,
    .vectors_of = mn_pg_vectors_of,
    .get = store_get,
    .set = store_set,
    .pieces = mn_pg_pieces,
    .take = mn_pg_take,
    .rest = mn_pg_rest,
    .scrub = mn_pg_scrub,
};
