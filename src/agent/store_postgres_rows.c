/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/store_postgres_rows.c - a store in PostgreSQL: rows by what they are like, page by page.
 *
 * A page has rows of about PAGE_BYTES together: as long as pages are small the next one is twice as
 * long. The versions of a page's records are asked for at once.
 */
#include "agent/store_postgres.h"

#include "base/buf.h"

#include <string.h>

enum { FIRST_PAGE = 64, LAST_PAGE = 4096, PAGE_BYTES = 1 << 20 };

mn_row mn_pg_row_of(const postgres_store *s, const pg_result *r, int at) {
    int64_t number[6];
    const char *text[10];
    for (int i = 0; i < 6; i++) number[i] = number_at(s, r, at, i);
    for (int i = 0; i < 10; i++) text[i] = text_at(s, r, at, 6 + i);
    return (mn_row){.id = number[0],
                    .of = number[1],
                    .from = number[2],
                    .until = number[3],
                    .created = number[4],
                    .expired = number[5],
                    .text = text[0],
                    .n = bytes_at(s, r, at, 6),
                    .time = text[1],
                    .session = text[2],
                    .speaker = text[3],
                    .ref = text[4],
                    .source = text[5],
                    .kind = text[6],
                    .agent = text[7],
                    .run = text[8],
                    .meta = text[9]};
}

typedef struct walk {
    postgres_store *s;
    const mn_rows *which;
    mn_row_each *each;
    void *user;
    int64_t after; /* the last record that was given */
    int page;      /* rows of the next one */
    int n, stop;   /* given; what `each` returned, 1: there were `most` */
} walk;

static int condition(mn_buf *sql, mn_pq_args *a, const char *column, const char *text) {
    if (!text) return 0;
    mn_pq_text(a, text);
    MN_TRY(mn_buf_printf(sql, " AND %s = $%d", column, a->n));
    return 0;
}

/* The question for a page. Indexes that leave out what has no session or kind are only used when
 * the question does, too. */
static int question(const walk *w, mn_buf *sql, mn_pq_args *a) {
    const mn_rows *const q = w->which;
    mn_pq_number(a, q->owner);
    MN_TRY(mn_buf_puts(sql, "SELECT " PG_FIELDS " FROM record WHERE owner = $1 AND of = 0"));
    if (q->id) {
        mn_pq_number(a, q->id);
        MN_TRY(mn_buf_printf(sql, " AND id = $%d", a->n));
    }
    if (w->after) {
        mn_pq_number(a, w->after);
        MN_TRY(mn_buf_printf(sql, " AND id %s $%d", q->newest ? "<" : ">", a->n));
    }
    MN_TRY(condition(sql, a, "agent", q->agent));
    MN_TRY(condition(sql, a, "run", q->run));
    MN_TRY(condition(sql, a, "session", q->session));
    if (q->session) MN_TRY(mn_buf_puts(sql, " AND session <> ''"));
    MN_TRY(condition(sql, a, "source", q->source));
    MN_TRY(condition(sql, a, "ref", q->ref));
    MN_TRY(condition(sql, a, "kind", q->kind));
    if (q->kind && *q->kind) MN_TRY(mn_buf_puts(sql, " AND kind <> ''"));
    return mn_buf_printf(sql, " ORDER BY id %sLIMIT %d", q->newest ? "DESC " : "", w->page);
}

static int ask(walk *w, pg_result **out) {
    mn_pq_args a = {.n = 0};
    mn_buf sql = {0};
    int rc = question(w, &sql, &a);
    if (rc >= 0) rc = mn_pg_ask(w->s, sql.data, &a, out);
    mn_buf_free(&sql);
    return rc;
}

/* What the records of a page were before, in the order of `of`. */
static int ask_former(walk *w, const pg_result *page, pg_result **out) {
    mn_pq_args a = {.n = 0};
    int64_t ids[LAST_PAGE];
    mn_buf list = {0};
    const int n = w->s->pq->ntuples(page);
    for (int i = 0; i < n; i++) ids[i] = number_at(w->s, page, i, 0);
    int rc = mn_pq_numbers(&a, ids, (size_t)n, &list);
    if (rc >= 0) rc = mn_pg_run(w->s, PG_FORMER, &a, "read", out);
    mn_buf_free(&list);
    return rc;
}

static void give(walk *w, const pg_result *r, int at) {
    if (w->stop) return;
    const mn_row row = mn_pg_row_of(w->s, r, at);
    w->stop = w->each(w->user, &row);
    if (++w->n == w->which->most && !w->stop) w->stop = 1;
}

/* Where the versions of record `id` begin; they are in the order of ids. */
static int first_of(const walk *w, const pg_result *former, int64_t id) {
    int from = 0, till = former ? w->s->pq->ntuples(former) : 0;
    while (from < till) {
        const int middle = from + (till - from) / 2;
        if (number_at(w->s, former, middle, 1) < id)
            from = middle + 1;
        else
            till = middle;
    }
    return from;
}

static void give_former(walk *w, const pg_result *former, int64_t id) {
    if (!former) return;
    for (int i = first_of(w, former, id); i < w->s->pq->ntuples(former) && !w->stop; i++) {
        if (number_at(w->s, former, i, 1) != id) return;
        give(w, former, i);
    }
}

static void give_page(walk *w, const pg_result *page, const pg_result *former) {
    size_t bytes = 0;
    const int n = w->s->pq->ntuples(page);
    for (int i = 0; i < n && !w->stop; i++) {
        const int64_t id = number_at(w->s, page, i, 0);
        if (w->which->versions == MN_BEFORE) give_former(w, former, id);
        give(w, page, i);
        if (w->which->versions != MN_BEFORE) give_former(w, former, id);
        bytes += bytes_at(w->s, page, i, 6);
        w->after = id;
    }
    if (n < w->page || w->which->id)
        w->page = 0; /* that was the last */
    else if (bytes < PAGE_BYTES && w->page < LAST_PAGE)
        w->page *= 2;
    else if (bytes > 2 * PAGE_BYTES && w->page > 1)
        w->page /= 2;
}

int mn_pg_rows(mn_store *base, const mn_rows *which, mn_row_each *each, void *user) {
    walk w = {.s = (postgres_store *)base,
              .which = which,
              .each = each,
              .user = user,
              .after = which->after,
              .page = FIRST_PAGE};
    if (which->most > 0 && which->most < w.page) w.page = (int)which->most;
    while (w.page && !w.stop) {
        pg_result *page = NULL, *former = NULL;
        MN_TRY(ask(&w, &page));
        const int rc = which->versions ? ask_former(&w, page, &former) : 0;
        if (rc >= 0) give_page(&w, page, former);
        w.s->pq->clear(page);
        if (former) w.s->pq->clear(former);
        MN_TRY(rc);
    }
    return w.stop && !(w.stop == 1 && w.n == which->most) ? w.stop : w.n;
}
