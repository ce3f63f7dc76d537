/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/store_postgres_links.c - a store in PostgreSQL: links between rows, and what organisers
 * have yet to see and have done.
 */
#include "agent/store_postgres.h"

#include <stdlib.h>

/* ---- links -------------------------------------------------------------------------------- */
int mn_pg_link(mn_store *base, int64_t owner, int64_t from, int64_t to, const char *what) {
    mn_pq_args a = {.n = 0};
    mn_pq_number(&a, owner);
    mn_pq_number(&a, from);
    mn_pq_number(&a, to);
    mn_pq_text(&a, what);
    return mn_pg_run((postgres_store *)base, PG_LINK, &a, "write to", NULL);
}

int mn_pg_unlink(mn_store *base, int64_t owner, int64_t from, int64_t to) {
    const int n =
        mn_pg_run_numbers((postgres_store *)base, PG_UNLINK, 3, (int64_t[]){owner, from, to});
    return n < 0 ? n : 0;
}

int mn_pg_links(mn_store *base, int64_t owner, int64_t id, int back, mn_link_each *each,
                void *user) {
    mn_pq_args a = {.n = 0};
    pg_walk w;
    mn_pq_number(&a, owner);
    mn_pq_number(&a, id);
    MN_TRY(mn_pg_walk((postgres_store *)base, back ? PG_LINKED : PG_LINKS, &a, &w));
    while (mn_pg_next(&w)) w.stop = each(user, number_of(&w, 0), text_of(&w, 1));
    return mn_pg_end_walk(&w);
}

/* ---- organisers --------------------------------------------------------------------------- */
int mn_pg_queue(mn_store *base, const char *organiser, int64_t owner, int64_t id) {
    mn_pq_args a = {.n = 0};
    mn_pq_text(&a, organiser);
    if (id) mn_pq_number(&a, owner);
    if (id) mn_pq_number(&a, id);
    return mn_pg_run((postgres_store *)base, id ? PG_QUEUE : PG_QUEUE_ALL, &a, "write to", NULL);
}

int mn_pg_queue_again(mn_store *base, int64_t id) {
    const int n = mn_pg_run_numbers((postgres_store *)base, PG_QUEUE_AGAIN, 1, &id);
    return n < 0 ? n : 0;
}

int mn_pg_queued(mn_store *base, const char *organiser, int64_t after, int64_t most,
                 int (*each)(void *user, int64_t id, int64_t owner), void *user) {
    mn_pq_args a = {.n = 0};
    pg_walk w;
    mn_pq_text(&a, organiser);
    mn_pq_number(&a, after);
    mn_pq_number(&a, most);
    MN_TRY(mn_pg_walk((postgres_store *)base, PG_QUEUED, &a, &w));
    while (mn_pg_next(&w)) w.stop = each(user, number_of(&w, 0), number_of(&w, 1));
    return mn_pg_end_walk(&w);
}

int mn_pg_done(mn_store *base, const char *organiser, int64_t id) {
    postgres_store *const s = (postgres_store *)base;
    mn_pq_args a = {.n = 0};
    pg_result *r = NULL;
    mn_pq_text(&a, organiser);
    mn_pq_number(&a, id);
    MN_TRY(mn_pg_run(s, PG_DONE, &a, "write to", &r));
    const int changed = atoi(s->pq->cmdTuples(r));
    s->pq->clear(r);
    return changed > 0;
}

int mn_pg_log(mn_store *base, int64_t owner, const mn_deed *d) {
    mn_pq_args a = {.n = 0};
    const int64_t number[] = {owner, d->at, d->id, d->other};
    for (int i = 0; i < 4; i++) mn_pq_number(&a, number[i]);
    mn_pq_text(&a, d->organiser);
    mn_pq_text(&a, d->op);
    return mn_pg_run((postgres_store *)base, PG_LOG, &a, "write to", NULL);
}

int mn_pg_logs(mn_store *base, int64_t owner, int64_t id,
               int (*each)(void *user, const mn_deed *deed), void *user) {
    mn_pq_args a = {.n = 0};
    pg_walk w;
    mn_pq_number(&a, owner);
    mn_pq_number(&a, id);
    MN_TRY(mn_pg_walk((postgres_store *)base, PG_LOGS, &a, &w));
    while (mn_pg_next(&w)) {
        const mn_deed deed = {.organiser = text_of(&w, 0),
                              .op = text_of(&w, 1),
                              .id = id,
                              .other = number_of(&w, 2),
                              .at = number_of(&w, 3)};
        w.stop = each(user, &deed);
    }
    return mn_pg_end_walk(&w);
}
